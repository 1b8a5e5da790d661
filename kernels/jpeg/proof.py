"""The evidence of a removed face: a small gray picture that still shows what was there.

Rule 1: it has 100 dpi or more, unless the face was captured with less.
Rule 2: it holds its limit whatever the face shows: first the quality goes down, then the picture
grows softer at the same resolution, at last it is one tone. A removed blank never comes that far.
Rule 3: it is written with progressive scans and tables of its own, a quarter to a half smaller.
"""

from collections.abc import Iterator
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from kernels.jpeg import turbo
from kernels.raster import MIN_DPI, Raster

LEAST_DPI: Final = 100
_QUALITIES: Final = (60, 45, 30, 20, 10, 5, 3)
_SOFT_PX: Final = (3, 5, 9, 17, 33, 65)
_SOFT_QUALITY: Final = 5
_SMALLEST: Final = [cv2.IMWRITE_JPEG_OPTIMIZE, 1, cv2.IMWRITE_JPEG_PROGRESSIVE, 1]


def evidence(raster: Raster, limit_bytes: int) -> bytes:
    """Return a gray JPEG of at least 100 dpi that is not larger than `limit_bytes`.

    The page is reduced by the largest whole number that leaves 100 dpi or more. Of the pictures
    that Rule 2 names, the first that fits is returned; if none does, the last one, in which every
    pixel is the mean of the page: 2 kB for A4.

    Notes
    -----
    20 to 40 ms for a blank A4 page in colour at 300 dpi, 130 for dense print. The library writes it
    on every backend.
    """
    gray = cv2.cvtColor(raster.pixels, cv2.COLOR_BGR2GRAY) if raster.is_colour else raster.pixels
    factor = max(raster.dpi // LEAST_DPI, 1)
    size = (max(gray.shape[1] // factor, 1), max(gray.shape[0] // factor, 1))
    small = np.asarray(cv2.resize(gray, size, interpolation=cv2.INTER_AREA), np.uint8)
    dpi = max(raster.dpi // factor, MIN_DPI)
    data = b""
    for picture, quality in _plainer(small):
        options = [cv2.IMWRITE_JPEG_QUALITY, quality, *_SMALLEST]
        reduced = Raster(np.ascontiguousarray(picture), dpi)
        data = turbo.with_dpi(turbo.library(reduced, options), dpi)
        if len(data) <= limit_bytes:
            break
    return data


def _plainer(small: NDArray[np.uint8]) -> Iterator[tuple[NDArray[np.uint8], int]]:
    """Give pictures and qualities, each of them smaller as a file than the one before."""
    for quality in _QUALITIES:
        yield small, quality
    for width in _SOFT_PX:
        yield np.asarray(cv2.blur(small, (width, width)), np.uint8), _SOFT_QUALITY
    yield np.full_like(small, int(small.mean())), _SOFT_QUALITY
