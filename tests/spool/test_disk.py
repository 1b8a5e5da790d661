"""What kind of disk lies under the spool, and the ballast that keeps room on it."""

from pathlib import Path

import pytest

from daemon.errors import ConfigError
from daemon.spool import disk as disk_module
from daemon.spool.disk import Disk, Mount, mount_of, refuse_unsafe

MOUNTS = r"""
22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw,errors=remount-ro
30 22 0:25 / /run rw,nosuid - tmpfs tmpfs rw,size=800k
31 22 0:26 / /mnt/with\040space rw master:3 - nfs4 court:/share rw,vers=4.2
32 22 8:2 / /srv rw - xfs /dev/sdb rw,nobarrier
33 22 8:3 / /data rw - ext4 /dev/sdc rw,barrier=0
34 22 8:4 / /over rw - ext4 /dev/sdd rw
35 34 0:27 / /over rw - overlay overlay rw
36 22 8:5 / /var/lib rw - btrfs /dev/sde rw
""".strip()


@pytest.mark.parametrize(
    ("folder", "point", "kind"),
    [
        ("/", "/", "ext4"),
        ("/home/x", "/", "ext4"),
        ("/run/suian", "/run", "tmpfs"),
        ("/runner", "/", "ext4"),
        ("/mnt/with space/x", "/mnt/with space", "nfs4"),
        ("/over/x", "/over", "overlay"),
        ("/var/lib/suian", "/var/lib", "btrfs"),
    ],
)
def test_the_mount_of_a_folder_is_the_longest_and_the_last(folder, point, kind):
    found = mount_of(Path(folder), MOUNTS)
    assert (found.point, found.kind) == (point, kind)


def test_the_options_of_the_mount_and_of_its_disk_are_both_known():
    assert {"relatime", "errors=remount-ro"} <= mount_of(Path("/"), MOUNTS).options


def test_a_text_that_is_not_of_this_system_is_refused():
    with pytest.raises(ConfigError, match="cannot tell"):
        mount_of(Path("/x"), "")


@pytest.mark.parametrize(
    ("mount", "why"),
    [
        (Mount("/", "tmpfs", frozenset()), "gone after a power cut"),
        (Mount("/", "overlay", frozenset()), "through its layers"),
        (Mount("/", "nfs4", frozenset()), "another machine"),
        (Mount("/", "cifs", frozenset()), "another machine"),
        (Mount("/", "ext4", frozenset({"nobarrier"})), "barriers"),
        (Mount("/", "xfs", frozenset({"barrier=0"})), "barriers"),
    ],
    ids=lambda value: getattr(value, "kind", ""),
)
def test_a_disk_that_may_forget_is_refused_and_a_demonstration_is_told_how(
    monkeypatch, tmp_path, mount, why
):
    monkeypatch.setattr(disk_module, "mount_of", lambda *_: mount)
    with pytest.raises(ConfigError, match=f"{why}.*allow_unsafe_disk"):
        refuse_unsafe(tmp_path, "")


@pytest.mark.parametrize("kind", ["ext4", "xfs", "btrfs", "f2fs"])
def test_a_local_disk_is_taken(monkeypatch, tmp_path, kind):
    monkeypatch.setattr(disk_module, "mount_of", lambda *_: Mount("/", kind, frozenset({"rw"})))
    refuse_unsafe(tmp_path, "")


def test_a_ledger_refuses_an_unsafe_disk_unless_it_is_told_otherwise(desk, tmp_path, monkeypatch):
    monkeypatch.setattr(disk_module, "mount_of", lambda *_: Mount("/", "tmpfs", frozenset()))
    with pytest.raises(ConfigError, match="tmpfs"):
        desk.open()
    assert not (desk.directory / "ledger.db").exists()
    desk.open(allow_unsafe_disk=True)


MIB = 2**20


@pytest.fixture
def disk(tmp_path, monkeypatch):
    """A disk whose free bytes the test sets; the ballast is real."""
    disk = Disk(tmp_path, 8 * MIB)
    disk.free = 100 * MIB
    monkeypatch.setattr(Disk, "free_bytes", lambda self: self.free)
    disk.start()
    return disk


def ballast(disk):
    path = disk._folder / "ballast"
    return path.stat().st_blocks * 512 if path.exists() else 0


def test_the_ballast_is_real_room(disk):
    assert disk.takes_pages
    assert ballast(disk) >= 8 * MIB


def test_the_ballast_goes_before_the_disk_is_full_and_comes_back_with_room_to_spare(disk):
    disk.free = 2 * MIB
    disk.make_way()
    assert disk.takes_pages
    disk.free = 2 * MIB - 1
    assert not disk.room(0)  # no sheet comes that would need what keeps the ballast
    disk.make_way()
    assert not disk.takes_pages
    assert ballast(disk) == 0
    disk.free = 10 * MIB  # what the ballast was is free now; that is no room for pages
    assert not disk.room(0)
    disk.free = 16 * MIB
    assert disk.room(0)
    assert disk.takes_pages


def test_a_sheet_may_come_while_there_is_as_much_room_as_asked_for(disk):
    disk.free = 50 * MIB
    assert disk.room(50 * MIB)
    assert not disk.room(50 * MIB + 1)
    assert disk.takes_pages


@pytest.mark.parametrize(("free_mib", "held"), [(1, False), (9, False), (10, True)])
def test_a_start_takes_up_the_ballast_only_where_there_is_room(
    tmp_path, monkeypatch, free_mib, held
):
    monkeypatch.setattr(Disk, "free_bytes", lambda _self: free_mib * MIB)
    disk = Disk(tmp_path, 8 * MIB)
    disk.start()
    assert disk.takes_pages is held


def test_a_start_counts_the_ballast_it_finds_as_room(tmp_path, monkeypatch):
    left = tmp_path / "ballast"
    left.write_bytes(b"\0" * (8 * MIB))
    monkeypatch.setattr(Disk, "free_bytes", lambda _self: 3 * MIB)
    disk = Disk(tmp_path, 8 * MIB)
    disk.start()
    assert disk.takes_pages
    assert left.stat().st_size == 8 * MIB
