"""What is on a sheet and says nothing: holes, staples, dust, folds, stains, and the other side.

Each takes from the paper directly; none of it is content. What goes through the sheet shows on
both sides, mirrored.
"""

from functools import reduce
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.drawn.bodies import BODY_DPI, page
from benchmarks.drawn.paper import Ink, Sheet
from benchmarks.drawn.placing import GRAY
from benchmarks.drawn.strokes import MARGIN_MM, Pad

Pixels = NDArray[np.uint8]

_MARGINS_MM: Final = (18.0, 8.0)
"""What stays empty beside the page, where it is bound, and above and below."""
_SLIP_PX: Final = 18
"""The most by which show-through lies beside the other side's image: three millimetres."""


def show_through(sheet: Sheet, body: str, strength: float) -> None:
    """Lay a page on the other side of the sheet and let it shine through.

    Paper spreads the light; the windows of the scanner do not look at quite the same place.
    """
    rng, other = sheet.rng, sheet.back
    angle = float(rng.normal(0, 0.7)) if rng.random() < 0.5 else 0.0
    turn = cv2.getRotationMatrix2D((620, 877), angle, 1)
    turn[:, 2] += np.rint(rng.normal(0, 5, 2)) + _SLIP_PX
    slip = [_SLIP_PX + round(mm * BODY_DPI / 25.4) for mm in sheet.slip_mm]
    soft_px = float(rng.uniform(0.20, 0.42)) * BODY_DPI / 25.4
    size = sheet.form.width_px, sheet.form.height_px
    rows, columns = (round(side * BODY_DPI / sheet.form.dpi) for side in size[::-1])
    wide = columns + 2 * _SLIP_PX, rows + 2 * _SLIP_PX
    front, seen = [], []
    for layer in page(sheet.ream, body, rng):
        # without a turn this is but a shift, and nearest costs a copy
        how = cv2.INTER_LINEAR if angle else cv2.INTER_NEAREST
        cover = np.asarray(cv2.warpAffine(layer.cover, turn, wide, flags=how), np.uint8)
        _clear_margins(sheet, cover)
        if other is not None:
            there = cover[_SLIP_PX : _SLIP_PX + rows, _SLIP_PX : _SLIP_PX + columns]
            full = np.asarray(cv2.resize(there, size, interpolation=cv2.INTER_LINEAR), np.uint8)
            front.append((full, Ink(layer.contrast, layer.colour, 0.0)))
        behind = cover[slip[1] : slip[1] + rows, slip[0] : slip[0] + columns]
        texture = sheet.ream.texture(rng, "paper", behind.shape)
        lit = cv2.flip(cv2.multiply(behind, texture, scale=1 / 255), 1)
        soft = cv2.GaussianBlur(lit, (0, 0), soft_px)
        full = np.asarray(cv2.resize(soft, size, interpolation=cv2.INTER_LINEAR), np.uint8)
        seen.append((full, Ink(layer.contrast * strength, layer.colour, 0.0)))
    if other is not None:
        _take(other, front)
    _take(sheet, seen)


def _clear_margins(sheet: Sheet, cover: Pixels) -> None:
    """Leave the margins empty: slips have them too, and holes are punched there."""
    inside, scale = sheet.inside, BODY_DPI / sheet.form.dpi
    aside, above = (round(mm * BODY_DPI / 25.4) + _SLIP_PX for mm in _MARGINS_MM)
    # The other side is seen mirrored: its left is the face's right.
    left = aside + round((sheet.form.width_px - inside.right) * scale)
    right = aside + round(inside.left * scale)
    top = above + round(inside.top * scale)
    below = above + round((sheet.form.height_px - inside.bottom) * scale)
    cover[:top] = 0
    cover[-below:] = 0
    cover[:, :left] = 0
    cover[:, -right:] = 0


def _take(sheet: Sheet, layers: list[tuple[Pixels, Ink]]) -> None:
    """Take layers of ink from the paper; where they overlap, the darker counts."""
    boxes = np.array([cv2.boundingRect(cover) for cover, _ in layers])
    left, top = boxes[:, :2].min(axis=0)
    right, bottom = (boxes[:, :2] + boxes[:, 2:]).max(axis=0)
    if right <= left or bottom <= top:
        return
    parts = [sheet.drop(cover[top:bottom, left:right].copy(), ink) for cover, ink in layers]
    deepest = reduce(cv2.max, parts)
    sheet.take(np.asarray(deepest, np.uint8), int(left), int(top))


def punched(sheet: Sheet) -> None:
    """Punch two to four holes along one side, over a dark bed."""
    rng, form = sheet.rng, sheet.form
    count = int(rng.choice((2, 2, 3, 4)))
    pitch = {2: 80.0, 3: 108.0, 4: 80.0}[count]
    if pitch * (count - 1) + 20 > form.height_mm:
        count, pitch = 2, min(80.0, form.height_mm - 25)
    from_edge, radius = float(rng.uniform(9, 14)), float(rng.uniform(2.5, 3.2))
    x = from_edge if rng.random() < 0.7 else form.width_mm - from_edge
    first = (form.height_mm - pitch * (count - 1)) / 2 + float(rng.normal(0, 3))
    depth = float(rng.uniform(150, 215))
    for k in range(count):
        y = first + k * pitch
        pad = Pad(sheet, 2 * radius, 2 * radius)
        pad.disk(radius, radius, radius)
        _set(sheet, pad, (x - radius, y - radius), Ink(depth, GRAY, 0.7), through=True)
        sheet.places.append((round(sheet.px(x)), round(sheet.px(y))))


