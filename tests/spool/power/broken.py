"""Five spools that lose pages, each one patch of the real one: the test of the test.

Rule 1: a patch stands on what it replaces. When that is renamed the patch fails, it does not
become a right spool that is never caught.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any
from unittest.mock import patch

import apsw

from daemon.errors import SpoolFailed
from daemon.spool import blobs, opening
from daemon.spool.blobs import BlobStore, file_name
from daemon.spool.ledger import Ledger
from daemon.spool.rows import Doomed


@contextmanager
def synchronous_normal() -> Iterator[None]:
    """SQLite's log is not synced at a COMMIT."""
    pragmas = dict(opening._PRAGMAS)
    if pragmas["synchronous"] != "FULL":
        raise AssertionError("the right spool commits with synchronous=FULL")
    with patch.object(opening, "_PRAGMAS", tuple((pragmas | {"synchronous": "NORMAL"}).items())):
        yield


@contextmanager
def no_file_sync() -> Iterator[None]:
    """Page files are not synced before they get their name."""
    with patch.object(blobs, "_sync", os.fstat):
        yield


@contextmanager
def no_directory_sync() -> Iterator[None]:
    """The folder of page files is not synced before the ledger commits."""
    with patch.object(BlobStore, "sync_directory", lambda self: None):
        yield


@contextmanager
def ledger_before_file() -> Iterator[None]:
    """Rows are committed before the bytes that they name are written."""

    def keep(self: Ledger, files: dict[str, bytes], work: Callable[[], Any]) -> Any:
        kept = self._do(work)
        with suppress(SpoolFailed):  # a sweep may take the file away while it is written
            self._blobs.put(files)
        self._do(lambda: None, names_files=bool(files))
        return kept

    with patch.object(Ledger, "_keep", keep):
        yield


@contextmanager
def unlink_before_strike() -> Iterator[None]:
    """Files are unlinked, and their folder is synced, before the strike of them commits.

    Without that sync the disk may keep the right order by chance: 2 to 15 % of the cuts found it.
    """
    discard_rightly = Ledger.discard

    def discard(
        self: Ledger,
        choose: Callable[[apsw.Connection], list[Doomed]],
        raw_dropped: str = "",
    ) -> list[Doomed]:
        with self.reading() as connection:
            doomed = choose(connection)
        self._blobs.remove([file_name(one.page_id, one.role) for one in doomed])
        self._blobs.sync_directory()
        return discard_rightly(self, choose, raw_dropped)

    with patch.object(Ledger, "discard", discard):
        yield


BROKEN = {
    "synchronous-normal": synchronous_normal,
    "no-file-sync": no_file_sync,
    "no-directory-sync": no_directory_sync,
    "ledger-before-file": ledger_before_file,
    "unlink-before-strike": unlink_before_strike,
}
