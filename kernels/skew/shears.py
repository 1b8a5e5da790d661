"""How much ink jumps from line to line when the strips of a page are sheared against each other.

Definition, for `count` strips of `lines` items and a shear s in 1 / 65536 of a line::

    offset(k) = (s (2 k - (count - 1)) + 65536) >> 17
    profile(y) = sum over k of strip(k, y + offset(k)), which is 0 outside of the strip
    energy of a band = sum of (profile(y + 1) - profile(y))^2 over its jumps y
    band b of n has the jumps from (lines - 1) b // n up to (lines - 1) (b + 1) // n

Rule 1: every number is an exact integer. A profile fits 32 bits (65,535 px of ink of 96 each), an
energy 63; in 16 bits only so many strips are added as cannot pass them.
Rule 2: a tile of lines is taken under all shears before the next, so that the strips are read from
the nearest cache.
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numba import njit, types
from numpy.typing import NDArray

from kernels.buffers import Buffers
from kernels.raster import RasterError
from kernels.vector import Emit, block

_LANES: Final = 64
_JUMPS: Final = _LANES - 1
_LAID: Final = 32
_OVERRUN: Final = 4 * _LAID
_LONGEST: Final = 65_535


@dataclass(frozen=True, slots=True)
class Strips:
    """Strips with zeros before and after each, as far as a shear may reach.

    Attributes
    ----------
    items
        uint16 (count, pad + lines + pad).
    lines
        How long a strip is.
    pad
        How many zeros are before and after it.
    most
        The most an item can be, 1 to 65,535.
    """

    items: NDArray[np.uint16]
    lines: int
    pad: int
    most: int

    @property
    def count(self) -> int:
        """How many strips."""
        return int(self.items.shape[0])

    @property
    def inner(self) -> NDArray[np.uint16]:
        """The strips without their zeros: (count, lines)."""
        return self.items[:, self.pad : self.pad + self.lines]


@dataclass(frozen=True, slots=True)
class Room:
    """Where padded strips go: a name in the worker's buffers, and the largest shear to come.

    Attributes
    ----------
    buffers, name
        As in `Buffers.take`.
    steepest
        In 1 / 65536 of a line, not below 0.
    """

    buffers: Buffers
    name: str
    steepest: int

    def strips(self, count: int, lines: int, most: int) -> Strips:
        """Return strips of which nothing is filled yet, not even the zeros."""
        reach = min(lines, (self.steepest * count >> 17) + 1)
        pad = reach + _OVERRUN
        items = self.buffers.take(self.name, (count, pad + lines + pad), np.uint16)
        return Strips(items, lines, pad, most)


def padded(strips: NDArray[np.uint16], most: int, room: Room) -> Strips:
    """Copy uint16 strips (count, lines), of items up to `most`, so that they may be sheared."""
    count, lines = strips.shape
    copy = room.strips(count, lines, most)
    _copy(strips, copy.items, copy.pad)
    return copy


def pooled(strips: Strips, by: int, room: Room) -> Strips:
    """Return the means, rounded down, of 2 or 4 lines each; the lines left over are left out.

    Raises
    ------
    RasterError
        If as many items could pass 16 bits.
    """
    if by not in (2, 4) or strips.most * by > _LONGEST:
        raise RasterError(f"want 2 or 4 lines that fit 16 bits, got {by} of {strips.most}")
    small = room.strips(strips.count, strips.lines // by, strips.most)
    _pool(strips.items, small.items, (strips.pad, small.pad, small.lines), by)
    return small


def energies(strips: Strips, shears: NDArray[np.int64], bands: int) -> NDArray[np.int64]:
    """Return the energies, int64 (band, shear).

    Cost: adding up all items once for each shear. Twin: `page.cu`, equal by `==`.

    Parameters
    ----------
    strips
        With room for the shears.
    shears
        int64, in 1 / 65536 of a line.
    bands
        Into how many the lines are divided.

    Raises
    ------
    RasterError
        If a shear is steeper than there are zeros for.
    """
    out = np.zeros((bands, len(shears)), np.int64)
    places = np.empty((len(shears), strips.count), np.int64)
    widest = _place(shears, strips.items.shape[1], strips.pad, strips.lines, places)
    if widest > strips.pad - _OVERRUN:
        raise RasterError(f"sheared by {widest} lines, with room for {strips.pad - _OVERRUN}")
    together = _LONGEST // strips.most
    groups = strips.count // together, together, strips.count % together
    _measure(strips.items.reshape(-1), places, strips.lines, groups, out)
    return out


@njit(nogil=True, cache=True)
def _place(shears, pitch, pad, lines, places):  # type: ignore[no-untyped-def]
    """Write where line 0 of the profile lies in each strip; return the widest offset."""
    count = places.shape[1]
    widest = 0
    for t in range(shears.size):
        for k in range(count):
            offset = (shears[t] * (2 * k - (count - 1)) + 65_536) >> 17
            offset = min(max(offset, -lines), lines)  # further away there is nothing either
            widest = max(widest, abs(offset))
            places[t, k] = k * pitch + pad + offset
    return widest


@njit(nogil=True, cache=True)
def _measure(items, places, lines, groups, out):  # type: ignore[no-untyped-def]
    shears, count = places.shape
    bands = out.shape[0]
    flat = places.reshape(-1)
    jumps = np.zeros((shears + 1) * _LANES, np.uint32)
    band = 0
    for y in range(0, lines - 1, _JUMPS):
        end = min(y + _JUMPS, lines - 1)
        for t in range(shears):
            _jump_block(items, (flat, t * count), groups, y, (jumps, t * _LANES))
        while band < bands:
            first, last = (lines - 1) * band // bands, (lines - 1) * (band + 1) // bands
            start, length = max(first, y) - y, min(last, end) - max(first, y)
            for t in range(shears if length > 0 else 0):
                out[band, t] += _square_block(jumps, t * _LANES + start, length)
            if last > end:
                break
            band += 1


@block()
def _jump_block(e: Emit, items: Any, places: Any, groups: Any, y: Any, out: Any) -> None:
    """Write by how much a tile of the profile jumps from each line to the next."""
    place, first = places
    full, together, rest = groups

    def some(start: Any, times: Any) -> Any:
        def one(k: Any, total: Any) -> Any:
            line = e.plus(e.item(place, e.plus(start, k)), y)
            return e.add(total, e.load(items, line, _LANES))

        return e.widen(e.repeat(times, one, e.all(0, 16, _LANES)), 32)

    def group(turn: Any, total: Any) -> Any:
        return e.add(total, some(e.plus(first, e.mul(turn, together)), together))

    profile = e.repeat(full, group, e.all(0, 32, _LANES))
    profile = e.add(profile, some(e.plus(first, e.mul(full, together)), rest))
    after = e.pick(profile, [*range(1, _LANES), _JUMPS])
    e.store(e.sub(e.most(profile, after), e.least(profile, after)), *out)


@block(types.int64)
def _square_block(e: Emit, jumps: Any, start: Any, length: Any) -> Any:
    """Sum the squares of so many jumps."""
    counts = e.below(e.steps(32, _LANES), e.all(length, 32, _LANES))
    wide = e.widen(e.choose(counts, e.load(jumps, start, _LANES), 0), 64)
    return e.total(e.mul(wide, wide), 64)


@njit(nogil=True, cache=True)
def _copy(strips, items, pad):  # type: ignore[no-untyped-def]
    lines, pitch = strips.shape[1], items.shape[1]
    source, target = strips.reshape(-1), items.reshape(-1)
    blocks = lines - lines % _LAID
    for k in range(strips.shape[0]):
        start, out = k * lines, k * pitch + pad
        _clear(target, k * pitch, out)
        for y in range(0, blocks, _LAID):
            _copy_block(source, start + y, target, out + y)
        for y in range(blocks, lines):
            target[out + y] = source[start + y]
        _clear(target, out + lines, (k + 1) * pitch)


@njit(nogil=True, cache=True)
def _pool(items, small, place, by):  # type: ignore[no-untyped-def]
    pad, to, lines = place
    source, target = items.reshape(-1), small.reshape(-1)
    for k in range(small.shape[0]):
        start, out = k * items.shape[1] + pad, k * small.shape[1] + to
        _clear(target, k * small.shape[1], out)
        for y in range(0, lines, _LAID):
            if by == 2:
                _pool_by_2(source, start + 2 * y, target, out + y)
            else:
                _pool_by_4(source, start + 4 * y, target, out + y)
        _clear(target, out + lines, (k + 1) * small.shape[1])


@njit(nogil=True, cache=True)
def _clear(items, start, end):  # type: ignore[no-untyped-def]
    """Write zeros, and some after the end: there is filled next, or slack."""
    for i in range(start, end, _LAID):
        _clear_block(items, i)


@block()
def _clear_block(e: Emit, items: Any, i: Any) -> None:
    e.store(e.all(0, 16, _LAID), items, i)


@block()
def _copy_block(e: Emit, source: Any, i: Any, target: Any, out: Any) -> None:
    e.store(e.load(source, i, _LAID), target, out)


@block()
def _pool_by_2(e: Emit, items: Any, i: Any, small: Any, out: Any) -> None:
    e.store(e.down(_pairs(e, e.load(items, i, 2 * _LAID)), 1), small, out)


@block()
def _pool_by_4(e: Emit, items: Any, i: Any, small: Any, out: Any) -> None:
    e.store(e.down(_pairs(e, _pairs(e, e.load(items, i, 4 * _LAID))), 2), small, out)


def _pairs(e: Emit, items: Any) -> Any:
    return e.add(e.every(items, 2), e.every(items, 2, 1))
