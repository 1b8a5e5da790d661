"""A disk for a spool that can be filled up, and emptied again.

Its image has holes: what a filler takes of it takes no room outside.
"""

import os
from contextlib import contextmanager
from pathlib import Path

from tests.spool.power import disk

_MIB = 2**20
# The gate wants 2 GiB free, and the ballast twice above that.
_EXT4 = disk.FileSystem(
    "ext4",
    4096 * _MIB,
    ("mkfs.ext4", "-q", "-F", "-m", "0", "-E", "lazy_itable_init=1,nodiscard"),
    "loop",
)
# Less than a quarter of the ballast: so the daemon gives it up, which then is all that is left.
_LEFT_BYTES = 8 * _MIB


class SmallDisk:
    """A mounted disk.

    Parameters
    ----------
    folder
        Where it is mounted.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        self._filler = folder / "filler"

    @classmethod
    @contextmanager
    def mounted(cls, folder: Path):
        """Make and mount one in a folder; yields it."""
        image, mount = folder / "disk.img", folder / "disk"
        mount.mkdir()
        disk.make(_EXT4, image)
        with disk.mounted(_EXT4, image, mount):
            yield cls(mount)
        image.unlink()
        mount.rmdir()

    def fill(self):
        """Take all the room there is, but for a few MiB that a commit at hand may need."""
        found = os.statvfs(self.folder)
        descriptor = os.open(self._filler, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.posix_fallocate(descriptor, 0, found.f_bavail * found.f_frsize - _LEFT_BYTES)
        finally:
            os.close(descriptor)

    def empty(self):
        """Give the room back."""
        self._filler.unlink(missing_ok=True)
