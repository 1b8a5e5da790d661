"""The verdict over a siege finds whatever was spoiled, or the siege would be worth nothing."""

import functools
import sqlite3
from contextlib import closing

import cv2
import pytest

from daemon.page import Fate
from daemon.stream.court.database import DATABASE
from tests import line
from tests.court import Hall, face, kept, separators
from tests.service.court import Court
from tests.service.hall import Appliance
from tests.service.verdict import judge

PAGES = 3


@functools.cache
def marked(number):
    picture = cv2.resize(line.page(number), (1654, 2339), interpolation=cv2.INTER_AREA)
    return kept(cv2.imencode(".jpg", picture)[1].tobytes(), "111", number)


def interrupted(reason="interrupted"):
    return [face(Fate.LOST, case=None, reason=reason)] * 2


def stack(numbers=(1, 2, 3)):
    blank = face(Fate.BLANK, b"a bare back", "111", reason="surely blank")
    pages = [one for number in numbers for one in (marked(number), blank)]
    return [*separators("AAAAAAAA"), *interrupted(), *pages]


class Aftermath:
    """An appliance and a court that has pulled everything, and hands to spoil what they hold."""

    def __init__(self, folder):
        (folder / "appliance").mkdir()
        self.source = Hall(folder)
        self.court = Court(folder / "court", "")

    def feed(self, faces):
        self.source.feed(faces)
        self.source.pull(self.court.folder)

    def at_the_court(self, sql):
        with closing(sqlite3.connect(self.court.folder / DATABASE)) as database, database:
            database.execute(sql)

    def alter(self, folder, pattern):
        path = sorted(folder.rglob(pattern))[0]
        path.write_bytes(path.read_bytes() + b" ")

    def failures(self, *, sheets=4, pages=PAGES, laid_back=1, deaths=1):
        folder = self.source.folder
        hall = Appliance(folder / "appliance", sheets, spool=folder / "spool")
        verdict = judge(hall, self.court, pages, laid_back=laid_back, deaths=deaths)
        return "\n".join(verdict.failures)


@pytest.fixture
def after(tmp_path):
    after = Aftermath(tmp_path)
    yield after
    after.source.close()


def test_what_was_pulled_whole_and_in_order_is_found_whole(after):
    after.feed(stack())
    assert after.failures() == ""


@pytest.mark.parametrize(
    ("numbers", "said"),
    [((1, 3), "missing [2]"), ((1, 2, 2, 3), "twice [2]"), ((1, 3, 2), "missing [], twice []")],
)
def test_a_page_that_is_missing_twice_or_out_of_order_is_found(after, numbers, said):
    after.feed(stack(numbers))
    assert said in after.failures(sheets=1 + len(numbers))


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("DELETE FROM entry WHERE sequence = 5", "entries, the court"),
        ("UPDATE entry SET entry_hash = x'00' WHERE sequence = 5", "entry 5 of the journal"),
        ("UPDATE cursor SET sequence = 5", "court and appliance are at (5, 11)"),
    ],
)
def test_a_journal_at_the_court_that_is_another_one_is_found(after, sql, said):
    after.feed(stack())
    after.at_the_court(sql)
    assert said in after.failures()


def test_entries_that_nobody_pulled_are_found(after):
    after.feed(stack())
    after.source.feed(interrupted())
    assert "the journal has 14 entries, the court 11" in after.failures(deaths=2)


def test_bytes_that_are_not_those_captured_are_found_at_the_court_and_in_the_spool(after):
    after.feed(stack())
    after.alter(after.court.folder, "*.jpg")
    said = after.failures()
    assert "these are not the bytes that were captured" in said
    assert "the verifier: " in said
    assert "the audit: " not in said
    after.alter(after.source.folder / "spool" / "pages", "*-page")
    assert "the audit: " in after.failures()


def test_a_face_without_a_fate_is_found(after):
    after.feed(stack())
    after.source.ledger.request_feed(after.source.ledger.open_batch(virtual=True).number)
    assert "has no fate" in after.failures()


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({"laid_back": 2, "deaths": 2}, "2 faces were named as not read; 2 sheets were laid back"),
        ({"laid_back": 0, "deaths": 0}, "the daemon ended 0 times"),
        ({"sheets": 5}, "8 faces were read of 5 sheets"),
    ],
)
def test_what_was_not_read_is_named_and_nothing_else(after, facts, said):
    after.feed(stack())
    assert said in after.failures(**facts)


def test_a_sheet_that_was_given_up_for_another_reason_is_found(after):
    after.feed([*stack(), *interrupted("double_feed")])
    assert "is lost for 'double_feed'" in after.failures(deaths=2)
