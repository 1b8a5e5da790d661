"""A stream that takes the time of what is asked of it, in the place of a slot's own.

Whatever a launcher asks of its slot goes through here: so what its kernels take is measured without
a word about them in the launcher, or about the launcher here.

Rule 1: marks are reached by the card, so what is between two of them is the card's time; that holds
as long as the card is never out of work. So it is given a runway before: memory to fill, long
enough for this side to ask for all the rest. Larger than its cache, the runway also leaves nothing
there of the page.
Rule 2: copies before the first kernel and after the last one are left out: the page's own copies
are measured by themselves, and overlap with the pages of others.
"""

import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kernels.gpu import Card, Memory, Stream


class Marked(Stream):
    """A stream with marks.

    Parameters
    ----------
    card
        Of the stream.
    each
        Whether there are marks around every kernel; else only before the first and after the last.
    last
        How many things are asked for besides copies, if that is known.

    Attributes
    ----------
    asked
        So many things were asked for since `begin`, besides copies.
    """

    def __init__(self, card: Card, *, each: bool = False, last: int = 0) -> None:
        super().__init__(card)
        self._on = card
        self._each = each
        self._last = last
        self._is_ready = False
        self._began_s = self._asked_s = 0.0
        self.asked = 0
        self._marks: list[tuple[str, Any]] = []

    def launch(
        self,
        kernel: str,
        grid: tuple[int, ...],
        block: tuple[int, ...],
        *arguments: "Memory | np.generic",
    ) -> None:
        """Run a kernel."""
        self._before("launch" if not self._each else kernel)
        super().launch(kernel, grid, block, *arguments)
        self._after()

    def clear(self, target: Memory, size_bytes: int) -> None:
        """Fill so many bytes with zeros."""
        self._before("clear")
        super().clear(target, size_bytes)
        self._after()

    def _before(self, name: str) -> None:
        self.asked += self._is_ready
        if self._is_ready and (self._each or self.asked == 1):
            self._marks.append((name, self.mark()))

    def _after(self) -> None:
        self._asked_s = time.perf_counter()
        if self._is_ready and (self._each or self.asked == self._last):
            self._marks.append(("", self.mark()))

    def begin(self, runway: Memory, times: int) -> None:
        """Fill memory so many times; from then on what is asked for is marked."""
        for _ in range(times):
            super().clear(runway, runway.size_bytes)
        self._is_ready = True
        self._began_s = self._asked_s = time.perf_counter()

    @property
    def asking_us(self) -> float:
        """Microseconds of this side, from `begin` to the last thing that was asked for."""
        return (self._asked_s - self._began_s) * 1e6

    def spent_us(self) -> list[tuple[str, float]]:
        """Return what was asked for and its microseconds, in order; or all together.

        Only after the stream was waited for.
        """
        pairs = zip(self._marks[::2], self._marks[1::2], strict=False)
        return [(name, self._on.ms_between(one, other) * 1e3) for (name, one), (_, other) in pairs]


class Copies:
    """Copies of one page after another, timed by marks on a stream of their own.

    Parameters
    ----------
    card
        Of the memory.
    """

    def __init__(self, card: Card) -> None:
        self._card = card
        self.stream = card.stream()
        self._began: Any = None
        self._ended: Any = None

    def up(self, targets: list[Memory], sources: list[NDArray[np.uint8]]) -> None:
        """Ask for copies to the card."""
        self._began = self.stream.mark()
        for target, source in zip(targets, sources, strict=True):
            self.stream.upload(target, source)
        self._ended = self.stream.mark()

    def down(self, targets: list[NDArray[np.uint8]], sources: list[Memory]) -> None:
        """Ask for copies from the card."""
        self._began = self.stream.mark()
        for target, source in zip(targets, sources, strict=True):
            self.stream.download(target, source)
        self._ended = self.stream.mark()

    def ms(self) -> float:
        """Stand until they are done, and return their milliseconds."""
        self.stream.wait()
        return self._card.ms_between(self._began, self._ended)
