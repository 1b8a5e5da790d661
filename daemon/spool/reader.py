"""A spool opened for reading: its connections, its epoch, its journal.

Rule 1: readers have connections of their own that cannot write; each question is answered from one
snapshot, which never holds up the writer.
"""

import hashlib
import os
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import apsw

from daemon.errors import ConfigError, InputError, SpoolCorrupt, SpoolFailed
from daemon.page import BlobRef, PageId, Role
from daemon.spool.journal import EntryKind, StoredEntry, first_hash, next_hash
from daemon.spool.query import row, rows, value

DATABASE: Final = "ledger.db"
PAGES: Final = "pages"
BUSY_MS: Final = 5000
MAX_SEQUENCE: Final = 2**63 - 1
_HASH_AT: Final = "SELECT entry_hash FROM entry WHERE sequence = ?"
_ENTRIES: Final = """
    SELECT sequence, kind, page_id, record, record_sha256, entry_hash, prev_entry_hash, secondary
    FROM entry WHERE sequence > ? ORDER BY sequence LIMIT ?
"""
_BLOBS: Final = """
    SELECT b.page_id, b.role, b.media_type, b.sha256, b.size_bytes
    FROM face f JOIN blob b ON b.page_id = f.page_id
    WHERE f.sequence BETWEEN ? AND ? AND b.deleted_at IS NULL
"""
_ROLE_ORDER: Final = {role: place for place, role in enumerate(Role)}


class Reader:
    """Reads the journal of a spool; safe from any thread, with or without a running daemon.

    Parameters
    ----------
    directory
        The spool.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._idle: list[apsw.Connection] = []
        self._idle_lock = threading.Lock()
        self._epoch = ""

    @property
    def epoch(self) -> str:
        """The journal's identity, a UUID as text; another one means another journal."""
        if not self._epoch:
            with self.reading() as connection:
                self._epoch = str(value(connection, "SELECT epoch FROM meta"))
        return self._epoch

    @property
    def epoch8(self) -> str:
        """The first 8 digits of the epoch, as page ids carry it."""
        return self.epoch[:8]

    def close(self) -> None:
        """Close the connections that are not in use."""
        with self._idle_lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    @contextmanager
    def reading(self) -> Iterator[apsw.Connection]:
        """Lend a connection that cannot write, with one snapshot for the whole block.

        Raises
        ------
        ConfigError
            If there is no ledger.
        SpoolCorrupt, SpoolFailed
            If it is damaged or cannot be read.
        """
        with _translated():
            connection = self._borrow()
            try:
                with connection:
                    yield connection
            finally:
                with self._idle_lock:
                    self._idle.append(connection)

    def _borrow(self) -> apsw.Connection:
        with self._idle_lock:
            if self._idle:
                return self._idle.pop()
        connection = apsw.Connection(
            self._address(), flags=apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI
        )
        connection.set_busy_timeout(BUSY_MS)
        return connection

    def _address(self) -> str:
        """Return where the ledger lies, as SQLite's URI."""
        path = self._directory / DATABASE
        try:
            if not path.exists():
                raise ConfigError("there is no ledger in this spool", spool=self._directory)
        except PermissionError as error:
            raise ConfigError(
                "only the group of the daemon may look into this spool", spool=self._directory
            ) from error
        # Without a log the ledger was closed and is whole; then SQLite must not want to make one,
        # for who may only read the folder could not.
        closed = not path.with_name(f"{DATABASE}-wal").exists()
        still = closed and not os.access(self._directory, os.W_OK)
        return f"{path.absolute().as_uri()}{'?immutable=1' if still else ''}"

    # -- the journal --------------------------------------------------------------------------

    def last(self) -> tuple[int, bytes]:
        """Return the newest sequence and its hash; (0, first hash) for an empty journal."""
        with self.reading() as connection:
            found = row(
                connection, "SELECT sequence, entry_hash FROM entry ORDER BY sequence DESC LIMIT 1"
            )
        return (0, first_hash(self.epoch)) if found is None else (found[0], found[1])

    def entry_hash(self, sequence: int) -> bytes:
        """Return the chain hash at a sequence; raises InputError when there is no such entry."""
        if sequence == 0:
            return first_hash(self.epoch)
        with self.reading() as connection:
            found = value(connection, _HASH_AT, sequence) if sequence <= MAX_SEQUENCE else None
        if found is None:
            raise InputError("the journal has no such entry", sequence=sequence)
        return bytes(found)

    def entries_after(self, sequence: int, limit: int) -> list[StoredEntry]:
        """Return up to `limit` entries that follow a sequence."""
        with self.reading() as connection:
            found = rows(connection, _ENTRIES, min(sequence, MAX_SEQUENCE), limit)
            blobs: dict[str, list[BlobRef]] = {}
            if found:
                for page_id, *ref in rows(connection, _BLOBS, found[0][0], found[-1][0]):
                    blobs.setdefault(page_id, []).append(ref_of(ref))
        return [
            StoredEntry(
                sequence=number,
                kind=EntryKind(kind),
                page_id=None if page_id is None else PageId.parse(page_id),
                record=record,
                record_sha256=record_sha256,
                entry_hash=entry_hash,
                prev_entry_hash=prev,
                secondary=bool(secondary),
                blobs=ordered(blobs.get(page_id, ())) if kind == EntryKind.PAGE else (),
            )
            for number, kind, page_id, record, record_sha256, entry_hash, prev, secondary in found
        ]

    def verify_chain(self) -> int:
        """Follow the chain from its first entry; returns its length.

        Raises
        ------
        SpoolCorrupt
            At the first entry that is missing, was changed, or does not continue the chain.
        """
        sequence, prev = 0, first_hash(self.epoch)
        while entries := self.entries_after(sequence, 256):
            for entry in entries:
                sequence += 1
                digest = hashlib.sha256(entry.record).digest()
                expected = next_hash(prev, digest)
                if (entry.sequence, entry.record_sha256, entry.prev_entry_hash) != (
                    sequence,
                    digest,
                    prev,
                ) or entry.entry_hash != expected:
                    raise SpoolCorrupt("the journal's chain is broken", sequence=sequence)
                prev = expected
        return sequence


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except (apsw.CorruptError, apsw.NotADBError) as error:
        raise SpoolCorrupt(f"the ledger is damaged: {error}") from error
    except apsw.Error as error:
        raise SpoolFailed(f"the ledger cannot be read: {error}") from error


def ref_of(found: Any) -> BlobRef:
    """Turn (role, media type, hash, size) into a reference."""
    role, media_type, sha256, size_bytes = found
    return BlobRef(Role(role), media_type, sha256, size_bytes)


def ordered(refs: Iterable[BlobRef]) -> tuple[BlobRef, ...]:
    """Sort by role, as a record lists them."""
    return tuple(sorted(refs, key=lambda ref: _ROLE_ORDER[ref.role]))
