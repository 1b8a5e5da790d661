"""usbdevfs: the numbers of the ioctls that libusb uses, and where things stand in an URB.

Source: the Linux user-space header `linux/usbdevice_fs.h`, 64-bit.
"""

import struct
from dataclasses import dataclass
from typing import Any, Final

URB_BYTES: Final = 56
POINTER_BYTES: Final = 8
INTEGER_BYTES: Final = 4

STATUS_AT: Final = 4
BUFFER_AT: Final = 16
ACTUAL_LENGTH_AT: Final = 28
_HEAD: Final = struct.Struct("<BBxxiIxxxxQi")
"""Type, endpoint, status, flags, buffer, length."""
_CONTROL: Final = 2


def _ioctl(direction: int, number: int, size_bytes: int) -> int:
    return direction << 30 | size_bytes << 16 | ord("U") << 8 | number


RESET_ENDPOINT: Final = _ioctl(2, 3, INTEGER_BYTES)
SET_INTERFACE: Final = _ioctl(2, 4, 8)
SET_CONFIGURATION: Final = _ioctl(2, 5, INTEGER_BYTES)
GET_DRIVER: Final = _ioctl(1, 8, 260)
SUBMIT_URB: Final = _ioctl(2, 10, URB_BYTES)
DISCARD_URB: Final = _ioctl(0, 11, 0)
REAP_URB_AT_ONCE: Final = _ioctl(1, 13, POINTER_BYTES)
CLAIM_INTERFACE: Final = _ioctl(2, 15, INTEGER_BYTES)
RELEASE_INTERFACE: Final = _ioctl(2, 16, INTEGER_BYTES)
DRIVER_IOCTL: Final = _ioctl(3, 18, 16)
RESET: Final = _ioctl(0, 20, 0)
CLEAR_HALT: Final = _ioctl(2, 21, INTEGER_BYTES)
GET_CAPABILITIES: Final = _ioctl(2, 26, INTEGER_BYTES)
DISCONNECT_AND_CLAIM: Final = _ioctl(2, 27, 264)

CAPABILITIES: Final = 0x01 | 0x04 | 0x08
"""Zero packets, no limit of size, scatter and gather: one URB a transfer, as with xHCI."""


@dataclass(eq=False, slots=True)
class Urb:
    """One transfer as a program has submitted it.

    Attributes
    ----------
    address
        Where the program keeps it: its name.
    memory
        How its memory is reached; only who does that looks at it.
    size
        Bytes of its buffer.
    sent
        What is in the buffer of an OUT or control transfer.
    status, actual, came
        How it ended: 0 or a negative errno, how many bytes passed, and those that came.
    """

    address: int
    memory: Any
    endpoint: int
    is_control: bool
    size: int
    sent: bytes = b""
    status: int = 0
    actual: int = 0
    came: bytes = b""

    @classmethod
    def read(cls, address: int, memory: Any, head: bytes) -> "Urb":
        """Read an URB from the program's memory; its data are not there yet."""
        kind, endpoint, _status, _flags, _buffer, size = _HEAD.unpack_from(head)
        return cls(address, memory, endpoint, kind == _CONTROL, size)

    @property
    def is_in(self) -> bool:
        """The device sends."""
        return bool(self.endpoint & 0x80)
