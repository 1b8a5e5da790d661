"""Electronic files: a watched folder whose files enter the journal byte for byte.

A file `起诉状.pdf` is taken once its sidecar `起诉状.pdf.toml` lies beside it and neither has
changed for a second. Whoever drops files writes the sidecar last: it says that the file is whole.

Rule 1: a file is claimed by renaming it under the page id it will have; what was claimed and not
finished is finished at the next look, and never taken twice.
Rule 2: a file that cannot be taken is moved to `rejected/` with a text beside it that says why.
Rule 3: on a full disk nothing is claimed; what was claimed waits.
"""

import logging
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from watchdog.events import FileSystemEvent, FileSystemEventHandler
from watchdog.observers import Observer

from daemon import images
from daemon.dossier.catalogue import RuleSet
from daemon.errors import ConfigError, InputError, RuleError, SpoolFull
from daemon.inbox import sidecar
from daemon.inbox.folder import MAX_BYTES, SIDECAR, Claim, Folder, Stamp
from daemon.metrics import Metrics
from daemon.page import Blob, Fate, Page, PageId, Role, Side
from daemon.spool.ledger import Ledger

__all__ = ["Inbox"]

log = logging.getLogger(__name__)

SETTLE_S: Final = 1.0
RESCAN_S: Final = 60.0
_PDF: Final = "application/pdf"
_JPEG: Final = "image/jpeg"
_EOF_WITHIN_BYTES: Final = 1024  # as readers of PDF look for it


