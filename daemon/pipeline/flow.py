"""The feeding thread: hopper to journal, one sheet at a time, behind one gate.

Rule 1: OBJECT POSITION is asked for in one place, `_one_sheet`, and never before the gate is open:
both faces of the last sheet durable and read for separators, and room for the next.
Rule 2: a sheet has its row in the ledger before it is asked for (write-ahead), and both of its
faces have a fate before anything else happens.
Rule 3: a fault names the sheet that must be fed again, and the feeder waits for a person's hands,
also after a restart: paper that lies outside the hopper must not be overtaken by what lies in it.
Rule 4: a sheet in flight keeps its open row until the sensors can be asked where it is.
Rule 5: a batch is given up only by a person's decision, and between sheets.
"""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from daemon.errors import (
    ConfigError,
    DeviceError,
    NotPossible,
    OperatorError,
    SpoolFull,
    UnknownSeparator,
)
from daemon.feeder import hands, transport
from daemon.feeder.hands import INTERRUPTED
from daemon.feeder.scanner import HardwareStatus, Scanner
from daemon.metrics import Metrics
from daemon.page import Batch, Fate, Scan, SheetId
from daemon.pipeline import unread
from daemon.pipeline.decisions import Decisions
from daemon.pipeline.raw_writer import RawWriter
from daemon.pipeline.sheet import SheetResult, Workshop
from daemon.pipeline.unread import Unread, Where
from daemon.spool.journal import Decision
from daemon.spool.ledger import Ledger

log = logging.getLogger(__name__)

POLL_S: Final = 0.3
RECONNECT_S: Final = 1.0
RECONNECT_LIMIT_S: Final = 60.0
"""A scanner that fails again as soon as it is back is taken back less and less eagerly."""
MAX_SHEETS: Final = 9_999
"""A page id has four digits for the sheet, and a hopper can be topped up for ever."""


@dataclass(frozen=True, slots=True)
class FeederFacts:
    """What others may know of the feeder. `cause` is empty unless a person must act."""

    state: str = transport.State.ABSENT.value
    cause: str = ""
    batch: int = 0
    refeed_from_sheet: int = 0
    scanner: str = ""
    paused: bool = False


@dataclass(slots=True)
class _OpenBatch:
    batch: Batch
    scope: str
    sheets: int
    in_flight: Unread | None = None
    """A sheet whose row is open because nobody could be asked yet where it is."""


def _silent() -> None:
    """Beat for nobody, until `run` says who listens."""


def _too_late(batch: int, _: Decision) -> int:
    raise NotPossible("the appliance is shutting down: ask again in a moment", batch=batch)


