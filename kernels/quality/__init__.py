"""How well a face was captured: numbers with units, and one word for what is worst.

Rule 1: a number that cannot be had from this face is None, never a guess.
Rule 2: nothing here changes a page; what a number means for the sheet is for others to decide.
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

from kernels import paper
from kernels.crop import Sheet
from kernels.crop.outside import Region
from kernels.first_pass import FirstPass
from kernels.quality import focus
from kernels.quality.reason import UNUSUAL_SIZE, worst
from kernels.raster import Raster

CORNERS: Final = ("top_left", "top_right", "bottom_right", "bottom_left")
_STEP: Final = 4
_ROW_STEP: Final = 5
_PAPER_BELOW: Final = 12
_LIKE_BED: Final = 12
_LEAST_INK_SAMPLES: Final = 20
_INK_BELOW: Final = 30
_INSET_MM: Final = 1.0
_TURNED_TO_DEG: Final = 0.02
_SIZE_WITHIN_MM: Final = 3.0
_RESOLUTIONS: Final = (75, 100, 150, 200, 240, 300, 400, 600)
_SAME_STREAK_MM: Final = 0.5


@dataclass(frozen=True, slots=True)
class Known:
    """What the steps before have found out about a face.

    Attributes
    ----------
    angle_microdeg
        How its content is turned as captured; None where that is not trusted.
    turned
        Whether the page was turned by it.
    sheet
        Where the sheet lies on its bed; None where that was not found.
    streaks_px
        Columns of the page as captured that run through dirt on the glass, from any step.
    show_through
        0 to 255; the strongest ink that shines through; None where none was told apart.
    """

    angle_microdeg: int | None = None
    turned: bool = False
    sheet: Sheet | None = None
    streaks_px: tuple[int, ...] = ()
    show_through: int | None = None


@dataclass(frozen=True, slots=True)
class Quality:
    """How well a face was captured.

    Attributes
    ----------
    left_skew_deg
        By how much the content of the result is turned: the estimate where the page was not turned;
        after a turn 0.02, the step of the estimate, below which it sees nothing; None if unknown.
    edge_rise_um
        Micrometres in which the edge of print goes from 10 to 90 % of its contrast: see `focus`.
        None where there is too little ink.
    clipped_dark_permille, clipped_light_permille
        Pixels of the sheet that are 0, or 255, in every channel.
    paper
        0 to 255; luma of the paper.
    contrast
        Paper less the darker quarter of what is at least 30 levels darker; None where that is too
        little.
    cast_yellow, cast_red
        Colour of the paper in levels: (R + G) / 2 - B, and R - G; None for gray.
    corners_mm
        How far each corner is cut or folded away: see `CORNERS`.
    streaks_mm
        Places of dirt on the glass, from the left border of the image.
    show_through
        0 to 255; see `Known`.
    size
        Name of the sheet's size, by its edges where they are seen, else by the image;
        "unusual_size" for any other.
    likely_dpi
        Resolution at which the sheet would be A4, where the claimed one gives no known size.
    reason
        The worst, or "good".
    """

    left_skew_deg: float | None
    edge_rise_um: float | None
    clipped_dark_permille: float
    clipped_light_permille: float
    paper: int
    contrast: int | None
    cast_yellow: int | None
    cast_red: int | None
    corners_mm: tuple[float, ...]
    streaks_mm: tuple[float, ...]
    show_through: int | None
    size: str
    dpi: int
    likely_dpi: int | None
    reason: str

    @property
    def values(self) -> dict[str, float | int | str]:
        """What is known, for the record: numbers and words only."""
        corner = int(np.argmax(self.corners_mm))
        found: dict[str, float | int | str | None] = {
            "left_skew_deg": self.left_skew_deg,
            "edge_rise_um": self.edge_rise_um,
            "clipped_dark_permille": self.clipped_dark_permille,
            "clipped_light_permille": self.clipped_light_permille,
            "paper": self.paper,
            "contrast": self.contrast,
            "cast_yellow": self.cast_yellow,
            "cast_red": self.cast_red,
            "corner_mm": self.corners_mm[corner],
            "corner": CORNERS[corner] if self.corners_mm[corner] else "",
            "streaks": len(self.streaks_mm),
            "streaks_mm": " ".join(str(place) for place in self.streaks_mm),
            "show_through": self.show_through,
            "size": self.size,
            "dpi": self.dpi,
            "likely_dpi": self.likely_dpi,
            "reason": self.reason,
        }
        return {name: value for name, value in found.items() if value not in (None, "")}


def measure(first: FirstPass, raster: Raster, known: Known | None = None) -> Quality:
    """Measure a face as captured, before any turn.

    Reads every 80th pixel and at most 128 cells of 32 x 32. Costs about a tenth of the first pass.

    Parameters
    ----------
    first
        Its first pass.
    raster
        BGR or gray; may be without slack.
    known
        What the steps before have found out.

    Raises
    ------
    RasterError
        Never: a raster that can be made can be measured.
    """
    known = known or Known()
    region = _middle(first.luma.shape)
    if known.sheet is not None:
        region = known.sheet.region.inset(_INSET_MM * raster.dpi / 25.4)
    rows = region.rows(first.luma.shape)
    level = _paper(first, known.sheet)
    shown = _sampled(first, raster, rows, level)
    rise = focus.rise_um(first, rows, raster.dpi)
    size, likely = _size(raster, known.sheet)
    parts = {
        "left_skew_deg": _left_skew(known),
        "edge_rise_um": rise,
        **shown,
        "paper": level,
        "corners_mm": (0.0,) * 4 if known.sheet is None else known.sheet.outline.corners_mm,
        "streaks_mm": _streaks_mm(known.streaks_px, raster.dpi),
        "show_through": known.show_through,
        "size": size,
        "dpi": raster.dpi,
        "likely_dpi": likely,
    }
    return Quality(**parts, reason=worst(parts))


def _middle(shape: tuple[int, ...]) -> Region:
    """Return the image but a tenth on every side: where a bed may be whose edge was not found."""
    height, width = shape
    return Region(1.0, 0.0, (width / 10, height / 10, width * 9 / 10, height * 9 / 10))


def _paper(first: FirstPass, sheet: Sheet | None) -> int:
    """Return the paper level; that of a page that is mostly bed is the bed's."""
    if sheet is not None and abs(first.paper - sheet.bed) <= _LIKE_BED:
        return sheet.paper
    return first.paper


