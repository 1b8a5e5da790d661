"""A pulled folder and its database: what is durable, what moves, and what a kill leaves."""

import hashlib
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import PurePosixPath

import pytest

from daemon.errors import ConfigError, ContractError, EpochChanged, SpoolFailed
from daemon.rpc import pages_pb2 as pb
from daemon.spool.chain import Chain
from daemon.stream.court.received import Part, Received
from daemon.stream.court.store import CourtStore

EPOCH = "0123abcd-0000-4000-8000-000000000000"
CHAIN = Chain()
CASE = "JL0100-00-2018-0301-00000129"
OTHER = "JL0100-00-2018-0301-00000130"


@pytest.fixture
def store(folder):
    store = CourtStore(folder, "court")
    store.adopt(EPOCH, "hall-1", CHAIN)
    yield store
    store.close()


def face(sheet):
    return f"0123abcd-000001-{sheet:04d}-F"


def part_of(store, sequence, page_id, data, role="page"):
    path = store.incoming / f"{sequence}-{page_id}-{role}.part"
    if data is not None:
        path.write_bytes(data)
    name = f"{page_id}.jpg" if role == "page" else f"{page_id}-{role}.jpg"
    digest = hashlib.sha256(data or b"gone").digest()
    return Part(page_id, role, digest, len(data or b""), name, None if data is None else path)


def entry(sequence, kind, page_id, case_key, volume, *parts, record=b"record"):
    return Received(
        sequence=sequence,
        kind=kind,
        page_id=page_id,
        case_key=case_key,
        volume=volume,
        record=record,
        record_hash=b"r" * 32,
        entry_hash=bytes([sequence]) * 32,
        parts=parts,
    )


def received(store, sequence, data=b"page", case=CASE, volume="main"):
    page_id = face(sequence)
    return entry(sequence, "page", page_id, case, volume, part_of(store, sequence, page_id, data))


def moved(sequence, page_id, case=None, volume=None):
    return entry(sequence, "amendment", page_id, case, volume)


def names(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and not path.relative_to(folder).parts[0].startswith(".suian")
    }


def rows(folder, sql):
    with closing(sqlite3.connect(folder / ".suian.db")) as db:
        return db.execute(sql).fetchall()


def manifest_for_all(store):
    for case_key in store.cases_without_manifest():
        store.keep_manifest(case_key, b"{}", store.cursor.sequence)


def test_the_cursor_and_the_files_are_there_after_reopening(folder):
    store = CourtStore(folder, "court")
    store.adopt(EPOCH, "hall-1", Chain("sm3"))
    store.commit([received(store, 1), received(store, 2, b"two")])
    store.close()

    again = CourtStore(folder, "court")
    cursor = again.cursor
    assert (cursor.epoch, cursor.sequence, cursor.entry_hash) == (EPOCH, 2, b"\2" * 32)
    assert (cursor.chain, cursor.consumer, cursor.appliance) == (Chain("sm3"), "court", "hall-1")
    assert names(folder)[f"{CASE}/main/{face(2)}.jpg"] == b"two"
    assert again.cases_without_manifest() == [CASE]
    again.close()


def test_the_first_entry_is_chained_to_the_epoch_with_its_algorithm(folder):
    store = CourtStore(folder, "court")
    store.adopt(EPOCH, "hall-1", Chain("sm3"))
    assert store.cursor.entry_hash == Chain("sm3").first(EPOCH)
    with pytest.raises(ContractError, match="another hash algorithm"):
        store.adopt(EPOCH, "hall-1", CHAIN)
    store.close()


def test_an_entry_cannot_be_stored_twice_and_the_cursor_stays(store):
    store.commit([received(store, 1)])
    with pytest.raises(SpoolFailed):
        store.commit([received(store, 2), received(store, 1)])
    assert store.cursor.sequence == 1
    assert rows(store.directory, "SELECT sequence FROM entry") == [(1,)]


def test_a_manifest_is_due_again_when_the_case_grows(folder, store):
    store.commit([received(store, 1)])
    manifest_for_all(store)
    assert store.cases_without_manifest() == []
    assert names(folder)[f"{CASE}/manifest.json"] == b"{}"
    assert store.manifests() == {CASE: hashlib.sha256(b"{}").digest()}
    store.commit([received(store, 2)])
    assert store.cases_without_manifest() == [CASE]


