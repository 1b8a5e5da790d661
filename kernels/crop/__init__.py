"""Crop a turned page to its sheet plus 2 mm: never to its content, never on a guess.

Rule 1: a side with no bed ends at the border of the image; a side with bed must end in one straight
line that agrees with the skew of the content, or nothing is cropped.
Rule 2: what is cut away is bed and nothing else: one level, no colour, and no mark larger than
dirt. On a bed as light as paper even a thin stroke speaks against it.
Rule 3: what may be a larger sheet whose printed border looks like the bed is not cropped: the size
must not be that of a known one less a border, and the bed must be one surface.
"""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from kernels import paper
from kernels.buffers import Buffers
from kernels.crop import outside, surface
from kernels.crop.bed import Bed, beds
from kernels.crop.outline import Frame, Outline, outline
from kernels.crop.outside import Region
from kernels.crop.sides import ROW_MM, Edge, edge
from kernels.crop.views import View, views
from kernels.first_pass import FirstPass
from kernels.raster import Box, Raster, RasterError

MARGIN_MM: Final = 2.0
_LEAST_CONTRAST: Final = 12
_DARK_BED: Final = 110
_DARK_CONTRAST: Final = 50
_WORTH_MM: Final = 1.0
_LEAST_SHEET_MM: Final = 30.0
_WHOLE_MM: Final = 2.0
_BEYOND_MM: Final = 3.0
_LEAST_DPI: Final = 75
_MOST_OF_IMAGE: Final = 0.75


@dataclass(frozen=True, slots=True)
class Sheet:
    """Where a sheet lies on its bed.

    Attributes
    ----------
    box
        The sheet and 2 mm around it, within the image after its turn.
    worth_cutting
        Whether that is at least 1 mm less than the image on some side.
    outline
        The sheet itself, in the page after its turn.
    region
        The same as seen in the page before its turn.
    bed, paper
        0 to 255; the levels of the bed, and of the sheet along its edges.
    """

    box: Box
    worth_cutting: bool
    outline: Outline
    region: Region
    bed: int
    paper: int


def find_sheet(
    first: FirstPass, angle_microdeg: int, dpi: int, buffers: Buffers | None = None
) -> Box | None:
    """Return the sheet, 2 mm around it, in the page after it was turned by `-angle_microdeg`.

    Parameters
    ----------
    first
        First pass of the page before the turn.
    angle_microdeg
        How the content is turned, counter-clockwise positive; 0 for a page that is not turned.
    dpi
        Of the page.
    buffers
        The worker's memory.

    Returns
    -------
    None where no bed is seen, an edge is not found, disagrees with the angle, something lies
    outside of the sheet, or nothing would be gained.
    """
    sheet = locate(first, angle_microdeg, dpi, buffers)
    return sheet.box if sheet is not None and sheet.worth_cutting else None


def locate(
    first: FirstPass, angle_microdeg: int, dpi: int, buffers: Buffers | None = None
) -> Sheet | None:
    """Return the sheet, also where nothing would be gained by cutting; see `find_sheet`.

    Reads the half-scale luma along the border of the image and outside of the sheet. Costs about
    half a copy of the page in colour.
    """
    if dpi < _LEAST_DPI:
        return None
    turn = math.radians(angle_microdeg / 1e6)
    height, width = first.luma.shape
    frame = Frame(height, width, math.cos(turn), math.sin(turn), dpi / 25.4)
    buffers = buffers or Buffers()
    seen = views(first.half, max(round(ROW_MM * frame.px_per_mm / 2), 1), buffers)
    for bed in beds(first.half, frame.px_per_mm / 2):
        sheet = _on(bed, seen, first, frame, buffers)
        if sheet is not None:
            return sheet
    return None


