"""Is this face blank? Evidence, not a threshold.

Rule 1: every mark of half a millimetre or more needs an explanation: a punch hole, a staple, dust,
the fibres of recycled paper, the edge of the sheet, or show-through. One that has none vetoes.
Rule 2: an explanation is a matter of shape, place and softness of edges, never of how little ink
there is. A lone page number is content.
Rule 3: with the other side of the sheet at hand show-through is not believed but taken off
(`shine`): what is left must be explained as on any other face, pixel by pixel. Holes and staples
must then show on both sides.
Rule 4: in doubt the face is kept.

The floor
---------
No face with a mark of at least 0.5 mm and a contrast of at least 20 of 255 (in the channel that the
ink darkens most) is ever SURE: in ink of any colour, on paper of any colour, with dust, fibres or
show-through beside or under it, up to the border of the image. What remains excepted:

* a round gray speck of up to 0.52 mm (0.21 mm2) is dust: 0.55 mm never is;
* a thin gray stroke on recycled paper that is no longer, darker or larger than the fibres of that
  very sheet, or that is like two of them crossed, is a fibre; so may be a faint blot of half a
  millimetre that a fibre crosses (2 of 16,000 trials of the floor);
* an even gray disk of 4 to 8 mm within 28 mm of an edge is a hole, and one straight gray bar of 6
  to 15 mm in an upper corner is a staple; where the other side was captured it must show them, too,
  and a staple alone must be so level and even that no hand drew it (`fastenings.is_wire`);
* within 1.5 mm of the sheet's edge on a dark bed, 0.7 mm on a light one, and in the shadow of an
  edge nothing fainter than the shadow is seen;
* a thin line from end to end of the image is a streak of dirty glass;
* what lies exactly on the other side's ink, is as soft as show-through and no darker than it.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

import numpy as np

from kernels.blank import bed, fastenings, shine
from kernels.blank.evidence import Evidence, gather, values_of
from kernels.blank.explain import CLEAR_CONTRAST, ROUGH, Kind
from kernels.blank.ink import MAP_DPI, InkMap, ink_map
from kernels.buffers import Buffers
from kernels.first_pass import FirstPass
from kernels.raster import Raster

VERSION: Final = "2"

_NOISIEST_THRESHOLD: Final = 12
"""Above this a mark of 20/255 could hide in the paper's own noise."""
_SMALLEST_FACE_MM: Final = 20
_DARKEST_PAPER: Final = 100
_TONE_FRACTION: Final = 0.02
_INKED_CELL: Final = 60
_INKED_FRACTION: Final = 0.06
_SURELY_SHARP: Final = 0.62
"""No paper lets edges as sharp as that shine through."""
_STRONGEST_SHINE: Final = 40
"""On show-through as dark as that a mark of 20/255 would be within the tolerance."""
_LEAST_SOFTNESS_MM: Final = 0.1
_FAINT_LEFT: Final = 12
_SOFT_LEFT: Final = (18, 0.2)
"""Most ink of what show-through does not explain, and its sharpness, that may be left."""
_FAINT_ALONE: Final = 14
"""A mark of 20/255 shows more ink on the map."""
_SOFT_ALONE: Final = (18, 0.3)
"""Most ink and sharpness of what no pen, printer or lens draws."""
_MANY: Final = 8
"""Print that shines through comes in many marks: fewer small ones may be all there is to read."""
_SEAL_ALONE: Final = (30, 0.2, 10.0)
"""Most ink, sharpness and least extent in mm of a seal that shines through."""


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
class BlankMeasures:
    """What one face shows by itself; `decide` weighs it, with the other side if there is one.

    Attributes
    ----------
    values
        Every number measured, for the record.
    veto
        Reason word of what speaks against a blank face for certain, or "".
    doubt
        Reason word of marks that show-through alone could explain, and only with the other side
        at hand; or "".
    evidence
        The marks and the map; None for a face full of ink or too small.
    raster
        The face as captured: what shines through on the other side.
    """

    values: dict[str, float]
    veto: str
    doubt: str
    evidence: Evidence | None
    raster: Raster


