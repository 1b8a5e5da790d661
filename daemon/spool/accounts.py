"""The read side of the ledger: the account of every batch, cases, cursors.

Rule 1: no answer is older than the last commit that was announced.
"""

import json
from collections.abc import Mapping
from typing import Any, Final

import apsw

from daemon.errors import InputError
from daemon.page import BlobRef, Fate, PageId, Position, Role, SheetId
from daemon.spool.query import row, rows, value
from daemon.spool.reader import Reader
from daemon.spool.rows import (
    Amended,
    BatchAccount,
    ConsumerRow,
    FaceRow,
    OpenBatch,
    ordered,
    ref_of,
)
from daemon.spool.standing import Change, Standing

_POSITION: Final = (
    "case_number, case_key, stage, volume, material, party, instance, page, insert_after,"
    " declared_pages"
)
_FACE: Final = (
    "f.page_id, f.fate, coalesce(f.sequence, 0), f.reason, f.captured_at, f.marked_blank,"
    f" f.separator, f.standing, f.undecided, b.virtual, e.record_hash, e.entry_hash, {_POSITION}"
    " FROM face f JOIN batch b ON b.number = f.batch LEFT JOIN entry e ON e.sequence = f.sequence"
)


class Accounts(Reader):
    """Answers questions about a spool; safe from any thread, with or without a running daemon."""

    # -- batches and faces --------------------------------------------------------------------

    def open_batches(self) -> list[OpenBatch]:
        """Return the batches that are not closed, oldest first."""
        epoch8 = self.epoch8
        with self.reading() as connection:
            found = rows(
                connection,
                "SELECT number, virtual, electronic, scope,"
                " (SELECT coalesce(max(s.number), 0) FROM sheet s WHERE s.batch = b.number)"
                " FROM batch b WHERE closed_at IS NULL ORDER BY number",
            )
            return [
                OpenBatch(
                    number=number,
                    virtual=bool(virtual),
                    electronic=bool(electronic),
                    scope=scope,
                    last_sheet=last_sheet,
                    open_sheets=tuple(
                        SheetId(epoch8, number, sheet)
                        for (sheet,) in rows(
                            connection,
                            "SELECT DISTINCT sheet FROM face WHERE batch = ? AND fate IS NULL"
                            " ORDER BY sheet",
                            number,
                        )
                    ),
                )
                for number, virtual, electronic, scope, last_sheet in found
            ]

    def batch_account(self, number: int) -> BatchAccount:
        """Return the account of a batch with every face; raises InputError for an unknown one."""
        with self.reading() as connection:
            found = row(
                connection,
                "SELECT virtual, electronic, opened_at, closed_at, scope,"
                " (SELECT count(*) FROM sheet s WHERE s.batch = b.number)"
                " FROM batch b WHERE number = ?",
                number,
            )
            if found is None:
                raise InputError("there is no such batch", batch=number)
            # Front before back: 'F' sorts behind 'B'.
            faces = _faces(connection, "f.batch = ? ORDER BY f.sheet, f.side DESC", number)
        virtual, electronic, opened_at, closed_at, scope, sheets = found
        fates = [face.fate for face in faces]
        return BatchAccount(
            number=number,
            virtual=bool(virtual),
            electronic=bool(electronic),
            opened_at=opened_at,
            closed_at=closed_at,
            scope=scope,
            sheets=sheets,
            open_faces=fates.count(None),
            counts={fate: fates.count(fate) for fate in Fate if fate in fates},
            faces=tuple(faces),
        )

    def batch_numbers(self, limit: int) -> list[int]:
        """Return the newest batches, newest first."""
        sql = "SELECT number FROM batch ORDER BY number DESC LIMIT ?"
        with self.reading() as connection:
            return [number for (number,) in rows(connection, sql, limit)]

    def totals(self) -> Mapping[Fate, int]:
        """Count the faces of all batches by fate; every fate is named."""
        sql = "SELECT fate, count(*) FROM face WHERE fate IS NOT NULL GROUP BY fate"
        with self.reading() as connection:
            counts = dict(rows(connection, sql))
        return {fate: counts.get(fate.value, 0) for fate in Fate}

    def open_faces(self) -> int:
        """Count the faces that have no fate yet."""
        with self.reading() as connection:
            return int(value(connection, "SELECT count(*) FROM face WHERE fate IS NULL"))

    def case_rows(self, case_key: str) -> list[FaceRow]:
        """Return the faces that stand in a case now, in the order of capture."""
        # The second condition lets SQLite use the index of faces that have a case.
        where = "f.case_key = ? AND f.case_key <> '' ORDER BY f.sequence"
        with self.reading() as connection:
            return _faces(connection, where, case_key)

    def cases(self) -> Mapping[str, int]:
        """Count the faces of each case, by case key."""
        sql = (
            "SELECT case_key, count(*) FROM face WHERE case_key <> ''"
            " GROUP BY case_key ORDER BY case_key"
        )
        with self.reading() as connection:
            return dict(rows(connection, sql))

    def undecided_faces(self) -> list[FaceRow]:
        """Return the faces about which a person has to decide, in the order of capture."""
        with self.reading() as connection:
            return _faces(connection, "f.undecided = 1 AND f.sequence > ? ORDER BY f.sequence", 0)

    def undecided(self) -> int:
        """Count the faces about which a person has to decide."""
        with self.reading() as connection:
            return int(value(connection, "SELECT count(*) FROM face WHERE undecided = 1"))

    def face(self, page_id: PageId) -> FaceRow:
        """Return the account of one face; raises InputError for an unknown one."""
        with self.reading() as connection:
            found = _faces(connection, "f.page_id = ?", str(page_id))
        if not found:
            raise InputError("there is no such face", page=page_id)
        return found[0]

    def seen_separator(self, sheet_id: str) -> int | None:
        """Return the last batch in which a printed sheet id was read, None when never."""
        sql = (
            "SELECT batch FROM face WHERE separator = ? AND separator <> ''"
            " ORDER BY sequence DESC LIMIT 1"
        )
        with self.reading() as connection:
            found = value(connection, sql, sheet_id)
        return None if found is None else int(found)

    # -- blobs and consumers ------------------------------------------------------------------

    def blob(self, page_id: PageId, role: Role) -> BlobRef:
        """Name the bytes of a page that lie on the disk; raises InputError when they do not."""
        sql = (
            "SELECT role, media_type, sha256, size_bytes FROM blob"
            " WHERE page_id = ? AND role = ? AND deleted_at IS NULL"
        )
        with self.reading() as connection:
            found = row(connection, sql, str(page_id), role.value)
        if found is None:
            raise InputError("these bytes are not here, or no longer", page=page_id, role=role)
        return ref_of(found)

    def consumers(self) -> list[ConsumerRow]:
        """Return all consumers, by name."""
        sql = (
            "SELECT name, required, acknowledged, instance, last_seen_at FROM consumer"
            " ORDER BY name"
        )
        with self.reading() as connection:
            return [
                ConsumerRow(name, bool(required), acknowledged, instance, last_seen_at)
                for name, required, acknowledged, instance, last_seen_at in rows(connection, sql)
            ]


