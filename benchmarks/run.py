"""The harness: warm up, then ours, floors and peers in turn, round after round; a line for each.

    python -m benchmarks.run > benchmarks/results/speed.jsonl

One thread. `median_ms` and `p95_ms` are processor time a page, of the thread and of programs it
starts: what else the machine does does not count. `wall_ms` is the median by the clock.
`ratio` is the median, over the rounds, of this backend's time over the other's in the same round:
below 1 this one is the faster. A peer that is not installed or fails is a line, no failure.
"""

import gc
import math
import resource
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import cv2
import numpy as np

from benchmarks import own, sheets
from benchmarks.case import NOTHING, OURS, Case, Entry, Work
from benchmarks.cases import CASES
from benchmarks.peers import PEERS, NotInstalledError, PeerFailedError
from benchmarks.record import line

_WARM_UPS: Final = 2


class Found:
    """What takes part: ours, and each peer looked for once."""

    def __init__(self) -> None:
        self._loaded: dict[str, Any] = {NOTHING: None}
        self._absent: dict[str, NotInstalledError] = {}

    def take(self, needs: str) -> Any:
        """Return what an entry works with; raises NotInstalledError."""
        if needs in self._absent:
            raise self._absent[needs]
        if needs not in self._loaded:
            try:
                self._loaded[needs] = own.worker() if needs == OURS else PEERS[needs].find()
            except NotInstalledError as error:
                self._absent[needs] = error
                raise
        return self._loaded[needs]

    def versions(self, entries: Sequence[Entry]) -> dict[str, str]:
        """Return the versions of all peers among these."""
        peers = [PEERS[entry.needs] for entry in entries if entry.needs in PEERS]
        told = [peer.versions(self._loaded[peer.name]) for peer in peers]
        return {name: version for one in told for name, version in one.items()}


@dataclass(slots=True)
class Timing:
    """Seconds a page of one backend, one number a round; and its last results, one a page.

    Attributes
    ----------
    failed
        Why it was left out, if it was.
    """

    cpu_s: list[float] = field(default_factory=list)
    wall_s: list[float] = field(default_factory=list)
    results: list[Any] = field(default_factory=list)
    failed: str = ""

    def figures(self) -> dict[str, float]:
        """Return the medians and the 95th percentile."""
        return {
            "median_ms": _ms(float(np.median(self.cpu_s))),
            "p95_ms": _ms(float(np.percentile(self.cpu_s, 95))),
            "wall_ms": _ms(float(np.median(self.wall_s))),
        }

    def over(self, other: "Timing") -> float:
        """Return how many times the other's time this one takes, round by round."""
        ratio = np.median(np.array(self.cpu_s) / np.array(other.cpu_s))
        return _figures(float(ratio), 3)


def _ms(seconds: float) -> float:
    return _figures(seconds * 1e3, 4)


def _figures(value: float, digits: int) -> float:
    """Round to so many significant digits."""
    return round(value, digits - 1 - math.floor(math.log10(value))) if value > 0 else 0.0


def processor_s() -> float:
    """Return the processor time of this thread, and of the programs that ended."""
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.thread_time() + ended.ru_utime + ended.ru_stime


def measure(works: Sequence[Mapping[str, Work]], rounds: int) -> dict[str, Timing]:
    """Time backends in turn.

    Parameters
    ----------
    works
        For each page the work of each backend, warmed up; the same backends for all.
    rounds
        How often each does each page. Every round begins with another one. A peer that fails once
        is left out from then on.
    """
    timings = {name: Timing(results=[None] * len(works)) for name in works[0]}
    for turn in range(rounds):
        names = [name for name, timing in timings.items() if not timing.failed]
        spent = {name: [0.0, 0.0] for name in names}
        for page, work in enumerate(works):
            for name in names[turn % len(names) :] + names[: turn % len(names)]:
                _once(work[name], timings[name], page, spent[name])
        for name, (cpu_s, wall_s) in spent.items():
            timings[name].cpu_s.append(cpu_s / len(works))
            timings[name].wall_s.append(wall_s / len(works))
    return timings


def _once(work: Work, timing: Timing, page: int, spent: list[float]) -> None:
    start, start_cpu = time.perf_counter(), processor_s()
    try:
        timing.results[page] = work()
    except PeerFailedError as error:
        timing.failed = timing.failed or str(error)
    spent[0] += processor_s() - start_cpu
    spent[1] += time.perf_counter() - start


def lines(
    case: Case, found: Found, shelf: sheets.Shelf, rounds: int | None = None
) -> Iterator[str]:
    """Give the lines of a case; first those of peers that are left out.

    Parameters
    ----------
    rounds
        Instead of the case's own.
    """
    pages = [shelf[key] for key in case.sheets]
    works: list[dict[str, Work]] = [{} for _ in pages]
    present = []
    for entry in case.everyone:
        try:
            ready = _warmed(entry, found, pages)
        except (NotInstalledError, PeerFailedError) as error:
            if entry.needs == OURS:
                raise
            yield _left_out(case, entry, str(error))
            continue
        present.append(entry)
        for work, one in zip(works, ready, strict=True):
            work[entry.backend] = one
    timings = _quietly(lambda: measure(works, rounds or case.rounds))
    for entry in [entry for entry in present if timings[entry.backend].failed]:
        yield _left_out(case, entry, timings[entry.backend].failed)
        present.remove(entry)
    for entry in present:
        yield _line(case, entry, present, timings, found, pages)


def _warmed(entry: Entry, found: Found, pages: Sequence[sheets.Sheet]) -> list[Work]:
    library = found.take(entry.needs)
    works = [entry.prepare(library, page) for page in pages]
    for _ in range(0 if entry.whole_program else _WARM_UPS):
        for work in works:
            work()
    return works


def _quietly(work: Callable[[], dict[str, Timing]]) -> dict[str, Timing]:
    """Do the work without the collector of garbage in between."""
    gc.collect()
    gc.disable()
    try:
        return work()
    finally:
        gc.enable()


def _left_out(case: Case, entry: Entry, why: str) -> str:
    print(f"left out: {case.name}: {entry.backend}: {why}", file=sys.stderr)
    return line(case.name, peer=entry.backend, skipped=why)


def _line(
    case: Case,
    entry: Entry,
    present: Sequence[Entry],
    timings: Mapping[str, Timing],
    found: Found,
    pages: Sequence[sheets.Sheet],
) -> str:
    mine = timings[entry.backend]
    others = [
        other.backend
        for other in present
        if other is not entry and (entry.role == "ours" or other.role != "peer")
    ]
    figures: dict[str, Any] = mine.figures()
    figures["ratio"] = {other: mine.over(timings[other]) for other in others}
    figures["rounds"] = len(mine.cpu_s)
    figures["pages"] = list(case.sheets)
    figures["bytes"] = case.reads(pages[0]).nbytes
    if entry.does:
        figures["does"] = entry.does
    if entry.role != "floor":
        judged = [
            case.judge(page, result) for page, result in zip(pages, mine.results, strict=True)
        ]
        figures |= {name: [one[name] for one in judged] for name in judged[0]}
    return line(case.name, backend=entry.backend, also=found.versions(present), **figures)


def main() -> None:
    cv2.setNumThreads(1)
    found, shelf = Found(), sheets.lazily()
    for case in CASES:
        for one in lines(case, found, shelf):
            print(one, flush=True)


if __name__ == "__main__":
    main()
