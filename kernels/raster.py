"""What a raster is: the shape, type and resolution every kernel agrees on."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

SLACK_BYTES: Final = 64
"""Bytes that may be read or written after the end of a buffer made here: vector loops overrun."""
MAX_SIDE_PX: Final = 65_535
MIN_DPI: Final = 50
MAX_DPI: Final = 1_200


class RasterError(ValueError):
    """A raster that breaks the contract: a programming error, never swallowed."""


@dataclass(frozen=True, slots=True)
class Raster:
    """An image in memory.

    Attributes
    ----------
    pixels
        uint8, C-order, (height, width) gray or (height, width, 3) in BGR order; 255 is paper white.
    dpi
        Samples per inch, equal in both directions.

    Raises
    ------
    RasterError
        If the shape, the type, the order in memory or the resolution is another.
    """

    pixels: NDArray[np.uint8]
    dpi: int

    def __post_init__(self) -> None:
        p = self.pixels
        if p.dtype != np.uint8 or p.ndim not in (2, 3) or (p.ndim == 3 and p.shape[2] != 3):
            raise RasterError(f"want uint8 (H, W) or (H, W, 3), got {p.dtype} {p.shape}")
        if not p.flags.c_contiguous:
            raise RasterError("pixels must be C-order and contiguous")
        if min(p.shape[:2]) < 1 or max(p.shape[:2]) > MAX_SIDE_PX:
            raise RasterError(f"sides must be 1 to {MAX_SIDE_PX} px, got {p.shape}")
        if not MIN_DPI <= self.dpi <= MAX_DPI:
            raise RasterError(f"dpi must be {MIN_DPI} to {MAX_DPI}, got {self.dpi}")

    @property
    def height_px(self) -> int:
        """Rows."""
        return int(self.pixels.shape[0])

    @property
    def width_px(self) -> int:
        """Columns."""
        return int(self.pixels.shape[1])

    @property
    def is_colour(self) -> bool:
        """True for three samples a pixel."""
        return self.pixels.ndim == 3


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle of whole pixels; right and bottom are outside.

    Raises
    ------
    RasterError
        If it is empty, or begins before the first row or column.
    """

    left: int
    top: int
    right: int
    bottom: int

    def __post_init__(self) -> None:
        if not (0 <= self.left < self.right and 0 <= self.top < self.bottom):
            raise RasterError(f"not a box: {self}")

    @property
    def width_px(self) -> int:
        """Columns."""
        return self.right - self.left

    @property
    def height_px(self) -> int:
        """Rows."""
        return self.bottom - self.top

    def within(self, raster: Raster) -> bool:
        """Whether it reaches no further than a raster."""
        return self.right <= raster.width_px and self.bottom <= raster.height_px


def empty(shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """Return an uninitialised uint8 array of `shape` with `SLACK_BYTES` readable after its end."""
    size = int(np.prod(shape))
    return np.empty(size + SLACK_BYTES, np.uint8)[:size].reshape(shape)
