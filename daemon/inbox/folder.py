"""The watched folder: how a document and its sidecar are claimed, read, and put away.

    DIR/NAME, DIR/NAME.toml ──claim──> DIR/.claimed/TIME/ ──name──> DIR/.claimed/PAGE ID/ ──> gone
                                             └──reject──> DIR/rejected/TIME/, TIME.txt says why

Rule 1: nothing is read where others can still exchange it: what is judged lies in `.claimed`.
Rule 2: the sidecar is moved first. So after a crash a claim is empty, holds the sidecar alone,
which is put back, or is whole.
Rule 3: a name is data: it is moved and never made into a path of ours.
"""

import errno
import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from daemon.errors import ConfigError, InputError, SpoolFailed, SpoolFull
from daemon.page import PageId
from daemon.spool.blobs import sync_folder

SIDECAR: Final = ".toml"
CLAIMED: Final = ".claimed"
REJECTED: Final = "rejected"
MAX_BYTES: Final = 256 * 2**20
MAX_SIDECAR_BYTES: Final = 64 * 2**10
_NO_ROOM: Final = (errno.ENOSPC, errno.EDQUOT)
_NOT_OURS: Final = (errno.EACCES, errno.EPERM, errno.EROFS, errno.EXDEV)
_WHERE: Final = (
    "inbox.dir must be one local folder in which the daemon may write (under systemd: below"
    " /var/lib/suian, or named in ReadWritePaths)"
)

Stamp = tuple[int, int, int]
"""Inode, size and time of change: while they stay, nobody writes."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A folder under `.claimed`. `name` is None while the document is not in it."""

    path: Path
    name: str | None

    @property
    def page_id(self) -> PageId | None:
        """The page it was given, None before."""
        try:
            return PageId.parse(self.path.name)
        except ValueError:
            return None

    @property
    def document(self) -> Path:
        """The document itself."""
        return self.path / (self.name or "")

    def read_document(self) -> bytes:
        """Return the bytes of the document; raises InputError for anything but a plain file."""
        return _read_plain(self.document, MAX_BYTES)

    def read_sidecar(self) -> bytes:
        """Return the bytes of the sidecar; raises InputError for anything but a plain file."""
        return _read_plain(self.path / f"{self.name}{SIDECAR}", MAX_SIDECAR_BYTES)


class Folder:
    """The watched folder and what lies under it.

    Parameters
    ----------
    path
        On a local disk: renames must stay in one file system.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._claimed = path / CLAIMED
        self._rejected = path / REJECTED

    def prepare(self) -> None:
        """Make the folders; raises ConfigError when the daemon may not."""
        try:
            self._rejected.mkdir(parents=True, exist_ok=True)
            self._claimed.mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise ConfigError(
                f"the inbox cannot be set up: {error.strerror}. {_WHERE}", folder=self.path
            ) from error

    def stamps(self) -> dict[str, Stamp]:
        """Return what lies here, folders left out, and how each entry stood at this moment."""
        found = {}
        with _on_disk("look into the inbox"), os.scandir(self.path) as entries:
            for entry in entries:
                try:
                    seen = entry.stat(follow_symlinks=False)
                except FileNotFoundError:
                    continue  # taken away again
                if not stat.S_ISDIR(seen.st_mode):
                    found[entry.name] = (seen.st_ino, seen.st_size, seen.st_mtime_ns)
        return found

    def claim(self, name: str) -> None:
        """Move a document and its sidecar out of everybody's reach."""
        with _on_disk("claim a file of the inbox"):
            claim = self._claimed / _moment()
            claim.mkdir()
            try:
                for each in (name + SIDECAR, name):
                    (self.path / each).rename(claim / each)
            except FileNotFoundError:
                pass  # taken away again: `claims` puts back what was moved

    def claims(self) -> list[Claim]:
        """Return what is claimed; half of a claim is put back.

        What bears a page id already comes first, so that its batch is not given to another one;
        the rest follows in the order of claiming.
        """
        with _on_disk("look into the claims of the inbox"):
            paths = [path for path in sorted(self._claimed.iterdir()) if path.is_dir()]
            found = [self._look_into(path) for path in paths]
        whole = [claim for claim in found if claim is not None]
        return sorted(whole, key=lambda claim: claim.page_id is None)

    def _look_into(self, path: Path) -> Claim | None:
        names = sorted(entry.name for entry in path.iterdir())
        for name in names:
            if name + SIDECAR in names:
                return Claim(path, name)
        claim = Claim(path, None)
        if claim.page_id is not None:
            return claim  # removed in part: whether it may go entirely the journal knows
        self._put_back(path, names)
        return None

    def _put_back(self, path: Path, names: list[str]) -> None:
        for name in names:
            if not os.path.lexists(self.path / name):
                (path / name).rename(self.path / name)
        if any(path.iterdir()):  # a newer one lies there
            self.reject(Claim(path, None), "a newer sidecar of this name lies in the inbox")
        else:
            path.rmdir()

    def name(self, claim: Claim, page_id: PageId) -> Claim:
        """Give a claim the name of its page, durably, before the journal knows of it."""
        named = Claim(self._claimed / str(page_id), claim.name)
        with _on_disk("name a claim of the inbox"):
            claim.path.rename(named.path)
            # A power cut must not put a file back that the journal already has.
            for folder in (named.path, self._claimed, self.path):
                sync_folder(folder)
        return named

    def reject(self, claim: Claim, reason: str) -> None:
        """Put a claim aside with the reason beside it."""
        with _on_disk("put a file of the inbox aside"):
            aside = self._rejected / _moment()
            note = aside.with_name(f"{aside.name}.txt")
            note.write_text(f"未接收，原因如下。\n{reason}\n", "utf-8", "backslashreplace")
            claim.path.rename(aside)

    def remove(self, claim: Claim) -> None:
        """Let go of what the journal has."""
        with _on_disk("clear a claim of the inbox"):
            for path in claim.path.iterdir():
                path.unlink()
            claim.path.rmdir()


@contextmanager
def _on_disk(doing: str) -> Iterator[None]:
    """Translate what the operating system says about the folder itself."""
    try:
        yield
    except OSError as error:
        if error.errno in _NO_ROOM:
            raise SpoolFull(f"no room to {doing}") from error
        if error.errno in _NOT_OURS:
            raise ConfigError(f"cannot {doing}: {error.strerror}. {_WHERE}") from error
        raise SpoolFailed(f"cannot {doing}: {error.strerror}") from error


def _moment() -> str:
    """Return the time as a folder name that no other one has, and that a clerk can read."""
    now_ns = time.time_ns()
    return f"{time.strftime('%Y%m%dT%H%M%S', time.localtime(now_ns // 10**9))}.{now_ns % 10**9:09d}"


def _read_plain(path: Path, most_bytes: int) -> bytes:
    """Read a plain file that has one name and stands still; raises InputError."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise InputError(f"cannot be opened as a plain file: {error.strerror}") from error
    with os.fdopen(descriptor, "rb") as file:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode) or found.st_nlink != 1:
            raise InputError("not a plain file with a single name; copy it instead of linking it")
        if found.st_size > most_bytes:
            raise InputError("the file is too large", size_bytes=found.st_size, most=most_bytes)
        data = file.read(most_bytes)
        after = os.fstat(descriptor)
    if not data:
        raise InputError("the file is empty")
    if (len(data), after.st_mtime_ns) != (found.st_size, found.st_mtime_ns):
        raise InputError("the file changed while it was read; drop it again when it is whole")
    return data
