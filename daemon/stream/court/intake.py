"""From the messages of one stream to checked entries: order, chain, and every byte's hash.

Rule 1: an entry is handed on only when its sequence follows, its hash continues the chain, and all
its inline blobs are whole and hash to what the record says.
Rule 2: a blob that ends short of its size is damaged at the appliance, which has said so in its
journal: the entry goes on without it. Any other difference is a broken chain.
"""

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO, Final

from google.protobuf.message import DecodeError

from daemon.errors import ChainBroken
from daemon.page import PageId, Role
from daemon.rpc import pages_pb2 as pb
from daemon.spool.journal import next_hash
from daemon.stream.codec import ROLE_OF, inline_blobs
from daemon.stream.court_folder import disk, file_name
from daemon.stream.court_store import Cursor, Part, Received

REDACTED: Final = "redacted"


class Intake:
    """Checks one stream, message by message.

    Parameters
    ----------
    cursor
        The last entry that is held; the stream must continue it.
    incoming
        Folder for part files.
    """

    def __init__(self, cursor: Cursor, incoming: Path) -> None:
        self._epoch = cursor.epoch
        self._sequence = cursor.sequence
        self._hash = cursor.entry_hash
        self._incoming = incoming
        self._entry: Received | None = None
        self._waiting: list[_Blob] = []
        self._done: list[Part] = []

    def entry(self, message: pb.Entry) -> Received | None:
        """Take an entry; returns it when no blob follows it."""
        if self._waiting:
            raise ChainBroken("an entry came before the blobs of the one before it", **self._at())
        record_sha256 = self._check(message)
        self._sequence, self._hash = message.sequence, message.entry_hash
        if message.WhichOneof("content") == "record_sha256":
            return Received(
                message.sequence, REDACTED, "", "", "", None, record_sha256, message.entry_hash
            )
        record = _decode(message)
        kind = record.WhichOneof("entry")
        page = record.page
        page_id = page.page_id if kind == "page" else record.amendment.page_id
        received = Received(
            sequence=message.sequence,
            kind=str(kind),
            page_id=page_id,
            case_key=page.case_key,
            volume=page.volume,
            record=message.record,
            record_sha256=record_sha256,
            entry_hash=message.entry_hash,
        )
        if kind != "page" or not (refs := inline_blobs(page)):
            return received
        face = self._page_id(page_id)
        alone = all(ref.role != pb.BLOB_ROLE_PAGE for ref in page.blobs)
        self._entry, self._done = received, []
        self._waiting = [_Blob(face, ref, self._incoming, alone=alone) for ref in refs]
        return None

    def chunk(self, message: pb.BlobChunk) -> Received | None:
        """Take a piece of a blob; returns the entry with its blobs after the last piece."""
        if self._entry is None or not self._waiting:
            raise ChainBroken("a piece of a blob that no entry announced", **self._at())
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

    def _check(self, message: pb.Entry) -> bytes:
        if message.sequence != self._sequence + 1:
            raise ChainBroken(
                "an entry is missing or came twice", got=message.sequence, **self._at()
            )
        if message.WhichOneof("content") == "record":
            record_sha256 = hashlib.sha256(message.record).digest()
        else:
            record_sha256 = message.record_sha256
        expected = next_hash(self._hash, record_sha256)
        if message.prev_entry_hash != self._hash or message.entry_hash != expected:
            raise ChainBroken(
                "an entry does not continue the hash chain: the journal or the way here was"
                " tampered with, or this folder is of another time. Nothing was acknowledged",
                got=message.entry_hash.hex(),
                want=expected.hex(),
                **self._at(),
            )
        return record_sha256

    def _page_id(self, text: str) -> PageId:
        try:
            face = PageId.parse(text)
        except ValueError as error:
            raise ChainBroken(f"a record names its page wrongly: {error}", **self._at()) from error
        if face.epoch != self._epoch[:8]:
            raise ChainBroken("a page of another epoch", page_id=face, epoch=self._epoch)
        return face

    def _at(self) -> dict[str, object]:
        return {"after_sequence": self._sequence}


class _Blob:
    """One blob on its way into its part file."""

    def __init__(self, face: PageId, ref: pb.BlobRef, incoming: Path, *, alone: bool) -> None:
        self._ref = ref
        self._face = face
        role = ROLE_OF[ref.role]
        self._name = file_name(face, role, ref.media_type, alone=alone)
        self._role: Role = role
        self._path = incoming / f"{face}-{role}.part"
        self._file: BinaryIO | None = None
        self._hash = hashlib.sha256()
        self._offset = 0

    def take(self, chunk: pb.BlobChunk) -> Part | None:
        """Append a piece; returns the part after the last one."""
        fits = (
            chunk.page_id == str(self._face)
            and chunk.role == self._ref.role
            and chunk.offset_bytes == self._offset
            and self._offset + len(chunk.data) <= self._ref.size_bytes
        )
        if not fits:
            raise ChainBroken(
                "a piece of a blob out of order", page_id=self._face, offset=chunk.offset_bytes
            )
        with disk("write a received page"):
            if self._file is None:
                self._file = self._path.open("wb")
            self._file.write(chunk.data)
        self._hash.update(chunk.data)
        self._offset += len(chunk.data)
        if not chunk.last:
            return None
        self.close()
        return self._part()

    def close(self) -> None:
        """Close the part file."""
        if self._file is not None:
            with disk("write a received page"):
                self._file.close()

    def _part(self) -> Part:
        whole = self._offset == self._ref.size_bytes
        if whole and self._hash.digest() != self._ref.sha256:
            raise ChainBroken(
                "the bytes of a page are not those its record names",
                page_id=self._face,
                role=self._role,
            )
        return Part(
            page_id=str(self._face),
            role=self._role.value,
            sha256=self._ref.sha256,
            size_bytes=self._ref.size_bytes,
            name=self._name,
            part=self._path if whole else None,
        )


def _decode(message: pb.Entry) -> pb.JournalEntry:
    try:
        record = pb.JournalEntry.FromString(message.record)
    except DecodeError as error:
        raise ChainBroken("a record cannot be read", sequence=message.sequence) from error
    if record.WhichOneof("entry") is None:
        raise ChainBroken(
            "a record of a kind this version does not know: update this side first",
            sequence=message.sequence,
        )
    return record
