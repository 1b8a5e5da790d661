import itertools
import re
from pathlib import Path

import pytest

from daemon.feeder import hands, transport
from daemon.feeder.fi.status import HardwareStatus
from daemon.feeder.hands import CLEARING, Condition, is_cleared
from daemon.metrics import FAULTS

READY = {"hopper_loaded": True, "button_pressed": True, "cover_open": False, "paper_in_path": False}
PAGE = Path(hands.__file__).with_name("README.md")


def status(**changed):
    return HardwareStatus(**READY | changed)


def test_every_cause_that_is_counted_has_words_for_a_clerk():
    assert set(FAULTS) <= set(CLEARING)


@pytest.mark.parametrize("cause", CLEARING)
def test_a_cause_is_cleared_by_hands_that_did_everything(cause):
    assert is_cleared(cause, status(), was_in_path=True)


@pytest.mark.parametrize("cause", CLEARING)
@pytest.mark.parametrize(
    "missing", [{"button_pressed": False}, {"cover_open": True}, {"paper_in_path": True}]
)
def test_no_cause_is_cleared_without_scan_with_an_open_cover_or_with_paper_inside(cause, missing):
    assert not is_cleared(cause, status(**missing), was_in_path=False)


@pytest.mark.parametrize("cause", CLEARING)
def test_a_sheet_from_the_path_must_lie_in_the_hopper_again(cause):
    needs = Condition.RELAID in CLEARING[cause].conditions
    assert is_cleared(cause, status(hopper_loaded=False), was_in_path=True) is not needs
    assert is_cleared(cause, status(hopper_loaded=False), was_in_path=False)


def test_a_cause_from_another_version_still_needs_hands():
    assert not is_cleared("unheard_of", status(button_pressed=False), was_in_path=False)
    assert is_cleared("unheard_of", status(), was_in_path=True)


def test_no_two_causes_share_their_words():
    for one, other in itertools.combinations(CLEARING.values(), 2):
        assert one.zh != other.zh
        assert one.en != other.en


@pytest.mark.parametrize("cause", CLEARING)
def test_the_words_ask_for_hands_only(cause):
    row = CLEARING[cause]
    assert "扫描键" in row.zh
    assert "press Scan" in row.en
    assert not re.search(r"command|systemctl|journal|click|screen", row.en)


def test_the_page_of_the_room_shows_both_tables_as_they_are():
    page = PAGE.read_text(encoding="utf-8")
    assert hands.table() in page
    assert "\n".join(f"    {line}" for line in transport.picture().splitlines()) in page
