"""Baseline JPEG on the card: the bytes of the library. Twin of `kernels.jpeg.integer`.

    samples, coefficients   24 blocks a block of threads      jpeg_samples, jpeg_transform
    bits of each block, sums of them, codes                   jpeg_entropy, scan, bits
    a zero after each 255                                     jpeg_stuff

Rule 1: how long the file becomes only the card knows: see `sized`.
Rule 2: nothing grows beyond what is taken for it before: no block needs more than `_MOST_BYTES`.
"""

from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from kernels.cuda.sized import Sized, ask, take
from kernels.cuda.slot import Placed, Slot
from kernels.gpu import Memory
from kernels.jpeg.contract import Subsampling, check
from kernels.jpeg.header import EOI, header
from kernels.jpeg.planes import Layout
from kernels.jpeg.tables import CODES, ZIGZAG
from kernels.jpeg.transform import SIZE, divisors
from kernels.raster import Raster

_TABLES: Final = np.dtype(
    [
        ("codes", np.uint32, (4, 256)),
        ("quantisers", np.uint32, (2, SIZE, 2)),
    ],
    align=True,
)
"""As `JpegTables` in `jpeg_layout.cuh`."""
_TILE_BLOCKS: Final = 24
_THREADS_A_BLOCK: Final = 8
_CODED_BLOCKS: Final = 256
_STUFFED_TILE: Final = 4096
_SUMMING: Final = 1024
_AT_ONCE: Final = 1024
"""Blocks of threads where only the card knows how much there is to do: each goes on by so many."""
_MOST_BYTES: Final = 160
"""Of a block's code. The transform keeps the energy of 64 samples, at most 64 * 128 ** 2. Spent on
coefficients of 128 it buys 10 + 8 bits for each of them, and no larger or smaller ones bring more:
63 times 18 and a DC of 22 bits are 1,156 bits, to which the rounding of coefficients adds three."""
_A_BYTE: Final = 8


@dataclass(frozen=True, slots=True)
class Coded:
    """A file in the making.

    Attributes
    ----------
    head
        What comes before the scan.
    scan
        What comes after it.
    """

    head: bytes
    scan: Sized


@dataclass(frozen=True, slots=True)
class _Page:
    """What every stage takes."""

    placed: Placed
    layout: Layout
    tables: Memory

    @property
    def blocks(self) -> tuple[np.int32, ...]:
        """All blocks, those of luma in an MCU, all of an MCU."""
        layout = self.layout
        return np.int32(layout.blocks), np.int32(layout.side**2), np.int32(layout.blocks_an_mcu)


def encode(raster: Raster, quality: int, subsampling: Subsampling, slot: Slot) -> bytes:
    """Return the JPEG file of a raster; see `kernels.jpeg.integer.encode`.

    Raises
    ------
    RasterError
        If the quality is out of range or the page too long.
    DeviceFailed
        If the card does.
    """
    check(raster, quality)
    with slot.turn():
        return collect(enqueue(raster, quality, subsampling, slot), slot)


def enqueue(raster: Raster, quality: int, subsampling: Subsampling, slot: Slot) -> Coded:
    """Ask for the file of a raster, and do not wait for it.

    Parameters
    ----------
    raster
        On the card, or here: then it is uploaded.

    Raises
    ------
    RasterError
        As `encode`.
    """
    check(raster, quality)
    layout = Layout.of(raster, subsampling)
    tables = slot.constant(f"jpeg.tables.{quality}", partial(_tables, quality))
    page = _Page(slot.lay(raster), layout, tables)
    coefficients, masks = _transformed(page, slot)
    words, bits = _written(page, coefficients, masks, slot)
    # The coefficients are done with: the scan takes their place.
    scan = _stuffed(layout.blocks, (words, bits), coefficients, slot)
    return Coded(header(layout, quality, raster.dpi), scan)


def collect(coded: Coded, slot: Slot) -> bytes:
    """Return the file, in the turn in which it was asked for; see `sized.take`.

    Raises
    ------
    DeviceFailed
        If the card does.
    """
    scan = take(coded.scan, slot)
    return b"".join((coded.head, scan.data, EOI))


def _tables(quality: int) -> NDArray[Any]:
    """Return the tables of a quality as `JpegTables` has them."""
    tables = np.zeros(1, _TABLES)
    tables["codes"] = CODES
    halves = divisors(quality)[:, 0].astype(np.int64)
    quantisers = tables["quantisers"][0]
    quantisers[..., 0] = (1 << 31) // halves + 1
    quantisers[:, list(ZIGZAG), 1] = 2 * np.arange(SIZE)
    return tables


def _transformed(page: _Page, slot: Slot) -> tuple[Memory, Memory]:
    """Return the coefficients of every block, and their masks; the first have room for the scan."""
    blocks = page.layout.blocks
    coefficients = slot.scratch("jpeg.blocks", blocks * 2 * _MOST_BYTES)
    masks = slot.scratch("jpeg.masks", blocks * 8)
    down, across = page.layout.mcus
    mcus = _TILE_BLOCKS // page.layout.blocks_an_mcu
    slot.stream.launch(
        "jpeg_coefficients",
        (-(-across // mcus), down),
        (_TILE_BLOCKS * _THREADS_A_BLOCK,),
        page.placed.memory,
        np.int32(page.placed.width_px),
        np.int32(page.placed.height_px),
        np.int32(page.placed.channels),
        np.int32(page.placed.pitch),
        np.int32(page.layout.side),
        page.tables,
        coefficients,
        masks,
    )
    return coefficients, masks


def _written(page: _Page, coefficients: Memory, masks: Memory, slot: Slot) -> tuple[Memory, Memory]:
    """Return the codes of all blocks, one after the other, and how many bits they are."""
    blocks = page.layout.blocks
    stream = slot.stream
    tiles = -(-blocks // _CODED_BLOCKS)
    within = slot.scratch("jpeg.within", blocks * 4)
    starts = slot.scratch("jpeg.starts", tiles * 8)
    bits = slot.scratch("jpeg.bits", 8)
    words = slot.scratch("jpeg.words", blocks * _MOST_BYTES)
    grid, block = (tiles,), (_CODED_BLOCKS,)
    given: tuple[Memory | np.int32, ...]
    given = coefficients, masks, *page.blocks, page.tables, within, starts
    stream.launch("jpeg_sizes", grid, block, *given)
    stream.launch("exclusive_sum", (1,), (_SUMMING,), starts, np.int32(tiles), bits)
    stream.launch("clear_bits", (min(tiles, _AT_ONCE),), block, words, bits)
    stream.launch("jpeg_write", grid, block, *given, words)
    return words, bits


def _stuffed(blocks: int, plain: tuple[Memory, Memory], scan: Memory, slot: Slot) -> Sized:
    """Write the scan as it is in the file; return it, to come."""
    stream = slot.stream
    most = -(-blocks * _MOST_BYTES // _STUFFED_TILE)
    tiles = slot.scratch("jpeg.full", most * 8)
    length = slot.scratch("jpeg.length", 8)
    grid, block = (min(most, _AT_ONCE),), (_CODED_BLOCKS,)
    stream.launch("jpeg_count_full", grid, block, *plain, tiles)
    stream.launch("jpeg_length", (1,), (_SUMMING,), tiles, plain[1], length)
    stream.launch("jpeg_stuff", grid, block, *plain, tiles, scan)
    return ask("jpeg.scan", scan, length, _A_BYTE, slot)
