"""The mode pages of the emulated scanner: how the host wants it to behave.

Rule 1: a page is taken whole or refused with the byte that is wrong; what it does not simulate of
a page it refuses where the image would differ, and else takes without effect.
"""

from typing import Final

from daemon.feeder.emulator.profile import Profile
from daemon.feeder.emulator.sense import WRONG_LENGTH, LockedUp, Refused, bad_command, bad_parameter

PAGE_BYTES: Final[dict[int, int]] = {
    # page code -> page length
    0x2C: 6,
    0x2E: 6,  # patch code
    0x2F: 6,  # reset of the page counter
    0x32: 6,  # automatic colour
    0x33: 6,  # pre-pick
    0x34: 6,  # sleep timer
    0x35: 6,  # duplex transfer
    0x36: 6,
    0x37: 6,  # background
    0x38: 6,  # double feed
    0x39: 8,  # drop-out colour
    0x3A: 6,  # buffering
    0x3C: 6,  # automatic size, overscan
    0x3D: 6,  # lamp
    0x3E: 6,  # job separator
}
_SLEEP: Final = 0x34
_DOUBLE_FEED: Final = 0x38
_DROP_OUT: Final = 0x39
_AUTO_SIZE: Final = 0x3C
_HEADER_BYTES: Final = 4

_NOT_SIMULATED: Final[dict[int, tuple[tuple[int, int], ...]]] = {
    # page -> (offset, bits)
    _AUTO_SIZE: ((2, 0x80), (4, 0x80), (5, 0x30)),  # automatic width, deskew, crop
}
_TWO_BIT_FIELDS: Final[dict[int, tuple[tuple[int, int], ...]]] = {
    # page -> (offset, lower bit) of the fields that are 0 default, 2 off or 3 on
    0x33: ((2, 6),),
    _DOUBLE_FEED: ((3, 6), (3, 4), (3, 2), (5, 6)),
    0x3A: ((2, 6), (3, 6)),
    _AUTO_SIZE: ((5, 6),),
}
_COLOURS: Final = frozenset((0x0, 0x8, 0x9, 0xB, 0xC))


class Modes:
    """The pages as the host has set them, and what follows from them."""

    def __init__(self, profile: Profile) -> None:
        self._profile = profile
        self._pages: dict[int, bytes] = {}

    def sense(self, page: int, size_bytes: int) -> bytes:
        """Return MODE SENSE of a page, never shorter than asked for.

        Raises
        ------
        LockedUp, Refused
            If the page is one that this model cannot bear, or does not know.
        """
        if page in self._profile.locking_pages:
            raise LockedUp
        if page not in self._profile.mode_pages:
            raise Refused(bad_command(2))
        # a host takes a short answer for "not supported"
        answer = bytes(_HEADER_BYTES) + self._page(page)
        return answer.ljust(size_bytes, b"\0")[:size_bytes]

    def select(self, payload: bytes) -> None:
        """Take a page; raises Refused with the byte that is wrong."""
        if len(payload) < _HEADER_BYTES + 2:
            raise Refused(WRONG_LENGTH)
        page = payload[_HEADER_BYTES:]
        code = page[0]
        if code not in self._profile.mode_pages:
            raise Refused(bad_parameter(_HEADER_BYTES))
        if page[1] != PAGE_BYTES[code]:
            raise Refused(bad_parameter(_HEADER_BYTES + 1))
        if len(page) != page[1] + 2:
            raise Refused(WRONG_LENGTH)
        offending_byte = _offending_byte(page)
        if offending_byte is not None:
            raise Refused(bad_parameter(_HEADER_BYTES + offending_byte))
        self._pages[code] = page

    @property
    def sleeps_after_s(self) -> float | None:
        """How long it stays awake with nothing to do; None: for ever."""
        return self._page(_SLEEP)[2] * 60 or None

    @property
    def detects_double_feed(self) -> bool:
        """Detection is on, stops the feeder, and has a sensor to go by: thickness or length."""
        return self._stops() and bool(self._page(_DOUBLE_FEED)[2] & 0x18)

    @property
    def detects_skew(self) -> bool:
        """Detection is on, stops the feeder, and looks at skew."""
        return self._stops() and bool(self._page(_DOUBLE_FEED)[2] & 0x20)

    @property
    def auto_length(self) -> bool:
        """A side ends where the paper does."""
        return bool(self._page(_AUTO_SIZE)[3] & 0x80)

    @property
    def overscan(self) -> bool:
        """The window may reach beyond the paper's edges."""
        return self._page(_AUTO_SIZE)[5] >> 6 == 3

    def _stops(self) -> bool:
        return self._page(_DOUBLE_FEED)[2] & 0xC0 == 0x80

    def _page(self, code: int) -> bytes:
        unset = bytes((code, PAGE_BYTES[code])).ljust(PAGE_BYTES[code] + 2, b"\0")
        return self._pages.get(code, unset)


def _offending_byte(page: bytes) -> int | None:
    """Return the offset in the page of what cannot be taken, None when it can."""
    for offset, bits in _NOT_SIMULATED.get(page[0], ()):
        if page[offset] & bits:
            return offset
    for offset, bit in _TWO_BIT_FIELDS.get(page[0], ()):
        if page[offset] >> bit & 0b11 == 1:
            return offset
    if page[0] == _DROP_OUT and not {page[2] & 0x0F, page[2] >> 4} <= _COLOURS:
        return 2
    return None
