"""The graphics card: equality with the CPU, the two ceilings, each kernel, peers, pages a second.

    python -m benchmarks.gpu --out benchmarks/results/gpu-CARD.jsonl

runs on a machine with a card, for seven minutes at most: a JSON line a figure, and a table at the
end. It needs NumPy, numba, OpenCV, CuPy and the compiled kernels (`make cubins`). Other options:

    --pages DIR       images to work, instead of ../shared/data; without either, pages are drawn
    --seconds N       another budget; what it was too short for is named
    --small           a smoke run: a few small pages, no figure means anything
    --emulated        on the tests' card of software, as a smoke run
    --expect FILE     other texts than benchmarks/results/gpu-expected.json to compare pages with
    --subset DIR      copy pages that are not too much to carry to such a machine, and end
    --make-expected   have the numba twins make the file of --expect, and end

    compute-sanitizer python -m benchmarks.gpu --one-small-page

runs every kernel on one small page and compares: for a tool that watches each access to memory.

Without a card it says so, compares the kernels on the tests' emulator, and ends well. It ends with
status 1 only where anything differs or the card fails.
"""

import argparse
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Final

from benchmarks import record
from benchmarks.on_card import (
    ceilings,
    emulated,
    equality,
    expected,
    pages,
    peers,
    pipeline,
    rates,
    stage_times,
    straight,
    together,
)
from benchmarks.on_card.budget import Budget
from benchmarks.on_card.hands import twins
from benchmarks.on_card.pages import Page
from benchmarks.on_card.table import Row, left_out, table
from kernels.choice import choose
from kernels.gpu import Card, DeviceFailed, DeviceUnavailable, first_card

_SECONDS: Final = 420.0
_SMALL_SECONDS: Final = 20.0
_CARD: Final = "the card"
_IN_TURN: Final = 8
"""Pages, so that the card's cache does not hold what it worked last."""
_SMALL_PX: Final = (240, 170)
_SMALL_DRAWN: Final = 2
_KNOWN_DRAWN: Final = 4
_ODD_SEED: Final = 1


@dataclass(slots=True)
class Report:
    """Lines as they come, and the table at the end.

    Attributes
    ----------
    rows
        All so far.
    about
        What stands in each line: the card and its driver.
    """

    out: IO[str]
    rows: list[Row] = field(default_factory=list)
    about: dict[str, str] = field(default_factory=dict)

    def take(self, rows: Iterable[Row]) -> None:
        """Write a line for each row."""
        for row in rows:
            self.rows.append(row)
            libraries = (*record.LIBRARIES, *peers.LIBRARIES)
            one = record.line(row.case, also=self.about, libraries=libraries, **row.line)
            print(one, file=self.out, flush=True)

    @property
    def is_broken(self) -> bool:
        """Whether anything differs, or the card failed."""
        return any(equality.is_broken(row) for row in self.rows)


@dataclass(frozen=True, slots=True)
class Run:
    """What is asked for, and the time that is left for it."""

    card: Card
    pages: Sequence[Page]
    whole: Sequence[Page]
    known: dict[str, expected.Facts]
    budget: Budget
    small: bool


def parts(run: Run) -> Iterator[Callable[[], Iterable[Row]]]:
    """Give all that is measured, in this order; the last ones are those that can be spared."""
    card, budget, small = run.card, run.budget, run.small
    at_a_time = 1 if small else equality.AT_A_TIME
    found: list[ceilings.Ceilings] = []
    whole: list[Page] = []

    def ceilings_first() -> list[Row]:
        rows, limits = ceilings.measure(card, budget.part(0.04), small=small)
        found.append(limits)
        whole.extend(rates.pinned(card, run.whole))
        return rows

    def fresh() -> Iterator[Row]:
        seed, part = int(time.time()), budget.part(0.05)
        return equality.rows(
            equality.several(card, at_a_time),
            pages.odd(seed),
            {},
            part,
            f"fresh small pages, seed {seed}",
        )

    yield ceilings_first
    yield lambda: equality.rows(
        equality.several(card, at_a_time), run.pages, run.known, budget.part(0.2), "pages"
    )
    yield lambda: stage_times.measure(card, whole, found[0], budget.part(0.15), small=small)
    yield lambda: straight.measure(card, whole, found[0], budget.part(0.1), small=small)
    yield lambda: together.measure(card, whole, found[0], budget.part(0.06), small=small)
    # The CPU's kernels are compiled where they are first needed: here, mostly.
    yield lambda: pipeline.product(card, choose("cpu"), whole, budget.part(0.3), small=small)
    yield lambda: peers.measure(card, whole, budget.part(0.1), small=small)
    yield fresh


def measure(run: Run, report: Report) -> None:
    """Measure all there is time for."""
    for part in parts(run):
        try:
            report.take(part())
        except DeviceFailed as error:
            report.take([_failed(error)])
            return


def _failed(error: DeviceFailed) -> Row:
    told = " ".join(str(error).split())
    return Row(_CARD, "failed", 0.0, "", f"FAILED: {told}", figures={"differs": [told]})


