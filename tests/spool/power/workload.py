"""A day at a spool in a few seconds: what the daemon's threads do to it, each call claimed.

    paper (feed, commit, withdraw, close) · inbox · two raw writers
    court (acknowledge, sweep, relieve) · archive (acknowledge) · clerk (amend)
    a neighbour on the same disk (sync)

Rule 1: everything goes through the spool's public methods, as the daemon's rooms call them.
Rule 2: the day has two halves with a restart between, and each ends in the middle of a batch.
"""

import os
import queue
import random
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from daemon.errors import InputError
from daemon.page import PAPER_SIDES, Blob, Fate, Page, PageId, Position, Role, SheetId, Side
from daemon.spool.journal import reference
from daemon.spool.ledger import Ledger
from daemon.spool.retention import Retention
from tests.spool.power.claims import Marker, blob_fact
from tests.spool.power.opened import Clock, open_spool

COURT = "court"  # required
ARCHIVE = "archive"
_PLACE = Position(
    case_number="(2026)吉01民初1号", case_key="2026-JI01-MC-1", stage="LA", volume="main", page=1
)
_KEPT = (Fate.PAGE,) * 12 + (Fate.BLANK, Fate.BLANK, Fate.SEPARATOR, Fate.QUARANTINED, Fate.LOST)
_RAW_WRITERS = 2
_WITHDRAWN = 0.1
# The court never has everything: there is always something left to lose.
_LAG_ENTRIES = (12, 36)
_RELIEF_BYTES = 60_000
_TICK_S = 0.02


@dataclass(frozen=True, slots=True)
class Size:
    """How much is done in each half.

    Attributes
    ----------
    batches, sheets
        Paper batches, and sheets in each.
    files
        Electronic files, each a batch.
    scope_bytes
        Size of the scope of the first sheet. The default is what SQLite's log holds before it is
        begun anew: from then on it is written over, as in a daemon that has run for an hour.
    """

    batches: int = 3
    sheets: int = 16
    files: int = 8
    scope_bytes: int = 1000 * 4096


def work(directory: Path, marker: Marker, seed: int, size: Size) -> int:
    """Work a day at a spool that does not exist yet; returns the length of its journal.

    Parameters
    ----------
    seed
        Of what is done; how the threads meet is up to the machine.
    """
    clock = Clock()
    for half in ("morning", "afternoon"):
        ledger = open_spool(directory, clock)
        try:
            marker.say("epoch", epoch=ledger.epoch)
            beside = directory.with_name("system.log")
            _Half(ledger, marker, f"{seed} {half}", clock, beside).run(size)
            entries = ledger.last()[0]
        finally:
            ledger.close()
    return entries


