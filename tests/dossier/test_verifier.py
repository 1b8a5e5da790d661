"""A folder pulled from a real appliance, and everything that can go wrong with it afterwards."""

import hashlib
import json
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest

from daemon.dossier import verifier
from tests import court

KEY, OTHER_KEY = court.CASE.key, court.OTHER_CASE.key


@pytest.fixture(scope="module")
def pulled(tmp_path_factory):
    """Pull a folder once; nobody may change it."""
    folder = tmp_path_factory.mktemp("court")
    hall = court.Hall(tmp_path_factory.mktemp("hall"))
    try:
        hall.feed(court.stack())
        hall.pull(folder)
    finally:
        hall.close()
    return folder


@pytest.fixture
def folder(pulled, tmp_path):
    return shutil.copytree(pulled, tmp_path / "copy")


def kinds(folder):
    return {(problem.kind, problem.name) for problem in verifier.verify(folder).found}


def page(folder, data):
    """The file that holds these bytes, by its name in the folder."""
    (found,) = [p for p in folder.rglob("*.jpg") if p.read_bytes() == data]
    return found.relative_to(folder).as_posix()


def test_a_folder_as_it_was_pulled_is_verified_and_left_as_it_is(folder):
    before = sorted(p.relative_to(folder) for p in folder.rglob("*"))
    findings = verifier.verify(folder)
    assert findings.problems == ()
    assert (findings.pages, findings.files, findings.entries) == (8, 12, 25)
    ends = {
        key: json.loads((folder / key / "manifest.json").read_bytes())["end"]
        for key in (KEY, OTHER_KEY)
    }
    assert findings.ends == ends
    assert sorted(p.relative_to(folder) for p in folder.rglob("*")) == before


def test_manifests_verify_without_the_journal(folder):
    (folder / ".suian.db").unlink()
    shutil.rmtree(folder / "unassigned")
    findings = verifier.verify(folder)
    assert (findings.problems, findings.entries) == ((), None)


# -- files --------------------------------------------------------------------------------------


@pytest.mark.parametrize("data", [b"evidence 2", b"evidence of a bare back", b"before any case"])
def test_one_flipped_byte_is_named(folder, data):
    name = page(folder, data)
    (folder / name).write_bytes(bytes([data[0] ^ 1]) + data[1:])
    assert kinds(folder) == {("altered", name)}


@pytest.mark.parametrize("data", [b"evidence 2", b"evidence of a bare back", b"before any case"])
def test_a_dropped_file_is_named(folder, data):
    name = page(folder, data)
    (folder / name).unlink()
    assert kinds(folder) == {("missing", name)}


def test_two_swapped_files_are_both_named(folder):
    one, two = page(folder, b"evidence 1"), page(folder, b"claim 2")
    (folder / one).write_bytes(b"claim 2")
    (folder / two).write_bytes(b"evidence 1")
    assert kinds(folder) == {("swapped", one), ("swapped", two)}


def test_a_renamed_file_is_named_with_where_it_lies_now(folder):
    name = page(folder, b"deliberation")
    (folder / name).rename(folder / KEY / "main" / "moved.jpg")
    (problem,) = verifier.verify(folder).found
    assert (problem.kind, problem.name) == ("renamed", name)
    assert f"{KEY}/main/moved.jpg" in problem.detail


@pytest.mark.parametrize("place", [f"{KEY}/main/extra.jpg", "extra.jpg", "new/case/extra.jpg"])
def test_an_added_file_is_named_wherever_it_lies(folder, place):
    (folder / place).parent.mkdir(parents=True, exist_ok=True)
    (folder / place).write_bytes(b"not from here")
    assert kinds(folder) == {("added", place)}


def test_a_copy_of_a_page_is_an_added_file(folder):
    name = page(folder, b"claim 1")
    shutil.copy(folder / name, folder / KEY / "main" / "again.jpg")
    (problem,) = verifier.verify(folder).found
    assert (problem.kind, problem.detail) == ("added", f"a copy of {name}")


def test_a_link_is_named_and_not_followed(folder, tmp_path):
    name = page(folder, b"claim 1")
    (tmp_path / "outside.jpg").write_bytes(b"claim 1")
    (folder / name).unlink()
    (folder / name).symlink_to(tmp_path / "outside.jpg")
    (folder / "linked").symlink_to(tmp_path)
    assert kinds(folder) == {("not_a_file", name), ("not_a_file", "linked"), ("missing", name)}