def stapled(sheet: Sheet) -> None:
    """Leave one staple in the upper left corner."""
    rng = sheet.rng
    length, turn = float(rng.uniform(8, 13)), float(rng.uniform(-1.2, 1.2))
    x, y = float(rng.uniform(8, 18)), float(rng.uniform(6, 18))
    reach = np.array([np.cos(turn), np.sin(turn)]) * length / 2
    pad = Pad(sheet, length, length)
    middle = np.array([length / 2, length / 2])
    pad.lines([tuple(middle - reach), tuple(middle + reach)], float(rng.uniform(0.4, 0.6)))
    ink = Ink(float(rng.uniform(70, 170)), GRAY, 0.7)
    _set(sheet, pad, (x - length / 2, max(y - length / 2, 0.5)), ink, through=True)
    sheet.places.append((round(sheet.px(x + 5)), round(sheet.px(y + 3))))


def staple_holes(sheet: Sheet) -> None:
    """Leave the two small holes of a staple that was drawn."""
    rng = sheet.rng
    gap, turn = float(rng.uniform(8, 13)), float(rng.uniform(-1.2, 1.2))
    x, y = float(rng.uniform(8, 18)), float(rng.uniform(8, 18))
    for sign in (-0.5, 0.5):
        radius = float(rng.uniform(0.15, 0.3))
        pad = Pad(sheet, 2 * radius, 2 * radius)
        pad.disk(radius, radius, radius)
        at = x + sign * gap * np.cos(turn), y + sign * gap * np.sin(turn)
        _set(sheet, pad, at, Ink(float(rng.uniform(60, 150)), GRAY, 0.7), through=True)


def dusty(sheet: Sheet) -> None:
    """Scatter round gray specks of less than half a millimetre."""
    rng = sheet.rng
    area = sheet.form.width_mm * sheet.form.height_mm / 62_370
    for _ in range(max(round(float(rng.uniform(4, 22)) * area), 1)):
        radius = 0.06 + 0.14 * float(rng.uniform(0, 1)) ** 2  # most dust is small
        pad = Pad(sheet, 2 * radius, 2 * radius)
        pad.disk(radius, radius, radius)
        at = (rng.uniform(2, sheet.form.width_mm - 3), rng.uniform(2, sheet.form.height_mm - 3))
        _set(sheet, pad, at, Ink(float(rng.uniform(60, 190)), GRAY, 0.7))


def creased(sheet: Sheet) -> None:
    """Fold the sheet once and unfold it: a soft dark line beside a light one."""
    rng, form = sheet.rng, sheet.form
    across = rng.random() < 0.7
    size = form.width_mm if across else form.height_mm
    pad = Pad(sheet, *((size, 3.0) if across else (3.0, size)))
    drift = float(rng.normal(0, 0.4))
    line = [(0.0, 1.5), (size, 1.5 + drift)] if across else [(1.5, 0.0), (1.5 + drift, size)]
    pad.lines(line, float(rng.uniform(0.3, 0.8)))
    at = float(rng.uniform(0.3, 0.7)) * (form.height_mm if across else form.width_mm)
    ink = Ink(float(rng.uniform(6, 30)), GRAY, 0.3 * sheet.px(1))
    _set(sheet, pad, (0.0, at) if across else (at, 0.0), ink)


def coffee(sheet: Sheet) -> None:
    """Put a cup down."""
    rng, radius = sheet.rng, float(sheet.rng.uniform(15, 38))
    pad = Pad(sheet, 2 * radius, 2 * radius)
    pad.ring(radius, radius, radius - 1.5, float(rng.uniform(0.6, 2.0)))
    at = rng.uniform(0, 1, 2) * (sheet.form.width_mm - radius, sheet.form.height_mm - radius)
    ink = Ink(float(rng.uniform(15, 60)), (1.0, 0.7, 0.45), 0.25 * sheet.px(1), "worn")
    _set(sheet, pad, (float(at[0]), float(at[1])), ink)


def _set(
    sheet: Sheet, pad: Pad, place_mm: tuple[float, float], ink: Ink, *, through: bool = False
) -> None:
    """Set a patch with its upper left corner at a place; what goes through, on both sides."""
    x, y = (round(sheet.px(mm - MARGIN_MM)) for mm in place_mm)
    drop = sheet.drop(pad.cover(), ink)
    sheet.take(drop, x, y)
    if through and sheet.back is not None:
        dx, dy = (round(sheet.px(mm)) for mm in sheet.slip_mm)
        mirrored = sheet.form.width_px - x - drop.shape[1] + dx
        sheet.back.take(np.asarray(cv2.flip(drop, 1), np.uint8), mirrored, y + dy)
