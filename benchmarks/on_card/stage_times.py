"""What each stage of a page takes on the card alone, and each of its kernels.

Several pages are worked in turn, each in a slot of its own. See `marked` for how the time is taken.
"""

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Final

from benchmarks.on_card.budget import Budget, in_turn, median
from benchmarks.on_card.ceilings import Ceilings
from benchmarks.on_card.marked import Marked
from benchmarks.on_card.pages import Page
from benchmarks.on_card.stages import STAGES, Bench, Stage, benches
from benchmarks.on_card.table import Row, digits
from kernels.gpu import Card

CASE: Final = "stages, on the card alone"
KERNELS: Final = "kernels"
_RUNWAY_BYTES: Final = 1 << 28
_SMALL_RUNWAY_BYTES: Final = 1 << 12
_MOST_RUNS: Final = 64
_LONGER: Final = 2.0
"""Times that the runway is longer than this side took to ask."""


class Timer:
    """Times stages.

    Parameters
    ----------
    card
        Where they run.
    small
        A short runway: only to see that it goes.
    """

    def __init__(self, card: Card, *, small: bool) -> None:
        self._card = card
        self._runway = card.memory(_SMALL_RUNWAY_BYTES if small else _RUNWAY_BYTES)
        self._run_us = self._measured_run_us()

    def _measured_run_us(self) -> float:
        stream = self._card.stream()
        spent = []
        for _ in range(3):
            began = stream.mark()
            stream.clear(self._runway, self._runway.size_bytes)
            ended = stream.mark()
            stream.wait()
            spent.append(self._card.ms_between(began, ended) * 1e3)
        return max(median(spent), 1.0)

    def once(
        self, stage: Stage, bench: Bench, *, each: bool, asking_us: float, last: int
    ) -> Marked:
        """Return the stream that a stage of a page was asked of, with its times.

        Parameters
        ----------
        each
            Kernel by kernel.
        asking_us
            How long the asking may take: as long is the runway, and longer.
        last
            How many things are asked for.
        """
        marked = Marked(self._card, each=each, last=last)
        own, bench.slot.stream = bench.slot.stream, marked
        runs = min(max(math.ceil(_LONGER * asking_us / self._run_us), 1), _MOST_RUNS)
        try:
            stage.ask(bench, lambda: marked.begin(self._runway, runs))
        finally:
            bench.slot.stream = own
        return marked


def measure(
    card: Card, pages: Sequence[Page], ceilings: Ceilings, budget: Budget, *, small: bool
) -> Iterator[Row]:
    """Give a row for each stage, then one for each of its kernels.

    Parameters
    ----------
    pages
        In colour, of one size.
    """
    timer = Timer(card, small=small)
    laid = benches(card, pages)
    kernels: list[Row] = []
    for stage in STAGES:
        part = budget.part(1 / len(STAGES))
        # Once without times: all memory is there after it, and how much is asked for is known.
        warm = [timer.once(stage, one, each=False, asking_us=0.0, last=0) for one in laid]
        last, asking_us = warm[0].asked, median([one.asking_us for one in warm])
        whole, asking = [], []
        for k in in_turn(part.part(0.7), len(laid), least=1 if small else 3):
            once = timer.once(stage, laid[k], each=False, asking_us=asking_us, last=last)
            whole.append(once.spent_us()[0][1])
            asking.append(once.asking_us)
        yield _row(stage, laid, whole, asking, ceilings)
        spent: dict[str, list[float]] = defaultdict(list)
        for k in in_turn(part, len(laid), least=1):
            once = timer.once(stage, laid[k], each=True, asking_us=2 * asking_us, last=last)
            for number, (name, us) in enumerate(once.spent_us()):
                spent[f"{stage.name}: {number + 1} {name}"].append(us)
        kernels += [Row(KERNELS, name, digits(median(us), 3), "us") for name, us in spent.items()]
    yield from kernels


def _row(
    stage: Stage,
    laid: Sequence[Bench],
    whole: list[float],
    asking: list[float],
    ceilings: Ceilings,
) -> Row:
    us = median(whole)
    moved = median([float(stage.least_bytes(bench)) for bench in laid])
    floor = ceilings.floor_us(int(moved))
    return Row(
        CASE,
        stage.name,
        digits(us),
        "us",
        f"{us / floor:.1f} x its floor of {floor:.1f} us",
        stage.within(us, floor) if stage.within else "",
        {
            "p95_us": digits(sorted(whole)[min(len(whole) * 95 // 100, len(whole) - 1)]),
            "asking_us": digits(median(asking)),
            "floor_us": digits(floor),
            "least_bytes": int(moved),
            "rounds": len(whole),
            "pages": len(laid),
        },
    )
