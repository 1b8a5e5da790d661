"""A court whose pages lie in an object store: rclone's S3-compatible server, a real process."""

import random
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import apsw
import pytest

from daemon.dossier import case_number
from daemon.errors import ChainBroken, ConfigError, EpochChanged
from daemon.spool.journal import Amendment
from daemon.spool.standing import Change
from daemon.stream.court import journal as court_journal
from daemon.stream.court.bucket import BucketSink
from daemon.stream.court.dial import Appliance
from daemon.stream.court.object_store import Location, ObjectStore
from daemon.stream.court.puller import Puller
from tests.object_store import ENVIRONMENT

CASE = "(2018)吉01民初129号"
OTHER = case_number.parse("(2018)吉01民终7号")


@pytest.fixture
def state(tmp_path):
    return tmp_path / "state"


@pytest.fixture
def bucket(server, tmp_path):
    """A prefix of its own: pull into it, look into it."""

    class Bucket:
        prefix = tmp_path.name
        url = f"{server.url}/{tmp_path.name}"

        def pull(self, hall, state, consumer="court", **rest):
            store = ObjectStore(Location.parse(self.url), 4, ENVIRONMENT)
            with ThreadPoolExecutor(4) as workers:
                return Puller(
                    Appliance(hall.target, consumer, **rest),
                    state,
                    give_up_s=5,
                    sink=BucketSink(store, workers),
                ).run()

        @property
        def objects(self):
            return server.objects(self.prefix)

        @property
        def pages(self):
            return {name: data for name, data in self.objects.items() if "journal/" not in name}

        @property
        def journal(self):
            return sorted(name for name in self.objects if name.startswith("journal/"))

        def lose(self, name):
            """Somebody with the key removes an object, or the store loses it."""
            ObjectStore(Location.parse(self.url), 1, ENVIRONMENT).remove(name)

        def replace(self, name, data):
            ObjectStore(Location.parse(self.url), 1, ENVIRONMENT).put(name, data, "text/plain")

    return Bucket()


def cursor(hall, name="court"):
    return next(c.acknowledged for c in hall.ledger.consumers() if c.name == name)


def rows(state, sql):
    db = apsw.Connection(str(state / ".suian.db"))
    try:
        return db.execute(sql).fetchall()
    finally:
        db.close()


def entries(hall):
    return [
        (entry.sequence, entry.record_hash, entry.entry_hash)
        for entry in hall.ledger.entries_after(0, 10_000)
    ]


def held(state):
    return rows(state, "SELECT sequence, record_hash, entry_hash FROM entry ORDER BY sequence")


def rekey(hall, page_id, to=OTHER):
    """Move a page into another case, as a court asks for."""
    now = hall.ledger.face(page_id).position
    values = {"from_case_number": now.case_number, "to_case_number": to.text}
    amendment = Amendment(page_id, Change.REKEY, values, "court/x", "", "wrong sheet", 1.0)
    position = type(now)(
        **{
            name: getattr(now, name)
            for name in now.__dataclass_fields__
            if name not in {"case_number", "case_key"}
        },
        case_number=to.text,
        case_key=to.key,
    )
    return hall.ledger.record(amendment, position)


def test_pages_have_the_names_they_have_in_a_folder_and_the_journal_lies_beside(
    hall, paper, bucket, state
):
    ids = hall.feed(
        paper.page(b"one"), paper.blank(b"ev"), paper.page(b"two", volume="secondary"),
        paper.page(b"three", case="", volume=""),
    )  # fmt: skip
    manifest = b'{"head":{"case_key":"a case","journal":{"sequence":5}}}'
    hall.manifests[CASE] = manifest
    pulled = bucket.pull(hall, state)
    assert bucket.pages == {
        f"{CASE}/main/{ids[0]}.jpg": b"one",
        f"{CASE}/main/{ids[1]}-evidence.jpg": b"ev",
        f"{CASE}/secondary/{ids[2]}.jpg": b"two",
        f"unassigned/unassigned/{ids[3]}.jpg": b"three",
        f"{CASE}/manifest.json": manifest,
    }
    assert bucket.journal == [f"journal/{hall.ledger.epoch}/000000000001-000000000005"]
    assert (pulled.entries, cursor(hall)) == (5, 5)
    assert [path.name for path in state.iterdir()] == [".suian.db"]