# -- manifests ----------------------------------------------------------------------------------


def rewrite(folder, change, *, chained=False):
    """Change a manifest as somebody with an editor does; `chained`: and computes the hashes."""
    path = folder / KEY / "manifest.json"
    tree = json.loads(path.read_bytes())
    change(tree)
    if chained:
        link = hashlib.sha256(verifier._canonical(tree["head"])).digest()
        for row in tree["pages"] + tree["others"]:
            row.pop("row_hash")
            digest = hashlib.sha256(verifier._canonical(row)).digest()
            link = hashlib.sha256(link + digest).digest()
            row["row_hash"] = link.hex()
        tree["end"] = link.hex()
    path.write_bytes(verifier._canonical(tree))


def test_every_flipped_byte_of_a_manifest_is_found(folder):
    (folder / ".suian.db").unlink()
    shutil.rmtree(folder / "unassigned")
    assert verifier.verify(folder).problems == ()
    path = folder / KEY / "manifest.json"
    data = path.read_bytes()
    for at in range(0, len(data), 31):
        path.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
        assert verifier.verify(folder).found, f"byte {at}"


@pytest.mark.parametrize("left", [0, 1, 500, -1])
def test_a_truncated_manifest_is_named(folder, left):
    path = folder / KEY / "manifest.json"
    path.write_bytes(path.read_bytes()[:left])
    assert kinds(folder) == {("manifest_unreadable", f"{KEY}/manifest.json")}


@pytest.mark.parametrize(
    "text", ["null", "[]", "{}", '{"format":1}', "[" * 100_000, "NaN", '{"head":{"journal":3}}']
)
def test_json_that_is_no_manifest_is_named(folder, text):
    (folder / KEY / "manifest.json").write_text(text)
    assert ("manifest_unreadable", f"{KEY}/manifest.json") in kinds(folder)


def test_a_manifest_written_anew_in_another_form_is_named(folder):
    path = folder / KEY / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_bytes()), indent=1))
    assert kinds(folder) == {("manifest_form", f"{KEY}/manifest.json")}


def test_rows_in_another_order_break_the_chain_and_the_page_numbers(folder):
    def swap(tree):
        tree["pages"][0], tree["pages"][1] = tree["pages"][1], tree["pages"][0]

    ids = [row["page_id"] for row in manifest(folder)["pages"]]
    rewrite(folder, swap)
    found = kinds(folder)
    assert {("wrong_order", ids[0]), ("wrong_order", ids[1])} <= found
    assert {name for kind, name in found if kind == "chain_broken"} == {ids[0], ids[1], ids[2]}


def manifest(folder, key=KEY):
    return json.loads((folder / key / "manifest.json").read_bytes())


def test_a_dropped_row_is_noticed_although_its_file_is_gone_too(folder):
    name = page(folder, b"claim 2")
    (folder / name).unlink()
    ids = [row["page_id"] for row in manifest(folder)["pages"]]
    rewrite(folder, lambda tree: tree["pages"].pop(1))
    found = kinds(folder)
    assert ("chain_broken", ids[2]) in found
    assert ("count_differs", f"{KEY}/manifest.json") in found
    assert ("journal_differs", ids[1]) in found
    assert ("missing", name) in found


def test_a_chain_computed_anew_does_not_deceive_the_journal(folder):
    """Whoever rewrites a whole manifest still has not rewritten the journal."""
    ids = [row["page_id"] for row in manifest(folder)["pages"]]

    def drop(tree):
        tree["pages"].pop(1)
        for number, row in enumerate(tree["pages"][:4], 1):
            row["number"] = number
        tree["head"]["counts"]["page"] -= 1
        tree["head"]["faces"] -= 1

    name = page(folder, b"claim 2")
    (folder / name).unlink()
    rewrite(folder, drop, chained=True)
    with closing(sqlite3.connect(folder / ".suian.db")) as db:
        db.execute("DELETE FROM file WHERE path = ?", (name,))
        db.commit()
    assert kinds(folder) == {("journal_differs", ids[1])}


