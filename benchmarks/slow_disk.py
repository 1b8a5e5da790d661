"""A disk that takes longer for each sync: the delay is added, nothing is left out."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import apsw

_NAME: Final = "slow"


class _File(apsw.VFSFile):
    delay_s = 0.0

    def xSync(self, flags: int) -> None:  # noqa: N802 (named by SQLite)
        time.sleep(_File.delay_s)
        super().xSync(flags)


class _Disk(apsw.VFS):
    def __init__(self) -> None:
        super().__init__(_NAME, "unix", makedefault=True)

    def xOpen(self, name: Any, flags: list[int]) -> apsw.VFSFile:  # noqa: N802
        return _File("unix", name, flags)


@contextmanager
def slow_syncs(delay_s: float) -> Iterator[None]:
    """Add a delay to every sync of this process: of files, folders and databases."""
    disk, fsync = _Disk(), os.fsync
    _File.delay_s = delay_s

    def slow(descriptor: int) -> None:
        time.sleep(delay_s)
        fsync(descriptor)

    os.fsync = slow  # type: ignore[assignment]
    try:
        yield
    finally:
        os.fsync = fsync
        apsw.set_default_vfs("unix")
        disk.unregister()
