"""A ream of paper: what every sheet of a campaign is cut from, made once per seed.

Tiles of paper with grain and noise, textures that ink breaks up in, and printed pages to lie on the
other side. A sheet takes them shifted and mirrored, which costs a copy.
"""

from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from kernels.buffers import Buffers

Pixels = NDArray[np.uint8]

TILE_PX: Final = 1024
NOISES: Final = (0.7, 1.3, 1.9)
"""Standard deviations of what the sensor adds to each channel."""


@dataclass(frozen=True, slots=True)
class Form:
    """Size and resolution of a face."""

    name: str
    dpi: int
    width_mm: float
    height_mm: float
    gray: bool = False

    @property
    def width_px(self) -> int:
        """Columns."""
        return round(self.width_mm * self.dpi / 25.4)

    @property
    def height_px(self) -> int:
        """Rows."""
        return round(self.height_mm * self.dpi / 25.4)


@dataclass(frozen=True, slots=True)
class Stock:
    """A kind of paper: level in blue, green, red; grain in levels; fibres in a square decimetre."""

    name: str
    bgr: tuple[int, int, int]
    grain: float = 0.4
    fibres: int = 0


WHITE: Final = Stock("white", (240, 240, 239))
STOCKS: Final = (
    WHITE,
    Stock("bright", (253, 249, 247)),
    Stock("copy", (232, 235, 234), 0.6),
    Stock("cream", (216, 231, 236), 0.5),
    Stock("aged", (186, 214, 224), 0.8),
    Stock("gray", (208, 210, 209), 0.6),
    Stock("green form", (212, 233, 218), 0.5),
    Stock("pink form", (222, 216, 238), 0.5),
)
BROWN: Final = (
    Stock("brown", (152, 190, 208), 0.9),
    Stock("brown with fibres", (158, 188, 202), 0.8, 90),
    Stock("recycled", (188, 198, 203), 0.8, 70),
)


class Ream:
    """Paper, textures and buffers of one campaign.

    Parameters
    ----------
    seed
        The same seed gives the same faces.
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.buffers = Buffers()
        self.bodies: dict[tuple[str, int], Any] = {}
        self._tiles: dict[tuple[Stock, float, bool, int], Pixels] = {}
        self._textures: dict[str, Pixels] = {}
        self._fonts: dict[str, Any] = {}
        rng = np.random.default_rng([seed, 0])
        shape = (TILE_PX, TILE_PX)
        common = rng.standard_normal(shape, np.float32)
        each = rng.standard_normal((*shape, 3), np.float32)
        self._noise = 0.6 * common[..., None] + 0.8 * each
        self._grain = _cloud(rng, shape, 2.5) + 0.7 * _cloud(rng, shape, 18.0)

    def paper(
        self, rng: np.random.Generator, form: Form, stock: Stock, noise: float, name: str
    ) -> Pixels:
        """Return an empty sheet in the buffer of that name."""
        tile = self._tile(stock, noise, form)
        flip = int(rng.integers(-1, 3))
        if flip < 2:
            tile = np.asarray(cv2.flip(tile, flip), np.uint8)
        channels = () if form.gray else (3,)
        page = self.buffers.take(f"drawn.{name}", (form.height_px, form.width_px, *channels))
        oy, ox = (int(v) for v in rng.integers(0, TILE_PX, 2))
        band = self.buffers.take("drawn.band", (TILE_PX, form.width_px, *channels))
        _lay(tile, band, ox, 1)
        _lay(band, page, oy, 0)
        return page

    def texture(self, rng: np.random.Generator, name: str, shape: tuple[int, ...]) -> Pixels:
        """Return a texture (uint8, 255 = full ink) of that shape from a random place."""
        whole = self._textures.get(name)
        if whole is None:
            own = np.random.default_rng([self.seed, 1, len(name), ord(name[0])])
            whole = self._textures[name] = _texture(own, name)
        oy, ox = (int(v) for v in rng.integers(0, TILE_PX, 2))
        times = tuple(-(-(shape[i] + o) // TILE_PX) for i, o in enumerate((oy, ox)))
        if max(times) > 1:
            whole = np.tile(whole, times)
        return np.ascontiguousarray(whole[oy : oy + shape[0], ox : ox + shape[1]])

    def font(self, name: str) -> Any:
        """Return one of OpenCV's own typefaces: "uni" has Chinese characters."""
        if name not in self._fonts:
            self._fonts[name] = cv2.FontFace(name)
        return self._fonts[name]

    def _tile(self, stock: Stock, noise: float, form: Form) -> Pixels:
        key = (stock, noise, form.gray, form.dpi if stock.fibres else 0)
        if key not in self._tiles:
            levels = np.array(stock.bgr, np.float32) + noise * self._noise
            levels += stock.grain * self._grain[..., None]
            if stock.fibres:
                levels -= _fibres(np.random.default_rng([self.seed, 2]), stock, form)[..., None]
            tile = np.clip(np.rint(levels), 0, 255).astype(np.uint8)
            if form.gray:  # averaging channels would take noise away that a gray scan has
                tile = np.ascontiguousarray(tile[..., 1])
            self._tiles[key] = tile
        return self._tiles[key]


