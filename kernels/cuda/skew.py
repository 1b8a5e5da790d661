"""The skew of a page on the card, from the strips that its first pass left. Twin of `kernels.skew`.

Rule 1: nobody waits in between: shears, peaks and the angle stay on the card, where the next kernel
reads them. What comes down are the numbers that trust is judged by.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kernels import skew as twin
from kernels.cuda.first_pass import ReadPage
from kernels.cuda.skew_energies import ENERGY_BYTES, Sheared, Strips, Zeros, add_energies
from kernels.cuda.slot import Slot
from kernels.first_pass import FirstPass
from kernels.gpu import Memory
from kernels.skew import Skew, curve, trust
from kernels.skew.curve import Seen
from kernels.skew.trust import Support

_LANES: Final = 32
_STREAKS_BLOCK: Final = (_LANES + 16, 16)
_POOL_THREADS: Final = 1024
_SUPPORT_THREADS: Final = 21 * _LANES
_ANGLE_BYTES: Final = 4
_COARSE: Final = 2 * curve.COARSE_HALF + 1
_FINE: Final = 2 * curve.FINE_HALF + 1
_HALVES: Final = 2 * curve.HALVES_HALF + 1
_SLICES: Final = curve.BANDS * trust.SLICES
_OF_ALL: Final = 2 * curve.BANDS * _COARSE
_OF_FINE: Final = 2 * _SLICES * _FINE
_OF_HALVES: Final = 2 * 2 * curve.BANDS * _HALVES
_NUMBERS_OF_SUPPORT: Final = len(Support._fields)
_NUMBERS: Final = len(Seen._fields) - 1 + _NUMBERS_OF_SUPPORT


@dataclass(frozen=True, slots=True)
class SkewThere:
    """What was estimated, on the card.

    Attributes
    ----------
    angle
        int32, in microdegrees: content turned, counter-clockwise positive.
    turn
        int32: by how much to turn the page to make it straight, `-angle`.
    seen
        float64: the numbers of `kernels.skew.curve.Seen`, its support laid open; None of a page
        that is too small.
    dirty
        uint32: a bit for each column, set where a streak is.
    width_px, strip_px
        Of the page, and of a strip.
    """

    angle: Memory
    turn: Memory
    seen: Memory | None
    dirty: Memory
    width_px: int
    strip_px: int


class Inked(NamedTuple):
    """A page by its strips, and its levels: int32 threshold, paper, most ink of a sample."""

    rows: Strips
    columns: Strips
    levels: Memory
    strip_px: int


def estimate(first: FirstPass, dpi: int, slot: Slot) -> Skew:
    """Estimate the skew of a page that was read on this side; see `kernels.skew.estimate`.

    Raises
    ------
    DeviceFailed
        If the card does.
    """
    if min(first.luma.shape) < twin.LEAST_SIDE_PX:
        return twin.unseen()
    height, width = first.luma.shape
    levels = slot.pinned("skew.levels", (3,), np.int32)
    levels[:] = first.threshold, first.paper, first.ink_clamp
    with slot.turn():
        inked = _inked(
            (height, width, first.strip_px),
            _laid("skew.read_rows", first.rows, slot),
            _laid("skew.read_columns", first.columns, slot),
            _laid("skew.levels", levels, slot),
        )
        found = download(measured(inked, dpi, slot), slot)
    return found()


def enqueue(read: ReadPage, dpi: int, slot: Slot) -> SkewThere:
    """Estimate the skew of a page that was read on the card; nobody waits for it.

    Parameters
    ----------
    read
        The page.
    dpi
        Only for the width of a streak.
    slot
        Of the worker, in its turn.

    Raises
    ------
    DeviceFailed
        If the card does.
    """
    size = read.luma.height_px, read.luma.width_px, read.strip_px
    return measured(_inked(size, read.rows, read.columns, read.levels), dpi, slot)


def measured(inked: Inked, dpi: int, slot: Slot) -> SkewThere:
    """Do the same with strips, wherever they are from."""
    width, strip = inked.columns.lines, inked.strip_px
    angle, turn = (slot.scratch(name, _ANGLE_BYTES) for name in ("skew.angle", "skew.turn"))
    dirty = slot.scratch("skew.dirty", _bits_bytes(width))
    if min(width, inked.rows.lines) < twin.LEAST_SIDE_PX:
        slot.stream.clear(angle, _ANGLE_BYTES)
        slot.stream.clear(turn, _ANGLE_BYTES)
        return SkewThere(angle, turn, None, dirty, width, strip)
    seen = slot.scratch("skew.seen", 8 * _NUMBERS)
    found = SkewThere(angle, turn, seen, dirty, width, strip)
    count = _OF_ALL + _OF_FINE + _OF_HALVES
    zeros = Zeros(slot.scratch("skew.energies", ENERGY_BYTES * count), count)
    whole = inked.rows, without_streaks(inked, dpi, dirty, slot)
    small = pooled(whole, dirty, (twin.streak_width_px(dpi), twin.pool_of(strip)), zeros, slot)
    energy = zeros.at(0)
    coarse = slot.constant(f"skew.coarse.{strip}", partial(_coarse, strip))
    add_energies(Sheared(small, coarse, _COARSE, curve.BANDS), energy, slot)
    fine = slot.scratch("skew.fine", 4 * _FINE)
    peak_threads = 2 * curve.BANDS * _LANES
    slot.stream.launch("skew_peak", (1,), (peak_threads,), energy, np.int32(strip), fine, seen)
    energy = zeros.at(_OF_ALL)
    add_energies(Sheared(whole, fine, _FINE, _SLICES), energy, slot)
    near = slot.scratch("skew.near", 4 * _HALVES)
    sizes = (size for strips in whole for size in strips.arguments[1:])
    to = seen, near, angle, turn
    slot.stream.launch("skew_support", (1,), (_SUPPORT_THREADS,), energy, fine, *sizes, *to)
    energy = zeros.at(_OF_ALL + _OF_FINE)
    add_energies(Sheared(whole, near, _HALVES, curve.BANDS, 2), energy, slot)
    slot.stream.launch("skew_halves", (1,), (_OF_HALVES,), energy, seen)
    return found


def download(there: SkewThere, slot: Slot) -> Callable[[], Skew]:
    """Ask for what was estimated, and return what says it once the slot's turn is over."""
    if there.seen is None:
        return twin.unseen
    numbers = slot.pinned("skew.seen", (_NUMBERS,), np.float64)
    dirty = slot.pinned("skew.dirty", (_bits_bytes(there.width_px),))
    slot.stream.download(numbers, there.seen)
    slot.stream.download(dirty, there.dirty)

    def found() -> Skew:
        return twin.concluded(_seen(numbers), first_columns(dirty), there.strip_px)

    return found


