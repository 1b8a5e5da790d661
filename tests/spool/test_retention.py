"""Law 3: nothing is deleted before every required consumer has it, and then only after its hold."""

import json

import pytest

from daemon.page import Blob, Fate, Role, Side
from daemon.spool import retention
from daemon.spool.journal import EntryKind
from daemon.spool.retention import Retention

HOLD_S = 3600.0


@pytest.fixture
def keeper(ledger):
    return Retention(ledger, HOLD_S)


def acknowledge(ledger, name, sequence=None):
    sequence = ledger.last()[0] if sequence is None else sequence
    ledger.acknowledge(name, sequence, ledger.entry_hash(sequence))


def raw(ledger, page_id, data=b"raw"):
    ledger.add_blob(page_id, Blob(Role.RAW, "application/x-raw", data))


@pytest.fixture
def fed(ledger, desk):
    """A page with its raw raster and a removed blank with its evidence."""
    sheet = ledger.request_feed(ledger.open_batch(virtual=False).number)
    front, back = sheet.face(Side.FRONT), sheet.face(Side.BACK)
    blank = (
        Blob(Role.PAGE, "image/jpeg", b"whole"),
        Blob(Role.EVIDENCE, "image/jpeg", b"evidence"),
    )
    ledger.commit([desk.page(front, b"page"), desk.page(back, fate=Fate.BLANK, blobs=blank)])
    raw(ledger, front)
    return front, back


def everything(front, back):
    return sorted([f"{front}-page", f"{front}-raw", f"{back}-evidence", f"{back}-page"])


def test_without_a_required_consumer_nothing_ever_goes(ledger, desk, clock, keeper, fed):
    ledger.register_consumer("mirror", False)
    acknowledge(ledger, "mirror")
    clock.now += 1000 * HOLD_S
    assert keeper.deletable(clock.now) == []
    assert keeper.sweep(clock.now) == 0
    assert desk.files() == everything(*fed)


def test_nothing_goes_before_every_required_consumer_has_it(ledger, desk, clock, keeper, fed):
    for name in ("court", "archive"):
        ledger.register_consumer(name, True)
    ledger.register_consumer("mirror", False)
    acknowledge(ledger, "court")
    acknowledge(ledger, "archive", 1)
    clock.now += 10 * HOLD_S
    keeper.sweep(clock.now)
    back = fed[1]
    assert desk.files() == sorted([f"{back}-evidence", f"{back}-page"])
    acknowledge(ledger, "archive")
    clock.now += HOLD_S
    keeper.sweep(clock.now)
    assert desk.files() == [f"{back}-evidence"]


def test_a_raw_raster_goes_at_once_and_pages_wait_for_their_hold(ledger, desk, clock, keeper, fed):
    ledger.register_consumer("court", True)
    clock.now += 10 * HOLD_S  # the hold runs from the acknowledgement, not from the capture
    acknowledge(ledger, "court")
    front, back = fed
    assert keeper.sweep(clock.now) == len(b"raw")
    assert desk.files() == sorted([f"{front}-page", f"{back}-evidence", f"{back}-page"])
    clock.now += HOLD_S - 1
    assert keeper.sweep(clock.now) == 0
    clock.now += 1
    assert keeper.sweep(clock.now) == len(b"page") + len(b"whole")
    assert desk.files() == [f"{back}-evidence"]
    assert ledger.verify_chain() == 2


def test_a_repeated_acknowledgement_does_not_start_the_hold_again(ledger, desk, clock, keeper, fed):
    ledger.register_consumer("court", True)
    acknowledge(ledger, "court")
    clock.now += HOLD_S
    acknowledge(ledger, "court")
    keeper.sweep(clock.now)
    assert desk.files() == [f"{fed[1]}-evidence"]


def test_a_required_consumer_that_comes_late_holds_everything_again(
    ledger, desk, clock, keeper, fed
):
    ledger.register_consumer("court", True)
    acknowledge(ledger, "court")
    ledger.register_consumer("archive", True)
    clock.now += 10 * HOLD_S
    assert keeper.sweep(clock.now) == 0
    assert desk.files() == everything(*fed)
    acknowledge(ledger, "archive")
    assert keeper.sweep(clock.now) == len(b"raw")  # and the hold begins now


