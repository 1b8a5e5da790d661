"""The T.6 code of packed rows.

Each row becomes the list of the columns where its colour changes, found 64 pixels at a time; the
list is coded against that of the row above *in the source*, so rows do not depend on each other's
codes. In a list, the first entry has the index `_FIRST`; before it lies -1, after the last lies the
width, four times.
"""

from typing import Final

import numpy as np
from numba import njit, types
from numpy.typing import NDArray

from kernels.buffers import Buffers
from kernels.g4 import codes
from kernels.raster import RasterError
from kernels.vector import block

_FIRST: Final = 1
_MOST_BITS_A_PIXEL: Final = 7  # a vertical code for each
_MOST_BYTES_A_ROW: Final = 16  # more, for the runs of no pixels at both ends
_LONGEST_ENTRY: Final = 26
_WORD: Final = 64
_WIDE: Final = 256
_ALL: Final = 0xFFFF_FFFF
_SPARE: Final = 16  # of a list: its ends, and changes among the bits after the width


def most_bytes_a_row(width_px: int) -> int:
    """Return what the code of a row does not exceed; there is room for the end of the page too."""
    return width_px * _MOST_BITS_A_PIXEL // 8 + 1 + _MOST_BYTES_A_ROW


def encode(bits: NDArray[np.uint8], width_px: int, buffers: Buffers | None = None) -> bytes:
    """Return the T.6 code of packed rows, closed with EOFB.

    Any array is read safely, with slack or without.

    Parameters
    ----------
    bits
        uint8 (height, ceil(width_px / 8)), most significant bit first, 1 = black. Bits after
        `width_px` are ignored.
    width_px
        Pixels in a row.
    buffers
        For working memory; the result is its own.

    Raises
    ------
    RasterError
        If the rows do not fit the width.
    """
    good = bits.ndim == 2 and bits.dtype == np.uint8 and bits.shape[0] > 0
    if not good or width_px < 1 or bits.shape[1] != (width_px + 7) // 8:
        raise RasterError(f"rows {bits.dtype}{bits.shape} do not fit a width of {width_px} px")
    buffers = buffers or Buffers()
    most = bits.shape[0] * most_bytes_a_row(width_px) + 16
    words = buffers.take("g4.code", (most // 4 + 1,), np.uint32)
    changes = buffers.take("g4.changes", (2, width_px + _SPARE), np.int32)
    flat = np.ascontiguousarray(bits).reshape(-1)
    size = _encode(flat, width_px, (codes.RUNS, codes.VERTICAL), changes, words)
    return words[: (size + 3) // 4].astype(">u4").tobytes()[:size]


@block(types.int64)
def _eight_bytes(e, rows, at):  # type: ignore[no-untyped-def]
    """Return 64 pixels, the first in the highest bit."""
    return e.bits(e.pick(e.load(rows, at, 8), list(range(7, -1, -1))))


@block(types.uint32)
def _same(e, rows, at, byte):  # type: ignore[no-untyped-def]
    """Return a bit for each of 32 bytes: 1 where it is `byte`."""
    return e.bits(e.equal(e.load(rows, at, 32), e.all(byte, 8, 32)))


@block(types.uint32)
def _same_as(e, rows, at, other):  # type: ignore[no-untyped-def]
    """Return a bit for each of 32 bytes: 1 where it is the one so far from `other`."""
    return e.bits(e.equal(e.load(rows, at, 32), e.load(rows, other, 32)))


@block(types.int64)
def _highest(e, value):  # type: ignore[no-untyped-def]
    return e.plus(e.length(value), -1)


@njit(nogil=True, cache=True)
def _find_changes(rows, at, width, out):  # type: ignore[no-untyped-def]
    """List the columns where a row that begins at byte `at` changes its colour; return how many."""
    n, last, x = _FIRST, 0, 0
    while x < width:
        byte = at + x // 8
        if x % _WIDE == 0 and width - x >= _WIDE and _same(rows, byte, -last) == _ALL:
            x += _WIDE
            continue
        if width - x >= _WORD:
            word = _eight_bytes(rows, byte)
        else:
            word = 0
            for k in range((width - x + 7) // 8):
                word |= np.int64(rows[byte + k]) << (56 - 8 * k)
        edges = word ^ ((word >> 1) & 0x7FFF_FFFF_FFFF_FFFF | last << 63)
        last = word & 1
        while edges != 0:
            k = _highest(edges)
            edges ^= 1 << k
            out[n] = x + 63 - k
            n += 1
        x += _WORD
    while n > _FIRST and out[n - 1] >= width:  # of bits after the width
        n -= 1
    for k in range(4):
        out[n + k] = width
    return n - _FIRST


@njit(nogil=True, cache=True)
def _is_the_row_above(rows, at, row_bytes):  # type: ignore[no-untyped-def]
    if row_bytes < 32:
        for k in range(at, at + row_bytes):  # noqa: SIM110 - numba knows no any()
            if rows[k] != rows[k - row_bytes]:
                return False
        return True
    last = at + row_bytes - 32
    for k in range(at, last, 32):
        if _same_as(rows, k, k - row_bytes) != _ALL:
            return False
    return _same_as(rows, last, last - row_bytes) == _ALL


@njit(nogil=True, cache=True)
def _put(out, state, entry):  # type: ignore[no-untyped-def]
    """Append a code; return the bits not yet written, how many, and how many words are."""
    held, count, n = state
    length = entry & 31
    held, count = held << length | entry >> codes.LENGTH_BITS, count + length
    if count >= 32:
        count -= 32
        out[n] = held >> count
        n += 1
    return held, count, n


@njit(nogil=True, cache=True)
def _put_run(out, state, table, length):  # type: ignore[no-untyped-def]
    while length > codes.LONGEST_RUN:
        state = _put(out, state, codes.MAKE_UP_2560)
        length -= codes.LONGEST_MAKE_UP
    return _put(out, state, table[length])


@njit(nogil=True, cache=True)
def _put_ones(out, state, count):  # type: ignore[no-untyped-def]
    while count > 0:
        length = min(count, _LONGEST_ENTRY)
        state = _put(out, state, ((1 << length) - 1) << codes.LENGTH_BITS | length)
        count -= length
    return state


@njit(nogil=True, cache=True)
def _encode_row(current, above, width, tables, out, state):  # type: ignore[no-untyped-def]
    runs, vertical = tables
    a0, colour, i, j = -1, 0, _FIRST, _FIRST
    while a0 < width:
        while above[j] <= a0:
            j += 2
        a1, b1, b2 = current[i], above[j], above[j + 1]
        if b2 < a1:
            state = _put(out, state, codes.PASS)
            a0 = b2
        elif -3 <= a1 - b1 <= 3:
            state = _put(out, state, vertical[a1 - b1 + 3])
            a0, i, colour = a1, i + 1, colour ^ 1
            # Of the other colour: the change before b1 if that is still to come, or the next.
            j += 1 - 2 * (above[j - 1] > a1)
        else:
            a2 = current[i + 1]
            state = _put(out, state, codes.HORIZONTAL)
            state = _put_run(out, state, runs[colour], a1 - max(a0, 0))
            state = _put_run(out, state, runs[colour ^ 1], a2 - a1)
            a0, i = a2, i + 2
    return state


@njit(nogil=True, cache=True)
def _encode(rows, width, tables, changes, out):  # type: ignore[no-untyped-def]
    row_bytes = (width + 7) // 8
    above, current = changes[0], changes[1]
    changes[:, 0] = -1
    above[_FIRST : _FIRST + 4] = width
    state = (0, 0, 0)
    count = 0
    for at in range(0, rows.size, row_bytes):
        if at and _is_the_row_above(rows, at, row_bytes):
            state = _put_ones(out, state, count + 1)  # each change, and the end, is where it was
            continue
        count = _find_changes(rows, at, width, current)
        state = _encode_row(current, above, width, tables, out, state)
        above, current = current, above
    for _ in range(2):  # EOFB
        state = _put(out, state, codes.END_OF_LINE)
    held, count, n = state
    out[n] = held << (32 - count)
    return 4 * n + (count + 7) // 8
