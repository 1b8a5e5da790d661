"""What a court's corrections do to the pages it has pulled, asked for over gRPC."""

import itertools
import json
import random
import signal
import subprocess
import sys
import time

import apsw
import pytest

from daemon.dossier import verifier
from daemon.errors import ContractError
from daemon.page import Role
from daemon.rpc import pages_pb2 as pb
from daemon.spool.chain import Chain
from daemon.spool.retention import Retention
from daemon.stream.court.dial import Appliance
from daemon.stream.court.puller import Puller
from tests import court

KEY, OTHER_KEY = court.CASE.key, court.OTHER_CASE.key


@pytest.fixture
def hall(tmp_path):
    hall = court.Hall(tmp_path / "hall")
    yield hall
    hall.close()


@pytest.fixture
def amend(hall):
    """Ask for a correction, as the court does."""
    asked = itertools.count()

    def ask(page_id, **change):
        request_id = f"r{next(asked)}"
        return hall.amend(
            pb.AmendRequest(
                request_id=request_id, page_id=str(page_id), actor="x", reason="y", **change
            )
        )

    return ask


def rekeyed(to=court.OTHER_CASE, of=court.CASE):
    return {"rekey": pb.Rekey(from_case_number=of.text, to_case_number=to.text)}


def names(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*.jpg")
        if not path.relative_to(folder).parts[0].startswith(".suian")
    }


def rows_of(folder, key=KEY):
    tree = json.loads((folder / key / "manifest.json").read_bytes())
    return {row["page_id"]: (part, row) for part in ("pages", "others") for row in tree[part]}


def test_a_restored_face_comes_as_a_page_into_its_place(hall, folder, amend):
    ids = hall.feed(court.stack())
    hall.pull(folder)
    blank = ids[9]
    assert rows_of(folder)[str(blank)][0] == "others"
    amend(blank, restore=pb.Restore())
    pulled = hall.pull(folder)
    assert (pulled.entries, pulled.files, pulled.manifests) == (1, 1, [KEY])
    assert names(folder)[f"{KEY}/main/{blank}.jpg"] == b"a bare back"
    part, row = rows_of(folder)[str(blank)]
    assert (part, row["fate"], row["standing"]) == ("pages", "blank", "page")
    assert verifier.verify(folder).problems == ()


def test_a_page_in_the_wrong_case_moves_with_everything_it_has(hall, folder, amend):
    ids = hall.feed(court.stack())
    hall.pull(folder)
    before = names(folder)
    for page_id in (ids[6], ids[9]):
        amend(page_id, **rekeyed())
    amend(ids[9], restore=pb.Restore())
    pulled = hall.pull(folder)
    assert sorted(pulled.manifests) == sorted([KEY, OTHER_KEY])
    moved = {
        f"{OTHER_KEY}/main/{ids[6]}.jpg": before.pop(f"{KEY}/main/{ids[6]}.jpg"),
        f"{OTHER_KEY}/main/{ids[9]}-evidence.jpg": before.pop(f"{KEY}/main/{ids[9]}-evidence.jpg"),
        f"{OTHER_KEY}/main/{ids[9]}.jpg": b"a bare back",
    }
    assert names(folder) == before | moved
    assert rows_of(folder, OTHER_KEY)[str(ids[6])][1]["changes"][0]["change"] == "rekey"
    assert verifier.verify(folder).problems == ()


def test_a_rejected_page_stays_where_it_is_and_is_no_page_until_it_is_settled(hall, folder, amend):
    ids = hall.feed(court.stack())
    amend(ids[6], reject=pb.Reject(defect="crooked"))
    hall.pull(folder)
    assert f"{KEY}/main/{ids[6]}.jpg" in names(folder)
    assert rows_of(folder)[str(ids[6])][0] == "others"
    assert verifier.verify(folder).problems == ()
    amend(ids[6], resolve=pb.Resolve(fate=pb.FATE_PAGE))
    hall.pull(folder)
    assert rows_of(folder)[str(ids[6])][0] == "pages"
    assert verifier.verify(folder).problems == ()


def test_when_a_whole_case_gets_another_number_nothing_of_it_is_left(hall, folder, amend):
    new = court.case_number.parse("(2018)吉01民初130号")
    ids = hall.feed(court.stack())
    hall.pull(folder)
    for page_id in (*ids[2:10], *ids[12:20]):
        amend(page_id, **rekeyed(new))
    hall.pull(folder)
    assert not (folder / KEY / "manifest.json").exists()
    assert not [name for name in names(folder) if name.startswith(KEY)]
    assert len(rows_of(folder, new.key)) == 16
    assert verifier.verify(folder).problems == ()


