"""The recording disk: a FUSE process with two files, `disk.img` and `mark`, and one log.

    python -m tests.spool.power.recorder FOLDER IMAGE LOG      ends when FOLDER is unmounted

Rule 1: requests are answered one at a time. A write is in the log before it is confirmed, so a
flush stands behind every write that was confirmed before it, and a mark behind every flush.
Rule 2: a large write arrives in pieces; each piece is a record of its own, as a disk may lose one.
"""

import ctypes
import errno
import os
import stat
import sys
from pathlib import Path

import mfusepy

from tests.spool.power.recording import DISK, MARK, Kind, RecordingWriter

_LIBC = ctypes.CDLL(None, use_errno=True)
_CLONE_NEWNS = 0x00020000
_MNT_DETACH = 2


class RecordingDisk(mfusepy.Operations):
    """Answers the kernel.

    Parameters
    ----------
    folder
        Where it is mounted.
    image
        Where the blocks are kept; `disk.img` has its size.
    log
        Where the records go.
    """

    use_ns = True

    def __init__(self, folder: Path, image: Path, log: Path) -> None:
        self._folder = folder
        self._image = os.open(image, os.O_RDWR | os.O_CLOEXEC)
        self._recording = RecordingWriter(log)
        root = {"st_mode": stat.S_IFDIR | 0o700, "st_nlink": 2}
        file = {"st_mode": stat.S_IFREG | 0o600, "st_nlink": 1, "st_size": 0}
        size_bytes = os.fstat(self._image).st_size
        self._found = {"/": root, f"/{MARK}": file, f"/{DISK}": file | {"st_size": size_bytes}}

    def init(self, path):
        """Leave the mount namespace, before the first file is seen, for a copy of our own.

        The last process in a namespace unmounts at its end what lies in it. Were that we, then the
        file system on our disk would wait for us, and we for it.
        """
        if _LIBC.unshare(_CLONE_NEWNS) or _LIBC.umount2(os.fsencode(self._folder), _MNT_DETACH):
            raise OSError(ctypes.get_errno(), "cannot leave the mount namespace")

    def getattr(self, path, fh=None):
        try:
            return self._found[path]
        except KeyError:
            raise mfusepy.FuseOSError(errno.ENOENT) from None

    def readdir(self, path, fh):
        return [".", "..", DISK, MARK]

    def open(self, path, flags):
        return 0

    def read(self, path, size, offset, fh):
        return os.pread(self._image, size, offset) if path == f"/{DISK}" else b""

    def write(self, path, data, offset, fh):
        if path == f"/{DISK}":
            self._recording.add(Kind.WRITE, data, offset)
            self._keep(data, offset)
        else:
            self._recording.add(Kind.MARK, data)
        return len(data)

    def _keep(self, data, offset):
        rest = memoryview(data)
        while rest:
            written = os.pwrite(self._image, rest, offset)
            rest, offset = rest[written:], offset + written

    def fsync(self, path, datasync, fh):
        if path == f"/{DISK}":
            self._recording.add(Kind.FLUSH)
        return 0

    def destroy(self, path):
        self._recording.close()
        os.close(self._image)


def main() -> None:
    """Serve until the folder is unmounted."""
    folder, image, log = sys.argv[1:]
    disk = RecordingDisk(Path(folder), Path(image), Path(log))
    mfusepy.FUSE(disk, folder, foreground=True, nothreads=True, fsname="recorded")


if __name__ == "__main__":
    main()
