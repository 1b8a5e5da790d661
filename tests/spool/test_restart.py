"""What is there after the process was killed, and who may open a spool."""

import hashlib
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import apsw
import pytest

from daemon.errors import ConfigError, SpoolCorrupt
from daemon.page import Fate, PageId, Role, SheetId, Side
from daemon.spool.accounts import Accounts

ROOT = Path(__file__).parents[2]
CHILD = """
import hashlib, os, random, sys, threading
from pathlib import Path
from daemon.page import Blob, Fate, Page, Role, Side
from daemon.spool.ledger import Ledger

def encode(entry):
    return repr(entry).encode()

ledger = Ledger(Path(sys.argv[1]), encode, ballast_bytes=65536)
ledger.start()
lock = threading.Lock()

def feed(seed):
    chance = random.Random(seed)
    while True:
        batch = ledger.open_batch(virtual=False)
        for _ in range(chance.randrange(1, 6)):
            sheet = ledger.request_feed(batch.number)
            if chance.random() < 0.2:
                ledger.withdraw_feed(sheet)
                continue
            faces, claims = [], []
            for side in (Side.FRONT, Side.BACK):
                data = chance.randbytes(chance.randrange(1, 30000))
                blob = Blob(Role.PAGE, "image/jpeg", data)
                faces.append(Page(sheet.face(side), Fate.PAGE, False, 1.0, blobs=(blob,)))
                claims.append((sheet.face(side), hashlib.sha256(data).hexdigest()))
            for (name, digest), sequence in zip(claims, ledger.commit(faces, "s")):
                with lock:
                    print(name, digest, sequence, flush=True)
        ledger.close_batch(batch.number)

feeders = [threading.Thread(target=feed, args=(f"{sys.argv[2]}-{n}",)) for n in range(3)]
for feeder in feeders:
    feeder.start()
for feeder in feeders:
    feeder.join()
"""


def run_and_kill(directory, round_number, lines):
    """Let a child commit until it has made so many claims, then kill it; returns its claims."""
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(directory), str(round_number)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    claims = [child.stdout.readline() for _ in range(lines)]
    child.send_signal(signal.SIGKILL)
    claims += child.stdout.readlines()
    child.stdout.close()
    assert child.wait() == -signal.SIGKILL
    return [line.split() for line in claims if line.endswith("\n")]


def test_every_claim_of_a_killed_process_is_there_after_it(desk):
    claims = []
    for round_number, lines in enumerate((1, 7, 30, 61)):
        claims += run_and_kill(desk.directory, round_number, lines)
        ledger = desk.open()
        assert ledger.verify_chain() == ledger.last()[0]
        kept = {e.sequence: e for e in ledger.entries_after(0, 100_000)}
        assert list(kept) == list(range(1, len(kept) + 1))
        for name, digest, sequence in claims:
            page_id = PageId.parse(name)
            assert kept[int(sequence)].page_id == page_id
            data = ledger.read_blob(page_id, Role.PAGE, 0, 100_000)
            assert hashlib.sha256(data).hexdigest() == digest
        named = []
        for number in ledger.batch_numbers(100_000):
            account = ledger.batch_account(number)
            assert sum(account.counts.values()) + account.open_faces == 2 * account.sheets
            named += [f"{face.page_id}-page" for face in account.faces if face.fate is Fate.PAGE]
        assert desk.files() == sorted(named)
        for found in ledger.open_batches():
            for sheet in found.open_sheets:
                ledger.commit([desk.page(sheet.face(s)) for s in (Side.FRONT, Side.BACK)])
            ledger.close_batch(found.number)
        desk.close()
    assert len(claims) >= 99


def leave(desk, name, data=b"left"):
    (desk.directory / "pages" / name).write_bytes(data)


def test_a_start_removes_files_that_no_row_names_and_touches_no_other(ledger, desk):
    batch = ledger.open_batch(virtual=False)
    front, back = desk.sheet(ledger, batch.number, b"one", b"two")
    desk.close()
    stray = SheetId(ledger.epoch8, 1, 2)
    leave(desk, f"{stray.face(Side.FRONT)}-page")
    leave(desk, f"{stray.face(Side.BACK)}-page.tmp")
    leave(desk, f"{front}-page.tmp")
    leave(desk, f"{front}-raw")
    others = ["0badcafe-000001-0001-F-page", "README", f"{front}-photo"]
    for name in others:
        leave(desk, name)
    again = desk.open()
    assert desk.files() == sorted([f"{front}-page", f"{back}-page", *others])
    assert again.read_blob(front, Role.PAGE, 0, 9) == b"one"


