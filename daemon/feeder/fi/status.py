"""What the scanner says while it works: its sensors, and the size of a scanned side. No I/O."""

from dataclasses import dataclass
from typing import Final

from daemon.errors import ProtocolError
from daemon.feeder.fi import PIXEL_SIZE_BYTES

_SENSOR_BYTES: Final = 5
_SIZE_BYTES: Final = 8
_SLACK_PX: Final = 64
_PAPER_LENGTH: Final = slice(0x0C, 0x10)
_ALARMS_AT: Final = 5
_FEED_AT: Final = 6
_ALARMS: Final = {0x80: "pick_roller", 0x40: "pad", 0x20: "brake", 0x10: "separator"}


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
    consumable_alarms
        The parts that the scanner counts as worn: pick_roller, pad, brake, separator.
    double_feed, over_skew
        Seen at the sheet fed last.
    cleaning_due
        The scanner asks to be cleaned.
    """

    hopper_loaded: bool
    button_pressed: bool
    cover_open: bool
    paper_in_path: bool
    sleeping: bool = False
    consumable_alarms: frozenset[str] = frozenset()
    double_feed: bool = False
    over_skew: bool = False
    cleaning_due: bool = False


def parse_hardware_status(data: bytes) -> HardwareStatus:
    """Read the answer to GET HARDWARE STATUS; what a short answer leaves out is not reported.

    Raises
    ------
    ProtocolError
        If it is too short for the sensors every model has.
    """
    if len(data) < _SENSOR_BYTES:
        raise ProtocolError("the answer with the sensors is too short", got_bytes=len(data))
    alarms = data[_ALARMS_AT] if len(data) > _ALARMS_AT else 0
    feed = data[_FEED_AT] if len(data) > _FEED_AT else 0
    return HardwareStatus(
        hopper_loaded=not data[3] & 0x80,  # the bit says that it is empty
        button_pressed=bool(data[4] & 0x01),
        cover_open=bool(data[3] & 0x20),
        paper_in_path=bool(data[2] & 0x80),
        sleeping=bool(data[4] & 0x80),
        consumable_alarms=frozenset(part for bit, part in _ALARMS.items() if alarms & bit),
        double_feed=bool(feed & 0x01),
        over_skew=bool(feed & 0x20),
        cleaning_due=bool(data[4] & 0x40),
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
    _check_size(data)
    width, height = int.from_bytes(data[0:4], "big"), int.from_bytes(data[4:8], "big")
    if not (0 < width <= width_px + _SLACK_PX and 0 < height <= height_px + _SLACK_PX):
        raise ProtocolError(
            "the size of a side is not that of the window",
            expected=(width_px, height_px),
            got=(width, height),
        )
    return width, height


def parse_real_lines(data: bytes) -> int:
    """Read how many lines a side had, from the answer that is given after its end.

    It has two places for it: the lines themselves, and the length of the paper, which some models
    fill and others leave at 0. The smaller one is meant; 0: the scanner does not say.

    Raises
    ------
    ProtocolError
        If the answer is too short.
    """
    _check_size(data)
    said = (int.from_bytes(data[4:8], "big"), int.from_bytes(data[_PAPER_LENGTH], "big"))
    return min((lines for lines in said if lines), default=0)


def _check_size(data: bytes) -> None:
    if not _SIZE_BYTES <= len(data) <= PIXEL_SIZE_BYTES:
        raise ProtocolError("the answer with the size of a side is too short", got_bytes=len(data))
