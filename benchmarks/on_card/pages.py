"""The pages that are worked: those of a folder, or drawn ones; and a subset small enough to carry.

Rule 1: a file becomes the pixels that the product takes from it: BGR or gray, laid on white.
Rule 2: the drawn pages are the same on every machine and in every version of the libraries: only
rectangles and NumPy's own generator make them.
"""

import re
import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from kernels.raster import Raster, empty

SHARED: Final = Path(__file__).parents[3] / "shared" / "data"
FOLDERS: Final = (SHARED / "pages", SHARED / "scans")
_IMAGES: Final = frozenset({".jpg", ".jpeg", ".png", ".tif", ".tiff"})
_NUMBER: Final = re.compile(r"^\d+_")
_LONG_SIDE_INCH: Final = 11.69
_USUAL_DPI: Final = (75, 100, 150, 200, 240, 300, 400, 600)
_LIKE_USUAL: Final = 0.08
_DEFAULT_DPI: Final = 300
_A4_PX: Final = (3508, 2480)
_DRAWN: Final = 8
_CARRIED_BYTES: Final = 30_000_000


@dataclass(frozen=True, slots=True)
class Page:
    """A page by its name; `raster` has slack after its end."""

    name: str
    raster: Raster


def files(folders: Sequence[Path]) -> list[Path]:
    """Return the image files of folders, those of each by their names."""
    return [
        path
        for folder in folders
        if folder.is_dir()
        for path in sorted(folder.iterdir())
        if path.suffix.lower() in _IMAGES
    ]


def load(paths: Sequence[Path]) -> Iterator[Page]:
    """Give the first page of each file.

    Raises
    ------
    ValueError
        If a file is no image.
    """
    for path in paths:
        pixels: Any = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        if pixels is None or pixels.dtype != np.uint8:
            raise ValueError(f"{path.name} is no image of 8 bits a sample")
        yield page(path.name, _on_white(pixels), dpi_of(max(pixels.shape[:2])))


def page(name: str, pixels: NDArray[np.uint8], dpi: int) -> Page:
    """Return pixels as a page, copied to memory with slack."""
    out = empty(pixels.shape)
    np.copyto(out, pixels)
    return Page(name, Raster(out, dpi))


def dpi_of(long_side_px: int) -> int:
    """Return the resolution that makes a page A4: a usual one, or 300."""
    measured = long_side_px / _LONG_SIDE_INCH
    usual = min(_USUAL_DPI, key=lambda dpi: abs(dpi - measured))
    return usual if abs(usual - measured) <= _LIKE_USUAL * measured else _DEFAULT_DPI


def _on_white(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    if pixels.ndim == 2 or pixels.shape[2] == 3:
        return pixels
    wide = pixels.astype(np.uint16)
    alpha = wide[..., 3:]
    return ((wide[..., :3] * alpha + 255 * (255 - alpha) + 127) // 255).astype(np.uint8)


def whole(pages: Sequence[Page]) -> list[Page]:
    """Return the pages in colour of the size that most of them have: what a scanner delivers."""
    sizes = Counter(one.raster.pixels.shape for one in pages if one.raster.is_colour)
    if not sizes:
        return []
    most = max(sizes, key=lambda shape: (sizes[shape], shape))
    return [one for one in pages if one.raster.pixels.shape == most]


def drawn(count: int = _DRAWN, size: tuple[int, int] = _A4_PX) -> list[Page]:
    """Return pages in colour with lines of words, each turned by another angle.

    Parameters
    ----------
    size
        Height and width in pixels; A4 at 300 dpi.
    """
    dpi = dpi_of(max(size))
    name = f"drawn, {size[1]} x {size[0]}"
    return [page(f"{name}, {k}", _text(k, size, dpi), dpi) for k in range(count)]


def _text(seed: int, size: tuple[int, int], dpi: int) -> NDArray[np.uint8]:
    """Draw words as bars of ink, shifted row by row and column by column: a small turn."""
    chance = np.random.Generator(np.random.PCG64(seed))
    height, width = size
    pixels = np.full((height, width, 3), (232, 240, 243), np.uint8)
    line_px, word_px = max(dpi // 6, 8), max(dpi // 4, 8)
    slope = float(chance.uniform(-0.06, 0.06))
    margin = max(width // 10, 1)
    for top in range(height // 12, height - height // 12 - line_px, line_px):
        for left in range(margin, width - margin - word_px, word_px):
            end = left + int(chance.integers(word_px // 3, word_px))
            for x in range(left, end):
                y = min(max(top - round(slope * (x - width // 2)), 0), height - line_px)
                pixels[y : y + line_px // 2, x] = (40, 30, 20)
    seal = slice(height // 2, height // 2 + dpi // 2), slice(width // 2, width // 2 + dpi // 2)
    pixels[seal] = np.minimum(pixels[seal], np.array((60, 50, 200), np.uint8))
    grain = chance.integers(0, 7, pixels.shape, np.uint8)
    made: NDArray[np.uint8] = pixels + grain
    return made


def odd(seed: int) -> list[Page]:
    """Return small pages of odd sizes, in colour and gray: text, noise, white, a single pixel."""
    chance = np.random.Generator(np.random.PCG64(seed))
    text = _text(seed, (203, 157), 75)
    made = {
        "text": text,
        "gray text": np.ascontiguousarray(text[..., 1]),
        "noise": chance.integers(0, 256, (33, 67, 3), np.uint8),
        "gray noise": chance.integers(0, 256, (65, 31), np.uint8),
        "white": np.full((40, 64, 3), 255, np.uint8),
        "a pixel": chance.integers(0, 256, (1, 1, 3), np.uint8),
        "a row": chance.integers(0, 256, (1, 70), np.uint8),
        "a column": chance.integers(0, 256, (45, 1, 3), np.uint8),
    }
    return [page(f"{name}, seed {seed}", pixels, 75) for name, pixels in made.items()]


def subset(paths: Sequence[Path], most_bytes: int = _CARRIED_BYTES) -> list[Path]:
    """Return as many files as may be carried: the largest are left out, but no kind with them.

    A kind is what a name says before its first underline, a number before it apart.

    Raises
    ------
    ValueError
        If one of each kind is already more.
    """
    kept = list(paths)
    for path in sorted(paths, key=lambda one: (-one.stat().st_size, one.name)):
        if sum(one.stat().st_size for one in kept) <= most_bytes:
            return kept
        if sum(kind(one.name) == kind(path.name) for one in kept) > 1:
            kept.remove(path)
    if sum(one.stat().st_size for one in kept) > most_bytes:
        raise ValueError(f"one page of each kind is more than {most_bytes} bytes")
    return kept


def kind(name: str) -> str:
    """Return the kind of a page by the name of its file."""
    return _NUMBER.sub("", name).partition("_")[0]


def carry(paths: Sequence[Path], folder: Path) -> list[Path]:
    """Copy a subset into a folder; return the copies."""
    folder.mkdir(parents=True, exist_ok=True)
    return [Path(shutil.copyfile(path, folder / path.name)) for path in subset(paths)]
