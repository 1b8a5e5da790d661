"""Encode in plain integers: the definition that the library and the GPU are held to.

planes -> coefficients and masks -> entropy-coded scan; each stage is a file of its own.
"""

from kernels.buffers import Buffers
from kernels.jpeg.contract import Subsampling, check
from kernels.jpeg.entropy import scan
from kernels.jpeg.header import EOI, header
from kernels.jpeg.planes import Layout, planes
from kernels.jpeg.transform import coefficients
from kernels.raster import Raster


def encode(
    raster: Raster,
    quality: int,
    subsampling: Subsampling = "420",
    buffers: Buffers | None = None,
) -> bytes:
    """Return the JPEG file of a raster: the bytes of `turbo.encode`.

    Parameters
    ----------
    raster
        Gray rasters give a one-component file, colour rasters YCbCr. It needs no slack.
    quality
        1 to 100 as libjpeg counts.
    subsampling
        Chroma sampling; it means nothing for gray.
    buffers
        Memory of the worker.

    Raises
    ------
    RasterError
        If the quality is out of range or the page too long.

    Notes
    -----
    Integers throughout; one thread, without the interpreter's lock. About twice the time of the
    library. Twins: `turbo.encode` and `page.cu`, equal by `==`.
    """
    check(raster, quality)
    buffers = buffers or Buffers()
    layout = Layout.of(raster, subsampling)
    samples = planes(raster, layout, buffers)
    values, masks = coefficients(samples, layout, quality, buffers)
    coded = scan(values, masks, layout, buffers)
    return b"".join((header(layout, quality, raster.dpi), coded.data, EOI))
