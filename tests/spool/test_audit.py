"""The audit names every law that is broken, and nothing when none is."""

import apsw
import pytest

from daemon.page import Fate, Side
from daemon.spool.audit import audit, breaches


@pytest.fixture
def spool(ledger, desk):
    """A closed batch, an amended page, a refused face; the daemon is down."""
    ledger.register_consumer("court", True)
    batch = ledger.open_batch(virtual=False).number
    front, _ = desk.sheet(ledger, batch, b"front", b"back")
    sheet = ledger.request_feed(batch)
    ledger.commit([desk.page(sheet.face(s), fate=Fate.REFUSED) for s in (Side.FRONT, Side.BACK)])
    ledger.amend(front, "reject", {}, actor="court", request_id="", reason="blurred")
    ledger.close_batch(batch)
    desk.close()
    return desk


def spoil(desk, *statements):
    """Change the ledger as nobody may."""
    connection = apsw.Connection(str(desk.directory / "ledger.db"))
    connection.execute("DROP TRIGGER entry_is_never_edited; DROP TRIGGER entry_is_never_removed")
    connection.execute("DROP TRIGGER face_keeps_its_fate")
    for statement in statements:
        connection.execute(statement)
    connection.close()


def problems(desk):
    return audit(desk.directory, lambda _: None).problems


def test_a_spool_that_keeps_its_promises_has_no_problem(spool):
    seen = []
    found = audit(spool.directory, seen.append)
    assert (found.problems, found.entries, found.files) == ((), 6, 2)
    assert found.size_bytes == len(b"front") + len(b"back")
    assert seen == [1, 2]


BREAKS = {
    "a sheet has two faces": "DELETE FROM face WHERE page_id LIKE '%0002-B'",
    "a closed batch has no open face": (
        "UPDATE face SET fate = NULL, sequence = NULL WHERE page_id LIKE '%0002-B'"
    ),
    "a closed batch has its account": "UPDATE batch SET closed_sequence = 1",
    "an account in the journal has its batch": (
        "UPDATE batch SET closed_sequence = NULL, closed_at = NULL"
    ),
    "a fate has its record": "UPDATE entry SET page_id = NULL, kind = 'batch_closed'"
    " WHERE sequence = 4",
    "a record in the journal has its face": (
        "UPDATE face SET sequence = NULL, fate = NULL WHERE sequence = 3"
    ),
    "an amendment in the journal has its row": "DELETE FROM amendment",
    "without a later fact": "UPDATE face SET standing = 'blank' WHERE page_id LIKE '%0001-B'",
    "a page has bytes": "DELETE FROM blob WHERE page_id LIKE '%0001-B'",
    "a refused face leaves no image": (
        "UPDATE blob SET page_id = replace(page_id, '-0001-', '-0002-')"
    ),
    "the journal has no gaps": "DELETE FROM entry WHERE sequence = 3",
    "a cursor stands on an entry": "UPDATE consumer SET acknowledged = 7",
    "chain is broken": "UPDATE entry SET record = x'00' WHERE sequence = 2",
}


@pytest.mark.parametrize("law", BREAKS)
def test_a_broken_law_is_named(spool, law):
    spoil(spool, BREAKS[law])
    assert any(law in problem for problem in problems(spool)), problems(spool)


def test_a_page_file_that_was_changed_or_removed_is_named(spool):
    first, second = spool.files()
    (spool.directory / "pages" / first).write_bytes(b"flipped")
    (spool.directory / "pages" / second).unlink()
    found = problems(spool)
    assert len(found) == 2
    assert first in found[0]
    assert second in found[1]


def test_the_daemon_may_run_meanwhile(spool):
    ledger = spool.open()
    assert problems(spool) == ()
    assert breaches(ledger) == []
