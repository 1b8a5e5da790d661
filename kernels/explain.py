"""Name every mark on a nearly empty face: hole, staple, dust, fibre, soft, or simply a mark.

Rule 1: an explanation is shape and place; ink that fits none is a mark.
Rule 2: what is rare on real sheets may not be frequent here: more than four holes are not holes,
two staples are not staples, a few fibres are not the paper's.
"""

from collections import Counter
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from kernels import marks
from kernels.marks import InkMap, Marks

SMALLEST_MM: Final = 0.5
"""A mark of this extent must be explained."""
CLEAR_CONTRAST: Final = 20
"""A mark of this much ink must be explained."""
COLOURED: Final = 14
"""Colour over that of the paper from which a mark is coloured; JPEG noise stays below."""
_SOFT: Final = 0.45
_SHARP: Final = 0.52
_SHARP_IF_FAINT: Final = 0.62
_SOFT_PEAK: Final = 80
_EDGE_MM: Final = 1.2
_HOLE_MM: Final = (4.0, 8.0)
_HOLE_REACH_MM: Final = 28.0
_HOLES: Final = 4
_STAPLE_MM: Final = (6.0, 15.0)
_STAPLE_WIDTH_MM: Final = 0.8
_STAPLE_REACH_MM: Final = 38.0
_SPECK_AREA_MM2: Final = 0.15
_DUST_AREA_MM2: Final = 0.25
_DUST_INK: Final = 50
_DUST_BOX_MM: Final = 0.9
_DUST_PEAK: Final = 80
_FIBRE_MM: Final = 1.6
_CROSSED_FIBRES_MM: Final = 2.5
_CROSSED_FIBRES: Final = 0.02
_FIBRE_PEAK: Final = 45
_FIBRE_AREA_MM2: Final = 0.5
_FIBRE_PAPER: Final = 205
_FIBRES: Final = 24
_CROWD_OF_SOFT: Final = 100
_UNSURE_BY_CHANCE: Final = 0.06
_CROWD_MM: Final = 8.0
_CROWD: Final = 6


class Kind(IntEnum):
    """What a mark is taken for."""

    SPECK = 0
    EDGE = 1
    HOLE = 2
    STAPLE = 3
    STAPLE_BACK = 4
    FIBRE = 5
    SOFT = 6
    UNSURE = 7
    MARK = 8


Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Named:
    """The marks of a face with what they are taken for.

    Attributes
    ----------
    kinds
        int64 (n,): a `Kind` for each mark.
    sharpness
        float64 (n,): steepest step over peak, three deviations of the noise taken off; for marks of
        little ink, the average if that is less. Print, pen and seals give 0.55 and more,
        show-through 0.45 and less.
    extent_mm
        float64 (n,): longer side of the box.
    crowd
        The most specks, dust (twice) and fibres in any square of 8 mm.
    crowded
        Whether that is more than chance puts there.
    dust
        How many specks of dust were taken out before.
    """

    kinds: NDArray[np.int64]
    sharpness: NDArray[np.float64]
    extent_mm: NDArray[np.float64]
    crowd: int
    crowded: bool
    dust: int

    def rows(self, *kinds: Kind) -> NDArray[np.int64]:
        """Return the rows of the marks of these kinds."""
        return np.flatnonzero(np.isin(self.kinds, kinds))


def take_out_dust(page: InkMap, excluded: NDArray[np.uint8]) -> NDArray[np.int32]:
    """Find dust and add it, with the blur around it, to `excluded`; return boxes (n, 4).

    Dust is one dark, colourless, round speck of no more than 0.56 mm with no other ink close by.
    It may lie on show-through: taken out first, it lends it no sharp edges.
    """
    level = max(3 * page.threshold, _DUST_INK)
    boxes = marks.boxes(page, excluded, level)
    w, h = boxes[:, 2], boxes[:, 3]
    small = (np.maximum(w, h) <= page.px(_DUST_BOX_MM)) & (np.abs(w - h) <= 1)
    dust = [box for box in boxes[small] if _is_dust(page, box, level)]
    for x, y, width, height in dust:
        excluded[max(y - 2, 0) : y + height + 2, max(x - 2, 0) : x + width + 2] = 255
    return np.array(dust, np.int32).reshape(-1, 4)