def test_the_folder_of_the_state_is_lost_midway_and_the_bucket_alone_is_enough(
    hall, paper, bucket, state
):
    first = hall.feed(*[paper.page(b"%d" % n) for n in range(80)])
    next((hall.folder / "spool").rglob(f"{first[3]}-page")).write_bytes(b"x")  # damaged there
    bucket.pull(hall, state)
    known = held(state)
    files = rows(state, "SELECT * FROM file ORDER BY page_id")
    shutil.rmtree(state)

    second = hall.feed(paper.page(b"more"), paper.page(b"yet more"))
    before = cursor(hall)
    pulled = bucket.pull(hall, state)
    assert pulled.entries == hall.ledger.last()[0] - before == 3
    assert held(state)[: len(known)] == known
    assert held(state) == entries(hall)
    assert rows(state, "SELECT * FROM file ORDER BY page_id")[: len(files)] == files
    assert bucket.pages[f"{CASE}/main/{second[1]}.jpg"] == b"yet more"
    assert len(bucket.pages) == 81


def test_entries_the_bucket_has_and_the_database_has_not_are_taken_over(
    hall, paper, bucket, state, tmp_path
):
    """A puller that is killed between its last object and its transaction leaves this."""
    hall.feed(paper.page(b"one"), paper.page(b"two"))
    bucket.pull(hall, state)
    shutil.copytree(state, tmp_path / "earlier")
    ids = hall.feed(paper.page(b"three"), paper.page(b"four"))
    rekey(hall, ids[0])
    bucket.pull(hall, state)
    whole = rows(state, "SELECT * FROM file ORDER BY page_id")
    shutil.rmtree(state)
    (tmp_path / "earlier").rename(state)

    assert bucket.pull(hall, state).entries == 0
    assert held(state) == entries(hall)
    assert rows(state, "SELECT * FROM file ORDER BY page_id") == whole
    assert (f"{OTHER.key}/main/{ids[0]}.jpg",) in rows(state, "SELECT path FROM file")


def test_a_page_that_changes_its_case_gets_another_name_and_loses_the_old_one(
    hall, paper, bucket, state
):
    ids = hall.feed(paper.page(b"one"), paper.page(b"two"))
    bucket.pull(hall, state)
    rekey(hall, ids[0])
    bucket.pull(hall, state)
    assert bucket.pages == {
        f"{OTHER.key}/main/{ids[0]}.jpg": b"one",
        f"{CASE}/main/{ids[1]}.jpg": b"two",
    }


def test_redacted_entries_come_back_from_the_bucket_as_hashes(hall, paper, bucket, state):
    hall.feed(paper.page(b"open"), paper.page(b"closed", volume="secondary"))
    bucket.pull(hall, state, "mirror")
    shutil.rmtree(state)
    assert bucket.pull(hall, state, "mirror").entries == 0
    kinds = rows(state, "SELECT kind, record IS NULL FROM entry ORDER BY sequence")
    assert kinds == [("page", 0), ("redacted", 1), ("batch_closed", 0)]


def test_another_consumer_is_refused_also_without_the_folder(hall, paper, bucket, state):
    hall.feed(paper.page(b"open"), paper.page(b"closed", volume="secondary"))
    bucket.pull(hall, state, "mirror")
    shutil.rmtree(state)
    with pytest.raises(ConfigError, match="another consumer"):
        bucket.pull(hall, state)
    assert cursor(hall) == 0


def test_a_bucket_that_was_put_back_to_an_older_time_is_noticed(hall, paper, bucket, state):
    hall.feed(paper.page(b"one"), paper.page(b"two"))
    bucket.pull(hall, state)
    hall.feed(paper.page(b"three"), paper.page(b"four"))
    bucket.pull(hall, state)
    *_, newest = bucket.journal
    hall.feed(paper.page(b"five"), paper.page(b"six"))
    for lost in (newest, bucket.journal[0]):  # some of it, and then all
        bucket.lose(lost)
        with pytest.raises(ConfigError, match="older time"):
            bucket.pull(hall, state)
    shutil.rmtree(state)
    bucket.pull(hall, state)
    assert held(state) == entries(hall)


