"""Later facts: what they make of a face, which bytes follow, and when these may go."""

import json

import pytest

from daemon.errors import InputError, NotPossible, SpoolError
from daemon.page import Blob, Fate, Role, SheetId, Side
from daemon.spool.journal import Decision, EntryKind
from daemon.spool.retention import Retention
from daemon.spool.standing import Standing

HOLD_S = 3600.0
DECIDED = Decision("court/clerk", "the scanner was taken away", "r-9")


def says(**values):
    return {"actor": "court/clerk", "request_id": "", "reason": "seen"} | values


def blank(desk, page_id):
    blobs = (
        Blob(Role.PAGE, "image/jpeg", b"whole"),
        Blob(Role.EVIDENCE, "image/jpeg", b"evidence"),
    )
    return desk.page(page_id, blobs=blobs, fate=Fate.BLANK, reason="surely blank")


@pytest.fixture
def sheet(ledger):
    ledger.register_consumer("court", True)
    return ledger.request_feed(ledger.open_batch(virtual=False).number)


@pytest.fixture
def faces(ledger, desk, sheet):
    """A page and a removed blank."""
    front, back = sheet.face(Side.FRONT), sheet.face(Side.BACK)
    ledger.commit([desk.page(front, b"page"), blank(desk, back)])
    return front, back


def acknowledge(ledger):
    sequence, entry_hash = ledger.last()
    ledger.acknowledge("court", sequence, entry_hash)


def amended(ledger, sequence):
    return json.loads(ledger.entries_after(sequence - 1, 1)[0].record)


def test_a_blank_is_brought_back_with_its_image_and_keeps_its_fate(ledger, faces):
    _, back = faces
    sequence = ledger.amend(back, "restore", {}, **says())
    face = ledger.face(back)
    assert (face.fate, face.standing) == (Fate.BLANK, Standing.PAGE)
    assert amended(ledger, sequence)["blobs"] == [["page", 5]]


def test_the_image_of_a_restored_page_waits_until_the_amendment_is_acknowledged(
    ledger, desk, clock, faces
):
    _, back = faces
    keeper = Retention(ledger, HOLD_S)
    acknowledge(ledger)
    ledger.amend(back, "restore", {}, **says())
    clock.now += 10 * HOLD_S
    keeper.sweep(clock.now)
    assert f"{back}-page" in desk.files()
    assert f"{faces[0]}-page" not in desk.files()
    acknowledge(ledger)
    clock.now += HOLD_S
    keeper.sweep(clock.now)
    assert desk.files() == [f"{back}-evidence"]


def test_a_blank_whose_image_is_gone_cannot_come_back(ledger, clock, faces):
    acknowledge(ledger)
    clock.now += 10 * HOLD_S
    Retention(ledger, 0).sweep(clock.now)
    last = ledger.last()[0]
    with pytest.raises(NotPossible, match="feed the sheet again"):
        ledger.amend(faces[1], "restore", {}, **says())
    assert ledger.last()[0] == last


def test_a_rejected_page_waits_for_a_decision_and_is_sent_again_when_it_is_one_after_all(
    ledger, faces
):
    front, _ = faces
    ledger.amend(front, "reject", {"defect": "blurred"}, **says())
    assert (ledger.face(front).standing, ledger.undecided()) == (Standing.REJECTED, 1)
    sequence = ledger.amend(front, "resolve", {"fate": "page"}, **says())
    assert (ledger.face(front).standing, ledger.undecided()) == (Standing.PAGE, 0)
    assert amended(ledger, sequence)["blobs"] == [["page", 4]]


@pytest.mark.parametrize(
    ("change", "values"),
    [
        ("restore", {}),
        ("resolve", {"fate": "page"}),
        ("supersede", {"by_page_id": "x"}),
        ("resolve", {}),
    ],
)
def test_what_cannot_happen_to_a_page_is_refused_and_leaves_nothing(ledger, faces, change, values):
    last = ledger.last()
    with pytest.raises(NotPossible, match="cannot be changed"):
        ledger.amend(faces[0], change, values, **says())
    assert ledger.last() == last
    assert ledger.face(faces[0]).changes == ()


def test_the_refusal_says_what_a_face_may_be_resolved_to(ledger, desk, sheet):
    ledger.commit([desk.page(sheet.face(side)) for side in (Side.FRONT, Side.BACK)])
    with pytest.raises(NotPossible, match="may_be_resolved_to=lost, superseded"):
        ledger.amend(sheet.face(Side.FRONT), "resolve", {"fate": "page"}, **says())


