"""Law 1: every face has one row and one fate, and a batch with an open face does not close."""

import hashlib
import json
import uuid

import pytest

from daemon.errors import InputError, SpoolError
from daemon.page import Batch, Blob, Fate, Position, Role, SheetId, Side
from daemon.spool.chain import Chain
from daemon.spool.journal import EntryKind


def test_a_requested_sheet_has_two_open_faces_before_anything_else_happens(ledger):
    batch = ledger.open_batch(virtual=False)
    sheet = ledger.request_feed(batch.number)
    account = ledger.batch_account(batch.number)
    assert [(f.page_id, f.fate, f.sequence) for f in account.faces] == [
        (sheet.face(Side.FRONT), None, 0),
        (sheet.face(Side.BACK), None, 0),
    ]
    assert (account.sheets, account.open_faces, ledger.open_faces()) == (1, 2, 2)


def test_a_batch_with_an_open_face_does_not_close(ledger, desk):
    batch = ledger.open_batch(virtual=False)
    sheet = ledger.request_feed(batch.number)
    ledger.commit([desk.page(sheet.face(Side.FRONT), b"x")])
    with pytest.raises(SpoolError, match="a face is open"):
        ledger.close_batch(batch.number)
    assert [b.open_sheets for b in ledger.open_batches()] == [(sheet,)]
    ledger.commit([desk.page(sheet.face(Side.BACK))])
    ledger.close_batch(batch.number)
    assert ledger.open_batches() == []


def test_a_closed_batch_accounts_for_every_face(ledger, desk):
    batch = ledger.open_batch(virtual=False)
    for fate in Fate:
        sheet = ledger.request_feed(batch.number)
        data = b"bytes" if fate is Fate.PAGE else b""
        ledger.commit([desk.page(sheet.face(s), data, fate=fate) for s in (Side.FRONT, Side.BACK)])
    sequence = ledger.close_batch(batch.number)
    entry = ledger.entries_after(sequence - 1, 1)[0]
    assert (entry.kind, entry.page_id) == (EntryKind.BATCH_CLOSED, None)
    said = json.loads(entry.record)
    counts = dict.fromkeys(map(str, Fate), 2)
    assert said == {"closed": 1, "faces": 14, "counts": counts, "decided_by": ""}
    assert ledger.totals() == dict.fromkeys(Fate, 2)
    assert ledger.batch_account(1).counts == dict.fromkeys(Fate, 2)
    assert ledger.close_batch(batch.number) == sequence  # closed is closed
    with pytest.raises(SpoolError, match="no such open batch"):
        ledger.request_feed(batch.number)


def test_a_batch_from_which_a_row_vanished_does_not_close(ledger, desk):
    batch = ledger.open_batch(virtual=False)
    sheet = ledger.request_feed(batch.number)
    ledger._writing.writer.do(
        lambda: ledger._writing.connection.execute(
            "DELETE FROM face WHERE page_id = ?", (str(sheet.face(Side.BACK)),)
        )
    )
    ledger.commit([desk.page(sheet.face(Side.FRONT), b"x")])
    with pytest.raises(SpoolError, match="a sheet has two faces"):
        ledger.close_batch(batch.number)


def test_a_sheet_that_never_entered_the_path_leaves_no_row(ledger, desk):
    batch = ledger.open_batch(virtual=False)
    desk.sheet(ledger, batch.number)
    empty = ledger.request_feed(batch.number)
    ledger.withdraw_feed(empty)
    ledger.withdraw_feed(empty)  # once more, after a crash
    assert ledger.batch_account(batch.number).sheets == 1
    assert ledger.request_feed(batch.number) == empty


def test_a_sheet_with_a_fate_cannot_be_taken_back(ledger, desk):
    batch = ledger.open_batch(virtual=False)
    sheet = ledger.request_feed(batch.number)
    ledger.commit([desk.page(sheet.face(Side.FRONT), b"x")])
    with pytest.raises(SpoolError, match="has a fate"):
        ledger.withdraw_feed(sheet)
    ledger.request_feed(batch.number)
    with pytest.raises(SpoolError, match="only the last"):
        ledger.withdraw_feed(sheet)
    assert ledger.batch_account(batch.number).sheets == 2


