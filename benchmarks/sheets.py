"""The pages that the cases start from: a colour page, and what is made of it before the clock runs.

Pages of ../shared/data/pages where they are, else sheets of the demo's drawn stack. The sheet that
lies on a bed with all of its edges in sight is always drawn.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from daemon.demo.stack import SeparatorWish, Stack
from daemon.images import decode
from daemon.page import PageId, SampleOrder, Scan, Side
from daemon.pipeline.pixels import raster_from
from kernels.raster import Raster

PAGES: Final = Path(__file__).parents[2] / "shared" / "data" / "pages"
DPI: Final = 300
_INK_BELOW: Final = 128

_ON_THE_BED_DEG: Final = 2.0
_TYPE: Final = (cv2.FONT_HERSHEY_SIMPLEX, 1.3, (50, 50, 50), 3)

# Key, file, how its content is turned (truth.csv), and the face of the drawn stack used instead.
_TABLE: Final = (
    ("text", "060_text.jpg", -4.958, 3, Side.FRONT),
    ("dense", "061_dense.jpg", -0.446, 12, Side.FRONT),
    ("form", "063_form.jpg", 3.64, 10, Side.FRONT),
    ("table", "064_table_only.jpg", 1.298, 16, Side.FRONT),
    ("seal", "065_last_seal.jpg", -3.559, 35, Side.FRONT),
    ("blank", "130_b_clean.jpg", -0.141, 4, Side.BACK),
)


@dataclass(frozen=True, slots=True)
class Sheet:
    """One face.

    Attributes
    ----------
    colour, gray
        The page as a raster, and its luma.
    bilevel
        The luma as 0 and 255.
    packed
        The same, 8 pixels a byte, 1 is black.
    wire
        What a scanner sends for the page: inverted RGB.
    angle_deg
        How the content is turned, counter-clockwise positive.
    """

    key: str
    colour: Raster
    gray: Raster
    bilevel: Raster
    packed: NDArray[np.uint8]
    wire: Scan
    angle_deg: float


def sheet(key: str, pixels: NDArray[np.uint8], dpi: int, angle_deg: float) -> Sheet:
    """Return a face from its pixels in BGR."""
    gray = np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY), np.uint8)
    bilevel = np.where(gray < _INK_BELOW, 0, 255).astype(np.uint8)
    wire = np.ascontiguousarray(255 - pixels[..., ::-1])
    return Sheet(
        key=key,
        colour=raster_from(pixels, dpi),
        gray=raster_from(gray, dpi),
        bilevel=raster_from(bilevel, dpi),
        packed=np.packbits(bilevel == 0, axis=1),
        wire=Scan(_page_id(), wire, SampleOrder.RGB_INVERTED, dpi, captured_at=0.0),
        angle_deg=angle_deg,
    )


def lazily() -> "Shelf":
    """Return the shelf of the benchmark's own pages; a page is made when it is first asked for."""
    makers: dict[str, Callable[[], Sheet]] = {"bed": _on_a_bed}
    if PAGES.is_dir():
        makers |= {key: _of_a_page(key, name, deg) for key, name, deg, _, _ in _TABLE}
    else:
        stack = Stack(_bare)
        makers |= {key: _of_a_stack(stack, key, n, side) for key, _, _, n, side in _TABLE}
    return Shelf(makers)


class Shelf:
    """Sheets by their keys, each made once.

    Parameters
    ----------
    makers
        What makes the sheet of a key.
    """

    def __init__(self, makers: Mapping[str, Callable[[], Sheet]]) -> None:
        self._makers = makers
        self._made: dict[str, Sheet] = {}

    def __getitem__(self, key: str) -> Sheet:
        """Return the sheet of that key."""
        if key not in self._made:
            self._made[key] = self._makers[key]()
        return self._made[key]


def _of_a_page(key: str, name: str, angle_deg: float) -> Callable[[], Sheet]:
    def make() -> Sheet:
        (image,) = decode(PAGES / name)
        return sheet(key, image.pixels, DPI, angle_deg)

    return make


@dataclass(frozen=True, slots=True)
class _Window:
    """An A4 sheet in colour, as the emulated scanner sees it."""

    width_px: int = 2480
    height_px: int = 3508
    dpi: int = DPI
    channels: int = 3


def _of_a_stack(stack: Stack, key: str, index: int, side: Side) -> Callable[[], Sheet]:
    def make() -> Sheet:
        window = _Window()
        samples = np.frombuffer(stack.face(index, side, window), np.uint8)
        rgb = samples.reshape(window.height_px, window.width_px, window.channels)
        angle_deg = stack.truth(index).angle_deg
        turned = angle_deg if side is Side.FRONT else -angle_deg
        return sheet(key, np.ascontiguousarray(rgb[..., ::-1]), DPI, turned)

    return make


def _on_a_bed() -> Sheet:
    """Lay a sheet of B5 with rows of words on a dark bed, all four edges in sight."""
    paper = np.full((3035, 2150, 3), 240, np.uint8)
    for y in range(250, 2850, 90):
        cv2.putText(paper, "of the sum of 48,000.00 " * 3, (150, y), *_TYPE)
    bed = np.full((3508, 2480, 3), 40, np.uint8)
    bed[236:3271, 165:2315] = paper
    matrix = cv2.getRotationMatrix2D((1240, 1754), _ON_THE_BED_DEG, 1.0)
    laid = cv2.warpAffine(bed, matrix, (2480, 3508), borderValue=(40, 40, 40))
    grain = np.random.default_rng(1).integers(0, 6, laid.shape, np.uint8)
    return sheet("bed", laid + grain, DPI, _ON_THE_BED_DEG)


def _bare(_: SeparatorWish) -> NDArray[np.uint8]:
    """Return an empty separator: separators are left out here."""
    return np.full((3508, 2480, 3), 255, np.uint8)


def _page_id() -> PageId:
    return PageId("00000000", 1, 1, Side.FRONT)
