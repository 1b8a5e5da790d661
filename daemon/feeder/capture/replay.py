"""Runs the operations of a capture once more, with the driver of today, and says what differs.

Rule 1: the first difference ends a replay: nothing after it stands on firm ground. Rule 2: pages
whose content was not kept come back white; the driver does not look at samples.
"""

import errno
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from daemon.errors import InputError, SuianError
from daemon.feeder.capture import file as capture_file
from daemon.feeder.capture.recording import Failure, Operation, Outcome, Recording
from daemon.feeder.capture.replay_backend import Differs, ReplayBackend
from daemon.feeder.scanner import Scanner
from daemon.feeder.settings import Settings
from daemon.feeder.usb_host import UsbHost
from daemon.page import SheetId

_SHEET: Final = SheetId("00000000", 1, 1)
"""A capture does not know which sheet it was."""

_OPERATIONS: Final[dict[str, Callable[[Scanner], object]]] = {
    "poll": Scanner.poll,
    "arm": Scanner.arm,
    "feed": Scanner.feed,
    "read_sheet": lambda scanner: scanner.read_sheet(_SHEET),
    "finish": Scanner.finish,
    "cleared": Scanner.cleared,
    "recover": Scanner.recover,
    "close": Scanner.close,
}

_HELD: Final = Failure(errno.EBUSY, "opening")

ScannerFactory = Callable[[ReplayBackend, str | None, Settings], Scanner]


@dataclass(frozen=True, slots=True)
class Step:
    """One operation, then and now.

    Attributes
    ----------
    recorded
        As it is in the file.
    now
        What came of it; None where it was not done to its end.
    difference
        Where the driver did otherwise than then; else "".
    """

    recorded: Operation
    now: Outcome | None = None
    difference: str = ""

    @property
    def is_same(self) -> bool:
        """Nothing differs, as far as it was recorded."""
        then = self.recorded.outcome
        if self.difference or then is None or self.now is None:
            return not self.difference and then is None
        if self._is_hosts_word:
            return self.now.result == then.result
        return self.now == then

    @property
    def _is_hosts_word(self) -> bool:
        """What was said came from the computer: it found no scanner, or knew who held it."""
        events = self.recorded.events
        return not events or any(event.value == _HELD for event in events)


class _ThatDay(UsbHost):
    """The computer of a recording: it knows nothing of the device, and has the time of then."""

    def __init__(self, backend: ReplayBackend) -> None:
        super().__init__(Path("/nonexistent"))
        self._backend = backend

    def clock(self) -> float:
        return self._backend.clock()

    def pause(self, seconds: float) -> None:
        """Wait for nothing: what comes next brings the time at which it came."""


def replay(file: Path, scanner_factory: ScannerFactory | None = None) -> tuple[Step, ...]:
    """Run the operations of a capture.

    Parameters
    ----------
    file
        The capture.
    scanner_factory
        Makes the driver.

    Raises
    ------
    InputError
        If it is no capture, or one that cannot be replayed.
    """
    recording = capture_file.read(file)
    return run(recording, scanner_factory or _scanner)


def run(recording: Recording, scanner_factory: ScannerFactory) -> tuple[Step, ...]:
    """Run the operations of a recording; raises InputError if that cannot be."""
    settings = _checked(recording)
    backend = ReplayBackend()
    scanner = scanner_factory(backend, recording.header.serial, settings)
    steps: list[Step] = []
    line = 2  # after the header
    try:
        for operation in recording.operations:
            if operation.name:
                step = _step(scanner, backend, operation, line + 1)
                steps.append(step)
                if not step.is_same:
                    break
            line += 1 + len(operation.events) + (operation.outcome is not None)
    finally:
        backend.end()
        scanner.close()
    return tuple(steps)


def _checked(recording: Recording) -> Settings:
    header = recording.header
    unknown = {each.name for each in recording.operations if each.name} - set(_OPERATIONS)
    if unknown:
        raise InputError("this program does not know an operation", operation=min(unknown))
    if header.settings is None or not any(each.name for each in recording.operations):
        raise InputError("there is nothing of a scanner in this capture")
    if not header.whole:
        raise InputError(
            "this capture does not reach back to the opening of the scanner, it can be read and "
            "not replayed: record again, from before the scanner is switched on"
        )
    return header.settings


def _scanner(backend: ReplayBackend, serial: str | None, settings: Settings) -> Scanner:
    return Scanner(
        lambda: backend,
        serial=serial,
        settings=settings,
        host=_ThatDay(backend),
    )


def _step(scanner: Scanner, backend: ReplayBackend, operation: Operation, line: int) -> Step:
    if operation.outcome is None:
        return Step(operation)
    backend.play(operation, line)
    now = None
    try:
        now = _outcome(scanner, operation.name)
        backend.finish()
    except Differs as error:
        return Step(operation, now, str(error))
    return Step(operation, now)


def _outcome(scanner: Scanner, name: str) -> Outcome:
    try:
        return Outcome.of(_OPERATIONS[name](scanner))
    except Differs:
        raise
    except (SuianError, ValueError) as error:  # ValueError: an operation out of turn
        return Outcome.of(error)
