"""Whether the card gives the bytes of the twins, page by page and kernel by kernel.

Rule 1: a page whose decoded pixels are not those that the committed texts were made of, because
another libjpeg decoded it, is compared with the twins run here; so is one that has no texts.
Rule 2: several pages are worked at a time, each in a slot of its own, as the product does it; and a
slot works page after page, so what a kernel forgets to write is what the page before left there.
"""

import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

from benchmarks.on_card import expected
from benchmarks.on_card.budget import Budget
from benchmarks.on_card.expected import Facts
from benchmarks.on_card.hands import Hands, on_card, twins
from benchmarks.on_card.pages import Page
from benchmarks.on_card.table import Row, left_out
from kernels.cuda.turns import Turns
from kernels.gpu import Card

CASE: Final = "equality"
AT_A_TIME: Final = 4
_NOT_COMPARED: Final = "not compared"


@dataclass(frozen=True, slots=True)
class Compared:
    """A page that was compared.

    Attributes
    ----------
    with_twins
        With the twins run here, not with the committed texts.
    differs
        The results that are not equal.
    results
        How many there are.
    """

    page: str
    with_twins: bool
    differs: tuple[str, ...]
    results: int


class Twins:
    """The twins on this machine: one page at a time, in one worker's buffers."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._hands = twins()

    def facts(self, page: Page) -> Facts:
        """Return what they make of a page."""
        with self._lock:
            return expected.facts(page, self._hands)


def compare(page: Page, hands: Hands, known: Mapping[str, Facts], here: Twins) -> Compared:
    """Compare what some hands make of a page with what it is to be.

    Parameters
    ----------
    known
        The committed texts, by page.
    here
        Asked where there are none of that page.
    """
    found = expected.facts(page, hands)
    wanted = known.get(page.name, {})
    with_twins = wanted.get(expected.PIXELS) != found[expected.PIXELS]
    if with_twins:
        wanted = here.facts(page)
    names = [*wanted, *(name for name in found if name not in wanted)]
    differs = tuple(name for name in names if wanted.get(name) != found.get(name))
    return Compared(page.name, with_twins, differs, len(names))


def rows(
    workers: Sequence[Hands],
    pages: Sequence[Page],
    known: Mapping[str, Facts],
    budget: Budget,
    title: str,
) -> Iterator[Row]:
    """Give a row for all pages together, and one for each that differs.

    Parameters
    ----------
    workers
        Each works on a thread of its own, see `several`.
    title
        What the pages are.
    """
    done = [one for one in _all(workers, pages, known, budget) if one is not None]
    for one in (one for one in done if one.differs):
        yield row_of(one)
    if not done:
        yield left_out(CASE, title, _NOT_COMPARED)
        return
    missing = len(pages) - len(done)
    beside = [f"{sum(one.results for one in done)} results"]
    by_twins = [one.page for one in done if one.with_twins]
    if by_twins:
        beside.append(f"{len(by_twins)} against the twins run here")
    if missing:
        beside.append(f"{missing} pages left out: no time")
    yield Row(
        CASE,
        title,
        float(sum(not one.differs for one in done)),
        f"of {len(done)} pages equal",
        ", ".join(beside),
        figures={"pages": len(done), "against_twins_here": by_twins},
    )


def row_of(one: Compared) -> Row:
    """Return the row of one page."""
    equal, unit = float(one.results - len(one.differs)), f"of {one.results} results equal"
    if not one.differs:
        return Row(CASE, one.page, equal, unit)
    names = ", ".join(one.differs)
    return Row(CASE, one.page, equal, unit, f"DIFFERS: {names}", figures={"differs": one.differs})


def is_broken(row: Row) -> bool:
    """Whether a row says that something is not equal."""
    return "differs" in row.figures


def several(card: Card, count: int) -> list[Hands]:
    """Return so many workers on one card."""
    turns = Turns(card)
    return [on_card(card, turns) for _ in range(count)]


def _all(
    workers: Sequence[Hands], pages: Sequence[Page], known: Mapping[str, Facts], budget: Budget
) -> list[Compared | None]:
    here = Twins()

    def some(first: int) -> list[Compared | None]:
        mine = pages[first :: len(workers)]
        return [
            None if budget.is_spent else compare(page, workers[first], known, here) for page in mine
        ]

    with ThreadPoolExecutor(len(workers)) as pool:
        return [one for found in pool.map(some, range(len(workers))) for one in found]
