"""Clean black text: a page of which black and white alone would show everything.

Rule 1: clean text is black marks on white paper and nothing else, proven mark by mark. A seal, a
photograph, a pencil, a stain, show-through, a streak or a tinted paper is something else.
Rule 2: in doubt it is not.
"""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from kernels.blank import bed
from kernels.blank.ink import InkMap, ink_map
from kernels.raster import Raster

_TINTED_PAPER: Final = 12
_EDGE_MM: Final = 3.0
"""Beside the bed and along the image's border lies the shadow of the sheet's own edge."""
_COLOURED_MM2: Final = 0.3
_WINDOW_MM: Final = 5.2
_PAPER_ENDS: Final = 16
_MOST_INKED: Final = 0.85
"""Print leaves more paper than that, bold headings too; a photograph or a punch hole does not."""
_SOFT_PX: Final = 5
"""Tones are means over so many pixels of the ink map, 0.8 mm: grain of the paper averages out."""
_SOFT_INK: Final = (6, 64)
"""Least mean ink that is a tone, and the most that one pixel counts for."""
_NEAR_PX: Final = 9
"""Soft ink within 0.7 mm of black belongs to it: the slope of a stroke's edge."""
_LARGEST_SOFT_MM2: Final = 0.6
_ALL_SOFT_MM2: Final = 6.0
_GRAY_MARK_MM2: Final = 1.0
_LEAST_BLACK_MM2: Final = 2.0


@dataclass(frozen=True, slots=True)
class CleanText:
    """Whether a page is black marks on white paper and nothing else.

    Attributes
    ----------
    reason
        "" where it is; else a word for what else there is: gray_capture, tinted_paper, streak,
        colour, solid, soft_mark, gray_mark, no_black.
    level
        0 to 255: what is darker becomes black. It takes in all that counts as black here, and thin
        strokes that a turn has made paler.
    """

    reason: str
    level: int

    def __bool__(self) -> bool:
        return not self.reason


def judge(raster: Raster) -> CleanText:
    """Look for anything that black and white could not show.

    Judged on the ink map of 150 dpi, away from the bed and the sheet's own edges:

    - `gray_capture`, `tinted_paper`: the channels of the paper differ by more than 12;
    - `streak`: dirty glass, which would become a line of print;
    - `colour`: coloured ink covers more than 0.3 mm2;
    - `solid`: a square of 5 mm is inked for more than 85 %: a photograph, a punch hole;
    - `soft_mark`: after a mean over 0.8 mm, ink of 6 or more that lies further than 0.7 mm from
      black (darker than 3/5 of the paper) covers more than 0.6 mm2 in one piece or 6 mm2 in all;
    - `gray_mark`: a mark of 1 mm2 or more is nowhere darker than 2/5 of the paper: a pencil;
    - `no_black`: there is not even 2 mm2 of black.

    Parameters
    ----------
    raster
        The page as captured, before any turn: only there can the bed be told from a mark.

    Notes
    -----
    About 40 ms for A4 in colour at 300 dpi; a profile that keeps the original look never asks.
    """
    if not raster.is_colour:
        return CleanText("gray_capture", 0)
    page = ink_map(raster)
    level = page.paper * 3 // 4
    if page.tint > _TINTED_PAPER:
        return CleanText("tinted_paper", level)
    left_out = bed.exclude(page)
    if left_out.streaks_px:
        return CleanText("streak", level)
    shown = _shown(page, left_out.mask)
    if _area_mm2((page.spread > page.coloured_ink) & shown, page) > _COLOURED_MM2:
        return CleanText("colour", level)
    if _is_solid(page, shown):
        return CleanText("solid", level)
    return CleanText(_gray(page, shown, _darkest(raster, page)), level)


def _is_solid(page: InkMap, shown: NDArray[np.bool_]) -> bool:
    side = 2 * (round(page.px(_WINDOW_MM)) // 2) + 1
    inked = ((page.ink >= _PAPER_ENDS) & shown).astype(np.int16)
    counts = cv2.boxFilter(
        inked, cv2.CV_32S, (side, side), normalize=False, borderType=cv2.BORDER_CONSTANT
    )
    return int(counts.max()) > _MOST_INKED * side * side


def _gray(page: InkMap, shown: NDArray[np.bool_], darkest: NDArray[np.uint8]) -> str:
    """Return the word for a mark that is not black, or for no black at all, or ""."""
    black = ((darkest < page.paper * 3 // 5) & shown).astype(np.uint8)
    near = cv2.dilate(black, _square(_NEAR_PX))
    least, most = _SOFT_INK
    means = cv2.blur(np.minimum(page.ink, most), (_SOFT_PX, _SOFT_PX))
    soft = _pieces_mm2(((means >= least) & shown & (near == 0)).astype(np.uint8), page)
    if soft.max(initial=0) > _LARGEST_SOFT_MM2 or soft.sum() > _ALL_SOFT_MM2:
        return "soft_mark"
    inked = ((page.ink >= page.paper // 4) & shown).astype(np.uint8)
    count, marks, stats, _ = cv2.connectedComponentsWithStats(inked, connectivity=8)
    darkest_found = np.bincount(marks[darkest < page.paper * 2 // 5], minlength=count)
    large = stats[:, cv2.CC_STAT_AREA] * _pixel_mm2(page) >= _GRAY_MARK_MM2
    if (large & (darkest_found == 0))[1:].any():
        return "gray_mark"
    return "" if _area_mm2(black, page) >= _LEAST_BLACK_MM2 else "no_black"


def black_and_white(raster: Raster, level: int) -> Raster:
    """Return a gray raster of 0 where luma is darker than `level`, else 255."""
    gray = cv2.cvtColor(raster.pixels, cv2.COLOR_BGR2GRAY) if raster.is_colour else raster.pixels
    _, out = cv2.threshold(gray, level - 1, 255, cv2.THRESH_BINARY)
    return Raster(np.asarray(out, np.uint8), raster.dpi)


def _shown(page: InkMap, mask: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Return where the sheet is to be judged: not beside what is left out, nor at the border."""
    framed = cv2.copyMakeBorder(mask, *(1,) * 4, cv2.BORDER_CONSTANT, value=255)
    wide = cv2.dilate(framed, _square(2 * round(page.px(_EDGE_MM)) + 1))
    return np.asarray(wide[1:-1, 1:-1] == 0)


def _darkest(raster: Raster, page: InkMap) -> NDArray[np.uint8]:
    """Return the darkest luma under each pixel of the map: a thin stroke keeps its black."""
    gray = cv2.cvtColor(raster.pixels, cv2.COLOR_BGR2GRAY)
    height, width = page.ink.shape
    step = max(round(raster.dpi / page.dpi), 1)
    lowest = cv2.erode(gray, _square(step), anchor=(0, 0))
    return np.asarray(lowest[: height * step : step, : width * step : step], np.uint8)


def _square(side_px: int) -> NDArray[np.uint8]:
    return np.ones((side_px, side_px), np.uint8)


def _pixel_mm2(page: InkMap) -> float:
    return page.mm(1) ** 2


def _area_mm2(where: NDArray[np.bool_] | NDArray[np.uint8], page: InkMap) -> float:
    return int(np.count_nonzero(where)) * _pixel_mm2(page)


def _pieces_mm2(where: NDArray[np.uint8], page: InkMap) -> NDArray[np.float64]:
    _, _, stats, _ = cv2.connectedComponentsWithStats(where, connectivity=8)
    return np.asarray(stats[1:, cv2.CC_STAT_AREA] * _pixel_mm2(page))