def test_a_manifest_is_due_again_when_something_is_said_of_a_page(store):
    store.commit([received(store, 1), received(store, 2, case=OTHER)])
    manifest_for_all(store)
    store.commit([entry(3, "amendment", face(1), None, None)])
    assert store.cases_without_manifest() == [CASE]


def test_a_manifest_is_due_again_when_its_batch_is_closed(store):
    store.commit([received(store, 1)])
    manifest_for_all(store)
    for sequence, batch in ((2, 2), (3, 1)):
        closed = pb.JournalEntry(batch_closed=pb.BatchClosed(batch=batch)).SerializeToString()
        store.commit([entry(sequence, "batch_closed", "", None, None, record=closed)])
        assert store.cases_without_manifest() == ([CASE] if batch == 1 else [])


def test_another_epoch_is_refused_and_says_what_to_do(store):
    store.adopt(EPOCH, "hall-1", CHAIN)
    with pytest.raises(EpochChanged, match="new folder"):
        store.adopt("ffffffff-0000-4000-8000-000000000000", "hall-1", CHAIN)


def test_one_process_and_one_consumer_own_a_folder(folder):
    store = CourtStore(folder, "court")
    with pytest.raises(ConfigError, match="another process"):
        CourtStore(folder, "court")
    store.close()
    with pytest.raises(ConfigError, match="another consumer"):
        CourtStore(folder, "archive")
    CourtStore(folder, "court").close()


def test_the_instance_rises_even_when_the_clock_is_set_back(store, monkeypatch):
    first = store.next_instance()
    monkeypatch.setattr("time.time_ns", lambda: 5)
    assert store.next_instance() == first + 1


def test_half_received_parts_of_an_earlier_run_are_cleared(folder):
    store = CourtStore(folder, "court")
    store.close()
    left = folder / ".suian.incoming"
    left.mkdir()
    (left / "x.part").write_bytes(b"half")
    store = CourtStore(folder, "court")
    assert list(store.incoming.iterdir()) == []
    store.close()


def test_bytes_that_did_not_come_have_a_row_without_a_path(folder, store):
    store.commit([received(store, 1, data=None)])
    assert rows(folder, "SELECT page_id, path FROM file") == [(face(1), None)]


def test_bytes_that_do_not_come_again_take_nothing_from_those_that_are_here(folder, store):
    store.commit([received(store, 1)])
    store.commit([entry(2, "amendment", face(1), None, None, part_of(store, 2, face(1), None))])
    assert rows(folder, "SELECT path, size_bytes FROM file") == [(f"{CASE}/main/{face(1)}.jpg", 4)]


# -- pages that move ----------------------------------------------------------------------------


def test_the_files_of_a_page_move_with_it_and_both_manifests_are_due(folder, store):
    evidence = part_of(store, 1, face(1), b"why", role="evidence")
    page = part_of(store, 1, face(1), b"page")
    store.commit([entry(1, "page", face(1), CASE, "main", page, evidence), received(store, 2)])
    manifest_for_all(store)
    store.commit([moved(3, face(1), case=OTHER)])
    assert names(folder) == {
        f"{OTHER}/main/{face(1)}.jpg": b"page",
        f"{OTHER}/main/{face(1)}-evidence.jpg": b"why",
        f"{CASE}/main/{face(2)}.jpg": b"page",
        f"{CASE}/manifest.json": b"{}",
    }
    assert store.cases_without_manifest() == [CASE, OTHER]
    paths = {path for (path,) in rows(folder, "SELECT path FROM file")}
    assert paths == {name for name in names(folder) if name.endswith(".jpg")}


def test_a_page_may_change_its_volume_and_keep_its_case(folder, store):
    store.commit([received(store, 1)])
    store.commit([moved(2, face(1), volume="secondary")])
    assert names(folder) == {f"{CASE}/secondary/{face(1)}.jpg": b"page"}
    assert store.cases_without_manifest() == [CASE]


def test_a_page_that_is_stored_and_moved_twice_in_one_group_lies_where_it_came_last(folder, store):
    store.commit(
        [
            received(store, 1),
            moved(2, face(1), case=OTHER),
            received(store, 3),
            moved(4, face(1), case=CASE, volume="secondary"),
        ]
    )
    assert names(folder) == {
        f"{CASE}/secondary/{face(1)}.jpg": b"page",
        f"{CASE}/main/{face(3)}.jpg": b"page",
    }


