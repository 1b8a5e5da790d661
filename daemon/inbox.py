"""Electronic files: a watched folder whose files enter the journal byte for byte.

A file `起诉状.pdf` is taken once its sidecar `起诉状.pdf.toml` lies beside it and neither has
changed for a second. The sidecar says where it belongs::

    case = "(2026)吉01民初129号"
    stage = "LA"
    material = "111"
    party = "Y01"          # optional, "000" when absent

Rule 1: a file is claimed by renaming it under the page id it will have; what was claimed and not
finished is finished at the next start, and never taken twice.
Rule 2: a file that cannot be taken is moved to `rejected/` with a `.reason.txt` beside it.
"""

import logging
import os
import stat
import threading
import time
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from watchdog.events import FileSystemEvent, FileSystemEventHandler
from watchdog.observers import Observer

from daemon import images
from daemon.dossier import case_number
from daemon.dossier.catalogue import RuleSet
from daemon.errors import InputError, RuleError
from daemon.metrics import Metrics
from daemon.page import Blob, Fate, Page, PageId, Position, Role, Side
from daemon.spool.ledger import Ledger

log = logging.getLogger(__name__)

SIDECAR: Final = ".toml"
CLAIMED: Final = ".claimed"
REJECTED: Final = "rejected"
SETTLE_S: Final = 1.0
RESCAN_S: Final = 60.0
MAX_BYTES: Final = 256 * 2**20
_ACCEPTED: Final = ("application/pdf", "image/jpeg")


