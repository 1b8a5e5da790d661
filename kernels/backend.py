"""What a backend is: a frozen set of callables, one twin of every kernel. `choice` takes one."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from kernels import jpeg
from kernels.blank import BlankMeasures, Verdict
from kernels.buffers import Buffers
from kernels.crop import Sheet
from kernels.first_pass import FirstPass
from kernels.quality import Known, Quality
from kernels.raster import Box, Raster
from kernels.skew import Skew

Choice = Literal["auto", "cpu", "gpu"]


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

    name: str
    encode: jpeg.Encode
    evidence: Callable[[Raster, int], bytes]


@dataclass(frozen=True, slots=True)
class G4Kernel:
    """Black and white: whether a page is that, the turned page made it again, a Group 4 TIFF."""

    is_bilevel: Callable[[Raster], bool]
    bilevel: Callable[[Raster, Buffers | None], Raster]
    file: Callable[[Raster, Buffers | None], bytes]


@dataclass(frozen=True, slots=True)
class Backend:
    """Every kernel of one twin.

    Attributes
    ----------
    name
        Recorded with each step.
    buffers
        Makes the memory of one worker: what the kernels take as their last or last but one.
    spare
        The twin that does a page again at which this one failed; None for the one that cannot.
    remark
        Why it is not another one, where that may be asked.
    """

    name: str
    buffers: Callable[[], Buffers]
    first_pass: Callable[[Raster, Buffers | None], FirstPass]
    skew: Callable[[FirstPass, int, Buffers | None], Skew]
    rotate: Callable[[Raster, int, int, Buffers | None, Box | None], Raster]
    crop: CropKernel
    blank: BlankKernel
    quality: Callable[[FirstPass, Raster, Known | None], Quality]
    jpeg: JpegKernel
    g4: G4Kernel
    spare: "Backend | None" = None
    remark: str = ""