def test_entries_take_gap_free_sequences_in_the_order_given_and_form_a_chain(ledger, desk):
    batch = ledger.open_batch(virtual=False)
    front, back = desk.sheet(ledger, batch.number, b"front", b"back")
    closed = ledger.close_batch(batch.number)
    entries = ledger.entries_after(0, 100)
    assert [e.sequence for e in entries] == [1, 2, 3]
    assert [e.page_id for e in entries] == [front, back, None]
    prev = Chain().first(ledger.epoch)
    for entry in entries:
        assert entry.record_hash == hashlib.sha256(entry.record).digest()
        assert entry.prev_entry_hash == prev
        prev = hashlib.sha256(prev + entry.record_hash).digest()
        assert entry.entry_hash == prev == ledger.entry_hash(entry.sequence)
    assert ledger.last() == (closed, prev)
    assert ledger.verify_chain() == 3
    assert [e.sequence for e in ledger.entries_after(1, 1)] == [2]


def test_chain_vectors_never_change():
    chain = Chain("sha256")
    assert chain.first("e").hex() == hashlib.sha256(b"e").hexdigest()
    assert chain.next(b"\0" * 32, b"\1" * 32) == hashlib.sha256(b"\0" * 32 + b"\1" * 32).digest()


def test_the_same_face_again_is_a_no_op(ledger, desk):
    batch = ledger.open_batch(virtual=False)
    sheet = ledger.request_feed(batch.number)
    faces = [desk.page(sheet.face(s), b"same") for s in (Side.FRONT, Side.BACK)]
    first = ledger.commit(faces)
    assert ledger.commit(faces) == first
    assert ledger.last()[0] == 2
    ledger.close_batch(batch.number)
    assert ledger.commit(faces) == first


def test_another_face_under_the_same_name_is_refused_and_leaves_the_first(ledger, desk):
    batch = ledger.open_batch(virtual=False)
    sheet = ledger.request_feed(batch.number)
    name = sheet.face(Side.FRONT)
    ledger.commit([desk.page(name, b"first")])
    with pytest.raises(SpoolError, match="other bytes"):
        ledger.commit([desk.page(name, b"other")])
    with pytest.raises(SpoolError, match="has a fate"):
        ledger.commit([desk.page(name, fate=Fate.LOST)])
    assert ledger.read_blob(name, Role.PAGE, 0, 99) == b"first"
    assert ledger.last()[0] == 1


def test_a_face_that_was_never_asked_for_is_refused_and_its_bytes_go(ledger, desk):
    batch = ledger.open_batch(virtual=False)
    stranger = SheetId(ledger.epoch8, batch.number, 7).face(Side.FRONT)
    with pytest.raises(SpoolError, match="never asked for"):
        ledger.commit([desk.page(stranger, b"x")])
    foreign = SheetId("00000000", batch.number, 1).face(Side.FRONT)
    with pytest.raises(SpoolError, match="another epoch"):
        ledger.commit([desk.page(foreign, b"x")])
    assert desk.files() == []


def test_one_refused_face_refuses_the_whole_commit(ledger, desk):
    batch = ledger.open_batch(virtual=False)
    sheet = ledger.request_feed(batch.number)
    stranger = SheetId(ledger.epoch8, batch.number, 7).face(Side.FRONT)
    with pytest.raises(SpoolError):
        ledger.commit([desk.page(sheet.face(Side.FRONT), b"x"), desk.page(stranger, b"y")])
    assert ledger.last()[0] == 0
    assert ledger.batch_account(batch.number).open_faces == 2
    assert desk.files() == []


def test_software_pages_never_enter_a_batch_of_paper(ledger, desk):
    batch = ledger.open_batch(virtual=False)
    sheet = ledger.request_feed(batch.number)
    with pytest.raises(SpoolError, match="software pages"):
        ledger.commit([desk.page(sheet.face(Side.FRONT), b"x", virtual=True)])
    virtual = ledger.open_batch(virtual=True)
    assert virtual == Batch(2, virtual=True)
    sheet = ledger.request_feed(virtual.number)
    ledger.commit([desk.page(sheet.face(Side.FRONT), b"x", virtual=True)])
    assert ledger.face(sheet.face(Side.FRONT)).virtual


