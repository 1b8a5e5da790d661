"""What a pulling court keeps: files, and one SQLite database that knows exactly what it has.

Rule 1: a group of entries and the cursor behind them are one transaction; files come before it.
So after a kill at any moment the cursor tells the truth, and what is pulled again replaces its
own file by name.
Rule 2: one process writes a folder; a second one is refused.
"""

import fcntl
import os
import shutil
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import apsw

from daemon.errors import ConfigError, EpochChanged, SpoolFailed
from daemon.stream.court_folder import (
    MANIFEST,
    disk,
    make_folder,
    segment,
    sync_file,
    sync_folders,
    write_whole,
)

DATABASE: Final = ".suian.db"
_INCOMING: Final = ".suian.incoming"
_SCHEMA_VERSION: Final = 1
_SYNCING_THREADS: Final = 4
_SCHEMA: Final = """
CREATE TABLE cursor (
  one INTEGER PRIMARY KEY CHECK (one = 1), consumer TEXT NOT NULL, epoch TEXT NOT NULL,
  appliance TEXT NOT NULL, instance INTEGER NOT NULL, sequence INTEGER NOT NULL,
  entry_hash BLOB NOT NULL) STRICT;
CREATE TABLE entry (
  sequence INTEGER PRIMARY KEY, kind TEXT NOT NULL, page_id TEXT NOT NULL, record BLOB,
  record_sha256 BLOB NOT NULL, entry_hash BLOB NOT NULL) STRICT;
CREATE TABLE file (
  page_id TEXT NOT NULL, role TEXT NOT NULL, sha256 BLOB NOT NULL, size_bytes INTEGER NOT NULL,
  path TEXT, PRIMARY KEY (page_id, role)) STRICT;
CREATE TABLE dossier (
  case_key TEXT PRIMARY KEY, sequence INTEGER NOT NULL, manifest_sequence INTEGER NOT NULL) STRICT;
"""


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far this folder is: the last entry it holds, and the chain up to it."""

    epoch: str
    sequence: int
    entry_hash: bytes


@dataclass(frozen=True, slots=True)
class Part:
    """One received blob: its bytes in a part file, or None when the appliance has lost them."""

    page_id: str
    role: str
    sha256: bytes
    size_bytes: int
    name: str
    part: Path | None


@dataclass(frozen=True, slots=True)
class Received:
    """One entry, checked, with the blobs that came with it. `record` is None when redacted."""

    sequence: int
    kind: str
    page_id: str
    case_key: str
    volume: str
    record: bytes | None
    record_sha256: bytes
    entry_hash: bytes
    parts: tuple[Part, ...] = ()

    @property
    def size_bytes(self) -> int:
        """Bytes of record and blobs."""
        return len(self.record or b"") + sum(part.size_bytes for part in self.parts)


class CourtStore:
    """One pulled folder. Opened by one process and used by one thread; `incoming` by any.

    Parameters
    ----------
    directory
        Made when missing.
    consumer
        The name under which is pulled; a folder belongs to one.

    Raises
    ------
    ConfigError
        If another process pulls into the folder, or it belongs to another consumer.
    SpoolFailed
        If the disk or the database fails.
    """

    def __init__(self, directory: Path, consumer: str) -> None:
        self.directory = directory
        self.incoming = directory / _INCOMING
        with _storing("open the folder"):
            make_folder(directory)
            self._lock = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
            try:
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                os.close(self._lock)
                raise ConfigError(
                    "another process pulls into this folder", directory=directory
                ) from error
            shutil.rmtree(self.incoming, ignore_errors=True)
            self.incoming.mkdir()
            self._db = _open(directory / DATABASE)
        self._syncers = ThreadPoolExecutor(_SYNCING_THREADS, "court-sync")
        self._adopt_consumer(consumer)

    def close(self) -> None:
        """Let go of the folder."""
        self._syncers.shutdown()
        with _storing("close the database"):
            self._db.close()
            shutil.rmtree(self.incoming, ignore_errors=True)
            os.close(self._lock)

    @property
    def cursor(self) -> Cursor:
        """How far this folder is."""
        row = self._db.execute("SELECT epoch, sequence, entry_hash FROM cursor").get
        return Cursor(*row)

    def next_instance(self) -> int:
        """Return the start time in ns, above every earlier one even when the clock was set back."""
        with _storing("write the cursor"):
            rising = self._db.execute(
                "UPDATE cursor SET instance = max(instance + 1, ?) RETURNING instance",
                (time.time_ns(),),
            )
            return int(rising.get)

    def adopt(self, epoch: str, appliance: str, first_hash: bytes) -> None:
        """Bind the folder to an epoch at the first contact.

        Raises
        ------
        EpochChanged
            If it is bound to another.
        """
        known = self.cursor.epoch
        if known == epoch:
            return
        if known:
            raise EpochChanged(
                "the appliance keeps another journal than this folder was pulled from: its disk"
                " was replaced or it is another appliance. Keep this folder as it is, find out"
                " which, and pull the new journal into a new folder",
                folder=known,
                appliance=epoch,
            )
        with _storing("write the cursor"):
            self._db.execute(
                "UPDATE cursor SET epoch = ?, appliance = ?, entry_hash = ?",
                (epoch, appliance, first_hash),
            )

    def commit(self, group: Sequence[Received]) -> None:
        """Make a group of entries, their files and the cursor durable, in that order."""
        if not group:
            return
        with _storing("store pulled pages"):
            parts = [part.part for entry in group for part in entry.parts if part.part]
            list(self._syncers.map(sync_file, parts))
            paths = {
                (part.page_id, part.role): self._place(entry, part)
                for entry in group
                for part in entry.parts
                if part.part is not None
            }
            sync_folders(path.parent for path in paths.values())
            with self._db:
                for entry in group:
                    self._insert(entry, paths)
                last = group[-1]
                self._db.execute(
                    "UPDATE cursor SET sequence = ?, entry_hash = ?",
                    (last.sequence, last.entry_hash),
                )

    def cases_without_manifest(self) -> list[str]:
        """Name the cases that grew since their manifest was written."""
        rows = self._db.execute(
            "SELECT case_key FROM dossier WHERE manifest_sequence < sequence ORDER BY case_key"
        )
        return [str(row[0]) for row in rows]

    def keep_manifest(self, case_key: str, manifest: bytes, sequence: int) -> None:
        """Write a case's manifest beside its volumes; it speaks of all entries to `sequence`."""
        with _storing("write a manifest"):
            write_whole(self.directory / segment(case_key) / MANIFEST, manifest)
            self._db.execute(
                "UPDATE dossier SET manifest_sequence = ? WHERE case_key = ?", (sequence, case_key)
            )

    def _adopt_consumer(self, consumer: str) -> None:
        with _storing("open the database"):
            self._db.execute(
                "INSERT INTO cursor VALUES (1, ?, '', '', 0, 0, x'') ON CONFLICT DO NOTHING",
                (consumer,),
            )
            known = self._db.execute("SELECT consumer FROM cursor").get
        if known != consumer:
            self.close()
            raise ConfigError(
                "this folder was pulled by another consumer", folder=known, now=consumer
            )

    def _place(self, entry: Received, part: Part) -> Path:
        folder = self.directory / segment(entry.case_key) / segment(entry.volume)
        make_folder(folder)
        path = folder / part.name
        if part.part is not None:
            part.part.replace(path)
        return path

    def _insert(self, entry: Received, paths: dict[tuple[str, str], Path]) -> None:
        self._db.execute(
            "INSERT INTO entry VALUES (?, ?, ?, ?, ?, ?)",
            (
                entry.sequence,
                entry.kind,
                entry.page_id,
                entry.record,
                entry.record_sha256,
                entry.entry_hash,
            ),
        )
        for part in entry.parts:
            path = paths.get((part.page_id, part.role))
            relative = None if path is None else str(path.relative_to(self.directory))
            self._db.execute(
                "INSERT INTO file VALUES (?, ?, ?, ?, ?)"
                " ON CONFLICT DO UPDATE SET path = coalesce(excluded.path, path)",
                (part.page_id, part.role, part.sha256, part.size_bytes, relative),
            )
        if entry.case_key:
            self._db.execute(
                "INSERT INTO dossier VALUES (?, ?, 0)"
                " ON CONFLICT DO UPDATE SET sequence = excluded.sequence",
                (entry.case_key, entry.sequence),
            )


def _open(path: Path) -> apsw.Connection:
    db = apsw.Connection(str(path))
    db.set_busy_timeout(5000)
    db.pragma("journal_mode", "wal")
    db.pragma("synchronous", "full")
    with db:
        version = db.pragma("user_version")
        if version == 0:
            db.execute(_SCHEMA)
            db.pragma("user_version", _SCHEMA_VERSION)
        elif version != _SCHEMA_VERSION:
            raise ConfigError("this folder was pulled by another version of suian", version=version)
    return db


@contextmanager
def _storing(doing: str) -> Iterator[None]:
    """Translate what the disk or the database says; raises SpoolFailed."""
    try:
        with disk(doing):
            yield
    except apsw.Error as error:
        raise SpoolFailed(f"cannot {doing}: {error}") from error
