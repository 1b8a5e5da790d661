import json
import random
import signal
import subprocess
import sys
import threading
import time

import apsw
import pytest

from daemon.errors import ChainBroken, ConfigError, ContractError, EpochChanged, Fenced
from daemon.page import Blob, Role
from daemon.stream.court.dial import Appliance
from daemon.stream.court.puller import Puller
from daemon.stream.credentials import client_credentials

CASE = "(2018)吉01民初129号"


def manifest_of(sequence):
    """What the puller reads of a manifest: up to which entry it speaks."""
    return json.dumps({"head": {"case_key": "a case", "journal": {"sequence": sequence}}}).encode()


def pull(hall, folder, consumer="court", **rest):
    return Puller(Appliance(hall.target, consumer, **rest), folder, give_up_s=5).run()


def files(folder):
    return {
        str(p.relative_to(folder)): p.read_bytes()
        for p in folder.rglob("*")
        if p.is_file() and not p.name.startswith(".suian")
    }


def rows(folder, query):
    db = apsw.Connection(str(folder / ".suian.db"))
    try:
        return db.execute(query).fetchall()
    finally:
        db.close()


def cursor(hall, name="court"):
    return next(c.acknowledged for c in hall.ledger.consumers() if c.name == name)


def test_pages_lie_by_case_and_volume_and_everything_is_acknowledged(hall, paper, folder):
    ids = hall.feed(
        paper.page(b"one"), paper.blank(b"ev"), paper.page(b"two", volume="secondary"),
        paper.page(b"three", case="", volume=""),
    )  # fmt: skip
    hall.manifests[CASE] = manifest_of(5)
    pulled = pull(hall, folder)
    assert files(folder) == {
        f"{CASE}/main/{ids[0]}.jpg": b"one",
        f"{CASE}/main/{ids[1]}-evidence.jpg": b"ev",
        f"{CASE}/secondary/{ids[2]}.jpg": b"two",
        f"unassigned/unassigned/{ids[3]}.jpg": b"three",
        f"{CASE}/manifest.json": manifest_of(5),
    }
    assert cursor(hall) == hall.ledger.last()[0] == 5
    assert (pulled.entries, pulled.files, pulled.manifests) == (5, 4, [CASE])


def test_a_manifest_that_speaks_of_more_than_is_here_is_not_kept_yet(hall, paper, folder):
    hall.feed(paper.page(b"one"), paper.page(b"two"))
    hall.manifests[CASE] = manifest_of(4)  # asked for a moment after the last entry we hold
    puller = Puller(Appliance(hall.target, "court"), folder)
    run = threading.Thread(target=puller.run)
    run.start()
    while cursor(hall) < 3:
        time.sleep(0.01)
    time.sleep(0.5)
    assert run.is_alive()
    assert f"{CASE}/manifest.json" not in files(folder)
    hall.manifests[CASE] = manifest_of(3)
    run.join(30)
    assert files(folder)[f"{CASE}/manifest.json"] == manifest_of(3)


def test_what_is_no_manifest_breaks_the_contract(hall, paper, folder):
    hall.feed(paper.page(b"one"), paper.page(b"two"))
    hall.manifests[CASE] = b"<html>"
    with pytest.raises(ContractError, match="manifest is none"):
        pull(hall, folder)


def test_a_second_run_brings_only_what_is_new(hall, paper, folder):
    hall.feed(paper.page(b"one"), paper.page(b"two"))
    assert pull(hall, folder).entries == 3
    assert pull(hall, folder).entries == 0
    hall.feed(paper.page(b"three"), paper.page(b"four"))
    pulled = pull(hall, folder)
    assert (pulled.entries, pulled.files) == (3, 2)
    assert pulled.without_manifest == [CASE]


def test_more_than_the_window_is_pulled_and_acknowledged_in_groups(hall, paper, folder):
    hall.feed(*[paper.page(b"x")] * 100)
    assert pull(hall, folder, max_unacked_entries=7).entries == 101
    assert cursor(hall) == 101


def test_a_run_waits_for_the_batch_at_hand_but_not_for_a_person(hall, paper, folder):
    hall.feed(paper.page(b"one"), paper.page(b"two"))
    running = type(hall.facts)(state="FEEDING", batch=2)
    hall.facts = running
    seen = threading.Event()
    puller = Puller(Appliance(hall.target, "court"), folder)
    run = threading.Thread(target=puller.run, args=(lambda p: p.entries >= 3 and seen.set(),))
    run.start()
    assert seen.wait(10)
    hall.feed(paper.page(b"three"), paper.page(b"four"))
    hall.facts = type(hall.facts)(state="BLOCKED", cause="paper_jam", batch=2)
    run.join(15)
    assert not run.is_alive()
    assert puller._pulled.entries == 6
    assert puller._pulled.open_batch == 2