def test_an_electronic_file_is_a_batch_of_one_sheet_with_one_face(ledger, desk):
    batch = ledger.open_batch(virtual=False, electronic=True)
    name = SheetId(ledger.epoch8, batch.number, 1).face(Side.ELECTRONIC)
    with pytest.raises(SpoolError, match="feeds no paper"):
        ledger.request_feed(batch.number)
    with pytest.raises(SpoolError, match="never in one batch"):
        ledger.commit([desk.page(name.sheet_id.face(Side.FRONT), b"x")])
    original = Blob(Role.ORIGINAL, "application/pdf", b"%PDF")
    ledger.commit([desk.page(name, fate=Fate.PAGE, blobs=(original,))])
    ledger.close_batch(batch.number)
    account = ledger.batch_account(batch.number)
    assert (account.electronic, account.sheets, account.counts) == (True, 1, {Fate.PAGE: 1})
    assert desk.files() == [f"{name}-original"]


def test_the_scope_changes_with_the_pages_and_survives_a_restart(ledger, desk):
    batch = ledger.open_batch(virtual=False)
    sheet = ledger.request_feed(batch.number)
    ledger.commit([desk.page(sheet.face(s), b"x") for s in (Side.FRONT, Side.BACK)], "case 1")
    stranger = SheetId(ledger.epoch8, batch.number, 7).face(Side.FRONT)
    with pytest.raises(SpoolError):
        ledger.commit([desk.page(stranger)], "case 2")
    desk.close()
    found = desk.open().open_batches()
    assert [(b.number, b.scope, b.last_sheet, b.open_sheets) for b in found] == [
        (1, "case 1", 1, ())
    ]


def test_a_separator_is_remembered_with_its_batch(ledger, desk):
    for sheet_id in ("S-1", "S-2", "S-1"):
        batch = ledger.open_batch(virtual=False)
        sheet = ledger.request_feed(batch.number)
        ledger.commit(
            [
                desk.page(sheet.face(Side.FRONT), fate=Fate.SEPARATOR, separator=sheet_id),
                desk.page(sheet.face(Side.BACK), fate=Fate.SEPARATOR),
            ]
        )
    assert ledger.seen_separator("S-1") == 3
    assert ledger.seen_separator("S-2") == 2
    assert ledger.seen_separator("S-3") is None
    assert ledger.seen_separator("") is None


def test_a_case_lists_its_faces_in_the_order_of_capture_with_their_places(ledger, desk):
    batch = ledger.open_batch(virtual=False)
    place = Position("(2026) 1", "c1", "LA", "main", "111", "Y01", 1, 2, 3, 4)
    first = desk.sheet(ledger, batch.number, position=place)
    desk.sheet(ledger, batch.number, position=desk.in_case("c2"))
    second = desk.sheet(ledger, batch.number, position=place)
    found = ledger.case_rows("c1")
    assert [row.page_id for row in found] == [*first, *second]
    assert found[0].position == place
    assert found[0].record_hash == ledger.entries_after(0, 1)[0].record_hash
    assert found[0].blobs[0].sha256 == hashlib.sha256(b"f").digest()
    assert ledger.cases() == {"c1": 4, "c2": 2}
    assert ledger.case_rows("") == []


def test_unknown_names_are_told_so(ledger):
    with pytest.raises(InputError):
        ledger.batch_account(1)
    with pytest.raises(InputError):
        ledger.entry_hash(1)
    with pytest.raises(InputError):
        ledger.entry_hash(2**64 - 1)
    with pytest.raises(InputError):
        ledger.blob(SheetId(ledger.epoch8, 1, 1).face(Side.FRONT), Role.PAGE)
    with pytest.raises(SpoolError, match="no such batch"):
        ledger.close_batch(9)


def test_the_epoch_is_random_and_stays(ledger, desk, tmp_path):
    epoch = ledger.epoch
    assert uuid.UUID(epoch).version == 4
    assert ledger.epoch8 == epoch[:8]
    desk.close()
    assert desk.open().epoch == epoch
    desk.directory = tmp_path / "another disk"
    assert desk.open().epoch != epoch