@pytest.mark.parametrize(
    ("field", "value"),
    [("material", "112"), ("party", "B01"), ("page", 9), ("stage", "TQ"), ("record_hash", "00")],
)
def test_a_row_that_says_other_than_its_record_is_named(folder, field, value):
    row = manifest(folder)["pages"][2]
    rewrite(folder, lambda tree: tree["pages"][2].update({field: value}), chained=True)
    assert kinds(folder) == {("journal_differs", row["page_id"])}


def test_a_manifest_of_another_journal_is_named(folder):
    rewrite(folder, lambda tree: tree["head"].update(epoch="another"), chained=True)
    assert kinds(folder) == {("journal_differs", f"{KEY}/manifest.json")}


def test_a_manifest_that_states_another_hash_of_the_journal_is_named(folder):
    rewrite(folder, lambda t: t["head"]["journal"].update(entry_hash="00" * 32), chained=True)
    assert kinds(folder) == {("journal_differs", f"{KEY}/manifest.json")}


def test_a_missing_manifest_is_named_once(folder):
    (folder / KEY / "manifest.json").unlink()
    assert kinds(folder) == {("manifest_missing", KEY)}
    assert len(verifier.verify(folder).found) == 1


def test_the_manifest_of_another_case_in_its_place_is_named(folder):
    shutil.copy(folder / OTHER_KEY / "manifest.json", folder / KEY / "manifest.json")
    assert ("wrong_folder", f"{KEY}/manifest.json") in kinds(folder)


def test_pages_pulled_after_the_manifest_was_written_ask_for_another_pull(tmp_path):
    hall = court.Hall(tmp_path / "hall")
    try:
        hall.feed(court.stack())
        hall.pull(tmp_path / "court")
        earlier = (tmp_path / "court" / KEY / "manifest.json").read_bytes()
        ids = hall.feed([court.kept(b"late", page=3), court.kept(b"later", page=4)])
        hall.pull(tmp_path / "court")
        assert kinds(tmp_path / "court") == set()
        (tmp_path / "court" / KEY / "manifest.json").write_bytes(earlier)
        assert kinds(tmp_path / "court") == {("manifest_outdated", str(i)) for i in ids}
        # and the other way round: a manifest that is further than the folder
        later = hall.manifests.of(KEY)
    finally:
        hall.close()
    assert later != earlier


def test_a_manifest_that_is_further_than_the_folder_asks_for_another_pull(folder, tmp_path):
    hall = court.Hall(tmp_path / "hall")
    try:
        hall.feed(court.stack())
        hall.pull(tmp_path / "court")
        ids = hall.feed([court.kept(b"late", page=3), court.kept(b"later", page=4)])
        (tmp_path / "court" / KEY / "manifest.json").write_bytes(hall.manifests.of(KEY))
    finally:
        hall.close()
    names = {f"{KEY}/main/{i}.jpg" for i in ids} | {str(i) for i in ids}
    assert kinds(tmp_path / "court") == {("not_pulled", name) for name in names}


def test_bytes_the_appliance_has_lost_are_named_as_its_loss(tmp_path):
    hall = court.Hall(tmp_path / "hall")
    try:
        ids = hall.feed(court.stack())
        next((tmp_path / "hall" / "spool").rglob(f"{ids[6]}-page")).write_bytes(b"EVIDENCE 1")
        hall.pull(tmp_path / "court")
    finally:
        hall.close()
    assert kinds(tmp_path / "court") == {("damaged_at_appliance", f"{KEY}/main/{ids[6]}.jpg")}


def test_what_a_consumer_may_not_read_is_withheld_and_not_called_missing(tmp_path):
    hall = court.Hall(tmp_path / "hall")
    try:
        ids = hall.feed(court.stack())
        hall.pull(tmp_path / "mirror", "mirror")
    finally:
        hall.close()
    name = f"{KEY}/secondary/{ids[18]}.jpg"
    assert kinds(tmp_path / "mirror") == {("withheld", name)}


# -- the journal --------------------------------------------------------------------------------


def tamper(folder, sql):
    with closing(sqlite3.connect(folder / ".suian.db")) as db:
        db.execute(sql)
        db.commit()