class _Half:
    """What happens between a start and an end of the ledger."""

    def __init__(
        self,
        ledger: Ledger,
        marker: Marker,
        seed: str,
        clock: Callable[[], float],
        beside: Path,
    ) -> None:
        self._ledger = ledger
        self._say = marker.say
        self._seed = seed
        self._retention = Retention(ledger, 0.0)
        self._clock = clock
        self._beside = beside
        self._behind: queue.SimpleQueue[PageId | None] = queue.SimpleQueue()
        self._pages: list[PageId] = []
        self._over = threading.Event()

    def run(self, size: Size) -> None:
        """Let everybody work until paper and files are through; raises what any of them raised."""
        for name in (COURT, ARCHIVE):
            self._ledger.register_consumer(name, name == COURT)
            self._say("consumer", name=name, required=name == COURT)
        others = (
            *[self._raw_writer] * _RAW_WRITERS,
            self._court,
            self._archive,
            self._neighbour,
            self._clerk,
        )
        with ThreadPoolExecutor(2 + len(others)) as hands:
            working = [hands.submit(other, self._chance(n)) for n, other in enumerate(others)]
            sources = [
                hands.submit(self._paper, self._chance("paper"), size),
                hands.submit(self._inbox, self._chance("inbox"), size),
            ]
            try:
                for source in sources:
                    source.result()
            finally:
                self._over.set()
                for _ in range(_RAW_WRITERS):
                    self._behind.put(None)
            for hand in working:
                hand.result()

    def _chance(self, whose: object) -> random.Random:
        return random.Random(f"{self._seed} {whose}")

    # -- what comes in ------------------------------------------------------------------------

    def _paper(self, chance: random.Random, size: Size) -> None:
        scope = "x" * size.scope_bytes
        for left in reversed(range(size.batches)):
            number = self._open(electronic=False)
            for _ in range(size.sheets):
                if chance.random() < _WITHDRAWN:
                    self._withdraw(self._feed(number))
                sheet = self._feed(number)
                self._commit([_page(sheet.face(side), chance) for side in PAPER_SIDES], scope)
                scope = ""
            sheet = self._feed(number)
            if left:
                self._withdraw(sheet)
                self._close(number)

    def _inbox(self, chance: random.Random, size: Size) -> None:
        for _ in range(size.files):
            number = self._open(electronic=True)
            page_id = PageId(self._ledger.epoch8, number, 1, Side.ELECTRONIC)
            self._commit([_file(page_id, chance)])
            self._close(number)

    def _raw_writer(self, chance: random.Random) -> None:
        for page_id in iter(self._behind.get, None):
            raw = _blob(Role.RAW, chance, 40_000)
            self._ledger.add_blob(page_id, raw)
            self._say("blob", page=str(page_id), blob=blob_fact(reference(raw)))

    def _open(self, *, electronic: bool) -> int:
        number = self._ledger.open_batch(virtual=False, electronic=electronic).number
        self._say("batch", number=number)
        return number

    def _feed(self, number: int) -> SheetId:
        self._say("feeding", batch=number)
        sheet = self._ledger.request_feed(number)
        self._say("sheet", sheet=str(sheet))
        return sheet

    def _withdraw(self, sheet: SheetId) -> None:
        self._say("withdrawing", sheet=str(sheet))
        self._ledger.withdraw_feed(sheet)
        self._say("withdrawn", sheet=str(sheet))

    def _commit(self, pages: Sequence[Page], scope: str = "") -> None:
        for page, sequence in zip(pages, self._ledger.commit(pages, scope), strict=True):
            self._say(
                "face",
                page=str(page.page_id),
                fate=page.fate,
                blobs=[blob_fact(reference(blob)) for blob in page.blobs],
                **self._entry(sequence),
            )
            if page.fate is Fate.PAGE:
                self._pages.append(page.page_id)
                self._behind.put(page.page_id)

    def _close(self, number: int) -> None:
        sequence = self._ledger.close_batch(number)
        self._say("closed", number=number, **self._entry(sequence))

    def _entry(self, sequence: int) -> dict[str, int | str]:
        return {"sequence": sequence, "entry_hash": self._ledger.entry_hash(sequence).hex()}

    # -- what goes out, and what is said later ------------------------------------------------

    def _court(self, chance: random.Random) -> None:
        for _ in self._moments(chance):
            self._acknowledge(COURT, self._ledger.last()[0] - chance.randrange(*_LAG_ENTRIES))
            self._retention.sweep(self._clock())
        self._say("relieving")
        self._retention.relieve(_RELIEF_BYTES)
        self._say("relieved")

    def _neighbour(self, chance: random.Random) -> None:
        """Sync a file beside the spool, as the system's own log does: names reach the disk then."""
        with self._beside.open("ab", buffering=0) as log:
            for _ in self._moments(chance):
                log.write(chance.randbytes(200))
                os.fsync(log.fileno())

    def _archive(self, chance: random.Random) -> None:
        for _ in self._moments(chance):
            self._acknowledge(ARCHIVE, self._ledger.last()[0])

    def _clerk(self, chance: random.Random) -> None:
        waiting: list[PageId] = []
        for _ in self._moments(chance):
            if waiting and chance.random() < 0.3:
                page_id = waiting.pop()
                self._say("settling", page=str(page_id))
                self._amend(page_id, "resolve", {"fate": "page"})
            elif self._pages:
                page_id = self._pages.pop(chance.randrange(len(self._pages)))
                self._amend(page_id, "quarantine", {"role": "page"})
                if self._is_here(page_id):
                    waiting.append(page_id)

    def _is_here(self, page_id: PageId) -> bool:
        """Tell whether its image can make it a page again: perhaps the hold came after a sweep."""
        role = Role.ORIGINAL if page_id.side is Side.ELECTRONIC else Role.PAGE
        try:
            self._ledger.blob(page_id, role)
        except InputError:
            return False
        return True

    def _moments(self, chance: random.Random) -> Iterator[None]:
        """Yield whenever something has happened, and once when the half is over."""
        while not self._over.is_set():
            self._ledger.wait_beyond(self._ledger.last()[0] + chance.randrange(8), _TICK_S)
            yield
        yield

    def _acknowledge(self, name: str, sequence: int) -> None:
        if sequence > 0:
            self._say("acknowledging", name=name, sequence=sequence)
            self._ledger.acknowledge(name, sequence, self._ledger.entry_hash(sequence))
            self._say("acknowledged", name=name, sequence=sequence)

    def _amend(self, page_id: PageId, change: str, values: dict[str, object]) -> None:
        sequence = self._ledger.amend(
            page_id,
            change,
            values,
            actor="clerk",
            request_id=f"{change} {page_id}",
            reason="power",
        )
        self._say("amended", page=str(page_id), change=change, **self._entry(sequence))


def _page(page_id: PageId, chance: random.Random) -> Page:
    fate = chance.choice(_KEPT)
    blobs = () if fate is Fate.LOST else (_blob(Role.PAGE, chance, 12_000),)
    if fate is Fate.BLANK:
        blobs += (_blob(Role.EVIDENCE, chance, 1_000),)
    return Page(
        page_id=page_id,
        fate=fate,
        virtual=False,
        captured_at=1_800_000_000.5,
        position=_PLACE,
        blobs=blobs,
        reason="" if fate is Fate.PAGE else "power",
        separator=f"S{page_id.batch:04d}{page_id.sheet:04d}" if fate is Fate.SEPARATOR else "",
    )


def _file(page_id: PageId, chance: random.Random) -> Page:
    return Page(
        page_id=page_id,
        fate=Fate.PAGE,
        virtual=False,
        captured_at=1_800_000_000.5,
        blobs=(_blob(Role.ORIGINAL, chance, 9_000), _blob(Role.TEXT, chance, 500)),
        file_name="brief.pdf",
    )


def _blob(role: Role, chance: random.Random, most_bytes: int) -> Blob:
    size_bytes = chance.randrange(most_bytes // 4, most_bytes)
    return Blob(role, "application/octet-stream", chance.randbytes(size_bytes))
