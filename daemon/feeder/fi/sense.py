"""Why a command was not good: sense bytes, and the table of their meanings. No I/O.

Rule 1: one cause, one row; no two causes of the same row. Rule 2: what a person must do and what
the device must do are different errors; the stop button is not an empty hopper.
"""

from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from daemon.errors import (
    CoverOpen,
    DoubleFeed,
    HardwareFault,
    OperatorError,
    PaperJam,
    PaperRefused,
    ProtocolError,
    StoppedByOperator,
    SuianError,
)

_LEAST_BYTES: Final = 14
_SPECIFIC_BYTES: Final = 18
_ERROR_CODES: Final = (0x70, 0x71)


class Verdict(Enum):
    """What the driver does next."""

    GOOD = auto()
    """The command was carried out; a read may have been short or the last one of its side."""
    BUSY = auto()
    """Ask again in a moment."""
    EMPTY = auto()
    """No paper in the hopper: the normal end of a batch."""
    RESET = auto()
    """The scanner was reset and has forgotten its windows; the command was not carried out."""
    WOKEN = auto()
    """The scanner was asleep; the command was not carried out."""
    FAULT = auto()
    """An error, see `error_of`."""


@dataclass(frozen=True, slots=True)
class Meaning:
    """One row of the table; `error` belongs to FAULT."""

    verdict: Verdict
    text: str
    error: type[SuianError] | None = None

    def __post_init__(self) -> None:
        if (self.verdict is Verdict.FAULT) != (self.error is not None):
            raise ValueError(f"a fault has an error and nothing else has: {self.text}")


@dataclass(frozen=True, slots=True)
class Sense:
    """Sense bytes as values.

    Attributes
    ----------
    key, asc, ascq
        What happened, in the three steps of SCSI.
    end_of_medium, incorrect_length
        EOM and ILI.
    residue_bytes
        Asked minus delivered, or None when the scanner does not say.
    offending_byte
        Which byte of the command or its payload was refused, or None.
    """

    key: int
    asc: int
    ascq: int
    end_of_medium: bool = False
    incorrect_length: bool = False
    residue_bytes: int | None = None
    offending_byte: int | None = None

    @property
    def code(self) -> str:
        """Key, ASC and ASCQ as they are written in manuals."""
        return f"{self.key:X}/{self.asc:02X}/{self.ascq:02X}"


def parse(data: bytes) -> Sense:
    """Read sense bytes.

    Raises
    ------
    ProtocolError
        If they are too short or are no sense bytes at all.
    """
    if len(data) < _LEAST_BYTES or data[0] & 0x7F not in _ERROR_CODES:
        raise ProtocolError("the scanner's sense is not readable", got=data[:18].hex(" "))
    said = len(data) >= _SPECIFIC_BYTES and bool(data[0x0F] & 0x80)
    return Sense(
        key=data[2] & 0x0F,
        asc=data[0x0C],
        ascq=data[0x0D],
        end_of_medium=bool(data[2] & 0x40),
        incorrect_length=bool(data[2] & 0x20),
        residue_bytes=int.from_bytes(data[3:7], "big") if data[0] & 0x80 else None,
        offending_byte=int.from_bytes(data[0x10:0x12], "big") if said else None,
    )


def meaning(sense: Sense) -> Meaning:
    """Look the sense up; what the table does not know is a protocol error, named by its code."""
    if sense.key == 0 and sense.asc in {0x00, 0x80}:
        return _GOOD  # 0/80/xx are sensor bits of old models
    return TABLE.get((sense.key, sense.asc, sense.ascq), _UNKNOWN)


def error_of(sense: Sense, command: str) -> SuianError:
    """Make the error a FAULT is raised as."""
    found = meaning(sense)
    if found.error is None:
        raise ValueError(f"{sense.code} is not a fault")
    facts: dict[str, object] = {"sense": sense.code}
    if not issubclass(found.error, OperatorError):
        facts["command"] = command
    if sense.offending_byte is not None:
        facts["byte"] = sense.offending_byte
    return found.error(found.text, **facts)


_GOOD: Final = Meaning(Verdict.GOOD, "carried out")
_UNKNOWN: Final = Meaning(
    Verdict.FAULT, "the scanner reports something this driver does not know", ProtocolError
)
_BUSY: Final = Meaning(Verdict.BUSY, "busy")


def _fault(error: type[SuianError], text: str) -> Meaning:
    return Meaning(Verdict.FAULT, text, error)


def _service(part: str) -> Meaning:
    return _fault(HardwareFault, f"the scanner reports a defect: {part}; call service")