@pytest.mark.parametrize("change", ["quarantine", "reject"])
def test_a_page_about_which_a_person_must_decide_keeps_all_its_bytes(
    ledger, desk, clock, keeper, fed, change
):
    ledger.register_consumer("court", True)
    front, back = fed
    values = {"actor": "court", "request_id": "", "reason": "blurred"}
    ledger.amend(front, change, {}, **values)
    acknowledge(ledger, "court")
    clock.now += 10 * HOLD_S
    keeper.sweep(clock.now)
    assert desk.files() == sorted([f"{front}-page", f"{front}-raw", f"{back}-evidence"])
    assert keeper.relieve(10**9) == 0
    assert [face.page_id for face in ledger.undecided_faces()] == [front]
    ledger.amend(front, "resolve", {"fate": "page"}, **values)
    acknowledge(ledger, "court")
    clock.now += HOLD_S
    keeper.sweep(clock.now)
    assert desk.files() == [f"{back}-evidence"]


def test_a_quarantined_face_is_held_from_its_first_moment(ledger, desk, clock, keeper):
    ledger.register_consumer("court", True)
    batch = ledger.open_batch(virtual=False).number
    front, _ = desk.sheet(ledger, batch, b"a", b"b", fate=Fate.QUARANTINED)
    acknowledge(ledger, "court")
    clock.now += 10 * HOLD_S
    assert keeper.deletable(clock.now) == []
    assert ledger.face(front).undecided


def test_under_pressure_raw_rasters_go_first_oldest_first_and_the_journal_says_so(
    ledger, desk, clock, keeper
):
    batch = ledger.open_batch(virtual=False).number
    pages = [page_id for _ in range(3) for page_id in desk.sheet(ledger, batch)]
    for page_id in pages:
        raw(ledger, page_id, b"r" * 100)
    before = ledger.last()[0]
    assert keeper.relieve(250) == 300
    told = ledger.entries_after(before, 100)
    assert [entry.kind for entry in told] == [EntryKind.AMENDMENT] * 3
    assert [json.loads(entry.record)["amends"] for entry in told] == [str(p) for p in pages[:3]]
    assert {json.loads(entry.record)["change"] for entry in told} == {"raw_dropped"}
    left = [name for name in desk.files() if name.endswith("-raw")]
    assert left == sorted(f"{page_id}-raw" for page_id in pages[3:])
    assert len(desk.files()) == 9
    assert keeper.relieve(10**9) == 300
    assert keeper.relieve(10**9) == 0
    assert len(desk.files()) == 6


def test_the_raster_of_a_face_that_was_resolved_to_lost_goes_under_pressure(ledger, desk, keeper):
    batch = ledger.open_batch(virtual=False).number
    front, _ = desk.sheet(ledger, batch, fate=Fate.QUARANTINED)
    raw(ledger, front, b"r" * 100)
    ledger.amend(front, "resolve", {"fate": "lost"}, actor="a", request_id="r", reason="none")
    assert keeper.relieve(1) == 100
    assert ledger.face(front).changes[-1].change == "raw_dropped"


def test_a_sweep_goes_on_until_nothing_is_due(ledger, desk, clock, keeper, monkeypatch):
    monkeypatch.setattr(retention, "SWEPT_AT_ONCE", 4)
    ledger.register_consumer("court", True)
    batch = ledger.open_batch(virtual=False).number
    for _ in range(5):
        desk.sheet(ledger, batch)
    acknowledge(ledger, "court")
    clock.now += HOLD_S
    assert len(keeper.deletable(clock.now)) == 4
    assert keeper.sweep(clock.now) == 10
    assert desk.files() == []


def test_a_kill_between_striking_and_unlinking_leaves_nothing_behind(
    ledger, desk, clock, keeper, fed, monkeypatch
):
    ledger.register_consumer("court", True)
    acknowledge(ledger, "court")
    monkeypatch.setattr(ledger._blobs, "remove", lambda _names: None)
    keeper.sweep(clock.now)
    assert desk.files() == everything(*fed)
    desk.close()
    desk.open()
    assert desk.files() == sorted(set(everything(*fed)) - {f"{fed[0]}-raw"})
