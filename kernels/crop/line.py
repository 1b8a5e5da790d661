"""One straight line through where the bed ends: what most rows agree on, seen from outside.

Rule 1: it is turned as the content is. A torn or folded corner, a punched hole or dirt may take
some points, never most of them.
"""

import math
from typing import Any, Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

AGREE_DEG: Final = 0.35
LEAST_POINTS: Final = 12
_SLOPES: Final = 15


@njit(nogil=True, cache=True)
def voted(rows: Any, ends: Any, slopes: Any, width: float) -> tuple[int, float, float]:
    """Return votes, offset and slope of the outermost line that many points lie near.

    For each slope points are counted by their offset, in pairs of bins; the outermost pair with
    0.6 of the most votes is meant. The slope whose best pair has most wins, the first of equals.

    Parameters
    ----------
    rows, ends
        int64 and int32, the points: depth by row.
    slopes
        float64.
    width
        Of a bin.
    """
    steepest = max(abs(slopes[0]), abs(slopes[-1]))
    reach = int(steepest * rows[-1] / width) + 2
    counts = np.zeros(int(ends.max() / width) + 2 * reach + 3, np.int32)
    best = 0
    best_offset = 0.0
    best_slope = 0.0
    for k in range(slopes.size):
        counts[:] = 0
        for i in range(rows.size):
            counts[int(np.floor((ends[i] - slopes[k] * rows[i]) / width)) + reach] += 1
        most = 0
        for i in range(counts.size - 1):
            most = max(most, counts[i] + counts[i + 1])
        if most > best:
            place = 0
            while 10 * (counts[place] + counts[place + 1]) < 6 * most:
                place += 1
            best = most
            best_offset = (place + 1 - reach) * width
            best_slope = slopes[k]
    return best, best_offset, best_slope


@njit(nogil=True, cache=True)
def drawn(rows: Any, ends: Any, line: Any, reach: float) -> tuple[int, float, float]:
    """Return how many points lie within `reach` of a line, and the line of least squares of them.

    Parameters
    ----------
    rows, ends
        int64 and int32, the points.
    line
        Offset and slope.
    """
    count = 0
    middle_row = 0.0
    middle_end = 0.0
    for i in range(rows.size):
        if abs(ends[i] - line[0] - line[1] * rows[i]) <= reach:
            count += 1
            middle_row += rows[i]
            middle_end += ends[i]
    if count < 2:
        return count, line[0], line[1]
    middle_row /= count
    middle_end /= count
    both = 0.0
    square = 0.0
    for i in range(rows.size):
        if abs(ends[i] - line[0] - line[1] * rows[i]) <= reach:
            both += (rows[i] - middle_row) * (ends[i] - middle_end)
            square += (rows[i] - middle_row) * (rows[i] - middle_row)
    slope = both / max(square, 1.0)
    return count, middle_end - slope * middle_row, slope


def fitted(
    rows: NDArray[np.int64], ends: NDArray[np.int32], slope: float, near_px: float
) -> tuple[float, float] | None:
    """Return offset and slope of the outermost line that many points agree on, or None.

    Parameters
    ----------
    rows, ends
        The points: depth by row.
    slope
        Of the content; the line's may differ by `AGREE_DEG`.
    near_px
        How far a point may lie off.
    """
    turn, reach = math.atan(slope), math.radians(AGREE_DEG)
    slopes = np.array(
        [math.tan(turn + reach * (2 * k / (_SLOPES - 1) - 1)) for k in range(_SLOPES)]
    )
    width = max(near_px, 1.0)
    count, offset, fitted = voted(rows, ends, slopes, width)
    for reach_px in (2 * width, 1.5 * width):
        if count < LEAST_POINTS:
            return None
        count, offset, fitted = drawn(rows, ends, (offset, fitted), reach_px)
    turned = math.degrees(abs(math.atan(fitted) - turn))
    good = count >= LEAST_POINTS and turned <= AGREE_DEG
    return (offset, fitted) if good else None
