"""A file for a key: made once, readable by its owner alone, never written over."""

import os
from pathlib import Path

from daemon.errors import ConfigError
from daemon.stream.court.folder import disk, sync_folder


def make(file: Path, data: bytes) -> None:
    """Write a new file, durably.

    Raises
    ------
    ConfigError
        If it exists, for whatever was made with it would become worthless, or cannot be made.
    SpoolFailed
        If the disk fails.
    """
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError as error:
        raise ConfigError(
            "this file exists and may be in use; choose another name", file=file
        ) from error
    except OSError as error:
        raise ConfigError(f"cannot make the file: {error.strerror}", file=file) from error
    with disk("write the key"):
        with os.fdopen(descriptor, "wb") as opened:
            opened.write(data)
            opened.flush()
            os.fsync(descriptor)
        sync_folder(file.absolute().parent)