def without_streaks(inked: Inked, dpi: int, dirty: Memory, slot: Slot) -> Strips:
    """Copy the columns and write which of them are streaks, a bit each; `pooled` fills them."""
    columns = inked.columns
    clean = columns.pooled("skew.clean", 1, slot)
    slot.stream.launch(
        "skew_streaks",
        (-(-columns.lines // _LANES),),
        _STREAKS_BLOCK,
        *columns.arguments,
        inked.levels,
        np.int32(inked.strip_px),
        np.int32(twin.streak_width_px(dpi)),
        clean.memory,
        dirty,
    )
    return clean


def pooled(
    whole: tuple[Strips, Strips],
    dirty: Memory,
    widths: tuple[int, int],
    zeros: Zeros,
    slot: Slot,
) -> tuple[Strips, Strips]:
    """Fill streaks in the columns, and return both ways with 2 or 4 lines made one.

    And write the zeros: a launch of its own for them would take as long.

    Parameters
    ----------
    whole
        Rows and columns; the columns are changed.
    dirty
        uint32: a bit for each column.
    widths
        So many columns aside a streak is gone; so many lines are made one.
    zeros
        To be written.
    slot
        Of the worker.
    """
    rows, columns = whole
    aside, by = widths
    small = rows.pooled("skew.small_rows", by, slot), columns.pooled("skew.small_columns", by, slot)
    slot.stream.launch(
        "skew_pool",
        (rows.count + columns.count,),
        (_POOL_THREADS,),
        *rows.arguments,
        columns.memory,
        np.int32(columns.lines),
        dirty,
        np.int32(aside),
        np.int32(by),
        small[0].memory,
        small[1].memory,
        zeros.memory,
        np.int32(zeros.count),
    )
    return small


def _coarse(strip_px: int) -> NDArray[np.int32]:
    """Return the shears of all angles, which are known beforehand."""
    steps = curve.steps_of(
        0, curve.COARSE_STEP_MICRODEG, curve.COARSE_HALF, strip_px / twin.pool_of(strip_px)
    )
    return np.asarray(steps, np.int32)


def _inked(size: tuple[int, int, int], rows: Memory, columns: Memory, levels: Memory) -> Inked:
    height, width, strip = size
    return Inked(
        Strips(rows, width // strip, height), Strips(columns, height // strip, width), levels, strip
    )


def _laid(name: str, array: NDArray[Any], slot: Slot) -> Memory:
    there = slot.scratch(name, array.nbytes)
    slot.stream.upload(there, array)
    return there


def _bits_bytes(columns: int) -> int:
    return -(-columns // _LANES) * _LANES // 8


def _seen(numbers: NDArray[Any]) -> Seen:
    coarse, at_the_end, alone, bands, *support, halves_off = numbers.tolist()
    return Seen(int(coarse), bool(at_the_end), alone, bands, Support(*support), halves_off)


def first_columns(dirty: NDArray[np.uint8]) -> NDArray[np.intp]:
    """Return the first column of each run of bits."""
    bits = np.unpackbits(dirty, bitorder="little").astype(np.int8)
    return np.flatnonzero(np.diff(bits, prepend=np.int8(0)) == 1)
