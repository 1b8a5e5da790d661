"""An older spool is brought to this version's tables in one step, and keeps every entry."""

import hashlib
from pathlib import Path

import apsw
import pytest

from daemon.errors import ConfigError
from daemon.page import Fate, PageId, Role, Side
from daemon.spool import opening
from daemon.spool.accounts import Accounts
from daemon.spool.audit import audit
from daemon.spool.reader import SCHEMA_VERSION
from daemon.spool.standing import Standing

EPOCH = "0badc0de-0000-4000-8000-000000000000"
SCHEMA_1 = Path(__file__).with_name("schema_1.sql").read_text(encoding="utf-8")
DATA = b"page bytes"
FACES = (  # as version 1 wrote them: fate, held, what amended it
    (Fate.PAGE, 0, None),
    (Fate.BLANK, 0, None),
    (Fate.PAGE, 1, "quarantine"),
    (Fate.LOST, 0, None),
    (Fate.SUPERSEDED, 0, None),
    (Fate.QUARANTINED, 1, None),
)


def sha(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def page_id(number):
    return str(PageId("0badc0de", 1, number // 2 + 1, Side.BACK if number % 2 else Side.FRONT))


class Version1:
    """Writes a spool as version 1 did."""

    def __init__(self, folder):
        (folder / "pages").mkdir(parents=True)
        self.pages = folder / "pages"
        self.db = apsw.Connection(str(folder / "ledger.db"))
        self.db.pragma("journal_mode", "WAL")
        self.prev, self.last = sha(EPOCH.encode()), 0

    def entry(self, kind, page, record):
        self.last += 1
        prev, digest = self.prev, sha(record)
        self.prev = sha(prev, digest)
        self.db.execute(
            "INSERT INTO entry VALUES (?, ?, ?, ?, ?, ?, ?, 0)",
            (self.last, kind, page, record, digest, self.prev, prev),
        )

    def write(self):
        with self.db:
            self.db.execute(SCHEMA_1)
            self.db.execute("INSERT INTO meta VALUES (1, ?, 1.0)", (EPOCH,))
            self.db.execute("INSERT INTO batch VALUES (1, 0, 0, 1.0, '', NULL, NULL)")
            for number, (fate, held, _) in enumerate(FACES):
                self.face(number, fate, held)
            for number, (_, _, change) in enumerate(FACES):
                if change:
                    self.entry("amendment", page_id(number), b"amended")
                    self.db.execute(
                        "INSERT INTO amendment VALUES (?, ?, ?, '{}', 'appliance', '', '', 1.0)",
                        (self.last, page_id(number), change),
                    )
            self.db.pragma("user_version", 1)
        self.db.close()

    def face(self, number, fate, held):
        name = page_id(number)
        if number % 2 == 0:
            self.db.execute("INSERT INTO sheet VALUES (1, ?, 1.0)", (number // 2 + 1,))
        self.db.execute(
            "INSERT INTO face (page_id, batch, sheet, side) VALUES (?, 1, ?, ?)",
            (name, number // 2 + 1, name[-1]),
        )
        self.entry("page", name, b"record %d" % number)
        self.db.execute(
            "UPDATE face SET fate = ?, sequence = ?, held = ? WHERE page_id = ?",
            (fate.value, self.last, held, name),
        )
        if fate is Fate.PAGE:
            gone = 2.0 if number == 0 else None
            self.db.execute(
                "INSERT INTO blob VALUES (?, 'page', 'image/jpeg', ?, ?, ?)",
                (name, sha(DATA), len(DATA), gone),
            )
            if gone is None:
                (self.pages / f"{name}-page").write_bytes(DATA)


@pytest.fixture
def old(desk):
    Version1(desk.directory).write()
    return desk


def shape(connection):
    """Return what the tables, indexes and triggers are, whatever the order of the columns."""
    names = [
        (kind, name)
        for kind, name in connection.execute(
            "SELECT type, name FROM sqlite_master WHERE name NOT LIKE 'sqlite_%'"
        )
    ]
    columns = {
        (name, *column[1:4], column[5])
        for kind, name in names
        if kind == "table"
        for column in connection.execute(f"PRAGMA table_info({name})")
    }
    return sorted(names), columns


def test_an_old_spool_has_the_tables_of_a_new_one(old, tmp_path):
    old.open()
    old.close()
    new = apsw.Connection(":memory:")
    new.execute(opening.SCHEMA.read_text(encoding="utf-8"))
    migrated = apsw.Connection(str(old.directory / "ledger.db"))
    assert shape(migrated) == shape(new)
    assert migrated.pragma("user_version") == SCHEMA_VERSION
    migrated.close()


def test_it_keeps_epoch_entries_and_bytes_and_breaks_no_law(old):
    ledger = old.open()
    assert ledger.epoch == EPOCH
    assert ledger.chain.algorithm == "sha256"
    assert ledger.verify_chain() == len(FACES) + 1
    assert ledger.read_blob(PageId.parse(page_id(2)), Role.PAGE, 0, 99) == DATA
    assert audit(old.directory, lambda _: None).problems == ()


def test_faces_get_their_standing_and_what_was_never_settled_waits_for_a_person(old):
    ledger = old.open()
    faces = [ledger.face(PageId.parse(page_id(number))) for number in range(len(FACES))]
    assert [(face.standing, face.undecided) for face in faces] == [
        (Standing.PAGE, False),
        (Standing.BLANK, False),
        (Standing.QUARANTINED, True),
        (Standing.LOST, True),
        (Standing.SUPERSEDED, True),
        (Standing.QUARANTINED, True),
    ]
    assert ledger.released_sequence() == 1


def test_it_works_on(old):
    ledger = old.open()
    old.sheet(ledger, 1)
    ledger.amend(PageId.parse(page_id(1)), "quarantine", {}, actor="a", request_id="", reason="x")
    ledger.close_batch(1)
    assert audit(old.directory, lambda _: None).problems == ()


def test_a_migration_that_is_cut_off_leaves_the_old_spool(old, tmp_path, monkeypatch):
    script = (opening.MIGRATIONS / f"{SCHEMA_VERSION}.sql").read_text(encoding="utf-8")
    (tmp_path / f"{SCHEMA_VERSION}.sql").write_text(f"{script}\nDROP TABLE nowhere;")
    monkeypatch.setattr(opening, "MIGRATIONS", tmp_path)
    with pytest.raises(Exception, match="nowhere"):
        old.open()
    monkeypatch.undo()
    with pytest.raises(ConfigError, match="start the daemon of this version once"):
        Accounts(old.directory).last()
    assert old.open().verify_chain() == len(FACES) + 1
