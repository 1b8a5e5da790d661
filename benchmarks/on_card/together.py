"""Whether the coder of black and white pages gains by several pages in one launch.

A thread codes a row, and a page has too few rows to fill a large card. Pages in flight by turns
fill it as well: which of the two ways brings more pages a second, copies and asking included, by
one thread. Rows are coded each against the one above it in the source, so k pages in one launch
are, for the kernels, a page k times as high.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Final

import numpy as np

from benchmarks.on_card.budget import Budget
from benchmarks.on_card.ceilings import Ceilings
from benchmarks.on_card.in_flight import rate_in_flight
from benchmarks.on_card.pages import Page, page
from benchmarks.on_card.rates import pinned, seconds_of
from benchmarks.on_card.table import Row, digits
from kernels.cuda import g4
from kernels.cuda.sized import take
from kernels.cuda.slot import Slot
from kernels.cuda.turns import Turns
from kernels.g4 import bilevel
from kernels.gpu import Card
from kernels.raster import Raster

CASE: Final = "G4, black and white pages up, coded, down: in flight, or several in a launch"
_WAYS: Final = ((1, 1), (1, 2), (1, 3), (1, 4), (2, 2), (4, 1), (4, 2))
"""Pages in a launch, and launches in flight."""
_MOST_IN_FLIGHT: Final = 4


def measure(
    card: Card, pages: Sequence[Page], ceilings: Ceilings, budget: Budget, *, small: bool
) -> Iterator[Row]:
    """Give a row for each way.

    Parameters
    ----------
    pages
        In colour, of one size.
    """
    black = [_black(one) for one in pages]
    limit = ceilings.pages_per_s(black[0].raster.pixels.nbytes)
    turns = Turns(card, _MOST_IN_FLIGHT)
    slots = [Slot(card, turns) for _ in range(_MOST_IN_FLIGHT)]
    for number, (together, at_a_time) in enumerate(_WAYS):
        tall = pinned(card, [_one_below_the_other(black, k, together) for k in range(2)])
        seconds = seconds_of(budget, len(_WAYS) - number, small=small)
        found = together * rate_in_flight(slots[:at_a_time], tall, _ask, seconds)
        beside = f"{100 * found / limit:.0f} % of the pinned upload limit of {limit:.0f}"
        figures = {"in_a_launch": together, "in_flight": at_a_time}
        what = f"{together} in a launch, {at_a_time} in flight"
        yield Row(CASE, what, digits(found), "pages/s", beside, "", figures)


def _black(one: Page) -> Page:
    gray = page(one.name, np.ascontiguousarray(one.raster.pixels[..., 1]), one.raster.dpi)
    return page(one.name, bilevel(gray.raster).pixels, one.raster.dpi)


def _one_below_the_other(pages: Sequence[Page], first: int, count: int) -> Page:
    chosen = [pages[(first + k) % len(pages)].raster for k in range(count)]
    return page("together", np.concatenate([one.pixels for one in chosen]), chosen[0].dpi)


def _ask(raster: Raster, slot: Slot) -> Callable[[], bytes]:
    coded = g4.enqueue(raster, slot)
    return lambda: take(coded, slot).tobytes()
