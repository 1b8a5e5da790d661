"""Opening a ledger: the writing connection, the schema, the epoch, and what a crash has left.

Rule 1: page files without a ledger are nobody's to delete: such a spool is refused.
Rule 2: a file of this epoch that no row names was never announced, and a file whose row is struck
may go: both are removed at the start. A file that a row names is never touched.
"""

import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Final

import apsw

from daemon.errors import ConfigError, SpoolCorrupt, SpoolFailed
from daemon.page import PageId, Role
from daemon.spool.blobs import BlobStore, file_name, parse_name, sync_folder
from daemon.spool.query import rows, value
from daemon.spool.reader import BUSY_MS, DATABASE

SCHEMA: Final = Path(__file__).with_name("schema.sql")
SCHEMA_VERSION: Final = 1
_PRAGMAS: Final = (
    ("journal_mode", "WAL"),
    ("synchronous", "FULL"),
    ("foreign_keys", 1),
    ("trusted_schema", 0),
)


def open_ledger(directory: Path, blobs: BlobStore, now: Callable[[], float]) -> apsw.Connection:
    """Return the writing connection of a spool; makes the ledger of a new one.

    Raises
    ------
    ConfigError
        If page files lie here without a ledger, or another version wrote it.
    SpoolCorrupt, SpoolFailed
        If it is damaged or cannot be opened.
    """
    path = directory / DATABASE
    if not path.exists() and any(parse_name(name) for name in blobs.names()):
        raise ConfigError(
            "page files lie in this spool but its ledger is gone: put the ledger back, or move the"
            " files away, for nobody knows what they are",
            spool=directory,
        )
    try:
        return _connect(path, now())
    except (apsw.CorruptError, apsw.NotADBError) as error:
        raise SpoolCorrupt(f"the ledger is damaged: {error}") from error
    except (apsw.Error, OSError) as error:
        raise SpoolFailed(f"the ledger cannot be opened: {error}") from error


def _connect(path: Path, now: float) -> apsw.Connection:
    connection = apsw.Connection(str(path))
    connection.set_busy_timeout(BUSY_MS)
    for pragma, setting in _PRAGMAS:
        connection.pragma(pragma, setting)
    version = connection.pragma("user_version")
    if version not in (0, SCHEMA_VERSION):
        raise ConfigError(
            "this spool was written by another version", found=version, known=SCHEMA_VERSION
        )
    if version == 0:
        with connection:
            connection.execute(SCHEMA.read_text(encoding="utf-8"))
            connection.execute("INSERT INTO meta VALUES (1, ?, ?)", (str(uuid.uuid4()), now))
            connection.pragma("user_version", SCHEMA_VERSION)
        for folder in (path.parent, path.parent.parent):
            sync_folder(folder)
    return connection


def epoch_of(connection: apsw.Connection) -> str:
    """Return the text of the epoch."""
    return str(value(connection, "SELECT epoch FROM meta"))


def remove_strays(connection: apsw.Connection, blobs: BlobStore, epoch: str) -> None:
    """Remove the files of this epoch that no row names; files of others are left alone."""
    named = {
        file_name(PageId.parse(page_id), Role(role))
        for page_id, role in rows(
            connection, "SELECT page_id, role FROM blob WHERE deleted_at IS NULL"
        )
    }
    blobs.remove(
        [
            name
            for name in blobs.names()
            if (found := parse_name(name)) and found[0].epoch == epoch[:8] and name not in named
        ]
    )
