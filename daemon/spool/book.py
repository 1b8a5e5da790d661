"""What one request writes: postings to the ledger, each inside the transaction the writer holds.

Rule 1: a face gets its fate, its entry and its blob rows in one transaction, once.
Rule 2: whatever is repeated (after a crash, by a second caller) is a no-op when it is the same and
refused when it is not.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import apsw

from daemon.errors import SpoolError
from daemon.page import PAPER_SIDES, Batch, BlobRef, Fate, Page, PageId, SheetId, Side
from daemon.spool import standing
from daemon.spool.corrections import Corrections, place
from daemon.spool.entries import Entries
from daemon.spool.journal import SECONDARY_VOLUME, BatchClosed, Decision, EntryKind, PageRecord
from daemon.spool.query import row, rows, value

MAX_BATCH: Final = 999_999
MAX_SHEET: Final = 9_999
CONSERVATION: Final = Path(__file__).with_name("conservation.sql").read_text(encoding="utf-8")
_BREACH: Final = f"SELECT law, page_id FROM ({CONSERVATION}) WHERE batch = ?"  # noqa: S608 (ours)


@dataclass(frozen=True, slots=True)
class Posting:
    """A page with its record, serialized already: several threads do that, one commits."""

    record: PageRecord
    encoded: bytes


class Book:
    """Writes to the ledger; every method runs in the committing thread, in its transaction.

    Parameters
    ----------
    connection
        The writing connection.
    epoch
        Text of the epoch.
    entries, corrections
        The journal, and what corrects it.
    clock
        Seconds since the Unix epoch.
    """

    def __init__(
        self,
        connection: apsw.Connection,
        epoch: str,
        entries: Entries,
        corrections: Corrections,
        clock: Callable[[], float],
    ) -> None:
        self._connection = connection
        self._epoch = epoch
        self._entries = entries
        self._corrections = corrections
        self._clock = clock

    # -- batches and sheets -------------------------------------------------------------------

    def open_batch(self, *, virtual: bool, electronic: bool) -> Batch:
        """Open the next batch."""
        number = self._value("SELECT coalesce(max(number), 0) + 1 FROM batch")
        if number > MAX_BATCH:
            raise SpoolError("no batch numbers are left in this epoch; set up a new spool")
        self._connection.execute(
            "INSERT INTO batch (number, virtual, electronic, opened_at) VALUES (?, ?, ?, ?)",
            (number, virtual, electronic, self._clock()),
        )
        return Batch(number, electronic=electronic, virtual=virtual)

    def request_feed(self, number: int) -> SheetId:
        """Write down the next sheet and its two open faces, before the paper moves."""
        batch = self._open(number)
        if batch.electronic:
            raise SpoolError("an electronic batch feeds no paper", batch=number)
        last = self._value("SELECT coalesce(max(number), 0) FROM sheet WHERE batch = ?", number)
        if last >= MAX_SHEET:
            raise SpoolError("the batch has all the sheets it can name; close it", batch=number)
        sheet = SheetId(self._epoch[:8], number, last + 1)
        self._sheet(sheet, PAPER_SIDES)
        return sheet

    def withdraw_feed(self, sheet: SheetId) -> None:
        """Take back a sheet that did not enter the path; refused when a face has a fate."""
        self._ours(sheet)
        key = (sheet.batch, sheet.sheet)
        last = self._value("SELECT max(number) FROM sheet WHERE batch = ?", sheet.batch)
        if last is None or sheet.sheet > last:
            return  # it is not there: taken back before
        if sheet.sheet < last:
            raise SpoolError("only the last sheet can be taken back", sheet=sheet)
        if self._value(
            "SELECT count(*) FROM face WHERE batch = ? AND sheet = ? AND fate IS NOT NULL", *key
        ):
            raise SpoolError("a face of this sheet has a fate", sheet=sheet)
        self._connection.execute("DELETE FROM face WHERE batch = ? AND sheet = ?", key)
        self._connection.execute("DELETE FROM sheet WHERE batch = ? AND number = ?", key)

    def close_batch(self, number: int, decision: Decision | None = None) -> int:
        """Check conservation, close and write the account; a closed batch stays as it is.

        With a decision the open faces are lost first, by name; without one an open face is refused.
        """
        found = self._row(
            "SELECT virtual, electronic, opened_at, closed_sequence FROM batch WHERE number = ?",
            number,
        )
        if found is None:
            raise SpoolError("there is no such batch", batch=number)
        virtual, electronic, opened_at, closed_sequence = found
        if closed_sequence is not None:
            return int(closed_sequence)
        if decision is not None:
            self._lose_open_faces(number, bool(virtual), decision)
        counts = self._counts(number)
        if is_open := counts.pop(None, 0):
            raise SpoolError("a face is open: the batch cannot close", batch=number, open=is_open)
        closed = BatchClosed(
            batch=number,
            virtual=bool(virtual),
            electronic=bool(electronic),
            opened_at=opened_at,
            closed_at=self._clock(),
            sheets=self._value("SELECT count(*) FROM sheet WHERE batch = ?", number),
            faces=sum(counts.values()),
            counts={Fate(str(fate)): count for fate, count in counts.items()},
            decision=decision,
        )
        sequence = self._entries.write(EntryKind.BATCH_CLOSED, None, closed, secondary=False)
        self._connection.execute(
            "UPDATE batch SET closed_at = ?, closed_sequence = ? WHERE number = ?",
            (closed.closed_at, sequence, number),
        )
        self._conserved(number)
        return sequence

    def _counts(self, number: int) -> dict[str | None, int]:
        sql = "SELECT fate, count(*) FROM face WHERE batch = ? GROUP BY fate"
        return dict(rows(self._connection, sql, number))

    def _conserved(self, number: int) -> None:
        """Refuse what breaks the law of conservation in a batch: the transaction is undone."""
        broken = self._row(_BREACH, number)
        if broken is not None:
            raise SpoolError(
                f"the account of the batch does not close: {broken[0]}",
                batch=number,
                page=broken[1],
            )

    def _lose_open_faces(self, number: int, virtual: bool, decision: Decision) -> None:
        sql = "SELECT page_id FROM face WHERE batch = ? AND fate IS NULL ORDER BY sheet, side DESC"
        for (page_id,) in rows(self._connection, sql, number):
            page = Page(
                page_id=PageId.parse(page_id),
                fate=Fate.LOST,
                virtual=virtual,
                captured_at=self._clock(),
                reason=f"given_up: {decision.reason}",
            )
            record = PageRecord(page, ())
            self._set_fate(
                record, self._entries.write(EntryKind.PAGE, page.page_id, record, secondary=False)
            )

    # -- faces --------------------------------------------------------------------------------

    def post(
        self, postings: Sequence[Posting], scope: str, replaces: SheetId | None = None
    ) -> list[int]:
        """Give faces their fate, in the order given; returns their sequences.

        With `replaces`, these faces stand in the place of that sheet's, which was to be fed again.
        """
        sequences = [self._post_one(posting) for posting in postings]
        if replaces is not None:
            for posting in postings:
                new = posting.record.page.page_id
                self._corrections.supersede(replaces.face(new.side), new)
        for number in {posting.record.page.page_id.batch for posting in postings}:
            self._connection.execute(
                "UPDATE batch SET scope = ? WHERE number = ? AND closed_at IS NULL", (scope, number)
            )
        return sequences

    def _post_one(self, posting: Posting) -> int:
        page = posting.record.page
        page_id = page.page_id
        self._ours(page_id.sheet_id)
        known = self._row("SELECT fate, sequence FROM face WHERE page_id = ?", str(page_id))
        if known is not None and known[0] is not None:
            self._same(posting.record, Fate(known[0]))
            return int(known[1])
        batch = self._open(page_id.batch)
        if batch.virtual != page.virtual:
            raise SpoolError("software pages never pass for court material", page=page_id)
        if batch.electronic != (page_id.side is Side.ELECTRONIC):
            raise SpoolError("paper and electronic files are never in one batch", page=page_id)
        if known is None:
            if not batch.electronic:
                raise SpoolError("this sheet was never asked for", page=page_id)
            self._sheet(page_id.sheet_id, (Side.ELECTRONIC,))
        secondary = page.position.volume == SECONDARY_VOLUME
        sequence = self._entries.append(
            EntryKind.PAGE, page_id, posting.encoded, secondary=secondary
        )
        self._set_fate(posting.record, sequence)
        return sequence

    def _set_fate(self, record: PageRecord, sequence: int) -> None:
        page = record.page
        self._connection.execute(
            "UPDATE face SET fate = ?1, standing = ?1, sequence = ?2, sent_behind = ?2,"
            " reason = ?3, captured_at = ?4, marked_blank = ?5, separator = ?6, undecided = ?7"
            " WHERE page_id = ?8",
            (
                page.fate.value,
                sequence,
                page.reason,
                page.captured_at,
                page.marked_blank,
                page.separator if page.fate is Fate.SEPARATOR else "",
                standing.is_undecided_at_capture(page.fate),
                str(page.page_id),
            ),
        )
        place(self._connection, page.page_id, page.position)
        for ref in record.blobs:
            self._blob(page.page_id, ref)

    def _same(self, record: PageRecord, fate: Fate) -> None:
        """Refuse a face that was kept with another fate or other bytes."""
        page_id = record.page.page_id
        kept = dict(
            rows(self._connection, "SELECT role, sha256 FROM blob WHERE page_id = ?", str(page_id))
        )
        for ref in record.blobs:
            if kept.get(ref.role.value) != ref.sha256:
                raise SpoolError("this face was kept with other bytes", page=page_id, role=ref.role)
        if fate is not record.page.fate:
            raise SpoolError("this face has a fate", page=page_id, fate=fate, got=record.page.fate)

    def add_blob(self, page_id: PageId, ref: BlobRef) -> None:
        """Name bytes that came behind their page; refused for a face that may leave no image."""
        fate = self._value("SELECT fate FROM face WHERE page_id = ?", str(page_id))
        if fate is None or fate == Fate.REFUSED:
            raise SpoolError("bytes come behind a kept page only", page=page_id, fate=fate)
        kept = self._value(
            "SELECT sha256 FROM blob WHERE page_id = ? AND role = ?", str(page_id), ref.role.value
        )
        if kept is None:
            self._blob(page_id, ref)
        elif kept != ref.sha256:
            raise SpoolError("this face was kept with other bytes", page=page_id, role=ref.role)

    # -- rows ---------------------------------------------------------------------------------

    def _open(self, number: int) -> Batch:
        row = self._row("SELECT electronic, virtual, closed_at FROM batch WHERE number = ?", number)
        if row is None or row[2] is not None:
            raise SpoolError("there is no such open batch", batch=number)
        return Batch(number, electronic=bool(row[0]), virtual=bool(row[1]))

    def _ours(self, sheet: SheetId) -> None:
        if sheet.epoch != self._epoch[:8]:
            raise SpoolError("this sheet is of another epoch", sheet=sheet, epoch=self._epoch)

    def _sheet(self, sheet: SheetId, sides: Sequence[Side]) -> None:
        self._connection.execute(
            "INSERT INTO sheet VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
            (sheet.batch, sheet.sheet, self._clock()),
        )
        self._connection.executemany(
            "INSERT INTO face (page_id, batch, sheet, side) VALUES (?, ?, ?, ?)",
            [(str(sheet.face(side)), sheet.batch, sheet.sheet, side.value) for side in sides],
        )

    def _blob(self, page_id: PageId, ref: BlobRef) -> None:
        self._connection.execute(
            "INSERT INTO blob (page_id, role, media_type, sha256, size_bytes)"
            " VALUES (?, ?, ?, ?, ?)",
            (str(page_id), ref.role.value, ref.media_type, ref.sha256, ref.size_bytes),
        )

    def _row(self, sql: str, *values: Any) -> tuple[Any, ...] | None:
        return row(self._connection, sql, *values)

    def _value(self, sql: str, *values: Any) -> Any:
        return value(self._connection, sql, *values)
