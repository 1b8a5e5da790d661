"""Why a command of the emulated scanner ended as it did: sense, and the ways to have no answer."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Sense:
    """Why a command ended as it did.

    Attributes
    ----------
    residue_bytes
        Asked for and not delivered; not None sets ILI.
    ends
        The side has ended: EOM beside ILI.
    offending_byte
        Where the host's mistake is.
    in_command
        The offending byte is one of the command, not of its parameters.
    """

    key: int = 0
    code: int = 0
    qualifier: int = 0
    residue_bytes: int | None = None
    ends: bool = True
    offending_byte: int | None = None
    in_command: bool = False

    def data(self) -> bytes:
        """Return the 18 bytes of REQUEST SENSE."""
        data = bytearray(18)
        data[0] = 0x70
        data[2] = self.key
        data[7] = 10
        data[12:14] = self.code, self.qualifier
        if self.residue_bytes is not None:
            data[0] |= 0x80
            data[2] |= 0x60 if self.ends else 0x20
            data[3:7] = self.residue_bytes.to_bytes(4)
        if self.offending_byte is not None:
            data[15] = 0xC0 if self.in_command else 0x80
            data[16:18] = self.offending_byte.to_bytes(2)
        return bytes(data)


class Refused(Exception):
    """A command ended with CHECK CONDITION; REQUEST SENSE says why."""

    def __init__(self, sense: Sense) -> None:
        super().__init__(sense)
        self.sense = sense


class NotReady(Exception):
    """A command ended with status BUSY."""


class LockedUp(Exception):
    """The firmware hangs until it is reset: there is no answer."""


class Unplugged(Exception):
    """The cable was pulled: there is no answer."""


class Stall(Exception):
    """The pipe is halted until it is cleared."""


class Silence(Exception):
    """The scanner neither takes nor gives: the host's transfer runs into its timeout."""


NO_SENSE: Final = Sense()
PAPER_JAM: Final = Sense(3, 0x80, 0x01)
COVER_OPEN: Final = Sense(3, 0x80, 0x02)
HOPPER_EMPTY: Final = Sense(3, 0x80, 0x03)
PAPER_REFUSED: Final = Sense(3, 0x80, 0x04)
DOUBLE_FEED: Final = Sense(3, 0x80, 0x07)
NO_DATA_YET: Final = Sense(3, 0x80, 0x13)
STOP_BUTTON: Final = Sense(3, 0x80, 0x20)
SCAN_HALTED: Final = Sense(3, 0x80, 0x22)
OPTICAL: Final = Sense(4, 0x80, 0x06)
WRONG_LENGTH: Final = Sense(5, 0x1A, 0x00)
WRONG_COMMAND: Final = Sense(5, 0x20, 0x00)
OUT_OF_SEQUENCE: Final = Sense(5, 0x2C, 0x00)
WRONG_WINDOWS: Final = Sense(5, 0x2C, 0x02)
WAS_RESET: Final = Sense(6, 0x00, 0x00)
WAS_ASLEEP: Final = Sense(6, 0x80, 0x01)


def bad_command(offending_byte: int) -> Sense:
    """Return 5/24/00 for a byte of the command."""
    return Sense(5, 0x24, 0x00, offending_byte=offending_byte, in_command=True)


def bad_parameter(offending_byte: int) -> Sense:
    """Return 5/26/00 for a byte of the parameters, header and all."""
    return Sense(5, 0x26, 0x00, offending_byte=offending_byte)
