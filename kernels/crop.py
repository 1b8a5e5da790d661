"""Crop a turned page to its sheet plus 2 mm: never to its content, never on a guess.

Rule 1: only a dark bed gives edges. A side with no bed is the border of the image; a side with bed
must end in one straight line that agrees with the skew of the content, or nothing is cropped.
"""

import math
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

from kernels.first_pass import FirstPass
from kernels.raster import Raster, RasterError, empty

MARGIN_MM: Final = 2.0
_ROW_STEP: Final = 4
_AGREE_DEG: Final = 0.35
_INLIERS: Final = 0.8
_LEAST_ROWS: Final = 24
_DARK: Final = 110
_BED_EVEN: Final = 24
_WORTH_MM: Final = 1.0
_LEAST_SHEET_MM: Final = 30.0


@dataclass(frozen=True, slots=True)
class CropBox:
    """A rectangle of whole pixels; right and bottom are outside."""

    left: int
    top: int
    right: int
    bottom: int

    def __post_init__(self) -> None:
        if not (0 <= self.left < self.right and 0 <= self.top < self.bottom):
            raise RasterError(f"not a box: {self}")


@dataclass(frozen=True, slots=True)
class _Line:
    """An edge seen from its side: distance from the border at row 0, and change per row."""

    offset: float
    slope: float


