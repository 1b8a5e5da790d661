"""From the messages of one stream to checked entries: order, chain, and every byte's hash.

Rule 1: an entry is handed on only when it follows the one before it, and all its inline blobs are
whole and hash to what the record says.
Rule 2: a blob that ends short of its size is not to be had at the appliance: it was released, or it
is damaged and the journal says so. The entry goes on without it. Any other difference is a broken
chain.
"""

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from daemon.errors import ChainBroken
from daemon.rpc import pages_pb2 as pb
from daemon.stream.court.folder import disk
from daemon.stream.court.received import Cursor, Part, Received
from daemon.stream.court.succession import Announced, Succession


class Intake:
    """Checks one stream, message by message.

    Parameters
    ----------
    cursor
        The last entry that is held; the stream must continue it.
    incoming
        Folder for part files.
    released_sequence
        Blobs of entries up to here may be gone at the appliance, and rightly so.
    """

    def __init__(self, cursor: Cursor, incoming: Path, *, released_sequence: int = 0) -> None:
        self._succession = Succession(cursor)
        self._incoming = incoming
        self._released_sequence = released_sequence
        self._entry: Received | None = None
        self._waiting: list[_Blob] = []
        self._done: list[Part] = []

    def entry(self, message: pb.Entry) -> Received | None:
        """Take an entry; returns it when no blob follows it."""
        if self._waiting:
            raise ChainBroken(
                "an entry came before the blobs of the one before it", **self._succession.at()
            )
        received, announced = self._succession.take(message)
        if not announced:
            return received
        self._entry, self._done = received, []
        released = received.sequence <= self._released_sequence
        self._waiting = [
            # A page may be restored while its first bytes still wait: one part file an entry.
            _Blob(
                one,
                self._incoming / f"{received.sequence}-{one.face}-{one.role}.part",
                released=released,
            )
            for one in announced
        ]
        return None

    def chunk(self, message: pb.BlobChunk) -> Received | None:
        """Take a piece of a blob; returns the entry with its blobs after the last piece."""
        if self._entry is None or not self._waiting:
            raise ChainBroken("a piece of a blob that no entry announced", **self._succession.at())
        part = self._waiting[0].take(message)
        if part is None:
            return None
        self._waiting.pop(0)
        self._done.append(part)
        if self._waiting:
            return None
        whole, self._entry = self._entry, None
        return replace(whole, parts=tuple(self._done))

    def close(self) -> None:
        """Let go of half received blobs."""
        for blob in self._waiting:
            blob.close()


class _Blob:
    """One blob on its way into its part file."""

    def __init__(self, announced: Announced, path: Path, *, released: bool) -> None:
        self._announced = announced
        self._ref = announced.ref
        self._path = path
        self._may_be_released = released
        self._file: BinaryIO | None = None
        self._hash = hashlib.sha256()
        self._offset = 0

    def take(self, chunk: pb.BlobChunk) -> Part | None:
        """Append a piece; returns the part after the last one."""
        face = self._announced.face
        fits = (
            chunk.page_id == str(face)
            and chunk.role == self._ref.role
            and chunk.offset_bytes == self._offset
            and self._offset + len(chunk.data) <= self._ref.size_bytes
        )
        if not fits:
            raise ChainBroken(
                "a piece of a blob out of order", page_id=face, offset=chunk.offset_bytes
            )
        if chunk.data or not self._ref.size_bytes:
            self._write(chunk.data)
        self._hash.update(chunk.data)
        self._offset += len(chunk.data)
        if not chunk.last:
            return None
        self.close()
        return self._part()

    def _write(self, data: bytes) -> None:
        with disk("write a received page"):
            if self._file is None:
                self._file = self._path.open("wb")
            self._file.write(data)

    def close(self) -> None:
        """Close the part file."""
        if self._file is not None:
            with disk("write a received page"):
                self._file.close()

    def _part(self) -> Part:
        announced = self._announced
        whole = self._offset == self._ref.size_bytes
        if whole and self._hash.digest() != self._ref.sha256:
            raise ChainBroken(
                "the bytes of a page are not those its record names",
                page_id=announced.face,
                role=announced.role,
            )
        if not whole:
            with disk("remove half a page"):
                self._path.unlink(missing_ok=True)
        gone = self._may_be_released and not self._offset
        return announced.part(self._path if whole else None, released=gone and not whole)
