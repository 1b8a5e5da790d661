"""Page files: written under another name, synced, renamed; read with their hash checked.

Rule 1: a file has its name only after its bytes are on the disk. The directory is synced by the
committing thread, once a group, before the ledger commits.
Rule 2: a failed write for want of room is SpoolFull and leaves nothing; any other failure is
SpoolFailed, for what is on the disk is then unknown, and a failed fsync is never tried again.
Rule 3: files are named `<page id>-<role>` and nothing else.
"""

import errno
import hashlib
import os
import sys
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from io import FileIO
from pathlib import Path
from typing import Final

from daemon.errors import SpoolCorrupt, SpoolFailed, SpoolFull
from daemon.page import BlobRef, PageId, Role

# Syncs wait for the disk, not for a processor: more of them at once fill its queue.
SYNC_THREADS: Final = 4
_TMP: Final = ".tmp"
_NO_ROOM: Final = (errno.ENOSPC, errno.EDQUOT)
_VERIFIED_KEPT: Final = 64

_Stamp = tuple[int, int, int]


def file_name(page_id: PageId, role: Role) -> str:
    """Return the name of a blob's file."""
    return f"{page_id}-{role.value}"


def parse_name(name: str) -> tuple[PageId, Role] | None:
    """Return whose bytes a file holds, finished or not; None for a file that is not ours."""
    face, _, role = name.removesuffix(_TMP).rpartition("-")
    try:
        return PageId.parse(face), Role(role)
    except ValueError:
        return None


class BlobStore:
    """The folder of page files.

    Parameters
    ----------
    directory
        The folder; made when absent.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._pool: ThreadPoolExecutor | None = None
        self._lock = threading.Lock()
        self._verified: dict[str, _Stamp] = {}

    def start(self) -> None:
        """Make the folder and the threads that sync several files at once."""
        try:
            self._directory.mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise _failed("cannot make the folder of page files", error) from error
        self._pool = ThreadPoolExecutor(SYNC_THREADS, thread_name_prefix="spool-sync")

    def close(self) -> None:
        """End the threads."""
        if self._pool is not None:
            self._pool.shutdown()

    def put(self, files: Mapping[str, bytes]) -> None:
        """Write files by name; each has its name when its bytes are on the disk.

        Raises
        ------
        SpoolFull
            If there is no room; none of the files is left.
        SpoolFailed
            If a write or a sync failed.
        """
        if len(files) == 1 or self._pool is None:
            done = [self._write(name, data) for name, data in files.items()]
        else:
            done = list(self._pool.map(self._write, files.keys(), files.values()))
        failures = [error for error in done if error is not None]
        for error in failures:
            if error.errno not in _NO_ROOM:
                raise _failed("cannot write a page file", error) from error
        if failures:
            self.remove(files)
            raise SpoolFull("no room for a page file: feeding pauses") from failures[0]

    def _write(self, name: str, data: bytes) -> OSError | None:
        unfinished = self._directory / (name + _TMP)
        try:
            descriptor = os.open(
                unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600
            )
            try:
                rest = memoryview(data)
                while rest:
                    rest = rest[os.write(descriptor, rest) :]
                _sync(descriptor)
            finally:
                os.close(descriptor)
            unfinished.rename(self._directory / name)
        except OSError as error:
            return error
        return None

    def sync_directory(self) -> None:
        """Bring the names of all finished files to the disk; raises SpoolFailed."""
        try:
            sync_folder(self._directory)
        except OSError as error:
            raise _failed("cannot sync the folder of page files", error) from error

    def names(self) -> Iterator[str]:
        """Yield the names of all files here, finished or not, ours or not."""
        with os.scandir(self._directory) as entries:
            for entry in entries:
                yield entry.name

    def remove(self, names: Mapping[str, object] | list[str]) -> None:
        """Unlink files, also unfinished ones; a missing one is no error. Raises SpoolFailed."""
        try:
            for name in names:
                (self._directory / name).unlink(missing_ok=True)
                (self._directory / (name + _TMP)).unlink(missing_ok=True)
        except OSError as error:
            raise _failed("cannot remove a page file", error) from error

    def pieces(self, name: str, ref: BlobRef, span: range, piece_bytes: int) -> Iterator[bytes]:
        """Yield a span of a file whose whole was found to be what its record says.

        The whole is hashed before the first piece, and again whenever the file has changed. A file
        that is let go meanwhile is read to its end.

        Raises
        ------
        SpoolCorrupt
            If the file is missing, cannot be read, or is not what was recorded.
        """
        try:
            with (self._directory / name).open("rb", buffering=0) as file:
                self._verify(name, ref, file)
                file.seek(span.start)
                for start in range(span.start, span.stop, piece_bytes):
                    yield file.read(min(piece_bytes, span.stop - start))
        except OSError as error:
            raise SpoolCorrupt(
                f"a page file cannot be read: {error.strerror}", file=name
            ) from error

    def _verify(self, name: str, ref: BlobRef, file: FileIO) -> None:
        found = os.fstat(file.fileno())
        stamp = (found.st_ino, found.st_mtime_ns, found.st_size)
        if self._verified.get(name) != stamp:
            self._check(name, ref, hashlib.file_digest(file, "sha256").digest())
            self._remember(name, stamp)

    def check(self, name: str, ref: BlobRef) -> None:
        """Read a whole file, from the disk where that can be had; raises SpoolCorrupt as `read`."""
        try:
            with (self._directory / name).open("rb") as file:
                if sys.platform == "linux":  # what lies in memory says nothing about the disk
                    os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
                digest = hashlib.file_digest(file, "sha256").digest()
        except OSError as error:
            raise SpoolCorrupt(
                f"a page file cannot be read: {error.strerror}", file=name
            ) from error
        self._check(name, ref, digest)

    def _check(self, name: str, ref: BlobRef, digest: bytes) -> None:
        if digest != ref.sha256:
            raise SpoolCorrupt(
                "a page file is not what was recorded",
                file=name,
                expected=ref.sha256.hex(),
                got=digest.hex(),
            )

    def _remember(self, name: str, stamp: _Stamp) -> None:
        with self._lock:
            if len(self._verified) >= _VERIFIED_KEPT:
                self._verified.pop(next(iter(self._verified)))
            self._verified[name] = stamp


def sync_folder(folder: Path) -> None:
    """Bring the names in a folder to the disk; raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class _SyncError(OSError):
    """A failed fsync: never for want of room alone, whatever the number says."""


def _sync(descriptor: int) -> None:
    try:
        os.fsync(descriptor)
    except OSError as error:
        raise _SyncError(errno.EIO, f"fsync: {error.strerror}") from error


def _failed(what: str, error: OSError) -> SpoolFailed:
    return SpoolFailed(f"{what}: {error.strerror}; the disk's state is unknown", errno=error.errno)
