"""What the emulated scanner says of itself: inquiry pages, sensors, sizes."""

from dataclasses import dataclass
from typing import Final

from daemon.feeder.emulator.profile import Profile
from daemon.feeder.hopper import Pile

BUTTON_AT: Final = 4
_STANDARD_DPI: Final = {
    # offset in the second inquiry -> resolutions of its bits 0 to 7
    0x12: (200, 180, 160, 150, 120, 100, 75, 60),
    0x13: (1200, 800, 600, 480, 400, 320, 300, 240),
}
_SHORT_LENGTH: Final = 0x5F
_SHORT_MEANS: Final = 0x63
_LONGEST_PAGE: Final = 0xCC


def inquiry(profile: Profile) -> bytes:
    """Return the 96 bytes of the standard inquiry."""
    page = bytearray(96)
    page[0] = 6
    page[2:5] = 2, 2, 0x5B
    page[8:16] = profile.vendor.encode("ascii").ljust(8)
    page[16:32] = profile.product.encode("ascii").ljust(16)
    page[32:36] = b"VIRT"  # by this the driver knows that the paper is made of software
    return bytes(page)


def vital_product_data(profile: Profile) -> bytes:
    """Return the second inquiry, as long as the profile's is."""
    length = _SHORT_MEANS if profile.vital_length == _SHORT_LENGTH else profile.vital_length
    page = bytearray(_LONGEST_PAGE)
    page[0] = 6
    page[1] = 0xF0
    page[4] = profile.vital_length
    for offset, size_bytes, value in _numbers(profile):
        page[offset : offset + size_bytes] = value.to_bytes(size_bytes)
    for offset, resolutions in _STANDARD_DPI.items():
        page[offset] = sum(
            1 << bit for bit, dpi in enumerate(resolutions) if dpi in profile.resolutions_dpi
        )
    return bytes(page[: length + 5])


def _numbers(profile: Profile) -> tuple[tuple[int, int, int], ...]:
    """Return (offset, bytes, value) of every other field that is not zero."""
    has_curve = profile.curve_bytes > 0
    curve_bits = 10 if profile.curve_bytes == 1024 else 8
    return (
        (0x05, 2, profile.basic_dpi),
        (0x07, 2, profile.basic_dpi),
        (0x09, 1, 0x11),  # any whole resolution
        (0x0A, 2, profile.highest_dpi),
        (0x0C, 2, profile.highest_dpi),
        (0x0E, 2, profile.lowest_dpi),
        (0x10, 2, profile.lowest_dpi),
        (0x14, 4, profile.max_width),
        (0x18, 4, profile.max_length),
        (0x1C, 1, 0x8A if profile.has_line_art else 0x88),  # with gray and RGB, 8 bits each
        (0x20, 1, _bits((0x80, True), (0x40, profile.has_flatbed), (0x10, profile.has_duplex))),
        (0x21, 1, 0x70 | curve_bits),  # pre-pick, double feed detection, paper protection
        (0x22, 4, 32 * 2**20),
        (0x28, 1, 0xEF if has_curve else 0xAF),  # SEND only for the curve
        (0x29, 1, 0x8F),
        (0x2B, 1, 0x04),
        (0x31, 1, 0x02),
        (0x52, 1, profile.brightness_steps),
        (0x53, 1, profile.threshold_steps),
        (0x54, 1, profile.contrast_steps),
        (0x57, 1, 0x01 if has_curve else 0x00),
        (0x58, 1, 0x80),  # reverse
        (0x59, 1, 0x01 if profile.vital_length >= 0x6F else 0x00),
        (0x5B, 1, 0x40),
        (0x64, 2, profile.overscan[0]),
        (0x66, 2, profile.overscan[1]),
        (0x71, 1, 12),
        (0x74, 1, 0x01 if has_curve else 0x00),
        (0x76, 1, 0x80),
        (0x7A, 1, 0x80 if profile.can_halt else 0x00),
    )


def _bits(*bits: tuple[int, bool]) -> int:
    return sum(bit for bit, is_set in bits if is_set)


@dataclass(frozen=True, slots=True)
class Sensors:
    """What the sensors see beside the pile; `button` is the Scan button."""

    button: bool = False
    asleep: bool = False
    double_feed: bool = False
    skewed: bool = False


def hardware_status(pile: Pile, sensors: Sensors) -> bytes:
    """Return the 12 bytes of GET HARDWARE STATUS."""
    status = bytearray(12)
    status[2] = _bits((0x80, pile.in_path > 0))
    status[3] = _bits((0x80, not pile.in_hopper), (0x20, pile.cover_open))
    status[BUTTON_AT] = _bits((0x80, sensors.asleep), (0x01, sensors.button))
    status[6] = _bits((0x20, sensors.skewed), (0x01, sensors.double_feed))
    return bytes(status)


def pixel_size(width_px: int, height_px: int, *, is_found: bool = False) -> bytes:
    """Return the 32 bytes of READ pixel size.

    Parameters
    ----------
    is_found
        The scanner has found the paper's end itself: the real size stands there a second time.
    """
    size = bytearray(32)
    size[0:4] = width_px.to_bytes(4)
    size[4:8] = height_px.to_bytes(4)
    if is_found:
        size[8:16] = size[0:8]
    size[0x10] = 0x01
    return bytes(size)
