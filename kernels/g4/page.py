"""A gray page made black and white, and the file of one that is."""

from typing import Final

import cv2

from kernels.buffers import Buffers
from kernels.g4.coder import encode
from kernels.g4.container import tiff
from kernels.g4.rows import pack
from kernels.raster import Raster, RasterError

_BLACK_TO: Final = 127


def bilevel(raster: Raster, buffers: Buffers | None = None) -> Raster:
    """Return a gray page with 0 for each sample below 128, and 255 for every other.

    A page of black and white gets tones of gray by a turn; this takes them away again.

    Parameters
    ----------
    buffers
        The result lies in them, under "g4.bilevel".

    Raises
    ------
    RasterError
        If the raster is in colour.
    """
    if raster.is_colour:
        raise RasterError("only a gray raster becomes black and white")
    pixels = raster.pixels
    out = (buffers or Buffers()).take("g4.bilevel", pixels.shape)
    cv2.threshold(pixels, _BLACK_TO, 255, cv2.THRESH_BINARY, dst=out)
    return Raster(out, raster.dpi)


def file(raster: Raster, buffers: Buffers | None = None) -> bytes:
    """Return the TIFF file of a gray page; below 128 is black.

    Raises
    ------
    RasterError
        If the raster is in colour.
    """
    code = encode(pack(raster, buffers), raster.width_px, buffers)
    return tiff(code, raster.width_px, raster.height_px, raster.dpi)
