"""Whether the coder of black and white pages gains by several pages in one launch.

A thread codes a row, and a page has too few rows to fill a large card. Pages in flight by turns
fill it as well; what is measured here is which way brings more pages a second, all copies and all
asking included. Rows are coded each against the one above it in the source, so k pages in one
launch are, for the kernels, a page k times as high.
"""

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np

from benchmarks.on_card.budget import Budget
from benchmarks.on_card.ceilings import Ceilings
from benchmarks.on_card.pages import Page, page
from benchmarks.on_card.pipeline import Hand, pinned, rate, threads
from benchmarks.on_card.table import Row, digits, left_out
from kernels.cuda import g4
from kernels.cuda.slot import Slot
from kernels.cuda.turns import Turns
from kernels.g4 import bilevel
from kernels.gpu import Card, DeviceFailed
from kernels.raster import Raster

CASE: Final = "G4, black and white pages up, coded, down: by turns, or several in a launch"
_IN_A_LAUNCH: Final = (1, 4, 8)
_MOST_THREADS: Final = 8
_TURN_S: Final = 1.0


def measure(
    card: Card, pages: Sequence[Page], ceilings: Ceilings, budget: Budget, *, small: bool
) -> Iterator[Row]:
    """Give a row for each number of pages in a launch and each number of threads.

    Parameters
    ----------
    pages
        In colour, of one size.
    """
    black = [_black(one) for one in pages]
    limit = ceilings.pages_per_s(black[0].raster.pixels.nbytes)
    counts = [count for count in threads() if count <= (2 if small else _MOST_THREADS)]
    for in_a_launch in _IN_A_LAUNCH:
        tall = pinned(card, [_one_below_the_other(black, k, in_a_launch) for k in range(2)])
        turns = Turns(card)
        hands: list[Hand] = []
        for count in counts:
            what = f"{in_a_launch} a launch, {count} thread{'s' if count > 1 else ''}"
            if budget.is_spent and not small:
                yield left_out(CASE, what, "no time")
                continue
            try:
                while len(hands) < count:
                    hands.append(_hand(Slot(card, turns)))
                found = in_a_launch * rate(hands, tall, 0.0 if small else _TURN_S)
            except DeviceFailed as error:
                yield left_out(CASE, what, str(error))
                continue
            share = found / limit
            beside = f"{100 * share:.0f} % of the pinned upload limit of {limit:.0f}"
            figures = {"in_a_launch": in_a_launch, "threads": count}
            yield Row(CASE, what, digits(found), "pages/s", beside, "", figures)


def _black(one: Page) -> Page:
    gray = page(one.name, np.ascontiguousarray(one.raster.pixels[..., 1]), one.raster.dpi)
    return page(one.name, bilevel(gray.raster).pixels, one.raster.dpi)


def _one_below_the_other(pages: Sequence[Page], first: int, count: int) -> Page:
    chosen = [pages[(first + k) % len(pages)].raster for k in range(count)]
    return page("together", np.concatenate([one.pixels for one in chosen]), chosen[0].dpi)


def _hand(slot: Slot) -> Hand:
    def work(raster: Raster) -> bytes:
        slot.begin()
        return g4.file(raster, slot)

    return work
