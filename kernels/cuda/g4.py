"""Black and white pages on the card, as CCITT Group 4. Twin of `kernels.g4`.

gray rows to packed rows                                  g4_rows
a code of each row, sums of their bits, all in one        g4_code, scan, bits
"""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from kernels.cuda.sized import Sized, ask, take
from kernels.cuda.slot import OnCard, Placed, Slot
from kernels.g4 import codes
from kernels.g4.coder import most_bytes_a_row
from kernels.g4.container import tiff
from kernels.g4.rows import BLACK_BELOW
from kernels.gpu import Memory
from kernels.raster import Raster, RasterError

_BLOCK: Final = (32, 8)
_LINE: Final = (256,)
_WARP: Final = 32
_WORD_BYTES: Final = 4
_CODING: Final = (64,)
_CODED_ROWS: Final = 4
"""By so many threads of a block so many rows are coded: few in a warp, see `g4_code.cuh`."""
_JOINED_ROWS: Final = 8
_SUMMING: Final = 1024
_PACKED_ROWS: Final = 8
_CLEARING: Final = 256
_CODES: Final = np.dtype(
    [
        ("runs", np.uint32, codes.RUNS.shape),
        ("vertical", np.uint32, codes.VERTICAL.shape),
        ("others", np.uint32, 4),
    ]
)
"""As `G4Codes` in `g4_code.cuh`."""


def is_bilevel(raster: OnCard) -> bool:
    """Return True for a gray raster in which every sample is 0 or 255; waits for it.

    Raises
    ------
    DeviceFailed
        If the card does.
    """
    if raster.is_colour:
        return False
    page, slot = raster.placed, raster.slot
    found = slot.pinned("g4.other", (1,), np.uint32)
    with slot.turn() as stream:
        there = slot.scratch("g4.other", _WORD_BYTES)
        stream.clear(there, found.nbytes)
        stream.launch("other_than_bilevel", _grid(page), _BLOCK, *_given(page), there)
        stream.download(found, there)
    return not found[0]


def threshold(raster: Raster, level: int, slot: Slot) -> OnCard:
    """Return a gray page with 0 for each sample below `level`, and 255 for every other.

    It stays on the card. Nothing is waited for.

    Raises
    ------
    RasterError
        If the raster is in colour.
    """
    if raster.is_colour:
        raise RasterError("only a gray raster becomes black and white")
    page = slot.lay(raster)
    pitch = -(-page.width_px // _WORD_BYTES) * _WORD_BYTES
    out = Placed(slot.there("g4.bilevel", pitch * page.height_px), page.shape, pitch)
    slot.stream.launch(
        "black_and_white",
        _grid(page),
        _BLOCK,
        *_given(page),
        np.int32(level),
        np.int32(pitch),
        out.memory,
    )
    return OnCard(out, raster.dpi, slot)


def bilevel(raster: Raster, slot: Slot) -> OnCard:
    """Return a gray page made black and white; see `kernels.g4.bilevel`. It stays on the card.

    Raises
    ------
    RasterError
        If the raster is in colour.
    """
    return threshold(raster, BLACK_BELOW, slot)


def file(raster: Raster, slot: Slot) -> bytes:
    """Return the TIFF file of a gray page; see `kernels.g4.file`.

    Raises
    ------
    RasterError
        If the raster is in colour.
    DeviceFailed
        If the card does.
    """
    with slot.turn():
        code = take(enqueue(raster, slot), slot).tobytes()
    return tiff(code, raster.width_px, raster.height_px, raster.dpi)


def enqueue(raster: Raster, slot: Slot) -> Sized:
    """Ask for the T.6 code of a gray page, and do not wait for it; below 128 is black.

    Raises
    ------
    RasterError
        If the raster is in colour.
    """
    if raster.is_colour:
        raise RasterError("only a gray raster can be packed")
    page = slot.lay(raster)
    return _coded(page, _packed(page, slot), slot)


def _packed(page: Placed, slot: Slot) -> Memory:
    """Return the rows as bits, below a white one, in whole words."""
    words = -(-page.width_px // _WARP)
    packed = slot.scratch("g4.packed", (page.height_px + 1) * words * _WORD_BYTES)
    grid = -(-words * _WARP // _LINE[0]), page.height_px // _PACKED_ROWS + 1
    given = *_given(page), np.int32(BLACK_BELOW), np.int32(words)
    slot.stream.launch("pack_rows", grid, _LINE, *given, packed)
    return packed


def _coded(page: Placed, packed: Memory, slot: Slot) -> Sized:
    stream, rows = slot.stream, page.height_px
    room = -(-most_bytes_a_row(page.width_px) // _WORD_BYTES)
    coded = slot.scratch("g4.rows", rows * room * _WORD_BYTES)
    starts = slot.scratch("g4.starts", rows * 8)
    total = slot.scratch("g4.bits", 8)
    words = slot.scratch("g4.words", rows * room * _WORD_BYTES)
    height, room_words = np.int32(rows), np.int32(room)
    stream.launch(
        "g4_code_rows",
        (-(-rows // _CODED_ROWS),),
        _CODING,
        packed,
        np.int32(page.width_px),
        height,
        np.int32(-(-page.width_px // _WARP)),
        slot.constant("g4.codes", _tables),
        room_words,
        coded,
        starts,
    )
    stream.launch("exclusive_sum", (1,), (_SUMMING,), starts, height, total)
    stream.launch("clear_bits", (_CLEARING,), _LINE, words, total)
    given = coded, height, room_words, starts, total
    stream.launch("g4_join_rows", (-(-rows // _JOINED_ROWS),), _LINE, *given, words)
    return ask("g4.code", words, total, 1, slot)


def _tables() -> NDArray[Any]:
    """Return the tables of `codes` as `G4Codes` has them."""
    tables = np.zeros(1, _CODES)
    tables["runs"] = codes.RUNS
    tables["vertical"] = codes.VERTICAL
    tables["others"] = codes.PASS, codes.HORIZONTAL, codes.MAKE_UP_2560, codes.END_OF_LINE
    return tables


def _given(page: Placed) -> tuple[Memory | np.int32, ...]:
    """Return what a kernel takes of a gray page."""
    return (
        page.memory,
        np.int32(page.width_px),
        np.int32(page.height_px),
        np.int32(page.pitch),
    )


def _grid(page: Placed) -> tuple[int, int]:
    """Return blocks of words across and rows down."""
    across = -(-page.width_px // _WORD_BYTES)
    return -(-across // _BLOCK[0]), -(-page.height_px // _BLOCK[1])