def measure(
    raster: Raster,
    first: FirstPass,
    buffers: Buffers | None = None,
    ink: Callable[[Raster, Buffers | None], InkMap] = ink_map,
) -> BlankMeasures:
    """Return what a face shows.

    A face full of ink is known from the cells of the first pass and costs next to nothing; any
    other is mapped and its marks are named one by one: 8 to 12 times copying a page in colour.

    Parameters
    ----------
    raster
        The page as captured, before any turn: staples are told by their place.
    first
        Its first pass.
    buffers
        Of the worker and of this side of the sheet; the evidence lies in them. None: in new ones.
    ink
        Makes the map of the page: here, or a twin of it.
    """
    if min(raster.height_px, raster.width_px) * 25.4 < _SMALLEST_FACE_MM * raster.dpi:
        return BlankMeasures({}, "too_small", "", None, raster)
    inked = _inked_fraction(first)
    values: dict[str, float] = {"inked_fraction": round(inked, 4)}
    if inked > _INKED_FRACTION:
        return BlankMeasures(values, "mark", "", None, raster)
    buffers = buffers or Buffers()
    page, out = bed.take_away(ink(raster, buffers), buffers)
    seen = gather(page, raster, out.mask)
    values |= values_of(seen, out)
    return BlankMeasures(values, _veto(seen, values), _doubt(seen), seen, raster)


def decide(
    front: BlankMeasures, back: BlankMeasures | None = None, buffers: Buffers | None = None
) -> Verdict:
    """Return the verdict on `front`; `back` is the other side of the same sheet.

    Cost: next to nothing, but for a face that shows nothing sharp beside an inked other side:
    then about 40 ms.
    """
    values = dict(front.values)
    seen = front.evidence
    if front.veto or seen is None:
        return Verdict(Level.NO, front.veto, values)
    if values["threshold"] > _NOISIEST_THRESHOLD:
        level = Level.NO if front.doubt else Level.LIKELY
        return Verdict(level, front.doubt or "noisy_paper", values)
    if back is None or back.raster.dpi != front.raster.dpi:
        return _alone(front, seen, values)
    return _beside(front, seen, _Other(back, buffers or Buffers()), values)


class _Other:
    """The other side of the sheet, mapped when it is first asked for."""

    def __init__(self, measures: BlankMeasures, buffers: Buffers) -> None:
        self._measures = measures
        self._map: InkMap | None = None
        self.buffers = buffers

    @property
    def page(self) -> InkMap:
        """Its ink."""
        if self._map is None:
            seen = self._measures.evidence
            own = self._measures.raster
            self._map = seen.page if seen is not None else ink_map(own, self.buffers)
        return self._map


def _alone(front: BlankMeasures, seen: Evidence, values: dict[str, float]) -> Verdict:
    """Judge by this side alone: the other was not captured.

    Soft marks are believed to be show-through where they are fainter than the floor, or so soft
    that no pen, printer or lens draws them.
    """
    named, found = seen.named, seen.found
    if front.doubt or named.rows(Kind.STAPLE_BACK).size:
        return Verdict(Level.NO, front.doubt or "mark", values)
    if not all(fastenings.is_wire(seen.page, box) for box in seen.boxes(Kind.STAPLE)):
        return Verdict(Level.LIKELY, "fastening_on_one_side", values)
    if named.dust_on_ink:
        return Verdict(Level.LIKELY, "dust_on_ink", values)
    soft = named.rows(Kind.SOFT)
    if not soft.size:
        return Verdict(Level.SURE, _plain(seen), values)
    peak, sharpness = found.peak[soft], named.sharpness[soft]
    sharpness = sharpness * max(seen.page.dpi / MAP_DPI, 1.0)
    faint = (peak <= _SOFT_ALONE[0]) & (sharpness <= _SOFT_ALONE[1])
    faint &= (found.roughness[soft] < ROUGH) & (soft.size >= _MANY)
    seal = (peak <= _SEAL_ALONE[0]) & (sharpness <= _SEAL_ALONE[1])
    seal &= named.extent_mm[soft] >= _SEAL_ALONE[2]
    seal &= found.colour[soft] >= seen.page.coloured_ink
    if np.all((peak <= _FAINT_ALONE) | faint | seal):
        return Verdict(Level.SURE, "show_through", values)
    return Verdict(Level.LIKELY, "soft_marks_unproven", values)


