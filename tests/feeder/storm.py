"""A storm: cable, power and firmware go away at random instants, again and again, in a batch.

    python -m tests.feeder.storm --help

One thread feeds through the real rooms; another pulls the cable and plugs it in again, switches the
scanner off and on, or resets it, whenever chance says. At the end every sheet is at the court once
and in order, and every face has one fate. Over both carriers; the second is real libusb.
"""

import argparse
import json
import os
import random
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

from daemon.feeder import link, session
from daemon.feeder.link import libusb_backend
from daemon.feeder.loopback import LoopbackBackend
from daemon.feeder.scanner import Scanner
from daemon.feeder.settings import Mode, Settings
from daemon.pipeline import face
from tests.feeder import tiles
from tests.feeder.hall import Hall, without_pauses
from tests.feeder.umockdev.hands import SOCKET_VARIABLE, FarHands, Hands, Orders, Refused
from tests.feeder.umockdev.run import run
from tests.feeder.umockdev.stack import Stack

SHEETS = 100
ORDERS = ("unplug", "power_cycle", "reset")
CAUSES = {"link_lost", "link_timeout", "link_stall", "protocol"}
"""Nothing that a cable or a power supply does may be called by the name of a paper's fault."""
_TURNS = 1_000_000


class Weather(threading.Thread):
    """Does its worst until it is told to stop.

    Parameters
    ----------
    hands
        At the scanner.
    calm_s
        The mean time between two blows.
    most
        How many blows there are.
    """

    def __init__(self, hands: Orders, seed: int, calm_s: float, most: int) -> None:
        super().__init__()
        self._hands = hands
        self._chance = random.Random(seed)
        self._calm_s = calm_s
        self._most = most
        self._over = threading.Event()
        self.blows: Counter[str] = Counter()

    def run(self) -> None:
        """Strike at random instants."""
        while self.blows.total() < self._most and not self._rests():
            order = self._chance.choice(ORDERS)
            try:
                self._hands.order(order)
            except Refused:
                continue
            self.blows[order] += 1
            if order == "unplug":
                self._rests()
                self._hands.plug()

    def stop(self) -> None:
        """Strike no more; the cable is in."""
        self._over.set()
        self.join()

    def _rests(self) -> bool:
        return self._over.wait(self._chance.expovariate(1 / self._calm_s))


def hurry(put=setattr) -> None:
    """Let the driver wait no longer than a busy machine needs."""
    without_pauses(put)
    put(link, "DRAIN_PAUSE_S", 0.02)
    put(session, "TRANSFER_S", 0.5)
    put(session, "PROBE_S", 0.3)


def play(backend, hands, seed, *, calm_s, most, kernels):
    """Feed one stack through a storm; returns what came of it, as JSON can hold it."""
    settings = Settings(dpi=200, mode=Mode.GRAY, paper_units=tiles.PAPER_UNITS)
    weather = Weather(hands, seed, calm_s, most)
    with tempfile.TemporaryDirectory() as folder:
        scanner = Scanner(backend, settings=settings)
        hall = Hall(Path(folder), kernels, scanner, hands, SHEETS, turns=_TURNS, plugs=False)
        start_s = time.monotonic()
        weather.start()
        try:
            hall.through()
        finally:
            weather.stop()
            hall.ledger.close()
        hall.ledger.start()
        try:
            problems, rows = hall.problems(), hall.rows()
        finally:
            hall.ledger.close()
    causes = hall.causes()
    if wrong := set(causes) - CAUSES:
        problems.append(f"called {sorted(wrong)}")
    return {
        "blows": dict(weather.blows),
        "fates": Counter(row.fate.value if row.fate else "open" for row in rows),
        "causes": causes,
        "problems": problems,
        "seconds": round(time.monotonic() - start_s, 1),
    }


def in_process(seed, *, calm_s=0.05, most=10_000, kernels=None):
    """Play over the carrier in process."""
    emulator, hopper = Stack(SHEETS, paper="tiles").build()
    return play(
        lambda: LoopbackBackend(emulator),
        Hands(emulator, hopper, emulator.alone),
        seed,
        calm_s=calm_s,
        most=most,
        kernels=kernels or face.kernels("cpu"),
    )


def over_libusb(seed, *, calm_s=0.4, most=10_000):
    """Play over real libusb, in a process of its own."""
    command = [sys.executable, "-m", "tests.feeder.storm", "--inside", str(seed), str(calm_s)]
    ended = run(Stack(SHEETS, paper="tiles"), [*command, str(most)], limit_s=600)
    if ended.status:
        raise AssertionError(ended.err[-2000:])
    return json.loads(ended.out)


def _inside(seed, calm_s, most):
    """Play over the libusb of this process, whose bus is the testbed's."""
    hurry()
    hands = FarHands(os.environ[SOCKET_VARIABLE])
    kernels = face.kernels("cpu")
    came = play(
        libusb_backend, hands, int(seed), calm_s=float(calm_s), most=int(most), kernels=kernels
    )
    json.dump(came, sys.stdout)


def main() -> None:
    """Play storms until there were so many blows over each carrier."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--blows", type=int, default=1000, help="over each carrier")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--inside", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.inside:
        _inside(*options.inside)
        return
    hurry()
    bad = False
    for carrier in (in_process, over_libusb):
        total: Counter[str] = Counter()
        sums: dict[str, Counter[str]] = {
            "blows": Counter(),
            "fates": Counter(),
            "causes": Counter(),
        }
        seed, problems = options.seed, []
        while total["blows"] < options.blows:
            came = carrier(seed)
            total["blows"] += sum(came["blows"].values())
            total["stacks"] += 1
            for name, each in sums.items():
                each.update(came[name])
            problems += [f"seed {seed}: {problem}" for problem in came["problems"]]
            seed += 1
        bad = bad or bool(problems)
        line = {"carrier": carrier.__name__, **total, **sums, "problems": problems}
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()
    sys.exit(bad)


if __name__ == "__main__":
    main()
