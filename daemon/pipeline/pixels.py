"""From the samples of a scanner, or the pixels of an image file, to a raster of the kernels."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from daemon.errors import InputError
from daemon.page import SampleOrder, Scan
from kernels import wire
from kernels.buffers import Buffers
from kernels.raster import Raster, empty

_LONGEST_SIDE_PX: Final = 65_500
_SWAPPED: Final = frozenset({SampleOrder.RGB, SampleOrder.RGB_INVERTED})
_INVERTED: Final = frozenset(
    {SampleOrder.RGB_INVERTED, SampleOrder.BGR_INVERTED, SampleOrder.GRAY_INVERTED}
)


def raster_of(scan: Scan, buffers: Buffers | None = None) -> Raster:
    """Return a scan as BGR or gray with 255 as white; its samples are not touched."""
    buffers = buffers or Buffers()
    if scan.order is SampleOrder.BITS:
        height, row_bytes = scan.samples.shape
        out = buffers.page("pixels.raster", (height, row_bytes * 8))
        wire.unpack_bits(scan.samples, out)
    else:
        out = buffers.page("pixels.raster", scan.samples.shape)
        wire.from_wire(
            scan.samples, swap=scan.order in _SWAPPED, invert=scan.order in _INVERTED, out=out
        )
    return Raster(out, scan.dpi)


def raster_from(pixels: NDArray[np.uint8], dpi: int) -> Raster:
    """Return decoded pixels as a raster in a buffer with slack.

    Raises
    ------
    InputError
        If a side is longer than JPEG can be.
    """
    if max(pixels.shape[:2]) > _LONGEST_SIDE_PX:
        raise InputError("the image is too long", limit_px=_LONGEST_SIDE_PX)
    out = empty(pixels.shape)
    np.copyto(out, pixels)
    return Raster(out, dpi)
