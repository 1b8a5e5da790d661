"""Streaks of dirty glass on an ink map: thin lines that run through the whole image.

Rule 1: a line with gaps, a line that ends, and columns of print are no streaks.
"""

from typing import Any, Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

from kernels.blank.ink import InkMap
from kernels.buffers import Buffers
from kernels.vector import Emit, block

_SHEARS: Final = 25
_WIDE_MM: Final = 0.9
_MASKED_MM: Final = 0.75
_STRIP_PX: Final = 32
_LEAST_STRIPS: Final = 12
_LANES: Final = 32


def exclude(
    page: InkMap, bed: NDArray[np.uint8], mask: NDArray[np.uint8], buffers: Buffers
) -> tuple[int, ...]:
    """Write 255 into `mask` where streaks are; return their columns at half height.

    Cost: about 0.3 ms for an empty A4 face. `bed` and `mask` have slack after their ends.
    """
    height, width = page.ink.shape
    lines = (
        buffers.take("streaks.most", (width + _LANES,)),
        buffers.take("streaks.hidden", (width + _LANES,)),
    )
    most = np.empty((height // _STRIP_PX, width), np.uint8)
    hidden = np.empty(most.shape, np.bool_)
    _strips((page.ink.reshape(-1), bed.reshape(-1)), width, lines, (most, hidden))
    found: dict[int, int] = {}
    for level in (page.threshold, 2 * page.threshold):
        # On show-through a streak is seen among what is darker.
        strips = (most >= level).astype(np.uint8) | (hidden.astype(np.uint8) << 1)
        for column, shear in _streaks(strips, max(int(page.px(_WIDE_MM)), 2)):
            if all(abs(column - other) > 2 for other in found):
                found[column] = shear
    for column, shear in found.items():
        _mask_streak(mask, column, shear, max(int(page.px(_MASKED_MM)), 2))
    return tuple(sorted(found))


@njit(nogil=True, cache=True)
def _strips(planes, width, lines, out):  # type: ignore[no-untyped-def]
    """Write per strip and column the most ink, and whether the bed hides the paper."""
    ink, bed = planes
    most, hidden = lines
    for s in range(out[0].shape[0]):
        most[:] = 0
        hidden[:] = 0
        for y in range(s * _STRIP_PX, (s + 1) * _STRIP_PX):
            for x in range(0, width, _LANES):
                _keep(ink, y * width + x, most, x)
                _keep(bed, y * width + x, hidden, x)
        for x in range(width):
            out[0][s, x] = most[x]
            out[1][s, x] = hidden[x] > 0


@block()
def _keep(e: Emit, plane: Any, i: Any, line: Any, x: Any) -> None:
    e.store(e.most(e.load(line, x, _LANES), e.load(plane, i, _LANES)), line, x)


@njit(nogil=True, cache=True)
def _inked_strips(strips: Any, column: int, shear: int) -> tuple[int, int]:
    """Count the strips with ink along a nearly vertical line, and those that could have some."""
    count, width = strips.shape
    inked = 0
    open_ = 0
    for s in range(count):
        x = column + (shear * (2 * s - count + 1)) // (2 * count)
        if x < 0 or x >= width or strips[s, x] & 2:
            continue
        open_ += 1
        left = strips[s, x - 1] & 1 if x > 0 else 0
        right = strips[s, x + 1] & 1 if x + 1 < width else 0
        if strips[s, x] & 1 or left or right:
            inked += 1
    return inked, open_


@njit(nogil=True, cache=True)
def _may_have_streaks(strips: Any) -> Any:
    """Return which columns have, in nearly all strips, ink as near as a sheared line comes."""
    count, width = strips.shape
    reach = _SHEARS // 4 + 2
    inked = np.zeros(width, np.int64)
    for s in range(count):
        last = -reach - 1
        for x in range(min(reach, width)):
            if strips[s, x] & 1:
                last = x
        for x in range(width):
            if x + reach < width and strips[s, x + reach] & 1:
                last = x + reach
            if last >= x - reach:
                inked[x] += 1
    return 64 * inked >= 45 * count  # 15 in 16 of the three quarters that are open


@njit(nogil=True, cache=True)
def _streaks(strips: Any, wide: int) -> list[tuple[int, int]]:
    """Find lines with ink in all strips (one in 16 may fail) and none in most on either side."""
    count, width = strips.shape
    found = [(0, 0)]
    likely = _may_have_streaks(strips)
    # In a few strips, fibres and noise may lie on one line by chance.
    x = wide + 2 if count >= _LEAST_STRIPS else width
    while x < width - wide - 2:
        best = 0
        best_shear = 0
        for k in range(_SHEARS if likely[x] else 0):
            shear = k - _SHEARS // 2
            inked, open_ = _inked_strips(strips, x, shear)
            full = 4 * open_ >= 3 * count and 16 * inked >= 15 * open_
            if full and inked > best:
                left, left_open = _inked_strips(strips, x - wide - 1, shear)
                right, right_open = _inked_strips(strips, x + wide + 1, shear)
                if 3 * left < left_open and 3 * right < right_open:
                    best = inked
                    best_shear = shear
        if best:
            found.append((x, best_shear))
            x += wide
        x += 1
    return found[1:]


@njit(nogil=True, cache=True)
def _mask_streak(mask: Any, column: int, shear: int, reach: int) -> None:
    height, width = mask.shape
    for y in range(height):
        x = column + (shear * (2 * y - height)) // (2 * height)
        for k in range(max(x - reach, 0), min(x + reach + 1, width)):
            mask[y, k] = 255
