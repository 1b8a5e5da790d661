"""Pages of one thread, several of them on the card at a time.

So nothing is measured but the link and the card: threads of Python besides wait for each other, as
the interpreter runs one of them at a time.
"""

import itertools
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack

from benchmarks.on_card.pages import Page
from kernels.cuda.slot import Slot
from kernels.raster import Raster

Ask = Callable[[Raster, Slot], Callable[[], bytes]]
"""Asks for a page, in the slot's turn, and returns what waits for it and gives its file."""


def in_flight(rasters: Iterable[Raster], slots: Sequence[Slot], ask: Ask) -> Iterator[bytes]:
    """Give the file of each page, in order: as many are on the card as there are slots.

    Parameters
    ----------
    slots
        Of one card, with turns for all of them at a time.
    """
    under_way: deque[tuple[ExitStack, Callable[[], bytes]]] = deque()
    try:
        for number, raster in enumerate(rasters):
            if len(under_way) == len(slots):
                yield _file(*under_way.popleft())
            slot = slots[number % len(slots)]
            slot.begin()
            with ExitStack() as turn:
                turn.enter_context(slot.turn())
                take = ask(raster, slot)
                under_way.append((turn.pop_all(), take))
        while under_way:
            yield _file(*under_way.popleft())
    finally:
        for turn, _ in under_way:
            turn.close()


def _file(turn: ExitStack, take: Callable[[], bytes]) -> bytes:
    with turn:
        return take()


def rate_in_flight(slots: Sequence[Slot], pages: Sequence[Page], ask: Ask, seconds: float) -> float:
    """Return the pages a second of one thread that has a page on the card in each slot.

    Every slot works every page before the clock runs.
    """
    rasters = [page.raster for page in pages]
    for _ in in_flight([raster for raster in rasters for _ in slots], slots, ask):
        pass
    began, done = time.perf_counter(), 0
    for _ in in_flight(_until(rasters, began + seconds), slots, ask):
        done += 1
    return done / (time.perf_counter() - began)


def _until(rasters: Sequence[Raster], end: float) -> Iterator[Raster]:
    """Give all, again and again until the time has come; each once in any case."""
    yield from rasters
    for raster in itertools.cycle(rasters):
        if time.perf_counter() >= end:
            return
        yield raster
