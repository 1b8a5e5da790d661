"""Does the card give the CPU's bytes? Asked once at start, of small pages, kernel by kernel.

The kernels were compared page by page when they were written; this asks the card, the driver and
the compiled file that are here.
"""

from collections.abc import Iterable, Iterator
from dataclasses import fields
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from kernels import jpeg
from kernels.backend import Backend
from kernels.buffers import Buffers
from kernels.first_pass import FirstPass
from kernels.jpeg import Subsampling
from kernels.raster import Box, Raster

_ANGLES_MICRODEG: Final = (1_000_000, -7_300_000)
_SAMPLINGS: Final[tuple[Subsampling, ...]] = ("420", "444")


class TwinsDiffer(RuntimeError):
    """A kernel of the card gave something else than its twin on the CPU."""


def prove(card: Backend, on_cpu: Backend, pages: Iterable[Raster]) -> None:
    """Compare every kernel of a card with its twin on a few pages, and the JPEG encoders.

    Raises
    ------
    TwinsDiffer
        If anything differs: that card is not to be used.
    DeviceFailed
        If the card fails.
    """
    for page in pages:
        for (name, ours), (_, theirs) in zip(
            _results(card, page), _results(on_cpu, page), strict=True
        ):
            if ours != theirs:
                raise TwinsDiffer(
                    f"{name} differs from the CPU's on a test page: do not use the card"
                )
    slot = card.buffers()

    def on_card(
        raster: Raster,
        quality: int,
        subsampling: Subsampling = "420",
        buffers: Buffers | None = None,
    ) -> bytes:
        return card.jpeg.encode(raster, quality, subsampling, slot)

    try:
        jpeg.selftest([on_cpu.jpeg.encode, on_card])
    except jpeg.EncodersDiffer as error:
        raise TwinsDiffer(f"JPEG differs from the CPU's: {error}") from error


def _results(backend: Backend, page: Raster) -> Iterator[tuple[str, object]]:
    """Give what each kernel makes of a page, by name, to be compared by `==`."""
    buffers = backend.buffers()
    first = backend.first_pass(page, buffers)
    yield from _parts(first)
    yield "skew", backend.skew(first, page.dpi, buffers)
    yield "blank", backend.blank.measure(page, first, buffers).values
    box = Box(3, 5, page.width_px - 7, page.height_px - 2)
    yield "crop", _samples(backend.crop.apply(page, box, buffers))
    for angle in _ANGLES_MICRODEG:
        turned = backend.rotate(page, angle, 255, buffers, box)
        yield "rotate", _samples(turned)
        for sampling in _SAMPLINGS:
            yield f"jpeg {sampling}", backend.jpeg.encode(turned, 85, sampling, buffers)
        if not page.is_colour:
            black = backend.g4.bilevel(turned, buffers)
            yield "is_bilevel", (backend.g4.is_bilevel(turned), backend.g4.is_bilevel(black))
            yield "g4", backend.g4.file(black, buffers)


def _parts(first: FirstPass) -> Iterator[tuple[str, object]]:
    for field in fields(FirstPass):
        value = getattr(first, field.name)
        yield f"first pass, {field.name}", _bytes(value) if isinstance(value, np.ndarray) else value


def _samples(raster: Raster) -> tuple[tuple[int, ...], bytes]:
    return raster.pixels.shape, raster.pixels.tobytes()


def _bytes(array: NDArray[Any]) -> tuple[tuple[int, ...], str, bytes]:
    return array.shape, str(array.dtype), array.tobytes()
