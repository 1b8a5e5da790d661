"""What the emulated scanner looks through: windows as SET WINDOW describes them, and the wire.

Rule 1: what the scanner cannot do it refuses, and says at which byte; it ignores nothing but the
brightness, threshold and contrast that its inquiry says it does not have.
"""

from collections.abc import Container, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from daemon.feeder.emulator.answers import (
    LONGEST_1200,
    MAX_LENGTH_1200,
    MAX_WIDTH_1200,
    RESOLUTIONS_DPI,
    UNITS_PER_INCH,
    WRONG_LENGTH,
    WRONG_WINDOWS,
    Refused,
    bad_parameter,
)

FRONT: Final = 0x00
BACK: Final = 0x80
_HEADER_BYTES: Final = 8
_DESCRIPTOR_BYTES: Final = 64
_COLOUR: Final = 5


@dataclass(frozen=True, slots=True)
class Window:
    """What is seen of one face.

    Attributes
    ----------
    dpi
        Samples per inch in both directions.
    channels
        1 gray, 3 colour.
    """

    width_px: int
    height_px: int
    dpi: int
    channels: int

    @property
    def size_bytes(self) -> int:
        """How many samples the window has."""
        return self.width_px * self.height_px * self.channels


class Paper(Protocol):
    """The paper in the emulated scanner."""

    def __len__(self) -> int:
        """Return how many sheets there are."""
        ...

    def face(self, sheet_index: int, side: str, window: Window) -> bytes:
        """Return the positive samples, gray or RGB, of one face; `side` is "F" or "B"."""
        ...


@dataclass(frozen=True, slots=True)
class Frame:
    """A window as the host has set it, with the way its samples go over the wire.

    Attributes
    ----------
    inverted
        0 is paper white on the wire: always so unless the host asks for the reverse (RIF).
    bgr
        Blue first.
    downloaded
        The tone curve is the downloaded LUT.
    """

    window: Window
    inverted: bool
    bgr: bool
    downloaded: bool

    def wire(self, samples: bytes, curve: bytes | None) -> bytes | bytearray:
        """Return positive samples as they go over the wire.

        The curve is applied to positive samples; no document says on which side of the inversion
        the device applies it, and the straight curve that hosts send is the same on both.

        Parameters
        ----------
        curve
            256 entries; None is straight.
        """
        if len(samples) != self.window.size_bytes:
            raise ValueError(f"the paper gave {len(samples)} samples for {self.window}")
        table = curve if curve and self.downloaded else bytes(range(256))
        if self.inverted:
            table = bytes(255 - value for value in table)
        sent = samples.translate(table)
        if not self.bgr:
            return sent
        swapped = bytearray(sent)
        swapped[0::3], swapped[2::3] = sent[2::3], sent[0::3]
        return swapped


# (offset in the descriptor, bytes, what is allowed there)
_Fields = Sequence[tuple[int, int, Container[int]]]
_COMMON: Final[_Fields] = (
    (0x01, 1, (0,)),  # auto
    (0x02, 2, RESOLUTIONS_DPI),
    (0x04, 2, RESOLUTIONS_DPI),
    (0x19, 1, (2, _COLOUR)),  # composition: line-art and halftone are not in the inquiry
    (0x1A, 1, (8,)),
    (0x1B, 2, (0,)),  # halftone
    (0x1D, 1, (0x00, 0x80)),  # RIF
    (0x1E, 2, (0,)),
    (0x20, 2, (0,)),  # compression
    (0x29, 1, (0x00, 0x80)),  # gamma
    (0x32, 1, (0x00, 0x80, 0xC0)),  # white level follow
    (0x33, 2, (0,)),
    (0x3E, 1, (0,)),
)
_OF_GRAY: Final[_Fields] = ((0x28, 1, (0x00,)), (0x2A, 4, (0,)), (0x2E, 3, (0,)))
_OF_COLOUR: Final[_Fields] = (
    (0x28, 1, (0xC1,)),
    (0x2A, 1, (1,)),  # dot order: line by line is not offered
    (0x2B, 1, (0, 5)),
    (0x2E, 2, (0,)),
)
_OF_SIDE: Final[dict[int, _Fields]] = {
    FRONT: ((0x00, 1, (FRONT,)), (0x35, 1, (0xC0,)), (0x36, 4, range(1, 2**31))),
    BACK: ((0x00, 1, (BACK,)), (0x35, 1, (0,)), (0x36, 4, (0,)), (0x3A, 4, (0,))),
}


def parse(payload: bytes) -> dict[int, Frame]:
    """Return the windows of a SET WINDOW payload by their ids.

    Raises
    ------
    Refused
        5/1A/00 for a payload of another length, 5/26/00 with the byte that is wrong, 5/2C/02 when
        front and back differ.
    """
    count, rest = divmod(len(payload) - _HEADER_BYTES, _DESCRIPTOR_BYTES)
    if rest or count not in (1, 2):
        raise Refused(WRONG_LENGTH)
    if int.from_bytes(payload[6:8]) != _DESCRIPTOR_BYTES:
        raise Refused(bad_parameter(6))
    frames = {}
    for place, side in zip(range(count), (FRONT, BACK), strict=False):
        start = _HEADER_BYTES + place * _DESCRIPTOR_BYTES
        frames[side] = _frame(payload, start, side)
    if len(set(frames.values())) != 1:
        raise Refused(WRONG_WINDOWS)
    return frames


def _frame(payload: bytes, start: int, side: int) -> Frame:
    def value(offset: int, size_bytes: int) -> int:
        return int.from_bytes(payload[start + offset : start + offset + size_bytes])

    colour = value(0x19, 1) == _COLOUR
    for fields in (_OF_SIDE[side], _COMMON, _OF_COLOUR if colour else _OF_GRAY):
        for offset, size_bytes, allowed in fields:
            if value(offset, size_bytes) not in allowed:
                raise Refused(bad_parameter(start + offset))
    dpi = value(0x02, 2)
    if value(0x04, 2) != dpi:
        raise Refused(bad_parameter(start + 0x04))
    longest = next((units for most, units in LONGEST_1200 if dpi <= most), MAX_LENGTH_1200)
    window = Window(
        _pixels(value(0x06, 4), value(0x0E, 4), dpi, MAX_WIDTH_1200, start + 0x0E),
        _pixels(value(0x0A, 4), value(0x12, 4), dpi, longest, start + 0x12),
        dpi,
        3 if colour else 1,
    )
    return Frame(
        window,
        inverted=not value(0x1D, 1),
        bgr=colour and value(0x2B, 1) == 5,
        downloaded=bool(value(0x29, 1)),
    )


def _pixels(first: int, extent: int, dpi: int, most: int, offending_byte: int) -> int:
    """Return an extent in whole pixels; a part of a pixel is not scanned."""
    pixels = extent * dpi // UNITS_PER_INCH
    if pixels < 1 or first + extent > most:
        raise Refused(bad_parameter(offending_byte))
    return pixels
