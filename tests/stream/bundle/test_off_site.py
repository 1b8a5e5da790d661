"""Ten working days without a network: nothing goes, and the court gets the whole journal."""

import pytest

from daemon.dossier import verifier
from daemon.spool.retention import Retention
from tests.court import kept, stack

HOLD_S = 3 * 86_400.0
DAYS = 12  # ten working days and a week-end between them
WEEK_END = (5, 6)


@pytest.fixture
def ten_days(village):
    """Feed a batch or two every working day; retention sweeps every hour and finds nothing."""
    retention = Retention(village.ledger, HOLD_S)
    for day in range(DAYS):
        if day not in WEEK_END:
            village.feed(stack())
            village.feed([kept(f"{day} {n}".encode(), page=10 + n) for n in range(6)])
        for _ in range(24):
            village.clock.now += 3600
            assert retention.sweep(village.clock()) == 0
    return retention


def swept(village, retention):
    """Let the hold pass; returns the bytes that retention frees."""
    assert retention.sweep(village.clock()) == 0
    village.clock.now += HOLD_S + 1
    return retention.sweep(village.clock())


def check(village, court, held, pages):
    """The court's set is the journal's, in order, and every page that was captured is there."""
    assert held(court.folder) == village.journal()
    assert not verifier.verify(court.folder).found
    at_court = {path.stem for path in court.folder.rglob("*.jpg")}
    assert set(pages) <= at_court
    assert len(pages) == 10 * (10 + 6)


@pytest.fixture
def pages(village, ten_days):
    """Ids of every kept page of the journal."""
    accounts = map(village.ledger.batch_account, village.ledger.batch_numbers(1000))
    return [
        str(face.page_id) for account in accounts for face in account.faces if face.fate == "page"
    ]


def test_brought_back_it_is_pulled_on_the_intranet(village, ten_days, court, held, pages):
    court.pull(village)
    check(village, court, held, pages)
    assert swept(village, ten_days) > 0
    assert all("evidence" in name for name in village.kept_files())


def test_a_bundle_brings_the_same_and_its_receipt_frees_the_space(
    village, ten_days, court, held, pages, file
):
    village.export(court, file)
    imported = court.bring_in(file)
    check(village, court, held, pages)
    village.clock.now += 10 * HOLD_S
    assert ten_days.sweep(village.clock()) == 0
    village.settle(court.receipt(imported.cursor))
    assert swept(village, ten_days) > 0
    assert all("evidence" in name for name in village.kept_files())


def test_a_bundle_first_and_the_rest_by_network_is_one_account(
    village, ten_days, court, held, file
):
    village.export(court, file)
    village.feed(stack())
    imported = court.bring_in(file)
    village.settle(court.receipt(imported.cursor))
    assert court.pull(village).entries == len(stack()) + 1
    assert held(court.folder) == village.journal()
    assert not verifier.verify(court.folder).found
    assert village.cursor() == len(village.journal())
    assert swept(village, ten_days) > 0