class Sidecar(BaseModel):
    """What the file beside an electronic document must say."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    case: str
    stage: str
    material: str
    party: str = Field("000", pattern=r"^(000|[YBSG]\d{2})$")


@dataclass(frozen=True, slots=True)
class _Seen:
    size: int
    mtime_ns: int
    since: float


class _Wake(FileSystemEventHandler):
    def __init__(self, event: threading.Event) -> None:
        self._event = event

    def on_any_event(self, event: FileSystemEvent) -> None:
        """Look at the folder again; which file it was does not matter."""
        if event.event_type not in ("opened", "closed_no_write"):
            self._event.set()


class Inbox:
    """Takes files from a folder into the spool.

    Parameters
    ----------
    folder
        The watched folder; it must be on a local disk.
    ledger, rules, metrics
        Where files go, what their sidecars may say, where they are counted.
    """

    def __init__(self, folder: Path, ledger: Ledger, rules: RuleSet, metrics: Metrics) -> None:
        self._folder = folder
        self._ledger = ledger
        self._rules = rules
        self._metrics = metrics
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._seen: dict[str, _Seen] = {}

    def stop(self) -> None:
        """Let `run` return after the file in hand."""
        self._stop.set()
        self._wake.set()

    def run(self, beat: Callable[[], None]) -> None:
        """Watch until `stop`."""
        for name in (CLAIMED, REJECTED):
            (self._folder / name).mkdir(parents=True, exist_ok=True)
        self._finish_claimed()
        observer = Observer()
        observer.schedule(_Wake(self._wake), str(self._folder))
        observer.start()
        next_rescan = 0.0
        try:
            while not self._stop.is_set():
                beat()
                if self._wake.is_set() or self._seen or time.monotonic() >= next_rescan:
                    self._wake.clear()
                    next_rescan = time.monotonic() + RESCAN_S
                    self.look()
                self._wake.wait(SETTLE_S)
        finally:
            observer.stop()
            observer.join()

    def look(self) -> None:
        """Take every file that has its sidecar and has stopped changing."""
        names = {entry.name for entry in os.scandir(self._folder) if not entry.is_dir()}
        for name in sorted(names):
            if name.endswith(SIDECAR) or name + SIDECAR not in names:
                continue
            if self._settled(name) and self._settled(name + SIDECAR):
                self._seen.pop(name, None)
                self._seen.pop(name + SIDECAR, None)
                self._take(name)
        self._seen = {name: seen for name, seen in self._seen.items() if name in names}

    def _settled(self, name: str) -> bool:
        found = (self._folder / name).lstat()
        seen = self._seen.get(name)
        now = time.monotonic()
        if seen is None or (seen.size, seen.mtime_ns) != (found.st_size, found.st_mtime_ns):
            self._seen[name] = _Seen(found.st_size, found.st_mtime_ns, now)
            return False
        return now - seen.since >= SETTLE_S

    def _take(self, name: str) -> None:
        try:
            sidecar = self._read_sidecar(name)
            data = _read_regular(self._folder / name)
            media_type = _accepted_type(data)
        except (InputError, RuleError) as error:
            self._reject(name, error)
            return
        batch = self._ledger.open_batch(virtual=False, electronic=True)
        page_id = PageId(self._ledger.epoch8, batch.number, 1, Side.ELECTRONIC)
        claimed = self._folder / CLAIMED / str(page_id)
        claimed.mkdir()
        (self._folder / (name + SIDECAR)).rename(claimed / (name + SIDECAR))
        (self._folder / name).rename(claimed / name)
        # A power cut must not put a file back that the journal already has.
        for folder in (claimed, claimed.parent, self._folder):
            _sync(folder)
        self._commit(page_id, name, sidecar, Blob(Role.ORIGINAL, media_type, data))

    def _commit(self, page_id: PageId, name: str, sidecar: Sidecar, blob: Blob) -> None:
        page = Page(
            page_id=page_id,
            fate=Fate.PAGE,
            virtual=False,
            captured_at=time.time(),
            position=self._position(sidecar),
            blobs=(blob,),
            file_name=name,
        )
        self._ledger.commit([page])
        self._ledger.close_batch(page_id.batch)
        _remove(self._folder / CLAIMED / str(page_id))
        self._metrics.inbox_files.labels("taken").inc()
        self._metrics.faces.labels(Fate.PAGE.value).inc()
        self._metrics.batches.labels("electronic").inc()
        log.info("%s taken from the inbox", page_id)

    def _position(self, sidecar: Sidecar) -> Position:
        case = case_number.parse(sidecar.case)
        material = self._rules.material(sidecar.material)
        return Position(
            case_number=case.text,
            case_key=case.key,
            stage=sidecar.stage,
            volume=material.volume,
            material=sidecar.material,
            party=sidecar.party,
            instance=1,
            page=1,
        )

    def _read_sidecar(self, name: str) -> Sidecar:
        data = _read_regular(self._folder / (name + SIDECAR))
        try:
            sidecar = Sidecar.model_validate(tomllib.loads(data.decode("utf-8")))
        except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise InputError(f"the sidecar is not a TOML file: {error}") from error
        except ValidationError as error:
            wrong = "; ".join(f"{e['loc'][0]}: {e['msg']}" for e in error.errors())
            raise InputError(f"the sidecar is wrong: {wrong}") from error
        self._position(sidecar)  # refuses an unknown case number or material now
        if sidecar.stage not in self._rules.stages:
            raise InputError("unknown stage in the sidecar", stage=sidecar.stage)
        return sidecar

    def _reject(self, name: str, error: Exception) -> None:
        target = self._folder / REJECTED
        stamp = f"{time.time_ns()}-"
        (self._folder / name).rename(target / (stamp + name))
        (self._folder / (name + SIDECAR)).rename(target / (stamp + name + SIDECAR))
        (target / (stamp + name + ".reason.txt")).write_text(f"{error}\n", encoding="utf-8")
        self._metrics.inbox_files.labels("rejected").inc()
        log.warning("a file in the inbox was rejected; the reason lies beside it")
        log.debug("rejected %s: %s", name, error)

    def _finish_claimed(self) -> None:
        """Complete what was claimed before the process ended."""
        open_batches = {b.number for b in self._ledger.open_batches() if b.electronic}
        for claimed in sorted((self._folder / CLAIMED).iterdir()):
            page_id = PageId.parse(claimed.name)
            names = sorted(p.name for p in claimed.iterdir() if not p.name.endswith(SIDECAR))
            if page_id.batch not in open_batches:
                _remove(claimed)  # the journal has it
            elif names:
                self._finish(page_id, claimed, names[0])
                open_batches.discard(page_id.batch)
            else:
                for sidecar in claimed.iterdir():  # the file itself was not claimed yet
                    sidecar.rename(self._folder / sidecar.name)
                _remove(claimed)
        for number in open_batches:
            self._ledger.close_batch(number)

    def _finish(self, page_id: PageId, claimed: Path, name: str) -> None:
        data = _read_regular(claimed / name)
        raw = (claimed / (name + SIDECAR)).read_bytes()
        sidecar = Sidecar.model_validate(tomllib.loads(raw.decode("utf-8")))
        media_type = images.sniff(data) or "application/octet-stream"
        self._commit(page_id, name, sidecar, Blob(Role.ORIGINAL, media_type, data))


def _accepted_type(data: bytes) -> str:
    media_type = images.sniff(data)
    if media_type not in _ACCEPTED:
        raise InputError(
            "only PDF and JPEG files are taken; convert it and drop it again",
            found=media_type or "unknown content",
        )
    return media_type


def _remove(claimed: Path) -> None:
    for path in claimed.iterdir():
        path.unlink()
    claimed.rmdir()


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _read_regular(path: Path) -> bytes:
    """Read a plain file that is nobody's link; raises InputError for anything else."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise InputError(f"cannot be opened as a plain file: {error.strerror}") from error
    with os.fdopen(descriptor, "rb") as file:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode) or found.st_nlink != 1:
            raise InputError("not a plain file with a single name; copy it instead of linking it")
        if found.st_size == 0:
            raise InputError("the file is empty")
        if found.st_size > MAX_BYTES:
            raise InputError("the file is too large", size_bytes=found.st_size, most=MAX_BYTES)
        return file.read()
