"""Encode a raster as baseline JPEG: libjpeg-turbo's integer DCT, standard tables, our dpi.

The bytes are defined in plain integers (ITU-T T.81; islow DCT; quality tables of Annex K), so a
twin can equal them. What would break that equality is never switched on: optimised tables,
progressive scans, restart markers, separate chroma quality. The sampling is always explicit.
"""

import struct
from typing import Final, Literal

import cv2
import numpy as np

from kernels.raster import Raster, RasterError

Subsampling = Literal["420", "444"]

_FACTORS: Final[dict[Subsampling, int]] = {
    "420": cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420,
    "444": cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444,
}
_JFIF: Final = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01"
_UNITS: Final = slice(13, 18)
_DOTS_PER_INCH: Final = 1


def encode(raster: Raster, quality: int, subsampling: Subsampling = "420") -> bytes:
    """Return the JPEG file of a raster.

    Parameters
    ----------
    raster
        Gray rasters give a one-component file, colour rasters YCbCr.
    quality
        1 to 100 as libjpeg counts.
    subsampling
        Chroma sampling; "444" keeps the edges of seals. It means nothing for gray.

    Raises
    ------
    RasterError
        If the quality is out of range or the library refuses the raster.

    Notes
    -----
    About 20 ms for an A4 colour page at 300 dpi and quality 85. Deterministic. Twin: the bytes
    are equal by definition.
    """
    if not 1 <= quality <= 100:
        raise RasterError(f"JPEG quality must be 1 to 100, got {quality}")
    options = [cv2.IMWRITE_JPEG_QUALITY, quality]
    if raster.is_colour:
        options += [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, _FACTORS[subsampling]]
    try:
        done, buffer = cv2.imencode(".jpg", raster.pixels, options)
    except cv2.error as error:
        raise RasterError(f"libjpeg refused {raster.pixels.shape}: {error}") from error
    if not done:
        raise RasterError(f"libjpeg gave no bytes for {raster.pixels.shape}")
    data = bytearray(buffer.tobytes())
    if not data.startswith(_JFIF):
        raise RasterError("libjpeg wrote no JFIF header where one is expected")
    data[_UNITS] = struct.pack(">BHH", _DOTS_PER_INCH, raster.dpi, raster.dpi)
    return bytes(data)


def evidence(raster: Raster, limit_bytes: int) -> bytes:
    """Return a gray JPEG of at least 100 dpi that is not larger than `limit_bytes` if it can be.

    The page is reduced by the largest whole number that leaves 100 dpi or more; then the quality
    goes down until the file fits. The last quality tried is 10, whatever the size.
    """
    gray = cv2.cvtColor(raster.pixels, cv2.COLOR_BGR2GRAY) if raster.is_colour else raster.pixels
    factor = max(raster.dpi // 100, 1)
    size = (max(gray.shape[1] // factor, 1), max(gray.shape[0] // factor, 1))
    small = np.asarray(cv2.resize(gray, size, interpolation=cv2.INTER_AREA), np.uint8)
    reduced = Raster(np.ascontiguousarray(small), max(raster.dpi // factor, 50))
    data = b""
    for quality in (60, 45, 30, 20, 10):
        data = encode(reduced, quality)
        if len(data) <= limit_bytes:
            break
    return data