def test_what_comes_back_lies_where_its_page_stands_now(folder, store):
    store.commit([entry(1, "page", face(1), CASE, "main")])
    store.commit([moved(2, face(1), case=OTHER)])
    store.commit([entry(3, "amendment", face(1), None, None, part_of(store, 3, face(1), b"back"))])
    assert names(folder) == {f"{OTHER}/main/{face(1)}.jpg": b"back"}


def test_what_comes_back_of_a_page_that_was_never_shown_has_no_place_yet(folder, store):
    store.commit([entry(1, "redacted", "", None, None)])
    store.commit([entry(2, "amendment", face(1), None, None, part_of(store, 2, face(1), b"back"))])
    assert names(folder) == {f"unassigned/unassigned/{face(1)}.jpg": b"back"}


def test_a_file_that_somebody_took_away_is_not_looked_for(folder, store):
    store.commit([received(store, 1)])
    (folder / CASE / "main" / f"{face(1)}.jpg").unlink()
    store.commit([moved(2, face(1), case=OTHER)])
    assert store.cursor.sequence == 2
    assert names(folder) == {}


def test_the_manifest_of_a_case_that_everything_has_left_goes(folder, store):
    store.commit([received(store, 1), received(store, 2)])
    manifest_for_all(store)
    store.commit([moved(3, face(1), case=OTHER)])
    assert not store.drop_manifest(CASE, 3)
    store.commit([moved(4, face(2), case=OTHER)])
    assert store.drop_manifest(CASE, 4)
    assert f"{CASE}/manifest.json" not in names(folder)
    assert store.cases_without_manifest() == [OTHER]
    assert CASE not in store.manifests()


def second_group(store):
    """Moves two pages, stores a third, and moves the first again."""
    return [
        moved(3, face(1), case=OTHER),
        moved(4, face(2), volume="secondary"),
        received(store, 5, b"five"),
        moved(6, face(1), case=CASE, volume="secondary"),
    ]


ASKED = {"replace", "fsync", "mkdir", "execute", "__exit__"}


def killed_at(folder, n):
    """Store a group in a child that kills itself at the n-th thing it asks of disk or database."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    store, asked = CourtStore(folder, "court"), 0
    group = second_group(store)

    def count(_frame, event, called):
        nonlocal asked
        if event == "c_call" and called.__name__ in ASKED:
            asked += 1
            if asked == n:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.setprofile(count)
    store.commit(group)
    os._exit(0)


def wrong_after(folder):
    """Yield what is wrong behind a kill, and behind a second try that cuts its groups otherwise."""
    lie = [PurePosixPath(name).name for name in names(folder)]
    if len(lie) != len(set(lie)):
        yield "a page lies in two places"
    ((cursor, entries),) = rows(
        folder, "SELECT (SELECT sequence FROM cursor), (SELECT count(*) FROM entry)"
    )
    if cursor != entries:
        yield f"the cursor is at {cursor} and {entries} entries are here"
    store = CourtStore(folder, "court")
    for left in second_group(store)[store.cursor.sequence - 2 :]:
        store.commit([left])
    store.close()
    if names(folder) != {
        f"{CASE}/secondary/{face(1)}.jpg": b"one",
        f"{CASE}/secondary/{face(2)}.jpg": b"two",
        f"{CASE}/main/{face(5)}.jpg": b"five",
    }:
        yield "the files are others"
    if {path for (path,) in rows(folder, "SELECT path FROM file")} != set(names(folder)):
        yield "the database names other files"
    if rows(folder, "SELECT count(*), max(sequence) FROM entry") != [(6, 6)]:
        yield "the entries are others"


def kill_everywhere(folder):
    """Kill at one thing after the other until none is left; prints how many, and what is wrong."""
    whole, n, wrong = folder / "whole", 0, []
    store = CourtStore(whole, "court")
    store.adopt(EPOCH, "hall-1", CHAIN)
    store.commit([received(store, 1, b"one"), received(store, 2, b"two")])
    store.close()
    while killed_at(shutil.copytree(whole, folder / str(n + 1)), n := n + 1):
        wrong += [f"{n}: {problem}" for problem in wrong_after(folder / str(n))]
        shutil.rmtree(folder / str(n))
    sys.stdout.write(json.dumps([n - 1, wrong]))


def test_killed_anywhere_while_pages_move_a_second_try_ends_the_same(tmp_path):
    """In a process of its own: it forks, which nobody may do where gRPC has started."""
    program = (
        "import sys; from pathlib import Path; from tests.stream.court import test_store as here;"
        " here.kill_everywhere(Path(sys.argv[1]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)],
        check=True,
        timeout=120,
        capture_output=True,
        text=True,
    )
    kills, wrong = json.loads(done.stdout)
    assert kills > 30
    assert wrong == []


# -- versions -----------------------------------------------------------------------------------

VERSION_1 = """
CREATE TABLE cursor (
  one INTEGER PRIMARY KEY CHECK (one = 1), consumer TEXT NOT NULL, epoch TEXT NOT NULL,
  appliance TEXT NOT NULL, instance INTEGER NOT NULL, sequence INTEGER NOT NULL,
  entry_hash BLOB NOT NULL) STRICT;
