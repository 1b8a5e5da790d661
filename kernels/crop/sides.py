"""Where the sheet ends and the bed begins: one straight line a side, or nothing.

Rule 1: `bed` says how far the bed goes in each row, `line` what most rows agree on.
Rule 2: a side with no bed has no edge: there the border of the image is the end of the sheet.

Works on the half-scale luma, in integers up to where the bed ends in each row; the line is fitted
in IEEE double. A side is looked at as the left one: `rows` run along it, `depth` is inwards.
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

from kernels.crop.bed import Bed, bed_ends
from kernels.crop.line import fitted
from kernels.crop.views import View

_RUN_MM: Final = 0.8
ROW_MM: Final = 0.7
_NO_BED_MM: Final = 0.4
_ACROSS: Final = 0.95
_LEAST_ROWS: Final = 24
_BARE_SHARE: Final = 0.15
_NEAR_MM: Final = 0.35
_INSIDE_MM: Final = (2.5, 4.5)
_LEDGE_MM: Final = 30.0
_STEP_MM: Final = 1.0
_STEP: Final = 1.5
_MOSTLY: Final = 0.8


@dataclass(frozen=True, slots=True)
class Edge:
    """An edge as seen from its side, in half-scale samples.

    Attributes
    ----------
    offset, slope
        Depth at row 0, and change per row.
    at, ends
        The rows looked at, and the depth of the bed in each.
    inside
        Level of the sheet next to the edge.
    ledge
        How far in front of it the bed already changes, by too little for a single row to tell.
    """

    offset: float
    slope: float
    at: NDArray[np.int64]
    ends: NDArray[np.int32]
    inside: int
    ledge: float


def edge(view: View, bed: Bed, slope: float, px_per_mm: float) -> tuple[bool, Edge | None]:
    """Look for the sheet's edge on one side.

    Parameters
    ----------
    slope
        Of the content: the edge may differ by `line.AGREE_DEG`.
    px_per_mm
        Of the half-scale luma.

    Returns
    -------
    (True, None) is no bed on this side, (False, None) a bed without a good edge.
    """
    at, ends = view.at, np.empty(view.at.size, np.int32)
    run = max(round(_RUN_MM * px_per_mm), 3)
    bed_ends(view.flat, view.place, (bed.level, bed.tolerance), run, ends)
    points = np.empty(at.size, np.int64), np.empty(at.size, np.int32)
    limits = max(_NO_BED_MM * px_per_mm, 2.0), view.depth * _ACROSS
    rows, count = met(at, ends, limits, points)
    if rows < _LEAST_ROWS:
        return False, None
    if count < max(_LEAST_ROWS, _BARE_SHARE * rows):
        return True, None
    line = fitted(points[0][:count], points[1][:count], slope, _NEAR_MM * px_per_mm)
    if line is None:
        return False, None
    inside = _inside(view, line, ends, px_per_mm)
    if inside is None:
        return False, None
    return True, Edge(*line, at, ends, inside, _ledge(view, bed, line, ends, px_per_mm))


@njit(nogil=True, cache=True)
def met(at: Any, ends: Any, limits: Any, points: Any) -> tuple[int, int]:
    """Write the points where the bed ends within the image; return how many rows it ends in at all.

    Rows beside the sheet are bed all along; a line leaves the image where it is at 0.

    Parameters
    ----------
    at, ends
        int64 and int32: the rows, and the depth of the bed in each.
    limits
        Depth from which on it is seen, and from which on it does not end.
    points
        int64 and int32, as long: rows and depths.

    Returns
    -------
    Rows where the bed ends, and points that were written.
    """
    rows = 0
    count = 0
    for k in range(at.size):
        if ends[k] < limits[1]:
            rows += 1
            if ends[k] > limits[0]:
                points[0][count] = at[k]
                points[1][count] = ends[k]
                count += 1
    return rows, count


@njit(nogil=True, cache=True)
def behind(flat: Any, place: Any, points: Any, line: Any, depths: Any) -> int:
    """Return the median level at some depths behind the points that lie near a line; -1 if none.

    Parameters
    ----------
    flat, place
        Of a view.
    points
        Where the rows are, and the depth of the bed in each.
    line
        Offset, slope, and how far a point may lie off.
    depths
        First, and the one after the last, from where the bed ends.
    """
    counts = np.zeros(256, np.int64)
    samples = 0
    rows, ends = points
    origin, down, across, depth = place
    for i in range(rows.size):
        if abs(ends[i] - line[0] - line[1] * rows[i]) <= line[2]:
            for x in range(ends[i] + depths[0], min(ends[i] + depths[1], depth)):
                counts[flat[origin + i * down + x * across]] += 1
                samples += 1
    if samples == 0:
        return -1
    level = 0
    passed = counts[0]
    while passed < (samples + 1) // 2:
        level += 1
        passed += counts[level]
    return level


@njit(nogil=True, cache=True)
def before(flat: Any, place: Any, points: Any, line: Any, bed: Any, out: Any) -> None:
    """Sum the bed by its distance from where it ends, over the points that lie near a line.

    Parameters
    ----------
    flat, place
        Of a view.
    points
        Where the rows are, and the depth of the bed in each.
    line
        Offset, slope, and how far a point may lie off.
    bed
        Level, and how far a sample may differ: the rest is dirt.
    out
        int64 (n, 2), zeros: for each distance sum and count; the outermost sample is left out.
    """
    rows, ends = points
    origin, down, across, _ = place
    for i in range(rows.size):
        if abs(ends[i] - line[0] - line[1] * rows[i]) <= line[2]:
            for t in range(1, min(out.shape[0], ends[i])):
                value = np.int64(flat[origin + i * down + (ends[i] - t) * across])
                if abs(value - bed[0]) <= bed[1]:
                    out[t, 0] += value
                    out[t, 1] += 1


def _ledge(
    view: View, bed: Bed, line: tuple[float, float], ends: NDArray[np.int32], px_per_mm: float
) -> float:
    """Return how far out the mean of all rows steps by more than a lamp's slope does.

    A shadow fades out there, or ends print that is as dark as the bed within its tolerance.
    """
    wide = max(round(_STEP_MM * px_per_mm), 2)
    sums = np.zeros((max(round(_LEDGE_MM * px_per_mm), 2 * wide + 3), 2), np.int64)
    near = (*line, 2 * _NEAR_MM * px_per_mm)
    points = view.at, ends
    before(view.flat, view.place, points, near, (bed.level, 2 * bed.tolerance), sums)
    known = int(np.argmin(sums[2:, 1] >= _LEAST_ROWS)) if sums[-1, 1] < _LEAST_ROWS else len(sums)
    means = sums[2 : known + 2, 0] / np.maximum(sums[2 : known + 2, 1], 1)
    if means.size < 2 * wide:
        return 0.0
    run = np.convolve(means, np.ones(wide) / wide, "valid")
    steps = np.abs(run[wide:] - run[:-wide])
    strong = np.flatnonzero(steps > _STEP)
    if strong.size == 0:
        return 0.0
    # The outermost run of them is one step, seen through windows: it is where they differ most.
    gaps = np.flatnonzero(np.diff(strong) > 1)
    last = strong[gaps[-1] + 1 if gaps.size else 0 :]
    return float(last[steps[last] >= _MOSTLY * steps[last].max()][-1] + wide + 2)


def _inside(
    view: View, line: tuple[float, float], ends: NDArray[np.int32], px_per_mm: float
) -> int | None:
    """Return the level within the line, past a shadow: that of the sheet, or of the bed again."""
    near = (*line, 2 * _NEAR_MM * px_per_mm)
    first = round(_INSIDE_MM[0] * px_per_mm)
    depths = (first, max(round(_INSIDE_MM[1] * px_per_mm), first + 2))
    level = behind(view.flat, view.place, (view.at, ends), near, depths)
    return level if level >= 0 else None
