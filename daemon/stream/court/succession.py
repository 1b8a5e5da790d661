"""Whether an entry follows the one before it: its sequence, its chain, its record.

Rule 1: an entry is taken only when its sequence follows and its hash continues the chain.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from google.protobuf.message import DecodeError

from daemon.errors import ChainBroken
from daemon.page import PageId, Role
from daemon.rpc import pages_pb2 as pb
from daemon.stream.codec import ROLE_OF, blobs_behind
from daemon.stream.court.folder import file_name
from daemon.stream.court.place import said
from daemon.stream.court.received import Cursor, Part, Received

REDACTED: Final = "redacted"


@dataclass(frozen=True, slots=True)
class Announced:
    """A blob that follows an entry: whose it is, what it is, and its file name."""

    face: PageId
    ref: pb.BlobRef
    name: str

    @property
    def role(self) -> Role:
        """What its bytes are."""
        return ROLE_OF[self.ref.role]

    def part(self, path: Path | None, *, released: bool = False, kept: bool = False) -> Part:
        """Return what became of it."""
        return Part(
            page_id=str(self.face),
            role=self.role.value,
            sha256=self.ref.sha256,
            size_bytes=self.ref.size_bytes,
            name=self.name,
            part=path,
            released=released,
            kept=kept,
        )


class Succession:
    """Checks entries one after the other.

    Parameters
    ----------
    cursor
        The last entry that is held; the first one taken must follow it.
    """

    def __init__(self, cursor: Cursor) -> None:
        self._epoch = cursor.epoch
        self._chain = cursor.chain
        self._sequence = cursor.sequence
        self._hash = cursor.entry_hash

    @property
    def sequence(self) -> int:
        """Of the last entry that was taken."""
        return self._sequence

    @property
    def entry_hash(self) -> bytes:
        """Of the last entry that was taken."""
        return self._hash

    def take(self, message: pb.Entry) -> tuple[Received, tuple[Announced, ...]]:
        """Return the entry without its blobs, and the blobs that follow it.

        Raises
        ------
        ChainBroken
            If it does not follow, or cannot be read.
        ContractError
            If it names a case or a material that this version does not know.
        """
        record_hash = self._check(message)
        self._sequence, self._hash = message.sequence, message.entry_hash
        if message.WhichOneof("content") == "record_hash":
            bare = Received(
                sequence=message.sequence,
                kind=REDACTED,
                page_id="",
                case_key=None,
                volume=None,
                record=None,
                record_hash=record_hash,
                entry_hash=message.entry_hash,
            )
            return bare, ()
        entry = _decode(message)
        kind = str(entry.WhichOneof("entry"))
        page_id = entry.page.page_id if kind == "page" else entry.amendment.page_id
        case_key, volume = said(entry)
        received = Received(
            sequence=message.sequence,
            kind=kind,
            page_id=page_id,
            case_key=case_key,
            volume=volume,
            record=message.record,
            record_hash=record_hash,
            entry_hash=message.entry_hash,
        )
        return received, self._announced(page_id, blobs_behind(entry))

    def _check(self, message: pb.Entry) -> bytes:
        if message.sequence != self._sequence + 1:
            raise ChainBroken(
                "an entry is missing or came twice", got=message.sequence, **self.at()
            )
        if message.WhichOneof("content") == "record":
            record_hash = self._chain.digest(message.record)
        else:
            record_hash = message.record_hash
        expected = self._chain.next(self._hash, record_hash)
        if message.prev_entry_hash != self._hash or message.entry_hash != expected:
            raise ChainBroken(
                "an entry does not continue the hash chain: the journal or the way here was"
                " tampered with, or this folder is of another time. Nothing was acknowledged",
                got=message.entry_hash.hex(),
                want=expected.hex(),
                **self.at(),
            )
        return record_hash

    def _announced(self, page_id: str, refs: tuple[pb.BlobRef, ...]) -> tuple[Announced, ...]:
        if not refs:
            return ()
        face = self._page_id(page_id)
        alone = all(ref.role != pb.BLOB_ROLE_PAGE for ref in refs)
        return tuple(
            Announced(face, ref, file_name(face, ROLE_OF[ref.role], ref.media_type, alone=alone))
            for ref in refs
        )

    def _page_id(self, text: str) -> PageId:
        try:
            face = PageId.parse(text)
        except ValueError as error:
            raise ChainBroken(f"a record names its page wrongly: {error}", **self.at()) from error
        if face.epoch != self._epoch[:8]:
            raise ChainBroken("a page of another epoch", page_id=face, epoch=self._epoch)
        return face

    def at(self) -> dict[str, object]:
        """Return where the check is, as facts of an error."""
        return {"after_sequence": self._sequence}


def _decode(message: pb.Entry) -> pb.JournalEntry:
    try:
        entry = pb.JournalEntry.FromString(message.record)
    except DecodeError as error:
        raise ChainBroken("a record cannot be read", sequence=message.sequence) from error
    if entry.WhichOneof("entry") is None:
        raise ChainBroken(
            "a record of a kind this version does not know: update this side first",
            sequence=message.sequence,
        )
    return entry