def _is_dust(page: InkMap, box: NDArray[np.int32], level: int) -> bool:
    x, y, w, h = (int(v) for v in box)
    around = np.s_[max(y - 2, 0) : y + h + 2, max(x - 2, 0) : x + w + 2]
    ink = page.ink[around].astype(np.int64)
    rim = np.concatenate([ink[0], ink[-1], ink[:, 0], ink[:, -1]])
    ground = int(np.median(rim))
    peak = int(ink.max()) - ground
    if int(rim.max()) * 5 > level * 4 or peak <= 0:
        return False
    if int(page.spread[around].max()) - page.paper_spread >= COLOURED:
        return False
    area_mm2 = float(np.maximum(ink - ground, 0).sum()) / peak * page.mm(1) ** 2
    most = _DUST_AREA_MM2 if peak >= min(_DUST_PEAK, page.paper // 3) else _SPECK_AREA_MM2
    return area_mm2 <= most


def name(page: InkMap, found: Marks, dust: NDArray[np.int32]) -> Named:
    """Return what each mark is taken for; `dust` are the boxes of `take_out_dust`."""
    extent = found.box[:, 2:].max(axis=1, initial=0) * page.mm(1)
    sharpness = np.maximum(found.edge - 3 * page.noise / 256, 0) / np.maximum(found.peak, 1)
    # On little ink one noisy pixel makes a steep step; the average of all steps does not mind.
    faint = found.peak < CLEAR_CONTRAST
    sharpness = np.where(faint, np.minimum(sharpness, found.roughness), sharpness)
    area_mm2 = found.mass / np.maximum(found.peak, 1) * page.mm(1) ** 2
    soft = sharpness < _SOFT
    fibre = (
        (extent <= _CROSSED_FIBRES_MM) & (found.peak <= _FIBRE_PEAK) & (area_mm2 <= _FIBRE_AREA_MM2)
    ) & (page.paper <= _FIBRE_PAPER)

    kinds = np.full(len(found), Kind.MARK, np.int64)
    kinds[sharpness < _SHARP] = Kind.UNSURE
    kinds[fibre] = Kind.FIBRE
    kinds[soft & (found.peak <= _SOFT_PEAK)] = Kind.SOFT
    nearly = (kinds == Kind.UNSURE) | (faint & (sharpness < _SHARP_IF_FAINT) & ~fibre & ~soft)
    _settle_unsure(found, extent, kinds, nearly)
    _name_staples(page, found, area_mm2, kinds)
    _name_holes(page, found, kinds)
    kinds[_edges(page, found)] = Kind.EDGE
    kinds[_specks(page, found, extent, area_mm2)] = Kind.SPECK
    _settle_fibres(page, found, kinds, extent)
    crowd, limit = _crowd(page, found, kinds, dust)
    return Named(kinds, sharpness, extent, crowd, crowd > limit, len(dust))


def _specks(
    page: InkMap, found: Marks, extent: NDArray[np.float64], area_mm2: NDArray[np.float64]
) -> Flags:
    """Return which marks are too small to matter: by extent, or, if compact, by area.

    The box of a dark speck counts its blurred skirt; mass over peak does not. A disk of half a
    millimetre has 0.2 mm2. A sliver is what a streak or the edge of the sheet left of a speck;
    grain hardly rises above the noise.
    """
    w, h = found.box[:, 2], found.box[:, 3]
    compact = (np.abs(w - h) <= 1) & (np.maximum(w, h) <= 5) & (area_mm2 <= _SPECK_AREA_MM2)
    sliver = found.cut & (extent <= _DUST_BOX_MM) & (area_mm2 <= _SPECK_AREA_MM2)
    grain = (found.peak * 2 < page.threshold * 3) & (found.area < 8)
    too_small = (extent < SMALLEST_MM - 0.01) | (found.area < 3)
    return np.asarray(too_small | compact | sliver | grain)


def _edges(page: InkMap, found: Marks) -> Flags:
    """Return which marks hug the border of the image: the rest of a sheet's own edge."""
    x, y, w, h = found.box.T
    height, width = page.ink.shape
    reach = page.px(_EDGE_MM)
    upright = ((x == 0) & (w <= reach)) | ((x + w == width) & (w <= reach))
    level = ((y == 0) & (h <= reach)) | ((y + h == height) & (h <= reach))
    return np.asarray((upright & (h >= 2 * w)) | (level & (w >= 2 * h)))


def _name_holes(page: InkMap, found: Marks, kinds: NDArray[np.int64]) -> None:
    """Name punched holes: filled, even disks near an edge of the sheet."""
    x, y, w, h = found.box.T
    height, width = page.ink.shape
    low, high = (page.px(mm) for mm in _HOLE_MM)
    near = np.minimum.reduce([x + w / 2, width - x - w / 2, y + h / 2, height - y - h / 2])
    likely = (
        (np.minimum(w, h) >= low)
        & (np.maximum(w, h) <= high)
        & (np.abs(w - h) <= 0.12 * w)
        & (near <= page.px(_HOLE_REACH_MM))
        & (np.abs(found.area / np.maximum(w * h, 1) - np.pi / 4) <= 0.05)
    )
    holes = [i for i in np.flatnonzero(likely) if _even(page, found.box[i])]
    if len(holes) <= _HOLES:
        kinds[holes] = Kind.HOLE


def _even(page: InkMap, box: NDArray[np.int32]) -> bool:
    x, y, w, h = (int(v) for v in box)
    core = page.ink[y + h // 4 : y + h - h // 4, x + w // 4 : x + w - w // 4]
    return int(core.min()) >= 50 and int(core.max()) - int(core.min()) <= 40


def _name_staples(
    page: InkMap, found: Marks, area_mm2: NDArray[np.float64], kinds: NDArray[np.int64]
) -> None:
    """Name staples: one thin, straight, colourless bar of their length at the top of the sheet."""
    x, y, w, h = found.box.T
    length = np.hypot(w, h) * page.mm(1)
    reach = page.px(_STAPLE_REACH_MM)
    likely = (
        (length >= _STAPLE_MM[0])
        & (length <= _STAPLE_MM[1])
        & (area_mm2 <= length * _STAPLE_WIDTH_MM)
        & (found.colour < COLOURED)
        & (found.peak >= 40)
        & (y + h / 2 <= reach)
    )
    for kind, side in (
        (Kind.STAPLE, x + w / 2 <= reach),
        (Kind.STAPLE_BACK, x + w / 2 >= page.ink.shape[1] - reach),
    ):
        staples = [i for i in np.flatnonzero(likely & side) if _straight(page, found, int(i))]
        if len(staples) == 1:
            kinds[staples] = kind


def _straight(page: InkMap, found: Marks, i: int) -> bool:
    """Whether all of a mark lies on one line, give or take 0.3 mm."""
    ys, xs = found.pixels(i)
    points = np.column_stack([xs, ys]).astype(np.float64)
    points -= points.mean(axis=0)
    across = np.linalg.eigvalsh(points.T @ points / len(points))[0]
    return float(np.sqrt(max(across, 0.0))) <= page.px(0.3)


def _settle_unsure(
    found: Marks, extent: NDArray[np.float64], kinds: NDArray[np.int64], nearly: Flags
) -> None:
    """Among hundreds of soft marks a few measure sharper by chance: those no larger or darker."""
    soft = np.flatnonzero(kinds == Kind.SOFT)
    rows = np.flatnonzero(nearly)
    if soft.size < _CROWD_OF_SOFT or rows.size > _UNSURE_BY_CHANCE * soft.size:
        return
    usual = (found.peak[rows] <= found.peak[soft].max()) & (extent[rows] <= extent[soft].max())
    kinds[rows[usual]] = Kind.SOFT


def _settle_fibres(
    page: InkMap, found: Marks, kinds: NDArray[np.int64], extent: NDArray[np.float64]
) -> None:
    """Fibres are a property of the paper: many, short and all over it. A few are marks.

    Where two fibres cross, one longer mark is seen: one in fifty may be.
    """
    rows = np.flatnonzero(kinds == Kind.FIBRE)
    height, width = page.ink.shape
    quarters = Counter(
        (bool(x * 2 >= width), bool(y * 2 >= height)) for x, y in found.box[rows, :2]
    )
    all_over = len(quarters) == 4 and min(quarters.values()) * 10 >= rows.size
    crossed = int(np.count_nonzero(extent[rows] > _FIBRE_MM))
    if rows.size < _FIBRES or not all_over or crossed > 1 + _CROSSED_FIBRES * rows.size:
        kinds[rows] = Kind.MARK


def _crowd(
    page: InkMap, found: Marks, kinds: NDArray[np.int64], dust: NDArray[np.int32]
) -> tuple[int, float]:
    """Return the most specks, dust and fibres in one square, and what chance may put there.

    Leader dots and broken faint writing crowd; dust and fibres do not.
    """
    clear = found.peak >= CLEAR_CONTRAST
    counted = (kinds == Kind.FIBRE) | (clear & (kinds == Kind.SPECK))
    boxes = np.concatenate([found.box[counted], dust])
    weights = np.concatenate([np.ones(int(counted.sum()), np.int64), np.full(len(dust), 2)])
    side = page.px(_CROWD_MM)
    height, width = page.ink.shape
    counts = np.zeros((int(height / side) + 1, int(width / side) + 1), np.int64)
    rows = (boxes[:, 1] / side).astype(np.int64)
    columns = (boxes[:, 0] / side).astype(np.int64)
    np.add.at(counts, (rows, columns), weights)
    mean = float(weights.sum()) / counts.size
    return int(counts.max()), max(_CROWD, mean + 6 * mean**0.5 + 4)
