"""A disk that fails, fills up, or forgets."""

import errno
import os
import stat
import subprocess
import threading

import apsw
import pytest

from daemon.errors import SpoolCorrupt, SpoolError, SpoolFailed, SpoolFull
from daemon.page import Blob, Fate, Role, Side
from daemon.spool import opening
from daemon.spool.retention import Retention


@pytest.fixture
def sheet(ledger):
    return ledger.request_feed(ledger.open_batch(virtual=False).number)


@pytest.fixture
def broken_sync(monkeypatch):
    """fsync fails with EIO for what `wanted` says, from now on."""
    real = os.fsync
    state = {"wanted": lambda mode: False, "calls": 0}

    def fsync(descriptor):
        if state["wanted"](os.fstat(descriptor).st_mode):
            state["calls"] += 1
            raise OSError(errno.EIO, "Input/output error")
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    return state


@pytest.mark.parametrize("wanted", [stat.S_ISREG, stat.S_ISDIR], ids=["file", "folder"])
def test_a_failed_sync_ends_the_ledger_and_is_never_tried_again(
    ledger, desk, sheet, broken_sync, wanted
):
    front = desk.page(sheet.face(Side.FRONT), b"x")
    broken_sync["wanted"] = wanted
    with pytest.raises(SpoolFailed):
        ledger.commit([front])
    for work in (
        lambda: ledger.commit([front]),
        lambda: ledger.open_batch(virtual=False),
        lambda: ledger.withdraw_feed(sheet),
    ):
        with pytest.raises(SpoolFailed):
            work()
    assert len(desk.failures) == 1
    assert ledger.last()[0] == 0
    assert not ledger.wait_beyond(0, 60.0)
    broken_sync["wanted"] = lambda mode: False
    desk.close()
    again = desk.open()
    assert [b.open_sheets for b in again.open_batches()] == [(sheet,)]
    assert desk.files() == []
    again.commit([front])
    assert again.read_blob(front.page_id, Role.PAGE, 0, 9) == b"x"


def test_the_log_of_the_ledger_has_its_name_on_the_disk_at_every_start(
    ledger, desk, monkeypatch, sheet
):
    """SQLite syncs the folder of its log as well, but goes on when that fails."""
    real, log, there = opening.sync_folder, desk.directory / "ledger.db-wal", []

    def sync(folder):
        there.append((folder, log.exists()))
        real(folder)

    monkeypatch.setattr(opening, "sync_folder", sync)
    desk.close()
    assert not log.exists()
    desk.open()
    assert there == [(desk.directory, True)]


def test_a_start_at_which_the_folder_cannot_be_synced_fails(ledger, desk, sheet, broken_sync):
    desk.close()
    broken_sync["wanted"] = stat.S_ISDIR
    with pytest.raises(SpoolFailed, match="cannot be opened"):
        desk.open()
    broken_sync["wanted"] = lambda mode: False
    assert [b.open_sheets for b in desk.open().open_batches()] == [(sheet,)]


class FailingFile(apsw.VFSFile):
    """A database file whose syncs and writes can be made to fail."""

    failing = False
    syncs = 0

    def xSync(self, flags):  # noqa: N802 (named by SQLite)
        if FailingFile.failing:
            FailingFile.syncs += 1
            raise apsw.IOError("made to fail")
        return super().xSync(flags)


class FailingDisk(apsw.VFS):
    """SQLite's own file system, with files of the kind above."""

    def __init__(self):
        super().__init__("failing", "unix", makedefault=True)

    def xOpen(self, name, flags):  # noqa: N802
        return FailingFile("unix", name, flags)


@pytest.fixture
def failing_disk():
    disk = FailingDisk()
    yield FailingFile
    FailingFile.failing = False
    apsw.set_default_vfs("unix")
    disk.unregister()


def test_a_failed_commit_is_told_to_everybody_and_nothing_is_announced(failing_disk, desk):
    ledger = desk.open()
    numbers = [ledger.open_batch(virtual=False).number for _ in range(4)]
    failing_disk.failing = True
    refusals = []

    def ask(number):
        try:
            ledger.request_feed(number)
        except SpoolError as error:
            refusals.append(type(error))

    askers = [threading.Thread(target=ask, args=(number,)) for number in numbers]
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join()
    assert refusals == [SpoolFailed] * 4
    assert failing_disk.syncs == 1
    assert len(desk.failures) == 1
    failing_disk.failing = False
    desk.close()
    again = desk.open()
    assert len(again.open_batches()) == 4
    # Whether the failed ones reached the disk nobody knew; the chain and the rows agree anyway.
    for number in numbers:
        assert again.batch_account(number).open_faces == 2 * again.batch_account(number).sheets


