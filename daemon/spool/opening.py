"""Opening a ledger: the writing connection, the schema, the epoch, and what a crash has left.

Rule 1: page files without a ledger are nobody's to delete: such a spool is refused.
Rule 2: an older ledger is brought to the tables of this version in one transaction, a newer one is
refused.
Rule 3: a file of this epoch that no row names was never announced, and a file whose row is struck
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
from daemon.spool.chain import Chain
from daemon.spool.query import row, rows
from daemon.spool.reader import BUSY_MS, DATABASE, SCHEMA_VERSION

SCHEMA: Final = Path(__file__).with_name("schema.sql")
MIGRATIONS: Final = Path(__file__).with_name("migrations")
_PRAGMAS: Final = (
    ("journal_mode", "WAL"),
    ("synchronous", "FULL"),
    ("foreign_keys", 1),
    ("trusted_schema", 0),
)


def open_ledger(
    directory: Path, blobs: BlobStore, chain: Chain, now: Callable[[], float]
) -> apsw.Connection:
    """Return the writing connection of a spool; makes the ledger of a new one.

    Parameters
    ----------
    chain
        Of a new journal; the one that is here must have the same.

    Raises
    ------
    ConfigError
        If page files lie here without a ledger, a newer version wrote it, or its chain is another.
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
        return _connect(path, chain, now())
    except (apsw.CorruptError, apsw.NotADBError) as error:
        raise SpoolCorrupt(f"the ledger is damaged: {error}") from error
    except (apsw.Error, OSError) as error:
        raise SpoolFailed(f"the ledger cannot be opened: {error}") from error


def _connect(path: Path, chain: Chain, now: float) -> apsw.Connection:
    connection = apsw.Connection(str(path))
    connection.set_busy_timeout(BUSY_MS)
    for pragma, setting in _PRAGMAS:
        connection.pragma(pragma, setting)
    version = int(connection.pragma("user_version"))
    if version > SCHEMA_VERSION:
        raise ConfigError(
            "this spool was written by a newer version of suian: install that one again",
            found=version,
            known=SCHEMA_VERSION,
        )
    if version == 0:
        _make(connection, chain, now)
        sync_folder(path.parent.parent)
    elif version < SCHEMA_VERSION:
        _bring_up(connection, version)
    _check_chain(connection, chain)
    # The log is there by now. SQLite syncs its folder too, but goes on when that fails.
    sync_folder(path.parent)
    return connection


def _make(connection: apsw.Connection, chain: Chain, now: float) -> None:
    with connection:
        connection.execute(SCHEMA.read_text(encoding="utf-8"))
        connection.execute(
            "INSERT INTO meta (one, epoch, created_at, algorithm) VALUES (1, ?, ?, ?)",
            (str(uuid.uuid4()), now, chain.algorithm),
        )
        connection.pragma("user_version", SCHEMA_VERSION)


def _bring_up(connection: apsw.Connection, found: int) -> None:
    with connection:
        for version in range(found + 1, SCHEMA_VERSION + 1):
            connection.execute((MIGRATIONS / f"{version}.sql").read_text(encoding="utf-8"))
        connection.pragma("user_version", SCHEMA_VERSION)


def _check_chain(connection: apsw.Connection, chain: Chain) -> None:
    found = row(connection, "SELECT algorithm FROM meta")
    if found is None:
        raise SpoolCorrupt("the ledger does not say which journal it keeps")
    if found[0] != chain.algorithm:
        raise ConfigError(
            "a journal keeps its hash algorithm: set spool.chain back, or start a new journal in an"
            " empty spool.dir after everything here was acknowledged",
            journal=found[0],
            configured=chain.algorithm,
        )


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