def _transport(what: str) -> Meaning:
    return _fault(ProtocolError, f"the scanner broke off a transfer: {what}")


def _our_fault(what: str) -> Meaning:
    return _fault(ProtocolError, f"the scanner refused {what}; the driver does not fit this model")


TABLE: Final[dict[tuple[int, int, int], Meaning]] = {
    (0x2, 0x00, 0x00): _BUSY,
    (0x3, 0x80, 0x01): _fault(PaperJam, "paper jam: open the cover and take the sheet out"),
    (0x3, 0x80, 0x02): _fault(CoverOpen, "the cover of the feeder is open: shut it"),
    (0x3, 0x80, 0x03): Meaning(Verdict.EMPTY, "the hopper is empty"),
    (0x3, 0x80, 0x04): _fault(PaperRefused, "unusual paper: scan this sheet by hand"),
    (0x3, 0x80, 0x07): _fault(DoubleFeed, "two sheets were pulled in together: part them"),
    (0x3, 0x80, 0x08): _fault(PaperRefused, "the feeder is not set up for this paper"),
    (0x3, 0x80, 0x09): _fault(PaperRefused, "a carrier sheet: take it out"),
    (0x3, 0x80, 0x0C): _fault(PaperRefused, "the way for cards is open: shut it"),
    (0x3, 0x80, 0x10): _service("the imprinter has no ink cartridge"),
    (0x3, 0x80, 0x13): Meaning(Verdict.BUSY, "no data yet"),
    (0x3, 0x80, 0x14): _service("imprinter"),
    (0x3, 0x80, 0x20): _fault(StoppedByOperator, "somebody pressed the stop button"),
    (0x3, 0x80, 0x22): _fault(ProtocolError, "the scan was halted and nobody asked for it"),
    (0x3, 0x80, 0x30): _fault(PaperRefused, "not enough paper in the hopper for this mode"),
    (0x3, 0x80, 0x31): _service("scanning is disabled"),
    (0x3, 0x80, 0x32): Meaning(Verdict.BUSY, "paused"),
    (0x3, 0x80, 0x33): _service("its wireless network"),
    (0x4, 0x44, 0x00): _service("EEPROM"),
    (0x4, 0x80, 0x01): _service("motor fuse of the flatbed"),
    (0x4, 0x80, 0x02): _service("heater fuse"),
    (0x4, 0x80, 0x03): _service("lamp fuse"),
    (0x4, 0x80, 0x04): _service("motor fuse of the feeder"),
    (0x4, 0x80, 0x05): _service("mechanics"),
    (0x4, 0x80, 0x06): _service("optics"),
    (0x4, 0x80, 0x07): _service("fan"),
    (0x4, 0x80, 0x08): _service("image processing board"),
    (0x4, 0x80, 0x10): _service("imprinter"),
    (0x4, 0x80, 0x11): _service("fuse of the imprinter"),
    (0x4, 0x80, 0x80): _service("interface board"),
    (0x4, 0x80, 0x81): _service("interface board"),
    (0x4, 0x80, 0x82): _service("interface board"),
    (0x5, 0x00, 0x00): _fault(PaperJam, "the edge of a sheet came too soon: lay the stack anew"),
    (0x5, 0x1A, 0x00): _our_fault("the length of a parameter list"),
    (0x5, 0x20, 0x00): _our_fault("an operation"),
    (0x5, 0x24, 0x00): _our_fault("a field of a command"),
    (0x5, 0x25, 0x00): _our_fault("a logical unit"),
    (0x5, 0x26, 0x00): _our_fault("a field of a parameter list"),
    (0x5, 0x2C, 0x00): _our_fault("the order of commands"),
    (0x5, 0x2C, 0x02): _our_fault("the combination of windows"),
    (0x6, 0x00, 0x00): Meaning(Verdict.RESET, "the scanner was reset"),
    (0x6, 0x80, 0x01): Meaning(Verdict.WOKEN, "the scanner was asleep"),
    (0xB, 0x43, 0x00): _transport("message"),
    (0xB, 0x45, 0x00): _transport("reselection"),
    (0xB, 0x47, 0x00): _transport("parity"),
    (0xB, 0x48, 0x00): _transport("initiator"),
    (0xB, 0x4E, 0x00): _transport("overlapping commands"),
    (0xB, 0x80, 0x01): _transport("image; this sheet must be scanned again"),
    (0xB, 0x80, 0x03): _transport("more compressed data than it can hold"),
}
