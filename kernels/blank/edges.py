"""The sheet's own edges on a light bed, and the shadow of an edge along the image's border.

Rule 1: an edge is one straight line that nearly every row of the image agrees with; behind it lies
another tone than the paper's and nothing else.
Rule 2: a shadow falls off from the border, is colourless, and the same for 43 mm; what is darker
than the shadow is a mark.
"""

from collections.abc import Iterator
from typing import Any, Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

from kernels import connected
from kernels.blank.ink import InkMap

_ZONE: Final = 0.14
_LEAST_INK: Final = 8
_INSIDE_MM: Final = 0.7
_SURELY_BED_MM: Final = 6.0
_STEP: Final = 3
_BLUR_MM: Final = 1.6
_LEAST_ROWS: Final = 12
_BESIDE_PX: Final = 12
_MARK_INK: Final = 20
_MARK_MM: Final = 0.5
_LINE_MM: Final = 1.2
_AGREEING: Final = 0.75
_AT_ENDS: Final = 0.3
"""Share of the rows that agree with a line, and at both of its ends."""
_SLOPES: Final = 121
_SLOPE_STEP: Final = 0.0025
_SHADOW_MM: Final = 4.5
_EDGE_MM: Final = 0.9
_ALIKE_MM: Final = 43.0
_SHADOW_STEPS: Final = 4
_DARKEST_SHADE: Final = 100


def exclude(page: InkMap, mask: NDArray[np.uint8], bed: NDArray[np.uint8]) -> int:
    """Write 255 into `mask` behind edges and where shadows are; return how many edges there are.

    What lies behind edges is written into `bed`, too.

    Cost: most of what `bed.exclude` does.
    """
    hidden = mask.copy()
    found = 0
    shadows: list[tuple[int, slice, NDArray[np.int64]]] = []
    for turn in range(4):
        # Each side in turn is looked at as the left one; what is written is written into the mask.
        sides = np.rot90(mask, turn), np.rot90(bed, turn)
        shadows += ((turn, *shadow) for shadow in _shadows(page, turn, sides[0]))
        found += _exclude_edge(page, turn, np.rot90(hidden, turn), sides)
    if shadows:
        _exclude_shadows(page, shadows, mask)
    return found


def _exclude_shadows(
    page: InkMap, shadows: list[tuple[int, slice, NDArray[np.int64]]], mask: NDArray[np.uint8]
) -> None:
    """Write 255 into `mask` where there is no more ink than shadows explain, and no colour.

    A shadow is a side, a stretch of it, and the most ink at each depth. In a corner two add up.
    """
    shade = np.zeros(mask.shape, np.uint16)
    sides = [np.rot90(shade, turn) for turn in range(4)]
    for turn, stretch, most in shadows:
        sides[turn][stretch, : most.size] += most.astype(np.uint16)
    reach = int(page.px(_SHADOW_MM))
    for turn, side in enumerate(sides):
        explained = side[:, :reach]
        ink, spread, out = (
            np.rot90(plane, turn)[:, :reach] for plane in (page.ink, page.spread, mask)
        )
        out[(ink <= explained) & (explained > 0) & (spread < page.coloured_object)] = 255


def _exclude_edge(
    page: InkMap, turn: int, hidden: NDArray[np.uint8], sides: tuple[NDArray[np.uint8], ...]
) -> bool:
    width = hidden.shape[1]
    zone = int(width * _ZONE)
    reach = min(zone + int(page.px(6)), width)
    ink = np.rot90(page.ink, turn)[:, :reach]
    limits = zone, max(page.threshold, _LEAST_INK)
    line = _left_line(ink, hidden[:, :reach], limits, int(page.px(0.35)))
    if line is None:
        return False
    dark = np.ascontiguousarray(np.rot90(page.dark, turn)[:, :reach])
    if not _bed_behind(page, (ink, dark), line):
        return False
    inside = line[0] + line[1] * np.arange(ink.shape[0]) + page.px(_INSIDE_MM)
    for side in sides:
        side[:, :reach][np.arange(reach) <= inside[:, None]] = 255
    return True


@njit(nogil=True, cache=True)
def _first_runs(ink: Any, bed: Any, limits: Any, out: Any) -> None:
    """Write for each row where the first run of ink ends, or -1.

    `limits` are how far to look, and the least ink.
    """
    zone, least = limits
    for y in range(ink.shape[0]):
        out[y] = -1
        x = 0
        while x < zone and (ink[y, x] < least or bed[y, x]):
            x += 1
        if x == zone:
            continue
        while x < zone and ink[y, x] >= least:
            x += 1
        out[y] = x - 1


