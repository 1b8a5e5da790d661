"""How fast pages become durable and acknowledged, on this disk and on slower ones.

    python -m benchmarks.spool > benchmarks/results/spool.jsonl

Faces of 200 kB, two a commit, as the feeding thread does; RAW of 5 MB a face behind it. A court
pulls meanwhile, in a process of its own, over loopback, onto the same disk. The floor is a plain
loop of open, write, fsync and rename with the same bytes on the same disk, before ours in each run;
`floor_ratio` is pages a second over the floor's: the loop keeps no account and tells nobody.

    one feeder      commits a sheet, waits, commits the next: what one scanner can ask for
    16 feeders      16 threads do so at once: what group commit is for
    100 pages/s     50 sheets offered a second; `blocked_share` is the time the feeder had to wait
"""

import argparse
import os
import queue
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from benchmarks import appliance
from benchmarks.record import line
from benchmarks.slow_disk import slow_syncs
from daemon.page import Blob, PageId, Role
from daemon.spool.ledger import Ledger

PAGE_BYTES: Final = 200_000
RAW_BYTES: Final = 5_000_000
DELAYS_S: Final = (0.0, 0.005, 0.020)
OFFERED: Final = 100.0
_TURN_S: Final = 5.0
_LOOK_S: Final = 0.002
_RAW_WAITING: Final = 16
_LIBRARIES: Final = ("apsw", "grpcio", "protobuf")


@dataclass(slots=True)
class Times:
    """When faces were handed over, durable and acknowledged, by sequence; seconds."""

    durable_after_s: list[float] = field(default_factory=list)
    durable_at_s: dict[int, float] = field(default_factory=dict)
    acknowledged_after_s: list[float] = field(default_factory=list)
    waited_s: float = 0.0
    pages: int = 0


class Feeder:
    """Hands over sheet after sheet."""

    def __init__(self, ledger: Ledger, data: bytes, raw: "Raw | None", times: Times) -> None:
        self._ledger = ledger
        self._data = data
        self._raw = raw
        self._times = times
        self._lock = threading.Lock()

    def run(self, seconds: float, offered: float | None) -> None:
        """Feed for so many seconds: as fast as it goes, or so many pages a second."""
        number = self._ledger.open_batch(virtual=True).number
        start = time.perf_counter()
        sheets = 0
        while (now := time.perf_counter()) - start < seconds:
            if offered is not None and (ahead_s := start + sheets * 2 / offered - now) > 0:
                time.sleep(ahead_s)
            self._one(number)
            sheets += 1
        self._ledger.close_batch(number)

    def _one(self, number: int) -> None:
        began = time.perf_counter()
        sheet = self._ledger.request_feed(number)
        asked = time.perf_counter()
        pages = appliance.sheet(sheet, self._data)
        sequences = self._ledger.commit(pages)
        done = time.perf_counter()
        with self._lock:
            self._times.pages += 2
            self._times.waited_s += done - began
            for sequence in sequences:
                self._times.durable_after_s.append(done - asked)
                self._times.durable_at_s[sequence] = done
        if self._raw is not None:
            for page in pages:
                self._raw.offer(page.page_id)


class Raw:
    """Stores a raster behind each page while there is time for it, as the daemon does."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._data = appliance.noise(RAW_BYTES)
        self._queue: queue.Queue[PageId | None] = queue.Queue(_RAW_WAITING)
        self.kept = 0

    def offer(self, page_id: PageId) -> None:
        """Take a page, or leave it out where too many wait."""
        try:
            self._queue.put_nowait(page_id)
        except queue.Full:
            return

    @contextmanager
    def running(self) -> Iterator[None]:
        """Store for the block, then finish what waits."""
        thread = threading.Thread(target=self._run)
        thread.start()
        try:
            yield
        finally:
            self._queue.put(None)
            thread.join()

    def _run(self) -> None:
        while (page_id := self._queue.get()) is not None:
            self._ledger.add_blob(page_id, Blob(Role.RAW, "application/x-raw", self._data))
            self.kept += 1


@contextmanager
def watched(ledger: Ledger, times: Times) -> Iterator[None]:
    """Note when the court's cursor passes what became durable."""
    ended = threading.Event()

    def look() -> None:
        seen = 0
        while not ended.wait(_LOOK_S):
            (consumer,) = ledger.consumers()
            now = time.perf_counter()
            for sequence in range(seen + 1, consumer.acknowledged + 1):
                if sequence in times.durable_at_s:
                    times.acknowledged_after_s.append(now - times.durable_at_s[sequence])
            seen = consumer.acknowledged

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield
    finally:
        end = time.perf_counter() + 30
        while ledger.consumers()[0].acknowledged < ledger.last()[0] and time.perf_counter() < end:
            time.sleep(0.05)
        ended.set()
        thread.join()