CREATE TABLE entry (
  sequence INTEGER PRIMARY KEY, kind TEXT NOT NULL, page_id TEXT NOT NULL, record BLOB,
  record_sha256 BLOB NOT NULL, entry_hash BLOB NOT NULL) STRICT;
CREATE TABLE file (
  page_id TEXT NOT NULL, role TEXT NOT NULL, sha256 BLOB NOT NULL, size_bytes INTEGER NOT NULL,
  path TEXT, PRIMARY KEY (page_id, role)) STRICT;
CREATE TABLE dossier (
  case_key TEXT PRIMARY KEY, sequence INTEGER NOT NULL, manifest_sequence INTEGER NOT NULL) STRICT;
PRAGMA user_version = 1;
"""


def of_version_1(folder):
    """Write a folder as the first version left it: one page, one hash only, a manifest."""
    (folder / CASE / "main").mkdir(parents=True)
    (folder / CASE / "main" / f"{face(1)}.jpg").write_bytes(b"page")
    (folder / CASE / "manifest.json").write_bytes(b"{}")
    record = pb.JournalEntry(
        page=pb.PageRecord(page_id=face(1), case_key=CASE, volume="main")
    ).SerializeToString()
    sha256 = hashlib.sha256(b"page").digest()
    with closing(sqlite3.connect(folder / ".suian.db")) as db:
        db.executescript(VERSION_1)
        db.execute(
            "INSERT INTO cursor VALUES (1, 'court', ?, 'hall-1', 7, 2, ?)", (EPOCH, b"\2" * 32)
        )
        db.executemany(
            "INSERT INTO entry VALUES (?, ?, ?, ?, ?, ?)",
            [
                (1, "page", face(1), record, b"r" * 32, b"\1" * 32),
                (2, "redacted", "", None, b"s" * 32, b"\2" * 32),
            ],
        )
        path = f"{CASE}/main/{face(1)}.jpg"
        db.execute("INSERT INTO file VALUES (?, 'page', ?, 4, ?)", (face(1), sha256, path))
        db.execute("INSERT INTO dossier VALUES (?, 1, 2)", (CASE,))
        db.commit()


def test_a_folder_of_the_first_version_goes_on(folder):
    of_version_1(folder)
    store = CourtStore(folder, "court")
    assert store.cursor.sequence == 2
    assert store.cursor.chain == CHAIN
    assert store.next_instance() > 7
    assert rows(folder, "SELECT record_hash FROM entry") == [(b"r" * 32,), (b"s" * 32,)]
    assert store.cases_without_manifest() == [CASE]
    store.commit([moved(3, face(1), case=OTHER)])
    store.close()
    assert f"{OTHER}/main/{face(1)}.jpg" in names(folder)
    CourtStore(folder, "court").close()


def test_a_folder_of_a_newer_version_is_refused_with_what_to_do_and_let_go(folder):
    CourtStore(folder, "court").close()
    with closing(sqlite3.connect(folder / ".suian.db")) as db:
        db.execute("PRAGMA user_version = 3")
    for _ in range(2):
        with pytest.raises(ConfigError, match="newer version of suian"):
            CourtStore(folder, "court")
