"""Where the sheet ends and the bed begins: one straight line a side, or nothing.

Rule 1: the bed is one surface of one level, seen along the border of the image. What differs from
it is not bed, be it paper, a shadow or a printed border: so an edge lies too far out at worst.
Rule 2: an edge is the line most rows agree on, seen from outside, turned as the content is. A torn
or folded corner, a punched hole or dirt may take some rows, never most of them.
Rule 3: a side with no bed has no edge: there the border of the image is the end of the sheet.

Works on the half-scale luma, in integers up to where the bed ends in each row; the line is fitted
in IEEE double. A side is looked at as the left one: `rows` run along it, `depth` is inwards.
"""

import math
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

from kernels.crop.views import View, are_within, total

AGREE_DEG: Final = 0.35
_RING_MM: Final = 0.6
_LEAST_SHARE: Final = 0.08
_MOST_BEDS: Final = 3
_CLUSTER: Final = 12
_LEAST_TOLERANCE: Final = 8
_MOST_TOLERANCE: Final = 18
_RUN_MM: Final = 0.8
ROW_MM: Final = 0.7
_NO_BED_MM: Final = 0.4
_ACROSS: Final = 0.95
_LEAST_ROWS: Final = 24
_BARE_SHARE: Final = 0.15
_SLOPES: Final = 15
_NEAR_MM: Final = 0.35
_INSIDE_MM: Final = (2.5, 4.5)
_LEDGE_MM: Final = 30.0
_STEP_MM: Final = 1.0
_STEP: Final = 1.5
_MOSTLY: Final = 0.8


@dataclass(frozen=True, slots=True)
class Bed:
    """The surface behind the sheet: its level, and how far a sample may differ and still be it."""

    level: int
    tolerance: int


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


def beds(half: NDArray[np.uint8], px_per_mm: float) -> list[Bed]:
    """Return what may be the bed: the levels that hold much of the image's border, darkest first.

    The paper is among them wherever it reaches the border.
    """
    deep = max(round(_RING_MM * px_per_mm), 2)
    if min(half.shape) < 4 * deep:
        return []
    # The outermost line of a scan is often no picture yet.
    lines = (half[1:deep, ::2], half[-deep:-1, ::2], half[::2, 1:deep], half[::2, -deep:-1])
    left = np.zeros(256, np.int64)
    for line in lines:
        left += np.bincount(line.ravel(), minlength=256)
    samples = int(left.sum())
    found = []
    for _ in range(_MOST_BEDS):
        peak = int(np.convolve(left, np.ones(9, np.int64), "same").argmax())
        low, high = max(peak - _CLUSTER, 0), min(peak + _CLUSTER + 1, 256)
        cluster = left[low:high].copy()
        held = int(cluster.sum())
        if held < _LEAST_SHARE * samples:
            break
        found.append(_bed(cluster, held, low))
        left[low:high] = 0
    return sorted(found, key=lambda bed: bed.level)


