"""What a pulling court keeps: pages in a folder or an object store, and one database about them.

Rule 1: a group of entries and the cursor behind them are one transaction; files come before it.
So after a kill at any moment the cursor tells the truth, and what is pulled again replaces its
own file by name.
Rule 2: no page is touched twice in one transaction. So when a step is repeated after a kill, cut
otherwise or not, each file lies where it was before its entry or where it is behind it.
Rule 3: one process writes a folder; a second one is refused.
"""

import fcntl
import hashlib
import os
import shutil
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Final

import apsw

from daemon.errors import ConfigError, ContractError, EpochChanged, SpoolFailed
from daemon.spool.chain import Chain
from daemon.spool.query import rows
from daemon.stream.court import records
from daemon.stream.court.database import DATABASE, open_database
from daemon.stream.court.folder import MANIFEST, disk, make_folder, segment
from daemon.stream.court.received import Cursor, Part, Received
from daemon.stream.court.sink import MOST_ENTRIES, Arrival, FolderSink, Sink, Step, Transfer

__all__ = ["DATABASE", "CourtStore", "Cursor", "Part", "Received"]

_WORKERS: Final = 4
_INCOMING: Final = ".suian.incoming"


class CourtStore:
    """Everything pulled from one appliance. Used by one thread; `incoming` by any.

    Parameters
    ----------
    directory
        Of the database, and of the pages if no other place is given. Made when missing.
    consumer
        The name under which is pulled; a folder belongs to one.
    sink
        Where pages go; None: into the folder.

    Raises
    ------
    ConfigError
        If another process pulls into the folder, or it belongs to another consumer.
    ChainBroken, EpochChanged
        If the other place holds a journal that is broken, or another one.
    SpoolFailed
        If the disk, the database or the other place fails.
    """

    def __init__(self, directory: Path, consumer: str, sink: Sink | None = None) -> None:
        self.directory = directory
        self.incoming = directory / _INCOMING
        with _storing("open the folder"):
            make_folder(directory)
            self._lock = _locked(directory)
            try:
                shutil.rmtree(self.incoming, ignore_errors=True)
                self.incoming.mkdir()
                self._db = open_database(directory / DATABASE)
            except BaseException:
                os.close(self._lock)
                raise
        self._workers = ThreadPoolExecutor(_WORKERS, "court-sync")
        self._sink = sink or FolderSink(directory, self._workers)
        try:
            self._adopt_consumer(consumer)
            self._catch_up()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Let go of the folder."""
        self._workers.shutdown()
        with _storing("close the database"):
            self._db.close()
            shutil.rmtree(self.incoming, ignore_errors=True)
            os.close(self._lock)

    @property
    def cursor(self) -> Cursor:
        """How far this folder is."""
        epoch, sequence, entry_hash, algorithm, consumer, appliance = self._db.execute(
            "SELECT epoch, sequence, entry_hash, chain_algorithm, consumer, appliance FROM cursor"
        ).get
        return Cursor(epoch, sequence, entry_hash, Chain(algorithm), consumer, appliance)

    def next_instance(self) -> int:
        """Return the start time in ns, above every earlier one even when the clock was set back."""
        with _storing("write the cursor"):
            rising = self._db.execute(
                "UPDATE cursor SET instance = max(instance + 1, ?) RETURNING instance",
                (time.time_ns(),),
            )
            return int(rising.get)

    def adopt(self, epoch: str, appliance: str, chain: Chain) -> None:
        """Bind the folder to an epoch at the first contact.

        Raises
        ------
        EpochChanged
            If it is bound to another.
        ContractError
            If the epoch has another hash algorithm than before.
        """
        known = self.cursor
        if known.epoch == epoch:
            if known.chain != chain:
                raise ContractError(
                    "the appliance names another hash algorithm than this journal began with:"
                    " nothing was taken",
                    folder=known.chain.algorithm,
                    appliance=chain.algorithm,
                )
            return
        if known.epoch:
            raise EpochChanged(
                "the appliance keeps another journal than this folder was pulled from: its disk"
                " was replaced or it is another appliance. Keep this folder as it is, find out"
                " which, and pull the new journal into a new folder",
                folder=known.epoch,
                appliance=epoch,
            )
        with _storing("write the cursor"):
            self._db.execute(
                "UPDATE cursor SET epoch = ?, appliance = ?, entry_hash = ?, chain_algorithm = ?",
                (epoch, appliance, chain.first(epoch), chain.algorithm),
            )

    def commit(self, group: Sequence[Received]) -> None:
        """Make a group of entries, their files and the cursor durable, in that order."""
        for step in _steps(group):
            self._keep(step, step)

    def read(self, name: str) -> bytes | None:
        """Return the bytes of a pulled file by its name; None when they are not here."""
        with _storing("read a pulled page"):
            return self._sink.read(name)

    # -- manifests ----------------------------------------------------------------------------

    def cases_without_manifest(self) -> list[str]:
        """Name the cases that changed since their manifest was written."""
        due = "SELECT case_key FROM dossier WHERE manifest_sequence < sequence ORDER BY case_key"
        return [case_key for (case_key,) in rows(self._db, due)]

    def keep_manifest(self, case_key: str, manifest: bytes, sequence: int) -> None:
        """Write a case's manifest beside its volumes; it speaks of all entries to `sequence`."""
        with _storing("write a manifest"):
            self._sink.write(manifest_of(case_key), manifest)
            self._note_manifest(case_key, hashlib.sha256(manifest).digest(), sequence)

    def drop_manifest(self, case_key: str, sequence: int) -> bool:
        """Remove the manifest of a case in which no page stands any more; False when one does."""
        with _storing("remove a manifest"):
            if self._db.execute("SELECT 1 FROM page WHERE case_key = ?", (case_key,)).fetchone():
                return False
            self._sink.remove(manifest_of(case_key))
            self._note_manifest(case_key, b"", sequence)
        return True

    def manifests(self) -> dict[str, bytes]:
        """Return the SHA-256 of each manifest that is here, by case key."""
        found = "SELECT case_key, manifest_sha256 FROM dossier WHERE manifest_sha256 <> x''"
        return dict(rows(self._db, found))

    def _note_manifest(self, case_key: str, sha256: bytes, sequence: int) -> None:
        self._db.execute(
            "UPDATE dossier SET manifest_sequence = ?, manifest_sha256 = ? WHERE case_key = ?",
            (sequence, sha256, case_key),
        )

    # -- opening ------------------------------------------------------------------------------

    def _adopt_consumer(self, consumer: str) -> None:
        with _storing("open the database"):
            self._db.execute(
                "INSERT INTO cursor VALUES (1, ?, '', '', 0, 0, x'', 'sha256', ?)"
                " ON CONFLICT DO NOTHING",
                (consumer, self._sink.where),
            )
            place = self._db.execute("SELECT place FROM cursor").get
        self._check_consumer(consumer, self.cursor.consumer)
        if place != self._sink.where:
            raise ConfigError(
                "the pages of this folder were put elsewhere: go on there, or pull into a new"
                " folder",
                before=place or "the folder itself",
                now=self._sink.where or "the folder itself",
            )

    def _check_consumer(self, now: str, known: str) -> None:
        if known != now:
            raise ConfigError("this was pulled by another consumer", known=known, now=now)

    def _catch_up(self) -> None:
        """Take over what the place of the pages has and the database has not."""
        with _storing("read what is here"):
            for start, entries in self._sink.behind(self.cursor):
                self._check_consumer(self.cursor.consumer, start.consumer)
                self.adopt(start.epoch, start.appliance, start.chain)
                for step in _steps(entries):
                    self._keep(step, ())

    # -- storing ------------------------------------------------------------------------------

    def _keep(self, entries: Sequence[Received], told: Sequence[Received]) -> None:
        """Store a step; `told` is what the place of the pages does not know yet."""
        with _storing("store pulled pages"):
            arrivals, names = self._arrivals(entries)
            transfers = dict(self._transfers(entries))
            self._sink.keep(Step(self.cursor, told, arrivals, list(transfers.values())))
            with self._db:
                for (page_id, role), transfer in transfers.items():
                    records.rename(self._db, page_id, role, transfer.new)
                for entry in entries:
                    records.write(self._db, entry, names)
                last = entries[-1]
                self._db.execute(
                    "UPDATE cursor SET sequence = ?, entry_hash = ?",
                    (last.sequence, last.entry_hash),
                )

    def _arrivals(self, entries: Sequence[Received]) -> tuple[list[Arrival], records.Names]:
        """Name what came, and what is there already."""
        arrivals: list[Arrival] = []
        names: dict[tuple[str, str], str] = {}
        for entry in entries:
            folder = self._folder(entry) if entry.parts else ""
            for part in entry.parts:
                name = f"{folder}/{part.name}"
                if part.part is not None:
                    arrivals.append(Arrival(name, part.part))
                if part.part is not None or part.kept:
                    names[part.page_id, part.role] = name
        return arrivals, names

    def _transfers(self, entries: Sequence[Received]) -> Iterator[tuple[tuple[str, str], Transfer]]:
        """Name the files of pages that get another place."""
        for entry in entries:
            if not entry.places:
                continue
            folder = self._folder(entry)
            for role, path in records.files_of(self._db, entry.page_id):
                name = f"{folder}/{PurePosixPath(path).name}"
                if name != path:
                    yield (entry.page_id, role), Transfer(path, name)

    def _folder(self, entry: Received) -> str:
        return "/".join(segment(name) for name in records.place_behind(self._db, entry))


def manifest_of(case_key: str) -> str:
    """Return the name of a case's manifest."""
    return f"{segment(case_key)}/{MANIFEST}"


def _steps(group: Sequence[Received]) -> Iterator[Sequence[Received]]:
    """Cut a group so that no step touches a page twice."""
    step: list[Received] = []
    touched: set[str] = set()
    for entry in group:
        page = {entry.page_id} if entry.places or entry.parts else set()
        if page & touched or len(step) == MOST_ENTRIES:
            yield step
            step, touched = [], set()
        step.append(entry)
        touched |= page
    if step:
        yield step


def _locked(directory: Path) -> int:
    """Take a folder for this process; raises ConfigError when another one has it."""
    lock = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(lock)
        raise ConfigError("another process pulls into this folder", directory=directory) from error
    return lock


@contextmanager
def _storing(doing: str) -> Iterator[None]:
    """Translate what the disk or the database says; raises SpoolFailed."""
    try:
        with disk(doing):
            yield
    except apsw.Error as error:
        raise SpoolFailed(f"cannot {doing}: {error}") from error
