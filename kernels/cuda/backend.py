"""The backend of a card: its kernels where it has them, the CPU's for what looks at small maps.

    look     the page goes up; first pass and skew; what was read comes down    one wait
    then     blank, sheet, quality: on the CPU, by the half page and the cells
    finish   turn, cut and encode; the file comes down              one wait, see `sized`

What is decided between the halves, by both sides of the sheet, is why a page does not go through in
one go as in `chain`; the waits are filled by other pages (`turns`).

Rule 1: what a kernel gives is what its twin gives, by `==`: `proof` asks before the first page.
Rule 2: the skew is estimated with the first pass, so that nobody waits for it: it is handed out
when it is asked for.
"""

from dataclasses import dataclass, fields
from functools import partial

from kernels import blank, g4
from kernels.backend import Backend, BlankKernel, CropKernel, G4Kernel, JpegKernel
from kernels.blank.ink import InkMap
from kernels.buffers import Buffers
from kernels.cuda import first_pass, ink_map, jpeg, rotate, skew
from kernels.cuda import g4 as coder
from kernels.cuda.slot import OnCard, Slot
from kernels.cuda.turns import Turns
from kernels.first_pass import FirstPass
from kernels.gpu import Card
from kernels.jpeg import Subsampling
from kernels.raster import Box, Raster, RasterError
from kernels.skew import Skew


@dataclass(frozen=True, slots=True)
class Look(FirstPass):
    """What one read of a page on the card gives, and the skew that was estimated with it."""

    skew: Skew


def backend(card: Card, on_cpu: Backend) -> Backend:
    """Return the backend of a card.

    Parameters
    ----------
    card
        Where the kernels run.
    on_cpu
        What works beside it, and again where it fails.
    """
    turns = Turns(card)
    return Backend(
        name="gpu",
        buffers=partial(Slot, card, turns),
        first_pass=look,
        skew=_skew,
        rotate=_rotate,
        crop=CropKernel(on_cpu.crop.locate, _crop),
        blank=BlankKernel(partial(blank.measure, ink=_ink_map), on_cpu.blank.decide),
        quality=on_cpu.quality,
        jpeg=JpegKernel("cuda", _jpeg, on_cpu.jpeg.evidence),
        g4=G4Kernel(_is_bilevel, _bilevel, _g4_file),
        spare=on_cpu,
        remark=f"{card.name} works the pages",
    )


def look(raster: Raster, buffers: Buffers | None) -> Look:
    """Read a page and estimate its skew; see `kernels.first_pass.first_pass`."""
    slot = _slot(buffers)
    slot.begin()
    with slot.turn():
        read = first_pass.enqueue(slot.lay(raster), slot)
        estimated = skew.enqueue(read, raster.dpi, slot)
        first = first_pass.download(read, slot, None if raster.is_colour else raster.pixels)
        angle = skew.download(estimated, slot)
    seen = first()
    slot.same(seen.luma, read.luma)
    return Look(**{one.name: getattr(seen, one.name) for one in fields(seen)}, skew=angle())


def _skew(first: FirstPass, dpi: int, buffers: Buffers | None) -> Skew:
    return first.skew if isinstance(first, Look) else skew.estimate(first, dpi, _slot(buffers))


def _rotate(
    raster: Raster, angle_microdeg: int, fill: int, buffers: Buffers | None, box: Box | None
) -> Raster:
    return rotate.rotate(raster, angle_microdeg, fill, _slot(buffers), box)


def _crop(raster: Raster, box: Box, buffers: Buffers | None) -> Raster:
    return rotate.crop(raster, box, _slot(buffers))


def _ink_map(raster: Raster, buffers: Buffers | None) -> InkMap:
    return ink_map.ink_map(raster, _slot(buffers))


def _jpeg(
    raster: Raster,
    quality: int,
    subsampling: Subsampling = "420",
    buffers: Buffers | None = None,
) -> bytes:
    return jpeg.encode(raster, quality, subsampling, _slot(buffers))


def _is_bilevel(raster: Raster) -> bool:
    # What lies here is told by its first samples; what lies there would have to be fetched.
    return coder.is_bilevel(raster) if isinstance(raster, OnCard) else g4.is_bilevel(raster)


def _bilevel(raster: Raster, buffers: Buffers | None) -> Raster:
    return coder.bilevel(raster, _slot(buffers))


def _g4_file(raster: Raster, buffers: Buffers | None) -> bytes:
    return coder.file(raster, _slot(buffers))


def _slot(buffers: Buffers | None) -> Slot:
    if not isinstance(buffers, Slot):
        raise RasterError("a card works in a slot of its own: take it from `Backend.buffers`")
    return buffers
