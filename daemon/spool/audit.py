"""The audit: everything the ledger promises, asked of the ledger and the disk as they are.

Rule 1: nothing is believed that can be read: laws in SQL, the chain record by record, every byte.
Rule 2: nothing is written, so a running daemon does not matter.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from daemon.errors import InputError, SpoolCorrupt
from daemon.page import PageId, Role
from daemon.spool.accounts import Accounts
from daemon.spool.blobs import BlobStore, file_name
from daemon.spool.book import CONSERVATION
from daemon.spool.query import rows
from daemon.spool.reader import PAGES
from daemon.spool.rows import Breach

_JOURNAL: Final = Path(__file__).with_name("journal.sql").read_text(encoding="utf-8")
_PRESENT: Final = "SELECT page_id, role FROM blob WHERE deleted_at IS NULL ORDER BY page_id, role"


@dataclass(frozen=True, slots=True)
class Audit:
    """What an audit has looked at, and what is wrong.

    Attributes
    ----------
    entries
        Length of the chain, as far as it holds.
    files, size_bytes
        Page files that were read whole.
    problems
        Sentences; empty when everything holds.
    """

    entries: int
    files: int
    size_bytes: int
    problems: tuple[str, ...]


def breaches(accounts: Accounts) -> list[Breach]:
    """Return where the ledger breaks its own laws; empty when it does not."""
    with accounts.reading() as connection:
        found = [*rows(connection, CONSERVATION), *rows(connection, _JOURNAL)]
    return [Breach(*one) for one in found]


def audit(directory: Path, progress: Callable[[int], None]) -> Audit:
    """Check a spool, with or without a running daemon.

    Parameters
    ----------
    directory
        The spool.
    progress
        Called with the number of files read so far.

    Raises
    ------
    ConfigError, SpoolFailed
        If there is no ledger or it cannot be read.
    """
    accounts = Accounts(directory)
    problems: list[str] = []
    try:
        problems += [_sentence(breach) for breach in breaches(accounts)]
        problems += _database(accounts)
        entries = _chain(accounts, problems)
        files, size_bytes = _files(accounts, BlobStore(directory / PAGES), problems, progress)
    finally:
        accounts.close()
    return Audit(entries, files, size_bytes, tuple(problems))


def _sentence(breach: Breach) -> str:
    where = "" if breach.batch is None else f"batch {breach.batch} "
    return f"{where}{breach.name}: {breach.law}: it does not hold".lstrip(": ")


def _database(accounts: Accounts) -> list[str]:
    with accounts.reading() as connection:
        said = [text for (text,) in rows(connection, "PRAGMA integrity_check") if text != "ok"]
        foreign = rows(connection, "PRAGMA foreign_key_check")
    return [f"the database: {text}" for text in said] + [
        f"the database: a row of {table} names a row of {parent} that is not there"
        for table, _, parent, _ in foreign
    ]


def _chain(accounts: Accounts, problems: list[str]) -> int:
    try:
        return accounts.verify_chain()
    except SpoolCorrupt as error:
        problems.append(str(error))
        return 0


def _files(
    accounts: Accounts, store: BlobStore, problems: list[str], progress: Callable[[int], None]
) -> tuple[int, int]:
    with accounts.reading() as connection:
        present = rows(connection, _PRESENT)
    files = size_bytes = 0
    for text, role in present:
        page_id = PageId.parse(text)
        try:
            size_bytes += _read(accounts, store, page_id, Role(role))
            files += 1
            progress(files)
        except InputError:
            continue  # let go since
        except SpoolCorrupt as error:
            problems.append(str(error))
    return files, size_bytes


def _read(accounts: Accounts, store: BlobStore, page_id: PageId, role: Role) -> int:
    ref = accounts.blob(page_id, role)
    try:
        store.check(file_name(page_id, role), ref)
    except SpoolCorrupt:
        accounts.blob(page_id, role)  # was it let go in between?
        raise
    return ref.size_bytes
