"""Is this face blank? Evidence, not a threshold.

Rule 1: every mark of half a millimetre or more needs an explanation: a punch hole, a staple, dust,
the fibres of recycled paper, the edge of the sheet, or show-through. One that has none vetoes.
Rule 2: an explanation is a matter of shape, place and softness of edges, never of how little ink
there is. A lone page number is content.
Rule 3: in doubt the face is kept.

Show-through is soft: paper spreads the light, so its edges are wide where those of a pen, a
printer or a seal are not. With the other side of the sheet at hand it must also lie where that
side, mirrored, bears ink.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from kernels import bed, explain, marks
from kernels.explain import CLEAR_CONTRAST, ROUGH, Kind, Named
from kernels.first_pass import FirstPass
from kernels.ink import InkMap, ink_map
from kernels.marks import Marks
from kernels.raster import Raster

VERSION: Final = "1"

_NOISIEST_THRESHOLD: Final = 12
"""Above this a mark of 20/255 could hide in the paper's own noise."""
_SMALLEST_FACE_MM: Final = 20
_DARKEST_PAPER: Final = 100
_VERY_SOFT: Final = 0.42
_SOFT_GRAY_PEAK: Final = 38
_SOFT_COLOUR_PEAK: Final = 30
_FAINT: Final = (14, 40)
"""Ink at which a thin stroke of 20/255 may measure soft; with more, sharpness is exact."""
_ROUGH_COLOUR: Final = 0.5
_FEW: Final = 4
"""Print that shines through comes in many marks: fewer small ones may be all there is to read."""
_SEAL_PIECES: Final = 8
_SEAL_MM: Final = 10.0
_DOUBTFUL_ALONE: Final = 0.1
_DOUBTFUL_BESIDE: Final = 0.25
_TONE_BELOW: Final = 25
_TONE_FRACTION: Final = 0.02
_STRONG_COLOUR: Final = 60
_INKED_CELL: Final = 60
_INKED_FRACTION: Final = 0.06
_MIRROR_DPI: Final = 37.5
_MIRROR_SHIFT_MM: Final = 5.0
_MIRROR_SHARE: Final = 0.9
_MIRROR_INK: Final = 40
_STAPLE_SLIP_MM: Final = 4.0


