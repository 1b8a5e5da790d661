"""What passed between driver and scanner, as values: a capture keeps them, a replay uses them.

Rule 1: bytes of a page are a length and a fingerprint, unless they were asked for.
"""

import zlib
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Final, NamedTuple

from daemon.errors import SuianError
from daemon.feeder.fi.status import HardwareStatus
from daemon.feeder.settings import Settings
from daemon.page import Scan


class Kind(StrEnum):
    """What passed."""

    OPENED = "opened"
    OUT = "out"
    IN = "in"
    IMAGE = "image"
    FAILED = "failed"
    CLEAR_HALT = "clear_halt"
    RESET = "reset"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Opened:
    """The device that was opened, as its descriptors tell, and the parts of it that are used."""

    vendor_id: int
    product_id: int
    release: int
    configuration: int
    interface: int
    interface_class: int
    out_address: int
    in_address: int
    packet_bytes: int
    speed: int | None = None


FINGERPRINT_BYTES: Final = 4096
"""A CRC32 of a whole page costs more than all else the driver does with it. So much of a block
tells it from its neighbours, in this file and in one of usbmon."""


class Image(NamedTuple):
    """Samples of a page: how many, the CRC32 of the first of them, and, where asked for, all.

    `packed` is their content by zlib, or nothing.
    """

    size_bytes: int
    crc32: int
    packed: bytes = b""

    @classmethod
    def of(cls, data: memoryview, *, keep: bool) -> "Image":
        """Take note of a block, and `keep` its content or not."""
        crc32 = zlib.crc32(data[:FINGERPRINT_BYTES])
        return cls(len(data), crc32, zlib.compress(data, 1) if keep else b"")

    def content(self) -> bytes:
        """Return the samples; white where they were not kept."""
        if not self.packed:
            return bytes(self.size_bytes)
        return zlib.decompressobj().decompress(self.packed, self.size_bytes)


class Failure(NamedTuple):
    """An errno, 0 where there was none, and what was being done."""

    number: int
    doing: str


Value = Opened | bytes | Image | Failure | None
"""What an event carries."""


class Event(NamedTuple):
    """One thing that passed, with the milliseconds since the capture began."""

    at_ms: float
    kind: Kind
    value: Value


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of an operation: `done`, `yes`, `no`, what was read, or the label of an error."""

    result: str
    said: str = ""

    @classmethod
    def of(cls, result: object) -> "Outcome":
        """Put what an operation returned or raised in words; no word is of a page's content."""
        match result:
            case SuianError():
                said = cls(result.label, result.message)
            case BaseException():
                said = cls(type(result).__name__, str(result))
            case HardwareStatus():
                said = cls("sensors", _sensors(result))
            case tuple():
                said = cls("sheet", ", ".join(_face(scan) for scan in result))
            case None | bool():
                said = cls("done" if result is None else "yes" if result else "no")
            case _:
                said = cls(type(result).__name__)
        return said

    def __str__(self) -> str:
        return f"{self.result}: {self.said}" if self.said else self.result


@dataclass(slots=True, eq=False)
class Operation:
    """One operation of the scanner.

    Attributes
    ----------
    name
        The method of the Scanner; "" for what passed outside of any.
    outcome
        None where the recording ends within it.
    repeats
        How often it came to pass in the same way, one after another; kept is the last time.
    dropped
        How many operations before it were not kept.
    """

    name: str
    at_ms: float
    events: list[Event] = field(default_factory=list)
    outcome: Outcome | None = None
    repeats: int = 1
    dropped: int = 0


@dataclass(frozen=True, slots=True)
class Header:
    """How a capture came to be.

    Attributes
    ----------
    version
        Of the program.
    began
        Of the capture, in UTC; all times count from then.
    serial, settings
        How the scanner was driven; None where nobody said.
    whole
        It begins with the opening of the scanner, and can be replayed.
    """

    version: str
    began: str
    serial: str | None
    settings: Settings | None
    images: bool
    whole: bool


@dataclass(frozen=True, slots=True)
class Recording:
    """What a file holds."""

    header: Header
    operations: tuple[Operation, ...]


def _sensors(status: HardwareStatus) -> str:
    said = []
    for each in fields(status):
        value = getattr(status, each.name)
        if isinstance(value, frozenset):
            said += [f"{each.name} {part}" for part in sorted(value)]
        elif value:
            said.append(each.name)
    return ", ".join(said)


def _face(scan: Scan) -> str:
    height, width = scan.samples.shape[:2]
    return f"{width} x {height}{' incomplete' if scan.incomplete else ''}"
