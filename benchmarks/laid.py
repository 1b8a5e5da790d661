"""Sheets laid on a bed, as a scanner sees them, with every pixel of their content known.

One seed, one face: a sheet of some size with print, seals or photographs to 1 mm of its edge, whole
or torn, folded and punched, on a dark, gray, light, white or brighter bed with dirt and shadows.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

BEDS: Final = ("dark", "gray", "light", "white", "brighter")
_SHEETS_MM: Final = (
    (210.0, 297.0),
    (210.0, 297.0),
    (210.0, 297.0),
    (148.0, 210.0),
    (210.0, 148.0),
    (105.0, 148.0),
    (182.0, 257.0),
    (185.0, 260.0),
    (80.0, 190.0),
    (57.0, 120.0),
)
_WORDS: Final = ("Contract", "No. 2018-0301", "received", "of the sum of 48,000.00", "signature")
_LEVELS: Final[dict[str, tuple[tuple[int, int], tuple[int, int]]]] = {
    # bed, paper
    "dark": ((12, 72), (170, 250)),
    "gray": ((90, 165), (212, 250)),
    "light": ((190, 226), (240, 252)),
    "white": ((236, 250), (236, 250)),
    "brighter": ((244, 252), (165, 218)),
}

_LUMA: Final = np.array((0.114, 0.587, 0.299), np.float32)


@dataclass(frozen=True, slots=True)
class Face:
    """One face.

    Attributes
    ----------
    pixels
        uint8 (H, W) or (H, W, 3).
    content
        uint8 (H, W): non-zero where print, seals and pictures of the sheet are seen.
    corners
        float64 (4, 2): x, y of the sheet's corners: top left, top right, bottom right, bottom left.
    angle_deg
        How the sheet is turned, counter-clockwise positive.
    bed, case
        Kind of the bed; words for what else is special.
    dpi
        Of the scan.
    """

    pixels: NDArray[np.uint8]
    content: NDArray[np.uint8]
    corners: NDArray[np.float64]
    angle_deg: float
    bed: str
    case: tuple[str, ...]
    dpi: int


class _Sheet:
    """A sheet while it is drawn: what it shows, where content is, and where there is paper."""

    def __init__(self, size_mm: tuple[float, float], dpi: int, rng: np.random.Generator) -> None:
        self.rng = rng
        self.size_mm = size_mm
        self.per_mm = dpi / 25.4
        self.shape = round(size_mm[1] * self.per_mm), round(size_mm[0] * self.per_mm)
        self.tone = np.full((*self.shape, 3), 255, np.uint8)
        self.content = np.zeros(self.shape, np.uint8)
        self.alpha = np.full(self.shape, 255, np.uint8)

    def px(self, mm: float) -> int:
        return round(mm * self.per_mm)

    def at(self, margin_mm: float) -> tuple[int, int]:
        """Return a place at least so far from every edge."""
        m = self.px(margin_mm)
        height, width = self.shape
        return (
            int(self.rng.integers(m, max(width - m, m + 1))),
            int(self.rng.integers(m, max(height - m, m + 1))),
        )

    def box(
        self, x: int, y: int, right: int, bottom: int, tone: tuple[int, int, int], line: int = -1
    ) -> None:
        cv2.rectangle(self.tone, (x, y), (right, bottom), tone, line)
        cv2.rectangle(self.content, (x, y), (right, bottom), 255, line)

    def write(self, text: str, x: int, y: int, mm: float, gray: int) -> None:
        scale, thick = self.px(mm) / 22, max(self.px(0.35), 1)
        face = cv2.FONT_HERSHEY_SIMPLEX
        cv2.putText(self.tone, text, (x, y), face, scale, (gray,) * 3, thick, cv2.LINE_AA)
        cv2.putText(self.content, text, (x, y), face, scale, 255, thick)


def draw(seed: int, bed: str, dpi: int | None = None) -> Face:
    """Return the face of a seed on one kind of bed; without a resolution that is drawn too."""
    rng = np.random.default_rng((seed, BEDS.index(bed)))
    drawn_dpi = rng.choice((120, 150, 200, 300), p=(0.3, 0.35, 0.25, 0.1))
    dpi = int(drawn_dpi) if dpi is None else dpi
    sheet = _Sheet(_SHEETS_MM[int(rng.integers(len(_SHEETS_MM)))], dpi, rng)
    case = _printed(sheet) + _worn(sheet)
    bed_level, paper_level = (int(rng.integers(*span)) for span in _LEVELS[bed])
    if bed == "white":
        paper_level = bed_level + int(rng.integers(-5, 6))
    turn, window = _place(sheet, rng)
    height, width = window
    size = (width, height)
    tint = rng.integers(-6, 7, 3).astype(np.float64)
    paper = np.clip(paper_level + tint - tint @ _LUMA, 0, 255)
    tone, scale = sheet.tone, tuple(paper / 255)
    if rng.random() < 0.6:
        tone, scale = np.asarray(cv2.cvtColor(tone, cv2.COLOR_BGR2GRAY)), (paper_level / 255,)
    shown = np.asarray(cv2.multiply(tone, (*scale, 0, 0, 0)[:4], dtype=cv2.CV_32F))
    shown += _like(_noise(sheet.shape, rng.uniform(0.5, 3), rng), shown)
    alpha = np.asarray(cv2.warpAffine(sheet.alpha, turn, size), np.float32) / 255
    field = _bed(bed_level, alpha, dpi, rng)
    seen = np.asarray(cv2.warpAffine(shown, turn, size, borderMode=cv2.BORDER_REPLICATE))
    seen *= _like(alpha, seen)
    seen += _like(field * (1 - alpha), seen)
    case += _streak(seen, rng)
    seen += _like(_noise(window, rng.uniform(0.3, 2.0), rng), seen)
    pixels = np.asarray(cv2.convertScaleAbs(np.maximum(seen, 0, out=seen)))
    content = cv2.warpAffine(sheet.content & sheet.alpha, turn, size, flags=cv2.INTER_NEAREST)
    ends = np.array(((0, 0), (1, 0), (1, 1), (0, 1)), np.float64) * sheet.shape[::-1]
    corners = ends @ turn[:, :2].T + turn[:, 2]
    angle = float(np.degrees(np.arctan2(turn[0, 1], turn[0, 0])))
    return Face(pixels, np.asarray(content), corners, angle, bed, case, dpi)


def _noise(
    shape: tuple[int, int], deviation: float, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Return noise that repeats itself every 512 pixels: quick to make."""
    tile = rng.standard_normal((512, 512), np.float32) * np.float32(deviation)
    times = (-(-side // 512) for side in shape)
    return np.tile(tile, tuple(times))[: shape[0], : shape[1]]


def _like(plane: NDArray[Any], picture: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return a plane so that it can be combined with every channel of a picture."""
    same = plane.astype(np.float32, copy=False)
    return same if picture.ndim == 2 else same[..., None]


def _place(sheet: _Sheet, rng: np.random.Generator) -> tuple[NDArray[np.float64], tuple[int, int]]:
    """Return the matrix that lays the sheet on the bed, and the window's height and width."""
    height, width = sheet.shape
    angle = float(rng.choice((0.0, rng.normal(0, 0.6), rng.normal(0, 0.6), rng.uniform(-5, 5))))
    if rng.random() < 0.65:  # the window is as large as the sheet and an overscan
        more = rng.uniform(8, 18, 2) * sheet.per_mm
        window = height + int(more[0]), width + int(more[1])
    else:  # of A4, whatever is laid on it
        window = sheet.px(297 + 9.4), sheet.px(210 + 9.4)
    turn = np.array(cv2.getRotationMatrix2D((width / 2, height / 2), angle, 1), np.float64)
    free_x, free_y = (max(window[k] - sheet.shape[k], 0) for k in (1, 0))
    where = rng.choice(3, p=(0.5, 0.2, 0.3))
    share = ((0.5, 0.5), (0.5, 0.0), tuple(rng.uniform(0.1, 0.9, 2)))[where]
    turn[:, 2] += free_x * share[0], free_y * share[1]
    turn[:, 2] += rng.uniform(-1.5, 1.5, 2) * sheet.per_mm
    return turn, window


def _bed(
    level: int, alpha: NDArray[np.float32], dpi: int, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Return the bed: not quite even, dirty, and darker beside the sheet."""
    height, width = alpha.shape
    slopes = rng.uniform(-3, 3, 2).astype(np.float32)
    field = level + slopes[0] * np.linspace(-1, 1, width, dtype=np.float32)[None]
    field = field + slopes[1] * np.linspace(-1, 1, height, dtype=np.float32)[:, None]
    per_mm = dpi / 25.4
    for _ in range(int(rng.choice((0, 0, 3, 12, 30)))):
        spot = int(rng.integers(width)), int(rng.integers(height))
        tone = float(np.clip(level + rng.choice((-1, 1)) * rng.uniform(15, 120), 0, 255))
        cv2.circle(field, spot, max(round(rng.uniform(0.05, 0.5) * per_mm), 1), tone, -1)
    for _ in range(int(rng.choice((0, 0, 0, 1, 3)))):
        path = np.cumsum(rng.normal(0, 1.2 * per_mm, (8, 2)), axis=0)
        path += rng.uniform(0, 1, 2) * (width, height)
        tone = float(np.clip(level + rng.uniform(20, 90), 0, 255))
        cv2.polylines(field, [path.astype(np.int32)], False, tone, 1)
    if rng.random() < 0.6:
        shift = rng.uniform(-1.2, 1.2, 2) * per_mm
        small = cv2.resize(alpha, (width // 4, height // 4), interpolation=cv2.INTER_AREA)
        move = np.array(((1, 0, shift[0] / 4), (0, 1, shift[1] / 4)), np.float64)
        moved = cv2.warpAffine(small, move, (width // 4, height // 4))
        soft = cv2.GaussianBlur(moved, (0, 0), rng.uniform(0.2, 0.8) * per_mm / 4)
        soft = cv2.resize(soft, (width, height))
        field = field * (1 - np.float32(rng.uniform(0.1, 0.6)) * soft)
    return np.asarray(field, np.float32)


def _streak(seen: NDArray[np.float32], rng: np.random.Generator) -> tuple[str, ...]:
    if rng.random() > 0.12:
        return ()
    x = int(rng.integers(2, seen.shape[1] - 3))
    seen[:, x : x + 2] += rng.choice((-1, 1)) * rng.uniform(15, 50)
    return ("streak",)


def _printed(sheet: _Sheet) -> tuple[str, ...]:
    """Print the sheet; return words for what is special."""
    rng = sheet.rng
    case: list[str] = []
    _text(sheet, float(rng.choice((1.2, 5.0, 20.0))))
    for name, odds, work in _PRINTS:
        if rng.random() < odds:
            work(sheet)
            case.append(name)
    return tuple(case)


def _text(sheet: _Sheet, margin_mm: float) -> None:
    height, width = sheet.shape
    line, left = sheet.px(8), sheet.px(margin_mm)
    gray = int(sheet.rng.integers(10, 90))
    for y in range(left + line, height - left, line):
        if sheet.rng.random() < 0.75:
            words = " ".join(sheet.rng.choice(_WORDS, 8))
            sheet.write(words[: max((width - 2 * left) // sheet.px(3.1), 1)], left, y, 3.2, gray)


def _page_number(sheet: _Sheet) -> None:
    height, width = sheet.shape
    x = int(sheet.rng.choice((sheet.px(1.1), width // 2, width - sheet.px(8.5))))
    sheet.write("107", x, height - sheet.px(1.2), 3.0, int(sheet.rng.integers(10, 110)))


def _frame(sheet: _Sheet) -> None:
    height, width = sheet.shape
    m = sheet.px(float(sheet.rng.uniform(1.0, 8.0)))
    sheet.box(m, m, width - m, height - m, (25, 25, 25), max(sheet.px(0.3), 1))


def _half_seal(sheet: _Sheet) -> None:
    """Press a seal across an edge, as over the joint of two sheets."""
    height, width = sheet.shape
    x, y = sheet.at(20)
    centre = ((0, y), (width, y), (x, 0), (x, height))[int(sheet.rng.integers(4))]
    radius, line = sheet.px(19), sheet.px(1.4)
    cv2.circle(sheet.tone, centre, radius, (75, 60, 215), line)
    cv2.circle(sheet.content, centre, radius, 255, line)


def _photo(sheet: _Sheet) -> None:
    height, width = sheet.shape
    right, bottom = sheet.at(25)
    patch = sheet.rng.integers(10, 150, (4, 4, 3)).astype(np.uint8)
    x, y = (0, 0) if sheet.rng.random() < 0.5 else (width - right, height - bottom)
    part = np.s_[y : y + bottom, x : x + right]
    sheet.tone[part] = cv2.resize(patch, (right, bottom), interpolation=cv2.INTER_CUBIC)
    sheet.content[part] = 255


def _black_border(sheet: _Sheet) -> None:
    """Print the border a copier leaves; with a rim of paper around it, or to the very edge."""
    height, width = sheet.shape
    rim = sheet.px(float(sheet.rng.choice((0.0, 0.0, 1.5, 4.0))))
    wide = sheet.px(float(sheet.rng.uniform(2.0, 14.0)))
    tone = (int(sheet.rng.integers(5, 75)),) * 3
    strips = (
        (rim, rim, rim + wide, height - 1 - rim),
        (rim, rim, width - 1 - rim, rim + wide),
        (width - 1 - rim - wide, rim, width - 1 - rim, height - 1 - rim),
        (rim, height - 1 - rim - wide, width - 1 - rim, height - 1 - rim),
    )
    some = sheet.rng.random(4) < float(sheet.rng.choice((0.3, 1.0)))
    for strip, drawn in zip(strips, some, strict=True):
        if drawn:
            sheet.box(*strip, tone)


def _band(sheet: _Sheet) -> None:
    gray = int(sheet.rng.integers(30, 200))
    tint = int(sheet.rng.choice((0, 70)))
    tone = (min(gray + tint, 255), gray, max(gray - tint, 0))
    sheet.box(0, 0, sheet.shape[1] - 1, sheet.px(float(sheet.rng.uniform(8, 35))), tone)


def _shaded_table(sheet: _Sheet) -> None:
    x, y = sheet.at(12)
    height, width = sheet.shape
    sheet.box(
        min(x, width - x),
        min(y, height - y),
        max(x, width - x),
        max(y, height - y),
        (215, 215, 215),
    )


def _pencil(sheet: _Sheet) -> None:
    x, y = sheet.at(8)
    sheet.write("see p. 12", x, y, 3.5, 165)


_PRINTS: Final[tuple[tuple[str, float, Callable[[_Sheet], None]], ...]] = (
    ("shaded table", 0.06, _shaded_table),
    ("band", 0.08, _band),
    ("photo", 0.08, _photo),
    ("black border", 0.12, _black_border),
    ("frame", 0.15, _frame),
    ("half seal", 0.15, _half_seal),
    ("page number", 0.4, _page_number),
    ("pencil", 0.1, _pencil),
)


def _worn(sheet: _Sheet) -> tuple[str, ...]:
    """Tear, fold and punch the sheet; return words for what was done."""
    rng = sheet.rng
    case: list[str] = []
    for name, odds, work in _WEAR:
        if rng.random() < odds:
            work(sheet)
            case.append(name)
    return tuple(case)


def _corner(sheet: _Sheet, folded: bool) -> None:
    height, width = sheet.shape
    a, b = (sheet.px(float(mm)) for mm in sheet.rng.uniform(5, 25, 2))
    x, y = (int(v) for v in sheet.rng.integers(0, 2, 2))
    corner = np.array((x * width, y * height))
    inward = np.array((1 - 2 * x, 1 - 2 * y))
    legs = corner + inward * (a, 0), corner + inward * (0, b)
    cv2.fillPoly(sheet.alpha, [np.array((corner, *legs), np.int32)], 0)
    if folded:
        # The flap is the missing corner, mirrored at the crease.
        crease = (legs[1] - legs[0]) / np.linalg.norm(legs[1] - legs[0])
        off = corner - legs[0]
        flap = np.array((2 * (off @ crease) * crease - off + legs[0], *legs), np.int32)
        cv2.fillPoly(sheet.tone, [flap], (238, 238, 238))
        cv2.fillPoly(sheet.content, [flap], 0)


def _torn_edge(sheet: _Sheet) -> None:
    height, width = sheet.shape
    side = int(sheet.rng.integers(4))
    along = width if side % 2 else height
    start = float(sheet.rng.uniform(0, 0.8)) * along
    points = np.linspace(start, start + sheet.px(float(sheet.rng.uniform(10, 60))), 9)
    depth = np.abs(sheet.rng.normal(0, 3 * sheet.per_mm, 9))
    depth[[0, -1]] = -2
    off = (width if side == 2 else height) if side > 1 else 0
    across = off - depth if side > 1 else depth
    path = np.stack((points, across) if side % 2 else (across, points), axis=1)
    cv2.fillPoly(sheet.alpha, [path.astype(np.int32)], 0)


def _holes(sheet: _Sheet) -> None:
    x = sheet.px(float(sheet.rng.choice((0.5, 3.5, 11.0))))
    for share in (0.35, 0.62):
        cv2.circle(sheet.alpha, (x, int(share * sheet.shape[0])), sheet.px(2.8), 0, -1)


_WEAR: Final[tuple[tuple[str, float, Callable[[_Sheet], None]], ...]] = (
    ("torn corner", 0.1, lambda sheet: _corner(sheet, folded=False)),
    ("folded corner", 0.12, lambda sheet: _corner(sheet, folded=True)),
    ("torn edge", 0.1, _torn_edge),
    ("holes", 0.2, _holes),
)
