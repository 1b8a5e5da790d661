"""Name every mark on a nearly empty face: hole, staple, dust, fibre, soft, or simply a mark.

Rule 1: an explanation is shape and place; ink that fits none is a mark.
Rule 2: what is rare on real sheets may not be frequent here: more than four holes are not holes,
two staples are not staples, a few fibres are not the paper's.
Rule 3: ink of 20/255 on half a millimetre is a mark. Three things that small are taken for what
they look like: one round dark gray speck of up to half a millimetre, a thin gray stroke shorter
than 2.5 mm among fibres, and what has the shape, colour and place of a hole or a staple.
"""

from collections import Counter
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from kernels import marks
from kernels.ink import InkMap
from kernels.marks import Marks

SMALLEST_MM: Final = 0.5
"""A mark of this extent must be explained."""
CLEAR_CONTRAST: Final = 20
"""A mark of this much ink must be explained."""
ROUGH: Final = 0.56
"""Roughness from which a faint mark may be a stroke that noise makes look soft."""
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
_STAPLE_STRAIGHT_MM: Final = 0.3
_STAPLE_REACH_MM: Final = 38.0
_SPECK_AREA_MM2: Final = 0.15
_DUST_AREA_MM2: Final = 0.235
_DUST_INK: Final = 50
_DUST_BOX_MM: Final = 0.9
_DUST_PEAK: Final = 80
_FIBRE_PEAK: Final = 60
_FAINT_FIBRE_PEAK: Final = 30
_FIBRE_THICKNESS_MM: Final = (0.09, 0.1)
"""Of faint ones and of others; a stroke of 0.3 mm has more, and a dot of half a millimetre."""
_FIBRE_PAPER: Final = 205
_FIBRES: Final = 24
_CROSSED_MM: Final = (1.1, 2.5)
_CROSSED_AREA_MM2: Final = 0.6
_CROSSED_PEAK: Final = 45
_CROSSED_WIDTH_MM: Final = (0.28, 0.35)
"""Area over extent of crossed fibres with less ink than that, and with more."""
_CROSSED: Final = 0.02
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
        float64 (n,): steepest step over peak, what noise may have added taken off; for marks of
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

    Dust is one dark, colourless, round speck of half a millimetre with no other ink close by.
    It may lie on show-through: taken out first, it lends it no sharp edges.
    """
    level = max(3 * page.threshold, _DUST_INK)
    boxes = marks.boxes(page.ink, excluded, level)
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
    if int(page.spread[around].max()) >= page.coloured_object:
        return False
    area_mm2 = float(np.maximum(ink - ground, 0).sum()) / peak * page.mm(1) ** 2
    most = _DUST_AREA_MM2 if peak >= min(_DUST_PEAK, page.paper // 3) else _SPECK_AREA_MM2
    return area_mm2 <= most


def name(page: InkMap, found: Marks, dust: NDArray[np.int32]) -> Named:
    """Return what each mark is taken for; `dust` are the boxes of `take_out_dust`."""
    extent = found.box[:, 2:].max(axis=1, initial=0) * page.mm(1)
    # The steepest of many steps owes more to noise than the steepest of few.
    chance = page.noise / 256 * (2.2 + 0.35 * np.log(np.maximum(found.area, 1)))
    sharpness = np.maximum(found.edge - chance, 0) / np.maximum(found.peak, 1)
    # On little ink one noisy pixel makes a steep step; the average of all steps does not mind.
    faint = found.peak < CLEAR_CONTRAST
    sharpness = np.where(faint, np.minimum(sharpness, found.roughness), sharpness)
    area_mm2 = found.mass / np.maximum(found.peak, 1) * page.mm(1) ** 2
    soft = sharpness < _SOFT

    kinds = np.full(len(found), Kind.MARK, np.int64)
    kinds[sharpness < _SHARP] = Kind.UNSURE
    kinds[soft & (found.peak <= _SOFT_PEAK)] = Kind.SOFT
    nearly = (kinds == Kind.UNSURE) | (faint & (sharpness < _SHARP_IF_FAINT) & ~soft)
    _settle_unsure(found, extent, kinds, nearly)
    _name_staples(page, found, area_mm2, kinds)
    _name_holes(page, found, kinds)
    kinds[_edges(page, found)] = Kind.EDGE
    kinds[_specks(page, found, extent)] = Kind.SPECK
    _name_fibres(page, found, (extent, area_mm2), kinds)
    crowd, limit = _crowd(page, found, kinds, dust)
    return Named(kinds, sharpness, extent, crowd, crowd > limit, len(dust))


def _specks(page: InkMap, found: Marks, extent: NDArray[np.float64]) -> Flags:
    """Return which marks are too small to matter: by extent, or, if compact, by area.

    The box of a dark speck counts its blurred skirt; mass over peak, less what noise adds to the
    peak, does not. A disk of half a millimetre has 0.2 mm2. A sliver is what a streak or the edge
    of the sheet left of a speck; grain hardly rises above the noise, and stays below 20/255 on any
    paper that is quiet enough to be called blank for sure.
    """
    w, h = found.box[:, 2], found.box[:, 3]
    area_mm2 = found.mass / np.maximum(found.peak - page.noise / 128, 1) * page.mm(1) ** 2
    tiny = area_mm2 <= _SPECK_AREA_MM2
    compact = (np.abs(w - h) <= 1) & (np.maximum(w, h) <= 5) & tiny
    sliver = found.cut & (extent <= _DUST_BOX_MM) & tiny
    grain = (found.peak < page.threshold * 1.5) & (found.area < 8)
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
    """Name punched holes: filled, even, colourless disks near an edge of the sheet."""
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
    middle = np.s_[y + h // 4 : y + h - h // 4, x + w // 4 : x + w - w // 4]
    core = page.ink[middle]
    even = int(core.min()) >= 50 and int(core.max()) - int(core.min()) <= 40
    return even and int(page.spread[middle].max()) < page.coloured_object


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
        & (found.colour < page.coloured_object)
        & (found.peak >= 40)
        & (y + h / 2 <= reach)
    )
    for kind, side in (
        (Kind.STAPLE, x + w / 2 <= reach),
        (Kind.STAPLE_BACK, x + w / 2 >= page.ink.shape[1] - reach),
    ):
        staples = [
            i
            for i in np.flatnonzero(likely & side)
            if _thickness_mm(page, found, int(i)) <= _STAPLE_STRAIGHT_MM
        ]
        if len(staples) == 1:
            kinds[staples] = kind


def _thickness_mm(page: InkMap, found: Marks, i: int) -> float:
    """Return the standard deviation of a mark's ink across its longer direction."""
    ys, xs = found.pixels(i)
    weights = page.ink[ys, xs] / np.sum(page.ink[ys, xs], dtype=np.float64)
    points = np.column_stack([xs, ys]).astype(np.float64)
    points -= weights @ points
    across = np.linalg.eigvalsh((points.T * weights) @ points)[0]
    return page.mm(float(np.sqrt(max(across, 0.0))))


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


