"""The disk under the spool: what kind it is, who holds it, how much room it has.

Rule 1: a disk that may forget what it has confirmed is refused.
Rule 2: the ballast is given up before the disk is quite full, so that acknowledgements, which make
room, can still commit; while it is given up no page is taken in.
"""

import errno
import fcntl
import os
import re
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from daemon.errors import ConfigError, SpoolFailed

BALLAST_BYTES: Final = 64 * 2**20
MOUNTS: Final = Path("/proc/self/mountinfo")
_IN_MEMORY: Final = "it is gone after a power cut"
_LAYERED: Final = "a sync does not reach through its layers on every system"
_REMOTE: Final = "locks and syncs are another machine's word"
_UNSAFE: Final = {
    "tmpfs": _IN_MEMORY,
    "ramfs": _IN_MEMORY,
    "overlay": _LAYERED,
    "aufs": _LAYERED,
    "nfs": _REMOTE,
    "nfs4": _REMOTE,
    "cifs": _REMOTE,
    "smb3": _REMOTE,
    "9p": _REMOTE,
}
_UNSAFE_OPTIONS: Final = {"nobarrier", "barrier=0"}


@dataclass(frozen=True, slots=True)
class Mount:
    """What a folder lies on."""

    point: str
    kind: str
    options: frozenset[str]


def mount_of(folder: Path, mounts: str) -> Mount:
    """Find the mount a folder lies on in the text of `/proc/self/mountinfo`.

    Raises
    ------
    ConfigError
        If no mount holds it: the text is not of this system.
    """
    best: Mount | None = None
    for line in mounts.splitlines():
        before, _, after = line.partition(" - ")
        point = re.sub(r"\\([0-7]{3})", lambda m: chr(int(m[1], 8)), before.split()[4])
        if not folder.is_relative_to(point):
            continue
        # A later mount on the same point lies over the earlier one.
        if best is None or len(point) >= len(best.point):
            kind, *_, options = after.split(" ")
            both = (*before.split()[5].split(","), *options.split(","))
            best = Mount(point, kind, frozenset(both))
    if best is None:
        raise ConfigError("cannot tell what disk the spool lies on", folder=folder)
    return best


def refuse_unsafe(folder: Path, mounts: str) -> None:
    """Raise ConfigError when a folder lies on a disk that may forget what it has confirmed."""
    mount = mount_of(folder.resolve(), mounts)
    why = _UNSAFE.get(mount.kind, "")
    if mount.options & _UNSAFE_OPTIONS:
        why = "write barriers are switched off"
    if why:
        raise ConfigError(
            f"the spool lies on {mount.kind}, and {why}: put spool.dir on a local disk (ext4, xfs),"
            " or set spool.allow_unsafe_disk = true for a demonstration",
            folder=folder,
            mount=mount.point,
        )


class Lock:
    """Held by the one process that writes to a spool; the kernel lets go when it dies.

    Parameters
    ----------
    path
        The lock file; it stays.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor = -1

    def take(self) -> None:
        """Take the lock; raises ConfigError when another process, or ledger, has it."""
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.pread(descriptor, 16, 0).decode("ascii", "replace").strip()
            os.close(descriptor)
            raise ConfigError(
                "another process holds this spool: stop it first, or give this one another"
                " spool.dir",
                spool=self._path.parent,
                pid=holder,
            ) from error
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        self._descriptor = descriptor

    def let_go(self) -> None:
        """Give the lock back."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


class Disk:
    """Room on the disk, and the ballast that keeps some for the ledger.

    Parameters
    ----------
    folder
        A folder on the disk.
    ballast_bytes
        Size of the ballast. A quarter of it left free is when it is given up.
    """

    def __init__(self, folder: Path, ballast_bytes: int = BALLAST_BYTES) -> None:
        self._folder = folder
        self._ballast = folder / "ballast"
        self._ballast_bytes = ballast_bytes
        self._lock = threading.Lock()
        self._held = False

    @property
    def takes_pages(self) -> bool:
        """False while the ballast is given up."""
        return self._held

    def free_bytes(self) -> int:
        """Return what an unprivileged process may still write."""
        try:
            found = os.statvfs(self._folder)
        except OSError as error:
            raise SpoolFailed(f"the disk does not answer: {error.strerror}") from error
        return found.f_bavail * found.f_frsize

    def room(self, min_free_bytes: int) -> bool:
        """Tell whether another sheet may come; takes the ballast up again when there is room."""
        free = self.free_bytes()
        with self._lock:
            if not self._held and free >= min_free_bytes + 2 * self._ballast_bytes:
                self._hold()
            return self._held and free >= max(min_free_bytes, self._low_bytes)

    def start(self) -> None:
        """Take up the ballast where there is room for it, else give up what is there of it."""
        with self._lock:
            there = self._ballast.stat().st_size if self._ballast.exists() else 0
            if self.free_bytes() + there >= self._ballast_bytes + self._low_bytes:
                self._hold()
            else:
                self._give_up()

    def make_way(self) -> None:
        """Give up the ballast when the disk is nearly full. Cheap: asked before every commit."""
        if self._held and self.free_bytes() < self._low_bytes:
            with self._lock:
                self._give_up()

    @property
    def _low_bytes(self) -> int:
        return self._ballast_bytes // 4

    def _hold(self) -> None:
        descriptor = os.open(self._ballast, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            if self._ballast_bytes:
                os.posix_fallocate(descriptor, 0, self._ballast_bytes)
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise SpoolFailed(f"cannot make the ballast: {error.strerror}") from error
            self._give_up()
        else:
            self._held = True
        finally:
            os.close(descriptor)

    def _give_up(self) -> None:
        try:
            self._ballast.unlink(missing_ok=True)
        except OSError as error:
            raise SpoolFailed(f"cannot give up the ballast: {error.strerror}") from error
        self._held = False
