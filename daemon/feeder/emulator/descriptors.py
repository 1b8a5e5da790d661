"""SET WINDOW as the emulated scanner understands it.

Rule 1: what the scanner cannot do it refuses, and says at which byte; it ignores nothing but the
brightness, threshold and contrast that its inquiry says it does not have.
"""

from collections.abc import Container, Sequence
from typing import Final

from daemon.feeder.emulator.profile import UNITS_PER_INCH, Profile
from daemon.feeder.emulator.sense import WRONG_LENGTH, WRONG_WINDOWS, Refused, bad_parameter
from daemon.feeder.emulator.window import BACK, FRONT, Frame, Tone, Window

_HEADER_BYTES: Final = 8
_DESCRIPTOR_BYTES: Final = 64
_LINE_ART, _GRAY, _COLOUR = 0, 2, 5

# (offset in the descriptor, bytes, what is allowed there)
_Fields = Sequence[tuple[int, int, Container[int]]]
_COMMON: Final[_Fields] = (
    (0x01, 1, (0,)),  # auto
    (0x1B, 2, (0,)),  # halftone
    (0x1D, 1, (0x00, 0x80)),  # RIF
    (0x1E, 2, (0,)),
    (0x20, 2, (0,)),  # compression
    (0x32, 1, (0x00, 0x80, 0xC0)),  # white level follow
    (0x33, 2, (0,)),
    (0x3E, 1, (0,)),
)
_OF_MONO: Final[_Fields] = ((0x28, 1, (0x00,)), (0x2A, 4, (0,)), (0x2E, 3, (0,)))
_OF_MODE: Final[dict[int, _Fields]] = {
    # composition -> its other fields
    _LINE_ART: ((0x1A, 1, (1,)), *_OF_MONO),
    _GRAY: ((0x1A, 1, (8,)), *_OF_MONO),
    _COLOUR: ((0x1A, 1, (8,)), (0x28, 1, (0xC1,)), (0x2E, 2, (0,))),
}
_OF_SIDE: Final[dict[int, _Fields]] = {
    FRONT: ((0x00, 1, (FRONT,)), (0x35, 1, (0xC0,)), (0x36, 4, range(1, 2**31))),
    BACK: ((0x00, 1, (BACK,)), (0x35, 1, (0,)), (0x36, 4, (0,)), (0x3A, 4, (0,))),
}


def parse(payload: bytes, profile: Profile, *, overscan: bool) -> dict[int, Frame]:
    """Return the windows of a SET WINDOW payload by their ids.

    Raises
    ------
    Refused
        5/1A/00 for a payload of another length, 5/26/00 with the byte that is wrong, 5/2C/02 when
        front and back differ or there is no back.
    """
    count, rest = divmod(len(payload) - _HEADER_BYTES, _DESCRIPTOR_BYTES)
    if rest or count not in (1, 2):
        raise Refused(WRONG_LENGTH)
    if int.from_bytes(payload[6:8]) != _DESCRIPTOR_BYTES:
        raise Refused(bad_parameter(6))
    if count == 2 and not profile.has_duplex:
        raise Refused(WRONG_WINDOWS)
    frames = {}
    for place, side in zip(range(count), (FRONT, BACK), strict=False):
        start = _HEADER_BYTES + place * _DESCRIPTOR_BYTES
        frames[side] = _Descriptor(payload, start, profile).frame(side, overscan=overscan)
    if len(set(frames.values())) != 1:
        raise Refused(WRONG_WINDOWS)
    return frames


class _Descriptor:
    """One descriptor in a payload."""

    def __init__(self, payload: bytes, start: int, profile: Profile) -> None:
        self._payload = payload
        self._start = start
        self._profile = profile

    def frame(self, side: int, *, overscan: bool) -> Frame:
        """Return what it describes; raises Refused with the byte that is wrong."""
        mode = self._value(0x19)
        self._require(_OF_SIDE[side])
        self._require(self._of_profile())
        self._require(_COMMON)
        self._require(_OF_MODE[mode])
        if mode == _COLOUR:
            self._require_order()
        if self._value(0x04, 2) != self._value(0x02, 2):
            raise self._wrong(0x04)
        return Frame(
            self._window(mode, overscan=overscan),
            line_art=mode == _LINE_ART,
            tone=self._tone(),
            inverted=not self._value(0x1D),
            order=self._order() if mode == _COLOUR else (0, 0),
            downloaded=bool(self._value(0x29)),
        )

    def _of_profile(self) -> _Fields:
        resolutions = self._profile.resolutions_dpi
        modes = (_LINE_ART, _GRAY, _COLOUR) if self._profile.has_line_art else (_GRAY, _COLOUR)
        curves = (0x00, 0x80) if self._profile.curve_bytes else (0x00,)
        return (
            (0x02, 2, resolutions),
            (0x04, 2, resolutions),
            (0x19, 1, modes),
            (0x29, 1, curves),
        )

    def _require(self, fields: _Fields) -> None:
        for offset, size_bytes, allowed in fields:
            if self._value(offset, size_bytes) not in allowed:
                raise self._wrong(offset)

    def _require_order(self) -> None:
        how, first = self._order()
        if how not in {offered for offered, _ in self._profile.colour_orders}:
            raise self._wrong(0x2A)
        if (how, first) not in self._profile.colour_orders:
            raise self._wrong(0x2B)

    def _order(self) -> tuple[int, int]:
        return self._value(0x2A), self._value(0x2B)

    def _tone(self) -> Tone:
        neutral, profile = Tone(), self._profile
        return Tone(
            self._value(0x16) if profile.brightness_steps else neutral.brightness,
            self._value(0x17) if profile.threshold_steps else neutral.threshold,
            self._value(0x18) if profile.contrast_steps else neutral.contrast,
        )

    def _window(self, mode: int, *, overscan: bool) -> Window:
        dpi = self._value(0x02, 2)
        width_px = self._pixels(0x06, 0x0E, self._profile.widest_units(overscan=overscan))
        if mode == _LINE_ART and width_px % 8:
            raise self._wrong(0x0E)
        height_px = self._pixels(0x0A, 0x12, self._profile.longest_units(dpi))
        return Window(width_px, height_px, dpi, 3 if mode == _COLOUR else 1)

    def _pixels(self, first_at: int, extent_at: int, most: int) -> int:
        """Return an extent in whole pixels; a part of a pixel is not scanned."""
        extent = self._value(extent_at, 4)
        pixels = extent * self._value(0x02, 2) // UNITS_PER_INCH
        if pixels < 1 or self._value(first_at, 4) + extent > most:
            raise self._wrong(extent_at)
        return pixels

    def _value(self, offset: int, size_bytes: int = 1) -> int:
        at = self._start + offset
        return int.from_bytes(self._payload[at : at + size_bytes])

    def _wrong(self, offset: int) -> Refused:
        return Refused(bad_parameter(self._start + offset))
