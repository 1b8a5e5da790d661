"""Every fault of the script, at every moment of a batch, through the real rooms to the journal.

    python -m tests.feeder.sweep --help

One run is a stack of marked sheets, one thing that goes wrong, hands that do what the feeder asks
of them, and then the account: every sheet at the court once and in order, every face with one fate,
and no cause that the fault does not explain. Nothing is timed and nobody waits: the pauses of the
driver are set to nothing.
"""

import argparse
import itertools
import json
import multiprocessing
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from daemon.feeder.emulator import Emulator, Fault, FaultKind, LinkFault, LinkFaultKind
from daemon.feeder.fi.envelope import COMMAND_BLOCK_BYTES
from daemon.feeder.hopper import Hopper
from daemon.feeder.loopback import LoopbackBackend
from daemon.feeder.scanner import Scanner
from daemon.feeder.settings import Mode, Settings
from daemon.pipeline import face
from tests.feeder import tiles
from tests.feeder.hall import Hall, without_pauses
from tests.feeder.umockdev.hands import Hands

SHEETS = 50
SMALL = Settings(dpi=200, mode=Mode.GRAY, paper_units=tiles.PAPER_UNITS)
FULL = Settings(dpi=300, mode=Mode.COLOUR)
COVER = "cover at a command"
_TURNS = 4000
# What a fault may be called. Silence at one moment may look like a missing status at the next, but
# never like paper, and paper never like a cable.
CAUSES = {
    LinkFaultKind.UNPLUG: {"link_lost"},
    LinkFaultKind.STALL: {"link_stall"},
    LinkFaultKind.TIMEOUT: {"link_timeout"},
    LinkFaultKind.HANG: {"link_timeout"},
    LinkFaultKind.SHORT_DATA: {"protocol"},
    LinkFaultKind.GARBAGE_STATUS: {"protocol"},
    LinkFaultKind.SENSE_RESIDUE: {"protocol"},
    LinkFaultKind.BUSY_STORM: set(),
    LinkFaultKind.NO_DATA_YET: set(),
    LinkFaultKind.SLEEP: set(),
    LinkFaultKind.RESET: {"protocol", "link_timeout"},  # in a transfer its answer never comes
    LinkFaultKind.POWER_CYCLE: {"link_lost", "protocol"},
    FaultKind.JAM: {"paper_jam"},
    FaultKind.DOUBLE_FEED: {"double_feed"},
    FaultKind.SKEWED: {"paper_refused"},
    FaultKind.PAPER_REFUSED: {"paper_refused"},
    FaultKind.COVER_OPEN: {"cover_open"},
    FaultKind.STOP_BUTTON: {"stopped_by_operator"},
    FaultKind.OPTICAL: {"hardware"},
    FaultKind.UNPLUG: {"link_lost"},
    FaultKind.BUSY: set(),
    FaultKind.EMPTY: set(),
    COVER: {"cover_open"},
}


@dataclass(frozen=True)
class Injection:
    """One thing that goes wrong: a row of the script, or hands at the cover before a command."""

    link: LinkFault | None = None
    paper: Fault | None = None
    cover_at: int | None = None

    @property
    def kind(self):
        if self.cover_at is not None:
            return COVER
        return self.link.kind if self.link else self.paper.kind if self.paper else None


@dataclass
class Outcome:
    """What one run came to."""

    injection: Injection
    causes: Counter = field(default_factory=Counter)
    fates: Counter = field(default_factory=Counter)
    problems: list = field(default_factory=list)
    commands: int = 0
    moved_bytes: int = 0


def run(injection, folder, kernels, *, sheets=SHEETS, settings=SMALL):
    """Run one stack with one fault; returns the outcome."""
    outcome = Outcome(injection)
    hopper = Hopper(sheets)
    emulator = Emulator(
        tiles.Paper(sheets),
        hopper,
        [injection.paper] if injection.paper else [],
        link_faults=[injection.link] if injection.link else [],
    )
    _open_cover_at(injection.cover_at, emulator, hopper)
    scanner = Scanner(lambda: LoopbackBackend(emulator), settings=settings)
    hall = Hall(folder, kernels, scanner, Hands(emulator, hopper), sheets, turns=_TURNS)
    try:
        hall.through()
        outcome.problems += hall.problems()
        outcome.fates = Counter(row.fate.value for row in hall.rows() if row.fate)
    except (TimeoutError, ValueError, AssertionError, KeyError) as error:
        outcome.problems.append(repr(error))
    finally:
        hall.ledger.close()
    outcome.causes = hall.causes()
    if wrong := set(outcome.causes) - CAUSES.get(injection.kind, set()):
        outcome.problems.append(f"called {sorted(wrong)}")
    outcome.commands, outcome.moved_bytes = emulator.commands, emulator.moved_bytes
    return outcome


