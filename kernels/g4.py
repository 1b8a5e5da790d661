"""Encode a bilevel page as CCITT Group 4 (ITU-T T.6) and wrap it as a single-page TIFF.

Rows are packed, most significant bit first, 1 = black. Each row is coded against the row above
it in the *source*, so rows do not depend on each other's codes.
"""

import struct
from typing import Any, Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

from kernels.raster import Raster, RasterError, empty

# Code tables of ITU-T T.4: terminating codes 0..63, make-up codes 64..1728, common 1792..2560.
_WHITE: Final = (
    "00110101 000111 0111 1000 1011 1100 1110 1111 10011 10100 00111 01000 001000 000011 110100 "
    "110101 101010 101011 0100111 0001100 0001000 0010111 0000011 0000100 0101000 0101011 0010011 "
    "0100100 0011000 00000010 00000011 00011010 00011011 00010010 00010011 00010100 00010101 "
    "00010110 00010111 00101000 00101001 00101010 00101011 00101100 00101101 00000100 00000101 "
    "00001010 00001011 01010010 01010011 01010100 01010101 00100100 00100101 01011000 01011001 "
    "01011010 01011011 01001010 01001011 00110010 00110011 00110100 "
    "11011 10010 010111 0110111 00110110 00110111 01100100 01100101 01101000 01100111 011001100 "
    "011001101 011010010 011010011 011010100 011010101 011010110 011010111 011011000 011011001 "
    "011011010 011011011 010011000 010011001 010011010 011000 010011011"
)
_BLACK: Final = (
    "0000110111 010 11 10 011 0011 0010 00011 000101 000100 0000100 0000101 0000111 00000100 "
    "00000111 000011000 0000010111 0000011000 0000001000 00001100111 00001101000 00001101100 "
    "00000110111 00000101000 00000010111 00000011000 000011001010 000011001011 000011001100 "
    "000011001101 000001101000 000001101001 000001101010 000001101011 000011010010 000011010011 "
    "000011010100 000011010101 000011010110 000011010111 000001101100 000001101101 000011011010 "
    "000011011011 000001010100 000001010101 000001010110 000001010111 000001100100 000001100101 "
    "000001010010 000001010011 000000100100 000000110111 000000111000 000000100111 000000101000 "
    "000001011000 000001011001 000000101011 000000101100 000001011010 000001100110 000001100111 "
    "0000001111 000011001000 000011001001 000001011011 000000110011 000000110100 000000110101 "
    "0000001101100 0000001101101 0000001001010 0000001001011 0000001001100 0000001001101 "
    "0000001110010 0000001110011 0000001110100 0000001110101 0000001110110 0000001110111 "
    "0000001010010 0000001010011 0000001010100 0000001010101 0000001011010 0000001011011 "
    "0000001100100 0000001100101"
)
_COMMON: Final = (
    "00000001000 00000001100 00000001101 000000010010 000000010011 000000010100 000000010101 "
    "000000010110 000000010111 000000011100 000000011101 000000011110 000000011111"
)
# T.6 table 1: vertical modes for a1 - b1 = -3..3, then pass and horizontal.
_MODE_CODES: Final = "0000010 000010 010 1 011 000011 0000011 0001 001"

_FIRST_MAKE_UP: Final = 63  # index of the make-up code of n * 64 is 63 + n
_LONGEST_RUN: Final = 2560
_WORST_BITS_A_PIXEL: Final = 6  # one-pixel runs of alternating colour in horizontal mode


def _table(*words: str) -> NDArray[np.int32]:
    codes = [code for part in words for code in part.split()]
    return np.array([(int(code, 2), len(code)) for code in codes], np.int32)


_RUNS: Final = np.stack([_table(_WHITE, _COMMON), _table(_BLACK, _COMMON)])
_MODES: Final = _table(_MODE_CODES)
_PASS_MODE: Final = 7
_HORIZONTAL_MODE: Final = 8


@njit(nogil=True, cache=True)
def _put(out: Any, state: Any, code: int, bits: int) -> None:
    word = (state[0] << bits) | code
    held = state[1] + bits
    while held >= 8:
        held -= 8
        out[state[2]] = (word >> held) & 255
        state[2] += 1
    state[0] = word & ((1 << held) - 1)
    state[1] = held


@njit(nogil=True, cache=True)
def _put_run(out: Any, state: Any, table: Any, length: int) -> None:
    while length >= _LONGEST_RUN:
        _put(out, state, table[103, 0], table[103, 1])
        length -= _LONGEST_RUN
    if length >= 64:
        k = _FIRST_MAKE_UP + (length >> 6)
        _put(out, state, table[k, 0], table[k, 1])
        length &= 63
    _put(out, state, table[length, 0], table[length, 1])


@njit(nogil=True, cache=True)
def _changes(row: Any, width: int, out: Any) -> int:
    """Write the positions where the colour changes; four times `width` closes the list."""
    n = 0
    previous = 0
    for i in range(row.size):
        byte = row[i]
        if byte == (255 if previous else 0):
            continue
        for k in range(7, -1, -1):
            bit = (byte >> k) & 1
            if bit != previous:
                x = i * 8 + 7 - k
                if x >= width:
                    break
                out[n] = x
                n += 1
                previous = bit
    for k in range(4):
        out[n + k] = width
    return n


