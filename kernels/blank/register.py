"""Where the ink of one plane lies on that of another: by the shift at which both agree most.

Rule 1: integers throughout; sums of products are exact, so every processor finds the same shift.
Rule 2: rows are padded with zeros to whole blocks of 32, so that overrun adds nothing.
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numba import njit, types
from numpy.typing import NDArray

from kernels.buffers import Buffers
from kernels.vector import Emit, block

_LANES: Final = 32
_LEVELS: Final = 3
TILE_PX: Final = 192
"""Side of the squares that are found one by one, a multiple of 32."""


@dataclass(frozen=True, slots=True)
class Near:
    """A plane that is looked for, at one scale.

    Attributes
    ----------
    ink
        uint8 (h, stride): 0 where there is nothing to compare, and from the width on.
    valid
        uint8, the same shape: 255 where the plane is compared, 0 elsewhere.
    """

    ink: NDArray[np.uint8]
    valid: NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Far:
    """A plane that is looked in, at one scale: uint8 (h + 2 margin, w + 2 margin), 0 around."""

    ink: NDArray[np.uint8]
    margin_px: int


@dataclass(frozen=True, slots=True)
class Agreement:
    """How well two planes agree: correlation, and how much of `Far` shows in `Near`."""

    correlation: float
    share: float


def halved(plane: NDArray[np.uint8], name: str, buffers: Buffers) -> NDArray[np.uint8]:
    """Return means of two by two, rounded up."""
    out = buffers.take(name, (plane.shape[0] // 2, plane.shape[1] // 2))
    _halve(plane.reshape(-1), plane.shape[1], out.reshape(-1), out.shape[1])
    return out


def near(
    ink: NDArray[np.uint8], excluded: NDArray[np.uint8], name: str, buffers: Buffers
) -> tuple[Near, ...]:
    """Return a plane at full, half and quarter scale, for the looking."""
    height, width = ink.shape
    stride = -(-width // (4 * _LANES)) * 4 * _LANES
    valid = buffers.zeros(f"{name}.valid", (height, stride))
    np.equal(excluded, 0, out=valid[:, :width].view(np.bool_))
    valid *= np.uint8(255)
    padded = buffers.zeros(f"{name}.ink", (height, stride))
    np.bitwise_and(ink, valid[:, :width], out=padded[:, :width])
    scales = [Near(padded, valid)]
    for k in range(1, _LEVELS):
        finer = scales[-1]
        coarse = halved(finer.valid, f"{name}.valid{k}", buffers)
        coarse[:] = np.where(coarse == 255, np.uint8(255), np.uint8(0))
        seen = halved(finer.ink, f"{name}.ink{k}", buffers)
        np.bitwise_and(seen, coarse, out=seen)
        scales.append(Near(seen, coarse))
    return tuple(scales)


def far(plane: NDArray[np.uint8], margin_px: int, name: str, buffers: Buffers) -> tuple[Far, ...]:
    """Return a plane with its margin (a multiple of 4) at full, half and quarter scale."""
    scales = [Far(plane, margin_px)]
    for k in range(1, _LEVELS):
        coarse = halved(scales[-1].ink, f"{name}.{k}", buffers)
        scales.append(Far(coarse, margin_px >> k))
    return tuple(scales)


def shift(found: tuple[Near, ...], within: tuple[Far, ...], reach_px: int) -> tuple[int, int]:
    """Return down and right: where `found` agrees most with `within` moved by so much.

    Looks everywhere within `reach_px` at a quarter of the scale, and then closer.
    """
    coarse = _best(found[2], within[2], (0, 0), (-(-reach_px // 4), 1))
    middle = _best(found[1], within[1], (2 * coarse[0], 2 * coarse[1]), (1, 1))
    return _best(found[0], within[0], (2 * middle[0], 2 * middle[1]), (1, 2))


def tile_shifts(one: Near, other: Far, start: tuple[int, int], reach_px: int) -> NDArray[np.int64]:
    """Return the best shift of every square of `TILE_PX`, (rows, columns, 2), near `start`."""
    height, stride = one.ink.shape
    rows, columns = -(-height // TILE_PX), -(-stride // TILE_PX)
    out = np.empty((rows, columns, 2), np.int64)
    for i in range(rows):
        for j in range(columns):
            box = (
                i * TILE_PX,
                min((i + 1) * TILE_PX, height),
                j * TILE_PX,
                min((j + 1) * TILE_PX, stride),
            )
            out[i, j] = _search((one.ink, other.ink, other.margin_px), box, start, (reach_px, 2))
    return out


def agreement(one: Near, other: Far, at: tuple[int, int]) -> Agreement:
    """Return how well two planes agree at a shift."""
    count, ink, squares, far_ink, far_squares, both = (
        float(v) for v in _sums((one.ink, one.valid, other.ink), other.margin_px, at)
    )
    if not count:
        return Agreement(0.0, 0.0)
    shared = both - ink * far_ink / count
    here, there = squares - ink * ink / count, far_squares - far_ink * far_ink / count
    if here <= 0 or there <= 0:
        return Agreement(0.0, 0.0)
    return Agreement(shared / (here * there) ** 0.5, shared / there)


def _best(one: Near, other: Far, start: tuple[int, int], how: tuple[int, int]) -> tuple[int, int]:
    """Look within `how[0]` of `start`, on every `how[1]`-th row."""
    box = 0, one.ink.shape[0], 0, one.ink.shape[1]
    down, right = _search((one.ink, other.ink, other.margin_px), box, start, how)
    return int(down), int(right)


@njit(nogil=True, cache=True)
def _search(planes, box, start, how):  # type: ignore[no-untyped-def]
    """Return the shift of most agreement; of equal ones the nearest to `start`."""
    one, other, margin = planes
    reach, step = how
    best, best_far = np.int64(-1), 0
    down, right = start
    for dy in range(start[0] - reach, start[0] + reach + 1):
        for dx in range(start[1] - reach, start[1] + reach + 1):
            total = _agree(
                (one.reshape(-1), other.reshape(-1)),
                (one.shape[1], other.shape[1]),
                box,
                (margin - dy, margin - dx, step),
            )
            far = abs(dy - start[0]) + abs(dx - start[1])
            if total > best or (total == best and far < best_far):
                best, best_far = total, far
                down, right = dy, dx
    return down, right


@njit(nogil=True, cache=True)
def _agree(planes, strides, box, place):  # type: ignore[no-untyped-def]
    """Sum the products in a box of the first plane; the second is read `place` further on."""
    one, other = planes
    top, bottom, left, right = box
    total = np.int64(0)
    for y in range(top, bottom, place[2]):
        beside = (y + place[0]) * strides[1] + place[1]
        for x in range(left, right, _LANES):
            total += _product(one, y * strides[0] + x, other, beside + x)
    return total


@njit(nogil=True, cache=True)
def _sums(planes, margin, at):  # type: ignore[no-untyped-def]
    """Return how many pixels are valid, and the sums of both planes, squares and products."""
    ink, valid, other = planes
    stride = ink.shape[1]
    one, open_, two = ink.reshape(-1), valid.reshape(-1), other.reshape(-1)
    totals = np.zeros(6, np.int64)
    for y in range(ink.shape[0]):
        beside = (y + margin - at[0]) * other.shape[1] + margin - at[1]
        for x in range(0, stride, _LANES):
            i, j = y * stride + x, beside + x
            totals[0] += _total(open_, i) // 255
            totals[1] += _total(one, i)
            totals[2] += _product(one, i, one, i)
            totals[3] += _valid_total(open_, i, two, j)
            totals[4] += _valid_squares(open_, i, two, j)
            totals[5] += _product(one, i, two, j)
    return totals


@block(types.int64)
def _product(e: Emit, one: Any, i: Any, other: Any, j: Any) -> Any:
    a, b = (e.widen(e.load(plane, k, _LANES), 16) for plane, k in ((one, i), (other, j)))
    return e.number(e.total(e.mul(a, b), 32), 64)


@block(types.int64)
def _total(e: Emit, plane: Any, i: Any) -> Any:
    return e.number(e.total(e.load(plane, i, _LANES), 16), 64)


@block(types.int64)
def _valid_total(e: Emit, valid: Any, i: Any, plane: Any, j: Any) -> Any:
    shown = e.both(e.load(plane, j, _LANES), e.load(valid, i, _LANES))
    return e.number(e.total(shown, 16), 64)


@block(types.int64)
def _valid_squares(e: Emit, valid: Any, i: Any, plane: Any, j: Any) -> Any:
    shown = e.widen(e.both(e.load(plane, j, _LANES), e.load(valid, i, _LANES)), 16)
    return e.number(e.total(e.mul(shown, shown), 32), 64)


@njit(nogil=True, cache=True)
def _halve(plane, width, out, columns):  # type: ignore[no-untyped-def]
    for y in range(out.size // columns):
        for x in range(0, columns, _LANES):
            _halve_block(plane, (2 * y * width + 2 * x, width), out, y * columns + x)


@block()
def _halve_block(e: Emit, plane: Any, place: Any, out: Any, at: Any) -> None:
    start, pitch = place
    rows = [e.load(plane, i, 2 * _LANES) for i in (start, e.plus(start, pitch))]
    four = [e.widen(e.every(row, 2, k), 16) for row in rows for k in (0, 1)]
    total = e.add(e.add(four[0], four[1]), e.add(four[2], four[3]))
    e.store(e.narrow(e.down(e.add(total, 2), 2), 8), out, at)