@pytest.mark.parametrize(
    ("sql", "named"),
    [
        ("UPDATE entry SET record = zeroblob(10) WHERE sequence = 7", {"entry 7"}),
        (
            "UPDATE entry SET record_hash = zeroblob(32) WHERE sequence = 7",
            {"entry 7"},
        ),
        ("UPDATE entry SET entry_hash = zeroblob(32) WHERE sequence = 7", {"entry 7", "entry 8"}),
        ("DELETE FROM entry WHERE sequence = 25", {".suian.db"}),
        ("DELETE FROM entry WHERE sequence = 7", {".suian.db"}),
        ("UPDATE cursor SET entry_hash = zeroblob(32)", {".suian.db"}),
        ("UPDATE cursor SET epoch = 'another'", {"entry 1"}),
        ("UPDATE entry SET record_hash = 5 WHERE sequence = 7", {".suian.db"}),
        ("DROP TABLE file", {".suian.db"}),
    ],
)
def test_a_journal_that_was_tampered_with_is_named(folder, sql, named):
    with closing(sqlite3.connect(folder / ".suian.db")) as db:
        db.execute("PRAGMA writable_schema = ON")
        db.execute("UPDATE sqlite_master SET sql = replace(sql, ' STRICT', '')")
        db.commit()
    tamper(folder, sql)
    assert {name for kind, name in kinds(folder) if kind == "journal_broken"} >= named


def test_a_journal_that_is_no_database_is_named(folder):
    (folder / ".suian.db").write_bytes(b"no database")
    assert ("journal_broken", ".suian.db") in kinds(folder)


def test_a_journal_that_was_cut_off_while_pulling_is_read_with_its_log(folder):
    """A puller that was killed leaves entries in the log beside the database."""
    with closing(sqlite3.connect(folder / ".suian.db", isolation_level=None)) as db:
        db.execute("PRAGMA wal_autocheckpoint = 0")
        db.execute("UPDATE cursor SET entry_hash = zeroblob(32)")
        assert (folder / ".suian.db-wal").stat().st_size
        assert ("journal_broken", ".suian.db") in kinds(folder)


# -- alone --------------------------------------------------------------------------------------


def alone(tmp_path, *arguments):
    """Run a copy of the verifier far away from its package, isolated from everything."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir(exist_ok=True)
    shutil.copy(verifier.__file__, elsewhere / "check.py")
    return subprocess.run(
        [sys.executable, "-I", "-S", "check.py", *map(str, arguments)],
        cwd=elsewhere,
        capture_output=True,
        text=True,
        check=False,
    )


def test_it_runs_alone_from_a_copy(folder, tmp_path):
    done = alone(tmp_path, folder)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith("verified: 2 case(s), 8 pages, 12 files, 25 journal entries\n")


def test_alone_it_names_the_page_and_fails_with_status_8(folder, tmp_path):
    name = page(folder, b"claim 1")
    (folder / name).write_bytes(b"claim I")
    done = alone(tmp_path, folder)
    assert done.returncode == 8
    assert f"altered: {name}: " in done.stdout
    told = json.loads(alone(tmp_path, folder, "--json").stdout)
    assert [problem["name"] for problem in told["problems"]] == [name]
    assert told["verified"] is False


@pytest.mark.parametrize("what", ["absent", "empty", "file"])
def test_what_is_no_pulled_folder_has_status_2(tmp_path, what):
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_bytes(b"")
    done = alone(tmp_path, tmp_path / what)
    assert done.returncode == 2
    assert "no journal and no manifest" in done.stderr
    with pytest.raises(verifier.NotAPulledFolder):
        verifier.verify(tmp_path / what)


def test_names_that_would_confuse_a_terminal_are_escaped(folder):
    (folder / KEY / "main" / "x\x1b[2Jy\n.jpg").write_bytes(b"z")
    (line,) = verifier.verify(folder).problems
    assert line.isprintable()
    assert r"x\x1b[2Jy\n.jpg" in line


def test_the_journal_of_an_object_store_beside_the_cases_is_left_alone(folder):
    (folder / "journal" / "epoch").mkdir(parents=True)
    (folder / "journal" / "epoch" / "000000000001-000000000025").write_bytes(b"entries")
    assert kinds(folder) == set()


def test_a_database_of_the_first_version_is_still_read(folder):
    with closing(sqlite3.connect(folder / ".suian.db")) as db:
        db.execute("ALTER TABLE cursor DROP COLUMN chain_algorithm")
        db.execute("DROP TABLE page")
        db.execute("ALTER TABLE entry RENAME COLUMN record_hash TO record_sha256")
        db.execute("PRAGMA user_version = 1")
        db.commit()
    assert kinds(folder) == set()
