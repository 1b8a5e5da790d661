"""What one request writes: postings to the ledger, each inside the transaction the writer holds.

Rule 1: a face gets its fate, its entry and its blob rows in one transaction, once.
Rule 2: whatever is repeated (after a crash, by a second caller) is a no-op when it is the same and
refused when it is not.
"""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass
from typing import Any, Final

import apsw

from daemon.errors import ContractError, InputError, SpoolError
from daemon.page import PAPER_SIDES, Batch, BlobRef, Fate, PageId, Position, SheetId, Side
from daemon.spool.journal import (
    SECONDARY_VOLUME,
    Amendment,
    BatchClosed,
    Encoder,
    EntryKind,
    PageRecord,
    first_hash,
    next_hash,
)
from daemon.spool.query import row, rows, value
from daemon.spool.rows import Doomed

MAX_BATCH: Final = 999_999
MAX_SHEET: Final = 9_999
# Until a person has decided, none of the bytes may go.
_HOLDING: Final = frozenset({"quarantine", "reject"})
_SETTLING: Final = frozenset({"resolve", "supersede", "not_for_archive"})


@dataclass(frozen=True, slots=True)
class Posting:
    """A page with its serialized record."""

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
    encode
        Serializes an entry.
    clock
        Seconds since the Unix epoch.
    """

    def __init__(
        self,
        connection: apsw.Connection,
        epoch: str,
        encode: Encoder,
        clock: Callable[[], float],
    ) -> None:
        self._connection = connection
        self._epoch = epoch
        self._encode = encode
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

    def close_batch(self, number: int) -> int:
        """Check conservation, close and write the account; a closed batch stays as it is."""
        row = self._row(
            "SELECT virtual, electronic, opened_at, closed_sequence FROM batch WHERE number = ?",
            number,
        )
        if row is None:
            raise SpoolError("there is no such batch", batch=number)
        virtual, electronic, opened_at, closed_sequence = row
        if closed_sequence is not None:
            return int(closed_sequence)
        sheets = self._value("SELECT count(*) FROM sheet WHERE batch = ?", number)
        counts = dict(
            rows(
                self._connection,
                "SELECT fate, count(*) FROM face WHERE batch = ? GROUP BY fate",
                number,
            )
        )
        if counts.get(None):
            raise SpoolError(
                "a face is open: the batch cannot close", batch=number, open=counts[None]
            )
        faces = sheets * (1 if electronic else len(PAPER_SIDES))
        if sum(counts.values()) != faces:
            raise SpoolError("faces are missing from the account", batch=number, faces=faces)
        closed = BatchClosed(
            batch=number,
            virtual=bool(virtual),
            electronic=bool(electronic),
            opened_at=opened_at,
            closed_at=self._clock(),
            sheets=sheets,
            faces=faces,
            counts={Fate(fate): count for fate, count in counts.items()},
        )
        sequence = self._append(EntryKind.BATCH_CLOSED, None, self._encode(closed), secondary=False)
        self._connection.execute(
            "UPDATE batch SET closed_at = ?, closed_sequence = ? WHERE number = ?",
            (closed.closed_at, sequence, number),
        )
        return sequence

    # -- faces --------------------------------------------------------------------------------

    def post(self, postings: Sequence[Posting], scope: str) -> list[int]:
        """Give faces their fate, in the order given; returns their sequences."""
        sequences = [self._post_one(posting) for posting in postings]
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
        sequence = self._append(EntryKind.PAGE, page_id, posting.encoded, secondary=secondary)
        self._connection.execute(
            "UPDATE face SET fate = ?, sequence = ?, reason = ?, captured_at = ?, marked_blank = ?,"
            " separator = ?, held = ? WHERE page_id = ?",
            (
                page.fate.value,
                sequence,
                page.reason,
                page.captured_at,
                page.marked_blank,
                page.separator if page.fate is Fate.SEPARATOR else "",
                page.fate is Fate.QUARANTINED,
                str(page_id),
            ),
        )
        self._place(page_id, page.position)
        for ref in posting.record.blobs:
            self._blob(page_id, ref)
        return sequence

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

    def amend(self, amendment: Amendment, encoded: bytes, position: Position | None) -> int:
        """Record a later fact; a request id that was seen before is that same amendment."""
        page_id = str(amendment.page_id)
        if amendment.request_id:
            earlier = self._row(
                "SELECT sequence, page_id, change FROM amendment WHERE request_id = ?",
                amendment.request_id,
            )
            if earlier is not None:
                if earlier[1:] != (page_id, amendment.change):
                    raise ContractError("this request id was used for something else")
                return int(earlier[0])
        face = self._row("SELECT fate, volume FROM face WHERE page_id = ?", page_id)
        if face is None or face[0] is None:
            raise InputError("there is no such page", page=page_id)
        # Also a page that leaves the secondary volume: the entry tells that it was there.
        secondary = SECONDARY_VOLUME in (face[1], position.volume if position else "")
        sequence = self._append(
            EntryKind.AMENDMENT, amendment.page_id, encoded, secondary=secondary
        )
        self._connection.execute(
            "INSERT INTO amendment VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                sequence,
                page_id,
                amendment.change,
                json.dumps(dict(amendment.values), ensure_ascii=False, default=str),
                amendment.actor,
                amendment.request_id,
                amendment.reason,
                amendment.recorded_at,
            ),
        )
        if position is not None:
            self._place(amendment.page_id, position)
        if amendment.change in _HOLDING | _SETTLING:
            self._connection.execute(
                "UPDATE face SET held = ? WHERE page_id = ?",
                (amendment.change in _HOLDING, page_id),
            )
        return sequence

    def strike(
        self,
        choose: Callable[[apsw.Connection], list[Doomed]],
        amend: Callable[[PageId], Amendment] | None,
    ) -> list[Doomed]:
        """Mark blobs as deleted, before their files are unlinked; returns which."""
        chosen = choose(self._connection)
        self._connection.executemany(
            "UPDATE blob SET deleted_at = ? WHERE page_id = ? AND role = ?",
            [(self._clock(), str(one.page_id), one.role.value) for one in chosen],
        )
        if amend is not None:
            for amendment in [amend(one.page_id) for one in chosen]:
                self.amend(amendment, self._encode(amendment), None)
        return chosen

    # -- the journal --------------------------------------------------------------------------

    def last(self) -> tuple[int, bytes]:
        """Return the newest sequence and its hash."""
        row = self._row("SELECT sequence, entry_hash FROM entry ORDER BY sequence DESC LIMIT 1")
        return (0, first_hash(self._epoch)) if row is None else (int(row[0]), bytes(row[1]))

    def _append(
        self, kind: EntryKind, page_id: PageId | None, record: bytes, *, secondary: bool
    ) -> int:
        last, prev = self.last()
        record_sha256 = hashlib.sha256(record).digest()
        self._connection.execute(
            "INSERT INTO entry VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                last + 1,
                kind.value,
                None if page_id is None else str(page_id),
                record,
                record_sha256,
                next_hash(prev, record_sha256),
                prev,
                secondary,
            ),
        )
        return last + 1

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

    def _place(self, page_id: PageId, position: Position) -> None:
        # The columns stand in the order of Position's fields.
        self._connection.execute(
            "UPDATE face SET (case_number, case_key, stage, volume, material, party, instance,"
            " page, insert_after, declared_pages) = (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
            " WHERE page_id = ?",
            (*astuple(position), str(page_id)),
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
