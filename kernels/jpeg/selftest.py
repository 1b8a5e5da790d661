"""Do the encoders give the same bytes here? Asked once at start, of small random pictures.

The library's vector code is another one on each processor, and so is what numba makes of ours: the
definition is proven on some, and on any other this test says whether it holds.
"""

import itertools
from collections.abc import Iterable, Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from kernels.buffers import Buffers
from kernels.jpeg.contract import Encode, Subsampling
from kernels.raster import Raster

SIZES: Final = ((1, 1), (8, 8), (33, 17), (24, 40), (16, 16), (40, 95), (6, 131), (74, 50), (67, 7))
"""Rows and columns: whole blocks and not, even heights that are no multiple of 16, narrow pages."""
QUALITIES: Final = (1, 49, 75, 85, 100)
"""In turn: five of them meet each of three kinds of picture."""
_MODES: Final[tuple[tuple[bool, Subsampling], ...]] = (
    (False, "420"),
    (True, "420"),
    (True, "444"),
)
_SEED: Final = 20261125


class EncodersDiffer(RuntimeError):
    """Two encoders gave different bytes for one picture on this machine."""


def selftest(encoders: Iterable[Encode]) -> None:
    """Compare encoders with the first of them on a few pictures of each mode.

    Raises
    ------
    EncodersDiffer
        If any bytes differ. The library is then the encoder to use.

    Notes
    -----
    Below 0.1 s once the encoders are compiled.
    """
    first, *others = encoders
    buffers = Buffers()
    for raster, quality, subsampling in _pictures():
        wanted = first(raster, quality, subsampling, buffers)
        for k, other in enumerate(others, start=1):
            if other(raster, quality, subsampling, buffers) != wanted:
                raise EncodersDiffer(
                    f"encoder {k} differs at {raster.pixels.shape}, quality {quality}, "
                    f"{subsampling}: use the library"
                )


def _pictures() -> Iterator[tuple[Raster, int, Subsampling]]:
    rng = np.random.default_rng(_SEED)
    qualities = itertools.cycle(QUALITIES)
    for size in SIZES:
        for is_colour, subsampling in _MODES:
            shape = (*size, 3) if is_colour else size
            for pixels in _drawn(rng, shape):
                yield Raster(pixels, 300), next(qualities), subsampling


def _drawn(rng: np.random.Generator, shape: tuple[int, ...]) -> Iterator[NDArray[np.uint8]]:
    """Give noise of all levels, of black and white alone, and paper with a few dots."""
    noise = rng.integers(0, 256, shape, np.uint8)
    yield noise
    yield np.where(noise < 128, np.uint8(0), np.uint8(255))
    yield np.where(noise < 8, noise, np.uint8(238))
