"""One read of a page on the card. Twin of `kernels.levels` and `kernels.first_pass`.

Rule 1: the page is read once; before that the levels are measured on a sample of it and stay on the
card, where the kernels that need them find them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from kernels.cuda.slot import Placed, Slot
from kernels.first_pass import CELL_PX, FirstPass, strip_of
from kernels.gpu import Memory
from kernels.raster import Raster

_THREADS: Final = 256
_CELLS_A_BLOCK: Final = 8
_SAMPLE_STEP: Final = 8
_FIRST_SAMPLE: Final = 2
_SAMPLES_A_BLOCK: Final = 8 * _THREADS
_COUNT_BYTES: Final = 256 * 4
_LEVEL_BYTES: Final = 3 * 4


@dataclass(frozen=True, slots=True)
class ReadPage:
    """A page that was read on the card: what the next kernels use.

    Attributes
    ----------
    luma
        The page's own memory if it is gray; otherwise its pitch is its width.
    half, rows, columns, cells
        As in `FirstPass`, each without a gap between rows.
    levels
        Three int32: threshold, paper, ink_clamp.
    strip_px
        As in `FirstPass`.
    """

    luma: Placed
    half: Memory
    rows: Memory
    columns: Memory
    cells: Memory
    levels: Memory
    strip_px: int


def first_pass(raster: Raster, slot: Slot) -> FirstPass:
    """Read a page once; see `kernels.first_pass.first_pass`. The slot forgets the page before.

    The luma is known to lie on the card: a raster made of it is not uploaded again.

    Raises
    ------
    DeviceFailed
        If the card does.
    """
    own = None if raster.is_colour else raster.pixels
    slot.begin()
    with slot.turn():
        read = enqueue(slot.lay(raster), slot)
        result = download(read, slot, own)
    first = result()
    slot.same(first.luma, read.luma)
    return first


def enqueue(page: Placed, slot: Slot) -> ReadPage:
    """Have a page on the card read."""
    height, width = page.height_px, page.width_px
    strip = strip_of(height, width)
    read = ReadPage(
        luma=page if page.channels == 1 else _luma(page, slot),
        half=slot.scratch("first_pass.half", max(1, height // 2) * max(1, width // 2)),
        rows=slot.scratch("first_pass.rows", 2 * (width // strip) * height),
        columns=slot.scratch("first_pass.columns", 2 * (height // strip) * width),
        cells=slot.scratch("first_pass.cells", 2 * -(-height // CELL_PX) * -(-width // CELL_PX)),
        levels=_measure(page, slot),
        strip_px=strip,
    )
    cells_across = -(-width // CELL_PX)
    slot.stream.launch(
        "read_page",
        (-(-cells_across // _CELLS_A_BLOCK), -(-height // CELL_PX)),
        (CELL_PX, _CELLS_A_BLOCK),
        page.memory,
        np.int32(height),
        np.int32(width),
        np.int32(page.channels),
        np.int32(page.pitch),
        np.int32(strip),
        read.levels,
        read.luma.memory,
        read.half,
        read.rows,
        read.columns,
        read.cells,
    )
    return read


def download(
    read: ReadPage, slot: Slot, luma: NDArray[np.uint8] | None = None
) -> Callable[[], FirstPass]:
    """Have the result copied to this side; what is returned gives it, once that was waited for.

    Parameters
    ----------
    luma
        uint8 (H, W): the luma, where it lies on this side already: of a gray page the pixels. None:
        it is copied.
    """
    height, width = read.luma.height_px, read.luma.width_px
    strip = read.strip_px
    half = slot.pinned("first_pass.half", (max(1, height // 2), max(1, width // 2)))
    rows = slot.pinned("first_pass.rows", (width // strip, height), np.uint16)
    columns = slot.pinned("first_pass.columns", (height // strip, width), np.uint16)
    cells = slot.pinned("first_pass.cells", (-(-height // CELL_PX), -(-width // CELL_PX), 2))
    levels = slot.pinned("first_pass.levels", (3,), np.int32)
    copies = [
        (half, read.half),
        (rows, read.rows),
        (columns, read.columns),
        (cells, read.cells),
        (levels, read.levels),
    ]
    lines = luma
    if lines is None:
        lines = slot.pinned("first_pass.luma", (height, read.luma.pitch))
        copies.append((lines, read.luma.memory))
    for target, source in copies:
        slot.stream.download(target, source)

    def result() -> FirstPass:
        threshold, paper, ink_clamp = (int(level) for level in levels)
        whole = lines if lines.shape[1] == width else np.ascontiguousarray(lines[:, :width])
        return FirstPass(whole, half, threshold, paper, ink_clamp, rows, columns, strip, cells)

    return result


def _luma(page: Placed, slot: Slot) -> Placed:
    shape = page.height_px, page.width_px
    return Placed(slot.there("first_pass.luma", shape[0] * shape[1]), shape, shape[1])


def _measure(page: Placed, slot: Slot) -> Memory:
    """Return threshold, paper and ink_clamp, which the card finds out by itself."""
    left, top = (min(_FIRST_SAMPLE, side - 1) for side in (page.width_px, page.height_px))
    across = -(-(page.width_px - left) // _SAMPLE_STEP)
    samples = across * -(-(page.height_px - top) // _SAMPLE_STEP)
    counts = slot.scratch("first_pass.counts", _COUNT_BYTES)
    slot.stream.clear(counts, _COUNT_BYTES)
    slot.stream.launch(
        "count_levels",
        (-(-samples // _SAMPLES_A_BLOCK),),
        (_THREADS,),
        page.memory,
        np.int32(page.channels),
        np.int32(page.pitch),
        np.int32(left),
        np.int32(top),
        np.int32(across),
        np.int32(samples),
        counts,
    )
    levels = slot.scratch("first_pass.levels", _LEVEL_BYTES)
    slot.stream.launch("levels_of", (1,), (_THREADS,), counts, levels)
    return levels
