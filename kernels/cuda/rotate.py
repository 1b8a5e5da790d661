"""Turning and cutting a page on the card. Twin of `kernels.rotate` and `kernels.crop.apply`."""

from typing import Final

import numpy as np

from kernels import rotate as twin
from kernels.cuda.slot import OnCard, Placed, Slot
from kernels.gpu import Memory
from kernels.raster import Box, Raster, RasterError

BLOCK: Final = (32, 8)
"""Threads of a block, of each kernel here."""
_STEPS: Final = 4
"""A thread makes so many pixels, or words of four bytes, a row of threads apart."""
_PIXELS: Final = 4
"""A row has room for a multiple of them, so that it is whole words in gray and in colour."""
_WORD_BYTES: Final = 4
_TURN_BYTES: Final = 16


def rotate(
    raster: Raster, angle_microdeg: int, fill: int, slot: Slot, box: Box | None = None
) -> OnCard:
    """Turn the content counter-clockwise; see `kernels.rotate.rotate`. The result stays there.

    Raises
    ------
    RasterError
        As the twin.
    DeviceFailed
        If the card does.
    """
    box = twin.wanted(raster, angle_microdeg, fill, box)
    return turned(slot.lay(raster), angle_microdeg, fill, slot, box, raster.dpi)


def turned(page: Placed, angle: Memory | int, fill: int, slot: Slot, box: Box, dpi: int) -> OnCard:
    """Turn a page on the card by an angle in microdegrees, or by one on the card: int32."""
    turn = slot.there("rotate.turn", _TURN_BYTES)
    width, height = np.int32(page.width_px), np.int32(page.height_px)
    read, known = (np.uint64(0), angle) if isinstance(angle, int) else (angle, 0)
    slot.stream.launch("turn_of", (1,), (32,), read, np.int32(known), width, height, turn)
    out = _room("rotate.out", box, page, slot)
    slot.stream.launch(
        "rotate_colour" if page.channels == 3 else "rotate_gray",
        _grid(out.width_px, out.height_px),
        BLOCK,
        page.memory,
        width,
        height,
        np.int32(page.pitch),
        turn,
        np.int32(box.left),
        np.int32(box.top),
        np.int32(out.width_px),
        np.int32(out.height_px),
        np.int32(out.pitch),
        np.int32(fill),
        out.memory,
    )
    return OnCard(out, dpi, slot)


def crop(raster: Raster, box: Box, slot: Slot) -> OnCard:
    """Return the part of a raster inside a box; see `kernels.crop.apply`. It stays on the card.

    Raises
    ------
    RasterError
        If the box reaches outside the raster.
    """
    if not box.within(raster):
        raise RasterError(f"{box} is outside {raster.width_px} x {raster.height_px} px")
    page = slot.lay(raster)
    out = _room("crop.out", box, page, slot)
    slot.stream.launch(
        "crop",
        crop_grid(out.row_bytes, out.height_px),
        BLOCK,
        page.memory,
        np.int32(page.pitch),
        np.int32(box.left * page.channels),
        np.int32(box.top),
        np.int32(out.row_bytes),
        np.int32(out.height_px),
        np.int32(out.pitch),
        out.memory,
    )
    return OnCard(out, raster.dpi, slot)


def crop_grid(row_bytes: int, rows: int) -> tuple[int, int]:
    """Return how many blocks copy so many rows of so many bytes."""
    return _grid(-(-row_bytes // _WORD_BYTES), rows)


def _room(name: str, box: Box, page: Placed, slot: Slot) -> Placed:
    pitch = -(-box.width_px // _PIXELS) * _PIXELS * page.channels
    shape = (box.height_px, box.width_px, page.channels)
    memory = slot.there(name, pitch * box.height_px)
    return Placed(memory, shape if page.channels == 3 else shape[:2], pitch)


def _grid(across: int, down: int) -> tuple[int, int]:
    return -(-across // (_STEPS * BLOCK[0])), -(-down // BLOCK[1])
