"""Where a court keeps what it pulls: what every such place can do, and a folder on this disk.

Rule 1: names are relative, with `/` between segments that came through `folder.segment`; the
same names in a folder and in an object store.
Rule 2: a step is durable when `keep` returns, and a step that is repeated after a kill anywhere in
it ends the same. The database is written after it, so its cursor never runs ahead.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from daemon.stream.court.folder import (
    make_folder,
    sync_file,
    sync_folder,
    sync_folders,
    write_whole,
)
from daemon.stream.court.received import Cursor, Received

MOST_ENTRIES: Final = 64
"""Of a step: so that what holds a cursor is found without reading everything."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """New bytes: the name they get, and a part file."""

    name: str
    part: Path


@dataclass(frozen=True, slots=True)
class Transfer:
    """Bytes that get another name."""

    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Step:
    """What becomes durable together.

    Attributes
    ----------
    before
        How far the journal was held.
    entries
        What follows; empty when the place itself has them already.
    arrivals, transfers
        No name stands in two of them.
    """

    before: Cursor
    entries: Sequence[Received]
    arrivals: Sequence[Arrival]
    transfers: Sequence[Transfer]


class Sink(Protocol):
    """A place for pages. Used by one thread."""

    @property
    def where(self) -> str:
        """Which place this is; "" for the folder of the database itself."""

    def keep(self, step: Step) -> None:
        """Make a step durable; bytes to be moved that somebody took away are not looked for."""

    def write(self, name: str, data: bytes) -> None:
        """Write a small file, whole or not at all."""

    def read(self, name: str) -> bytes | None:
        """Return the bytes under a name; None when there are none."""

    def remove(self, name: str) -> None:
        """Remove a file, if it is there."""

    def behind(self, cursor: Cursor) -> Iterator[tuple[Cursor, Sequence[Received]]]:
        """Yield entries that lie here and not behind the cursor, each group with its start."""


class FolderSink:
    """A folder.

    Parameters
    ----------
    directory
        It is there.
    workers
        Sync files, several at once.
    """

    def __init__(self, directory: Path, workers: Executor) -> None:
        self._directory = directory
        self._workers = workers

    @property
    def where(self) -> str:
        """Return "": here."""
        return ""

    def keep(self, step: Step) -> None:
        """Give parts their names and moved files their new ones, each durable in its folder."""
        list(self._workers.map(sync_file, [arrival.part for arrival in step.arrivals]))
        touched = set()
        for arrival in step.arrivals:
            touched.add(self._rename(arrival.part, self._directory / arrival.name).parent)
        for transfer in step.transfers:
            old = self._directory / transfer.old
            if old.is_file():
                touched |= {old.parent, self._rename(old, self._directory / transfer.new).parent}
        sync_folders(touched)

    def write(self, name: str, data: bytes) -> None:
        """Write a small file, whole or not at all."""
        write_whole(self._directory / name, data)

    def read(self, name: str) -> bytes | None:
        """Return the bytes under a name; None when there are none."""
        try:
            return (self._directory / name).read_bytes()
        except FileNotFoundError:
            return None

    def remove(self, name: str) -> None:
        """Remove a file, if it is there."""
        path = self._directory / name
        if path.exists():
            path.unlink()
            sync_folder(path.parent)

    def behind(self, cursor: Cursor) -> Iterator[tuple[Cursor, Sequence[Received]]]:
        """Yield nothing: the database of a folder lies in it."""
        del cursor
        return iter(())

    def _rename(self, old: Path, new: Path) -> Path:
        make_folder(new.parent)
        old.replace(new)
        return new
