"""`suian exceptions`: everything that waits for a person is listed, shown and settled."""

import json

import pytest

from daemon.errors import ConfigError, ContractError, InputError
from daemon.page import Fate
from daemon.spool.standing import Standing


def listed(office):
    lines = office.run("exceptions", "list", "--json").splitlines()
    return {one["id"]: one for one in map(json.loads, lines)}


@pytest.fixture
def superseded(office):
    """The two faces of the sheet that was fed double, as the stack of this hall has it."""
    return [
        str(face.page_id)
        for face in office.ledger.batch_account(1).faces
        if face.fate is Fate.SUPERSEDED
    ]


def test_what_waits_for_a_person_is_listed(office, superseded):
    found = listed(office)
    assert set(found) == {"batch:2", *superseded}
    assert found["batch:2"]["kind"] == "open batch"
    assert [found[name]["kind"] for name in superseded] == ["superseded"] * 2
    assert "superseded" in office.run("exceptions", "list")


def test_one_is_shown_with_its_history_and_the_ways_out(office, superseded):
    said = json.loads(office.run("exceptions", "show", superseded[0], "--json"))
    assert (said["fate"], said["reason"]) == ("superseded", "double_feed")
    assert said["may_be"] == ["lost", "superseded"]
    office.run("exceptions", "resolve", superseded[0], "--as", "lost", "--reason", "shredded")
    (line,) = json.loads(office.run("exceptions", "show", superseded[0], "--json"))["history"]
    assert line.endswith(": shredded")
    assert "resolve by local/" in line
    assert "may_be" in office.run("exceptions", "show", superseded[1])


def test_a_face_is_settled_by_a_decision_in_the_journal(office, superseded):
    front, back = superseded
    by = str(office.ledger.batch_account(1).faces[12].page_id)
    said = office.run(
        "exceptions", "resolve", front, "--as", "superseded", "--by", by, "--reason", "seen",
        "--actor", "Li", "--request", "r-1",
    )  # fmt: skip
    assert said == f"{front}: written as entry {office.ledger.last()[0]} of the journal\n"
    (change,) = office.ledger.face(next(_ids(office, front))).changes
    assert (change.values, change.actor) == (
        {"fate": "superseded", "by_page_id": by},
        "local/Li",
    )
    assert set(listed(office)) == {"batch:2", back}


def _ids(office, name):
    return (f.page_id for f in office.ledger.batch_account(1).faces if str(f.page_id) == name)


def test_a_batch_is_closed_as_it_is(office):
    office.run("exceptions", "resolve", "batch:2", "--reason", "one file only")
    assert office.ledger.open_batches() == []
    assert "batch:2" not in listed(office)


def test_a_removed_blank_comes_back(office):
    blank = next(f for f in office.ledger.batch_account(1).faces if f.fate is Fate.BLANK)
    office.run("exceptions", "resolve", str(blank.page_id), "--as", "page", "--reason", "a stamp")
    assert office.ledger.face(blank.page_id).standing is Standing.PAGE


@pytest.mark.parametrize(
    ("words", "error", "says"),
    [
        (("nonsense", "--as", "lost"), InputError, "page id, or batch:NUMBER"),
        (("batch:x",), InputError, "batch:NUMBER"),
        (("batch:9",), ContractError, "no such batch"),
        (("0badc0de-000001-0001-F", "--as", "lost"), InputError, "no such face"),
    ],
)
def test_what_is_not_there_is_said(office, words, error, says):
    last = office.ledger.last()
    with pytest.raises(error, match=says):
        office.run("exceptions", "resolve", *words, "--reason", "why")
    assert office.ledger.last() == last


def test_a_decision_that_cannot_be_is_refused_with_what_could(office, superseded):
    with pytest.raises(InputError, match="--as page"):
        office.run("exceptions", "resolve", superseded[0], "--reason", "why")
    with pytest.raises(ContractError, match="may_be_resolved_to=lost, superseded"):
        office.run("exceptions", "resolve", superseded[0], "--as", "page", "--reason", "why")


def test_with_the_daemon_down_it_lists_and_shows_and_says_who_could_decide(office, superseded):
    office.server.stop(0)
    office.ledger.close()
    assert set(listed(office)) == {"batch:2", *superseded}
    assert "superseded" in office.run("exceptions", "show", superseded[0])
    with pytest.raises((ConfigError, ContractError), match="start it"):
        office.run("exceptions", "resolve", superseded[0], "--as", "lost", "--reason", "why")