def _left_skew(known: Known) -> float | None:
    if known.angle_microdeg is None:
        return None
    return _TURNED_TO_DEG if known.turned else round(abs(known.angle_microdeg) / 1e6, 4)


@njit(nogil=True, cache=True)
def counted(pixels: Any, half: Any, rows: Any, paper_from: int, out: Any) -> tuple[int, int, int]:
    """Count levels of every 4th half-scale sample of every 5th row within a region.

    Each row begins one sample further than the last, so that no ruling is missed or met each time.

    Parameters
    ----------
    pixels
        uint8 (H, W, channels).
    half
        uint8 (h, w): its half-scale luma.
    rows
        int32 (h, 2): where the region begins and ends in each row.
    paper_from
        From this luma on a sample is paper.
    out
        int64 (4, 256), zeros: levels of luma; of each channel of the paper.

    Returns
    -------
    How many samples there are, and how many are 0 and 255 in every channel.
    """
    count = 0
    dark = 0
    light = 0
    channels = pixels.shape[2]
    for y in range(0, rows.shape[0], _ROW_STEP):
        for x in range(rows[y, 0] + y % _STEP, rows[y, 1], _STEP):
            level = half[y, x]
            out[0, level] += 1
            count += 1
            least = pixels[2 * y, 2 * x, 0]
            most = least
            for k in range(channels):
                value = pixels[2 * y, 2 * x, k]
                least = min(least, value)
                most = max(most, value)
                if level >= paper_from:
                    out[1 + k, value] += 1
            dark += most == 0
            light += least == 255
    return count, dark, light


def _sampled(
    first: FirstPass, raster: Raster, rows: NDArray[np.int32], level: int
) -> dict[str, Any]:
    """Return clipping, contrast and colour of the paper."""
    pixels = raster.pixels.reshape(raster.height_px, raster.width_px, -1)
    counts = np.zeros((4, 256), np.int64)
    count, dark, light = counted(pixels, first.half, rows, max(level - _PAPER_BELOW, 1), counts)
    ink = counts[0].copy()
    ink[max(level - _INK_BELOW, 0) :] = 0
    enough = int(ink.sum()) >= _LEAST_INK_SAMPLES
    yellow = red = None
    if raster.is_colour and counts[1].any():
        blue, green, mostly = (_level_of(counts[1 + k]) for k in range(3))
        yellow, red = (mostly + green) // 2 - blue, mostly - green
    return {
        "clipped_dark_permille": round(1000 * dark / max(count, 1), 1),
        "clipped_light_permille": round(1000 * light / max(count, 1), 1),
        "contrast": level - _level_of(ink, 4) if enough else None,
        "cast_yellow": yellow,
        "cast_red": red,
    }


def _level_of(counts: NDArray[np.int64], parts: int = 2) -> int:
    """Return the level below which one of so many parts lies."""
    return int(np.searchsorted(np.cumsum(counts), (int(counts.sum()) + 1) // parts))


def _size(raster: Raster, sheet: Sheet | None) -> tuple[str, int | None]:
    """Return the name of the sheet's size, and the resolution at which it would be A4."""
    width, height = (25.4 * side / raster.dpi for side in (raster.width_px, raster.height_px))
    if sheet is not None:
        width, height = sheet.outline.width_mm, sheet.outline.height_mm
    name = paper.name_of(width, height, _SIZE_WITHIN_MM)
    if name:
        return name, None
    for dpi in _RESOLUTIONS:
        scale = raster.dpi / dpi
        if paper.name_of(width * scale, height * scale, _SIZE_WITHIN_MM) == "A4":
            return UNUSUAL_SIZE, dpi
    return UNUSUAL_SIZE, None


def _streaks_mm(columns: tuple[int, ...], dpi: int) -> tuple[float, ...]:
    """Return places from the left; what two steps saw at one place is one streak."""
    found: list[float] = []
    for place in sorted(25.4 * column / dpi for column in columns):
        if not found or place - found[-1] > _SAME_STREAK_MM:
            found.append(round(place, 2))
    return tuple(found)