@contextmanager
def court(ledger: Ledger, target: str, folder: Path) -> Iterator[None]:
    """Pull in a process of its own, with the disk as it is; lends it once it has come."""
    command = [sys.executable, "-m", "daemon", "pull", target, "-o", str(folder), "--follow"]
    pulling = subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    try:
        while not ledger.consumers()[0].last_seen_at and pulling.poll() is None:
            time.sleep(0.05)
        yield
    finally:
        pulling.terminate()
        pulling.wait()


def floor(folder: Path, data: bytes, seconds: float) -> float:
    """Write files as a plain program does that wants them to survive; returns files a second."""
    folder.mkdir()
    start, done = time.perf_counter(), 0
    while time.perf_counter() - start < seconds:
        unfinished = folder / f"{done}.tmp"
        with unfinished.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        unfinished.rename(folder / f"{done}")
        done += 1
    return done / (time.perf_counter() - start)


@dataclass(frozen=True, slots=True)
class Setup:
    """How many feed, what is offered, on which disk, with RAW or not."""

    name: str
    feeders: int
    offered: float | None


SETUPS: Final = (
    Setup("one feeder", 1, None),
    Setup("16 feeders", 16, None),
    Setup("100 pages/s", 1, OFFERED),
)


def measure(setup: Setup, delay_s: float, seconds: float, *, with_raw: bool) -> dict[str, Any]:
    """Run one setup beside its floor."""
    data = appliance.noise(PAGE_BYTES)
    times = Times()
    with (
        tempfile.TemporaryDirectory() as name,
        slow_syncs(delay_s),
        appliance.ledger(Path(name) / "spool") as ledger,
        appliance.served(ledger, Path(name), None) as target,
        court(ledger, target, Path(name) / "court"),
    ):
        files_per_s = floor(Path(name) / "floor", data, seconds)
        raw = Raw(ledger) if with_raw else None
        feeder = Feeder(ledger, data, raw, times)
        start = time.perf_counter()
        with watched(ledger, times), raw.running() if raw else _nothing():
            with ThreadPoolExecutor(setup.feeders) as pool:
                list(pool.map(lambda _: feeder.run(seconds, setup.offered), range(setup.feeders)))
            took_s = time.perf_counter() - start
    return {
        "sync_delay_ms": round(delay_s * 1e3),
        "raw": "on" if with_raw else "off",
        "pages": times.pages,
        "pages_per_s": round(times.pages / took_s, 1),
        "floor_pages_per_s": round(files_per_s, 1),
        "floor_ratio": round(times.pages / took_s / files_per_s, 2),
        "durable_ms": _spread(times.durable_after_s),
        "acknowledged_ms": _spread(times.acknowledged_after_s),
        "blocked_share": round(times.waited_s / took_s / setup.feeders, 2),
        "raw_kept": raw.kept if raw else 0,
    }


@contextmanager
def _nothing() -> Iterator[None]:
    yield


def _spread(values_s: Sequence[float]) -> dict[str, float | None]:
    """Return the median and the 99th percentile in ms."""
    ordered = sorted(values_s)
    if not ordered:
        return {"p50": None, "p99": None}
    at = (len(ordered) // 2, min(len(ordered) - 1, len(ordered) * 99 // 100))
    return {name: round(ordered[n] * 1e3, 1) for name, n in zip(("p50", "p99"), at, strict=True)}


def lines(seconds: float = _TURN_S) -> Iterator[str]:
    """Yield a line for every setup, delay, and RAW off and on."""
    for setup in SETUPS:
        for delay_s in DELAYS_S:
            for with_raw in (False, True):
                figures = measure(setup, delay_s, seconds, with_raw=with_raw)
                yield line(f"spool, {setup.name}", libraries=_LIBRARIES, **figures)


def main() -> None:
    """Print the lines."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=_TURN_S, help="A turn.")
    for text in lines(parser.parse_args().seconds):
        print(text, flush=True)


if __name__ == "__main__":
    main()