def test_an_appliance_that_restarts_is_followed_without_loss_or_repeat(hall, paper, folder):
    hall.feed(paper.page(b"one"), paper.page(b"two"))
    puller = Puller(Appliance(hall.target, "court"), folder, follow=True)
    progress = threading.Condition()

    def tell(_pulled):
        with progress:
            progress.notify_all()

    run = threading.Thread(target=puller.run, args=(tell,))
    run.start()
    with progress:
        assert progress.wait_for(lambda: puller._pulled.entries == 3, 10)
    hall.restart()
    hall.feed(paper.page(b"three"), paper.page(b"four"))
    with progress:
        assert progress.wait_for(lambda: puller._pulled.entries == 6, 15)
    puller.stop()
    run.join(10)
    assert not run.is_alive()
    assert puller._pulled.connections == 2
    assert sorted(files(folder).values()) == [b"four", b"one", b"three", b"two"]


def test_kill_nine_at_any_moment_loses_nothing_and_doubles_nothing(hall, paper, folder):
    choice = random.Random(7)
    data = {n: choice.randbytes(20_000) for n in range(240)}
    ids = hall.feed(*[paper.page(d) for d in data.values()])
    command = [sys.executable, "-m", "daemon", "pull", hall.target, "-o", str(folder)]
    kills, landed = 0, set()
    for _ in range(3):
        limit = choice.randrange(10, 60) + cursor(hall)
        child = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        while child.poll() is None and cursor(hall) < limit:
            time.sleep(0.001)
        child.send_signal(signal.SIGKILL)
        kills += child.wait() == -signal.SIGKILL
        landed.add(cursor(hall))
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert kills >= 2, "the child was never caught alive"
    assert len(landed) >= 2
    assert files(folder) == {
        f"{CASE}/main/{page_id}.jpg": d for page_id, d in zip(ids, data.values(), strict=True)
    }
    assert rows(folder, "SELECT count(*), min(sequence), max(sequence) FROM entry") == [
        (241, 1, 241)
    ]
    assert cursor(hall) == 241


# Kills itself at the n-th call that storing makes: between any two of its statements.
DOOMED = """
import os, signal, sys
from pathlib import Path
from daemon.stream.court import records, sink, store
from daemon.stream.court.dial import Appliance
from daemon.stream.court.puller import Puller

target, folder, left = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
storing = {module.__file__ for module in (records, sink, store)}

def count(frame, event, called):
    global left
    if event == "c_call" and frame.f_code.co_filename in storing:
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

sys.setprofile(count)
Puller(Appliance(target, "court", max_unacked_entries=8), folder).run()
"""


def test_killed_between_any_two_statements_the_folder_and_its_cursor_agree(hall, paper, folder):
    data = [bytes([n]) * 500 for n in range(80)]
    ids = hall.feed(*[paper.page(d) for d in data])
    for n in (20, 31, 45, 52, 66, 79, 95, 120):
        child = subprocess.run(
            [sys.executable, "-c", DOOMED, hall.target, str(folder), str(n)],
            check=False,
            timeout=60,
        )
        assert child.returncode == -signal.SIGKILL
        ((last, entries),) = rows(
            folder, "SELECT (SELECT sequence FROM cursor), (SELECT count(*) FROM entry)"
        )
        assert last == entries
        assert cursor(hall) <= last
        stored = rows(folder, "SELECT path FROM file")
        assert {path for (path,) in stored} <= set(files(folder))
    pull(hall, folder)
    assert files(folder) == {
        f"{CASE}/main/{page_id}.jpg": d for page_id, d in zip(ids, data, strict=True)
    }
    assert rows(folder, "SELECT count(*), max(sequence) FROM entry") == [(81, 81)]


# Kills itself when everything is stored and nothing is acknowledged.
UNSAID = """
import os, signal, sys
from pathlib import Path
from daemon.stream.court.dial import Appliance
from daemon.stream.court.session import Session
from daemon.stream.court.puller import Puller

Session._acknowledge = lambda self: os.kill(os.getpid(), signal.SIGKILL)
Puller(Appliance(sys.argv[1], "court"), Path(sys.argv[2])).run()
"""


def test_what_was_stored_and_not_acknowledged_is_acknowledged_by_the_next_run(hall, paper, folder):
    hall.feed(paper.page(b"one"), paper.page(b"two"))
    child = subprocess.run(
        [sys.executable, "-c", UNSAID, hall.target, str(folder)], check=False, timeout=60
    )
    assert child.returncode == -signal.SIGKILL
    assert (cursor(hall), rows(folder, "SELECT sequence FROM cursor")) == (0, [(3,)])
    assert pull(hall, folder).entries == 0
    assert cursor(hall) == 3


