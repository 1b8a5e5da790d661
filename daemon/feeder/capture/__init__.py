"""The last transfers of a link, kept in memory and written down when something goes wrong.

Rule 1: a page is not kept. What comes after READ of an image is a length and a fingerprint, also
when it comes late, until a status block says that the pipe is in step again; what is no longer than
a status block is kept as it is. Nothing else that a scanner sends carries samples.
Rule 2: memory is bounded. What is dropped goes from one sheet to the next, so that the rest reads
as if those sheets had not been fed, and replays.
Rule 3: no method that a link or a scanner calls raises, and none copies a page.
"""

import array
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import update_wrapper
from pathlib import Path
from typing import Concatenate, Final, ParamSpec, Protocol, TypeVar

from daemon import __version__
from daemon.errors import ConfigError
from daemon.feeder.capture import dumps
from daemon.feeder.capture import file as capture_file
from daemon.feeder.capture.recording import (
    Event,
    Failure,
    Header,
    Image,
    Kind,
    Opened,
    Outcome,
    Recording,
    Value,
)
from daemon.feeder.capture.ring import Ring
from daemon.feeder.fi.envelope import COMMAND_BLOCK_BYTES, STATUS_BLOCK_BYTES
from daemon.feeder.settings import Settings

__all__ = [
    "KEPT_FILES",
    "LIMIT_BYTES",
    "NOTHING",
    "RECORDING_BYTES",
    "Capture",
    "Opened",
    "Witness",
    "recorded",
]

LIMIT_BYTES: Final = 4 * 1024 * 1024
RECORDING_BYTES: Final = 256 * 1024 * 1024
"""For a technician at a scanner: a day without pages, a stack of a dozen with them."""
KEPT_FILES: Final = 8

_COMMAND_MARK: Final = 0x43
_STATUS_MARK: Final = 0x53
_COMMAND_AT: Final = 0x13
_READ: Final = 0x28
_READ_TYPE_AT: Final = 0x15
_TYPE_IMAGE: Final = 0x00


class Witness:
    """What a link and a scanner tell of themselves; this one forgets it.

    No method raises. What is tried is told before it is tried: `failed` then says of what it was.
    """

    def driven(self, serial: str | None, settings: Settings) -> None:
        """Note how the scanner is driven: which one, and what is scanned."""

    def begin(self, operation: str) -> None:
        """Note that a method of the Scanner begins; one within another is part of it."""

    def ended(self, result: object) -> None:
        """Note what the method returned or raised."""

    def opened(self, device: Opened) -> None:
        """Note that a device is about to be opened and claimed."""

    def out(self, data: bytes) -> None:
        """Note one transfer that is about to be sent."""

    def came(self, buffer: "array.array[int]", count: int) -> None:
        """Note one transfer that has come: the first `count` bytes of the buffer."""

    def failed(self, number: int | None, doing: str) -> None:
        """Note that what was being done failed with this errno."""

    def cleared_halt(self) -> None:
        """Note that the halt of both pipes is about to be cleared."""

    def reset(self) -> None:
        """Note that the device is about to be reset."""

    def closed(self) -> None:
        """Note that the device was given back."""

    def dump(self, file: Path) -> None:
        """Write what is kept to a new file; raises ConfigError. Here: nothing."""

    def dump_into(self, folder: Path, reason: str, keep: int = KEPT_FILES) -> Path | None:
        """Write what is kept into a folder of captures; raises ConfigError. Here: nothing."""

    def keep(self, reason: str) -> None:
        """Write down what is kept, where there is a place for it. Here: nothing."""


NOTHING: Final = Witness()
"""For whoever records nothing."""


class _Told(Protocol):
    """Has a witness."""

    capture: Witness


_S = TypeVar("_S", bound=_Told)
_P = ParamSpec("_P")
_T = TypeVar("_T")


def recorded(act: Callable[Concatenate[_S, _P], _T]) -> Callable[Concatenate[_S, _P], _T]:
    """Make a method tell its witness, by its name, that it begins, and what came of it."""

    def told(self: _S, /, *args: _P.args, **kwargs: _P.kwargs) -> _T:
        self.capture.begin(act.__name__)
        try:
            result = act(self, *args, **kwargs)
        except BaseException as error:
            self.capture.ended(error)
            raise
        self.capture.ended(result)
        return result

    return update_wrapper(told, act)