def test_a_folder_whose_pages_lie_elsewhere_is_refused(hall, paper, bucket, state, tmp_path):
    hall.feed(paper.page(b"one"), paper.page(b"two"))
    bucket.pull(hall, state)
    with pytest.raises(ConfigError, match="put elsewhere"):
        Puller(Appliance(hall.target, "court"), state).run()
    Puller(Appliance(hall.target, "court"), tmp_path / "folder").run()
    with pytest.raises(ConfigError, match="put elsewhere"):
        bucket.pull(hall, tmp_path / "folder")


def test_another_journal_under_the_same_prefix_is_refused(hall, make_hall, paper, bucket, state):
    hall.feed(paper.page(b"one"), paper.page(b"two"))
    bucket.pull(hall, state)
    other = make_hall()
    other.feed(paper.page(b"three"), paper.page(b"four"))
    shutil.rmtree(state)
    with pytest.raises(EpochChanged):
        bucket.pull(other, state)
    assert cursor(other) == 0
    bucket.replace("journal/ffffffff-0000-4000-8000-000000000000/000000000001-000000000001", b"")
    with pytest.raises(ConfigError, match="two journals"):
        bucket.pull(hall, state)


@pytest.mark.parametrize("what", ["missing", "cut off", "empty", "short", "changed", "not one"])
def test_a_journal_that_was_tampered_with_in_the_bucket_is_refused(
    hall, paper, bucket, state, what
):
    for n in range(3):
        hall.feed(paper.page(b"%d" % n), paper.page(b"%d'" % n))
        bucket.pull(hall, state)
    name = bucket.journal[1]
    data = bucket.objects[name]
    if what == "missing":
        bucket.lose(name)
    elif what == "cut off":
        bucket.replace(name, data[:-9])
    elif what == "empty":
        bucket.replace(name, court_journal.written(court_journal.head(data), ()))
    elif what == "short":  # the newest one, without its last entry
        name = bucket.journal[-1]
        data = bucket.objects[name]
        start = replace(court_journal.head(data), entry_hash=entries(hall)[5][2])
        bucket.replace(name, court_journal.written(start, court_journal.read(data, start)[:-1]))
    elif what == "changed":
        at = data.index(b"standard")
        bucket.replace(name, data[:at] + b"S" + data[at + 1 :])
    else:
        bucket.replace(name, b"\xff" * 40)
    shutil.rmtree(state)
    with pytest.raises(ChainBroken):
        bucket.pull(hall, state)
    assert cursor(hall) == 9


def test_kill_nine_at_any_moment_loses_nothing_and_doubles_nothing(
    hall, paper, bucket, state, monkeypatch
):
    choice = random.Random(11)
    data = {n: choice.randbytes(5_000) for n in range(200)}
    ids = hall.feed(*[paper.page(d) for d in data.values()])
    for page_id in ids[:60:3]:
        rekey(hall, page_id)
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    command = [sys.executable, "-m", "daemon", "pull", hall.target, "-o", str(state)]
    command += ["--s3", bucket.url]
    kills = 0
    for n in range(5):
        limit = cursor(hall) + choice.randrange(5, 40)
        child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while child.poll() is None and cursor(hall) < limit:
            time.sleep(0.001)
        time.sleep(choice.random() * 0.02)
        child.send_signal(signal.SIGKILL)
        kills += child.wait() == -signal.SIGKILL
        if n == 2:
            shutil.rmtree(state)
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert kills >= 4, "the child was never caught alive"
    moved = set(ids[:60:3])
    assert bucket.pages == {
        f"{OTHER.key if page_id in moved else CASE}/main/{page_id}.jpg": d
        for page_id, d in zip(ids, data.values(), strict=True)
    }
    assert held(state) == entries(hall)
    assert cursor(hall) == hall.ledger.last()[0]
