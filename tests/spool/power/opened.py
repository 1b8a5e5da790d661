"""A spool as the daemon opens it, but on a small disk and by a clock of its own."""

import threading
from collections.abc import Callable
from pathlib import Path

from daemon.spool.journal import JournalEntry
from daemon.spool.ledger import Ledger
from daemon.stream.codec import Origin, encode

_BALLAST_BYTES = 64 * 1024


class Clock:
    """Seconds since the Unix epoch; they pass when somebody looks."""

    def __init__(self) -> None:
        self._now_s = 1_800_000_000.0
        self._lock = threading.Lock()

    def __call__(self) -> float:
        with self._lock:
            self._now_s += 0.25
            return self._now_s


def open_spool(directory: Path, clock: Callable[[], float]) -> Ledger:
    """Start a ledger with the daemon's own codec and a ballast that fits a small disk."""
    origin = Origin("recorded")

    def encoder(entry: JournalEntry) -> bytes:
        return encode(entry, origin)

    ledger = Ledger(directory, encoder, ballast_bytes=_BALLAST_BYTES, clock=clock)
    ledger.start()
    return ledger
