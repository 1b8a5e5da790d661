"""Paper whose every face is noise of its own, and what a scan of it must be.

Rule 1: the noise depends on the sheet, the side and the window, so that a byte that is lost,
doubled or out of place anywhere changes the hash.
Rule 2: no sample lies near the middle, so that every sensible threshold gives the same line-art.

Standard library only: it is also the paper in a process that has nothing else.
"""

import hashlib
from typing import Final

from daemon.feeder.emulator import Window

A4_LENGTH_UNITS: Final = 14032
_MIDDLE: Final = 128
_DARKEST_LIGHT: Final = 160
_SHADES: Final = bytes(
    value * 3 // 4 if value < _MIDDLE else _DARKEST_LIGHT + (value - _MIDDLE) * 3 // 4
    for value in range(256)
)


class NoisePaper:
    """A pile of A4 sheets of noise."""

    def __init__(self, sheets: int) -> None:
        self._sheets = sheets

    def __len__(self) -> int:
        return self._sheets

    def face(self, sheet_index: int, side: str, window: Window) -> bytes:
        """Return the positive samples of one face, gray or RGB."""
        size = (window.width_px, window.height_px)
        return samples(sheet_index, side, size, window.dpi, window.channels)

    def length_units(self, _sheet_index: int) -> int:
        """Return how long a sheet is, in 1/1200 inch."""
        return A4_LENGTH_UNITS


def samples(
    sheet_index: int, side: str, size_px: tuple[int, int], dpi: int, channels: int
) -> bytes:
    """Return the positive samples of one face; `size_px` is width and height."""
    width_px, height_px = size_px
    seed = f"{sheet_index} {side} {width_px}x{height_px} {dpi} {channels}".encode()
    return hashlib.shake_128(seed).digest(width_px * height_px * channels).translate(_SHADES)


def line_art(gray: bytes) -> bytes:
    """Return gray samples as bits, 8 to a byte, the first one highest; 1 is black."""
    packed = 0
    for place in range(8):
        bit = 0x80 >> place
        black = bytes(bit if value < _MIDDLE else 0 for value in range(256))
        packed |= int.from_bytes(gray[place::8].translate(black), "little")
    return packed.to_bytes(len(gray) // 8, "little")


def digest(pixels: bytes) -> str:
    """Return the hash by which two scans of a face are compared."""
    return hashlib.sha256(pixels).hexdigest()


def expected(sheet_index: int, side: str, size_px: tuple[int, int], dpi: int, mode: str) -> str:
    """Return the hash that a scan must have; `mode` is "lineart", "gray" or "colour"."""
    positive = samples(sheet_index, side, size_px, dpi, 3 if mode == "colour" else 1)
    return digest(line_art(positive) if mode == "lineart" else positive)