@njit(nogil=True, cache=True)
def _encode_row(out: Any, state: Any, current: Any, above: Any, runs: Any, modes: Any) -> None:
    width = above.size - 8
    a0 = -1
    colour = 0
    ci = 0
    bi = 0
    while a0 < width:
        # Changes alternate in colour, so a change to the opposite of `colour` has its parity.
        while current[ci] < width and (current[ci] <= a0 or (ci & 1) != colour):
            ci += 1
        while bi > 0 and above[bi - 1] > a0:
            bi -= 1
        while above[bi] < width and (above[bi] <= a0 or (bi & 1) != colour):
            bi += 1
        a1 = current[ci]
        b1 = above[bi]
        b2 = above[bi + 1] if b1 < width else width
        if b2 < a1:
            _put(out, state, modes[_PASS_MODE, 0], modes[_PASS_MODE, 1])
            a0 = b2
        elif -3 <= a1 - b1 <= 3:
            mode = a1 - b1 + 3
            _put(out, state, modes[mode, 0], modes[mode, 1])
            a0 = a1
            colour ^= 1
        else:
            a2 = current[ci + 1] if a1 < width else width
            _put(out, state, modes[_HORIZONTAL_MODE, 0], modes[_HORIZONTAL_MODE, 1])
            _put_run(out, state, runs[colour], a1 - max(a0, 0))
            _put_run(out, state, runs[colour ^ 1], a2 - a1)
            a0 = a2


@njit(nogil=True, cache=True)
def _encode(rows: Any, width: int, runs: Any, modes: Any, out: Any) -> int:
    state = np.zeros(3, np.int64)  # bits held, how many, bytes written
    above = np.full(width + 8, width, np.int32)
    current = np.empty(width + 8, np.int32)
    for y in range(rows.shape[0]):
        _changes(rows[y], width, current)
        _encode_row(out, state, current, above, runs, modes)
        above, current = current, above
    _put(out, state, 1, 12)  # EOFB: two end-of-line codes, then pad the last byte
    _put(out, state, 1, 12)
    _put(out, state, 0, 7)
    return int(state[2])


@njit(nogil=True, cache=True)
def _is_bilevel(flat: Any) -> bool:
    for i in range(0, flat.size, 4096):
        other = 0
        for k in range(i, min(i + 4096, flat.size)):
            other += (flat[k] != 0) & (flat[k] != 255)
        if other:
            return False
    return True


@njit(nogil=True, cache=True)
def _pack(pixels: Any, out: Any) -> None:
    height, width = pixels.shape
    for y in range(height):
        for i in range(out.shape[1]):
            byte = 0
            for k in range(min(8, width - i * 8)):
                byte |= (pixels[y, i * 8 + k] < 128) << (7 - k)
            out[y, i] = byte


def is_bilevel(raster: Raster) -> bool:
    """Return True for a gray raster in which every sample is 0 or 255. Stops at the first other."""
    return not raster.is_colour and bool(_is_bilevel(raster.pixels.reshape(-1)))


def pack(raster: Raster) -> NDArray[np.uint8]:
    """Return the packed rows of a gray raster, (height, ceil(width / 8)); below 128 is black.

    Raises
    ------
    RasterError
        If the raster is in colour.
    """
    if raster.is_colour:
        raise RasterError("only a gray raster can be packed")
    out = empty((raster.height_px, (raster.width_px + 7) // 8))
    _pack(raster.pixels, out)
    return out


def encode(bits: NDArray[np.uint8], width_px: int) -> bytes:
    """Return the T.6 code of packed rows, closed with EOFB.

    Parameters
    ----------
    bits
        uint8 (height, ceil(width_px / 8)), most significant bit first, 1 = black. Bits after
        `width_px` are ignored.
    width_px
        Pixels in a row.

    Raises
    ------
    RasterError
        If the rows do not fit the width.
    """
    good = bits.ndim == 2 and bits.dtype == np.uint8 and bits.shape[0] > 0
    if not good or width_px < 1 or bits.shape[1] != (width_px + 7) // 8:
        raise RasterError(f"rows {bits.dtype}{bits.shape} do not fit a width of {width_px} px")
    worst = bits.shape[0] * (width_px * _WORST_BITS_A_PIXEL // 8 + 16) + 16
    out = np.empty(worst, np.uint8)
    size = _encode(np.ascontiguousarray(bits), width_px, _RUNS, _MODES, out)
    return out[:size].tobytes()


def tiff(code: bytes, width_px: int, height_px: int, dpi: int) -> bytes:
    """Return a little-endian single-strip TIFF 6.0 file around a T.6 code; 1 is black."""
    header = 8
    resolution = header + len(code) + (len(code) & 1)
    directory = resolution + 8
    short, long, rational = 3, 4, 5
    entries = (
        (256, long, width_px),
        (257, long, height_px),
        (258, short, 1),  # one bit a sample
        (259, short, 4),  # T.6
        (262, short, 0),  # white is zero
        (266, short, 1),  # most significant bit first
        (273, long, header),
        (277, short, 1),
        (278, long, height_px),
        (279, long, len(code)),
        (282, rational, resolution),
        (283, rational, resolution),
        (296, short, 2),  # inch
    )
    ifd = struct.pack("<H", len(entries)) + b"".join(
        struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in entries
    )
    return b"".join(
        (
            struct.pack("<2sHI", b"II", 42, directory),
            code,
            b"\0" * (len(code) & 1),
            struct.pack("<II", dpi, 1),
            ifd,
            struct.pack("<I", 0),
        )
    )
