"""What an appliance and its good puller still do while somebody attacks.

    python -m benchmarks.hostile > benchmarks/results/hostile.jsonl

Appliance, attacker and the good puller are three processes on this machine and share its cores, so
an attack that keeps the attacker busy takes time from the others as well. The appliance is fed 50
sheets a second; what is measured is whether it keeps that pace, how long a commit takes, and
whether the puller keeps up. `before` is a quiet spell right before each attack.
"""

import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.attacker import PAUSE_S, files
from benchmarks.attacks import ATTACKS
from benchmarks.besieged import GOOD, Besieged, Told, answering, besieged
from benchmarks.record import line
from daemon.stream.court.dial import Appliance
from daemon.stream.court.puller import Puller
from daemon.stream.credentials import client_credentials

_SPELL_S: Final = 4.0
_SETTLE_S: Final = 1.0
_LIBRARIES: Final = ("grpcio",)


class GoodPuller:
    """The reference client, in a thread; it goes on until `stop`."""

    def __init__(self, appliance: Besieged, folder: Path, name: str = GOOD) -> None:
        credentials = client_credentials(*files(appliance.tls, name))
        target = f"127.0.0.1:{appliance.port}"
        self._puller = Puller(
            Appliance(target, name, credentials), folder, follow=True, give_up_s=None
        )
        self._thread = threading.Thread(target=self._run, name="good puller")
        self.failed: BaseException | None = None
        self._thread.start()

    @property
    def entries(self) -> int:
        """How many entries are stored and acknowledged."""
        return self._puller.pulled.entries

    @property
    def connections(self) -> int:
        """How often it has connected."""
        return self._puller.pulled.connections

    def stop(self) -> None:
        """End it."""
        self._puller.stop()
        self._thread.join()

    def _run(self) -> None:
        try:
            self._puller.run()
        except Exception as error:  # noqa: BLE001 (looked at by whoever watches)
            self.failed = error


@contextmanager
def attacked(appliance: Besieged, name: str) -> Iterator[Callable[[], dict[str, int]]]:
    """Attack until the block ends; lends the account so far."""
    where = (str(appliance.port), appliance.tls)
    log = appliance.log.with_name("attacker.log")
    with answering("benchmarks.attacks", name, *where, log=log) as attacker:
        yield attacker.ask


@dataclass(frozen=True, slots=True)
class Moment:
    """Appliance and puller at one moment."""

    appliance: Told
    entries: int
    connections: int


def moment(appliance: Besieged, puller: GoodPuller) -> Moment:
    """Look at both; raises what either has failed of."""
    told = appliance.tell()
    if told.failed or puller.failed:
        raise RuntimeError(f"feeder: {told.failed or 'well'}, puller: {puller.failed or 'well'}")
    return Moment(told, puller.entries, puller.connections)


def spell(begin: Moment, end: Moment) -> dict[str, float]:
    """Return what was done between two moments."""
    took_s = end.appliance.at_s - begin.appliance.at_s
    commits = sorted(end.appliance.commit_s) or [took_s]  # one that is still not done
    return {
        "commits_per_s": round((end.appliance.sheets - begin.appliance.sheets) / took_s, 1),
        "commit_median_ms": round(statistics.median(commits) * 1e3, 1),
        "commit_p95_ms": round(commits[int(0.95 * (len(commits) - 1))] * 1e3, 1),
        "puller_entries_per_s": round((end.entries - begin.entries) / took_s, 1),
        "rss_mib": round(end.appliance.rss_bytes / 2**20, 1),
        "descriptors": end.appliance.descriptors,
    }


def lines(names: Iterable[str], spell_s: float = _SPELL_S) -> Iterator[str]:
    """Yield a line for every attack; one appliance and one puller go through them all."""
    with tempfile.TemporaryDirectory() as folder, besieged(Path(folder)) as appliance:
        puller = GoodPuller(appliance, Path(folder) / "pulled")
        try:
            for name in names:
                yield line_of(name, appliance, puller, spell_s)
        finally:
            puller.stop()


def line_of(name: str, appliance: Besieged, puller: GoodPuller, spell_s: float) -> str:
    """Measure a quiet spell and one under an attack; returns the line."""
    time.sleep(_SETTLE_S)
    quiet = moment(appliance, puller)
    time.sleep(spell_s)
    before = moment(appliance, puller)
    with attacked(appliance, name) as account:
        while not account():  # it has begun when something has come of it
            time.sleep(PAUSE_S)
        begin = moment(appliance, puller)
        time.sleep(spell_s)
        end = moment(appliance, puller)
        came_of_it = account()
    return line(
        f"hostile, {name}",
        libraries=_LIBRARIES,
        before=spell(quiet, before),
        during=spell(begin, end),
        puller_connected_again=end.connections - before.connections,
        came_of_it=came_of_it,
    )


def main() -> None:
    """Print the lines of the attacks that are named, or of all."""
    for one in lines(sys.argv[1:] or ATTACKS):
        print(one, flush=True)


if __name__ == "__main__":
    main()