def test_a_commit_repeated_over_leftover_files_keeps_the_new_bytes(ledger, desk):
    batch = ledger.open_batch(virtual=False)
    sheet = ledger.request_feed(batch.number)
    front = sheet.face(Side.FRONT)
    leave(desk, f"{front}-page", b"bytes of a dead process")
    leave(desk, f"{front}-page.tmp", b"half")
    ledger.commit([desk.page(front, b"alive")])
    assert ledger.read_blob(front, Role.PAGE, 0, 99) == b"alive"
    assert desk.files() == [f"{front}-page"]


def test_a_second_process_is_refused_and_told_why(ledger, desk):
    code = CHILD.split("lock =", maxsplit=1)[0]
    done = subprocess.run(
        [sys.executable, "-c", code, str(desk.directory)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert "another process holds this spool" in done.stderr
    with pytest.raises(ConfigError, match="another process holds this spool"):
        desk.open()
    assert ledger.open_batch(virtual=False).number == 1  # the first one goes on


def test_the_spool_is_free_again_after_a_close(ledger, desk):
    desk.close()
    assert desk.open().open_batches() == []


def test_page_files_without_a_ledger_are_refused_and_kept(ledger, desk):
    desk.sheet(ledger, ledger.open_batch(virtual=False).number)
    desk.close()
    before = desk.files()
    for path in desk.directory.glob("ledger.db*"):
        path.unlink()
    with pytest.raises(ConfigError, match="its ledger is gone"):
        desk.open()
    assert desk.files() == before


def test_a_ledger_of_another_version_is_refused(ledger, desk):
    desk.close()
    with apsw.Connection(str(desk.directory / "ledger.db")) as connection:
        connection.pragma("user_version", 77)
    connection.close()
    with pytest.raises(ConfigError, match="newer version"):
        desk.open()


def test_a_damaged_ledger_is_named_so(ledger, desk):
    desk.sheet(ledger, ledger.open_batch(virtual=False).number)
    desk.close()
    path = desk.directory / "ledger.db"
    path.write_bytes(b"not a database at all" * 500)
    with pytest.raises(SpoolCorrupt):
        desk.open()


def test_accounts_can_be_read_while_the_daemon_runs_and_while_it_does_not(ledger, desk):
    desk.sheet(ledger, ledger.open_batch(virtual=False).number)
    accounts = Accounts(desk.directory)
    assert accounts.totals() == ledger.totals()
    accounts.close()
    epoch = ledger.epoch
    desk.close()
    assert accounts.epoch == epoch
    assert accounts.last()[0] == accounts.verify_chain() == 2
    with accounts.reading() as connection, pytest.raises(apsw.ReadOnlyError):
        connection.execute("DELETE FROM batch")
    accounts.close()


def test_a_spool_that_is_not_there_is_told_so(tmp_path):
    with pytest.raises(ConfigError, match="no ledger"):
        Accounts(tmp_path).last()


def test_a_changed_entry_breaks_the_chain(ledger, desk):
    desk.sheet(ledger, ledger.open_batch(virtual=False).number)
    desk.close()
    connection = apsw.Connection(str(desk.directory / "ledger.db"))
    with pytest.raises(apsw.ConstraintError, match="never edited"):
        connection.execute("UPDATE entry SET record = x'00' WHERE sequence = 1")
    connection.execute("DROP TRIGGER entry_is_never_edited")
    connection.execute("UPDATE entry SET record = x'00' WHERE sequence = 1")
    connection.close()
    with pytest.raises(SpoolCorrupt, match="chain is broken"):
        desk.open().verify_chain()


# Becomes a member of the group that may read, and nothing more, once everything is imported.
READER = """
import os, sys
from pathlib import Path
from daemon.errors import ConfigError
from daemon.spool.accounts import Accounts

os.setgroups([])
os.setgid(int(sys.argv[2]))
os.setuid(65534)
try:
    accounts = Accounts(Path(sys.argv[1]))
    print(accounts.last()[0])
    accounts.close()
except ConfigError as error:
    print(error)
"""


@pytest.mark.root
def test_the_group_may_look_into_a_spool_it_cannot_write_and_others_may_not(desk, tmp_path):
    if os.geteuid() != 0:
        pytest.skip("becoming somebody else needs root")
    with tempfile.TemporaryDirectory() as open_to_all:  # pytest's own folders are closed
        Path(open_to_all).chmod(0o755)
        desk.directory = Path(open_to_all) / "spool"
        previous = os.umask(0o027)
        try:
            ledger = desk.open()
            desk.sheet(ledger, ledger.open_batch(virtual=False).number)
        finally:
            os.umask(previous)
        desk.directory.chmod(0o750)

        def said(group):
            command = [sys.executable, "-c", READER, str(desk.directory), str(group)]
            done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stderr
            return done.stdout

        assert said(0) == "2\n"
        assert "only the group" in said(65534)
        desk.close()
        assert said(0) == "2\n"
        assert "only the group" in said(65534)
