"""The manifest as the appliance gives it: rows of the ledger, warnings of the records."""

import json

import pytest

from daemon.errors import InputError
from daemon.page import Blob, Fate, Role
from tests import court


@pytest.fixture
def hall(tmp_path):
    hall = court.Hall(tmp_path)
    yield hall
    hall.close()


def tree(hall, case=court.CASE):
    return json.loads(hall.manifests.of(case.key))


def test_every_face_of_the_case_is_in_it_and_no_other(hall):
    ids = hall.feed(court.stack())
    found = tree(hall)
    here = [str(page_id) for page_id in ids[2:10] + ids[12:20]]
    rows = found["pages"] + found["others"]
    assert sorted(row["page_id"] for row in rows) == sorted(here)
    assert found["head"]["counts"]["page"] == len(found["pages"]) == 7
    assert found["head"]["counts"]["separator"] == 8
    assert found["head"]["counts"]["blank"] == 1


def test_the_batch_accounts_for_the_faces_that_stand_in_no_case(hall):
    ids = hall.feed(court.stack())
    (batch,) = tree(hall)["head"]["batches"]
    assert (batch["faces"], batch["sheets"], batch["closed"]) == (len(ids), len(ids) // 2, True)
    assert batch["counts"]["superseded"] == 2
    assert batch["faces_in_case"] == 16


def test_pages_are_in_archival_order_with_warnings_and_marks(hall):
    hall.feed(court.stack())
    pages = tree(hall)["pages"]
    assert [(p["material"], p["page"], p["number"]) for p in pages] == [
        ("111", 1, 1), ("111", 2, 2), ("131", 1, 3), ("131", 2, 4), ("131", 3, 5),
        ("171", 1, 1), ("990", 1, None),
    ]  # fmt: skip
    assert pages[2]["warnings"] == ["streak suspected"]
    assert pages[3]["marked_blank"] is True
    assert all(page["virtual"] for page in pages)


def test_an_appeal_is_ordered_as_an_appeal(hall):
    hall.feed(
        [
            court.kept(bytes([n]), code, case=court.OTHER_CASE)
            for n, code in enumerate(("125", "113"))
        ]
    )
    assert [p["material"] for p in tree(hall, court.OTHER_CASE)["pages"]] == ["113", "125"]


def test_a_case_may_be_asked_for_by_its_number_as_somebody_writes_it(hall):
    hall.feed(court.stack())
    by_key = hall.manifests.of(court.CASE.key)
    assert hall.manifests.of("（2018）吉01民初129号") == by_key
    assert json.loads(by_key)["head"]["case_number"] == court.CASE.text


@pytest.mark.parametrize("case", ["JL0100-00-2018-0301-00000130", "(2018)吉01民初130号", "", "x"])
def test_an_unknown_case_is_an_error(hall, case):
    hall.feed(court.stack())
    with pytest.raises(InputError, match="no such case"):
        hall.manifests.of(case)


def test_it_names_the_files_as_a_puller_writes_them(hall, tmp_path):
    hall.feed(court.stack())
    folder = tmp_path / "pulled"
    hall.pull(folder)
    named = {
        blob["file"]
        for case in (court.CASE, court.OTHER_CASE)
        for rows in ("pages", "others")
        for row in tree(hall, case)[rows]
        for blob in row["blobs"]
    } - {""}
    lies = {
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_file() and path.suffix == ".jpg" and "unassigned" not in path.parts
    }
    assert named == lies
    assert len(named) == 10


def test_it_depends_on_the_position_of_the_journal_alone(hall):
    ids = hall.feed(court.stack())
    before = hall.manifests.of(court.CASE.key)
    hall.ledger.add_blob(ids[8], Blob(Role.RAW, "application/zstd", b"raster"))
    assert hall.ledger.last()[0] == json.loads(before)["head"]["journal"]["sequence"]
    assert hall.manifests.of(court.CASE.key) == before


def test_the_position_is_of_the_moment_of_the_rows(hall, monkeypatch):
    """A batch is committed after the position was read and before the rows are: read again."""
    hall.feed(court.stack())
    read, late = hall.ledger.case_rows, []

    def reading(key):
        if not late:
            late.extend(hall.feed([court.kept(b"late", page=3), court.kept(b"later", page=4)]))
        return read(key)

    monkeypatch.setattr(hall.ledger, "case_rows", reading)
    found = tree(hall)
    assert str(late[1]) in {row["page_id"] for row in found["pages"]}
    assert found["head"]["journal"]["sequence"] == hall.ledger.last()[0]


def test_a_damaged_page_says_so(hall):
    ids = hall.feed(court.stack())
    hall.ledger.amend(
        ids[6], "quarantine", {"role": "page"}, actor="appliance", request_id="", reason="x"
    )
    (page,) = [p for p in tree(hall)["others"] if p["page_id"] == str(ids[6])]
    assert (page["fate"], page["standing"], page["undecided"]) == ("page", "quarantined", True)
    assert [blob["damaged"] for blob in page["blobs"]] == [True]
    assert [change["change"] for change in page["changes"]] == ["quarantine"]


def test_an_empty_material_is_reported_by_its_separator(hall):
    hall.feed([*court.separators("AAAAAAAA"), *court.separators("BBBBBBBB", "131", declared=2)])
    (material,) = tree(hall)["head"]["materials"]
    assert (material["material"], material["pages"], material["differs"]) == ("131", 0, True)


def test_faces_that_were_never_captured_have_a_row_when_they_stand_in_the_case(hall):
    hall.feed([court.kept(b"one"), court.face(Fate.LOST, None, "111", reason="interrupted")])
    (lost,) = tree(hall)["others"]
    assert (lost["fate"], lost["blobs"]) == ("lost", [])