@njit(nogil=True, cache=True)
def _vote(points: Any, step: int, width: int) -> tuple[int, float, float]:
    """Return votes, offset and slope of the line x = offset + slope * y with most points.

    Every other row votes.
    """
    best = 0
    best_offset = 0.0
    best_slope = 0.0
    reach = int(points.size * _SLOPE_STEP * (_SLOPES // 2)) + 8
    counts = np.zeros((width + 2 * reach) // step + 2, np.int32)
    for k in range(_SLOPES):
        slope = (k - _SLOPES // 2) * _SLOPE_STEP
        counts[:] = 0
        for y in range(0, points.size, 2):
            if points[y] >= 0:
                bin_ = int(points[y] - slope * y + reach) // step
                counts[bin_] += 1
                counts[bin_ + 1] += 1
        for i in range(counts.size):
            if counts[i] > best:
                best = counts[i]
                best_offset = float(i * step - reach)
                best_slope = slope
    return best, best_offset, best_slope


def _left_line(
    ink: NDArray[np.uint8], bed: NDArray[np.uint8], limits: tuple[int, int], near_px: int
) -> tuple[float, float] | None:
    """Return (offset, slope) of a line that nearly every row of the image agrees with."""
    points = np.empty(ink.shape[0], np.int32)
    zone = limits[0]
    _first_runs(ink, bed, limits, points)
    rows = np.flatnonzero(points >= 0)
    if rows.size < ink.shape[0] // 10:
        return None
    _, offset, slope = _vote(points, 4, zone)
    for reach in (5.0, float(max(near_px, 1)) + 1):
        near = rows[np.abs(points[rows] - offset - slope * rows) <= reach]
        if near.size < ink.shape[0] // 12:
            return None
        slope, offset = (float(v) for v in np.polyfit(near, points[near], 1))
    every = np.arange(ink.shape[0])
    x = offset + slope * every
    crossing = every[(x >= 3) & (x < zone - 3) & (bed[:, 0] == 0)]
    if crossing.size < ink.shape[0] // 12:
        return None
    agrees = np.abs(points[crossing] - x[crossing]) <= max(near_px, 1) + 1
    if float(agrees.mean()) < _AGREEING or not _runs_through(agrees, x[crossing] >= 3 * near_px):
        return None
    return offset, slope


def _runs_through(agrees: NDArray[np.bool_], deep: NDArray[np.bool_]) -> bool:
    """Whether both ends agree, or it is a ruled line; where an edge leaves the image it blurs."""
    rows = agrees[deep] if int(deep.sum()) >= 2 * _LEAST_ROWS else agrees
    ends = max(rows.size // 12, 1)
    return min(float(rows[:ends].mean()), float(rows[-ends:].mean())) >= _AT_ENDS


def _bed_behind(
    page: InkMap, planes: tuple[NDArray[np.uint8], NDArray[np.uint8]], line: tuple[float, float]
) -> bool:
    """Tell a sheet's edge from a fold or a printed frame: another surface behind, and empty."""
    ink, dark = planes
    height, width = dark.shape
    rows = np.arange(0, height, 8)
    x = line[0] + line[1] * rows
    seen = (x >= 0) & (x < width - page.px(4))
    deepest = float(x[seen].max(initial=0))
    shaded = np.count_nonzero(ink[rows[seen], 0] >= page.threshold)
    if deepest <= page.px(_BLUR_MM) and 2 * shaded > int(seen.sum()):
        return False  # nothing lies behind: it is a shadow
    far = deepest > page.px(_SURELY_BED_MM)
    if far and _step_of(page, dark, rows[seen], x[seen]) < _STEP:
        return False
    before = line[0] + line[1] * np.arange(height) - page.px(_BLUR_MM)
    paper = (np.arange(width) >= before[:, None]).astype(np.uint8)
    behind = dark[paper == 0]
    level = np.uint8(np.median(behind)) if behind.size else np.uint8(0)
    darker = np.where(dark < level, level - dark, np.uint8(0))
    boxes = connected.inked(darker, paper, _MARK_INK).box
    left, top, wide, high = boxes.T
    # The shadow of the next edge runs across all of the bed.
    across = (left == 0) & (wide + 3 >= before[top]) & (high <= page.px(_LINE_MM) + wide // 8)
    return float(boxes[~across, 2:].max(initial=0)) < page.px(_MARK_MM)


def _step_of(
    page: InkMap, dark: NDArray[np.uint8], rows: NDArray[np.int64], x: NDArray[np.float64]
) -> float:
    """Return how much the tone changes from one side of a line to the other, on most rows."""
    blur = page.px(_BLUR_MM)
    left, right = (x - blur).astype(np.int64), (x + blur).astype(np.int64)
    far = left >= 4
    if int(far.sum()) < _LEAST_ROWS:
        return 0.0
    along = np.arange(_BESIDE_PX)
    last = dark.shape[1] - 1
    y = rows[far, None]
    behind = dark[y, np.clip(left[far, None] - _BESIDE_PX + along, 0, last)]
    before = dark[y, np.clip(right[far, None] + along, 0, last)]
    steps = np.median(behind, axis=1) - np.median(before, axis=1)
    return abs(float(np.median(steps)))


def _shadows(
    page: InkMap, turn: int, hidden: NDArray[np.uint8]
) -> Iterator[tuple[slice, NDArray[np.int64]]]:
    """Give the stretches of the left border that are in shadow, with the most ink it explains."""
    border = np.rot90(page.ink, turn)[:, 0]
    shaded = (border >= page.threshold) & (hidden[:, 0] == 0)
    whole = max(int(page.px(_ALIKE_MM)), 1)
    step = max(whole // _SHADOW_STEPS, 1)
    reach = min(int(page.px(_SHADOW_MM)), hidden.shape[1])
    edge = int(page.px(_EDGE_MM))
    seen: NDArray[np.uint8] | None = None
    for top in range(0, border.size, step):
        first = max(min(top + step // 2 - whole // 2, border.size - whole), 0)
        alike = np.s_[first : first + whole]
        if 2 * int(np.count_nonzero(shaded[alike])) <= shaded[alike].size:
            continue
        if seen is None:
            band = np.rot90(page.ink, turn)[:, :reach]
            seen = np.where(hidden[:, :reach] == 0, band, np.uint8(0))
        falling = _middle(seen[alike])
        # The edge itself may be darker than what lies before it.
        falling[edge:] = np.minimum.accumulate(falling[edge:])
        if falling.max() > _DARKEST_SHADE or falling[-1] >= page.threshold:
            continue
        most = falling + falling // 4 + page.threshold
        yield np.s_[top : top + step], np.where(falling >= page.threshold // 2, most, 0)


def _middle(lines: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Return the upper median of each column."""
    half = lines.shape[0] // 2
    return np.asarray(np.partition(lines, half, axis=0)[half], np.int64)
