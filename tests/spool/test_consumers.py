"""Cursors, living instances, and later facts about a page."""

import json

import pytest

from daemon.errors import BadAcknowledgement, ContractError, Fenced, InputError
from daemon.page import SheetId, Side
from daemon.spool.journal import Amendment
from daemon.spool.standing import Change


@pytest.fixture
def pages(ledger, desk):
    return desk.sheet(ledger, ledger.open_batch(virtual=False).number)


@pytest.fixture
def court(ledger):
    ledger.register_consumer("court", True)
    return "court"


def row(ledger, name="court"):
    return next(row for row in ledger.consumers() if row.name == name)


def test_a_cursor_moves_forward_and_never_back(ledger, court, pages):
    assert row(ledger).acknowledged == 0
    ledger.acknowledge(court, 0, ledger.chain.first(ledger.epoch))
    ledger.acknowledge(court, 2, ledger.entry_hash(2))
    ledger.acknowledge(court, 1, ledger.entry_hash(1))
    assert row(ledger).acknowledged == 2


@pytest.mark.parametrize("sequence", [3, 2**63 - 1, 2**64, -1])
def test_an_acknowledgement_of_what_is_not_there_is_refused(ledger, court, pages, sequence):
    with pytest.raises(BadAcknowledgement, match="ahead of the journal"):
        ledger.acknowledge(court, sequence, b"?" * 32)
    assert row(ledger).acknowledged == 0


@pytest.mark.parametrize("sequence", [0, 1])
def test_an_acknowledgement_with_another_chain_is_refused(ledger, court, pages, sequence):
    with pytest.raises(BadAcknowledgement, match="not ours"):
        ledger.acknowledge(court, sequence, ledger.entry_hash(2))
    assert row(ledger).acknowledged == 0


def test_a_lower_instance_is_fenced_and_the_same_one_may_come_back(ledger, court, pages):
    ledger.claim_instance(court, 20)
    ledger.claim_instance(court, 20)
    with pytest.raises(Fenced):
        ledger.claim_instance(court, 19)
    with pytest.raises(Fenced):
        ledger.acknowledge(court, 1, ledger.entry_hash(1), 19)
    assert row(ledger).acknowledged == 0
    ledger.acknowledge(court, 1, ledger.entry_hash(1), 20)
    ledger.claim_instance(court, 21)
    assert row(ledger).instance == 21


@pytest.mark.parametrize(("name", "instance"), [("nobody", 1), ("court", 2**63)])
def test_an_unknown_consumer_and_an_impossible_instance_are_refused(ledger, court, name, instance):
    with pytest.raises(ContractError):
        ledger.claim_instance(name, instance)


def test_a_consumer_keeps_its_cursor_when_it_is_registered_again_and_after_a_restart(
    ledger, desk, court, pages
):
    ledger.acknowledge(court, 1, ledger.entry_hash(1))
    ledger.claim_instance(court, 7)
    ledger.register_consumer(court, False)
    desk.close()
    kept = row(desk.open())
    assert (kept.acknowledged, kept.instance, kept.required) == (1, 7, False)


FACTS = {"actor": "clerk", "request_id": "r-1", "reason": "wrong pile"}


def test_an_amendment_is_an_entry_and_the_record_of_the_page_stays(ledger, pages):
    front = pages[0]
    record = ledger.entries_after(0, 1)[0].record
    sequence = ledger.amend(front, "reject", {"defect": "blurred"}, **FACTS)
    entry = ledger.entries_after(sequence - 1, 1)[0]
    assert (entry.page_id, json.loads(entry.record)["change"]) == (front, "reject")
    assert ledger.entries_after(0, 1)[0].record == record
    (change,) = ledger.face(front).changes
    assert (change.change, change.values, change.actor) == (
        "reject",
        {"defect": "blurred"},
        "clerk",
    )
    assert ledger.verify_chain() == sequence


def test_a_request_that_is_repeated_is_one_amendment(ledger, pages):
    first = ledger.amend(pages[0], "reject", {}, **FACTS)
    assert ledger.amend(pages[0], "reject", {}, **FACTS) == first
    assert ledger.last()[0] == first
    with pytest.raises(ContractError, match="something else"):
        ledger.amend(pages[1], "reject", {}, **FACTS)
    with pytest.raises(ContractError, match="something else"):
        ledger.amend(pages[0], "restore", {}, **FACTS)
    unnamed = FACTS | {"request_id": ""}
    assert ledger.amend(pages[0], "reject", {}, **unnamed) == first + 1
    assert ledger.amend(pages[0], "reject", {}, **unnamed) == first + 2


def test_a_page_that_is_moved_stands_where_it_was_moved_to(ledger, desk, pages):
    place = desk.in_case("c2", volume="secondary")
    moved = Amendment(pages[0], Change.MOVE, {}, "clerk", "r-2", "", 1.0)
    sequence = ledger.record(moved, place)
    assert ledger.face(pages[0]).position == place
    assert ledger.cases() == {"c2": 1}
    assert ledger.entries_after(sequence - 1, 1)[0].secondary
    back = Amendment(pages[0], Change.MOVE, {}, "clerk", "r-3", "", 2.0)
    sequence = ledger.record(back, desk.in_case("c1"))
    assert ledger.entries_after(sequence - 1, 1)[0].secondary  # it tells that it was there


def test_only_a_page_of_the_journal_can_be_amended(ledger):
    batch = ledger.open_batch(virtual=False)
    still_open = ledger.request_feed(batch.number).face(Side.FRONT)
    unknown = SheetId(ledger.epoch8, batch.number, 9).face(Side.FRONT)
    for page_id in (still_open, unknown):
        with pytest.raises(InputError, match="no such page"):
            ledger.amend(page_id, "reject", {}, **FACTS)
    assert ledger.last()[0] == 0
