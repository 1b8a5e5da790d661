"""A siege: daemon and puller are killed at any moment while sheets are fed, pulled, acknowledged.

    python -m tests.service.siege --kills 1000 --seed 1

Between the kills a sync of the disk fails, the disk is full, the link is cut. Each round has a new
stack, a new spool and a new court, and ends with everything healed and held against each other. One
JSON line a round, one for the whole; the status is 1 when anything did not hold.

Needs root, loop devices, network namespaces and strace. With --open nothing of that: processes
are killed, on loopback and on the disk that is there.

How the processes meet is up to the machine, so a seed does not bring a round back: --keep saves the
spool, the court and the logs of each round in which something did not hold.
"""

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import apsw

from benchmarks import record
from daemon.errors import SuianError
from tests import line
from tests.service.court import Court
from tests.service.hall import CONSUMER, Appliance, write_paper
from tests.service.link import HALL_ADDRESS, Link
from tests.service.raid import SEPARATORS, Fallen, Raid
from tests.service.small_disk import SmallDisk
from tests.service.verdict import judge
from tests.spool.power import disk

_ENCLOSED = (disk.ENCLOSED[0], "--net", *disk.ENCLOSED[1:])
_ANY_ADDRESS = "0.0.0.0"  # noqa: S104 (of a namespace of our own)


@dataclass(frozen=True, slots=True)
class Plan:
    """What is asked for.

    Attributes
    ----------
    kills
        In all; a round has at most `kills_a_round`.
    sheets
        Marked pages a round; the separators come on top.
    eio, full_disks, partitions
        How many a round.
    keep
        A folder for the rounds in which something did not hold.
    """

    kills: int
    seed: int
    sheets: int
    kills_a_round: int
    eio: int = 0
    full_disks: int = 0
    partitions: int = 0
    keep: Path | None = None


class Siege:
    """Rounds, one after the other, in a folder.

    Parameters
    ----------
    plan
        What is asked for.
    folder
        An empty one.
    link
        Between the appliances and the courts; None: they meet on loopback, on the disk that is
        there.
    """

    def __init__(self, plan, folder, link=None):
        self._plan = plan
        self._folder = folder
        self._link = link
        self._chance = random.Random(plan.seed)
        self._paper = folder / "paper"
        self._key_file = folder / "separator.key"
        self._certificates = folder / "certificates"

    def rounds(self):
        """Yield what was done in each round and what was found."""
        write_paper(self._paper, line.stack(self._plan.sheets))
        self._key_file.write_bytes(line.KEY_FILE)
        if self._link is not None:
            self._make_certificates()
        left = self._plan.kills
        for number in range(1, 1 + left):
            found = self._round(number, min(left, self._plan.kills_a_round))
            yield found
            left -= sum(found["kills"].values())
            if left <= 0:
                return

    def _round(self, number, kills):
        plan, began_s = self._plan, time.monotonic()
        folder = self._folder / f"round-{number}"
        folder.mkdir()
        with self._ground(folder) as small_disk:
            hall, court = self._parties(folder, small_disk, hold_hours=72.0 * (number % 2))
            raid = Raid(hall, court, self._chance, link=self._link, disk=small_disk)
            tally = raid.tally
            entries, faces, failures = 0, {}, []
            try:
                raid.besiege(
                    kills, eio=plan.eio, full_disks=plan.full_disks, partitions=plan.partitions
                )
                raid.heal()
                laid_back = raid.clerk.laid_back
                verdict = judge(hall, court, plan.sheets, laid_back=laid_back, deaths=tally.deaths)
                entries, faces, failures = verdict.entries, verdict.faces, list(verdict.failures)
            except (Fallen, SuianError, subprocess.TimeoutExpired) as fallen:
                failures.append(str(fallen))
            finally:
                raid.end()
            if failures and plan.keep is not None:
                self._keep(folder, hall.spool, plan.keep / f"{plan.seed}-{number}")
        shutil.rmtree(folder)
        return {
            "round": number,
            "kills": dict(tally.kills),
            "together": tally.together,
            "eio": dict(tally.eio),
            "full_disks": tally.full_disks,
            "partitions": tally.partitions,
            "sheets": plan.sheets + SEPARATORS,
            "laid_back": raid.clerk.laid_back,
            "entries": entries,
            "faces": faces,
            "failures": failures,
            "seconds": round(time.monotonic() - began_s, 1),
        }

    @contextmanager
    def _ground(self, folder):
        """Yield a small disk where there is a link, None on open ground."""
        if self._link is None:
            yield None
            return
        with SmallDisk.mounted(folder) as small_disk:
            yield small_disk

    def _parties(self, folder, small_disk, hold_hours):
        enclosed = small_disk is not None
        hall = Appliance(
            folder,
            self._plan.sheets + SEPARATORS,
            paper=self._paper,
            key_file=self._key_file,
            spool=small_disk.folder / "spool" if enclosed else None,
            host=_ANY_ADDRESS if enclosed else "127.0.0.1",
            credentials=self._certificates / "appliance" if enclosed else None,
            hold_hours=hold_hours,
        )
        court = Court(
            folder / "court",
            f"{HALL_ADDRESS}:{hall.port}" if enclosed else hall.target,
            before=self._link.into_the_court if enclosed else (),
            credentials=self._certificates / CONSUMER if enclosed else None,
        )
        return hall, court

    def _make_certificates(self):
        command = [sys.executable, "-m", "daemon", "certificates", str(self._certificates)]
        subprocess.run(
            [*command, "--host", HALL_ADDRESS, "--consumer", CONSUMER],
            stdout=subprocess.DEVNULL,
            check=True,
        )

    @staticmethod
    def _keep(folder, spool, where):
        shutil.copytree(folder, where, ignore=shutil.ignore_patterns("disk*", "control.sock"))
        if spool.exists() and not (where / "spool").exists():
            shutil.copytree(spool, where / "spool")


