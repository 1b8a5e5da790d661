"""A campaign of power cuts: record one day at a spool, then cut it many times.

    python -m tests.spool.power.campaign --fs ext4 --cuts 150 --seed 1

Prints one JSON line, and on standard error what each cut broke. Needs root, FUSE, loop devices.
How the threads meet is up to the machine, so a seed does not bring a recording back: --keep saves
the disk of the first cut that failed, as the power left it, and what had been claimed before it.
"""

import argparse
import filecmp
import os
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, closing, nullcontext
from dataclasses import dataclass
from pathlib import Path

import apsw

from benchmarks import record
from tests.spool.power import disk, recording
from tests.spool.power.broken import BROKEN
from tests.spool.power.check import failures
from tests.spool.power.claims import Marker, promised
from tests.spool.power.cut import Cut, Mode, Replay, choose
from tests.spool.power.recording import Kind, Record, RecordingCutOff
from tests.spool.power.workload import Size, work

RIGHT = "right"
# Cuts of a broken spool are chosen in rounds, and end with the round that has caught it.
_ROUND = 10
_SENTENCES = 5


@dataclass(frozen=True, slots=True)
class Plan:
    """What is asked for.

    Attributes
    ----------
    spool
        The right one, or the name of a broken one.
    until_caught
        End early, as soon as cuts have failed.
    keep
        A folder for the first disk that failed.
    """

    file_system: str
    cuts: int
    seed: int
    spool: str = RIGHT
    until_caught: bool = False
    keep: Path | None = None


class Campaign:
    """Records and cuts, in a folder of its own.

    Parameters
    ----------
    plan
        What is asked for.
    folder
        An empty folder with room for a few images; best in memory.
    """

    def __init__(self, plan: Plan, folder: Path) -> None:
        self._plan = plan
        self._file_system = disk.FILE_SYSTEMS[plan.file_system]
        self._folder = folder
        self._blank = folder / "blank.img"
        self._mount = folder / "mount"
        self._mount.mkdir()

    def record(self) -> tuple[list[Record], int]:
        """Record one day on a new disk; returns the recording and the length of the journal."""
        shown, log = self._folder / "shown", self._folder / "log"
        shown.mkdir()
        image = self._folder / "recorded.img"
        disk.make(self._file_system, self._blank)
        disk.copy(self._blank, image)
        spool = BROKEN.get(self._plan.spool, nullcontext)
        with (
            disk.recorded(image, shown, log) as (shown_image, mark),
            disk.mounted(self._file_system, shown_image, self._mount),
            closing(Marker(mark)) as marker,
            spool(),
        ):
            entries = work(self._spool, marker, self._plan.seed, Size())
        records = recording.read(log)
        self._compare(records, image)
        image.unlink()
        return records, entries

    def _compare(self, records: list[Record], image: Path) -> None:
        """Raise RecordingCutOff unless the recording, whole, gives the recorded disk again."""
        again = self._folder / "again.img"
        everything = Cut(len(records), Mode.ALL, 0)
        Replay(records, self._blank, self._folder / "flushed.img").make(everything, again)
        if not filecmp.cmp(image, again, shallow=False):
            raise RecordingCutOff("the recording does not give the recorded disk again")
        again.unlink()

    def cut(self, records: list[Record]) -> Iterator[tuple[Cut, list[str]]]:
        """Cut a recording; yields each cut with what it broke."""
        chance = random.Random(self._plan.seed)
        sector_bytes = self._file_system.sector_bytes
        replay = Replay(records, self._blank, self._folder / "flushed.img", sector_bytes)
        a_round = _ROUND if self._plan.until_caught else max(1, self._plan.cuts)
        caught = False
        for done in range(0, self._plan.cuts, a_round):
            for cut in choose(records, min(a_round, self._plan.cuts - done), chance):
                said = self._one(replay, cut)
                if said and not caught and self._plan.keep:
                    self._keep(replay, cut, self._plan.keep)
                caught = caught or bool(said)
                yield cut, said
            if caught and self._plan.until_caught:
                return

    def _one(self, replay: Replay, cut: Cut) -> list[str]:
        image = self._folder / "cut.img"
        replay.make(cut, image)
        try:
            with disk.mounted(self._file_system, image, self._mount):
                return failures(self._spool, promised(replay.marks(cut)))
        except disk.NotMounted as refusal:
            return [str(refusal)]

    def _keep(self, replay: Replay, cut: Cut, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        name = f"{self._plan.spool}-{self._plan.file_system}-{cut.at}-{cut.mode}-{cut.seed}"
        replay.make(cut, folder / f"{name}.img")
        (folder / f"{name}.claims").write_bytes(b"\n".join(replay.marks(cut)))

    @property
    def _spool(self) -> Path:
        return self._mount / "spool"


def run(plan: Plan) -> str:
    """Run a campaign; returns its JSON line, and says each failure on standard error."""
    by_mode = {mode: Counter() for mode in Mode}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="power-")))
        stack.enter_context(disk.memory(folder))
        campaign = Campaign(plan, folder)
        began_s = time.monotonic()
        records, entries = campaign.record()
        recorded_s = time.monotonic()
        for cut, said in campaign.cut(records):
            by_mode[cut.mode].update(cuts=1, failures=int(bool(said)))
            for sentence in said[:_SENTENCES]:
                sys.stderr.write(f"cut {cut.at} {cut.mode} {cut.seed}: {sentence}\n")
            if len(said) > _SENTENCES:
                sys.stderr.write(f"... and {len(said) - _SENTENCES} more\n")
        ended_s = time.monotonic()
    total = sum(by_mode.values(), Counter())
    kinds = Counter(record.kind for record in records)
    return record.line(
        f"power cut, {plan.file_system}",
        also={"sqlite": apsw.sqlite_lib_version(), "linux": os.uname().release.split("-")[0]},
        spool=plan.spool,
        fs=plan.file_system,
        cuts=total["cuts"],
        failures=total["failures"],
        seconds=round(ended_s - recorded_s, 1),
        ms_a_cut=round(1000 * (ended_s - recorded_s) / max(1, total["cuts"]), 1),
        recording_s=round(recorded_s - began_s, 1),
        entries=entries,
        claims=kinds[Kind.MARK],
        writes=kinds[Kind.WRITE],
        flushes=kinds[Kind.FLUSH],
        bytes=sum(len(one.data) for one in records if one.kind is Kind.WRITE),
        seed=plan.seed,
        modes={
            mode.value: {"cuts": count["cuts"], "failures": count["failures"]}
            for mode, count in by_mode.items()
        },
    )


def main() -> None:
    """Run one campaign, in namespaces of its own."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--fs", choices=disk.FILE_SYSTEMS, default="ext4")
    parser.add_argument("--cuts", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--spool", choices=(RIGHT, *BROKEN), default=RIGHT)
    parser.add_argument("--until-caught", action="store_true", help="end when cuts have failed")
    parser.add_argument("--keep", type=Path, help="folder for the first disk that failed")
    parser.add_argument("--enclosed", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if not asked.enclosed:
        own = (sys.executable, "-m", "tests.spool.power.campaign", "--enclosed", *sys.argv[1:])
        os.execvp(disk.ENCLOSED[0], (*disk.ENCLOSED, *own))  # noqa: S606 (becomes that process)
    plan = Plan(asked.fs, asked.cuts, asked.seed, asked.spool, asked.until_caught, asked.keep)
    sys.stdout.write(run(plan) + "\n")


if __name__ == "__main__":
    main()
