"""The USB envelope as the emulated scanner knows it: which data phases a command has.

    OUT 31-byte command block -> OUT data -> IN data -> IN 13-byte status

Rule 1: the command alone says which data phases there are.
"""

from typing import Final

VENDOR_ID: Final = 0x04C5
ENDPOINT_IN: Final = 0x81
ENDPOINT_OUT: Final = 0x02
STATUS_BYTES: Final = 13
NO_STATUS: Final = b"\xa5" * STATUS_BYTES
"""As long as a status block, and none."""
_BLOCK_BYTES: Final = 31
_COMMAND_AT: Final = 0x13
_STATUS_AT: Final = 9

# opcode -> bytes of the command, where the length of the data stands in it
_DATA_IN: Final[dict[int, tuple[int, slice]]] = {
    0x03: (6, slice(4, 5)),
    0x12: (6, slice(4, 5)),
    0x1A: (6, slice(4, 5)),
    0x1C: (6, slice(3, 5)),
    0x28: (10, slice(6, 9)),
    0xC2: (10, slice(7, 9)),
}
_DATA_OUT: Final[dict[int, tuple[int, slice]]] = {
    0x15: (6, slice(4, 5)),
    0x1B: (6, slice(4, 5)),
    0x1D: (6, slice(3, 5)),
    0x24: (10, slice(6, 9)),
    0x2A: (10, slice(6, 9)),
    0xC1: (10, slice(7, 9)),
}
_NO_DATA: Final[dict[int, int]] = {0x00: 6, 0x31: 10, 0xF1: 10}
_LONGEST_COMMAND: Final = _BLOCK_BYTES - _COMMAND_AT


def unwrapped(block: bytes) -> bytes | None:
    """Return the command in a command block, None when it is none."""
    command = block[_COMMAND_AT:]
    opcode = command[0] if command else 0
    size = (_DATA_IN | _DATA_OUT).get(opcode, (_NO_DATA.get(opcode, _LONGEST_COMMAND),))[0]
    is_good = (
        len(block) == _BLOCK_BYTES
        and block[0] == 0x43
        and not any(block[1:_COMMAND_AT])
        and not any(command[size:])
    )
    return command if is_good else None


def in_bytes(command: bytes) -> int:
    """Return how many bytes a command asks for, 0 when it has no data-in phase."""
    return _length(command, _DATA_IN)


def out_bytes(command: bytes) -> int:
    """Return how many bytes a command brings, 0 when it has no data-out phase."""
    return _length(command, _DATA_OUT)


def may_be_busy(command: bytes) -> bool:
    """Return whether a host must expect a command to be busy.

    They are TEST UNIT READY, READ of an image, and of SCANNER CONTROL the lamp and the question
    whether image data is ready.
    """
    opcode = command[0]
    if opcode == 0x28:
        return command[2] == 0x00
    if opcode == 0xF1:
        is_lamp_on = (command[1], command[2]) == (0x05, 0x00)
        return bool(command[1] & 0x10) or is_lamp_on
    return opcode == 0x00


def status_block(status: int) -> bytes:
    """Return the 13 bytes of a status."""
    block = bytearray(STATUS_BYTES)
    block[0] = 0x53
    block[_STATUS_AT] = status
    return bytes(block)


def _length(command: bytes, phases: dict[int, tuple[int, slice]]) -> int:
    if command[0] not in phases:
        return 0
    return int.from_bytes(command[phases[command[0]][1]])
