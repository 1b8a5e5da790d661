"""Pages a second of the card alone: up, first pass, skew, turn, JPEG, down; nobody looks at them.

By one thread with several pages on the card at a time, which shows what link and card can do; and
by several threads, each with a page of its own, which shows what they cost one another.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from benchmarks.on_card.budget import Budget
from benchmarks.on_card.ceilings import Ceilings
from benchmarks.on_card.in_flight import rate_in_flight
from benchmarks.on_card.pages import Page
from benchmarks.on_card.rates import Hand, by, fill, rate, seconds_of, threads
from benchmarks.on_card.table import Row, digits, goal, left_out
from kernels.cuda import chain, jpeg
from kernels.cuda.slot import Slot
from kernels.cuda.turns import Turns
from kernels.gpu import Card, DeviceFailed
from kernels.raster import Raster

CASE: Final = "whole colour pages, the card alone"
_IN_FLIGHT: Final = (2, 3, 4)
_GOAL: Final = 0.7


def measure(
    card: Card, pages: Sequence[Page], ceilings: Ceilings, budget: Budget, *, small: bool
) -> Iterator[Row]:
    """Give a row for each number of pages in flight, and of threads: the card alone.

    Parameters
    ----------
    pages
        In colour, of one size, see `pinned`.
    """
    limit = ceilings.pages_per_s(pages[0].raster.pixels.nbytes)
    best = 0.0, ""
    for what, found, figures in _rates(card, pages, budget, small=small):
        if isinstance(found, str):
            yield left_out(CASE, what, found)
            continue
        best = max(best, (found / limit, what))
        beside = f"{100 * found / limit:.0f} % of the pinned upload limit of {limit:.0f}"
        told = {**figures, "of_upload": digits(found / limit, 3)}
        yield Row(CASE, what, digits(found), "pages/s", beside, "", told)
    share, what = best
    met = goal(f">= {100 * _GOAL:.0f} %", met=share >= _GOAL)
    yield Row(CASE, "of the upload limit, at best", digits(100 * share, 3), "%", what, met)


Rate = tuple[str, float | str, Mapping[str, int]]
"""By what, pages a second or why it was left out, and in numbers by what."""


def _rates(card: Card, pages: Sequence[Page], budget: Budget, *, small: bool) -> Iterator[Rate]:
    counts = threads()[:2] if small else threads()
    left = len(_IN_FLIGHT) + len(counts)
    most = max(_IN_FLIGHT)
    shared = Turns(card, most)
    slots = [Slot(card, shared) for _ in range(most)]
    for count in _IN_FLIGHT:
        what, figures = f"1 thread, {count} in flight", {"threads": 1, "in_flight": count}
        seconds = seconds_of(budget, left, small=small)
        yield what, rate_in_flight(slots[:count], pages, _ask_straight, seconds), figures
        left -= 1
    turns = Turns(card)
    hands: list[Hand] = []
    for count in counts:
        figures = {"threads": count}
        if budget.is_spent and not small:
            yield by(count), "no time", figures
            continue
        try:
            fill(hands, count, lambda: _hand(Slot(card, turns)), pages[0].raster)
            found = rate(hands, pages, seconds_of(budget, left, small=small))
        except DeviceFailed as error:  # it may have no memory for so many
            yield by(count), str(error), figures
            continue
        left -= 1
        yield by(count), found, figures


def _ask_straight(raster: Raster, slot: Slot) -> Callable[[], bytes]:
    coded = chain.ask(raster, slot)
    return lambda: jpeg.collect(coded, slot)


def _hand(slot: Slot) -> Hand:
    return lambda raster: chain.straight_jpeg(raster, slot)
