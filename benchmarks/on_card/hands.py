"""Who works a page: the kernels on the card, or their twins in numba; the same calls of both."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from kernels import crop, g4, rotate, skew
from kernels.blank.ink import InkMap, ink_map
from kernels.buffers import Buffers
from kernels.cuda import chain, jpeg
from kernels.cuda import first_pass as read
from kernels.cuda import g4 as coder
from kernels.cuda import ink_map as ink
from kernels.cuda import rotate as turn
from kernels.cuda import skew as estimated
from kernels.cuda.slot import OnCard, Slot
from kernels.cuda.turns import Turns
from kernels.first_pass import FirstPass, first_pass
from kernels.gpu import Card
from kernels.jpeg import Subsampling, integer
from kernels.raster import Box, Raster
from kernels.skew import Skew

QUALITY = 85
FILL = 255


@dataclass(frozen=True, slots=True)
class Hands:
    """Every operation that there is a kernel for.

    What a call returns holds until the next page, or until the same call is made again.
    """

    first_pass: Callable[[Raster], FirstPass]
    skew: Callable[[FirstPass, int], Skew]
    ink_map: Callable[[Raster], InkMap]
    rotate: Callable[[Raster, int], Raster]
    crop: Callable[[Raster, Box], Raster]
    jpeg: Callable[[Raster, Subsampling], bytes]
    bilevel: Callable[[Raster], Raster]
    is_bilevel: Callable[[Raster], bool]
    g4: Callable[[Raster], bytes]
    straight_jpeg: Callable[[Raster], bytes]


def twins() -> Hands:
    """Return the numba twins, with buffers of their own."""
    buffers = Buffers()

    def jpeg(raster: Raster, sampling: Subsampling) -> bytes:
        return integer.encode(raster, QUALITY, sampling, buffers)

    def straight_jpeg(raster: Raster) -> bytes:
        angle = skew.estimate(first_pass(raster, buffers), raster.dpi, buffers).angle_microdeg
        return jpeg(rotate.rotate(raster, -angle, FILL, buffers), "420")

    return Hands(
        first_pass=lambda raster: first_pass(raster, buffers),
        skew=lambda first, dpi: skew.estimate(first, dpi, buffers),
        ink_map=lambda raster: ink_map(raster, buffers),
        rotate=lambda raster, angle: rotate.rotate(raster, angle, FILL, buffers),
        crop=lambda raster, box: crop.apply(raster, box, buffers),
        jpeg=jpeg,
        bilevel=lambda raster: g4.bilevel(raster, buffers),
        is_bilevel=g4.is_bilevel,
        g4=lambda raster: g4.file(raster, buffers),
        straight_jpeg=straight_jpeg,
    )


def on_card(card: Card, turns: Turns) -> Hands:
    """Return the kernels of a card, in a slot of their own."""
    slot = Slot(card, turns)

    def is_bilevel(raster: Raster) -> bool:
        placed = (
            raster if isinstance(raster, OnCard) else OnCard(slot.lay(raster), raster.dpi, slot)
        )
        return coder.is_bilevel(placed)

    return Hands(
        first_pass=partial(read.first_pass, slot=slot),
        skew=partial(estimated.estimate, slot=slot),
        ink_map=partial(ink.ink_map, slot=slot),
        rotate=lambda raster, angle: turn.rotate(raster, angle, FILL, slot),
        crop=partial(turn.crop, slot=slot),
        jpeg=lambda raster, sampling: jpeg.encode(raster, QUALITY, sampling, slot),
        bilevel=partial(coder.bilevel, slot=slot),
        is_bilevel=is_bilevel,
        g4=partial(coder.file, slot=slot),
        straight_jpeg=partial(chain.straight_jpeg, slot=slot),
    )
