"""What is not paper on an ink map: the dark bed, the sheet's own edges, streaks of dirty glass.

Rule 1: only what geometry proves is left out. A bed is dark and neutral, or lighter than any paper,
and even, thick and joined to the image's border. An edge is one straight line from border to border
with a bed behind it that differs from the paper and holds nothing. The shadow of an edge lies along
the border, falls off from it and is the same for 43 mm. A streak is thin and runs through the whole
image.
"""

from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np
from numba import njit
from numpy.typing import NDArray

from kernels.blank import edges, streaks
from kernels.blank.ground import LEVEL_ABOVE
from kernels.blank.ink import InkMap, ink_beside
from kernels.buffers import Buffers
from kernels.vector import Emit, block

_DARKEST_MEAN: Final = 95
_TINT: Final = 24
_EVEN: Final = 14
_OPENING_MM: Final = 1.5
_MARGIN_MM: Final = 1.0
_LEAST_SHARE: Final = 20
_LEAST_SHEET_MM: Final = 40.0
_BLOCK_PX: Final = 4
_LANES: Final = 32


@dataclass(frozen=True, slots=True)
class Excluded:
    """What was left out.

    Attributes
    ----------
    mask
        uint8 (h, w): non-zero where the image is not paper to be judged.
    beyond
        uint8 (h, w): non-zero where there is no paper at all: the bed, and beyond the edges.
    bed_fraction
        Share of the image that is dark bed.
    edges
        How many edges of the sheet were found against a light bed.
    streaks_px
        Column of each streak at half height, on the map.
    """

    mask: NDArray[np.uint8]
    beyond: NDArray[np.uint8]
    bed_fraction: float
    edges: int
    streaks_px: tuple[int, ...]


def take_away(page: InkMap, buffers: Buffers | None = None) -> tuple[InkMap, Excluded]:
    """Return the map with its ink measured beside what is not paper, and what that is.

    Cost: that of `exclude`; where there is a bed, it is looked for twice.
    Map and masks lie in `buffers` (None: in new ones).
    """
    buffers = buffers or Buffers()
    first = exclude(page, buffers)
    if not first.beyond.any():
        return page, first
    mask, beyond = first.mask.copy(), first.beyond.copy()
    page = ink_beside(page, beyond, buffers)
    out = exclude(page, buffers)
    np.maximum(out.mask, mask, out=out.mask)
    np.maximum(out.beyond, beyond, out=out.beyond)
    return page, out


def exclude(page: InkMap, buffers: Buffers | None = None) -> Excluded:
    """Return what of the image is not paper; the mask lies in `buffers` (None: in new ones).

    Cost: about that of copying a page in colour, 3 to 7 times as much with a bed or shadows.
    """
    buffers = buffers or Buffers()
    dark, light = _dark_bed(page), _light_bed(page, buffers)
    bed = buffers.zeros("bed.bed", page.ink.shape)
    for blocks in (dark, light):
        if blocks is not None:
            _spread(blocks, bed)
    mask = buffers.take("bed.mask", page.ink.shape)
    np.copyto(mask, bed)
    columns = streaks.exclude(page, bed, mask, buffers)
    found = edges.exclude(page, mask, bed)
    share = 0.0 if dark is None else float(np.count_nonzero(dark)) / dark.size
    return Excluded(mask, bed, share, found, columns)


