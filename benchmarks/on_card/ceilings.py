"""What no page can be faster than: the link to the card in both directions, and its own memory.

A page in colour, A4 at 300 dpi, is the unit of every copy; several follow each other, more than the
card's cache holds.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from benchmarks.on_card.budget import Budget, median
from benchmarks.on_card.marked import Copies
from benchmarks.on_card.table import Row, digits
from kernels.cuda import rotate
from kernels.gpu import Card

CASE: Final = "ceilings"
PAGE_BYTES: Final = 3508 * 2480 * 3
_BUFFERS: Final = 8
_FEW: Final = 2
_COLUMNS: Final = 2480 * 3


@dataclass(frozen=True, slots=True)
class Ceilings:
    """Bytes a second, in thousands of millions: up the link, and read and written on the card."""

    up_gb_s: float
    card_gb_s: float

    def pages_per_s(self, page_bytes: int) -> float:
        """Return how many pages of that size go up in a second."""
        return self.up_gb_s * 1e9 / page_bytes

    def floor_us(self, moved_bytes: int) -> float:
        """Return the microseconds in which the card moves so many bytes, read or written."""
        return moved_bytes / self.card_gb_s / 1e3


class _Bench:
    """Buffers on both sides, all written to, so that they are really there."""

    def __init__(self, card: Card, *, small: bool) -> None:
        count, self.page_bytes = (_FEW, PAGE_BYTES // 64) if small else (_BUFFERS, PAGE_BYTES)
        self.card = card
        self.here = [card.pinned(self.page_bytes) for _ in range(count)]
        self.back = [card.pinned(self.page_bytes) for _ in range(count)]
        chance = np.random.default_rng(1)
        for array in self.here + self.back:
            array[:] = chance.integers(0, 256, array.size, np.uint8)
        self.loose = [np.array(array) for array in self.here]
        self.there = [card.memory(self.page_bytes) for _ in range(count)]
        self.other = [card.memory(self.page_bytes) for _ in range(count)]
        self.copies = Copies(card)
        self.copies.up(self.there, self.here)
        self.copies.ms()
        self.copies.up(self.other, self.here)
        self.copies.ms()

    @property
    def all_bytes(self) -> int:
        return self.page_bytes * len(self.here)

    def up_ms(self) -> float:
        self.copies.up(self.there, self.here)
        return self.copies.ms()

    def loose_ms(self) -> float:
        self.copies.up(self.there, self.loose)
        return self.copies.ms()

    def down_ms(self) -> float:
        self.copies.down(self.back, self.other)
        return self.copies.ms()

    def both_ms(self) -> float:
        """Return that of the slower one; both are asked for before either is waited for."""
        down = Copies(self.card)
        self.copies.up(self.there, self.here)
        down.down(self.back, self.other)
        return max(self.copies.ms(), down.ms())

    def by_driver_ms(self) -> float:
        """Copy on the card, as its driver does."""
        cupy, stream = self.card.cupy, self.copies.stream
        with self.card.guarded(), cupy.cuda.Stream(non_blocking=True) as own:
            runtime, began, ended = cupy.cuda.runtime, cupy.cuda.Event(), cupy.cuda.Event()
            began.record(own)
            for target, source in zip(self.other, self.there, strict=True):
                runtime.memcpyAsync(
                    target.address,
                    source.address,
                    self.page_bytes,
                    runtime.memcpyDeviceToDevice,
                    own.ptr,
                )
            ended.record(own)
            own.synchronize()
        stream.wait()
        return self.card.ms_between(began, ended)

    def by_crop_ms(self) -> float:
        """Do the same by our `crop` of the whole page."""
        stream, rows = self.copies.stream, self.page_bytes // _COLUMNS
        grid = rotate.crop_grid(_COLUMNS, rows)
        pitch, height, zero = np.int32(_COLUMNS), np.int32(rows), np.int32(0)
        began = stream.mark()
        for target, source in zip(self.other, self.there, strict=True):
            sizes = pitch, zero, zero, pitch, height, pitch
            stream.launch("crop", grid, rotate.BLOCK, source, *sizes, target)
        ended = stream.mark()
        stream.wait()
        return self.card.ms_between(began, ended)


def measure(card: Card, budget: Budget, *, small: bool) -> tuple[list[Row], Ceilings]:
    """Measure every ceiling.

    Parameters
    ----------
    small
        A few small copies: only to see that it goes.
    """
    bench = _Bench(card, small=small)
    size = bench.all_bytes
    up = _gb_s(bench.up_ms, size, budget.part(0.2))
    down = _gb_s(bench.down_ms, size, budget.part(0.2))
    both = _gb_s(bench.both_ms, 2 * size, budget.part(0.2))
    loose = _gb_s(bench.loose_ms, size, budget.part(0.1))
    driver = _gb_s(bench.by_driver_ms, 2 * size, budget.part(0.1))
    crop = _gb_s(bench.by_crop_ms, 2 * size, budget.part(0.1))
    found = Ceilings(up, max(driver, crop))
    rows = [
        _row("pinned upload", up, f"{found.pages_per_s(PAGE_BYTES):.0f} colour A4 pages/s"),
        _row("pinned download", down),
        _row("both at once", both, f"{both / max(up, down):.2f} x one of them"),
        _row("upload that is not pinned", loose, f"{loose / up:.2f} x pinned"),
        _row("copy on the card, driver", driver, "bytes read and bytes written"),
        _row("copy on the card, our crop", crop, f"{crop / driver:.2f} x the driver's"),
    ]
    return rows, found


def _gb_s(once: Callable[[], float], size_bytes: int, budget: Budget) -> float:
    once()
    ms = median([once() for _ in budget.rounds(most=50)])
    return size_bytes / max(ms, 1e-6) / 1e6


def _row(what: str, gb_s: float, beside: str = "") -> Row:
    return Row(CASE, what, digits(gb_s), "GB/s", beside)