def test_without_the_right_the_secondary_volume_leaves_only_hashes(hall, paper, folder):
    ids = hall.feed(paper.page(b"open"), paper.page(b"closed", volume="secondary"))
    pulled = pull(hall, folder, "mirror")
    assert files(folder) == {f"{CASE}/main/{ids[0]}.jpg": b"open"}
    assert pulled.redacted == 1
    kinds = rows(folder, "SELECT kind, record IS NULL FROM entry ORDER BY sequence")
    assert kinds == [("page", 0), ("redacted", 1), ("batch_closed", 0)]


def test_a_damaged_page_is_named_and_the_rest_arrives(hall, paper, folder):
    ids = hall.feed(paper.page(b"one"), paper.page(b"two"))
    next((hall.folder / "spool").rglob(f"{ids[0]}-page")).write_bytes(b"eno")
    pulled = pull(hall, folder)
    assert pulled.damaged == [f"{ids[0]}-page"]
    assert files(folder) == {f"{CASE}/main/{ids[1]}.jpg": b"two"}
    assert cursor(hall) == hall.ledger.last()[0]
    assert rows(folder, "SELECT page_id FROM file WHERE path IS NULL") == [(str(ids[0]),)]


def test_a_changed_epoch_is_refused_loudly(hall, make_hall, paper, folder):
    hall.feed(paper.page(b"one"), paper.page(b"two"))
    pull(hall, folder)
    before = files(folder)
    other = make_hall()
    other.feed(paper.page(b"three"), paper.page(b"four"))
    with pytest.raises(EpochChanged, match="into a new folder"):
        pull(other, folder)
    assert files(folder) == before
    assert cursor(other) == 0


def test_a_chain_that_does_not_continue_is_refused_and_not_acknowledged(hall, paper, folder):
    hall.feed(paper.page(b"one"), paper.page(b"two"))
    pull(hall, folder)
    db = apsw.Connection(str(folder / ".suian.db"))
    db.execute("UPDATE cursor SET entry_hash = zeroblob(32)")
    db.close()
    hall.feed(paper.page(b"three"), paper.page(b"four"))
    with pytest.raises(ChainBroken, match="hash chain"):
        pull(hall, folder)
    assert cursor(hall) == 3
    assert sorted(files(folder).values()) == [b"one", b"two"]


def test_a_case_key_that_is_a_path_is_refused_and_nothing_is_written(hall, paper, folder):
    hall.feed(paper.page(b"one", case="../../etc"), paper.page(b"two"))
    with pytest.raises(ContractError, match="cannot be a folder"):
        pull(hall, folder)
    assert files(folder) == {}
    assert not (folder.parent.parent / "etc").exists()
    assert cursor(hall) == 0


def test_a_newer_puller_ends_the_older_one(hall, folder, tmp_path):
    older = Puller(Appliance(hall.target, "court"), folder, follow=True)
    caught, opened = [], threading.Event()

    def run():
        try:
            older.run(lambda p: p.connections and opened.set())
        except Fenced as error:
            caught.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    assert opened.wait(10)
    pull(hall, tmp_path / "newer")
    thread.join(10)
    assert not thread.is_alive()
    assert len(caught) == 1


def test_an_unknown_consumer_is_told_to_be_configured(hall, folder):
    with pytest.raises(ConfigError, match="does not let us in"):
        pull(hall, folder, "nobody")


def test_an_absent_appliance_is_given_up_after_a_while(folder):
    with pytest.raises(ContractError, match="does not answer"):
        Puller(Appliance("127.0.0.1:1", "court"), folder, give_up_s=0.2).run()


def test_pulling_over_mutual_tls(make_hall, authority, paper, folder, tmp_path):
    hall = make_hall(credentials_dir=authority.equip(tmp_path / "tls"))
    hall.feed(paper.page(b"one"), paper.page(b"two"))
    credentials = client_credentials(authority.file, *authority.issue("court"))
    assert pull(hall, folder, credentials=credentials).files == 2


def test_electronic_originals_keep_their_type(hall, paper, folder):
    original = Blob(Role.ORIGINAL, "application/pdf", b"%PDF-1.7")
    ids = hall.feed(paper.page(b"one", extra=(original,)), paper.page(b"two"))
    pull(hall, folder)
    assert files(folder)[f"{CASE}/main/{ids[0]}-original.pdf"] == b"%PDF-1.7"
