"""Encode with libjpeg-turbo, through OpenCV, and write our resolution into the header."""

import struct
from typing import Final

import cv2

from kernels.buffers import Buffers
from kernels.jpeg.contract import Subsampling, check
from kernels.raster import Raster, RasterError

_FACTORS: Final[dict[Subsampling, int]] = {
    "420": cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420,
    "444": cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444,
}
_JFIF: Final = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01"
_UNITS: Final = slice(13, 18)
_DOTS_PER_INCH: Final = 1


def encode(
    raster: Raster,
    quality: int,
    subsampling: Subsampling = "420",
    buffers: Buffers | None = None,
) -> bytes:
    """Return the JPEG file of a raster.

    Parameters
    ----------
    raster
        Gray rasters give a one-component file, colour rasters YCbCr.
    quality
        1 to 100 as libjpeg counts.
    subsampling
        Chroma sampling; "444" keeps the edges of seals. It means nothing for gray.
    buffers
        Not used: the library holds its own memory.

    Raises
    ------
    RasterError
        If the quality is out of range or the library refuses the raster.

    Notes
    -----
    About 20 ms for an A4 colour page at 300 dpi and quality 85. Twins: `integer.encode` and
    `page.cu`, equal by `==`.
    """
    check(raster, quality)
    options = [cv2.IMWRITE_JPEG_QUALITY, quality]
    if raster.is_colour:
        options += [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, _FACTORS[subsampling]]
    return with_dpi(library(raster, options), raster.dpi)


def library(raster: Raster, options: list[int]) -> bytes:
    """Return the file as the library writes it with such options; it says nothing of the dpi."""
    try:
        done, buffer = cv2.imencode(".jpg", raster.pixels, options)
    except cv2.error as error:
        raise RasterError(f"libjpeg refused {raster.pixels.shape}: {error}") from error
    if not done:
        raise RasterError(f"libjpeg gave no bytes for {raster.pixels.shape}")
    return buffer.tobytes()


def with_dpi(file: bytes, dpi: int) -> bytes:
    """Return a JFIF file with this resolution in its header (T.871, 10.1).

    Raises
    ------
    RasterError
        If the file does not begin as JFIF does.
    """
    if not file.startswith(_JFIF):
        raise RasterError("libjpeg wrote no JFIF header where one is expected")
    data = bytearray(file)
    data[_UNITS] = struct.pack(">BHH", _DOTS_PER_INCH, dpi, dpi)
    return bytes(data)
