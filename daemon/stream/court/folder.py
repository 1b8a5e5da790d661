"""Where pulled bytes lie: names that came over the wire become folders only if they can be trusted.

Rule 1: a case key is data. It names a folder only as one plain segment; anything else is refused.
Rule 2: a file is whole before it has its name: part, fsync, rename, fsync of the folder.
"""

import os
import unicodedata
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from daemon.errors import ContractError, SpoolFailed
from daemon.page import PageId, Role

UNASSIGNED: Final = "unassigned"
JOURNAL: Final = "journal"
"""Beside the cases where there is no database: in an object store. No case is named so."""
MANIFEST: Final = "manifest.json"
_LONGEST_BYTES: Final = 200  # of 255, so that a suffix always fits
_FORBIDDEN: Final = frozenset('/\\:*?"<>|')
_EXTENSIONS: Final = {
    "image/jpeg": "jpg",
    "image/tiff": "tif",
    "image/png": "png",
    "application/pdf": "pdf",
    "text/plain": "txt",
}


def segment(name: str) -> str:
    """Return `name` as a folder name; empty text is the folder of what has no place yet.

    Raises
    ------
    ContractError
        If it could leave its folder, hide, or confuse a terminal or another system.
    """
    if not name:
        return UNASSIGNED
    bad = (
        name.startswith(".")
        or name == JOURNAL
        or name != name.strip()
        or len(name.encode("utf-8", "surrogatepass")) > _LONGEST_BYTES
        or any(c in _FORBIDDEN or unicodedata.category(c) in _UNPRINTABLE for c in name)
    )
    if bad:
        raise ContractError(
            "the appliance sent a name that cannot be a folder; nothing was written for it",
            name=ascii(name),
        )
    return name


# control, format (bidirectional overrides), surrogate, private, unassigned, line and paragraph
_UNPRINTABLE: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


@contextmanager
def disk(doing: str) -> Iterator[None]:
    """Translate what the operating system says about files; raises SpoolFailed."""
    try:
        yield
    except OSError as error:
        raise SpoolFailed(f"cannot {doing}: {error}") from error


def file_name(page_id: PageId, role: Role, media_type: str, *, alone: bool) -> str:
    """Return the name of a page's file; `alone`: no other image of this page stands beside it."""
    main = role is Role.PAGE or (role is Role.ORIGINAL and alone)
    suffix = "" if main else f"-{role}"
    return f"{page_id}{suffix}.{_EXTENSIONS.get(media_type, 'bin')}"


def make_folder(folder: Path) -> None:
    """Make a folder and its parents, each durable in the one above it."""
    missing = [p for p in (folder, *folder.parents) if not p.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    for made in reversed(missing):
        sync_folder(made.parent)


def sync_file(path: Path) -> None:
    """Make a file's bytes durable."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_folder(path: Path) -> None:
    """Make a folder's entries durable."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_folders(paths: Iterable[Path]) -> None:
    """Make the entries of several folders durable, each once."""
    for path in sorted(set(paths)):
        sync_folder(path)


def write_whole(path: Path, data: bytes) -> None:
    """Write a small file so that it is there whole or not at all."""
    make_folder(path.parent)
    part = path.with_name(f".{path.name}.part")
    part.write_bytes(data)
    sync_file(part)
    part.replace(path)
    sync_folder(path.parent)
