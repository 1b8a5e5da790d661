"""A spool opened for reading: its connections, its epoch, its journal.

Rule 1: readers have connections of their own that cannot write; each question is answered from one
snapshot, which never holds up the writer.
"""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import apsw

from daemon.errors import ConfigError, InputError, SpoolCorrupt, SpoolFailed
from daemon.page import PageId
from daemon.spool.chain import Chain
from daemon.spool.journal import EntryKind, StoredEntry
from daemon.spool.query import row, rows, value

DATABASE: Final = "ledger.db"
SCHEMA_VERSION: Final = 2
PAGES: Final = "pages"
BUSY_MS: Final = 5000
MAX_SEQUENCE: Final = 2**63 - 1
_HASH_AT: Final = "SELECT entry_hash FROM entry WHERE sequence = ?"
_ENTRIES: Final = """
    SELECT sequence, kind, page_id, record, record_hash, entry_hash, prev_entry_hash, secondary
    FROM entry WHERE sequence > ? ORDER BY sequence LIMIT ?
"""


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
        self._meta: tuple[str, Chain] | None = None

    @property
    def epoch(self) -> str:
        """The journal's identity, a UUID as text; another one means another journal."""
        return self._identity[0]

    @property
    def chain(self) -> Chain:
        """The hash chain of the epoch."""
        return self._identity[1]

    @property
    def _identity(self) -> tuple[str, Chain]:
        if self._meta is None:
            with self.reading() as connection:
                found = row(connection, "SELECT epoch, algorithm FROM meta")
            if found is None:
                raise SpoolCorrupt("the ledger does not say which journal it keeps")
            self._meta = (found[0], Chain(found[1]))
        return self._meta

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
        version = connection.pragma("user_version")
        if version != SCHEMA_VERSION:
            connection.close()
            raise ConfigError(
                "the ledger is of another version: start the daemon of this version once, or use"
                " the commands of the one that wrote it",
                found=version,
                known=SCHEMA_VERSION,
            )
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
        return (0, self.chain.first(self.epoch)) if found is None else (found[0], found[1])

    def entry_hash(self, sequence: int) -> bytes:
        """Return the chain hash at a sequence; raises InputError when there is no such entry."""
        if sequence == 0:
            return self.chain.first(self.epoch)
        with self.reading() as connection:
            found = value(connection, _HASH_AT, sequence) if sequence <= MAX_SEQUENCE else None
        if found is None:
            raise InputError("the journal has no such entry", sequence=sequence)
        return bytes(found)

    def entries_after(self, sequence: int, limit: int) -> list[StoredEntry]:
        """Return up to `limit` entries that follow a sequence."""
        with self.reading() as connection:
            found = rows(connection, _ENTRIES, min(sequence, MAX_SEQUENCE), limit)
        return [
            StoredEntry(
                sequence=number,
                kind=EntryKind(kind),
                page_id=None if page_id is None else PageId.parse(page_id),
                record=record,
                record_hash=record_hash,
                entry_hash=entry_hash,
                prev_entry_hash=prev,
                secondary=bool(secondary),
            )
            for number, kind, page_id, record, record_hash, entry_hash, prev, secondary in found
        ]

    def released_sequence(self) -> int:
        """Return the newest entry behind which bytes were sent that have been let go since."""
        with self.reading() as connection:
            return int(value(connection, "SELECT released_sequence FROM meta"))

    def verify_chain(self) -> int:
        """Follow the chain from its first entry; returns its length.

        Raises
        ------
        SpoolCorrupt
            At the first entry that is missing, was changed, or does not continue the chain.
        """
        sequence, prev = 0, self.chain.first(self.epoch)
        while entries := self.entries_after(sequence, 256):
            for entry in entries:
                sequence += 1
                digest = self.chain.digest(entry.record)
                expected = self.chain.next(prev, digest)
                if (entry.sequence, entry.record_hash, entry.prev_entry_hash) != (
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