def _silent() -> None:
    """Beat for nobody."""


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
    min_free_bytes
        With less room on the spool's disk nothing is taken.
    clock
        Seconds, for intervals.
    """

    def __init__(
        self,
        folder: Path,
        ledger: Ledger,
        rules: RuleSet,
        metrics: Metrics,
        *,
        min_free_bytes: int = MAX_BYTES,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._folder = Folder(folder)
        self._ledger = ledger
        self._rules = rules
        self._metrics = metrics
        self._min_free_bytes = min_free_bytes
        self._clock = clock
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._seen: dict[str, tuple[Stamp, float]] = {}
        self._waits = False

    def stop(self) -> None:
        """Let `run` return after the file in hand."""
        self._stop.set()

    def run(self, beat: Callable[[], None]) -> None:
        """Watch until `stop`; `beat` is called at every turn.

        Raises
        ------
        ConfigError
            If the folder cannot be watched, or files in it cannot be moved.
        SpoolError
            If the ledger or the disk failed: the process must end.
        """
        self._folder.prepare()
        observer = Observer()
        observer.schedule(_Wake(self._wake), str(self._folder.path))
        try:
            observer.start()
        except OSError as error:
            raise ConfigError(
                f"the inbox cannot be watched: {error.strerror};"
                " raise fs.inotify.max_user_instances or max_user_watches"
            ) from error
        rescan_s = 0.0
        try:
            while not self._stop.is_set():
                beat()
                if self._wake.is_set() or self._seen or self._clock() >= rescan_s:
                    self._wake.clear()
                    rescan_s = self._clock() + RESCAN_S
                    self.look(beat)
                self._stop.wait(SETTLE_S)
        finally:
            observer.stop()
            observer.join()

    def look(self, beat: Callable[[], None] = _silent) -> None:
        """Take what is claimed, and every file that has its sidecar and stopped changing."""
        if not self._ledger.room(self._min_free_bytes):
            self._wait_for_room()
            return
        try:
            self._claim_what_settled()
            for claim in self._folder.claims():
                if self._stop.is_set():
                    return
                beat()
                self._take(claim)
        except SpoolFull:
            self._wait_for_room()
            return
        self._waits = False
        self._close_leftovers()

    def _wait_for_room(self) -> None:
        """Leave everything where it is until the next look."""
        if not self._waits:
            log.warning("the disk is full: the inbox waits")
        self._waits = True

    # -- claiming -----------------------------------------------------------------------------

    def _claim_what_settled(self) -> None:
        now_s = self._clock()
        stamps = self._folder.stamps()
        pairs = [
            name
            for name in sorted(stamps)
            if not name.endswith(SIDECAR) and name + SIDECAR in stamps
        ]
        watched = {each: stamps[each] for name in pairs for each in (name, name + SIDECAR)}
        for name, stamp in watched.items():
            if self._seen.get(name, (None, 0.0))[0] != stamp:
                self._seen[name] = (stamp, now_s)
        self._seen = {name: self._seen[name] for name in watched}
        settled = [name for name in pairs if self._is_settled(name, now_s)]
        for name in settled:
            self._folder.claim(name)
            del self._seen[name], self._seen[name + SIDECAR]
        self._metrics.inbox_waiting.set(len(stamps) - 2 * len(settled))

    def _is_settled(self, name: str, now_s: float) -> bool:
        return all(now_s - self._seen[each][1] >= SETTLE_S for each in (name, name + SIDECAR))

    # -- taking -------------------------------------------------------------------------------

    def _take(self, claim: Claim) -> None:
        if claim.page_id is not None and self._is_kept(claim.page_id):
            self._finish(claim, claim.page_id)
            return
        try:
            page = self._judge(claim)
        except (InputError, RuleError) as error:
            self._folder.reject(claim, str(error))
            self._metrics.inbox_files.labels("rejected").inc()
            log.warning("a file in the inbox was rejected; the reason lies beside it")
            return
        page_id = PageId(self._ledger.epoch8, self._batch(), 1, Side.ELECTRONIC)
        named = self._folder.name(claim, page_id)
        self._ledger.commit([page(page_id)])
        self._finish(named, page_id)
        self._metrics.inbox_files.labels("taken").inc()
        self._metrics.faces.labels(Fate.PAGE.value).inc()
        self._metrics.batches.labels("electronic").inc()
        log.info("%s taken from the inbox", page_id)

    def _judge(self, claim: Claim) -> Callable[[PageId], Page]:
        """Return the maker of the page; raises InputError or RuleError when there can be none."""
        if claim.name is None:
            raise InputError("the document is gone; drop it again, and its sidecar last")
        said = sidecar.read(claim.read_sidecar())
        position, warnings = sidecar.place(said, self._rules)
        data = claim.read_document()
        blob = Blob(Role.ORIGINAL, _sound_type(data, claim.document), data)
        # Names that are not UTF-8 stay legible; the contract carries text.
        file_name = os.fsencode(claim.name).decode("utf-8", "backslashreplace")

        def make(page_id: PageId) -> Page:
            return Page(
                page_id=page_id,
                fate=Fate.PAGE,
                virtual=False,
                captured_at=time.time(),
                position=position,
                blobs=(blob,),
                warnings=warnings,
                file_name=file_name,
            )

        return make

    def _batch(self) -> int:
        """Open a batch, or go on with the one in which a file was not kept in the end."""
        for found in self._ledger.open_batches():
            if found.electronic and not found.last_sheet:
                return found.number
        return self._ledger.open_batch(virtual=False, electronic=True).number

    def _is_kept(self, page_id: PageId) -> bool:
        try:
            return self._ledger.face(page_id).fate is not None
        except InputError:
            return False  # also when the ledger is a new one

    def _finish(self, claim: Claim, page_id: PageId) -> None:
        self._ledger.close_batch(page_id.batch)
        self._folder.remove(claim)

    def _close_leftovers(self) -> None:
        """Close the batch of a file that was rejected after all, between a crash and now."""
        for found in self._ledger.open_batches():
            if found.electronic:
                self._ledger.close_batch(found.number)


def _sound_type(data: bytes, path: Path) -> str:
    """Return the media type of a document that can be opened; raises InputError."""
    media_type = images.sniff(data)
    if media_type == _PDF:
        if b"%%EOF" not in data[-_EOF_WITHIN_BYTES:]:
            raise InputError("the PDF is cut off; drop it again when it is whole")
        images.count(path)
    elif media_type == _JPEG:
        for _ in images.iterate(path):
            pass
    else:
        raise InputError(
            "only PDF and JPEG files are taken; convert it and drop it again",
            found=media_type or "unknown content",
        )
    return media_type