def _dark_bed(page: InkMap) -> NDArray[np.uint8] | None:
    """Return 255 for the blocks where a dark bed is, or None."""
    limit = min(_DARKEST_MEAN, page.paper * 6 // 10)
    if int(_border(page.dark).min()) >= limit:
        return None
    return _bed(page, page.dark, (limit, min(page.coloured_object + _TINT, 256)), whole=False)


def _light_bed(page: InkMap, buffers: Buffers) -> NDArray[np.uint8] | None:
    """Return 255 for the blocks where a bed lighter than any paper is; no ink can be there."""
    least = page.paper + LEVEL_ABOVE
    border = _border(page.dark)
    if int(np.count_nonzero(border > least)) * _LEAST_SHARE < border.size:
        return None
    inverted = buffers.take("bed.inverted", page.dark.shape)
    np.subtract(255, page.dark, out=inverted)
    return _bed(page, inverted, (255 - least, 256), whole=True)


def _holds_something(page: InkMap, inside: NDArray[np.uint8], bed: NDArray[np.uint8]) -> bool:
    """Whether bed lies all around something smaller than a sheet: then it may be a white label."""
    _, labels, table, _ = cv2.connectedComponentsWithStats(1 - inside, connectivity=4)
    left, top, width, height = (table[:, k] for k in range(4))
    right, bottom = left + width, top + height
    within = (left > 0) & (top > 0) & (right < bed.shape[1]) & (bottom < bed.shape[0])
    small = np.minimum(width, height) < page.px(_LEAST_SHEET_MM) / _BLOCK_PX
    held = (within & small)[labels].astype(np.uint8)
    held[inside != 0] = 0
    around = np.asarray(cv2.dilate(held, np.ones((3, 3), np.uint8)), np.uint8)
    return bool(np.any(around & bed))


def _border(plane: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.concatenate((plane[0], plane[-1], plane[:, 0], plane[:, -1]))


def _bed(
    page: InkMap, plane: NDArray[np.uint8], limits: tuple[int, int], *, whole: bool
) -> NDArray[np.uint8] | None:
    """Return 255 for blocks all below a level and a colour: even, thick, joined to the border.

    None if the bed must be `whole` and something lies on it.
    """
    limit, coloured = limits
    h, w = plane.shape
    blocks = np.empty((-(-h // _BLOCK_PX), -(-w // _BLOCK_PX)), np.uint8)
    _brightest((plane.reshape(-1), page.spread.reshape(-1)), (h, w), coloured, blocks)
    inside = (blocks < limit).astype(np.uint8)
    # Beyond the image everything is bed, so that a thin sliver of it survives the opening.
    radius = max(round(page.px(_OPENING_MM) / _BLOCK_PX), 1)
    kernel = np.ones((2 * radius + 1, 2 * radius + 1), np.uint8)
    wide = cv2.copyMakeBorder(inside, *(2 * radius,) * 4, cv2.BORDER_CONSTANT, value=1)
    opened = cv2.morphologyEx(wide, cv2.MORPH_OPEN, kernel)
    inner = slice(2 * radius, -2 * radius)
    core = np.ascontiguousarray(opened[inner, inner], np.uint8)
    bed = _even_parts(core, blocks)
    if whole and _holds_something(page, inside, bed):
        return None
    grown = 1 + round(page.px(_MARGIN_MM) / _BLOCK_PX / 2)
    return np.asarray(cv2.dilate(bed, np.ones((2 * grown + 1,) * 2, np.uint8)), np.uint8)


@njit(nogil=True, cache=True)
def _brightest(planes, size, coloured, out):  # type: ignore[no-untyped-def]
    """Write the brightest pixel of each block, or 255 where one of them is coloured."""
    dark, spread = planes
    height, width = size
    rows, columns = out.shape
    for by in range(rows):
        bx = 0
        if (by + 1) * _BLOCK_PX <= height:
            while (bx + 8) * _BLOCK_PX <= width:
                place = by * _BLOCK_PX * width + bx * _BLOCK_PX, width
                _brightest_8(planes, place, coloured, (out.reshape(-1), by * columns + bx))
                bx += 8
        for x in range(bx, columns):
            most = 0
            for line in range(by * _BLOCK_PX, min((by + 1) * _BLOCK_PX, height)):
                for i in range(x * _BLOCK_PX, min((x + 1) * _BLOCK_PX, width)):
                    most = max(most, dark[line * width + i])
                    if spread[line * width + i] >= coloured:
                        most = 255
            out[by, x] = most


@block()
def _brightest_8(e: Emit, planes: Any, place: Any, coloured: Any, out: Any) -> None:
    dark, spread = planes
    i, width = place
    most = e.all(0, 8, _LANES)
    for _ in range(_BLOCK_PX):
        colour = e.widen(e.load(spread, i, _LANES), 16)
        plain = e.below(colour, e.all(coloured, 16, _LANES))
        most = e.most(most, e.choose(plain, e.load(dark, i, _LANES), 255))
        i = e.plus(i, width)
    parts = [e.every(most, _BLOCK_PX, k) for k in range(_BLOCK_PX)]
    e.store(e.most(e.most(parts[0], parts[1]), e.most(parts[2], parts[3])), *out)


def _even_parts(core: NDArray[np.uint8], blocks: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the parts that touch the border and are as even as a bed is."""
    bed = np.zeros(core.shape, np.uint8)
    count, labels, table, _ = cv2.connectedComponentsWithStats(core, connectivity=4)
    for k in range(1, count):
        left, top, width, height = (int(v) for v in table[k, :4])
        right, bottom = left + width, top + height
        touches = left == 0 or top == 0 or right == core.shape[1] or bottom == core.shape[0]
        part = labels == k
        if touches and float(blocks[part].std()) <= _EVEN:
            bed[part] = 255
    return bed


@njit(nogil=True, cache=True)
def _spread(blocks: Any, out: Any) -> None:
    """Write 255 into the pixels of the blocks that are not 0."""
    height, width = out.shape
    for by in range(blocks.shape[0]):
        for bx in range(blocks.shape[1]):
            if blocks[by, bx]:
                for y in range(by * _BLOCK_PX, min((by + 1) * _BLOCK_PX, height)):
                    for x in range(bx * _BLOCK_PX, min((bx + 1) * _BLOCK_PX, width)):
                        out[y, x] = 255
