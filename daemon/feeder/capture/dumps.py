"""Where captures are written: whole or not at all, and in a folder never more than so many.

A file's name carries when and why, by a fixed word; nothing of a case.
"""

import os
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from daemon.errors import ConfigError

_REASON: Final = re.compile(r"[a-z_]{1,32}")
_NAME: Final = re.compile(r"\d{8}T\d{6}\.\d{6}Z-[a-z_]{1,32}\.jsonl(\.part)?")
_PART: Final = ".part"


def check_free(file: Path) -> None:
    """See that a capture can be written there, before it is recorded.

    Raises
    ------
    ConfigError
        If there is a file already, or no folder for it.
    """
    if not file.parent.is_dir():
        raise ConfigError("cannot write the capture: there is no such folder", file=file)
    if file.exists():
        raise ConfigError("the file is there already: choose another, nothing is replaced")


def write(file: Path, lines: Iterable[str]) -> None:
    """Write a new file; until it is whole it has another name.

    Raises
    ------
    ConfigError
        If it cannot be written, or is there already.
    """
    check_free(file)
    part = file.with_name(file.name + _PART)
    try:
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii", newline="\n") as out:
            out.writelines(lines)
            out.flush()
            os.fsync(descriptor)
        part.replace(file)
        _sync(file.parent)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise ConfigError(f"cannot write the capture: {error.strerror}", file=file) from error


def write_into(folder: Path, reason: str, lines: Iterable[str], keep: int) -> Path:
    """Write a new file into a folder, made if need be, and remove its oldest captures.

    Raises
    ------
    ConfigError
        If it cannot be written.
    """
    if not _REASON.fullmatch(reason):
        raise ValueError(f"a reason is a fixed word, not {reason!r}")
    file = folder / f"{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}-{reason}.jsonl"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        write(file, lines)
        _rotate(folder, keep)
    except OSError as error:
        raise ConfigError(f"cannot keep captures: {error.strerror}", folder=folder) from error
    return file


def _rotate(folder: Path, keep: int) -> None:
    """Remove what is too old, and what a process that died left unfinished."""
    ours = sorted(each for each in folder.iterdir() if _NAME.fullmatch(each.name))
    whole = [each for each in ours if each.suffix != _PART]
    for each in {*ours} - {*whole[-keep:]}:
        each.unlink(missing_ok=True)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
