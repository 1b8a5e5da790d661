"""Disks to cut the power of: four file systems on loop devices, as they are or recorded.

Rule 1: everything is mounted in namespaces of our own. However the process in them ends, the kernel
then takes away the mounts, the loop devices and the recorder.
"""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.spool.power.recording import DISK, MARK

# Put before a command. As process 1 of its namespace it takes everybody along when it ends.
ENCLOSED = ("unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc")
_MIB = 2**20
_PATIENCE_S = 60.0
_POLL_S = 0.002


@dataclass(frozen=True, slots=True)
class FileSystem:
    """A kind of file system, how large its image is, and how it is made and mounted.

    Attributes
    ----------
    sector_bytes
        What a disk must write whole for this file system to be mounted after a power cut.
    """

    kind: str
    size_bytes: int
    mkfs: tuple[str, ...]
    options: str
    sector_bytes: int = 512


_EXT4 = ("mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=0,lazy_journal_init=0")
FILE_SYSTEMS = {
    "ext4": FileSystem("ext4", 64 * _MIB, _EXT4, "loop"),
    "writeback": FileSystem("ext4", 64 * _MIB, _EXT4, "loop,data=writeback"),
    # mkfs.xfs refuses less; of its log of 64 MB only what is written takes room.
    "xfs": FileSystem("xfs", 300 * _MIB, ("mkfs.xfs", "-q"), "loop"),
    # With a part of its new superblock, of 4 KiB, btrfs does not mount: 22 of 60 cuts made there.
    "btrfs": FileSystem(
        "btrfs", 112 * _MIB, ("mkfs.btrfs", "-q", "-m", "single"), "loop,nodiscard", 4096
    ),
}


class NotMounted(Exception):
    """The kernel refuses to mount an image."""


@contextmanager
def memory(folder: Path) -> Iterator[None]:
    """Mount memory on a folder: images in it cost no real disk a sync."""
    _run("mount", "-t", "tmpfs", "-o", "mode=700", "tmpfs", str(folder))
    try:
        yield
    finally:
        _run("umount", str(folder))


def make(file_system: FileSystem, image: Path) -> None:
    """Make an image with a new file system; what is zero in it takes no room."""
    fresh = image.with_suffix(".new")
    with fresh.open("wb") as file:
        file.truncate(file_system.size_bytes)
    _run(*file_system.mkfs, str(fresh))
    _run("cp", "--sparse=always", str(fresh), str(image))
    fresh.unlink()


def copy(source: Path, target: Path) -> None:
    """Replace a file by a copy of another that leaves its holes out."""
    with source.open("rb") as old, target.open("wb") as new:
        size_bytes = os.fstat(old.fileno()).st_size
        os.truncate(new.fileno(), size_bytes)
        for start, end in _pieces(old.fileno(), size_bytes):
            os.lseek(new.fileno(), start, os.SEEK_SET)
            at = start
            while at < end:
                at += os.sendfile(new.fileno(), old.fileno(), at, end - at)


def _pieces(descriptor: int, size_bytes: int) -> Iterator[tuple[int, int]]:
    end = 0
    while end < size_bytes:
        try:
            start = os.lseek(descriptor, end, os.SEEK_DATA)
        except OSError:  # ENXIO: only a hole is left
            return
        end = os.lseek(descriptor, start, os.SEEK_HOLE)
        yield start, end


@contextmanager
def mounted(file_system: FileSystem, image: Path, folder: Path) -> Iterator[None]:
    """Mount an image on a folder, its journal recovered; raises NotMounted when that fails."""
    options = ["-t", file_system.kind, "-o", file_system.options]
    try:
        _run("mount", *options, str(image), str(folder))
    except RuntimeError as error:
        raise NotMounted(str(error)) from error
    try:
        yield
    finally:
        _run("umount", str(folder))


@contextmanager
def recorded(image: Path, folder: Path, log: Path) -> Iterator[tuple[Path, Path]]:
    """Show an image through the recorder: yields the disk and the mark. Then the log is whole."""
    command = [sys.executable, "-m", "tests.spool.power.recorder", *map(str, (folder, image, log))]
    recorder = subprocess.Popen(command)
    try:
        _wait(lambda: os.path.ismount(folder), recorder)
        yield folder / DISK, folder / MARK
        # A loop device lets go of its file a moment after its file system is unmounted.
        _wait(lambda: not subprocess.call(["umount", "-q", str(folder)]), recorder)
        if status := recorder.wait(_PATIENCE_S):
            raise RuntimeError(f"the recorder ended with {status}")
    finally:
        if recorder.poll() is None:  # something failed: take the folder away whoever is in it
            subprocess.call(["umount", "-q", "-l", str(folder)])
            recorder.kill()
            recorder.wait()


def _wait(reached, recorder: subprocess.Popen[bytes]) -> None:
    until_s = time.monotonic() + _PATIENCE_S
    while not reached():
        if recorder.poll() is not None or time.monotonic() > until_s:
            raise RuntimeError(f"the recorder does not serve; status {recorder.poll()}")
        time.sleep(_POLL_S)


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip() or done.returncode}")