def _faces(connection: apsw.Connection, where: str, key: str | int) -> list[FaceRow]:
    return [
        _face(connection, found) for found in rows(connection, f"SELECT {_FACE} WHERE {where}", key)
    ]


def _face(connection: apsw.Connection, found: tuple[Any, ...]) -> FaceRow:
    refs = rows(
        connection,
        "SELECT role, media_type, sha256, size_bytes FROM blob WHERE page_id = ?",
        found[0],
    )
    changes = rows(
        connection,
        "SELECT sequence, change, said, actor, reason, recorded_at FROM amendment"
        " WHERE page_id = ? ORDER BY sequence",
        found[0],
    )
    return FaceRow(
        page_id=PageId.parse(found[0]),
        fate=None if found[1] is None else Fate(found[1]),
        sequence=found[2],
        reason=found[3],
        captured_at=found[4],
        marked_blank=bool(found[5]),
        separator=found[6],
        standing=None if found[1] is None else Standing(found[7]),
        undecided=bool(found[8]),
        virtual=bool(found[9]),
        record_hash=found[10] or b"",
        entry_hash=found[11] or b"",
        position=Position(*found[12:]),
        blobs=ordered([ref_of(ref) for ref in refs]),
        changes=tuple(
            Amended(sequence, Change(change), json.loads(said), *rest)
            for sequence, change, said, *rest in changes
        ),
    )
