"""The driver's own time for a sheet, and what the whole appliance needs at a motor's pace.

    python -m benchmarks.feeder > benchmarks/results/feeder.jsonl

Both sides of an A4 sheet in colour at 300 dpi over pyusb, from the emulated scanner in process.
What the emulated scanner and its cable take is measured apart and not counted as the driver's.
"""

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np

from benchmarks.accuracy import bare
from benchmarks.record import line
from daemon import config
from daemon.demo.stack import Stack
from daemon.feeder.emulator import Emulator, Speed, Window
from daemon.feeder.hopper import Hopper
from daemon.feeder.loopback import LoopbackBackend
from daemon.feeder.scanner import Scanner
from daemon.feeder.settings import Settings
from daemon.page import SheetId
from daemon.service import Service

SHEETS: Final = 24
DRAWN: Final = 4
PACES_PPM: Final = (60, 100, 150)
OBJECT_POSITION: Final = 0x31


class Drawn:
    """A stack whose few drawn sheets are rendered before the clock starts."""

    def __init__(self, sheets: int) -> None:
        self._sheets = sheets
        self._stack = Stack(bare, sheets=DRAWN)
        self._faces: dict[tuple[int, str], bytes] = {}

    def __len__(self) -> int:
        return self._sheets

    def length_units(self, sheet_index: int) -> int:
        """Return the length of a sheet in 1/1200 inch."""
        return self._stack.length_units(sheet_index % DRAWN)

    def face(self, sheet_index: int, side: str, window: Window) -> bytes:
        """Return what was rendered before."""
        which = (sheet_index % DRAWN, side)
        if which not in self._faces:
            self._faces[which] = self._stack.face(*which, window)
        return self._faces[which]


class Cable(LoopbackBackend):
    """The cable, with a clock: seconds and CPU seconds spent on the scanner's side of it."""

    def __init__(self, device: Emulator) -> None:
        super().__init__(device)
        self.seconds = self.cpu_seconds = 0.0
        self.fed_at = self.first_byte_s = 0.0

    def _timed(self, work: Callable[[], int]) -> int:
        start, start_cpu = time.perf_counter(), time.thread_time()
        try:
            return work()
        finally:
            self.seconds += time.perf_counter() - start
            self.cpu_seconds += time.thread_time() - start_cpu

    def bulk_write(self, dev_handle: Any, ep: int, intf: int, data: Any, timeout: int) -> int:
        """Send, and note when paper is asked for."""
        if len(data) == 31 and data[0x13] == OBJECT_POSITION:
            self.fed_at, self.first_byte_s = time.perf_counter(), 0.0
        return self._timed(
            lambda: LoopbackBackend.bulk_write(self, dev_handle, ep, intf, data, timeout)
        )

    def bulk_read(self, dev_handle: Any, ep: int, intf: int, buff: Any, timeout: int) -> int:
        """Receive, and note when the first image data comes."""
        came = self._timed(
            lambda: LoopbackBackend.bulk_read(self, dev_handle, ep, intf, buff, timeout)
        )
        if came > 4096 and not self.first_byte_s:
            self.first_byte_s = time.perf_counter() - self.fed_at
        return came


def driver() -> None:
    """Print the driver's time for a sheet over the time to copy its bytes once."""
    paper = Drawn(SHEETS)
    cable = Cable(Emulator(paper, Hopper(SHEETS)))
    scanner = Scanner(lambda: cable, settings=Settings())
    scanner.poll()
    scanner.arm()
    times, ratios, first = [], [], []
    for number in range(1, SHEETS + 1):
        before, start = cable.seconds, time.perf_counter()
        scanner.feed()
        scans = scanner.read_sheet(SheetId("00000000", 1, number))
        took_s = time.perf_counter() - start - (cable.seconds - before)
        copies = []
        for _ in range(3):
            targets = [np.empty_like(scan.samples) for scan in scans]
            start = time.perf_counter()
            for target, scan in zip(targets, scans, strict=True):
                np.copyto(target, scan.samples)
            copies.append(time.perf_counter() - start)
        if number > DRAWN:  # the first ones are rendered while they are read
            times.append(took_s)
            ratios.append(took_s / statistics.median(copies))
            first.append(cable.first_byte_s)
    scanner.close()
    size = sum(scan.samples.nbytes for scan in scans)
    print(
        line(
            "driver, a duplex colour sheet",
            bytes=size,
            ms=round(statistics.median(times) * 1e3, 2),
            memcpy_ratio=round(statistics.median(ratios), 2),
            feed_to_first_block_ms=round(statistics.median(first) * 1e3, 2),
        )
    )


def appliance(ppm: float, raw: str) -> None:
    """Print how many sheets a minute came through, and on how much of the processor."""
    paper = Drawn(SHEETS)
    window = Window(2480, 3508, 300, 3)
    for index in range(DRAWN):
        for side in "FB":
            paper.face(index, side, window)
    cable = Cable(Emulator(paper, Hopper(SHEETS), speed=Speed(ppm)))
    with tempfile.TemporaryDirectory() as folder:
        service = Service(_config(Path(folder), raw), Scanner(lambda: cable, settings=Settings()))
        start, start_cpu = time.perf_counter(), time.process_time()
        service.start()
        while service.ledger.last()[0] <= 2 * SHEETS:  # every face, and the closing of the batch
            if service.ended:
                service.raise_what_failed()
            time.sleep(0.01)
        wall_s, cpu_s = time.perf_counter() - start, time.process_time() - start_cpu
        service.stop()
    print(
        line(
            f"appliance at {ppm:g} ppm, raw {raw}",
            sheets=SHEETS,
            sheets_a_minute=round(SHEETS / wall_s * 60, 1),
            cores_used=round((cpu_s - cable.cpu_seconds) / wall_s, 2),
            emulated_scanner_cores=round(cable.cpu_seconds / wall_s, 2),
        )
    )


def _config(folder: Path, raw: str) -> config.Config:
    tree: dict[str, object] = {
        "spool": {"dir": str(folder), "allow_unsafe_disk": True, "raw": raw},
        "stream": {"listen": "127.0.0.1:0", "control_socket": str(folder / "control.sock")},
        "metrics": {"listen": "127.0.0.1:0"},
    }
    return config.validate(tree, "benchmark")


def main() -> None:
    driver()
    for raw in ("off", "all"):
        for ppm in PACES_PPM:
            appliance(ppm, raw)


if __name__ == "__main__":
    main()
