"""Does a spool keep what was promised? The answer is a list of sentences; an empty one is yes."""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import apsw

from daemon.errors import SuianError
from daemon.page import PAPER_SIDES, Blob, Fate, Page, PageId, Role, SheetId
from daemon.spool.accounts import BatchAccount, FaceRow
from daemon.spool.blobs import file_name
from daemon.spool.ledger import Ledger
from daemon.spool.reader import PAGES
from tests.spool.power.claims import Promised
from tests.spool.power.opened import Clock, open_spool

_MOST = 1_000_000


@dataclass(frozen=True, slots=True)
class _Found:
    """A spool as it is after the cut, read once.

    Attributes
    ----------
    entries
        Entry hash by sequence.
    present
        The bytes that it says are here.
    """

    ledger: Ledger
    folder: Path
    entries: dict[int, str]
    batches: dict[int, BatchAccount]
    faces: dict[PageId, FaceRow]
    present: set[tuple[PageId, Role]]

    def bytes_of(self, page_id: PageId, role: Role) -> bytes | None:
        """Return a page file as it lies there, None when it does not."""
        try:
            return (self.folder / file_name(page_id, role)).read_bytes()
        except FileNotFoundError:
            return None


def failures(directory: Path, promised: Promised) -> list[str]:
    """Open a spool after a cut and say everything that is not as promised; it is used then."""
    try:
        ledger = open_spool(directory, Clock())
    except (SuianError, apsw.Error, OSError) as error:
        return [f"the spool does not open: {error}"]
    try:
        return _look(ledger, directory, promised)
    finally:
        ledger.close()


def _look(ledger: Ledger, directory: Path, promised: Promised) -> list[str]:
    said = list(_database(ledger))
    try:
        found = _read(ledger, directory)
        for question in _QUESTIONS:
            said += question(found, promised)
        said += _goes_on(ledger)
    except (SuianError, apsw.Error) as error:
        said.append(f"the spool cannot be read or used: {error}")
    return said


def _read(ledger: Ledger, directory: Path) -> _Found:
    with ledger.reading() as connection:
        entries = connection.execute("SELECT sequence, hex(entry_hash) FROM entry").fetchall()
        present = connection.execute("SELECT page_id, role FROM blob WHERE deleted_at IS NULL")
        there = {(PageId.parse(page_id), Role(role)) for page_id, role in present}
    batches = {number: ledger.batch_account(number) for number in ledger.batch_numbers(_MOST)}
    return _Found(
        ledger=ledger,
        folder=directory / PAGES,
        entries={sequence: entry_hash.lower() for sequence, entry_hash in entries},
        batches=batches,
        faces={face.page_id: face for batch in batches.values() for face in batch.faces},
        present=there,
    )


# -- the questions --------------------------------------------------------------------------------


def _database(ledger: Ledger) -> Iterator[str]:
    with ledger.reading() as connection:
        for pragma in ("integrity_check", "foreign_key_check"):
            found = connection.execute(f"PRAGMA {pragma}").fetchall()
            if found not in ([], [("ok",)]):
                yield f"the database fails {pragma}: {found[:3]}"


def _journal(found: _Found, promised: Promised) -> Iterator[str]:
    if promised.epoch and found.ledger.epoch != promised.epoch:
        yield f"the epoch is {found.ledger.epoch}, not {promised.epoch}"
    try:
        found.ledger.verify_chain()
    except SuianError as error:
        yield str(error)
    if list(found.entries) != list(range(1, len(found.entries) + 1)):
        yield "the journal has a gap"
    for sequence, entry_hash in promised.entries.items():
        if sequence not in found.entries:
            yield f"entry {sequence} is gone, the last is {len(found.entries)}"
        elif found.entries[sequence] != entry_hash:
            yield f"entry {sequence} is another one"


def _amendments(found: _Found, promised: Promised) -> Iterator[str]:
    for sequence, (page_id, change) in promised.amendments.items():
        face = found.faces.get(page_id)
        if face is None or (sequence, change) not in [(c.sequence, c.change) for c in face.changes]:
            yield f"{page_id} has lost its amendment {change} of entry {sequence}"


def _faces(found: _Found, promised: Promised) -> Iterator[str]:
    for page_id, claim in promised.faces.items():
        face = found.faces.get(page_id)
        if face is None:
            yield f"{page_id} is gone"
        elif (face.fate, face.sequence) != (claim.fate, claim.sequence):
            yield f"{page_id} is {face.fate} of entry {face.sequence}, not {claim.fate}"
        else:
            kept = {(ref.role, ref.sha256.hex(), ref.size_bytes) for ref in face.blobs}
            for blob in claim.blobs:
                if (blob.role, blob.sha256, blob.size_bytes) not in kept:
                    yield f"{page_id} has lost the row of its {blob.role}"


def _present_bytes(found: _Found, promised: Promised) -> Iterator[str]:
    """Ask the spool for everything that it says is here, and look at the file itself."""
    for page_id, role in sorted(found.present):
        ref = found.ledger.blob(page_id, role)
        try:
            data = found.ledger.read_blob(page_id, role, 0, ref.size_bytes)
        except SuianError as error:
            yield f"{page_id} {role} is not handed out: {error}"
            continue
        if hashlib.sha256(data).digest() != ref.sha256:
            yield f"{page_id} {role} is handed out damaged"
    there = {path.name for path in found.folder.iterdir()}
    for stray in sorted(there - {file_name(*key) for key in found.present}):
        yield f"{stray} lies there and no row names it"


