"""An appliance in a process of its own, fed at a steady pace, that tells how it fares.

    python -m benchmarks.besieged DIR --tls DIR/appliance

It lives with as few descriptors as a shell gives a program, so that an attack on them is felt.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from benchmarks.appliance import ledger, noise, sheet
from daemon.config import Config, validate
from daemon.errors import InputError
from daemon.spool.ledger import Ledger
from daemon.stream.appliance import Controls, StatusFacts
from daemon.stream.authority import Pair, TrialAuthority
from daemon.stream.server import StreamServer

GOOD: Final = "court"
BAD: Final = "mirror"
"""A consumer with a certificate of its own, gone wild."""
LATE: Final = "archive"
"""A good one who comes later."""
STRANGER: Final = "stranger"
"""Somebody with the good one's name, but from another authority."""
CLIENT: Final = ("ca.pem", "client.pem", "client.key")
DESCRIPTORS: Final = 1024
PACE_S: Final = 0.02
"""50 sheets a second: a fast scanner feeds two or three."""
_UNIT: Final = Path(__file__).parents[1] / "systemd" / "suian.service"
_SHEETS_A_BATCH: Final = 100
_PAGE_BYTES: Final = 20_000


@dataclass(slots=True)
class _Feeder:
    """The feeding thread and its account."""

    ledger: Ledger
    stop: threading.Event = field(default_factory=threading.Event)
    sheets: int = 0
    commit_s: list[float] = field(default_factory=list)
    failed: str = ""

    def run(self) -> None:
        try:
            while not self.stop.is_set():
                self._batch()
        except Exception as error:  # noqa: BLE001 (told to whoever asks)
            self.failed = repr(error)

    def _batch(self) -> None:
        number, data = self.ledger.open_batch(virtual=True).number, noise(_PAGE_BYTES)
        for _ in range(_SHEETS_A_BATCH):
            due_s = time.perf_counter() + PACE_S
            begin_s = time.perf_counter()
            self.ledger.commit(sheet(self.ledger.request_feed(number), data))
            self.commit_s.append(time.perf_counter() - begin_s)
            self.sheets += 1
            if self.stop.wait(max(0.0, due_s - time.perf_counter())):
                break
        self.ledger.close_batch(number)


def _config(folder: Path, credentials_dir: Path) -> Config:
    stream = {
        "listen": "127.0.0.1:0",
        "control_socket": str(folder / "control.sock"),
        "credentials_dir": str(credentials_dir),
    }
    consumers = [{"name": GOOD}, *({"name": name, "required": False} for name in (BAD, LATE))]
    return validate({"stream": stream, "consumer": consumers}, "benchmark")


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve and feed; answer each line of the input with one line, until the input ends."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--tls", type=Path, required=True)
    asked = parser.parse_args(arguments)
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(DESCRIPTORS, hard), hard))
    with ledger(asked.folder / "spool") as found:
        controls = Controls(
            status=StatusFacts,
            pause=lambda: None,
            resume=lambda: None,
            manifest=_no_manifest,
            count=lambda _: None,
            close_batch=found.close_batch,
        )
        server = StreamServer(_config(asked.folder, asked.tls), found, controls)
        server.start()
        feeder = _Feeder(found)
        thread = threading.Thread(target=feeder.run, name="feeder")
        thread.start()
        print(server.port, flush=True)
        for _ in sys.stdin:
            print(json.dumps(_told(feeder)), flush=True)
        feeder.stop.set()
        thread.join()
        server.stop(0.5)


def _no_manifest(case: str) -> bytes:
    raise InputError("no manifests are kept here", case=case)


def _told(feeder: _Feeder) -> dict[str, object]:
    taken, feeder.commit_s = feeder.commit_s, []
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return {
        "at_s": time.monotonic(),
        "sheets": feeder.sheets,
        "last_sequence": feeder.ledger.last()[0],
        "commit_s": taken,
        "failed": feeder.failed,
        "descriptors": len(os.listdir("/proc/self/fd")),  # noqa: PTH208 (it holds one itself)
        "rss_bytes": pages * os.sysconf("SC_PAGE_SIZE"),
    }


@dataclass(frozen=True, slots=True)
class Told:
    """What the appliance tells of itself; `commit_s` since it was asked before."""

    at_s: float
    sheets: int
    last_sequence: int
    commit_s: list[float]
    failed: str
    descriptors: int
    rss_bytes: int


def unit_environment() -> dict[str, str]:
    """Return what the unit sets for the allocator and the libraries."""
    lines = _UNIT.read_text(encoding="utf-8").splitlines()
    words = [word for one in lines if one.startswith("Environment=") for word in one[12:].split()]
    return {
        name: value
        for name, _, value in (word.partition("=") for word in words)
        if name != "NUMBA_CACHE_DIR"
    }


class Answering:
    """A process that answers a line with a line, and ends when its input ends."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def ask(self) -> dict[str, Any]:
        """Return what it tells of itself."""
        if self._process.stdin is not None:
            self._process.stdin.write("\n")
            self._process.stdin.flush()
        found: dict[str, Any] = json.loads(self.line())
        return found

    def line(self) -> str:
        """Return its next line."""
        line = self._process.stdout.readline() if self._process.stdout is not None else ""
        if not line:
            raise RuntimeError("the process has ended")
        return line


@contextmanager
def answering(module: str, *words: str | Path, log: Path) -> Iterator[Answering]:
    """Run a module as such a process until the block ends; its errors go to a file."""
    command = [sys.executable, "-m", module, *map(str, words)]
    environment = os.environ | unit_environment()
    pipe = subprocess.PIPE
    with (
        log.open("ab") as errors,
        subprocess.Popen(
            command, stdin=pipe, stdout=pipe, stderr=errors, text=True, env=environment
        ) as process,
    ):
        yield Answering(process)


@dataclass(frozen=True, slots=True)
class Besieged:
    """The appliance, as others see it."""

    process: Answering
    port: int
    tls: Path
    log: Path

    def tell(self) -> Told:
        """Ask how it fares."""
        return Told(**self.process.ask())


@contextmanager
def besieged(folder: Path) -> Iterator[Besieged]:
    """Run an appliance in an empty folder until the block ends."""
    ours, others = TrialAuthority.make(1), TrialAuthority.make(1)
    tls = folder / "tls"
    server = ours.appliance(["127.0.0.1"], 1)
    _write(tls / "appliance", ("clients-ca.pem", "server.pem", "server.key"), ours.pair, server)
    for name in (GOOD, BAD, LATE):
        _write(tls / name, CLIENT, ours.pair, ours.consumer(name, 1))
    _write(tls / STRANGER, CLIENT, ours.pair, others.consumer(GOOD, 1))
    log = folder / "log"
    with answering("benchmarks.besieged", folder, "--tls", tls / "appliance", log=log) as process:
        yield Besieged(process, int(process.line()), tls, log)


def _write(folder: Path, names: tuple[str, str, str], authority: Pair, pair: Pair) -> None:
    folder.mkdir(parents=True)
    for name, data in zip(names, (authority.certificate, pair.certificate, pair.key), strict=True):
        (folder / name).write_bytes(data)


if __name__ == "__main__":
    main()
