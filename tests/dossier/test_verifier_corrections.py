"""A folder behind corrections: pages that were restored, rejected, and moved to another case."""

import hashlib
import shutil

import pytest

from daemon.dossier import verifier
from daemon.rpc import pages_pb2 as pb
from daemon.spool.chain import Chain
from tests import court
from tests.dossier.test_verifier import alone, kinds, manifest, page, rewrite, tamper

KEY, OTHER_KEY = court.CASE.key, court.OTHER_CASE.key


@pytest.fixture(scope="module")
def corrected(tmp_path_factory):
    """A folder whose pages were restored, rejected and moved to another case; its page ids."""
    folder = tmp_path_factory.mktemp("court")
    hall = court.Hall(tmp_path_factory.mktemp("hall"))
    try:
        ids = hall.feed(court.stack())
        hall.pull(folder)
        rekey = pb.Rekey(from_case_number=court.CASE.text, to_case_number=court.OTHER_CASE.text)
        for page_id, change in (
            (ids[9], {"restore": pb.Restore()}),
            (ids[14], {"reject": pb.Reject(defect="crooked")}),
            (ids[8], {"rekey": rekey}),
        ):
            hall.amend(
                pb.AmendRequest(
                    request_id=str(page_id), page_id=str(page_id), actor="x", reason="y", **change
                )
            )
        hall.pull(folder)
    finally:
        hall.close()
    return folder, ids


@pytest.fixture
def after(corrected, tmp_path):
    folder, ids = corrected
    return shutil.copytree(folder, tmp_path / "copy"), ids


def where(folder, page_id, key=KEY):
    """Part and place of a row in a manifest."""
    tree = manifest(folder, key)
    return next(
        (part, at)
        for part in ("pages", "others")
        for at, row in enumerate(tree[part])
        if row["page_id"] == str(page_id)
    )


def test_a_folder_behind_corrections_is_verified(after):
    folder, ids = after
    findings = verifier.verify(folder)
    assert findings.problems == ()
    assert (findings.pages, findings.entries) == (8, 28)
    assert f"{OTHER_KEY}/main/{ids[8]}.jpg" == page(folder, b"evidence 3")
    assert alone(folder.parent, folder).returncode == 0


def test_a_row_that_stands_among_the_wrong_rows_is_named(after):
    folder, ids = after

    def promote(tree):
        rejected = next(r for r in tree["others"] if r["page_id"] == str(ids[14]))
        tree["others"].remove(rejected)
        tree["pages"].append(rejected)

    rewrite(folder, promote, chained=True)
    assert ("wrong_standing", str(ids[14])) in kinds(folder)


@pytest.mark.parametrize(
    ("n", "standing"), [(14, "page"), (9, "blank"), (7, "rejected"), (15, "superseded")]
)
def test_a_standing_that_no_amendment_gave_is_named(after, n, standing):
    folder, ids = after
    part, at = where(folder, ids[n])
    rewrite(folder, lambda tree: tree[part][at].update(standing=standing), chained=True)
    assert ("journal_differs", str(ids[n])) in kinds(folder)


def test_a_change_that_a_manifest_leaves_out_is_named(after):
    folder, ids = after
    part, at = where(folder, ids[14])
    rewrite(folder, lambda tree: tree[part][at].update(changes=[]), chained=True)
    assert ("journal_differs", str(ids[14])) in kinds(folder)


def test_a_page_that_was_put_back_where_it_came_from_is_named(after):
    folder, ids = after
    now, before = f"{OTHER_KEY}/main/{ids[8]}.jpg", f"{KEY}/main/{ids[8]}.jpg"
    (folder / now).rename(folder / before)
    assert kinds(folder) == {("renamed", now)}


def test_a_manifest_from_before_a_correction_asks_for_another_pull(tmp_path):
    hall = court.Hall(tmp_path / "hall")
    folder = tmp_path / "court"
    try:
        ids = hall.feed(court.stack())
        hall.pull(folder)
        earlier = (folder / KEY / "manifest.json").read_bytes()
        hall.amend(
            pb.AmendRequest(
                request_id="r", page_id=str(ids[9]), actor="x", reason="y", restore=pb.Restore()
            )
        )
        hall.pull(folder)
    finally:
        hall.close()
    (folder / KEY / "manifest.json").write_bytes(earlier)
    assert kinds(folder) == {("manifest_outdated", str(ids[9]))}


def test_a_journal_of_sm3_is_followed_with_sm3(tmp_path, monkeypatch):
    hall = court.Hall(tmp_path / "hall", chain=Chain("sm3"))
    try:
        hall.feed(court.stack())
        hall.pull(tmp_path / "court")
    finally:
        hall.close()
    assert kinds(tmp_path / "court") == set()
    tamper(tmp_path / "court", "UPDATE cursor SET chain_algorithm = 'sha256'")
    assert ("journal_broken", "entry 1") in kinds(tmp_path / "court")
    tamper(tmp_path / "court", "UPDATE cursor SET chain_algorithm = 'sm3'")
    without = hashlib.algorithms_available - {"sm3"}
    monkeypatch.setattr(hashlib, "algorithms_available", without)
    problems = [p for p in verifier.verify(tmp_path / "court").found if p.kind == "journal_broken"]
    assert "this Python does not have sm3" in problems[0].detail
