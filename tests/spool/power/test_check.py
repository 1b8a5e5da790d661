"""The judge of a spool: it says nothing about a right one, and a sentence about each loss.

A small day is worked at a spool on this machine's disk, its claims are kept in a list, and then the
spool is damaged by hand. No root needed.
"""

import json
import shutil
from contextlib import closing

import apsw
import pytest

from daemon.page import PAPER_SIDES, Role
from daemon.spool.blobs import file_name
from tests.spool.power.check import failures
from tests.spool.power.claims import promised
from tests.spool.power.workload import Size, work

SMALL = Size(batches=2, sheets=8, files=2, scope_bytes=0)


class Said:
    """Keeps claims where the recorder would."""

    def __init__(self):
        self.marks = []

    def say(self, what, **facts):
        self.marks.append(json.dumps({"what": what} | facts).encode())


@pytest.fixture(scope="module")
def day(tmp_path_factory):
    folder = tmp_path_factory.mktemp("day") / "spool"
    said = Said()
    work(folder, said, 1, SMALL)
    return folder, said.marks


@pytest.fixture
def spool(day, tmp_path):
    shutil.copytree(day[0], tmp_path / "spool")
    return tmp_path / "spool"


@pytest.fixture
def claims(day):
    return promised(day[1])


def change(spool, statement, *values):
    """Change the ledger behind its back: its triggers and references do not hold then."""
    with closing(apsw.Connection(str(spool / "ledger.db"))) as connection:
        triggers = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger'")
        for (name,) in triggers.fetchall():
            connection.execute(f"DROP TRIGGER {name}")
        connection.execute(statement, values)
        assert connection.changes() > 0


def not_to_go(claims, role=Role.PAGE):
    """Return a page whose bytes of this role may not go, and the promise of them."""
    return next(
        (page_id, blob)
        for page_id, face in claims.faces.items()
        for blob in face.blobs
        if blob.role is role and (role is Role.EVIDENCE or face.sent_behind > claims.released())
    )


def test_a_spool_that_lost_nothing_is_not_blamed(spool, claims):
    assert len(claims.faces) == 2 * 2 * 2 * 8 + 2 * 2
    assert claims.amendments
    assert claims.acknowledged["court"] > 0
    assert claims.withdrawn
    assert failures(spool, claims) == []


def test_a_spool_that_nothing_was_promised_of_need_not_be_there(tmp_path):
    assert failures(tmp_path / "never", promised([])) == []


def test_a_spool_that_is_gone_lost_everything(tmp_path, claims):
    said = failures(tmp_path / "gone", claims)
    assert len(said) > len(claims.entries)
    assert "the epoch is" in said[0]


DAMAGES = {
    "UPDATE meta SET epoch = '00000000' || substr(epoch, 9)": "the epoch is 00000000",
    "DELETE FROM entry WHERE sequence > 20": "is gone, the last is 20",
    "UPDATE entry SET record = x'00' WHERE sequence = 5": "chain is broken",
    "UPDATE entry SET entry_hash = randomblob(32) WHERE sequence = 7": "entry 7 is another one",
    "DELETE FROM entry WHERE sequence = 9": "the journal has a gap",
    "DELETE FROM amendment WHERE change = 'quarantine'": "has lost its amendment quarantine",
    "DELETE FROM face WHERE sequence = (SELECT min(sequence) FROM face)": "is gone",
    "UPDATE face SET fate = 'lost' WHERE fate = 'blank'": "not blank",
    "DELETE FROM blob WHERE role = 'raw'": "has lost the row of its raw",
    "UPDATE consumer SET acknowledged = 1 WHERE name = 'court'": "the cursor is at 1",
    "UPDATE consumer SET required = 0": "the consumer court is no longer what it was",
    "DELETE FROM consumer WHERE name = 'archive'": "the consumer archive is gone",
    "UPDATE blob SET deleted_at = 1.0 WHERE deleted_at IS NULL": "is struck and the cursor is at",
    "UPDATE batch SET closed_at = NULL, closed_sequence = NULL WHERE closed_at IS NOT NULL": (
        "was closed and is open again"
    ),
    "DELETE FROM batch WHERE number = 1": "batch 1 is gone",
    "DELETE FROM sheet WHERE batch = 1 AND number = 1": "faces for",
    "DELETE FROM face WHERE fate IS NULL": "was asked for and is gone",
    "UPDATE face SET fate = NULL, sequence = NULL, standing = 'open' WHERE batch = 1": (
        "is closed and has"
    ),
}


