"""Which twin of the kernels runs: chosen once at start, proven and warm before the first sheet."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

import numpy as np

from kernels import blank, crop, first_pass, g4, jpeg, quality, rotate, skew
from kernels.backend import (
    Backend,
    BackendUnavailable,
    BlankKernel,
    Choice,
    CropKernel,
    G4Kernel,
    JpegKernel,
)
from kernels.buffers import Buffers
from kernels.cuda import backend as card
from kernels.cuda.proof import TwinsDiffer, prove
from kernels.gpu import DeviceFailed, DeviceUnavailable, first_card
from kernels.quality import Known
from kernels.raster import Box, Raster, empty

_TINY_PX: Final = 448


def choose(choice: Choice = "auto", encoder: jpeg.Encoder = "turbo") -> Backend:
    """Return the backend of that name; "auto" takes the card where one runs here.

    Parameters
    ----------
    choice
        Where the kernels run.
    encoder
        Who writes JPEG on the CPU. One that does not give the library's bytes on this machine is
        not taken: the library is, and the backend says so.

    Raises
    ------
    BackendUnavailable
        If "gpu" is asked for and no card runs the kernels here, or not to the same bytes.
    """
    on_cpu = _cpu(_sound(encoder))
    if choice == "cpu":
        return on_cpu
    try:
        return _on_card(on_cpu)
    except (DeviceUnavailable, DeviceFailed, TwinsDiffer) as error:
        if choice == "auto":
            return replace(on_cpu, remark=f"the CPU works the pages: {error}")
        raise BackendUnavailable(
            f'imaging.backend = "gpu" cannot be had: {error}; mend that, or use "auto" or "cpu"'
        ) from error


def _on_card(on_cpu: Backend) -> Backend:
    """Return the backend of the first card, once it has given the CPU's bytes."""
    found = card.backend(first_card(), on_cpu)
    prove(found, on_cpu, tiny_pages())
    return found


def _sound(encoder: jpeg.Encoder) -> jpeg.Encoder:
    if encoder != "turbo":
        try:
            jpeg.selftest([jpeg.ENCODERS["turbo"], jpeg.ENCODERS[encoder]])
        except jpeg.EncodersDiffer:
            return "turbo"
    return encoder


def _cpu(encoder: jpeg.Encoder) -> Backend:
    return Backend(
        name="cpu",
        buffers=Buffers,
        first_pass=first_pass.first_pass,
        skew=skew.estimate,
        rotate=rotate.rotate,
        crop=CropKernel(crop.locate, crop.apply),
        blank=BlankKernel(blank.measure, blank.decide),
        quality=quality.measure,
        jpeg=JpegKernel(encoder, jpeg.ENCODERS[encoder], jpeg.evidence),
        g4=G4Kernel(g4.is_bilevel, g4.bilevel, g4.file),
    )


def tiny_pages() -> Iterator[Raster]:
    """Give a page with ink in colour, a faint one, and one in black and white."""
    pixels = empty((_TINY_PX, _TINY_PX, 3))
    pixels[:] = 250
    pixels[60:400:40, 60:380] = 20
    pixels[:12] = 25
    gray = empty((_TINY_PX, _TINY_PX))
    np.multiply(pixels[..., 0] > 128, np.uint8(255), out=gray)
    faint = empty(pixels.shape)
    np.maximum(pixels, 235, out=faint)
    for samples in (pixels, faint, gray):
        yield Raster(samples, 300)


def warm(backend: Backend) -> None:
    """Compile or load every kernel on a tiny page, so that the first sheet does not wait.

    The spare's are compiled as well: a card fails when nobody has time.
    """
    buffers = backend.buffers()
    for page in tiny_pages():
        first = backend.first_pass(page, buffers)
        measures = backend.blank.measure(page, first, buffers)
        backend.blank.decide(measures, measures)
        backend.skew(first, page.dpi, buffers)
        turned = backend.rotate(page, 1_000_000, 255, buffers, None)
        sheet = backend.crop.locate(first, 0, page.dpi, buffers)
        box = sheet.box if sheet else Box(0, 0, page.width_px, page.height_px)
        backend.crop.apply(page, box, buffers)
        backend.quality(first, page, Known(sheet=sheet))
        backend.jpeg.encode(page, 85, "420", buffers)
        backend.jpeg.evidence(page, 20_000)
        if backend.g4.is_bilevel(page):
            backend.g4.file(backend.g4.bilevel(turned, buffers), buffers)
    if backend.spare is not None:
        warm(backend.spare)
