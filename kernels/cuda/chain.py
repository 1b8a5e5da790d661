"""A whole page on the card in one go: up, read, skew, turn, JPEG, down; nobody waits in between.

The angle never leaves the card. This is the shortest way there is, for measuring and for proving;
a page of a dossier is first looked at by `backend`, which has a say in whether it is turned at all.
"""

from dataclasses import dataclass

from kernels.cuda import first_pass, jpeg, rotate, skew
from kernels.cuda.slot import Slot
from kernels.jpeg import Subsampling
from kernels.raster import Box, Raster


@dataclass(frozen=True, slots=True)
class Wish:
    """How a page is to leave: quality 1 to 100, and chroma sampling."""

    quality: int = 85
    subsampling: Subsampling = "420"


def straight_jpeg(raster: Raster, slot: Slot, wish: Wish = Wish()) -> bytes:
    """Return a page as JPEG, turned back by the skew that is estimated, whether trusted or not.

    Raises
    ------
    DeviceFailed
        If the card does.
    """
    slot.begin()
    whole = Box(0, 0, raster.width_px, raster.height_px)
    with slot.turn():
        page = slot.lay(raster)
        read = first_pass.enqueue(page, slot)
        found = skew.enqueue(read, raster.dpi, slot)
        turned = rotate.turned(page, found.turn, 255, slot, whole, raster.dpi)
        return jpeg.collect(jpeg.enqueue(turned, wish.quality, wish.subsampling, slot), slot)