class Capture(Witness):
    """The last transfers, in bounded memory; told by one thread, written down by any.

    Parameters
    ----------
    limit_bytes
        How much memory it may take.
    images
        Keep the content of pages as well.
    clock
        Seconds that only grow.
    """

    def __init__(
        self,
        limit_bytes: int = LIMIT_BYTES,
        *,
        images: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._images = images
        self._clock = clock
        self._began_s = clock()
        self._began = datetime.now(UTC)
        self._serial: str | None = None
        self._settings: Settings | None = None
        self._lock = threading.Lock()
        self._ring = Ring(limit_bytes)
        self._depth = 0
        self._samples_due = False
        self._in_step = True

    def driven(self, serial: str | None, settings: Settings) -> None:
        """Note how the scanner is driven: which one, and what is scanned."""
        self._serial, self._settings = serial, settings

    def begin(self, operation: str) -> None:
        """Note that a method of the Scanner begins; one within another is part of it."""
        self._depth += 1
        if self._depth == 1:
            with self._lock:
                self._ring.begin(operation, self._now_ms())

    def ended(self, result: object) -> None:
        """Note what the method returned or raised."""
        self._depth -= 1
        if not self._depth:
            with self._lock:
                self._ring.end(Outcome.of(result))

    def opened(self, device: Opened) -> None:
        """Note that a device is about to be opened and claimed."""
        self._note(Kind.OPENED, device)

    def out(self, data: bytes) -> None:
        """Note one transfer that is about to be sent."""
        if len(data) == COMMAND_BLOCK_BYTES and data[0] == _COMMAND_MARK:
            is_image = data[_COMMAND_AT] == _READ and data[_READ_TYPE_AT] == _TYPE_IMAGE
            # what came late to the command before may still lie in the pipe
            self._samples_due = is_image or (self._samples_due and not self._in_step)
            self._in_step = False
        self._note(Kind.OUT, data)

    def came(self, buffer: "array.array[int]", count: int) -> None:
        """Note one transfer that has come: the first `count` bytes of the buffer."""
        with memoryview(buffer) as whole, whole[:count] as data:
            if count > STATUS_BLOCK_BYTES and self._samples_due:
                self._note(Kind.IMAGE, Image.of(data, keep=self._images))
                return
            if count == STATUS_BLOCK_BYTES and data[0] == _STATUS_MARK:
                self._in_step = True
            self._note(Kind.IN, bytes(data))

    def failed(self, number: int | None, doing: str) -> None:
        """Note that what was being done failed with this errno."""
        self._note(Kind.FAILED, Failure(number or 0, doing))

    def cleared_halt(self) -> None:
        """Note that the halt of both pipes is about to be cleared."""
        self._note(Kind.CLEAR_HALT, None)

    def reset(self) -> None:
        """Note that the device is about to be reset."""
        self._note(Kind.RESET, None)

    def closed(self) -> None:
        """Note that the device was given back."""
        self._note(Kind.CLOSED, None)

    def dump(self, file: Path) -> None:
        """Write what is kept to a new file, readable by its owner alone.

        Raises
        ------
        ConfigError
            If it cannot be written, or is there already.
        """
        with self._lock:
            recording = self._recording()
        dumps.write(file, capture_file.lines(recording))

    def dump_into(self, folder: Path, reason: str, keep: int = KEPT_FILES) -> Path | None:
        """Write what is kept into a folder, made if need be, and remove its oldest captures.

        Returns None, and writes nothing, where nothing new has happened since the last time.

        Raises
        ------
        ConfigError
            If it cannot be written.
        """
        with self._lock:
            if not self._ring.has_news:
                return None
            recording = self._recording()
            self._ring.has_news = False
        try:
            return dumps.write_into(folder, reason, capture_file.lines(recording), keep)
        except ConfigError:
            self._ring.has_news = True
            raise

    def _recording(self) -> Recording:
        header = Header(
            version=__version__,
            began=self._began.isoformat(timespec="milliseconds"),
            serial=self._serial,
            settings=self._settings,
            images=self._images,
            whole=self._ring.is_whole,
        )
        return Recording(header, self._ring.snapshot())

    def _now_ms(self) -> float:
        return (self._clock() - self._began_s) * 1000

    def _note(self, kind: Kind, value: Value) -> None:
        with self._lock:
            self._ring.add(Event(self._now_ms(), kind, value))
