"""The USB envelope around a SCSI command: a command block out, a status block in.

There is no tag and no length in it: both ends derive the data phase from the command itself, so
after any failure the two ends may disagree, and only the ladder of the driver helps.
"""

from enum import IntEnum
from typing import Final

from daemon.errors import ProtocolError

COMMAND_BLOCK_BYTES: Final = 31
STATUS_BLOCK_BYTES: Final = 13
_COMMAND_MARK: Final = 0x43
_STATUS_MARK: Final = 0x53
_CDB_AT: Final = 0x13
_STATUS_AT: Final = 9


class Status(IntEnum):
    """SCSI status of a command."""

    GOOD = 0
    CHECK_CONDITION = 2
    BUSY = 8


def command_block(cdb: bytes) -> bytes:
    """Wrap a command descriptor block of 6 or 10 bytes."""
    if len(cdb) not in {6, 10}:
        raise ValueError(f"a command has 6 or 10 bytes, got {len(cdb)}")
    head = bytes([_COMMAND_MARK]).ljust(_CDB_AT, b"\0")
    return (head + cdb).ljust(COMMAND_BLOCK_BYTES, b"\0")


def status_of(block: bytes) -> Status:
    """Read a status block.

    Raises
    ------
    ProtocolError
        If it is none: the stream is out of step.
    """
    if len(block) != STATUS_BLOCK_BYTES or block[0] != _STATUS_MARK:
        raise ProtocolError(
            "no status block where one is due", got=block[:16].hex(" ") or "nothing"
        )
    try:
        return Status(block[_STATUS_AT])
    except ValueError:
        # Every status but GOOD and BUSY is answered by asking for the sense.
        return Status.CHECK_CONDITION
