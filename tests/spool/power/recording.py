"""The log of a recorded disk: block writes, flushes and claims, in the order in which they came.

    record   kind (1) | offset (8) | length (4) | data      little-endian; kinds: W F M E

Rule 1: one thread writes, so there is one order. A claim stands behind every write it rests on.
Rule 2: the last record (E) counts the others. A log without it was itself cut off, and is refused.
"""

import struct
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

# The files that the recorder shows.
DISK = "disk.img"
MARK = "mark"

_HEAD = struct.Struct("<cQI")
_BUFFER_BYTES = 1 << 20


class Kind(Enum):
    """What a record tells of."""

    WRITE = b"W"
    FLUSH = b"F"
    MARK = b"M"
    END = b"E"


class RecordingCutOff(Exception):
    """The log is not whole: the recorder did not end as it should."""


@dataclass(frozen=True, slots=True)
class Record:
    """One thing that happened. `offset_bytes` is 0 but for a write."""

    kind: Kind
    offset_bytes: int
    data: bytes


class RecordingWriter:
    """Writes a log.

    Parameters
    ----------
    path
        The file; replaced when it is there.
    """

    def __init__(self, path: Path) -> None:
        self._file = path.open("wb", buffering=_BUFFER_BYTES)
        self._count = 0

    def add(self, kind: Kind, data: bytes = b"", offset_bytes: int = 0) -> None:
        """Append one record."""
        self._file.write(_HEAD.pack(kind.value, offset_bytes, len(data)))
        self._file.write(data)
        self._count += 1

    def close(self) -> None:
        """Append the end and close the file."""
        self.add(Kind.END, offset_bytes=self._count)
        self._file.close()


def read(path: Path) -> list[Record]:
    """Return the records without the end; raises RecordingCutOff when they are not all there."""
    whole = memoryview(path.read_bytes())
    records: list[Record] = []
    at = 0
    while at + _HEAD.size <= len(whole):
        letter, offset_bytes, size_bytes = _HEAD.unpack_from(whole, at)
        at += _HEAD.size
        record = Record(Kind(letter), offset_bytes, bytes(whole[at : at + size_bytes]))
        at += size_bytes
        if record.kind is Kind.END:
            if record.offset_bytes != len(records):
                raise RecordingCutOff(f"{len(records)} records, {record.offset_bytes} were written")
            return records
        records.append(record)
    raise RecordingCutOff(f"no end after {len(records)} records")