def run(plan, *, is_open):
    """Run a siege and print its lines; returns how much did not hold."""
    began_s = time.monotonic()
    sums = Counter()
    faces, kills, eio = Counter(), Counter(), Counter()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="siege-")))
        link = None if is_open else stack.enter_context(Link())
        for one in Siege(plan, folder, link).rounds():
            sys.stdout.write(json.dumps(one, ensure_ascii=False) + "\n")
            sys.stdout.flush()
            kills.update(one["kills"])
            faces.update(one["faces"])
            eio.update(one["eio"])
            sums.update(rounds=1, failures=len(one["failures"]))
            for name in ("together", "full_disks", "partitions", "sheets", "laid_back", "entries"):
                sums[name] += one[name]
    seconds = time.monotonic() - began_s
    whole = record.line(
        "siege",
        also={"sqlite": apsw.sqlite_lib_version(), "linux": os.uname().release.split("-")[0]},
        kills=kills.total(),
        kills_of=dict(kills),
        eio=dict(eio),
        **sums,
        faces=dict(sorted(faces.items())),
        seconds=round(seconds, 1),
        kills_a_minute=round(60 * kills.total() / seconds, 1),
        seed=plan.seed,
    )
    sys.stdout.write(whole + "\n")
    return sums["failures"]


def main():
    """Run one siege, in namespaces of its own unless it is open."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--sheets", type=int, default=32, help="marked pages a round")
    parser.add_argument("--kills-a-round", type=int, default=70)
    parser.add_argument("--eio", type=int, default=2, help="failing syncs a round")
    parser.add_argument("--full", type=int, default=1, help="full disks a round")
    parser.add_argument("--partitions", type=int, default=1, help="cut links a round")
    parser.add_argument("--keep", type=Path, help="folder for rounds in which something failed")
    parser.add_argument("--open", action="store_true", help="kills only; needs no root")
    parser.add_argument("--enclosed", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if not asked.open and not asked.enclosed:
        own = (sys.executable, "-m", "tests.service.siege", "--enclosed", *sys.argv[1:])
        os.execvp(_ENCLOSED[0], (*_ENCLOSED, *own))  # noqa: S606 (becomes that process)
    more = () if asked.open else (asked.eio, asked.full, asked.partitions)
    plan = Plan(asked.kills, asked.seed, asked.sheets, asked.kills_a_round, *more, keep=asked.keep)
    sys.exit(1 if run(plan, is_open=asked.open) else 0)


if __name__ == "__main__":
    main()
