"""The database of a pulling court: the journal as it was pulled, and where everything lies.

    cursor   one row: whose, of which epoch, how far     entry    every entry, as it came
    page     where each page stands now                  file     every blob, and under which name
    dossier  each case: newest entry, and up to which one its manifest speaks

Rule 1: a database of an older version is brought up to date once, in one transaction; a newer one
is refused.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import apsw

from daemon.errors import ConfigError
from daemon.rpc import pages_pb2 as pb
from daemon.spool.query import rows
from daemon.stream.court import records
from daemon.stream.court.folder import sync_folder
from daemon.stream.court.place import said

DATABASE: Final = ".suian.db"
VERSION: Final = 2
_BUSY_MS: Final = 5000
_SCHEMA: Final = """
CREATE TABLE cursor (
  one INTEGER PRIMARY KEY CHECK (one = 1), consumer TEXT NOT NULL, epoch TEXT NOT NULL,
  appliance TEXT NOT NULL, instance INTEGER NOT NULL, sequence INTEGER NOT NULL,
  entry_hash BLOB NOT NULL, chain_algorithm TEXT NOT NULL DEFAULT 'sha256',
  place TEXT NOT NULL DEFAULT '') STRICT;
CREATE TABLE entry (
  sequence INTEGER PRIMARY KEY, kind TEXT NOT NULL, page_id TEXT NOT NULL, record BLOB,
  record_hash BLOB NOT NULL, entry_hash BLOB NOT NULL) STRICT;
CREATE TABLE file (
  page_id TEXT NOT NULL, role TEXT NOT NULL, sha256 BLOB NOT NULL, size_bytes INTEGER NOT NULL,
  path TEXT, PRIMARY KEY (page_id, role)) STRICT;
CREATE TABLE dossier (
  case_key TEXT PRIMARY KEY, sequence INTEGER NOT NULL, manifest_sequence INTEGER NOT NULL,
  manifest_sha256 BLOB NOT NULL DEFAULT x'') STRICT;
"""
_PAGE: Final = """
CREATE TABLE page (
  page_id TEXT PRIMARY KEY, case_key TEXT NOT NULL, volume TEXT NOT NULL) STRICT;
CREATE INDEX page_of_case ON page (case_key);
"""


def open_database(path: Path) -> apsw.Connection:
    """Open or make the database; raises ConfigError when a newer version wrote it."""
    db = apsw.Connection(str(path))
    db.set_busy_timeout(_BUSY_MS)
    db.pragma("journal_mode", "wal")
    db.pragma("synchronous", "full")
    with db:
        version = db.pragma("user_version")
        if version > VERSION:
            raise ConfigError(
                "a newer version of suian pulled into this folder: go on with that one, or pull"
                " into a new folder",
                folder=version,
                this=VERSION,
            )
        if version == 0:
            db.execute(_SCHEMA + _PAGE)
        for older in range(version or VERSION, VERSION):
            _MIGRATIONS[older](db)
        db.pragma("user_version", VERSION)
    # The log is there by now. SQLite syncs its folder too, but goes on when that fails.
    sync_folder(path.parent)
    return db


def _from_1(db: apsw.Connection) -> None:
    """Rename what is no longer always SHA-256, and find out where each page stands."""
    db.execute("ALTER TABLE entry RENAME COLUMN record_sha256 TO record_hash")
    db.execute("ALTER TABLE cursor ADD COLUMN chain_algorithm TEXT NOT NULL DEFAULT 'sha256'")
    db.execute("ALTER TABLE cursor ADD COLUMN place TEXT NOT NULL DEFAULT ''")
    db.execute("ALTER TABLE dossier ADD COLUMN manifest_sha256 BLOB NOT NULL DEFAULT x''")
    db.execute(_PAGE)
    pages = "SELECT page_id, record FROM entry WHERE kind = 'page' AND record IS NOT NULL"
    found: list[tuple[str, bytes]] = rows(db, pages)
    for page_id, record in found:
        case_key, volume = said(pb.JournalEntry.FromString(record))
        records.set_place(db, page_id, case_key or "", volume or "")
    # Manifests say more now: all are fetched again.
    db.execute("UPDATE dossier SET manifest_sequence = 0")


_MIGRATIONS: Final[Mapping[int, Callable[[apsw.Connection], None]]] = {1: _from_1}
