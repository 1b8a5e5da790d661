"""What the scanner says while it works: its sensors, and the size of a scanned side. No I/O."""

from dataclasses import dataclass
from typing import Final

from daemon.errors import ProtocolError
from daemon.feeder.fi import PIXEL_SIZE_BYTES

_SENSOR_BYTES: Final = 5


@dataclass(frozen=True, slots=True)
class HardwareStatus:
    """The sensors at one moment.

    Attributes
    ----------
    hopper_loaded
        There is paper to feed.
    button_pressed
        The Scan button was pressed since the sensors were last read (a level that stays until
        then).
    cover_open
        The cover of the feeder.
    paper_in_path
        Paper lies under the sensor at the top of the page.
    sleeping
        The scanner saves power; the next command wakes it.
    """

    hopper_loaded: bool
    button_pressed: bool
    cover_open: bool
    paper_in_path: bool
    sleeping: bool = False


def parse_hardware_status(data: bytes) -> HardwareStatus:
    """Read the answer to GET HARDWARE STATUS.

    Raises
    ------
    ProtocolError
        If it is too short.
    """
    if len(data) < _SENSOR_BYTES:
        raise ProtocolError("the answer with the sensors is too short", got_bytes=len(data))
    return HardwareStatus(
        hopper_loaded=not data[3] & 0x80,  # the bit says that it is empty
        button_pressed=bool(data[4] & 0x01),
        cover_open=bool(data[3] & 0x20),
        paper_in_path=bool(data[2] & 0x80),
        sleeping=bool(data[4] & 0x80),
    )


def parse_pixel_size(data: bytes, width_px: int, height_px: int) -> tuple[int, int]:
    """Read pixels a line and lines of a side; checked before memory is asked for.

    Parameters
    ----------
    data
        The answer to READ of type 80.
    width_px, height_px
        The window that was set: a scanner may round it, not exceed it by much.

    Raises
    ------
    ProtocolError
        If the answer is too short or far from the window.
    """
    if len(data) < 8 or len(data) > PIXEL_SIZE_BYTES:
        raise ProtocolError("the answer with the size of a side is too short", got_bytes=len(data))
    width, height = int.from_bytes(data[0:4], "big"), int.from_bytes(data[4:8], "big")
    slack_px = 64
    if not (0 < width <= width_px + slack_px and 0 < height <= height_px + slack_px):
        raise ProtocolError(
            "the size of a side is not that of the window",
            expected=(width_px, height_px),
            got=(width, height),
        )
    return width, height