def _lay(source: Pixels, target: Pixels, offset: int, axis: int) -> None:
    """Repeat `source` along an axis of `target`, beginning `offset` into it."""
    done, size = 0, target.shape[axis]
    while done < size:
        start = offset if done == 0 else 0
        step = min(source.shape[axis] - start, size - done)
        if axis == 0:
            target[done : done + step] = source[start : start + step]
        else:
            target[:, done : done + step] = source[:, start : start + step]
        done += step


def _cloud(
    rng: np.random.Generator, shape: tuple[int, int], softness_px: float
) -> NDArray[np.float32]:
    """Return soft noise of mean 0 and deviation 1 that wraps around."""
    noise = rng.standard_normal(shape, np.float32)
    pad = int(softness_px * 4)
    wide = cv2.copyMakeBorder(noise, *(pad,) * 4, cv2.BORDER_WRAP)
    soft = cv2.GaussianBlur(wide, (0, 0), softness_px)[pad:-pad, pad:-pad]
    return np.asarray((soft - soft.mean()) / soft.std(), np.float32)


def _fibres(rng: np.random.Generator, stock: Stock, form: Form) -> NDArray[np.float32]:
    """Return what fibres take from a tile: threads of a tenth of a millimetre and less."""
    px = form.dpi / 25.4
    out = np.zeros((TILE_PX, TILE_PX), np.float32)
    for _ in range(round(stock.fibres * (TILE_PX / px / 100) ** 2)):
        fine = np.zeros((256, 256), np.uint8)  # four times finer than the raster
        turn, length = rng.uniform(0, np.pi), 4 * px * rng.uniform(0.4, 1.0)
        reach = 16 * length / 2 * np.array([np.cos(turn), np.sin(turn)])
        start, end = (np.rint(128 * 16 + sign * reach).astype(int) for sign in (-1, 1))
        thick = max(round(4 * px * rng.uniform(0.05, 0.09)), 1)
        cv2.line(fine, tuple(start.tolist()), tuple(end.tolist()), 255, thick, cv2.LINE_AA, 4)
        mask = cv2.resize(fine, (64, 64), interpolation=cv2.INTER_AREA)
        y, x = (int(v) for v in rng.integers(0, TILE_PX - 64, 2))
        place = out[y : y + 64, x : x + 64]
        np.maximum(place, mask * np.float32(rng.uniform(20, 50) / 255), out=place)
    return np.asarray(cv2.GaussianBlur(out, (0, 0), 0.6), np.float32)


_TEXTURES: Final = {
    "pencil": (0.80, 0.22, 0.05),
    "pen": (0.96, 0.05, 0.0),
    "print": (0.99, 0.02, 0.0),
    "stamp": (0.82, 0.12, 0.22),
    "worn": (0.70, 0.25, 0.45),
    "carbon": (0.85, 0.10, 0.08),
    "paper": (0.88, 0.0, 0.06),
}
"""How much ink of that kind covers, and how that varies within a stroke and along it."""


def _texture(rng: np.random.Generator, name: str) -> Pixels:
    """Return how evenly ink of that kind covers."""
    shape = (TILE_PX, TILE_PX)
    mean, fine, coarse = _TEXTURES[name]
    cover = mean + fine * _cloud(rng, shape, 0.8) + coarse * _cloud(rng, shape, 9.0)
    if name == "print":
        cover = np.maximum(cover, 0.9)
    return np.asarray(np.clip(cover * 255, 0, 255), np.uint8)
