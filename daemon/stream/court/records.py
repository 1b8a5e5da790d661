"""What an entry changes in the database of a court: rows, inside the transaction of a step.

Rule 1: whatever an entry says of a page makes the manifest of its case due, of the case that the
page leaves and of the one that it comes to.
"""

from collections.abc import Mapping
from typing import Final

import apsw

from daemon.rpc import pages_pb2 as pb
from daemon.spool.query import rows
from daemon.stream.court.received import Part, Received

Names = Mapping[tuple[str, str], str]
"""Page id and role -> the name of a file that is here."""

_STOOD: Final = "SELECT case_key, volume FROM page WHERE page_id = ?"


def place_behind(db: apsw.Connection, entry: Received) -> tuple[str, str]:
    """Return where the page of an entry stands behind it: case key and volume."""
    case_key, volume = db.execute(_STOOD, (entry.page_id,)).fetchone() or ("", "")
    return (
        case_key if entry.case_key is None else entry.case_key,
        volume if entry.volume is None else entry.volume,
    )


def files_of(db: apsw.Connection, page_id: str) -> list[tuple[str, str]]:
    """Return role and name of every file of a page that is here."""
    sql = "SELECT role, path FROM file WHERE page_id = ? AND path IS NOT NULL"
    return rows(db, sql, page_id)


def set_place(db: apsw.Connection, page_id: str, case_key: str, volume: str) -> None:
    """Note where a page stands now."""
    db.execute(
        "INSERT INTO page VALUES (?, ?, ?) ON CONFLICT DO UPDATE"
        " SET case_key = excluded.case_key, volume = excluded.volume",
        (page_id, case_key, volume),
    )


def rename(db: apsw.Connection, page_id: str, role: str, name: str) -> None:
    """Note the new name of a file."""
    db.execute(
        "UPDATE file SET path = ? WHERE page_id = ? AND role = ?",
        (name, page_id, role),
    )


def write(db: apsw.Connection, entry: Received, names: Names) -> None:
    """Write an entry, its files, where its page stands now, and which manifests are due."""
    db.execute(
        "INSERT INTO entry VALUES (?, ?, ?, ?, ?, ?)",
        (
            entry.sequence,
            entry.kind,
            entry.page_id,
            entry.record,
            entry.record_hash,
            entry.entry_hash,
        ),
    )
    for part in entry.parts:
        _file(db, part, names.get((part.page_id, part.role)))
    for case_key in _cases(db, entry) - {""}:
        db.execute(
            "INSERT INTO dossier (case_key, sequence, manifest_sequence) VALUES (?, ?, 0)"
            " ON CONFLICT DO UPDATE SET sequence = excluded.sequence",
            (case_key, entry.sequence),
        )


def _file(db: apsw.Connection, part: Part, name: str | None) -> None:
    """Write a blob; one that did not come takes nothing from one that is here."""
    db.execute(
        "INSERT INTO file VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET"
        " sha256 = excluded.sha256, size_bytes = excluded.size_bytes, path = excluded.path"
        " WHERE excluded.path IS NOT NULL",
        (part.page_id, part.role, part.sha256, part.size_bytes, name),
    )


def _cases(db: apsw.Connection, entry: Received) -> set[str]:
    """Name the cases of which an entry says something, and put its page where it stands now."""
    if entry.kind == "batch_closed":
        return _cases_of_batch(db, entry)
    if not entry.page_id:
        return set()
    stood = db.execute(_STOOD, (entry.page_id,)).fetchone()
    stands = place_behind(db, entry)
    if entry.places:
        set_place(db, entry.page_id, *stands)
    return {stands[0]} | ({stood[0]} if stood else set())


def _cases_of_batch(db: apsw.Connection, entry: Received) -> set[str]:
    """Name the cases that a closed batch brought pages to; their manifests say that it is open."""
    batch = pb.JournalEntry.FromString(entry.record or b"").batch_closed.batch
    epoch8 = db.execute("SELECT substr(epoch, 1, 8) FROM cursor").get
    sql = "SELECT DISTINCT case_key FROM page WHERE page_id > ? AND page_id < ?"
    pages = f"{epoch8}-{batch:06d}"
    return {case_key for (case_key,) in rows(db, sql, f"{pages}-", f"{pages}.")}
