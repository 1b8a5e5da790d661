"""RAW behind the page: idle cores pack captured rasters, never in the gate's way."""

import logging
import os
import queue
import sys
import threading
from collections.abc import Callable
from typing import Final, Literal

from daemon.errors import SpoolFull
from daemon.metrics import Metrics
from daemon.page import Blob, Fate, Page, Role, Scan
from daemon.pipeline import raw
from daemon.spool.ledger import Ledger
from kernels.buffers import Buffers

log = logging.getLogger(__name__)

Keep = Literal["all", "altered", "off"]
# Eight colour A4 sheets at 300 dpi. A site that feeds faster than two cores can pack loses RAW of
# some pages, counted, rather than slowing the paper: crash safety does not rest on RAW.
MAX_QUEUED_BYTES: Final = 16 * 26 * 2**20
_BEHIND_THE_PAGE: Final = 10
"""Nice value: cores that have nothing else to do pack; the faces of the next sheet go first."""
_KEPT_FATES: Final = (Fate.PAGE, Fate.BLANK, Fate.QUARANTINED)


class RawWriter:
    """One thread that packs and stores rasters of pages that are already durable.

    Parameters
    ----------
    ledger, metrics
        Where they go and where they are counted.
    keep
        "all", "altered" (only pages that were turned or cropped) or "off".
    """

    def __init__(self, ledger: Ledger, metrics: Metrics, keep: Keep) -> None:
        self._ledger = ledger
        self._metrics = metrics
        self._keep = keep
        self._queue: queue.Queue[tuple[Page, Scan] | None] = queue.Queue()
        self._lock = threading.Lock()
        self._queued_bytes = 0
        self._buffers = Buffers()

    def offer(self, page: Page, scan: Scan) -> None:
        """Take the raster of a durable page, or skip it when too many are waiting."""
        if not self._wanted(page):
            return
        with self._lock:
            if self._queued_bytes + scan.samples.nbytes > MAX_QUEUED_BYTES:
                self._metrics.raw_faces.labels("skipped").inc()
                return
            self._queued_bytes += scan.samples.nbytes
        self._queue.put((page, scan))

    def _wanted(self, page: Page) -> bool:
        if self._keep == "off" or page.fate not in _KEPT_FATES:
            return False
        altered = any(step.name in ("rotate", "crop") for step in page.steps)
        return self._keep == "all" or altered or page.fate is not Fate.PAGE

    def stop(self) -> None:
        """Pack what is queued, then let `run` return."""
        self._queue.put(None)

    def run(self, beat: Callable[[], None]) -> None:
        """Pack and store until `stop`."""
        if sys.platform == "linux":  # where each thread has a priority of its own
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _BEHIND_THE_PAGE)
        while True:
            beat()
            try:
                item = self._queue.get(timeout=1.0)
            except queue.Empty:
                continue
            if item is None:
                return
            page, scan = item
            packed = raw.pack(scan, self._buffers)
            self._metrics.raw_faces.labels(self._store(page, packed)).inc()
            with self._lock:
                self._queued_bytes -= scan.samples.nbytes

    def _store(self, page: Page, packed: bytes) -> str:
        """Keep a packed raster where there is room: on a full disk pages come first."""
        try:
            self._ledger.add_blob(page.page_id, Blob(Role.RAW, raw.MEDIA_TYPE, packed))
        except SpoolFull:
            return "skipped"
        return "kept"