def _open_cover_at(command, emulator, hopper):
    """Have hands open the cover right before a command."""
    if command is None:
        return
    write, opened = emulator.write, []

    def watch(data):
        if not opened and emulator.commands == command and len(data) == COMMAND_BLOCK_BYTES:
            opened.append(True)
            hopper.open_cover()
        write(data)

    emulator.write = watch


def plan(commands, moved_bytes, offsets, seed, sheets=SHEETS) -> Iterator[Injection]:
    """Yield every fault at every command, at random bytes, and at every sheet."""
    for kind, command in itertools.product(LinkFaultKind, range(commands)):
        yield Injection(link=LinkFault(kind, command=command))
    chance = random.Random(seed)
    for kind in LinkFaultKind:
        for _ in range(offsets):
            yield Injection(link=LinkFault(kind, byte=chance.randrange(moved_bytes)))
    for kind, sheet, when in itertools.product(FaultKind, range(sheets), ("feed", "read")):
        if kind is FaultKind.EMPTY and when == "read":
            continue  # the hopper is not asked for then
        yield Injection(paper=Fault(sheet, kind, when))
    for command in range(commands):
        yield Injection(cover_at=command)


_SHARED = {}


def _begin(parent):
    without_pauses()
    _SHARED.update(parent=parent, kernels=face.kernels("cpu"))


def _one(job):
    injection, sheets, settings = job
    with tempfile.TemporaryDirectory(dir=_SHARED["parent"]) as folder:
        return run(injection, Path(folder), _SHARED["kernels"], sheets=sheets, settings=settings)


def table(outcomes):
    """Return lines: kind, runs, and what became of the faces."""
    lines = []
    for kind in dict.fromkeys(each.injection.kind for each in outcomes):
        mine = [each for each in outcomes if each.injection.kind is kind]
        fates, causes = Counter(), Counter()
        for each in mine:
            fates += each.fates
            causes += each.causes
        lines.append(
            {
                "fault": str(getattr(kind, "value", kind)),
                "runs": len(mine),
                "pages": fates["page"],
                "superseded": fates["superseded"],
                "lost_by_name": fates["lost"],
                "causes": dict(causes),
                "problems": sum(bool(each.problems) for each in mine),
            }
        )
    return lines


def say(line):
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--offsets", type=int, default=200)
    parser.add_argument("--seed", type=int, default=3)
    parser.add_argument("--sample", type=int, help="only so many, at random")
    parser.add_argument("--full", type=int, default=0, help="so many faults on full-size paper")
    parser.add_argument("--folder", help="where ledgers are made; a memory disk is quickest")
    options = parser.parse_args()
    _begin(options.folder)
    clean = _one((Injection(), SHEETS, SMALL))
    say({"clean": clean.problems, "commands": clean.commands, "bytes": clean.moved_bytes})
    jobs = list(plan(clean.commands, clean.moved_bytes, options.offsets, options.seed))
    if options.sample:
        jobs = random.Random(options.seed).sample(jobs, options.sample)
    work = [(each, SHEETS, SMALL) for each in jobs]
    if options.full:
        few = _one((Injection(), 6, FULL))
        wide = list(plan(few.commands, few.moved_bytes, 20, options.seed, sheets=6))
        chosen = random.Random(options.seed).sample(wide, options.full)
        work = [(each, 6, FULL) for each in chosen]
    outcomes = []
    with multiprocessing.Pool(options.jobs, _begin, (options.folder,)) as pool:
        for outcome in pool.imap_unordered(_one, work, chunksize=4):
            outcomes.append(outcome)
            if outcome.problems:
                say({"problem": str(outcome.injection), "what": outcome.problems})
    for line in table(outcomes):
        say(line)
    sys.exit(any(outcome.problems for outcome in outcomes))


if __name__ == "__main__":
    main()