@pytest.mark.parametrize(("statement", "sentence"), DAMAGES.items())
def test_each_loss_in_the_ledger_is_named(spool, claims, statement, sentence):
    change(spool, statement)
    assert any(sentence in said for said in failures(spool, claims))


def test_a_sheet_that_comes_back_is_named(spool, claims):
    sheet = min(claims.withdrawn)
    change(spool, "INSERT INTO sheet VALUES (?, ?, 1.0)", sheet.batch, sheet.sheet)
    for side in PAPER_SIDES:
        change(
            spool,
            "INSERT INTO face (page_id, batch, sheet, side) VALUES (?, ?, ?, ?)",
            str(sheet.face(side)),
            sheet.batch,
            sheet.sheet,
            side.value,
        )
    assert f"sheet {sheet} was taken back and is here again" in failures(spool, claims)


def test_a_ledger_that_cannot_be_read_is_named(spool, claims):
    whole = bytearray((spool / "ledger.db").read_bytes())
    whole[:100] = bytes(100)
    (spool / "ledger.db").write_bytes(whole)
    assert "the spool does not open" in failures(spool, claims)[0]


def test_a_page_file_that_went_too_early_is_named(spool, claims):
    page_id, blob = not_to_go(claims)
    (spool / "pages" / file_name(page_id, blob.role)).unlink()
    said = failures(spool, claims)
    assert f"{page_id} page went before it was acknowledged" in said
    assert any(f"{page_id} page is not handed out" in one for one in said)
    assert len(said) == 2


@pytest.mark.parametrize("role", [Role.PAGE, Role.EVIDENCE])
def test_a_page_file_with_other_bytes_is_named(spool, claims, role):
    page_id, blob = not_to_go(claims, role)
    path = spool / "pages" / file_name(page_id, blob.role)
    path.write_bytes(path.read_bytes()[:-1] + b"!")
    said = failures(spool, claims)
    assert len(said) == 2
    assert all(f"{page_id} {role}" in one for one in said)


def test_a_file_that_no_row_names_is_named(spool, claims):
    (spool / "pages" / "nobody").write_bytes(b"x")
    assert failures(spool, claims) == ["nobody lies there and no row names it"]


def set_apart_at_once(claims):
    return next(i for i, face in claims.faces.items() if face.fate == "quarantined")


def set_apart_later(claims):
    return next(
        page_id
        for page_id, change in claims.amendments.values()
        if change == "quarantine" and claims.faces[page_id].held
    )


@pytest.mark.parametrize("which", [set_apart_at_once, set_apart_later])
def test_bytes_about_which_a_person_decides_may_not_go_though_acknowledged(spool, day, which):
    _, marks = day
    claims = promised(marks)
    for name in claims.acknowledging:
        claims.acknowledging[name] = len(claims.entries) + 100
    page_id = which(claims)
    role = claims.faces[page_id].blobs[0].role
    (spool / "pages" / file_name(page_id, role)).unlink()
    assert f"{page_id} {role} went before it was acknowledged" in failures(spool, claims)


def test_an_unknown_claim_is_refused():
    with pytest.raises(KeyError):
        promised([b'{"what": "miracle"}'])


def test_a_sheet_that_is_being_taken_back_may_be_here_or_not():
    sheet = "12345678-000001-0001"
    asked = [
        json.dumps({"what": what, "sheet": sheet}).encode() for what in ("sheet", "withdrawing")
    ]
    assert len(promised(asked[:1]).sheets) == 1
    between = promised(asked)
    assert (between.sheets, between.withdrawn) == (set(), set())
    withdrawn = promised([*asked, asked[1].replace(b"withdrawing", b"withdrawn")])
    assert len(withdrawn.withdrawn) == 1
    again = [b'{"what": "feeding", "batch": 1}']
    assert (
        promised([*asked, asked[1].replace(b"withdrawing", b"withdrawn"), *again]).withdrawn
        == set()
    )
