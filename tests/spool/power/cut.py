"""Where and how the power goes, and the disk that is left.

Rule 1: what was written before the last flush is on the disk. Of what was written after it a disk
may have kept anything: nothing, all, some writes, some sectors of some writes, the later half.
Rule 2: faults show behind a claim that is not true yet, and before a flush, where most is in the
air. A quarter of the cuts is made right behind a claim, a quarter right before a flush, the others
anywhere. No cut knows what it looks for.
"""

import os
import random
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from tests.spool.power import disk
from tests.spool.power.recording import Kind, Record

SECTOR_BYTES = 512
"""What a disk writes whole or not at all."""


class Mode(StrEnum):
    """What the disk kept of the writes that no flush followed."""

    NONE = "none"
    ALL = "all"
    SUBSET = "subset"
    SECTORS = "sectors"
    LATE = "late"


@dataclass(frozen=True, slots=True)
class Cut:
    """A power cut after the first `at` records; `seed` says which of the last writes were kept."""

    at: int
    mode: Mode
    seed: int


def choose(records: Sequence[Record], count: int, chance: random.Random) -> list[Cut]:
    """Choose cuts, each mode equally often, by Rule 2; in the order of the recording."""
    behind_marks = [i + 1 for i, record in enumerate(records) if record.kind is Kind.MARK]
    before_flushes = [i for i, record in enumerate(records) if record.kind is Kind.FLUSH]
    anywhere = range(len(records) + 1)
    places = (behind_marks, before_flushes, anywhere, anywhere)
    modes = list(Mode)
    cuts = [
        Cut(chance.choice(places[n % 4]), modes[n // 4 % len(modes)], chance.getrandbits(32))
        for n in range(count)
    ]
    return sorted(cuts, key=lambda cut: cut.at)


def last_flush(records: Sequence[Record], at: int) -> int:
    """Return the place of the last flush before a cut, 0 when there is none."""
    while at > 0 and records[at - 1].kind is not Kind.FLUSH:
        at -= 1
    return max(0, at - 1)


def survivors(
    pending: Sequence[Record], cut: Cut, sector_bytes: int = SECTOR_BYTES
) -> list[tuple[int, bytes]]:
    """Return what is kept of the writes behind the last flush, as (offset, bytes), in order."""
    chance = random.Random(cut.seed)
    match cut.mode:
        case Mode.NONE:
            kept: Sequence[Record] = ()
        case Mode.LATE:
            kept = pending[len(pending) // 2 :]
        case Mode.ALL:
            kept = pending
        case Mode.SUBSET | Mode.SECTORS:
            kept = [write for write in pending if chance.random() < 0.5]
    if cut.mode is Mode.SECTORS:
        return [piece for write in kept for piece in _sectors(write, sector_bytes, chance)]
    return [(write.offset_bytes, write.data) for write in kept]


def _sectors(write: Record, sector_bytes: int, chance: random.Random) -> list[tuple[int, bytes]]:
    return [
        (write.offset_bytes + start, write.data[start : start + sector_bytes])
        for start in range(0, len(write.data), sector_bytes)
        if chance.random() < 0.5
    ]


class Replay:
    """Makes the disk that a cut leaves. Quick for cuts in the order of the recording.

    Parameters
    ----------
    records
        The recording.
    blank
        The image it began with.
    flushed
        A file for what is surely on the disk.
    sector_bytes
        What the disk writes whole or not at all.
    """

    def __init__(
        self,
        records: Sequence[Record],
        blank: Path,
        flushed: Path,
        sector_bytes: int = SECTOR_BYTES,
    ) -> None:
        self._records = records
        self._blank = blank
        self._flushed = flushed
        self._sector_bytes = sector_bytes
        self._done = 0
        disk.copy(blank, flushed)

    def make(self, cut: Cut, image: Path) -> None:
        """Write the disk that this cut leaves."""
        flush = last_flush(self._records, cut.at)
        if flush < self._done:
            disk.copy(self._blank, self._flushed)
            self._done = 0
        _apply(self._flushed, [(w.offset_bytes, w.data) for w in self._writes(self._done, flush)])
        self._done = flush
        disk.copy(self._flushed, image)
        _apply(image, survivors(self._writes(flush, cut.at), cut, self._sector_bytes))

    def marks(self, cut: Cut) -> list[bytes]:
        """Return what was claimed before a cut."""
        return [record.data for record in self._records[: cut.at] if record.kind is Kind.MARK]

    def _writes(self, start: int, end: int) -> list[Record]:
        return [record for record in self._records[start:end] if record.kind is Kind.WRITE]


def _apply(image: Path, pieces: Sequence[tuple[int, bytes]]) -> None:
    descriptor = os.open(image, os.O_WRONLY | os.O_CLOEXEC)
    try:
        for offset_bytes, data in pieces:
            os.pwrite(descriptor, data, offset_bytes)
    finally:
        os.close(descriptor)
