"""The reckoning at the end of a demonstration: what was fed, what was kept, what the court holds.

Rule 1: nothing here believes the daemon or the puller: sheets are counted in the ledger, files are
read and hashed again, and the court's entries are compared with the journal one by one.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import apsw

from daemon.dossier import verifier
from daemon.page import Fate, Role
from daemon.spool.accounts import Accounts
from daemon.spool.query import rows
from daemon.stream.court.store import DATABASE

_AT_ONCE: Final = 256


@dataclass(frozen=True, slots=True)
class Reckoning:
    """The account of a demonstration. It closes when `problems` is empty.

    Attributes
    ----------
    sheets, faces
        Fed into the paper path, and their sides.
    counts
        Faces by fate.
    entries
        Entries of the journal; `acknowledged` of them by the court.
    files, size_bytes
        Page files that lie at the court.
    verified
        What the manifest's verification says.
    """

    sheets: int
    faces: int
    counts: Mapping[Fate, int]
    entries: int
    acknowledged: int
    files: int
    size_bytes: int
    verified: str
    problems: tuple[str, ...]


def reckon(spool: Path, court: Path, consumer: str) -> Reckoning:
    """Compare a spool with the folder a court has pulled from it."""
    accounts = Accounts(spool)
    try:
        return _reckon(accounts, court, consumer)
    finally:
        accounts.close()


def _reckon(accounts: Accounts, court: Path, consumer: str) -> Reckoning:
    batches = [accounts.batch_account(n) for n in accounts.batch_numbers(_AT_ONCE)]
    counts = accounts.totals()
    faces = sum(len(batch.faces) for batch in batches)
    acknowledged = next((c.acknowledged for c in accounts.consumers() if c.name == consumer), 0)
    connection = apsw.Connection(str(court / DATABASE), flags=apsw.SQLITE_OPEN_READONLY)
    try:
        held = {
            page_id: (path, sha256)
            for page_id, path, sha256 in rows(
                connection,
                "SELECT page_id, path, sha256 FROM file WHERE role IN (?, ?)",
                Role.PAGE.value,
                Role.ORIGINAL.value,
            )
        }
        problems = [*_sum(faces, counts, accounts), *_journal(accounts, connection, acknowledged)]
    finally:
        connection.close()
    problems += _pages(accounts, court, held)
    findings = verifier.verify(court)
    problems += findings.problems
    files = [court / path for path, _ in held.values() if path]
    return Reckoning(
        sheets=sum(batch.sheets for batch in batches),
        faces=faces,
        counts=counts,
        entries=accounts.last()[0],
        acknowledged=acknowledged,
        files=len(files),
        size_bytes=sum(file.stat().st_size for file in files if file.exists()),
        verified="verified" if not findings.problems else "FAILED",
        problems=tuple(problems),
    )


def _sum(faces: int, counts: Mapping[Fate, int], accounts: Accounts) -> Iterator[str]:
    if accounts.open_faces():
        yield f"{accounts.open_faces()} faces have no fate"
    if sum(counts.values()) != faces:
        yield f"{faces} faces were captured, {sum(counts.values())} are accounted for"
    for batch in accounts.open_batches():
        yield f"batch {batch.number} is not closed"


def _journal(accounts: Accounts, court: apsw.Connection, acknowledged: int) -> Iterator[str]:
    """Compare entry by entry: the court holds the journal, all of it and nothing else."""
    last = accounts.last()[0]
    if acknowledged != last:
        yield f"the court acknowledged {acknowledged} of {last} entries"
    held = rows(court, "SELECT sequence, record_hash, entry_hash FROM entry ORDER BY sequence")
    if [sequence for sequence, *_ in held] != list(range(1, last + 1)):
        yield f"the court holds {len(held)} of {last} entries, or not in order"
        return
    for entry in _entries(accounts, last):
        if held[entry[0] - 1] != entry:
            yield f"entry {entry[0]} is another one at the court"


def _entries(accounts: Accounts, last: int) -> Iterator[tuple[int, bytes, bytes]]:
    sequence = 0
    while sequence < last:
        for entry in accounts.entries_after(sequence, _AT_ONCE):
            sequence = entry.sequence
            yield sequence, entry.record_hash, entry.entry_hash


def _pages(
    accounts: Accounts, court: Path, held: Mapping[str, tuple[str | None, bytes]]
) -> Iterator[str]:
    """Compare page by page: every kept page lies at the court with the bytes of the journal."""
    kept: dict[str, bytes] = {}
    for number in accounts.batch_numbers(_AT_ONCE):
        for face in accounts.batch_account(number).faces:
            if face.fate is Fate.PAGE:
                kept[str(face.page_id)] = next(
                    blob.sha256 for blob in face.blobs if blob.role in (Role.PAGE, Role.ORIGINAL)
                )
    for page_id in held.keys() - kept.keys():
        yield f"{page_id} lies at the court but is no page of the journal"
    for page_id, sha256 in kept.items():
        path = held.get(page_id, (None, b""))[0]
        if path is None or not (court / path).is_file():
            yield f"{page_id} is missing at the court"
        elif hashlib.sha256((court / path).read_bytes()).digest() != sha256:
            yield f"{page_id} has other bytes at the court"