def test_a_page_is_not_rekeyed_from_a_case_it_does_not_stand_in(ledger, faces):
    values = {"from_case_number": "another", "to_case_number": "c2"}
    with pytest.raises(NotPossible, match="changed meanwhile"):
        ledger.amend(faces[0], "rekey", values, **says())


def test_the_same_request_with_other_values_is_another_one(ledger, faces):
    values = says(request_id="r-1")
    first = ledger.amend(faces[0], "reject", {"defect": "blurred"}, **values)
    assert ledger.amend(faces[0], "reject", {"defect": "blurred"}, **values) == first
    with pytest.raises(Exception, match="something else"):
        ledger.amend(faces[0], "reject", {"defect": "cut"}, **values)


@pytest.mark.parametrize("fate", [Fate.SUPERSEDED, Fate.LOST])
def test_a_sheet_that_is_fed_again_is_decided_by_the_one_in_its_place(ledger, desk, sheet, fate):
    sides = (Side.FRONT, Side.BACK)
    ledger.commit([desk.page(sheet.face(side), fate=fate) for side in sides])
    assert ledger.undecided() == 2
    again = ledger.request_feed(sheet.batch)
    ledger.commit([desk.page(again.face(side), b"x") for side in sides], replaces=sheet)
    assert ledger.undecided() == 0
    for side in sides:
        old = ledger.face(sheet.face(side))
        assert (old.fate, old.standing) == (fate, Standing.SUPERSEDED)
        assert old.changes[0].values == {"by_page_id": str(again.face(side))}
    ledger.commit([desk.page(again.face(side), b"x") for side in sides], replaces=sheet)
    assert len(ledger.face(sheet.face(Side.FRONT)).changes) == 1


def test_what_stands_in_the_place_of_a_face_is_looked_for_where_it_should_be(ledger, desk, sheet):
    lost, page = sheet.face(Side.FRONT), sheet.face(Side.BACK)
    ledger.commit([desk.page(lost), desk.page(page, b"x")])
    unknown = SheetId(lost.epoch, lost.batch, 99).face(Side.FRONT)
    asked = ledger.request_feed(sheet.batch).face(Side.FRONT)
    for wrong in (unknown, asked, lost):
        with pytest.raises(NotPossible, match="no other face of this journal"):
            ledger.amend(
                lost, "resolve", {"fate": "superseded", "by_page_id": str(wrong)}, **says()
            )
    elsewhere = SheetId("00000000", 1, 1).face(Side.FRONT)
    for right in (page, elsewhere):
        ledger.amend(lost, "resolve", {"fate": "superseded", "by_page_id": str(right)}, **says())
    assert [one.values["by_page_id"] for one in ledger.face(lost).changes] == [
        str(page),
        str(elsewhere),
    ]


def test_a_batch_that_nobody_finishes_is_closed_by_a_decision_that_names_who_and_why(
    ledger, desk, sheet
):
    front, back = sheet.face(Side.FRONT), sheet.face(Side.BACK)
    ledger.commit([desk.page(front, b"x")])
    with pytest.raises(SpoolError, match="a face is open"):
        ledger.close_batch(sheet.batch)
    sequence = ledger.close_batch(sheet.batch, DECIDED)
    lost, closed = ledger.entries_after(sequence - 2, 2)
    assert (lost.kind, lost.page_id) == (EntryKind.PAGE, back)
    assert json.loads(closed.record)["decided_by"] == "court/clerk"
    assert ledger.face(back).fate is Fate.LOST
    assert ledger.open_batches() == []
    assert ledger.close_batch(sheet.batch, DECIDED) == sequence
    ledger.amend(back, "resolve", {"fate": "lost"}, **says())
    assert ledger.undecided() == 0


def test_what_was_let_go_is_told_by_the_newest_entry_it_belonged_to(ledger, desk, clock, faces):
    assert ledger.released_sequence() == 0
    acknowledge(ledger)
    keeper = Retention(ledger, HOLD_S)
    keeper.sweep(clock.now)
    assert ledger.released_sequence() == 0
    clock.now += HOLD_S
    keeper.sweep(clock.now)
    assert ledger.released_sequence() == 1  # the page; a blank's image is never sent
    desk.close()
    assert desk.open().released_sequence() == 1


def test_an_amendment_of_an_open_face_is_refused(ledger, sheet):
    with pytest.raises(InputError, match="no such page"):
        ledger.amend(sheet.face(Side.FRONT), "resolve", {"fate": "lost"}, **says())