def _beside(
    front: BlankMeasures, seen: Evidence, other: _Other, values: dict[str, float]
) -> Verdict:
    """Judge with the other side at hand: what shines through is taken off first."""
    reason = _plain(seen)
    holes, staples = seen.boxes(Kind.HOLE), seen.boxes(Kind.STAPLE, Kind.STAPLE_BACK)
    if front.doubt or seen.named.rows(Kind.SOFT).size:
        mask = seen.mask.copy()
        for x, y, w, h in (*holes, *staples):  # what goes through does not shine through
            mask[max(y - 2, 0) : y + h + 2, max(x - 2, 0) : x + w + 2] = 255
        off = shine.take_off(seen.page, mask, other.page, other.buffers)
        left = gather(replace(seen.page, ink=off.rest), front.raster, mask)
        values |= _shine_values(off, left)
        holes = np.concatenate([holes, left.boxes(Kind.HOLE)])
        staples = np.concatenate([staples, left.boxes(Kind.STAPLE, Kind.STAPLE_BACK)])
        if not _is_explained(off, left):
            faint = not front.doubt and values["shine_left_strongest"] < CLEAR_CONTRAST
            return Verdict(Level.LIKELY if faint else Level.NO, "marks_not_mirrored", values)
        sharp = off.strongest > 0 and off.softness_mm < _LEAST_SOFTNESS_MM
        if sharp or off.strongest > _STRONGEST_SHINE:
            return Verdict(Level.LIKELY, "shine_unproven", values)
        reason = "show_through" if off.strongest else "below_floor"
    elif seen.named.dust_on_ink:
        return Verdict(Level.LIKELY, "dust_on_ink", values)
    if not (
        (not len(holes) or fastenings.holes_go_through(seen.page, holes, other.page))
        and (not len(staples) or fastenings.staples_go_through(seen.page, staples, other.page))
    ):
        return Verdict(Level.LIKELY, "fastening_on_one_side", values)
    return Verdict(Level.SURE, reason, values)


def _is_explained(off: shine.Shine, left: Evidence) -> bool:
    """Whether what is left is fainter than the floor, or too soft for ink, wherever it lies."""
    if left.named.rows(Kind.MARK, Kind.UNSURE).size or left.named.crowded or left.named.dust_on_ink:
        return False
    rows = left.named.rows(Kind.SOFT)
    allowed = [int(off.allowed[y : y + h, x : x + w].max()) for x, y, w, h in left.found.box[rows]]
    peak = left.found.peak[rows] + np.array(allowed, np.int64)
    sharpness = left.named.sharpness[rows] * max(left.page.dpi / MAP_DPI, 1.0)
    soft = (peak <= _SOFT_LEFT[0]) & (sharpness <= _SOFT_LEFT[1])
    return bool(np.all((peak <= _FAINT_LEFT) | soft))


def _shine_values(off: shine.Shine, left: Evidence) -> dict[str, float]:
    rows = left.named.rows(Kind.MARK, Kind.UNSURE, Kind.SOFT)
    return {
        "shine_correlation": round(off.correlation, 3),
        "shine_share": round(off.share, 3),
        "shine_softness_mm": round(off.softness_mm, 2),
        "shine_strongest": off.strongest,
        "shine_down_mm": round(off.shift_mm[0], 2),
        "shine_right_mm": round(off.shift_mm[1], 2),
        "shine_left": int(rows.size),
        "shine_left_strongest": int(left.found.peak[rows].max(initial=0)),
    }


def _inked_fraction(first: FirstPass) -> float:
    """Return the share of clearly inked cells in the middle of the page, away from any bed."""
    rows, columns = first.cells.shape[:2]
    middle = first.cells[rows // 6 : rows - rows // 6, columns // 6 : columns - columns // 6, 0]
    return float(np.count_nonzero(middle >= _INKED_CELL)) / max(middle.size, 1)


def _veto(seen: Evidence, values: dict[str, float]) -> str:
    if seen.sharp(_SURELY_SHARP):
        return "mark"
    if seen.page.paper < _DARKEST_PAPER:
        return "dark_paper"
    if values["tone_fraction"] > _TONE_FRACTION:
        return "tone"
    return "crowd_of_specks" if seen.named.crowded else ""


def _doubt(seen: Evidence) -> str:
    if seen.named.rows(Kind.MARK).size:
        return "mark"
    return "unsure_mark" if seen.named.rows(Kind.UNSURE).size else ""


def _plain(seen: Evidence) -> str:
    for kind, reason in (
        (Kind.FIBRE, "fibres_only"),
        (Kind.HOLE, "holes_only"),
        (Kind.STAPLE, "staple_only"),
        (Kind.STAPLE_BACK, "staple_only"),
    ):
        if seen.named.rows(kind).size:
            return reason
    return "dust_only" if seen.named.dust else "empty"
