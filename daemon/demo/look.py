"""What paper, feeder, lamp and sensor do to the ink: the scanned look.

Order: paper times ink, ink of the other face shining through, dust and punch holes, the sheet laid
askew on the dark bed, dirt on the glass, noise of the sensor. Every constant is in samples of 0 to
255 or in millimetres at 300 dpi.
"""

from dataclasses import dataclass
from typing import Any, Final, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from daemon.demo.draw import DPI, Colour, px
from daemon.page import Side

_TILE_PX: Final = 512
_NOISE_LIFT: Final = 6
_BED: Final = (40.0, 36.0, 37.0)
_HOLES_MM: Final = (108.0, 188.0)
_HOLE_LEFT_MM: Final = 11.0
_PAPERS: Final[dict[str, tuple[Colour, float]]] = {
    # BGR and grain
    "white": ((238, 240, 240), 1.4),
    "cream": ((218, 232, 236), 1.8),
    "recycled": ((158, 192, 212), 3.6),
}
_SHINE_STEP: Final = 4
"""Ink that shines through is soft: it is worked out at a quarter of the resolution."""


class Window(Protocol):
    """What a scanner is asked to see: the emulator's window, as far as paper cares."""

    @property
    def width_px(self) -> int:
        """Samples a line."""

    @property
    def height_px(self) -> int:
        """Lines."""

    @property
    def dpi(self) -> int:
        """Samples per inch."""

    @property
    def channels(self) -> int:
        """1 for gray, 3 for colour."""


@dataclass(frozen=True, slots=True)
class Run:
    """How one sheet went through the scanner, seen from its front.

    Attributes
    ----------
    angle_deg
        Content turned, counter-clockwise positive.
    shift_mm
        Off the middle to the right, and down.
    paper
        "white", "cream" or "recycled".
    shine
        Share of the other face's ink that shines through, 0 to 0.2.
    holes
        Punched for filing.
    dust
        Specks on each face.
    streak_mm
        Where dirt lies on the glass of the front sensor, from the left; None when clean.
    """

    angle_deg: float
    shift_mm: tuple[float, float] = (0.0, 0.0)
    paper: str = "white"
    shine: float = 0.0
    holes: bool = False
    dust: int = 0
    streak_mm: float | None = None


class Look:
    """Turns ink into what a scanner sees. Its paper and its noise come from one seed."""

    def __init__(self, seed: int) -> None:
        rng = np.random.default_rng((seed, 0x10C))
        self._papers = {
            name: _paper_tile(colour, grain, rng) for name, (colour, grain) in _PAPERS.items()
        }
        noise = rng.normal(_NOISE_LIFT, 1.7, (_TILE_PX, _TILE_PX, 3))
        self._noise: NDArray[np.uint8] = np.clip(noise, 0, 2 * _NOISE_LIFT).astype(np.uint8)

    def scan(
        self,
        inks: tuple[NDArray[np.uint8], NDArray[np.uint8] | None],
        side: Side,
        run: Run,
        window: Window,
        rng: np.random.Generator,
    ) -> NDArray[np.uint8]:
        """Return what the sensor of `side` sees through `window`, in BGR.

        Parameters
        ----------
        inks
            This face's ink at 300 dpi, and the other face's, or None where that is bare.
        """
        ink, other = inks
        sheet = _repeated(self._papers[run.paper], ink.shape[:2])
        cv2.multiply(sheet, ink, dst=sheet, scale=1 / 255)
        if other is not None and run.shine > 0:
            cv2.multiply(sheet, _shining(other, run.shine), dst=sheet, scale=1 / 255)
        _blemish(sheet, run, side, rng)
        seen = _laid(sheet, side, run, window)
        if run.streak_mm is not None and side is Side.FRONT:
            left = round(run.streak_mm * window.dpi / 25.4)
            band = seen[:, left : left + 2]
            band[:] = cv2.subtract(band, np.full_like(band, 34))
        rolled = np.roll(self._noise, tuple(rng.integers(0, _TILE_PX, 2)), (0, 1))
        cv2.add(seen, _repeated(rolled, seen.shape[:2]), dst=seen)
        return seen


