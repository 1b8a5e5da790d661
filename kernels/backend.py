"""Which twin of the kernels runs: a frozen set of callables, chosen once at start."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from kernels import blank, crop, first_pass, g4, jpeg, quality, rotate, skew
from kernels.blank import BlankMeasures, Verdict
from kernels.buffers import Buffers
from kernels.crop import Sheet
from kernels.first_pass import FirstPass
from kernels.quality import Known, Quality
from kernels.raster import Box, Raster, empty
from kernels.skew import Skew

Choice = Literal["auto", "cpu", "gpu"]

_TINY_PX: Final = 448


class BackendUnavailable(RuntimeError):
    """The backend that was asked for by name cannot run on this machine."""


@dataclass(frozen=True, slots=True)
class BlankKernel:
    """The blank decision: what a face shows, and what that means beside its other side."""

    measure: Callable[[Raster, FirstPass, Buffers | None], BlankMeasures]
    decide: Callable[[BlankMeasures, BlankMeasures | None], Verdict]


@dataclass(frozen=True, slots=True)
class CropKernel:
    """Cropping: where the sheet is, and the cut."""

    locate: Callable[[FirstPass, int, int, Buffers | None], Sheet | None]
    apply: Callable[[Raster, Box, Buffers | None], Raster]


@dataclass(frozen=True, slots=True)
class JpegKernel:
    """The page as JPEG, by the encoder of that name, and the evidence image of a removed blank."""

    name: jpeg.Encoder
    encode: jpeg.Encode
    evidence: Callable[[Raster, int], bytes]


@dataclass(frozen=True, slots=True)
class G4Kernel:
    """The page as a Group 4 TIFF."""

    is_bilevel: Callable[[Raster], bool]
    file: Callable[[Raster, Buffers | None], bytes]


@dataclass(frozen=True, slots=True)
class Backend:
    """Every kernel of one twin. `name` is recorded with each step."""

    name: str
    first_pass: Callable[[Raster, Buffers | None], FirstPass]
    skew: Callable[[FirstPass, int, Buffers | None], Skew]
    rotate: Callable[[Raster, int, int, Buffers | None, Box | None], Raster]
    crop: CropKernel
    blank: BlankKernel
    quality: Callable[[FirstPass, Raster, Known | None], Quality]
    jpeg: JpegKernel
    g4: G4Kernel


def _g4_file(raster: Raster, buffers: Buffers | None = None) -> bytes:
    code = g4.encode(g4.pack(raster, buffers), raster.width_px, buffers)
    return g4.tiff(code, raster.width_px, raster.height_px, raster.dpi)


def _cpu(encoder: jpeg.Encoder) -> Backend:
    return Backend(
        name="cpu",
        first_pass=first_pass.first_pass,
        skew=skew.estimate,
        rotate=rotate.rotate,
        crop=CropKernel(crop.locate, crop.apply),
        blank=BlankKernel(blank.measure, blank.decide),
        quality=quality.measure,
        jpeg=JpegKernel(encoder, jpeg.ENCODERS[encoder], jpeg.evidence),
        g4=G4Kernel(g4.is_bilevel, _g4_file),
    )


def choose(choice: Choice = "auto", encoder: jpeg.Encoder = "turbo") -> Backend:
    """Return the backend of that name; "auto" takes the best one that runs here.

    Parameters
    ----------
    choice
        Where the kernels run.
    encoder
        Who writes JPEG. One that does not give the library's bytes on this machine is not taken:
        the library is, and the backend says so.

    Raises
    ------
    BackendUnavailable
        If "gpu" is asked for: the twin in CUDA is not part of this build.
    """
    if choice == "gpu":
        raise BackendUnavailable(
            'imaging.backend = "gpu" is not available in this build; use "auto" or "cpu"'
        )
    if encoder != "turbo":
        try:
            jpeg.selftest([jpeg.ENCODERS["turbo"], jpeg.ENCODERS[encoder]])
        except jpeg.EncodersDiffer:
            encoder = "turbo"
    return _cpu(encoder)


def warm(backend: Backend) -> None:
    """Compile or load every kernel on a tiny page, so that the first sheet does not wait."""
    pixels = empty((_TINY_PX, _TINY_PX, 3))
    pixels[:] = 250
    pixels[60:400:40, 60:380] = 20
    pixels[:12] = 25
    gray = empty((_TINY_PX, _TINY_PX))
    np.multiply(pixels[..., 0] > 128, np.uint8(255), out=gray)
    faint = empty(pixels.shape)
    np.maximum(pixels, 235, out=faint)
    buffers = Buffers()
    for page in (Raster(pixels, 300), Raster(faint, 300), Raster(gray, 300)):
        first = backend.first_pass(page, buffers)
        measures = backend.blank.measure(page, first, buffers)
        backend.blank.decide(measures, measures)
        backend.skew(first, page.dpi, buffers)
        backend.rotate(page, 1_000_000, 255, buffers, None)
        sheet = backend.crop.locate(first, 0, page.dpi, buffers)
        box = sheet.box if sheet else Box(0, 0, page.width_px, page.height_px)
        backend.crop.apply(page, box, buffers)
        backend.quality(first, page, Known(sheet=sheet))
        backend.jpeg.encode(page, 85, "420", buffers)
        backend.jpeg.evidence(page, 20_000)
        if backend.g4.is_bilevel(page):
            backend.g4.file(page, buffers)
