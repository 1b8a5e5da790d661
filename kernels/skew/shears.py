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
from typing import Any, Final, NamedTuple

import numpy as np
from numba import njit, types
from numpy.typing import NDArray

from kernels.buffers import Buffers
from kernels.raster import RasterError
from kernels.skew import fours
from kernels.vector import Emit, block

_LANES: Final = 64
_FEW_LANES: Final = 32
_LAID: Final = 32
_OVERRUN: Final = 4 * _LAID


class Strips(NamedTuple):
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
    fill(strips, copy)
    return copy


def pooled(strips: Strips, by: int, room: Room) -> Strips:
    """Return the means, rounded down, of 2 or 4 lines each; the lines left over are left out.

    Raises
    ------
    RasterError
        If as many items could pass 16 bits.
    """
    if by not in (2, 4) or strips.most * by > fours.MOST:
        raise RasterError(f"want 2 or 4 lines that fit 16 bits, got {by} of {strips.most}")
    small = room.strips(len(strips.items), strips.lines // by, strips.most)
    pool(strips, small, by)
    return small


def energies(
    strips: Strips, shears: NDArray[np.int64], bands: int, buffers: Buffers | None = None
) -> NDArray[np.int64]:
    """Return the energies, int64 (band, shear).

    Cost: adding up a quarter of all items once for each shear, where there are many. Twin:
    `page.cu`, equal by `==`.

    Parameters
    ----------
    strips
        With room for the shears.
    shears
        int64, in 1 / 65536 of a line.
    bands
        Into how many the lines are divided.
    buffers
        Of the worker. None: new ones.

    Raises
    ------
    RasterError
        If a shear is steeper than there are zeros for.
    """
    out = np.zeros((bands, len(shears)), np.int64)
    widest = add_energies(strips, shears, sums_of(strips, buffers or Buffers()), out)
    if widest > strips.pad - _OVERRUN:
        raise RasterError(f"sheared by {widest} lines, with room for {strips.pad - _OVERRUN}")
    return out


def sums_of(strips: Strips, buffers: Buffers) -> tuple[NDArray[np.uint16], NDArray[np.uint16]]:
    """Return the room that sums of strips take, of pairs and of fours."""
    count, pitch = strips.items.shape
    return (
        buffers.take("shears.pairs", (fours.ROWS_OF_PAIRS, pitch), np.uint16),
        buffers.take("shears.fours", (fours.ROWS_OF_FOURS * count, pitch), np.uint16),
    )


@njit(nogil=True, cache=True)
def add_energies(strips, shears, sums, out):  # type: ignore[no-untyped-def]
    """Add the energies to `out`, int64 (band, shear), and return the widest offset.

    Where that is wider than there are zeros for, nothing is added. `sums`: see `sums_of`.
    """
    row = np.empty((strips.items.shape[0], shears.size), np.int64)
    start = np.empty_like(row)
    widest = _place(strips, shears, row, start)
    if widest <= strips.pad - _OVERRUN:
        laid = fours.add_fours((strips.items, row, start, strips.most), strips.lines, sums)
        _measure(laid, strips.lines, out)
    return widest


@njit(nogil=True, cache=True)
def _place(strips, shears, row, start):  # type: ignore[no-untyped-def]
    """Write where line 0 of the profile lies in each strip; return the widest offset."""
    pad, lines, count = strips.pad, strips.lines, row.shape[0]
    widest = 0
    for k in range(count):
        for t in range(shears.size):
            offset = (shears[t] * (2 * k - (count - 1)) + 65_536) >> 17
            offset = min(max(offset, -lines), lines)  # further away there is nothing either
            widest = max(widest, abs(offset))
            row[k, t], start[k, t] = k, pad + offset
    return widest


@njit(nogil=True, cache=True)
def _measure(laid, lines, out):  # type: ignore[no-untyped-def]
    items, row, start, most = laid
    bands, shears = out.shape
    count = row.shape[0]
    together = fours.MOST // most
    groups = count // together, together, count % together
    places = np.empty(shears * count, np.int64)
    for t in range(shears):
        for k in range(count):
            places[t * count + k] = row[k, t] * items.shape[1] + start[k, t]
    flat = items.reshape(-1)
    for band in range(bands):
        y, end = (lines - 1) * band // bands, (lines - 1) * (band + 1) // bands
        while y < end:
            jumps = min(end - y, _LANES - 1)
            for t in range(shears):
                if jumps < _FEW_LANES:
                    out[band, t] += _few_jumps(flat, (places, t * count), groups, y, jumps)
                else:
                    out[band, t] += _jumps(flat, (places, t * count), groups, y, jumps)
            y += jumps


@block(types.int64)
def _jumps(e: Emit, items: Any, places: Any, groups: Any, y: Any, jumps: Any) -> Any:
    return _energy(e, items, places, groups, (y, jumps), _LANES)


@block(types.int64)
def _few_jumps(e: Emit, items: Any, places: Any, groups: Any, y: Any, jumps: Any) -> Any:
    return _energy(e, items, places, groups, (y, jumps), _FEW_LANES)


def _energy(e: Emit, items: Any, places: Any, groups: Any, tile: Any, lanes: int) -> Any:
    """Sum the squared jumps of a tile of the profile: from a line on, so many."""
    place, first = places
    full, together, rest = groups
    y, jumps = tile

    def some(start: Any, times: Any) -> Any:
        def one(k: Any, total: Any) -> Any:
            line = e.plus(e.item(place, e.plus(start, k)), y)
            return e.add(total, e.load(items, line, lanes))

        return e.widen(e.repeat(times, one, e.all(0, 16, lanes)), 32)

    def group(turn: Any, total: Any) -> Any:
        return e.add(total, some(e.plus(first, e.mul(turn, together)), together))

    profile = e.repeat(full, group, e.all(0, 32, lanes))
    profile = e.add(profile, some(e.plus(first, e.mul(full, together)), rest))
    after = e.pick(profile, [*range(1, lanes), lanes - 1])
    jump = e.sub(e.most(profile, after), e.least(profile, after))
    counts = e.below(e.steps(32, lanes), e.all(jumps, 32, lanes))
    pairs_of = e.lanes(e.bits(e.choose(counts, jump, 0)), 64)
    even, odd = e.both(pairs_of, 0xFFFF_FFFF), e.down(pairs_of, 32)
    return e.total(e.add(e.mul(even, even), e.mul(odd, odd)), 64)


@njit(nogil=True, cache=True)
def fill(strips, out):  # type: ignore[no-untyped-def]
    """Copy uint16 strips (count, lines) into padded ones."""
    pad, lines, pitch = out.pad, out.lines, out.items.shape[1]
    source, target = strips.reshape(-1), out.items.reshape(-1)
    blocks = lines - lines % _LAID
    for k in range(strips.shape[0]):
        start, first = k * lines, k * pitch + pad
        _clear(target, k * pitch, first)
        for y in range(0, blocks, _LAID):
            _copy_block(source, start + y, target, first + y)
        for y in range(blocks, lines):
            target[first + y] = source[start + y]
        _clear(target, first + lines, (k + 1) * pitch)


@njit(nogil=True, cache=True)
def pool(strips, small, by):  # type: ignore[no-untyped-def]
    """Write the means of 2 or 4 lines each into padded strips."""
    pitch, to, lines = small.items.shape[1], small.pad, small.lines
    source, target = strips.items.reshape(-1), small.items.reshape(-1)
    for k in range(small.items.shape[0]):
        start, out = k * strips.items.shape[1] + strips.pad, k * pitch + to
        _clear(target, k * pitch, out)
        for y in range(0, lines, _LAID):
            if by == 2:
                _pool_by_2(source, start + 2 * y, target, out + y)
            else:
                _pool_by_4(source, start + 4 * y, target, out + y)
        _clear(target, out + lines, (k + 1) * pitch)


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
