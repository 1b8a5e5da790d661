"""Pages a second on one core and on two, with RAW beside, and the memory of one worker.

    python -m benchmarks.throughput > benchmarks/results/throughput.jsonl

Each thread is a worker with its own buffers and works page after page, from raw colour in memory to
bytes. Ours, the floor and a plain script take turns of two seconds each; `ratio` is pages a second
over the other's on as many threads in the same round: above 1 this one does more.
"""

import argparse
import json
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from benchmarks import own, sheets
from benchmarks.peers import PEERS, opencv
from benchmarks.record import line
from benchmarks.sheets import Sheet
from daemon.pipeline import raw

Hand = Callable[[Sheet], object]
"""Does one page; belongs to one thread."""

_PAGES: Final = ("text", "dense", "form", "table", "seal")
_TURN_S: Final = 2.0
_ROUNDS: Final = 3
_RAW_QUEUED: Final = 16
_PAGES_IN_CHILD: Final = 6
_STATUS: Final = Path("/proc/self/status")
_FORGET_PEAK: Final = Path("/proc/self/clear_refs")
# Large arrays go back to the system when they are dropped, so what is idle is not counted as held.
_NO_HOARDING: Final = {"MALLOC_MMAP_THRESHOLD_": "131072"}


def _ours() -> Hand:
    worker = own.worker()
    return lambda sheet: worker.face(sheet.colour)


def _floor() -> Hand:
    held: dict[tuple[int, ...], opencv.Pixels] = {}

    def encode(sheet: Sheet) -> bytes:
        pixels = sheet.colour.pixels
        return opencv.floor(pixels, held.setdefault(pixels.shape, np.empty_like(pixels)))

    return encode


def _script() -> Hand:
    return lambda sheet: opencv.script_of_the_box(sheet.colour.pixels)


HANDS: Final[dict[str, Callable[[], Hand]]] = {
    "suian": _ours,
    "libjpeg-turbo + memcpy": _floor,
    "OpenCV script, box": _script,
}


def _ours_from_wire() -> Hand:
    worker = own.worker()
    return lambda sheet: worker.face(worker.raster(sheet.wire))


IN_MEMORY: Final = HANDS | {"suian, scanner's samples to bytes": _ours_from_wire}


@dataclass(frozen=True, slots=True)
class Setup:
    """Who works, on how many threads, and whether RAW is packed beside on one more."""

    backend: str
    threads: int
    with_raw: bool = False

    @property
    def name(self) -> str:
        """As it stands in the lines."""
        return f"{self.backend} and RAW" if self.with_raw else self.backend


SETUPS: Final = (
    *(Setup(backend, threads) for threads in (1, 2) for backend in HANDS),
    *(Setup("suian", threads, with_raw=True) for threads in (1, 2)),
)


@dataclass(frozen=True, slots=True)
class Turn:
    """What was done in a turn."""

    pages_per_s: float
    cores: float
    raw_per_s: float

    @property
    def cpu_ms_a_page(self) -> float:
        """Processor time, that of RAW beside it included."""
        return self.cores / self.pages_per_s * 1e3


class RawBeside:
    """A thread that packs the samples of finished pages, as many as it can."""

    def __init__(self) -> None:
        self.packed = 0
        self._queue: queue.Queue[Sheet | None] = queue.Queue(_RAW_QUEUED)
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> "RawBeside":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        while not self._queue.empty():
            self._queue.get_nowait()
        self._queue.put(None)
        self._thread.join()

    def offer(self, sheet: Sheet) -> None:
        """Take a page, or leave it out where too many wait: nothing ever waits for RAW."""
        try:
            self._queue.put_nowait(sheet)
        except queue.Full:
            return

    def _run(self) -> None:
        while (sheet := self._queue.get()) is not None:
            raw.pack(sheet.wire)
            self.packed += 1


def turn(hands: Sequence[Hand], pages: Sequence[Sheet], seconds: float, *, with_raw: bool) -> Turn:
    """Let each hand work on a thread of its own for so many seconds."""
    ready = threading.Barrier(len(hands))
    with ExitStack() as stack:
        beside = stack.enter_context(RawBeside()) if with_raw else None
        pool = stack.enter_context(ThreadPoolExecutor(len(hands)))

        def work(number: int) -> float:
            ready.wait()
            start, done = time.perf_counter(), 0
            while time.perf_counter() - start < seconds:
                sheet = pages[(number + done) % len(pages)]
                hands[number](sheet)
                if beside is not None:
                    beside.offer(sheet)
                done += 1
            return done / (time.perf_counter() - start)

        start, start_cpu = time.perf_counter(), time.process_time()
        rate = sum(pool.map(work, range(len(hands))))
        wall_s, packed = time.perf_counter() - start, beside.packed if beside else 0
        cores = (time.process_time() - start_cpu) / wall_s
    return Turn(rate, cores, packed / wall_s)