def _bed(cluster: NDArray[np.int64], held: int, low: int) -> Bed:
    """Return the median of a cluster of levels, and a tolerance by its spread."""
    middle = int(np.searchsorted(np.cumsum(cluster), (held + 1) // 2))
    off = np.abs(np.arange(cluster.size) - middle)
    spread = int((cluster * off).sum()) / held
    return Bed(low + middle, int(min(max(5 * spread, _LEAST_TOLERANCE), _MOST_TOLERANCE)))


@njit(nogil=True, cache=True)
def bed_ends(flat: Any, place: Any, bed: Any, run: int, out: Any) -> None:
    """Write for every row how many samples of bed lie before the sheet.

    The sheet begins with the first of `run` samples that are not bed, not counting two that are;
    fewer are dirt. The level of the bed is followed inwards, because no lamp is quite even: by a
    32nd of what each sample is off, or by half of what the mean of 32 is that are all bed.

    Parameters
    ----------
    flat, place
        Of a view.
    bed
        Level and tolerance.
    run
        Samples.
    out
        int32, one for each row; the depth where no sheet is met.
    """
    origin, down, across, depth = place
    level, tolerance = bed[0] * 256, bed[1] * 256
    for k in range(out.size):
        first = origin + k * down
        held = level
        start = depth
        strange = 0
        missed = 0
        x = 0
        while x < depth and strange < run:
            if strange == 0 and x + 32 <= depth:
                low, high = (
                    max(-((tolerance - held) // 256), 0),
                    min((held + tolerance) // 256, 255),
                )
                lowest = first + (x if across == 1 else -x - 31)
                if are_within(flat, lowest, low, high):
                    mean = 8 * total(flat, lowest)
                    held = min(max(held + (mean - held) // 2, level - tolerance), level + tolerance)
                    x += 32
                    continue
            off = np.int64(flat[first + x * across]) * 256 - held
            if off > tolerance or off < -tolerance:
                if strange == 0:
                    start = x
                    missed = 0
                strange += 1
            elif strange:
                missed += 1
                if missed > 2:
                    strange = 0
            else:
                held = min(max(held + off // 32, level - tolerance), level + tolerance)
            x += 1
        out[k] = start if strange == run else depth


def edge(view: View, bed: Bed, slope: float, px_per_mm: float) -> tuple[bool, Edge | None]:
    """Look for the sheet's edge on one side.

    Parameters
    ----------
    slope
        Of the content: the edge may differ by `AGREE_DEG`.
    px_per_mm
        Of the half-scale luma.

    Returns
    -------
    (True, None) is no bed on this side, (False, None) a bed without a good edge.
    """
    at, ends = view.at, np.empty(view.at.size, np.int32)
    run = max(round(_RUN_MM * px_per_mm), 3)
    bed_ends(view.flat, view.place, (bed.level, bed.tolerance), run, ends)
    # Rows beside the sheet are bed all along; a line leaves the image where it is at 0.
    met = ends < view.depth * _ACROSS
    seen = met & (ends > max(_NO_BED_MM * px_per_mm, 2))
    count = int(np.count_nonzero(seen))
    rows = int(np.count_nonzero(met))
    if rows < _LEAST_ROWS:
        return False, None
    if count < max(_LEAST_ROWS, _BARE_SHARE * rows):
        return True, None
    line = _fitted(at[seen], ends[seen], slope, _NEAR_MM * px_per_mm)
    if line is None:
        return False, None
    inside = _inside(view, line, ends, px_per_mm)
    if inside is None:
        return False, None
    return True, Edge(*line, at, ends, inside, _ledge(view, bed, line, ends, px_per_mm))


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


def _fitted(
    rows: NDArray[np.int64], ends: NDArray[np.int32], slope: float, near_px: float
) -> tuple[float, float] | None:
    """Return offset and slope of the outermost line that many points agree on."""
    turn, reach = math.atan(slope), math.radians(AGREE_DEG)
    slopes = np.array(
        [math.tan(turn + reach * (2 * k / (_SLOPES - 1) - 1)) for k in range(_SLOPES)]
    )
    width = max(near_px, 1.0)
    count, offset, fitted = voted(rows, ends, slopes, width)
    for reach_px in (2 * width, 1.5 * width):
        if count < _LEAST_ROWS // 2:
            return None
        count, offset, fitted = drawn(rows, ends, (offset, fitted), reach_px)
    turned = math.degrees(abs(math.atan(fitted) - turn))
    good = count >= _LEAST_ROWS // 2 and turned <= AGREE_DEG
    return (offset, fitted) if good else None


@njit(nogil=True, cache=True)
def behind(flat: Any, place: Any, points: Any, line: Any, depths: Any, counts: Any) -> None:
    """Count the levels at some depths behind the points that lie near a line.

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
    counts
        int64 (256,), zeros.
    """
    rows, ends = points
    origin, down, across, depth = place
    for i in range(rows.size):
        if abs(ends[i] - line[0] - line[1] * rows[i]) <= line[2]:
            for x in range(ends[i] + depths[0], min(ends[i] + depths[1], depth)):
                counts[flat[origin + i * down + x * across]] += 1


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
    counts = np.zeros(256, np.int64)
    behind(view.flat, view.place, (view.at, ends), near, depths, counts)
    samples = int(counts.sum())
    middle = int(np.searchsorted(np.cumsum(counts), (samples + 1) // 2))
    return middle if samples else None
