"""What paper, feeder, glass and file do to a drawn sheet: the scanned look, with exact angles.

Rule 1: ink is turned once, by one cubic interpolation about an exact matrix; nothing that is drawn
later moves it. So the truth is exact.
"""

from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.drawn.canvas import Colour, Place, Sheet

PAPERS: Final[dict[str, tuple[Colour, float]]] = {
    # BGR and grain
    "white": ((246, 247, 247), 1.0),
    "office": ((234, 238, 238), 1.6),
    "cream": ((212, 230, 236), 1.8),
    "recycled": ((158, 192, 212), 3.6),
    "brown": ((120, 158, 186), 4.0),
    "thin": ((226, 232, 234), 1.8),
    "pink": ((206, 200, 238), 1.4),
    "blue": ((232, 214, 190), 1.4),
    "photocopy": ((206, 206, 206), 2.2),
    "thermal": ((214, 216, 214), 1.2),
}
BEDS: Final[dict[str, int]] = {"dark": 38, "black": 6, "gray": 118, "light": 228, "white": 252}
_TILE_PX: Final = 512
_HOLE_MM: Final = 2.8


@dataclass(frozen=True, slots=True)
class Run:
    """How one sheet was printed, kept, fed and stored.

    Attributes
    ----------
    angle_deg
        Content turned, counter-clockwise positive.
    print_deg
        Content against the sheet: copied or printed askew.
    window_mm
        What the scanner sees; the sheet lies in the middle, off by `shift_mm`.
    shine
        Share of the other face's ink that shines through.
    streaks
        Dirty places on the glass.
    shadow
        Depth of the shadow at the lower and the right edge, 0 to 1.
    border
        A copier's dark border along two edges of the sheet.
    specks
        Toner specks of a copier for each square centimetre.
    jpeg_quality
        Of the file the page came in; None if it came from the scanner.
    bilevel
        Threshold of a line-art scan, or None.
    """

    angle_deg: float = 0.0
    print_deg: float = 0.0
    paper: str = "white"
    bed: str = "dark"
    window_mm: Place = (210.0, 297.0)
    shift_mm: Place = (0.0, 0.0)
    shine: float = 0.0
    holes: bool = False
    dust: int = 0
    streaks: int = 0
    shadow: float = 0.0
    border: bool = False
    specks: float = 0.0
    noise: float = 1.5
    jpeg_quality: int | None = None
    bilevel: int | None = None

    @classmethod
    def drawn(cls, rng: np.random.Generator, size_mm: Place, angle_deg: float) -> "Run":
        """Draw how a sheet of this size goes through; most go well."""
        slip = size_mm[0] < 140
        beyond = rng.uniform(0, 12, 2)
        window = (size_mm[0] + float(beyond[0]), size_mm[1] + float(beyond[1]))
        if slip and rng.random() < 0.7:
            window = (210.0, max(size_mm[1] + 20, float(rng.choice((148.0, 297.0)))))
        copied = rng.random() < 0.15
        return cls(
            angle_deg=angle_deg,
            paper=str(rng.choice(list(PAPERS))) if not copied else "photocopy",
            bed=str(rng.choice(list(BEDS))),
            window_mm=window,
            shift_mm=(float(rng.uniform(-2, 2)), float(rng.uniform(-2, 2))),
            shine=float(rng.choice((0.0, 0.0, rng.uniform(0.03, 0.2)))),
            holes=bool(rng.random() < 0.12),
            dust=int(rng.choice((0, 0, rng.integers(1, 40)))),
            streaks=int(rng.choice((0, 1, 2, 3), p=(0.8, 0.13, 0.04, 0.03))),
            shadow=float(rng.choice((0.0, rng.uniform(0.1, 0.9)))),
            border=bool(copied and rng.random() < 0.4),
            specks=float(rng.uniform(0, 6)) if copied else 0.0,
            noise=float(rng.uniform(0.5, 4.0)),
            jpeg_quality=int(rng.integers(40, 96)) if rng.random() < 0.35 else None,
        )

    @property
    def sheet_deg(self) -> float:
        """How the sheet itself is turned."""
        return self.angle_deg - self.print_deg