def samples(picture: NDArray[np.uint8], window: Window) -> bytes:
    """Return a gray or BGR picture of the window's size as the bytes a scanner has of it."""
    if window.channels == 1:
        flat = picture if picture.ndim == 2 else cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
    elif picture.ndim == 2:
        flat = cv2.cvtColor(picture, cv2.COLOR_GRAY2RGB)
    else:
        flat = cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)
    return flat.tobytes()


def _paper_tile(colour: Colour, grain: float, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Make a square of paper that can be repeated without a seam."""
    fibres = rng.normal(0, 1, (_TILE_PX, _TILE_PX))
    field = np.zeros((_TILE_PX, _TILE_PX))
    for sigma, weight in ((1.0, 1.0), (2.5, 0.7), (14.0, 0.25)):
        edge = int(4 * sigma)
        soft = cv2.GaussianBlur(np.pad(fibres, edge, mode="wrap"), (0, 0), sigma)
        soft = soft[edge:-edge, edge:-edge]
        field += weight * soft / soft.std()
    tile = np.array(colour, np.float64) - _NOISE_LIFT + grain * 0.8 * field[..., None]
    return np.clip(tile, 0, 255).astype(np.uint8)


def _repeated(tile: NDArray[np.uint8], shape: tuple[int, ...]) -> NDArray[np.uint8]:
    times = (-(-shape[0] // _TILE_PX), -(-shape[1] // _TILE_PX))
    return np.asarray(cv2.repeat(tile, *times)[: shape[0], : shape[1]], np.uint8)


def _shining(other: NDArray[np.uint8], share: float) -> NDArray[np.uint8]:
    """Return the other face's ink as it shines through: mirrored, blurred, faint."""
    height, width = other.shape[:2]
    size = (width // _SHINE_STEP, height // _SHINE_STEP)
    small: NDArray[Any] = cv2.resize(other, size, interpolation=cv2.INTER_AREA)
    soft = cv2.GaussianBlur(cv2.flip(small, 1), (0, 0), 1.7)
    faint = cv2.convertScaleAbs(soft, alpha=share, beta=255 * (1 - share))
    return np.asarray(cv2.resize(faint, (width, height)), np.uint8)


def _blemish(sheet: NDArray[np.uint8], run: Run, side: Side, rng: np.random.Generator) -> None:
    """Add dust, punch holes and the shadow of the sheet's lower and right edge."""
    height, width = sheet.shape[:2]
    for _ in range(run.dust):
        centre = (int(rng.integers(0, width)), int(rng.integers(0, height)))
        tone = int(rng.integers(110, 190))
        cv2.circle(sheet, centre, 1, (tone, tone, tone), cv2.FILLED)
    if run.holes:
        left_mm = _HOLE_LEFT_MM if side is Side.FRONT else 210.0 - _HOLE_LEFT_MM
        for top_mm in _HOLES_MM:
            cv2.circle(sheet, (px(left_mm), px(top_mm)), px(2.8), _BED, -1, cv2.LINE_AA)
    for depth, loss in enumerate((70, 40, 20, 10)):
        for strip in (sheet[height - 1 - depth], sheet[:, width - 1 - depth]):
            np.copyto(strip, cv2.subtract(strip, np.full_like(strip, loss)))


def _laid(sheet: NDArray[np.uint8], side: Side, run: Run, window: Window) -> NDArray[np.uint8]:
    """Lay the sheet askew on the bed: middle to middle, top to top; reduced where it must be."""
    height, width = sheet.shape[:2]
    scale = min(window.dpi / DPI, window.width_px / width, window.height_px / height)
    mirror = 1 if side is Side.FRONT else -1  # the same sheet, seen from behind
    turn = np.array(cv2.getRotationMatrix2D((width / 2, height / 2), mirror * run.angle_deg, scale))
    per_mm = window.dpi / 25.4
    turn[0, 2] += window.width_px / 2 - width / 2 + mirror * run.shift_mm[0] * per_mm
    turn[1, 2] += height * scale / 2 - height / 2 + run.shift_mm[1] * per_mm
    size = (window.width_px, window.height_px)
    return np.asarray(cv2.warpAffine(sheet, turn, size, borderValue=_BED), np.uint8)