def _name_fibres(
    page: InkMap,
    found: Marks,
    sizes: tuple[NDArray[np.float64], NDArray[np.float64]],
    kinds: NDArray[np.int64],
) -> None:
    """Name the fibres of recycled paper: many, all over it, thin, short, faint and colourless.

    They are a property of the paper; a few are marks. Where two cross, one longer, thicker and
    darker mark is seen that has the ink of two: one in fifty may be. `sizes` are extent and area.
    """
    if page.paper - page.tint > _FIBRE_PAPER:
        return
    extent, area_mm2 = sizes
    open_ = (kinds == Kind.MARK) | (kinds == Kind.UNSURE)
    open_ |= (kinds == Kind.SOFT) & (found.roughness >= ROUGH)
    open_ &= (found.colour < page.coloured_ink) & (extent <= _CROSSED_MM[1])
    likely = np.flatnonzero(open_ & (found.peak <= 2 * _FIBRE_PEAK))
    thickness = np.array([_thickness_mm(page, found, int(i)) for i in likely])
    faint = found.peak < _FAINT_FIBRE_PEAK
    single = thickness <= np.where(faint[likely], *_FIBRE_THICKNESS_MM)
    single &= found.peak[likely] <= _FIBRE_PEAK
    width_mm = np.where(found.peak < _CROSSED_PEAK, *_CROSSED_WIDTH_MM)
    double = (extent >= _CROSSED_MM[0]) & (area_mm2 <= extent * width_mm)
    double &= area_mm2 <= _CROSSED_AREA_MM2
    thin, crossed = likely[single], likely[double[likely] & ~single]
    height, width = page.ink.shape
    quarters = Counter(
        (bool(x * 2 >= width), bool(y * 2 >= height)) for x, y in found.box[thin, :2]
    )
    if len(quarters) < 4 or min(quarters.values()) * 10 < thin.size or thin.size < _FIBRES:
        return
    kinds[thin] = Kind.FIBRE
    if crossed.size <= 1 + _CROSSED * thin.size:
        kinds[crossed] = Kind.FIBRE


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
