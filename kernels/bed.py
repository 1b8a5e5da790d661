"""What is not paper on an ink map: the dark bed, the sheet's own edges, streaks of dirty glass.

Rule 1: only what geometry proves is left out. A bed is dark, neutral, even and thick and touches
the image's border; an edge is one straight line from border to border with a bed behind it that
differs from the paper and holds nothing; a streak is thin and runs through the whole image.
"""

from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np
from numba import njit
from numpy.typing import NDArray

from kernels import marks
from kernels.ink import InkMap

_BED_DARKEST_MEAN: Final = 95
_BED_TINT: Final = 24
_BED_EVEN: Final = 14
_BED_OPENING_MM: Final = 1.5
_BED_MARGIN_MM: Final = 1.0
_BLOCK_PX: Final = 4
_ZONE: Final = 0.14
_EDGE_INK: Final = 12
_EDGE_INSIDE_MM: Final = 0.7
_EDGE_SURELY_BED_MM: Final = 6.0
_EDGE_STEP: Final = 3
_EDGE_BLUR_MM: Final = 1.6
_MARK_INK: Final = 20
_MARK_MM: Final = 0.5
_SLOPES: Final = 121
_SLOPE_STEP: Final = 0.0025
_STREAK_SHEARS: Final = 25
_STREAK_WIDE_MM: Final = 0.9
_STRIP_PX: Final = 32
_LEAST_STRIPS: Final = 16


@dataclass(frozen=True, slots=True)
class Excluded:
    """What was left out.

    Attributes
    ----------
    mask
        uint8 (h, w): non-zero where the image is not paper to be judged.
    bed_fraction
        Share of the image that is dark bed.
    edges
        How many edges of the sheet were found against a light bed.
    streaks_px
        Column of each streak at half height, on the map.
    """

    mask: NDArray[np.uint8]
    bed_fraction: float
    edges: int
    streaks_px: tuple[int, ...]


def exclude(page: InkMap) -> Excluded:
    """Return what of the image is not paper. Costs about 3 ms for A4."""
    bed = _dark_bed(page)
    mask = bed.copy()
    strips = _strips(page.ink >= page.threshold, bed)
    streaks = _streaks(strips, max(int(page.px(_STREAK_WIDE_MM)), 2))
    for column, shear in streaks:
        _mask_streak(mask, column, shear, max(int(page.px(0.75)), 2))
    edges = _edges(page, mask.copy(), mask)
    columns = tuple(sorted(column for column, _ in streaks))
    return Excluded(mask, float(np.count_nonzero(bed)) / bed.size, edges, columns)


@njit(nogil=True, cache=True)
def _brightest(dark: Any, spread: Any, coloured: int, out: Any) -> None:
    """Write the brightest pixel of each block, or 255 where one of them is coloured."""
    rows, columns = out.shape
    for by in range(rows):
        for bx in range(columns):
            most = 0
            for y in range(by * _BLOCK_PX, (by + 1) * _BLOCK_PX):
                for x in range(bx * _BLOCK_PX, (bx + 1) * _BLOCK_PX):
                    most = max(most, dark[y, x])
                    if spread[y, x] >= coloured:
                        most = 255
            out[by, bx] = most