def test_from_its_first_entry_a_folder_is_as_one_that_was_pulled_all_along(
    hall, folder, amend, tmp_path
):
    ids = hall.feed(court.stack())
    hall.pull(folder)
    amend(ids[6], **rekeyed())
    amend(ids[9], restore=pb.Restore())
    amend(ids[6], **rekeyed(court.CASE, court.OTHER_CASE))
    hall.pull(folder)
    hall.pull(tmp_path / "late")
    assert names(tmp_path / "late") == names(folder)
    assert verifier.verify(tmp_path / "late").problems == ()


def test_a_journal_of_sm3_is_pulled_and_verified(tmp_path, folder):
    hall = court.Hall(tmp_path / "hall", chain=Chain("sm3"))
    try:
        hall.feed(court.stack())
        hall.pull(folder)
        hall.feed([court.kept(b"late", page=3), court.kept(b"later", page=4)])
        hall.pull(folder)
    finally:
        hall.close()
    assert verifier.verify(folder).problems == ()


# -- bytes that the appliance has let go of -------------------------------------------------------


def release(hall):
    """Let the appliance delete what everybody who is asked has acknowledged."""
    assert Retention(hall.ledger, hold_s=0).sweep(time.time() + 1) > 0


@pytest.fixture
def released(hall, folder):
    """An appliance that has let go of the bytes of its first batch, and a second batch."""
    ids = hall.feed(court.stack())
    hall.pull(folder)
    release(hall)
    hall.feed([court.kept(b"late", page=3), court.kept(b"later", page=4)])
    return ids


def test_without_asking_for_it_entries_without_bytes_are_not_taken(hall, released, tmp_path):
    with pytest.raises(ContractError, match="--accept-released") as refused:
        hall.pull(tmp_path / "late")
    assert "accept_released" in str(refused.value)  # what the appliance said


def test_entries_whose_bytes_are_gone_are_taken_and_named_apart_from_damage(
    hall, released, tmp_path
):
    late = tmp_path / "late"
    appliance = Appliance(f"127.0.0.1:{hall.server.port}", "court", accept_released=True)
    pulled = Puller(appliance, late, give_up_s=5).run()
    assert f"{released[6]}-page" in pulled.without_bytes
    assert pulled.damaged == []
    assert {b"late", b"later"} <= set(names(late).values())
    db = apsw.Connection(str(late / ".suian.db"))
    gone = db.execute("SELECT page_id || '-' || role FROM file WHERE path IS NULL").fetchall()
    db.close()
    assert {name for (name,) in gone} == set(pulled.without_bytes)
    kinds = {problem.kind for problem in verifier.verify(late).found}
    assert kinds == {"not_sent"}


# -- exactly once ---------------------------------------------------------------------------------


def test_kill_nine_among_pages_that_move_and_come_back(hall, folder, amend):
    """Fifteen kills while pages are pulled, moved and restored."""
    choice = random.Random(3)
    stack = court.stack()
    ids = [hall.feed(stack) for _ in range(6)]
    for batch in ids:
        for page_id in (batch[6], batch[14], batch[9]):
            amend(page_id, **rekeyed())
        amend(batch[9], restore=pb.Restore())
        amend(batch[14], **rekeyed(court.CASE, court.OTHER_CASE))
    target = f"127.0.0.1:{hall.server.port}"
    command = [sys.executable, "-c", SMALL_WINDOW, target, str(folder)]

    def cursor():
        return next(c.acknowledged for c in hall.ledger.consumers() if c.name == "court")

    last, kills = hall.ledger.last()[0], 0
    for _ in range(15):
        limit = min(last - 2, cursor() + choice.randrange(1, 2 * last // 15))
        child = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        while child.poll() is None and cursor() < limit:
            time.sleep(0.001)
        time.sleep(choice.random() * 0.01)
        child.send_signal(signal.SIGKILL)
        kills += child.wait() == -signal.SIGKILL
    hall.pull(folder)
    assert kills >= 12, "the child was never caught alive"
    assert verifier.verify(folder).problems == ()
    db = apsw.Connection(str(folder / ".suian.db"))
    held = db.execute("SELECT sequence, record_hash, entry_hash FROM entry ORDER BY 1").fetchall()
    db.close()
    assert held == [
        (entry.sequence, entry.record_hash, entry.entry_hash)
        for entry in hall.ledger.entries_after(0, 10_000)
    ]
    for batch in ids:
        assert names(folder)[f"{OTHER_KEY}/main/{batch[6]}.jpg"] == b"evidence 1"
        assert names(folder)[f"{OTHER_KEY}/main/{batch[9]}.jpg"] == b"a bare back"
        assert names(folder)[f"{KEY}/main/{batch[14]}.jpg"] == b"claim 1"
        assert hall.ledger.face(batch[6]).blobs[0].role is Role.PAGE


SMALL_WINDOW = """
import sys
from pathlib import Path
from daemon.stream.court.dial import Appliance
from daemon.stream.court.puller import Puller

Puller(Appliance(sys.argv[1], "court", max_unacked_entries=8), Path(sys.argv[2])).run()
"""
