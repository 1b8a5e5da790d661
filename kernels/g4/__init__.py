"""A bilevel page as CCITT Group 4 (ITU-T T.6), in a single-page TIFF.

::

    gray raster -> rows      packed, most significant bit first, 1 = black
                -> coder     the T.6 code; its tables are in codes
                -> container the file
"""

from kernels.g4.coder import encode
from kernels.g4.container import tiff
from kernels.g4.page import bilevel, file
from kernels.g4.rows import is_bilevel, pack

__all__ = ["bilevel", "encode", "file", "is_bilevel", "pack", "tiff"]