def test_a_write_without_room_is_refused_cleanly(ledger, desk, sheet, monkeypatch):
    def no_room(descriptor, data):
        raise OSError(errno.ENOSPC, "No space left on device")

    faces = [desk.page(sheet.face(s), b"x") for s in (Side.FRONT, Side.BACK)]
    with monkeypatch.context() as patched:
        patched.setattr(os, "write", no_room)
        with pytest.raises(SpoolFull):
            ledger.commit(faces)
    assert desk.files() == []
    assert desk.failures == []
    assert ledger.commit(faces) == [1, 2]


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 2 MiB."""
    if os.geteuid() != 0:
        pytest.skip("mounting a small disk needs root")
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)], check=False
    )
    if mounted.returncode != 0:
        pytest.skip("this system lets nobody mount a small disk")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.root
def test_acknowledgements_still_commit_on_a_full_disk_and_make_room_again(small_disk, desk):
    desk.directory = small_disk / "spool"
    ledger = desk.open(allow_unsafe_disk=True, ballast_bytes=256 * 1024)
    ledger.register_consumer("court", True)
    assert ledger.room(500 * 1024)
    batch = ledger.open_batch(virtual=False).number
    for _ in range(5):
        desk.sheet(ledger, batch, b"x" * 50_000, b"y" * 50_000)
    sheet = ledger.request_feed(batch)
    filler = small_disk / "filler"
    with filler.open("wb", buffering=0) as file, pytest.raises(OSError, match="No space"):
        while True:
            file.write(b"x" * 4096)
    assert not ledger.room(0)
    with pytest.raises(SpoolFull):
        ledger.commit([desk.page(sheet.face(Side.FRONT), b"x" * 5000)])
    ledger.commit([desk.page(sheet.face(s)) for s in (Side.FRONT, Side.BACK)])  # a fate needs none
    with pytest.raises(SpoolFull):  # not even one that would fit where the ballast was
        ledger.add_blob(ledger.entries_after(0, 1)[0].page_id, Blob(Role.TEXT, "text/plain", b"x"))
    ledger.acknowledge("court", 10, ledger.entry_hash(10))
    assert Retention(ledger, hold_s=0).sweep(desk.clock.now + 1) == 500_000
    filler.unlink()
    assert ledger.room(500 * 1024)
    desk.sheet(ledger, batch)
    assert desk.failures == []
    desk.close()


def test_damaged_bytes_are_never_handed_out(ledger, desk, sheet):
    front = sheet.face(Side.FRONT)
    ledger.commit([desk.page(front, b"the page" * 100)])
    path = desk.directory / "pages" / f"{front}-page"
    assert ledger.read_blob(front, Role.PAGE, 4, 4) == b"page"
    whole = bytearray(path.read_bytes())
    whole[700] ^= 1
    path.write_bytes(whole)
    os.utime(path, ns=(1, 1))
    for offset in (0, 700):
        with pytest.raises(SpoolCorrupt, match="not what was recorded"):
            ledger.read_blob(front, Role.PAGE, offset, 4)
    path.unlink()
    with pytest.raises(SpoolCorrupt, match="cannot be read"):
        ledger.read_blob(front, Role.PAGE, 0, 4)


def test_raw_bytes_come_behind_their_page_once(ledger, desk, sheet):
    front, back = sheet.face(Side.FRONT), sheet.face(Side.BACK)
    raw = Blob(Role.RAW, "application/x-raw", b"raw" * 1000)
    with pytest.raises(SpoolError, match="behind a kept page"):
        ledger.add_blob(front, raw)
    assert desk.files() == []
    ledger.commit([desk.page(front, b"x"), desk.page(back, fate=Fate.REFUSED)])
    record = ledger.entries_after(0, 1)[0].record
    ledger.add_blob(front, raw)
    ledger.add_blob(front, raw)
    with pytest.raises(SpoolError, match="other bytes"):
        ledger.add_blob(front, Blob(Role.RAW, "application/x-raw", b"other"))
    with pytest.raises(SpoolError, match="behind a kept page"):
        ledger.add_blob(back, raw)  # a refused face leaves no image
    assert ledger.read_blob(front, Role.RAW, 3, 3) == b"raw"
    entry = ledger.entries_after(0, 1)[0]
    assert entry.record == record
    assert [ref.role for ref in ledger.face(front).blobs] == [Role.PAGE, Role.RAW]
    assert ledger.last()[0] == 2
    assert desk.files() == [f"{front}-page", f"{front}-raw"]