class Level(StrEnum):
    """How sure the verdict is that the face is blank."""

    SURE = "sure"
    LIKELY = "likely"
    NO = "no"


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a face is blank, why (one fixed word), and every value that was weighed."""

    level: Level
    reason: str
    values: dict[str, float]


@dataclass(frozen=True, slots=True)
class Soft:
    """A soft mark: what it would take to be show-through."""

    peak: int
    sharpness: float
    roughness: float
    extent_mm: float
    coloured: bool


@dataclass(frozen=True, slots=True)
class BlankMeasures:
    """What one face shows by itself; `decide` weighs it, with the other side if there is one.

    Attributes
    ----------
    values
        Every number measured, for the record.
    veto
        Reason word of what speaks against a blank face for certain, or "".
    plain
        Reason word if nothing but explained marks is there.
    soft
        The marks that can only be show-through.
    soft_cells
        bool, about 37 dpi: where they lie.
    staples_mm, needed_staples_mm
        Centres of staple-like marks; those which only the other side can explain.
    luma, luma_dpi, paper
        Reduced luma of the face and its paper level: what shows through on the other side.
    """

    values: dict[str, float]
    veto: str
    plain: str
    soft: tuple[Soft, ...]
    soft_cells: NDArray[np.bool_]
    staples_mm: tuple[tuple[float, float], ...]
    needed_staples_mm: tuple[tuple[float, float], ...]
    luma: NDArray[np.uint8]
    luma_dpi: float
    paper: int


def measure(raster: Raster, first: FirstPass) -> BlankMeasures:
    """Return what a face shows.

    A face full of ink is known from the cells of the first pass and costs next to nothing; any
    other is mapped and its marks are named one by one.

    Parameters
    ----------
    raster
        The page as captured, before any turn: staples are told by their place.
    first
        Its first pass.
    """
    if min(raster.height_px, raster.width_px) * 25.4 < _SMALLEST_FACE_MM * raster.dpi:
        return _measures(raster, first, {}, "too_small")
    inked = _inked_fraction(first)
    if inked > _INKED_FRACTION:
        values: dict[str, float] = {"inked_fraction": round(inked, 4)}
        return _measures(raster, first, values, "mark")
    page = ink_map(raster)
    out = bed.exclude(page)
    tone = _tone(page, out.mask)
    dust = explain.take_out_dust(page, out.mask)
    found = marks.marks(page, out.mask)
    named = explain.name(page, found, dust)
    values = {
        "inked_fraction": round(inked, 4),
        "paper": page.paper,
        "noise": round(page.noise / 256, 2),
        "threshold": page.threshold,
        "bed_fraction": round(out.bed_fraction, 4),
        "edges": out.edges,
        "streaks": len(out.streaks_px),
        "tone_fraction": round(tone, 4),
        "crowd": named.crowd,
        "count_dust": named.dust,
        **_weigh(found, named, (Kind.MARK, Kind.UNSURE), "mark"),
        **_weigh(found, named, (Kind.SOFT,), "soft"),
        "colour_mm2": round(_colour_mm2(page), 1),
    }
    values |= {f"count_{kind.name.lower()}": int(named.rows(kind).size) for kind in Kind}
    soft = named.rows(Kind.SOFT)
    back = _centres(page, found, named.rows(Kind.STAPLE_BACK))
    return BlankMeasures(
        values=values,
        veto=_veto(page, named, tone),
        plain=_plain(named),
        soft=tuple(
            Soft(
                int(found.peak[i]),
                float(named.sharpness[i]),
                float(found.roughness[i]),
                float(named.extent_mm[i]),
                bool(found.colour[i] >= page.coloured_ink),
            )
            for i in soft
        ),
        soft_cells=_soft_cells(page, found, soft),
        staples_mm=_centres(page, found, named.rows(Kind.STAPLE)) + back,
        needed_staples_mm=back,
        luma=first.half,
        luma_dpi=raster.dpi / 2,
        paper=first.paper,
    )


def decide(front: BlankMeasures, back: BlankMeasures | None = None) -> Verdict:
    """Return the verdict on `front`; `back` is the other side of the same sheet."""
    values = dict(front.values)
    veto = front.veto
    if not veto and front.needed_staples_mm and not _stapled_through(front, back):
        veto = "mark"
    if veto:
        return Verdict(Level.NO, veto, values)
    if values["threshold"] > _NOISIEST_THRESHOLD:
        return Verdict(Level.LIKELY, "noisy_paper", values)
    if not front.soft:
        return Verdict(Level.SURE, front.plain, values)
    doubtful = _doubtful_fraction(front.soft)
    values["doubtful_fraction"] = round(doubtful, 3)
    if back is None:
        return _alone(front, values, doubtful)
    return _beside(front, back, values, doubtful)


def _doubtful_fraction(soft: tuple[Soft, ...]) -> float:
    """Return the share of soft marks that may as well be faint strokes.

    Noise makes a faint stroke look soft, and JPEG blurs colour; but a seal that shines through is
    large or in many pieces.
    """
    coloured = [mark for mark in soft if mark.coloured]
    is_seal = len(coloured) >= _SEAL_PIECES or any(m.extent_mm >= _SEAL_MM for m in coloured)
    few = len(soft) < _FEW
    doubtful = 0
    for mark in soft:
        faint = _FAINT[0] <= mark.peak < _FAINT[1]
        rough = mark.roughness >= (_ROUGH_COLOUR if mark.coloured else ROUGH)
        lone = few and mark.extent_mm < _SEAL_MM
        doubtful += faint and (rough or lone or (mark.coloured and not is_seal))
    return doubtful / len(soft)


def _alone(front: BlankMeasures, values: dict[str, float], doubtful: float) -> Verdict:
    """Judge soft marks by softness alone: the other side was not captured."""
    if doubtful > _DOUBTFUL_ALONE:
        return Verdict(Level.LIKELY, "soft_marks_unproven", values)
    for mark in front.soft:
        if mark.coloured:
            soft = mark.peak <= _SOFT_COLOUR_PEAK and mark.sharpness <= _VERY_SOFT
        else:
            soft = mark.peak <= _SOFT_GRAY_PEAK
        if not soft:
            return Verdict(Level.LIKELY, "soft_marks_unproven", values)
    return Verdict(Level.SURE, "show_through", values)


def _beside(
    front: BlankMeasures, back: BlankMeasures, values: dict[str, float], doubtful: float
) -> Verdict:
    """Judge soft marks by where the other side bears ink.

    A full page has ink wherever a lone stroke may lie: that alone does not explain it.
    """
    share = _mirrored_share(front, back)
    values["mirrored_share"] = round(share, 3)
    if share >= _MIRROR_SHARE and doubtful <= _DOUBTFUL_BESIDE:
        return Verdict(Level.SURE, "show_through", values)
    if share >= _MIRROR_SHARE:
        return Verdict(Level.LIKELY, "soft_marks_unproven", values)
    faint = all(mark.peak < CLEAR_CONTRAST and not mark.coloured for mark in front.soft)
    return Verdict(Level.LIKELY if faint else Level.NO, "soft_marks_not_mirrored", values)


def _measures(
    raster: Raster, first: FirstPass, values: dict[str, float], veto: str
) -> BlankMeasures:
    return BlankMeasures(
        values=values,
        veto=veto,
        plain="",
        soft=(),
        soft_cells=np.zeros((1, 1), np.bool_),
        staples_mm=(),
        needed_staples_mm=(),
        luma=first.half,
        luma_dpi=raster.dpi / 2,
        paper=first.paper,
    )


def _inked_fraction(first: FirstPass) -> float:
    """Return the share of clearly inked cells in the middle of the page, away from any bed."""
    rows, columns = first.cells.shape[:2]
    middle = first.cells[rows // 6 : rows - rows // 6, columns // 6 : columns - columns // 6, 0]
    return float(np.count_nonzero(middle >= _INKED_CELL)) / max(middle.size, 1)


def _veto(page: InkMap, named: Named, tone: float) -> str:
    if named.rows(Kind.MARK).size:
        return "mark"
    if named.rows(Kind.UNSURE).size:
        return "unsure_mark"
    if page.paper < _DARKEST_PAPER:
        return "dark_paper"
    if tone > _TONE_FRACTION:
        return "tone"
    return "crowd_of_specks" if named.crowded else ""


def _plain(named: Named) -> str:
    for kind, reason in (
        (Kind.FIBRE, "fibres_only"),
        (Kind.HOLE, "holes_only"),
        (Kind.STAPLE, "staple_only"),
        (Kind.STAPLE_BACK, "staple_only"),
    ):
        if named.rows(kind).size:
            return reason
    return "dust_only" if named.dust else "empty"


def _weigh(found: Marks, named: Named, kinds: tuple[Kind, ...], word: str) -> dict[str, float]:
    rows = named.rows(*kinds)
    return {
        f"{word}_largest_mm": round(float(named.extent_mm[rows].max(initial=0)), 2),
        f"{word}_strongest": int(found.peak[rows].max(initial=0)),
        f"{word}_sharpest": round(float(named.sharpness[rows].max(initial=0)), 2),
        f"{word}_colour": int(found.colour[rows].max(initial=0)),
    }


def _centres(
    page: InkMap, found: Marks, rows: NDArray[np.int64]
) -> tuple[tuple[float, float], ...]:
    """Return where marks are: millimetres from the middle of the image and from its top."""
    middle = page.ink.shape[1] / 2
    return tuple(
        (page.mm(float(x + w / 2 - middle)), page.mm(float(y + h / 2)))
        for x, y, w, h in found.box[rows]
    )


def _stapled_through(front: BlankMeasures, back: BlankMeasures | None) -> bool:
    """Whether the other side shows a staple where ours, mirrored, is."""
    return back is not None and all(
        any(
            abs(x + other_x) <= _STAPLE_SLIP_MM and abs(y - other_y) <= _STAPLE_SLIP_MM
            for other_x, other_y in back.staples_mm
        )
        for x, y in front.needed_staples_mm
    )


def _tone(page: InkMap, mask: NDArray[np.uint8]) -> float:
    """Return the share of cells that are darker than the paper and are not bed."""
    rows, columns = page.levels.shape
    hidden = cv2.resize(mask, (columns, rows), interpolation=cv2.INTER_AREA)
    shown = hidden < 64
    dark = page.levels.astype(np.int32) < page.paper - _TONE_BELOW
    return float(np.count_nonzero(dark & shown)) / max(int(np.count_nonzero(shown)), 1)


def _colour_mm2(page: InkMap) -> float:
    strong = np.count_nonzero(page.spread > min(page.paper_spread + _STRONG_COLOUR, 255))
    return float(strong) * page.mm(1) ** 2


def _soft_cells(page: InkMap, found: Marks, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
    step = max(round(page.dpi / _MIRROR_DPI), 1)
    height, width = (-(-side // step) for side in page.ink.shape)
    cells = np.zeros((height, width), np.bool_)
    for i in rows:
        ys, xs = found.pixels(int(i))
        cells[ys // step, xs // step] = True
    return cells


def _mirrored_share(front: BlankMeasures, back: BlankMeasures) -> float:
    """Return the share of soft cells that lie on ink of the other side, at the best offset.

    The two windows of a scanner do not look at quite the same place, hence the search within
    5 mm; the ink is widened by one cell, because show-through spreads.
    """
    height, width = front.soft_cells.shape
    dark = (back.luma < max(back.paper - _MIRROR_INK, 0)).astype(np.uint8) * 255
    small = cv2.resize(dark, (width, height), interpolation=cv2.INTER_AREA)
    inked = cv2.dilate((small[:, ::-1] > 0).astype(np.uint8), np.ones((3, 3), np.uint8))
    reach = round(_MIRROR_SHIFT_MM * _MIRROR_DPI / 25.4)
    wide = cv2.copyMakeBorder(inked, *(reach,) * 4, cv2.BORDER_CONSTANT, value=0) != 0
    best = 0
    for dy in range(2 * reach + 1):
        for dx in range(2 * reach + 1):
            both = wide[dy : dy + height, dx : dx + width] & front.soft_cells
            best = max(best, int(np.count_nonzero(both)))
    return best / max(int(np.count_nonzero(front.soft_cells)), 1)
