"""Name every mark on a nearly empty face: hole, staple, fibre, edge, speck, soft, or simply a mark.

Rule 1: an explanation is shape and place; ink that fits none is a mark.
Rule 2: what is rare on real sheets may not be frequent here: more than four holes are not holes,
two staples are not staples, a few fibres are not the paper's, a crowd of specks is not dust.
Rule 3: ink of 20/255 on half a millimetre is a mark. `kernels.blank` states this floor, and what is
taken for what it looks like all the same.
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from kernels.blank import fastenings, fibres
from kernels.blank.dust import Dust
from kernels.blank.ground import LEVEL_ABOVE
from kernels.blank.ink import MAP_DPI, InkMap
from kernels.blank.marks import Marks

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
_NEAR_BORDER_MM: Final = 0.4
_BED_INK: Final = 100
_SPECK_AREA_MM2: Final = 0.15
_SPECK_BOX_MM: Final = 0.9
_SPECK_CORE: Final = 80
"""A square of half a millimetre and 20/255, blurred by half a pixel, has 100 and more."""
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
    dust, dust_on_ink
        How many specks of dust were taken out before, and how many of them lie on ink that is
        not the paper's own fibres.
    """

    kinds: NDArray[np.int64]
    sharpness: NDArray[np.float64]
    extent_mm: NDArray[np.float64]
    crowd: int
    crowded: bool
    dust: int
    dust_on_ink: int

    def rows(self, *kinds: Kind) -> NDArray[np.int64]:
        """Return the rows of the marks of these kinds."""
        return np.flatnonzero(np.isin(self.kinds, kinds))


def name(page: InkMap, found: Marks, dust: Dust) -> Named:
    """Return what each mark is taken for; `dust` was taken out before."""
    extent = found.box[:, 2:].max(axis=1, initial=0) * page.mm(1)
    sharpness = _sharpness(page, found)
    faint = found.peak < CLEAR_CONTRAST
    soft = sharpness < _SOFT
    kinds = np.full(len(found), Kind.MARK, np.int64)
    kinds[sharpness < _SHARP] = Kind.UNSURE
    kinds[soft & (found.peak <= _SOFT_PEAK)] = Kind.SOFT
    nearly = (kinds == Kind.UNSURE) | (faint & (sharpness < _SHARP_IF_FAINT) & ~soft)
    _settle_unsure(found, extent, kinds, nearly)
    left, right = fastenings.staples(page, found)
    kinds[left], kinds[right] = Kind.STAPLE, Kind.STAPLE_BACK
    kinds[fastenings.holes(page, found)] = Kind.HOLE
    kinds[_edges(page, found)] = Kind.EDGE
    kinds[_specks(page, found, extent)] = Kind.SPECK
    open_ = (kinds == Kind.MARK) | (kinds == Kind.UNSURE)
    open_ |= (kinds == Kind.SOFT) & (found.roughness >= ROUGH)
    kinds[fibres.named(page, found, open_)] = Kind.FIBRE
    crowd, limit = _crowd(page, found, kinds, dust.box)
    # Among fibres dust always lies beside some ink.
    on_ink = 0 if np.any(kinds == Kind.FIBRE) else dust.on_ink
    return Named(kinds, sharpness, extent, crowd, crowd > limit, len(dust.box), on_ink)


def _sharpness(page: InkMap, found: Marks) -> NDArray[np.float64]:
    # The steepest of many steps owes more to noise than the steepest of few.
    chance = page.noise / 256 * (2.2 + 0.35 * np.log(np.maximum(found.area, 1)))
    sharpness = np.maximum(found.edge - chance, 0) / np.maximum(found.peak, 1)
    # On little ink one noisy pixel makes a steep step; the average of all steps does not mind.
    faint = found.peak < CLEAR_CONTRAST
    return np.where(faint, np.minimum(sharpness, found.roughness), sharpness)


def _specks(page: InkMap, found: Marks, extent: NDArray[np.float64]) -> Flags:
    """Return which marks are too small to matter: by ink, or, if compact, by area.

    The box of a dark speck counts its blurred skirt; mass over peak, less what noise adds to the
    peak, does not. A disk of half a millimetre has 0.2 mm2. A sliver is what a streak, the edge
    of the sheet or the border left of a speck; grain has less ink than the faintest mark.
    """
    w, h = found.box[:, 2], found.box[:, 3]
    area_mm2 = found.mass / np.maximum(found.peak - page.noise / 128, 1) * page.mm(1) ** 2
    tiny = area_mm2 <= _SPECK_AREA_MM2
    little = found.core < _SPECK_CORE * min(page.dpi / MAP_DPI, 1.0) ** 2
    compact = (np.abs(w - h) <= 1) & (np.maximum(w, h) <= 5) & tiny
    # Of what is hardly darker than the noise neither box nor area is known so well.
    compact &= little | (found.peak >= 3 * page.threshold)
    sliver = _cut(page, found) & (extent <= _SPECK_BOX_MM) & tiny
    grain = (found.area < 8) & little
    too_small = ((extent < SMALLEST_MM - 0.01) | (found.area < 3)) & (little | tiny)
    return np.asarray(too_small | compact | sliver | grain)


def _cut(page: InkMap, found: Marks) -> Flags:
    """Return which marks touch the border or what was left out."""
    x, y, w, h = found.box.T
    height, width = page.ink.shape
    at_border = (x == 0) | (y == 0) | (x + w == width) | (y + h == height)
    return np.asarray(found.cut | at_border)


def _edges(page: InkMap, found: Marks) -> Flags:
    """Return which marks hug the border of the image: what is left of a sheet's own edge.

    They have no colour, and go on from what was left out as edge, shadow or bed; or the bed shows
    in the very corner. A rim is one pixel wide along what was left out.
    """
    x, y, w, h = found.box.T
    right, below = page.ink.shape[1] - x - w, page.ink.shape[0] - y - h
    reach, near = page.px(_EDGE_MM), page.px(_NEAR_BORDER_MM)
    upright = (np.minimum(x, right) <= near) & (w <= reach) & (h >= 2 * w)
    level = (np.minimum(y, below) <= near) & (h <= reach) & (w >= 2 * h)
    rim = (np.minimum(w, h) == 1) & (found.peak < 2 * CLEAR_CONTRAST)
    corner = (np.minimum(x, right) == 0) & (np.minimum(y, below) == 0)
    corner &= (found.peak >= _BED_INK) & (np.maximum(w, h) <= reach)
    likely = ((upright | level | rim) & found.cut) | corner
    for i in np.flatnonzero(likely):
        likely[i] = _is_gray(page, found.box[i])
    return np.asarray(likely)


def _is_gray(page: InkMap, box: NDArray[np.int32]) -> bool:
    """Whether a box holds no colour but where it is lighter than the paper, and so no ink."""
    x, y, w, h = (int(v) for v in box)
    place = np.s_[y : y + h, x : x + w]
    spread = page.spread[place].astype(np.int64)
    shown = page.dark[place] + spread <= page.paper + page.paper_spread + LEVEL_ABOVE
    return int(spread[shown].max(initial=0)) < page.coloured_object


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


def _crowd(
    page: InkMap, found: Marks, kinds: NDArray[np.int64], dust: NDArray[np.int32]
) -> tuple[int, float]:
    """Return the most specks, dust and fibres in one square, and what chance may put there.

    Leader dots and broken faint writing crowd; dust and fibres do not.
    """
    # What a streak or an edge left of specks stands in line beside it.
    clear = (found.peak >= CLEAR_CONTRAST) & ~_cut(page, found)
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