def about(card: Card) -> dict[str, str]:
    """Return the card, its compute capability, and the versions of driver and CUDA."""
    told = {"card": card.name, "compute capability": ".".join(map(str, card.capability))}
    runtime = card.cupy.cuda.runtime
    for name, ask in (("driver takes CUDA", "driverGetVersion"), ("CUDA", "runtimeGetVersion")):
        if hasattr(runtime, ask):
            number = getattr(runtime, ask)()
            told[name] = f"{number // 1000}.{number % 1000 // 10}"
    return told


def without_card(report: Report, why: str, known: Mapping[str, expected.Facts]) -> None:
    """Say so, and compare the kernels with their twins on the emulator."""
    print(f"no card: {why}", file=sys.stderr)
    report.take([left_out(_CARD, "all that needs one", why)])
    try:
        card = emulated.card()
    except emulated.EmulatorAbsent as error:
        report.take([left_out(equality.CASE, "on the emulator", str(error))])
        return
    report.about = about(card)
    title = "small pages, on the emulator"
    report.take(
        equality.rows(
            equality.several(card, 1), pages.odd(_ODD_SEED), known, Budget(_SECONDS), title
        )
    )


def one_small_page(card: Card, report: Report, known: Mapping[str, expected.Facts]) -> None:
    """Run every kernel on one page, in colour and in gray."""
    (page,) = pages.drawn(1, _SMALL_PX)
    done = equality.compare(page, equality.several(card, 1)[0], known, equality.Twins())
    report.take([equality.row_of(done)])


def _files(wanted: argparse.Namespace) -> list[Path]:
    if wanted.pages is not None:
        found = pages.files([wanted.pages])
        if not found:
            raise SystemExit(f"no images in {wanted.pages.name}")
        return found
    return [] if wanted.small or wanted.emulated else pages.files(pages.FOLDERS)


def _run(card: Card, wanted: argparse.Namespace) -> Run:
    loaded = list(pages.load(_files(wanted)))
    small = wanted.small or wanted.emulated
    drawn = pages.drawn(_SMALL_DRAWN, _SMALL_PX) if small else pages.drawn(_IN_TURN)
    whole = pages.whole(loaded)
    if small or len(whole) < _IN_TURN:
        whole = drawn
    every = [*loaded, *pages.odd(_ODD_SEED), *drawn[: None if small else _KNOWN_DRAWN]]
    budget = Budget(wanted.seconds or (_SMALL_SECONDS if small else _SECONDS))
    known = expected.read(wanted.expect)
    return Run(card, every, whole[:_IN_TURN], known, budget, small)


def make_expected(paths: Sequence[Path], target: Path) -> None:
    """Have the twins write what each kernel is to make of the pages, and of the drawn ones."""
    hands = twins()
    drawn = *pages.drawn(_KNOWN_DRAWN), *pages.drawn(_SMALL_DRAWN, _SMALL_PX)
    made = [*pages.odd(_ODD_SEED), *drawn]
    facts = {page.name: expected.facts(page, hands) for page in made}
    facts |= {page.name: expected.facts(page, hands) for page in pages.load(paths)}
    expected.write(target, facts)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.gpu",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--pages", type=Path, metavar="DIR", help="images to work")
    parser.add_argument("--out", type=Path, metavar="FILE", help="JSON lines; else to stdout")
    parser.add_argument("--seconds", type=float, metavar="N", help=f"budget; {_SECONDS:.0f}")
    parser.add_argument("--small", action="store_true", help="a smoke run")
    parser.add_argument("--emulated", action="store_true", help="on a card of software")
    parser.add_argument("--expect", type=Path, default=expected.FILE, metavar="FILE")
    only = parser.add_mutually_exclusive_group()
    only.add_argument("--subset", type=Path, metavar="DIR", help="copy pages to carry")
    only.add_argument("--make-expected", action="store_true", help="by the numba twins")
    only.add_argument("--one-small-page", action="store_true", help="for compute-sanitizer")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what is asked for; return 1 where anything differs or the card fails, else 0."""
    wanted = _parser().parse_args(arguments)
    if wanted.subset is not None:
        copied = pages.carry(_files(wanted), wanted.subset)
        print(f"{len(copied)} pages, {sum(one.stat().st_size for one in copied)} bytes")
        return 0
    if wanted.make_expected:
        make_expected(_files(wanted), wanted.expect)
        return 0
    if wanted.out is None:
        return _measured(wanted, sys.stdout, sys.stderr)
    with wanted.out.open("w", encoding="utf-8") as lines:
        return _measured(wanted, lines, sys.stdout)


def _measured(wanted: argparse.Namespace, lines: IO[str], told: IO[str]) -> int:
    report = Report(lines)
    try:
        card = emulated.card() if wanted.emulated else first_card()
    except DeviceUnavailable as error:
        without_card(report, str(error), expected.read(wanted.expect))
    else:
        report.about = about(card)
        if wanted.one_small_page:
            one_small_page(card, report, expected.read(wanted.expect))
        else:
            measure(_run(card, wanted), report)
    print(table(report.rows), file=told, flush=True)
    return 1 if report.is_broken else 0


if __name__ == "__main__":
    sys.exit(main())