def throughput(
    setups: Sequence[Setup], pages: Sequence[Sheet], rounds: int, seconds: float
) -> Iterator[str]:
    """Give a line for each setup; all take a turn in every round."""
    most = {backend: max(s.threads for s in setups if s.backend == backend) for backend in HANDS}
    hands = {backend: [HANDS[backend]() for _ in range(count)] for backend, count in most.items()}
    for hand in (hand for several in hands.values() for hand in several):
        for page in pages:
            hand(page)
    turns: dict[Setup, list[Turn]] = {setup: [] for setup in setups}
    for number in range(rounds):
        for i in range(len(setups)):
            setup = setups[(number + i) % len(setups)]
            own_hands = hands[setup.backend][: setup.threads]
            turns[setup].append(turn(own_hands, pages, seconds, with_raw=setup.with_raw))
    for setup in setups:
        others = {
            other.name: _over(turns[setup], turns[other])
            for other in setups
            if other is not setup and other.threads == setup.threads
        }
        one = Setup(setup.backend, 1, setup.with_raw)
        if setup.threads > 1 and one in turns:
            others["the same on one thread"] = _over(turns[setup], turns[one])
        yield _line(setup, turns[setup], others)


def _over(mine: Sequence[Turn], others: Sequence[Turn]) -> float:
    pairs = zip(mine, others, strict=True)
    return round(float(np.median([one.pages_per_s / other.pages_per_s for one, other in pairs])), 2)


def _line(setup: Setup, turns: Sequence[Turn], ratio: dict[str, float]) -> str:
    def median(name: str) -> float:
        return round(float(np.median([getattr(turn, name) for turn in turns])), 2)

    figures = {"raw_per_s": median("raw_per_s")} if setup.with_raw else {}
    return line(
        "pages a second",
        backend=setup.name,
        threads=setup.threads,
        pages_per_s=median("pages_per_s"),
        cpu_ms_a_page=median("cpu_ms_a_page"),
        cores_used=median("cores"),
        ratio=ratio,
        rounds=len(turns),
        also=PEERS["opencv"].versions(cv2),
        **figures,
    )


def memory() -> Iterator[str]:
    """Give a line on the memory of one worker of each."""
    for backend in IN_MEMORY:
        child = subprocess.run(
            [sys.executable, "-m", "benchmarks.throughput", "--memory-of", backend],
            env=os.environ | _NO_HOARDING,
            capture_output=True,
            text=True,
            check=True,
        )
        told = json.loads(child.stdout)
        yield line(
            "memory of a worker", backend=backend, also=PEERS["opencv"].versions(cv2), **told
        )


def child_memory(backend: str) -> dict[str, float]:
    """Return how much this process grew while it worked pages, one at a time.

    The page itself, which its maker holds, is there before; `ratio_to_page` counts in its size.
    """
    hand, page = IN_MEMORY[backend](), sheets.lazily()["text"]
    _FORGET_PEAK.write_text("5", encoding="ascii")
    idle = _status_bytes("VmRSS")
    for _ in range(_PAGES_IN_CHILD):
        hand(page)
    grown, size = _status_bytes("VmHWM") - idle, page.colour.pixels.nbytes
    return {
        "idle_mib": round(idle / 2**20, 1),
        "worker_mib": round(grown / 2**20, 1),
        "page_bytes": size,
        "ratio_to_page": round(grown / size, 2),
    }


def _status_bytes(name: str) -> int:
    rows = _STATUS.read_text(encoding="ascii").splitlines()
    (found,) = (row.split()[1] for row in rows if row.startswith(f"{name}:"))
    return int(found) * 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--memory-of", choices=IN_MEMORY, help="print the memory of one worker")
    wanted = parser.parse_args()
    cv2.setNumThreads(1)
    if wanted.memory_of is not None:
        print(json.dumps(child_memory(wanted.memory_of)))
        return
    shelf = sheets.lazily()
    for one in throughput(SETUPS, [shelf[key] for key in _PAGES], _ROUNDS, _TURN_S):
        print(one, flush=True)
    if not _FORGET_PEAK.exists():
        print("left out: memory of a worker: the system does not tell it", file=sys.stderr)
        return
    for one in memory():
        print(one, flush=True)


if __name__ == "__main__":
    main()