def _promised_bytes(found: _Found, promised: Promised) -> Iterator[str]:
    """Look for every file that may not have gone yet, whatever the ledger says."""
    released = promised.released()
    for page_id, claim in promised.faces.items():
        for blob in claim.blobs:
            may_go = claim.sent_behind <= released and not claim.held and blob.role != Role.EVIDENCE
            if may_go or (blob.role == Role.RAW and claim.raw_may_be_gone):
                continue
            data = found.bytes_of(page_id, blob.role)
            if data is None:
                yield f"{page_id} {blob.role} went before it was acknowledged"
            elif hashlib.sha256(data).hexdigest() != blob.sha256:
                yield f"{page_id} {blob.role} was acknowledged by nobody and has other bytes"


def _struck(found: _Found, promised: Promised) -> Iterator[str]:
    """Compare what is struck with the cursors the ledger has now."""
    cursors = [row.acknowledged for row in found.ledger.consumers() if row.required]
    acknowledged = min(cursors, default=0)
    for page_id, face in found.faces.items():
        changes = {change.change: change.sequence for change in face.changes}
        sent_behind = changes.get("resolve", face.sequence)
        for ref in face.blobs:
            if (page_id, ref.role) in found.present or sent_behind <= acknowledged:
                continue
            if ref.role is not Role.RAW or "raw_dropped" not in changes:
                yield f"{page_id} {ref.role} is struck and the cursor is at {acknowledged}"


def _cursors(found: _Found, promised: Promised) -> Iterator[str]:
    rows = {row.name: row for row in found.ledger.consumers()}
    for name, sequence in promised.acknowledged.items():
        if name not in rows:
            yield f"the consumer {name} is gone"
        elif rows[name].required != (name in promised.required):
            yield f"the consumer {name} is no longer what it was"
        elif rows[name].acknowledged < sequence:
            yield f"{name} acknowledged {sequence}, the cursor is at {rows[name].acknowledged}"


def _sheets(found: _Found, promised: Promised) -> Iterator[str]:
    sheets = {page_id.sheet_id for page_id in found.faces}
    for sheet in sorted(promised.sheets - sheets):
        yield f"sheet {sheet} was asked for and is gone"
    for sheet in sorted(promised.withdrawn & sheets):
        yield f"sheet {sheet} was taken back and is here again"


def _batches(found: _Found, promised: Promised) -> Iterator[str]:
    for number in sorted(promised.batches - set(found.batches)):
        yield f"batch {number} is gone"
    for number in sorted(promised.closed):
        if number in found.batches and found.batches[number].closed_at is None:
            yield f"batch {number} was closed and is open again"
    for batch in found.batches.values():
        yield from _conserved(batch)


def _conserved(batch: BatchAccount) -> Iterator[str]:
    faces = batch.sheets * (1 if batch.electronic else len(PAPER_SIDES))
    if len(batch.faces) != faces:
        yield f"batch {batch.number} has {len(batch.faces)} faces for {batch.sheets} sheets"
    if sum(batch.counts.values()) + batch.open_faces != len(batch.faces):
        yield f"the account of batch {batch.number} does not add up"
    if batch.closed_at is not None and batch.open_faces:
        yield f"batch {batch.number} is closed and has {batch.open_faces} open faces"


_QUESTIONS: tuple[Callable[[_Found, Promised], Iterator[str]], ...] = (
    _journal,
    _amendments,
    _faces,
    _present_bytes,
    _promised_bytes,
    _struck,
    _cursors,
    _sheets,
    _batches,
)


# -- the spool works on ---------------------------------------------------------------------------


def _goes_on(ledger: Ledger) -> Iterator[str]:
    """Settle what was open, as the daemon does at a start, and take in one more sheet."""
    expected = ledger.last()[0]
    settled = []
    for left in ledger.open_batches():
        open_faces = [face for face in ledger.batch_account(left.number).faces if not face.fate]
        ledger.commit([_lost(face.page_id) for face in open_faces])
        ledger.close_batch(left.number)
        settled.append(left.number)
        expected += len(open_faces) + 1
    number = ledger.open_batch(virtual=False).number
    pages = _pages(ledger.request_feed(number))
    ledger.commit(pages)
    ledger.close_batch(number)
    expected += len(pages) + 1
    if ledger.verify_chain() != expected:
        yield f"the journal ends at {ledger.last()[0]} instead of {expected}"
    for batch in map(ledger.batch_account, (*settled, number)):
        yield from _conserved(batch)
        if batch.closed_at is None:
            yield f"batch {batch.number} cannot be closed"
    for page in pages:
        data = page.blobs[0].data
        if ledger.read_blob(page.page_id, Role.PAGE, 0, len(data)) != data:
            yield f"{page.page_id} was taken in after the cut and is not there"


def _lost(page_id: PageId) -> Page:
    return Page(page_id=page_id, fate=Fate.LOST, virtual=False, captured_at=0.0, reason="power")


def _pages(sheet: SheetId) -> list[Page]:
    return [
        Page(
            page_id=sheet.face(side),
            fate=Fate.PAGE,
            virtual=False,
            captured_at=0.0,
            blobs=(Blob(Role.PAGE, "image/jpeg", f"{sheet} {side}".encode() * 100),),
        )
        for side in PAPER_SIDES
    ]