def _on(
    bed: Bed, seen: tuple[View, ...], first: FirstPass, frame: Frame, buffers: Buffers
) -> Sheet | None:
    """Return the sheet if this is the bed it lies on."""
    found: list[Edge | None] = []
    for view in seen:
        good, line = edge(view, bed, frame.sin / frame.cos, frame.px_per_mm / 2)
        if not good or (line is not None and _is_no_sheet(line.inside, bed)):
            return None
        found.append(line)
    inside = _inside(found, bed)
    around = None if inside is None else outline(found, frame)
    if inside is None or around is None or not _whole(around, frame, inside < bed.level):
        return None
    box = _box(around, frame)
    if box is None:
        return None
    sheet = Region(frame.cos, frame.sin, (around.left, around.top, around.right, around.bottom))
    kept = Region(frame.cos, frame.sin, (box.left, box.top, box.right, box.bottom))
    dirt = outside.LIGHT
    if inside - bed.level >= _DARK_CONTRAST:
        dirt = outside.DARK if bed.level <= _DARK_BED else outside.GRAY
    if not outside.is_bed(first, kept, bed, dirt, frame.px_per_mm, buffers):
        return None
    if not surface.is_one(first, sheet, kept, frame.px_per_mm):
        return None
    gained = max(box.left, box.top, frame.width - box.right, frame.height - box.bottom)
    return Sheet(
        box=box,
        worth_cutting=gained >= _WORTH_MM * frame.px_per_mm,
        outline=around,
        region=sheet,
        bed=bed.level,
        paper=inside,
    )


def _is_no_sheet(inside: int, bed: Bed) -> bool:
    """Whether what begins at an edge is the bed again: a margin of paper taken for a bed."""
    return bed.level > _DARK_BED and abs(inside - bed.level) < _LEAST_CONTRAST


def _inside(found: list[Edge | None], bed: Bed) -> int | None:
    """Return the level of the sheet; None where no edge is seen, or the sheet is like the bed.

    A dark picture may lie along one or two edges of a sheet on a dark bed; on any other bed every
    edge must show a sheet that is lighter, or darker.
    """
    levels = sorted(line.inside for line in found if line is not None)
    if not levels:
        return None
    middle = levels[len(levels) // 2]
    if middle - bed.level >= _DARK_CONTRAST and bed.level <= _DARK_BED:
        return middle
    return middle if min(abs(level - bed.level) for level in levels) >= _LEAST_CONTRAST else None


def _whole(around: Outline, frame: Frame, bed_is_lighter: bool) -> bool:
    """Whether this is a sheet, not the part of one that a border like the bed leaves.

    On a bed lighter than the sheet all four edges and a known size are asked for, and that it takes
    most of the image: a picture on white paper looks the same.
    """
    size = around.width_mm, around.height_mm
    known = paper.name_of(*size, _WHOLE_MM) != ""
    if bed_is_lighter:
        shares = (
            size[0] * frame.px_per_mm / frame.width,
            size[1] * frame.px_per_mm / frame.height,
        )
        return known and all(around.seen) and min(shares) >= _MOST_OF_IMAGE
    return known or not paper.may_be_part_of(*size, _BEYOND_MM)


def _box(around: Outline, frame: Frame) -> Box | None:
    """Put the margin around the outermost points; None where that is no sheet of paper."""
    margin, least = (mm * frame.px_per_mm for mm in (MARGIN_MM, _LEAST_SHEET_MM))
    if min(around.right - around.left, around.bottom - around.top) < least:
        return None
    left, top, right, bottom = around.seen
    box = (
        max(math.floor(around.left - margin), 0) if left else 0,
        max(math.floor(around.top - margin), 0) if top else 0,
        min(math.ceil(around.right + margin), frame.width) if right else frame.width,
        min(math.ceil(around.bottom + margin), frame.height) if bottom else frame.height,
    )
    return Box(*box) if box[0] < box[2] and box[1] < box[3] else None


def apply(raster: Raster, box: Box, buffers: Buffers | None = None) -> Raster:
    """Return the part of a raster inside a box, copied.

    Raises
    ------
    RasterError
        If the box reaches outside the raster.
    """
    if not box.within(raster):
        raise RasterError(f"{box} is outside {raster.width_px} x {raster.height_px} px")
    part = raster.pixels[box.top : box.bottom, box.left : box.right]
    pixels = (buffers or Buffers()).take("crop.out", part.shape)
    np.copyto(pixels, part)
    return Raster(pixels, raster.dpi)
