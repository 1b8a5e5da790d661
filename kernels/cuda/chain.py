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


def ask(raster: Raster, slot: Slot, wish: Wish = Wish()) -> jpeg.Coded:
    """Ask for a page as JPEG in the slot's turn, and do not wait for it; see `straight_jpeg`."""
    page = slot.lay(raster)
    whole = Box(0, 0, raster.width_px, raster.height_px)
    read = first_pass.enqueue(page, slot)
    found = skew.enqueue(read, raster.dpi, slot)
    turned = rotate.turned(page, found.turn, 255, slot, whole, raster.dpi)
    return jpeg.enqueue(turned, wish.quality, wish.subsampling, slot)


def straight_jpeg(raster: Raster, slot: Slot, wish: Wish = Wish()) -> bytes:
    """Return a page as JPEG, turned back by the skew that is estimated, whether trusted or not.

    Raises
    ------
    DeviceFailed
        If the card does.
    """
    slot.begin()
    with slot.turn():
        return jpeg.collect(ask(raster, slot, wish), slot)
