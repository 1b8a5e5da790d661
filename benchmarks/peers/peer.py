"""What a peer is: it may be installed, and is found by import, as a library or as a command."""

import ctypes
import ctypes.util
import importlib
import importlib.metadata
import re
import shutil
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

_ANSWERS_WITHIN_S: Final = 60


class NotInstalledError(Exception):
    """A peer is not on this machine. The message says what was looked for."""


class PeerFailedError(Exception):
    """A peer is there and did not do its work."""


@dataclass(frozen=True, slots=True)
class Peer:
    """One row of the table.

    Attributes
    ----------
    name
        As it stands in the lines.
    find
        Gives what the cases call; raises NotInstalledError.
    versions
        Versions of what was found, by name.
    """

    name: str
    find: Callable[[], Any]
    versions: Callable[[Any], Mapping[str, str]]


def imported(module: str, distribution: str) -> Any:
    """Return a Python module; raises NotInstalledError."""
    try:
        importlib.metadata.version(distribution)
        return importlib.import_module(module)
    except (ImportError, importlib.metadata.PackageNotFoundError) as error:
        raise NotInstalledError(f"no Python package {distribution}") from error


def library(*names: str) -> ctypes.CDLL:
    """Return the first shared library of these names; raises NotInstalledError."""
    for name in names:
        found = ctypes.util.find_library(name)
        if found is not None:
            return ctypes.CDLL(found)
    raise NotInstalledError(f"no shared library lib{names[0]}")


def command(names: tuple[str, ...], version: str) -> tuple[str, str]:
    """Return the first command of these names and its version.

    Parameters
    ----------
    version
        A pattern with one group: what the command must answer when asked for its version. A
        command that answers otherwise is another program of the same name.

    Raises
    ------
    NotInstalledError
        If there is none.
    """
    for name in names:
        path = shutil.which(name)
        if path is None:
            continue
        for question in ("--version", "-version"):
            told = subprocess.run(
                [path, question],
                capture_output=True,
                text=True,
                check=False,
                timeout=_ANSWERS_WITHIN_S,
            )
            found = re.search(version, told.stdout + told.stderr)
            if told.returncode == 0 and found:
                return path, found[1]
    raise NotInstalledError(f"no command {' or '.join(names)}")