def scanned(sheet: Sheet, run: Run, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Return what the scanner sees: gray, or BGR where the sheet is."""
    bed = _bed(run, sheet)
    if run.border:
        _border(sheet, rng)
    paper = _paper(sheet, run, rng)
    if run.shine:
        cv2.multiply(paper, _shining(sheet, run.shine), dst=paper, scale=1 / 255)
    size = (sheet.px(run.window_mm[0]), sheet.px(run.window_mm[1]))
    if run.print_deg:
        seen = _turned(paper, run.sheet_deg, sheet, run, size, bed)
        ink = _turned(sheet.ink, run.angle_deg, sheet, run, size, 255)
        cv2.multiply(seen, ink, dst=seen, scale=1 / 255)
    else:
        cv2.multiply(paper, sheet.ink, dst=paper, scale=1 / 255)
        seen = _turned(paper, run.angle_deg, sheet, run, size, bed)
    _glass(seen, sheet, run, rng)
    seen = _sensed(seen, run, rng)
    if run.bilevel is not None:
        seen = np.where(seen < run.bilevel, 0, 255).astype(np.uint8)
    elif run.jpeg_quality is not None:
        coded = cv2.imencode(".jpg", seen, [cv2.IMWRITE_JPEG_QUALITY, run.jpeg_quality])[1]
        seen = np.asarray(cv2.imdecode(coded, cv2.IMREAD_UNCHANGED), np.uint8)
    return seen


def _bed(run: Run, sheet: Sheet) -> int:
    """Return the bed's level; a white bed is never quite the paper's own."""
    level = BEDS[run.bed]
    return level if sheet.is_colour or level else 1


def _paper(sheet: Sheet, run: Run, rng: np.random.Generator) -> NDArray[np.uint8]:
    colour, grain = PAPERS[run.paper]
    tone = np.array(sheet.tone(colour), np.float32)
    fibres = rng.normal(0, 1, (_TILE_PX, _TILE_PX)).astype(np.float32)
    fibres += 2.2 * cv2.GaussianBlur(fibres, (0, 0), 1.2)
    grains = fibres * grain * 0.6
    tile = np.clip((grains[..., None] if sheet.is_colour else grains) + tone, 0, 255)
    paper = repeated(tile.astype(np.uint8), sheet.ink.shape[:2])
    height, width = paper.shape[:2]
    for _ in range(run.dust):
        at = (int(rng.integers(0, width)), int(rng.integers(0, height)))
        cv2.circle(paper, at, sheet.px(rng.uniform(0.05, 0.25)), _gray(rng, 70, 190), cv2.FILLED)
    for _ in range(round(run.specks * sheet.size_mm[0] * sheet.size_mm[1] / 100)):
        at = (int(rng.integers(0, width)), int(rng.integers(0, height)))
        cv2.circle(paper, at, int(rng.integers(0, 2)), _gray(rng, 30, 120), cv2.FILLED)
    if run.holes:
        for share in (0.36, 0.64):
            at = (sheet.px(11), round(height * share))
            hole = (float(BEDS[run.bed]),) * 3
            cv2.circle(paper, at, sheet.px(_HOLE_MM), hole, cv2.FILLED, cv2.LINE_AA)
    _shade(paper, run.shadow)
    return paper


def _shade(paper: NDArray[np.uint8], depth: float) -> None:
    """Darken the last lines of the sheet at the bottom and on the right."""
    for inward in range(6 if depth else 0):
        factor = 1 - depth * 0.6**inward
        for strip in (paper[-1 - inward], paper[:, -1 - inward]):
            strip[:] = (strip * factor).astype(np.uint8)


def _border(sheet: Sheet, rng: np.random.Generator) -> None:
    """Draw the dark border a copier leaves where the original did not reach."""
    width = sheet.ink.shape[1]
    wide = rng.uniform(1, 7, 2)
    tone = int(rng.integers(10, 80))
    sheet.ink[:, width - sheet.px(float(wide[0])) :] = tone
    sheet.ink[: sheet.px(float(wide[1]))] = tone
    soft = cv2.GaussianBlur(sheet.ink, (0, 0), max(0.4, sheet.dpi / 400))
    edge = sheet.px(9)
    sheet.ink[:, width - edge :], sheet.ink[:edge] = soft[:, width - edge :], soft[:edge]


def _shining(sheet: Sheet, share: float) -> NDArray[np.uint8]:
    """Return ink as it shines through from the other face: mirrored, soft, faint."""
    height, width = sheet.ink.shape[:2]
    small: NDArray[Any] = cv2.resize(sheet.ink, (width // 4, height // 4), None, 0, 0, 3)
    soft = cv2.GaussianBlur(cv2.flip(small, 1), (0, 0), max(0.6, 1.7 * sheet.dpi / 300))
    faint = cv2.convertScaleAbs(soft, alpha=share, beta=255 * (1 - share))
    return np.asarray(cv2.resize(faint, (width, height)), np.uint8)


def _turned(
    picture: NDArray[np.uint8],
    angle_deg: float,
    sheet: Sheet,
    run: Run,
    size: tuple[int, int],
    outside: int,
) -> NDArray[np.uint8]:
    height, width = picture.shape[:2]
    turn = np.array(cv2.getRotationMatrix2D((width / 2, height / 2), angle_deg, 1.0))
    turn[0, 2] += (size[0] - width) // 2 + sheet.px(run.shift_mm[0])
    turn[1, 2] += (size[1] - height) // 2 + sheet.px(run.shift_mm[1])
    border = (float(outside),) * 3
    return np.asarray(
        cv2.warpAffine(picture, turn, size, flags=cv2.INTER_CUBIC, borderValue=border), np.uint8
    )


def _glass(seen: NDArray[np.uint8], sheet: Sheet, run: Run, rng: np.random.Generator) -> None:
    """Draw streaks of dirt on the glass: exactly upright, however the sheet lies."""
    width = seen.shape[1]
    for _ in range(run.streaks):
        left = int(rng.integers(0, width - 1))
        band = seen[:, left : left + max(1, sheet.px(float(rng.uniform(0.05, 0.5))))]
        loss = int(rng.integers(12, 120))
        if rng.random() < 0.8:
            band[:] = cv2.subtract(band, np.full_like(band, loss))
        else:
            band[:] = cv2.add(band, np.full_like(band, loss))


def _sensed(seen: NDArray[np.uint8], run: Run, rng: np.random.Generator) -> NDArray[np.uint8]:
    grain = rng.normal(8, run.noise, (_TILE_PX, _TILE_PX, *seen.shape[2:]))
    noise = repeated(np.clip(grain, 0, 255).astype(np.uint8), seen.shape[:2])
    cv2.add(seen, noise, dst=seen)
    return np.asarray(cv2.subtract(seen, np.full_like(seen, 8)), np.uint8)


def _gray(rng: np.random.Generator, low: int, high: int) -> tuple[float, float, float]:
    tone = float(rng.integers(low, high))
    return tone, tone, tone


def repeated(tile: NDArray[np.uint8], shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """Return a tile laid over an area."""
    times = (-(-shape[0] // tile.shape[0]), -(-shape[1] // tile.shape[1]))
    return np.array(cv2.repeat(tile, *times)[: shape[0], : shape[1]], np.uint8)