@njit(nogil=True, cache=True)
def _bed_ends(luma: Any, dark: int, step: int, out: Any) -> None:
    """Write for every `step`-th row how many pixels of bed lie before the first of paper."""
    height, width = luma.shape
    for k in range(out.size):
        y = min(k * step, height - 1)
        x = 0
        while x < width:
            # One bright speck on the bed is dust, three pixels in a row are paper.
            far = min(x + 2, width - 1)
            if luma[y, x] >= dark and luma[y, (x + far) // 2] >= dark and luma[y, far] >= dark:
                break
            x += 1
        out[k] = x


def find_sheet(first: FirstPass, angle_microdeg: int, dpi: int) -> CropBox | None:
    """Return the sheet, 2 mm around it, in the page after it was turned by `-angle_microdeg`.

    Parameters
    ----------
    first
        First pass of the page before the turn; the half-scale luma is read.
    angle_microdeg
        How the content is turned, counter-clockwise positive; 0 for a page that is not turned.
    dpi
        Of the page.

    Returns
    -------
    None where no bed is seen, an edge is not found, disagrees with the angle, or nothing would
    be gained.
    """
    half = first.half
    dark = min(_DARK, first.paper * 6 // 10)
    slope = math.tan(math.radians(angle_microdeg / 1e6))
    edges: list[_Line | None] = []
    for turn in range(4):
        side = np.ascontiguousarray(np.rot90(half, turn))
        found, line = _edge(side, dark, slope)
        if not found:
            return None
        edges.append(line)
    if not any(edges):
        return None
    return _box(first, edges, angle_microdeg, dpi)


def _edge(side: NDArray[np.uint8], dark: int, slope: float) -> tuple[bool, _Line | None]:
    """Look from the left: (True, None) is no bed, (False, None) a bed without a good edge."""
    ends = np.empty(-(-side.shape[0] // _ROW_STEP), np.int32)
    _bed_ends(side, dark, _ROW_STEP, ends)
    rows = np.arange(ends.size) * _ROW_STEP
    # Rows above and below a sheet are bed all along; a line leaves the image where it is at 0.
    seen = (ends > 2) & (ends < side.shape[1] * 0.9)
    if int(seen.sum()) < _LEAST_ROWS:
        return bool((ends <= 2).sum() >= _LEAST_ROWS), None
    # Seen from any side, content turned counter-clockwise moves the edge the same way.
    offsets = ends[seen] - slope * rows[seen]
    middle = float(np.median(_outermost(offsets)))
    near = np.abs(offsets - middle) <= 4 + math.tan(math.radians(_AGREE_DEG)) * side.shape[0] / 2
    kept_rows, kept_ends = rows[seen][near], ends[seen][near]
    if kept_rows.size < _LEAST_ROWS:
        return False, None
    fitted, offset = (float(v) for v in np.polyfit(kept_rows, kept_ends, 1))
    for _ in range(2):
        close = np.abs(kept_ends - offset - fitted * kept_rows) <= 3
        if int(close.sum()) < _LEAST_ROWS:
            return False, None
        fitted, offset = (float(v) for v in np.polyfit(kept_rows[close], kept_ends[close], 1))
    line = _Line(offset, fitted)
    return _holds(side, line, rows, ends, slope), line


def _outermost(offsets: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the half of the rows where the bed ends first: corners of the sheet lie deeper."""
    return np.sort(offsets)[: max(offsets.size // 2, 1)]


def _holds(
    side: NDArray[np.uint8],
    line: _Line,
    rows: NDArray[np.int64],
    ends: NDArray[np.int32],
    slope: float,
) -> bool:
    """Whether the line agrees with the skew, with the rows it crosses, and has bed behind it."""
    turned = math.degrees(abs(math.atan(line.slope) - math.atan(slope)))
    if turned > _AGREE_DEG:
        return False
    x = line.offset + line.slope * rows
    crossed = (x > 3) & (ends < side.shape[1] * 0.9)
    if int(crossed.sum()) < _LEAST_ROWS:
        return False
    agree = np.abs(ends[crossed] - x[crossed]) <= 4
    # Rows beyond a corner of the sheet meet its next edge; they lie deeper, never before.
    before = ends[crossed] < x[crossed] - 4
    if float(before.mean()) > 0.02 or float(agree.mean()) < _INLIERS:
        return False
    behind = [
        side[int(y), : max(int(edge) - 3, 1)] for y, edge in zip(rows, x, strict=True) if edge > 6
    ]
    return not behind or float(np.concatenate(behind).std()) <= _BED_EVEN


def _box(
    first: FirstPass, edges: list[_Line | None], angle_microdeg: int, dpi: int
) -> CropBox | None:
    """Turn the edges with the page and put the margin around them."""
    height, width = first.luma.shape
    half_h, half_w = first.half.shape
    cos, sin = (f(math.radians(angle_microdeg / 1e6)) for f in (math.cos, math.sin))
    margin = MARGIN_MM * dpi / 25.4
    bounds = [0, 0, width, height]  # left, top, right, bottom as np.rot90 brings them to the left
    for turn, line in enumerate(edges):
        if line is None:
            continue
        i = (half_w if turn % 2 else half_h) / 2
        j = line.offset + line.slope * i
        # The middle of the edge, back from how it was looked at, from the centre of the page.
        x, y = ((j, i), (half_w - i, j), (half_w - j, half_h - i), (i, half_h - j))[turn]
        dx, dy = 2 * x - width / 2, 2 * y - height / 2
        across = dx * sin + dy * cos + height / 2 if turn % 2 else dx * cos - dy * sin + width / 2
        if turn < 2:
            bounds[turn] = max(math.floor(across - margin), 0)
        else:
            bounds[turn] = min(math.ceil(across + margin), (width, height)[turn - 2])
    left, top, right, bottom = bounds
    least = _LEAST_SHEET_MM * dpi / 25.4
    if right - left < least or bottom - top < least:
        return None
    gained = max(left, top, width - right, height - bottom)
    return CropBox(left, top, right, bottom) if gained >= _WORTH_MM * dpi / 25.4 else None


def apply(raster: Raster, box: CropBox) -> Raster:
    """Return the part of a raster inside a box, copied.

    Raises
    ------
    RasterError
        If the box reaches outside the raster.
    """
    if box.right > raster.width_px or box.bottom > raster.height_px:
        raise RasterError(f"{box} is outside {raster.width_px} x {raster.height_px} px")
    part = raster.pixels[box.top : box.bottom, box.left : box.right]
    pixels = empty(part.shape)
    np.copyto(pixels, part)
    return Raster(pixels, raster.dpi)
