"""What holds a dossier together, as it shows on a face: punched holes and staples.

Rule 1: a fastening is told by shape, colour and place, and there are few: more than four holes are
not holes, two staples are not staples.
Rule 2: a fastening goes through the sheet. Where the other side was captured it must show there, in
the mirrored place. On a side alone holes are believed, and of staples only what no hand draws: one
level, straight and even wire close to the upper left corner.
"""

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from kernels.blank import marks
from kernels.blank.ink import InkMap
from kernels.blank.marks import Marks

HOLES: Final = 4
_HOLE_MM: Final = (4.0, 8.0)
_HOLE_REACH_MM: Final = 28.0
_HOLE_INK: Final = 50
_HOLE_EVEN: Final = 40
_STAPLE_MM: Final = (6.0, 15.0)
_LEG_MM: Final = 3.0
_STAPLE_WIDTH_MM: Final = 0.62
_STAPLE_STRAIGHT_MM: Final = 0.225
_STAPLE_REACH_MM: Final = 38.0
_STAPLE_INK: Final = 40
_SLIP_MM: Final = 4.0
_WIRE_PLACE_MM: Final = (10.0, 6.0, 26.0)
_WIRE_DPI: Final = 240
_WIRE_WIDTH_MM: Final = 0.48
_WIRE_SLOPE: Final = 0.18
_WIRE_MM: Final = 0.65
_WIRE_INK: Final = (70, 150)
_WIRE_UNEVEN: Final = 0.025
_WIRE_CROOKED_MM: Final = 0.03
_WIRE_ENDS_PX: Final = 3


def holes(page: InkMap, found: Marks) -> NDArray[np.int64]:
    """Return the rows of punched holes: filled, even, colourless disks near an edge."""
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
    rows = [i for i in np.flatnonzero(likely) if _is_even(page, found.box[i])]
    return np.array(rows if len(rows) <= HOLES else [], np.int64)


def _is_even(page: InkMap, box: NDArray[np.int32]) -> bool:
    x, y, w, h = (int(v) for v in box)
    middle = np.s_[y + h // 4 : y + h - h // 4, x + w // 4 : x + w - w // 4]
    core = page.ink[middle]
    even = int(core.min()) >= _HOLE_INK and int(core.max()) - int(core.min()) <= _HOLE_EVEN
    return even and int(page.spread[middle].max()) < page.coloured_object


def staples(page: InkMap, found: Marks) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the row of a staple at the upper left, and of one at the upper right, if there is."""
    x, y, w, h = found.box.T
    length = np.hypot(w, h) * page.mm(1)
    area_mm2 = found.mass / np.maximum(found.peak, 1) * page.mm(1) ** 2
    reach = page.px(_STAPLE_REACH_MM)
    likely = _is_bar(page, found) & (length >= _STAPLE_MM[0]) & (length <= _STAPLE_MM[1])
    likely &= (area_mm2 <= length * _STAPLE_WIDTH_MM) & (y + h / 2 <= reach)
    left, right = (
        np.flatnonzero(likely & side)
        for side in (x + w / 2 <= reach, x + w / 2 >= page.ink.shape[1] - reach)
    )
    nothing = np.zeros(0, np.int64)
    return left if left.size == 1 else nothing, right if right.size == 1 else nothing


def _is_bar(page: InkMap, found: Marks) -> NDArray[np.bool_]:
    straight = found.thickness * page.mm(1) <= _STAPLE_STRAIGHT_MM
    gray = found.colour < page.coloured_object
    return np.asarray(straight & gray & (found.peak >= _STAPLE_INK))


def is_wire(page: InkMap, box: NDArray[np.int32]) -> bool:
    """Whether a staple is so level, straight and even that no hand drew it, and lies in the corner.

    Ink per column must not vary, nor its centre leave a straight line; a coarse capture cannot
    prove that.
    """
    x, y, w, h = (int(v) for v in box)
    across, down = page.mm(x + w / 2), page.mm(y + h / 2)
    left, upper, reach = _WIRE_PLACE_MM
    if not (left <= across <= reach and upper <= down <= reach):
        return False
    if page.dpi * page.factor < _WIRE_DPI or h > _WIRE_SLOPE * w + page.px(_WIRE_MM):
        return False
    top = max(y - 2, 0)
    inner = np.s_[top : y + h + 2, x + _WIRE_ENDS_PX : x + w - _WIRE_ENDS_PX]
    ink = page.ink[inner].astype(np.float64)
    mass = ink.sum(axis=0)
    if mass.size < 2 * _WIRE_ENDS_PX or not mass.all():
        return False
    centre = (np.arange(ink.shape[0]) @ ink) / mass
    along = np.arange(mass.size)
    chance = page.noise / 256 * ink.shape[0] ** 0.5
    crooked = centre - np.polyval(np.polyfit(along, centre, 1), along)
    level = np.median(ink.max(axis=0))
    return bool(
        page.mm(float(np.median(mass) / level)) <= _WIRE_WIDTH_MM
        and _WIRE_INK[0] <= float(level) <= _WIRE_INK[1]
        and float(mass.std()) <= _WIRE_UNEVEN * float(mass.mean()) + chance
        and page.mm(float(crooked.std())) <= _WIRE_CROOKED_MM
    )


def holes_go_through(page: InkMap, boxes: NDArray[np.int32], other: InkMap) -> bool:
    """Whether all holes (boxes of `page`) show on the other side, mirrored, as even ink.

    Parameters
    ----------
    other
        The other side as captured, of the same resolution.
    """
    for box in boxes:
        core = np.ones((max(int(box[3]) // 2, 1), max(int(box[2]) // 2, 1)), np.uint8)
        ink = np.ascontiguousarray(other.ink[_behind(page, box, other)])
        if not ink.size or int(cv2.erode(ink, core, borderValue=0).max()) < _HOLE_INK:
            return False
    return True


def staples_go_through(page: InkMap, boxes: NDArray[np.int32], other: InkMap) -> bool:
    """Whether all staples (boxes of `page`) show on the other side, mirrored, as a bar or a leg."""
    for box in boxes:
        place = _behind(page, box, other)
        ink, spread = (np.ascontiguousarray(plane[place]) for plane in (other.ink, other.spread))
        found = marks.measured(ink, spread, np.zeros_like(ink), _STAPLE_INK // 2)
        length = np.hypot(found.box[:, 2], found.box[:, 3]) * page.mm(1)
        bars = _is_bar(other, found) & (length >= _LEG_MM) & (length <= _STAPLE_MM[1])
        if not bars.any():
            return False
    return True


def _behind(page: InkMap, box: NDArray[np.int32], other: InkMap) -> tuple[slice, slice]:
    """Return the mirrored place with what the two images may lie apart."""
    x, y, w, h = (int(v) for v in box)
    slip = round(page.px(_SLIP_MM))
    left = other.ink.shape[1] - x - w
    rows = slice(max(y - slip, 0), max(y + h + slip, 0))
    return rows, slice(max(left - slip, 0), max(left + w + slip, 0))
