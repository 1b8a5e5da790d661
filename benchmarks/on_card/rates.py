"""Pages a second by so many threads.

Rule 1: each thread is a worker with a slot or buffers of its own. All work the same pages, which
lie in memory that the card reads by itself, as a scanner's samples do.
"""

import os
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import numpy as np

from benchmarks.on_card.budget import Budget
from benchmarks.on_card.pages import Page
from kernels.gpu import Card
from kernels.raster import SLACK_BYTES, Raster

_MOST_THREADS: Final = 32
_TURN_S: Final = 2.0

Hand = Callable[[Raster], object]
"""Works a page; belongs to one thread."""


def threads() -> list[int]:
    """Return how many threads are tried: 1, 2, 4 and so on, to twice the cores."""
    most = min(2 * (os.cpu_count() or 1), _MOST_THREADS)
    return [*(count for count in (1, 2, 4, 8, 16) if count < most), most]


def pinned(card: Card, pages: Sequence[Page]) -> list[Page]:
    """Return the pages in memory that the card reads by itself."""
    return [Page(page.name, _pinned(card, page.raster)) for page in pages]


def _pinned(card: Card, raster: Raster) -> Raster:
    size = raster.pixels.nbytes
    pixels = card.pinned(size + SLACK_BYTES)[:size].reshape(raster.pixels.shape)
    np.copyto(pixels, raster.pixels)
    return Raster(pixels, raster.dpi)


def rate(hands: Sequence[Hand], pages: Sequence[Page], seconds: float) -> float:
    """Return the pages a second of so many hands, each on a thread of its own.

    Each works every page before the clock runs: its memory grows to what the largest one needs.
    """
    ready = threading.Barrier(len(hands))

    def grow(hand: Hand) -> None:
        for page in pages:
            hand(page.raster)

    def work(number: int) -> float:
        ready.wait()
        began, done = time.perf_counter(), 0
        while not done or time.perf_counter() - began < seconds:
            hands[number](pages[(number + done) % len(pages)].raster)
            done += 1
        return done / (time.perf_counter() - began)

    with ThreadPoolExecutor(len(hands)) as pool:
        list(pool.map(grow, hands))
        return sum(pool.map(work, range(len(hands))))


def fill(hands: list[Hand], count: int, make: Callable[[], Hand], raster: Raster) -> None:
    """Make more hands, one after the other; each works a page."""
    while len(hands) < count:
        made = make()
        made(raster)
        hands.append(made)


def seconds_of(budget: Budget, turns: int, *, small: bool) -> float:
    """Return how long a rate is taken, if so many are to come; no time for a smoke run."""
    return 0.0 if small else min(budget.left_s / max(turns, 1), _TURN_S)


def by(count: int) -> str:
    """Return a number of threads in words."""
    return f"{count} thread{'s' if count > 1 else ''}"