class Flow:
    """Feeds paper whenever there is some; owns the scanner.

    Parameters
    ----------
    scanner, ledger, workshop, raw, metrics
        The rooms a sheet passes through.
    min_free_bytes
        Below this the gate stays shut.
    """

    def __init__(
        self,
        scanner: Scanner,
        ledger: Ledger,
        workshop: Workshop,
        raw: RawWriter,
        metrics: Metrics,
        *,
        min_free_bytes: int,
    ) -> None:
        self._scanner = scanner
        self._ledger = ledger
        self._workshop = workshop
        self._raw = raw
        self._metrics = metrics
        self._min_free_bytes = min_free_bytes
        self._stop = threading.Event()
        self._paused = threading.Event()
        self._facts = FeederFacts()
        self._open: _OpenBatch | None = None
        self._blocked = False
        self._was_in_path = False
        self._fed_again: SheetId | None = None
        self._decisions = Decisions()
        self._needs_recovery = False
        self._failures = 0
        self._waiting = ""
        self._beat: Callable[[], None] = _silent
        scanner.count_steps(lambda step: metrics.recovery_steps.labels(step).inc())

    @property
    def facts(self) -> FeederFacts:
        """The state of the feeder at this moment; safe from any thread."""
        return replace(self._facts, paused=self._paused.is_set())

    def pause(self) -> None:
        """Feed nothing more until `resume`; the sheet in the path is finished."""
        self._paused.set()

    def resume(self) -> None:
        """Feed again."""
        self._paused.clear()

    def close_batch(self, number: int, decision: Decision) -> int:
        """Close a batch that nobody will finish; returns the sequence of its account.

        Its open faces are lost by name. Paper that may still lie in the path keeps the feeder
        waiting for hands. From any thread.

        Raises
        ------
        NotPossible
            If the feeder is at work on it: it must be paused first.
        SpoolError
            If there is no such batch.
        """
        return self._decisions.ask(number, decision)

    def stop(self) -> None:
        """Finish the sheet in the path, then let `run` return."""
        self._stop.set()

    def run(self, beat: Callable[[], None]) -> None:
        """Feed until `stop`; `beat` is called at every turn.

        Raises
        ------
        SpoolError
            When the ledger failed: the process must end.
        ConfigError
            When it cannot be said from the first which scanner is meant, or it cannot be used.
        """
        self._beat = beat
        self._resume_after_restart()
        try:
            while not self._stop.is_set():
                self._beat()
                self._decisions.carry_out(self._close_as_it_is)
                try:
                    self._turn()
                except DeviceError as error:
                    self._device_failed(error)
                except OperatorError as error:  # between sheets: none is in flight
                    self._hands_needed(error)
                except ConfigError as error:
                    if self._scanner.known_identity is None:
                        raise
                    # It has worked before: somebody has plugged a second scanner in beside it, say.
                    self._device_failed(DeviceError(error.message, **error.facts))
                self._show()
        finally:
            self._decisions.carry_out(_too_late)
            self._scanner.close()

    # -- one turn ---------------------------------------------------------------------------

    def _turn(self) -> None:
        if self._needs_recovery:
            status = self._scanner.recover()
            self._needs_recovery = False
        else:
            status = self._scanner.poll()
        self._show()
        if self._open is not None and self._open.in_flight is not None:
            self._settle(self._open, self._open.in_flight, status)
            return  # a press of Scan from before is not one for what is known now
        if self._blocked and not self._cleared(status):
            self._stop.wait(POLL_S)
            return
        if self._open is not None and not self._continues(self._open):
            self._end_batch(self._open)
        if self._open is None:
            if not status.hopper_loaded or self._reason_to_wait():
                self._stop.wait(POLL_S)
                return
            batch = self._ledger.open_batch(virtual=self._scanner.identity.virtual)
            self._open = _OpenBatch(batch, "", 0)
        self._feed(self._open)

    def _continues(self, open_batch: _OpenBatch) -> bool:
        """Tell whether the next sheet may join a batch: paper and software are never mixed."""
        virtual = self._scanner.identity.virtual
        return open_batch.batch.virtual == virtual and open_batch.sheets < MAX_SHEETS

    def _cleared(self, status: HardwareStatus) -> bool:
        """Scan pressed, and what stopped the feeder seen to by a person."""
        cause = self._facts.cause
        if not hands.is_cleared(cause, status, was_in_path=self._was_in_path):
            return False
        log.info("cleared by hand: %s", cause)
        self._blocked = False
        if self._facts.refeed_from_sheet and self._open is not None:
            batch = self._open.batch.number
            self._fed_again = SheetId(self._ledger.epoch8, batch, self._facts.refeed_from_sheet)
        self._scanner.cleared()
        self._facts = replace(self._facts, cause="", refeed_from_sheet=0)
        return True

    def _reason_to_wait(self) -> str:
        """Return why the next sheet must wait, or "" when the gate is open."""
        if self._paused.is_set():
            return "paused"
        if not self._ledger.room(self._min_free_bytes):
            return "disk"
        return ""

    def _feed(self, open_batch: _OpenBatch) -> None:
        self._scanner.arm()
        while not self._stop.is_set():
            self._beat()
            self._show()
            self._decisions.carry_out(self._close_as_it_is)
            if self._open is None:
                return
            reason = self._reason_to_wait()
            if reason:
                self._wait(reason)
                continue
            self._waiting = ""
            if not self._continues(open_batch) or not self._one_sheet(open_batch):
                return
        self._scanner.finish()

    def _wait(self, reason: str) -> None:
        if reason != self._waiting:
            self._metrics.gate_waits.labels(reason).inc()
            log.warning("feeding waits: %s", reason)
        self._waiting = reason
        self._stop.wait(POLL_S)

    # -- one sheet --------------------------------------------------------------------------

    def _one_sheet(self, open_batch: _OpenBatch) -> bool:
        """Feed, read, work and store one sheet; False when the batch pauses or is over."""
        sheet = self._ledger.request_feed(open_batch.batch.number)
        in_place = False
        scans = None
        try:
            in_place = self._scanner.feed()
            if in_place:
                scans = self._scanner.read_sheet(sheet)
        except (OperatorError, DeviceError) as error:
            remains = self._scanner.remains(sheet) if in_place else ()
            asked = self._scanner.has_asked_for_paper
            open_batch.in_flight = Unread(
                sheet, error.label, type(error), asked=asked, reading=in_place, remains=remains
            )
            if isinstance(error, DeviceError):  # `run` hears of the others' faults, and counts them
                raise
            self._metrics.faults.labels(error.label).inc()
            return False
        if scans is None:
            self._ledger.withdraw_feed(sheet)
            self._end_batch(open_batch)
            return False
        self._metrics.sheets_fed.inc()
        self._failures = 0
        return self._store(open_batch, scans)

    def _store(self, open_batch: _OpenBatch, scans: tuple[Scan, ...]) -> bool:
        result = self._workshop.sheet(scans, open_batch.scope)
        self._commit(open_batch, result)
        self._metrics.durable_seconds.observe(max(0.0, time.time() - scans[1].captured_at))
        for page, scan in zip(result.pages, scans, strict=True):
            self._raw.offer(page, scan)
        if result.stop_reason:
            self._block(result.stop_reason, refeed_from_sheet=0)  # first: the scanner may fail now
            self._scanner.finish()
            self._scanner.poll()  # a press of Scan from before clears nothing
            return False
        if result.ends_batch:
            self._end_batch(open_batch)
            return False
        return True

    def _commit(self, open_batch: _OpenBatch, result: SheetResult) -> None:
        while True:
            try:
                self._ledger.commit(result.pages, result.scope, replaces=self._fed_again)
                break
            except SpoolFull:
                # The gate keeps room, but others write to the disk too. The sheet waits in memory;
                # should the process end first, its row in the ledger names it for re-feeding.
                if self._stop.is_set():
                    raise
                self._beat()
                self._wait("disk")
        self._fed_again = None
        open_batch.scope = result.scope
        open_batch.sheets += 1
        for page in result.pages:
            self._metrics.faces.labels(page.fate.value).inc()
            log.debug("%s is %s %s", page.page_id, page.fate, page.reason)

    def _end_batch(self, open_batch: _OpenBatch) -> None:
        """Close the batch, then let the scanner rest: it may fail at that, the account may not."""
        self._ledger.close_batch(open_batch.batch.number)
        self._forget()
        self._metrics.batches.labels("paper").inc()
        log.info("batch %d closed, %d sheets", open_batch.batch.number, open_batch.sheets)
        self._scanner.finish()

    def _forget(self) -> None:
        self._open = None
        self._fed_again = None

    def _close_as_it_is(self, number: int, decision: Decision) -> int:
        ours = self._open is not None and self._open.batch.number == number
        if ours and not (self._blocked or self._paused.is_set() or self._needs_recovery):
            raise NotPossible("the feeder is at work on this batch: pause it first", batch=number)
        sequence = self._ledger.close_batch(number, decision)
        if ours:
            self._forget()
            self._facts = replace(self._facts, refeed_from_sheet=0)
            self._metrics.batches.labels("paper").inc()
            log.warning("batch %d was closed as it is, by decision", number)
        return sequence

    # -- when something goes wrong ------------------------------------------------------------

    def _settle(self, open_batch: _OpenBatch, flying: Unread, status: HardwareStatus) -> None:
        """Give the sheet in flight its fate, by the sensors; then wait for hands if need be."""
        place = unread.where(
            flying, in_path=status.paper_in_path, kept_power=self._scanner.kept_power
        )
        operator = flying.error is not None and issubclass(flying.error, OperatorError)
        if place is Where.IN_HOPPER:
            self._ledger.withdraw_feed(flying.sheet)
            open_batch.in_flight = None
            if operator:
                self._block(flying.cause, refeed_from_sheet=0)
            return
        fate = Fate.SUPERSEDED if place is Where.OUTSIDE else Fate.LOST
        faces = unread.pages(
            flying, fate, self._workshop.evidence, virtual=open_batch.batch.virtual
        )
        self._commit(open_batch, SheetResult(faces, open_batch.scope))
        open_batch.in_flight = None
        self._metrics.sheets_fed.inc()
        number = flying.sheet.sheet
        self._block(flying.cause, refeed_from_sheet=number, was_in_path=place is Where.OUTSIDE)
        log.warning(
            "batch %d: feed again from sheet %d: %s", flying.sheet.batch, number, flying.cause
        )

    def _block(self, cause: str, *, refeed_from_sheet: int, was_in_path: bool = False) -> None:
        self._blocked = True
        self._was_in_path = was_in_path
        self._facts = replace(self._facts, cause=cause, refeed_from_sheet=refeed_from_sheet)
        log.warning("feeder blocked: %s", cause)

    def _hands_needed(self, error: OperatorError) -> None:
        """Wait for hands; a sheet that was to be fed again before still is."""
        if self._facts.cause != error.label:
            self._metrics.faults.labels(error.label).inc()
            self._block(
                error.label,
                refeed_from_sheet=self._facts.refeed_from_sheet,
                was_in_path=self._was_in_path,
            )
        self._stop.wait(POLL_S)

    def _device_failed(self, error: DeviceError) -> None:
        pause_s = RECONNECT_S
        if not self._needs_recovery:
            self._metrics.faults.labels(error.label).inc()
            log.warning("scanner: %s", error)
            pause_s = min(RECONNECT_S * 2**self._failures, RECONNECT_LIMIT_S)
            self._failures = min(self._failures + 1, 16)
        self._needs_recovery = True
        self._show()
        self._stop.wait(pause_s)

    def _resume_after_restart(self) -> None:
        """Take up the batch that was open when the process ended."""
        for found in self._ledger.open_batches():
            if found.electronic:
                continue
            batch = Batch(found.number, virtual=found.virtual)
            self._open = _OpenBatch(batch, found.scope, found.last_sheet)
            self._block_again(found.number)
            for sheet in found.open_sheets:  # there is one at most: the gate sees to it
                self._metrics.faults.labels(INTERRUPTED).inc()
                self._open.in_flight = Unread(sheet, INTERRUPTED)

    def _block_again(self, number: int) -> None:
        """Wait for hands, as before the process ended, when the last sheet was not taken in."""
        faces = self._ledger.batch_account(number).faces
        if not faces:
            return
        last = faces[-1]
        if last.fate in (Fate.LOST, Fate.SUPERSEDED):
            self._block(
                last.reason,
                refeed_from_sheet=last.page_id.sheet,
                was_in_path=last.fate is Fate.SUPERSEDED,
            )
        elif last.reason.startswith(UnknownSeparator.label):
            self._block(UnknownSeparator.label, refeed_from_sheet=0)

    def _show(self) -> None:
        state = transport.State.BLOCKED if self._blocked else self._scanner.state
        identity = self._scanner.known_identity
        self._facts = replace(
            self._facts,
            state=state.value,
            batch=self._open.batch.number if self._open else 0,
            scanner=f"{identity.model} {identity.serial}" if identity else "",
        )
        self._metrics.show_state([s.value for s in transport.State], state.value)