def _dark_bed(page: InkMap) -> NDArray[np.uint8]:
    """Return 255 where the bed is: dark, neutral, even, thick, joined to the border."""
    limit = min(_BED_DARKEST_MEAN, page.paper * 6 // 10)
    h, w = page.dark.shape
    border = (page.dark[0], page.dark[-1], page.dark[:, 0], page.dark[:, -1])
    if min(h, w) < _BLOCK_PX or min(int(line.min()) for line in border) >= limit:
        return np.zeros((h, w), np.uint8)
    blocks = np.empty((h // _BLOCK_PX, w // _BLOCK_PX), np.uint8)
    _brightest(page.dark, page.spread, page.coloured_object + _BED_TINT, blocks)
    dark = (blocks < limit).astype(np.uint8)
    # Beyond the image everything is bed, so that a thin sliver of it survives the opening.
    radius = max(round(page.px(_BED_OPENING_MM) / _BLOCK_PX), 1)
    kernel = np.ones((2 * radius + 1, 2 * radius + 1), np.uint8)
    wide = cv2.copyMakeBorder(dark, *(2 * radius,) * 4, cv2.BORDER_CONSTANT, value=1)
    opened = cv2.morphologyEx(wide, cv2.MORPH_OPEN, kernel)
    inner = slice(2 * radius, -2 * radius)
    core = np.ascontiguousarray(opened[inner, inner], np.uint8)
    bed = _even_parts(core, blocks)
    grown = 1 + round(page.px(_BED_MARGIN_MM) / _BLOCK_PX / 2)
    bed = np.asarray(cv2.dilate(bed, np.ones((2 * grown + 1,) * 2, np.uint8)), np.uint8)
    full = cv2.resize(bed, None, fx=_BLOCK_PX, fy=_BLOCK_PX, interpolation=cv2.INTER_NEAREST)
    out = cv2.copyMakeBorder(full, 0, h - full.shape[0], 0, w - full.shape[1], cv2.BORDER_REPLICATE)
    return np.asarray(out, np.uint8)


def _even_parts(core: NDArray[np.uint8], blocks: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the parts that touch the border and are as even as a bed is."""
    bed = np.zeros(core.shape, np.uint8)
    count, labels, table, _ = cv2.connectedComponentsWithStats(core, connectivity=4)
    for k in range(1, count):
        left, top, width, height = (int(v) for v in table[k, :4])
        right, bottom = left + width, top + height
        touches = left == 0 or top == 0 or right == core.shape[1] or bottom == core.shape[0]
        part = labels == k
        if touches and float(blocks[part].std()) <= _BED_EVEN:
            bed[part] = 255
    return bed


def _edges(page: InkMap, hidden: NDArray[np.uint8], mask: NDArray[np.uint8]) -> int:
    """Mask what lies behind the edges of a sheet on a light bed; return how many were found."""
    found = 0
    for turn in range(4):
        # Each side in turn is looked at as the left one.
        width = page.ink.shape[1 - turn % 2]
        zone = int(width * _ZONE)
        reach = min(zone + int(page.px(6)), width)
        ink, dark, behind = (
            np.ascontiguousarray(np.rot90(plane, turn)[:, :reach])
            for plane in (page.ink, page.dark, hidden)
        )
        line = _left_line(ink, behind, zone, int(page.px(0.35)))
        if line is not None and _bed_behind(page, ink, dark, line):
            inside = line[0] + line[1] * np.arange(ink.shape[0]) + page.px(_EDGE_INSIDE_MM)
            # A view: what is written here is written into the mask.
            np.rot90(mask, turn)[:, :reach][np.arange(reach) <= inside[:, None]] = 255
            found += 1
    return found


@njit(nogil=True, cache=True)
def _first_runs(ink: Any, bed: Any, zone: int, out: Any) -> None:
    """Write for each row where the first run of ink within `zone` ends, or -1."""
    for y in range(ink.shape[0]):
        out[y] = -1
        x = 0
        while x < zone and (ink[y, x] < _EDGE_INK or bed[y, x]):
            x += 1
        if x == zone:
            continue
        while x < zone and ink[y, x] >= _EDGE_INK:
            x += 1
        out[y] = x - 1


@njit(nogil=True, cache=True)
def _vote(points: Any, step: int, width: int) -> tuple[int, float, float]:
    """Return votes, offset and slope of the line x = offset + slope * y with most points."""
    best = 0
    best_offset = 0.0
    best_slope = 0.0
    reach = int(points.size * _SLOPE_STEP * (_SLOPES // 2)) + 8
    counts = np.zeros((width + 2 * reach) // step + 2, np.int32)
    for k in range(_SLOPES):
        slope = (k - _SLOPES // 2) * _SLOPE_STEP
        counts[:] = 0
        for y in range(points.size):
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
    ink: NDArray[np.uint8], bed: NDArray[np.uint8], zone: int, near_px: int
) -> tuple[float, float] | None:
    """Return (offset, slope) of a line that nearly every row of the image agrees with."""
    points = np.empty(ink.shape[0], np.int32)
    _first_runs(ink, bed, zone, points)
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
    return (offset, slope) if float(agrees.mean()) >= 0.75 else None


def _bed_behind(
    page: InkMap, ink: NDArray[np.uint8], dark: NDArray[np.uint8], line: tuple[float, float]
) -> bool:
    """Tell a sheet's edge from a fold or a printed frame: another surface behind, and empty."""
    height, width = ink.shape
    rows = np.arange(0, height, 8)
    x = line[0] + line[1] * rows
    seen = (x >= 0) & (x < width - page.px(4))
    if float(x[seen].max(initial=0)) <= page.px(_EDGE_SURELY_BED_MM):
        return True
    steps: list[float] = []
    for y, edge in zip(rows[seen], x[seen], strict=True):
        left, right = int(edge - page.px(_EDGE_BLUR_MM)), int(edge + page.px(_EDGE_BLUR_MM))
        if left >= 4:
            behind = np.median(dark[y, max(left - 12, 0) : left])
            steps.append(float(behind - np.median(dark[y, right : right + 12])))
    if len(steps) < 12 or abs(float(np.median(steps))) < _EDGE_STEP:
        return False
    before = line[0] + line[1] * np.arange(height) - page.px(_EDGE_BLUR_MM)
    paper = (np.arange(width) >= before[:, None]).astype(np.uint8)
    sizes = marks.boxes(ink, paper, _MARK_INK)[:, 2:]
    return float(sizes.max(initial=0)) < page.px(_MARK_MM)


@njit(nogil=True, cache=True)
def _strips(mask: Any, bed: Any) -> Any:
    """Return per strip and column: 1 where any ink, 2 where the bed hides the paper."""
    height, width = mask.shape
    out = np.zeros((height // _STRIP_PX, width), np.uint8)
    for s in range(out.shape[0]):
        for y in range(s * _STRIP_PX, (s + 1) * _STRIP_PX):
            for x in range(width):
                if mask[y, x]:
                    out[s, x] |= 1
                if bed[y, x]:
                    out[s, x] |= 2
    return out


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
def _streaks(strips: Any, wide: int) -> list[tuple[int, int]]:
    """Find lines with ink in all strips (one in 16 may fail) and none in most on either side."""
    count, width = strips.shape
    found = [(0, 0)]
    # In a few strips, fibres and noise may lie on one line by chance.
    x = wide + 2 if count >= _LEAST_STRIPS else width
    while x < width - wide - 2:
        best = 0
        best_shear = 0
        for k in range(_STREAK_SHEARS):
            shear = k - _STREAK_SHEARS // 2
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
