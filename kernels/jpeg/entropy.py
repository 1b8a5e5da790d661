"""Third stage: coefficients as the scan of the file, in steps that threads can share (T.81, F.1.2).

differences -> bits of each block -> where each block begins -> codes ORed into words -> bytes, with
a zero after each 255. Only the sums that say where a block or a piece begins pass over all of them.
"""

from typing import Any, Final

import numpy as np
from numba import njit, types
from numpy.typing import NDArray

from kernels.buffers import Buffers
from kernels.jpeg.planes import Layout
from kernels.jpeg.tables import CODES
from kernels.jpeg.transform import SIZE
from kernels.vector import Emit, block

_LONGEST_RUN: Final = 16
_RUN_OF_16: Final = 0xF0
_END_OF_BLOCK: Final = 0
_PIECE_BYTES: Final = 1024


def scan(
    coefficients: NDArray[np.int16], masks: NDArray[np.int64], layout: Layout, buffers: Buffers
) -> NDArray[np.uint8]:
    """Return the entropy-coded bytes of a page: all between the SOS segment and EOI.

    The array lies in `buffers`.

    Notes
    -----
    Offsets count in 64 bits: a page of 65,535 x 65,535 px may have more than 2 ** 32 of them. About
    20 ms for an A4 page in colour at 300 dpi and quality 85.
    """
    blocks = layout.blocks
    order = (layout.blocks_an_mcu, layout.side**2)
    differences = buffers.take("jpeg.differences", (blocks,), np.int16)
    _differences(coefficients, _shape(layout), order, differences)
    starts = buffers.take("jpeg.starts", (blocks + 1,), np.int64)
    _sizes(coefficients, masks, differences, order, CODES, starts)
    bits = _exclusive_sum(starts)
    size = -(-bits // 8)
    words = buffers.zeros("jpeg.words", (size // 4 + 1,), np.uint32)
    _write(coefficients, masks, differences, order, (CODES, starts, words))
    _pad(words, bits)
    plain = buffers.take("jpeg.plain", words.shape, ">u4")
    np.copyto(plain, words)
    return _stuffed(plain.view(np.uint8)[:size], buffers)


def _shape(layout: Layout) -> tuple[int, int, bool, bool]:
    """Return MCUs down and across, and whether the last ones of each are without dummies."""
    down, across = layout.mcus
    real = layout.luma_blocks
    return down, across, real[0] == down * layout.side, real[1] == across * layout.side


def _stuffed(plain: NDArray[np.uint8], buffers: Buffers) -> NDArray[np.uint8]:
    """Return the bytes with a zero after each 255 (T.81, B.1.1.5)."""
    pieces = buffers.take("jpeg.pieces", (-(-plain.size // _PIECE_BYTES) + 1,), np.int64)
    _count_full(plain, pieces)
    more = _exclusive_sum(pieces)
    out = buffers.take("jpeg.scan", (plain.size + more,))
    _stuff(plain, pieces, out)
    return out


@block(types.int64)
def _lowest(e: Emit, value: Any) -> Any:
    return e.lowest(value)


@block(types.int64)
def _length(e: Emit, value: Any) -> Any:
    return e.length(value)


@njit(nogil=True, cache=True)
def _carrier(mcu, k, shape, order):  # type: ignore[no-untyped-def]
    """Return the block whose DC block k of an MCU has: its own, but of a dummy the one before."""
    down, across, whole_down, whole_across = shape
    an_mcu, luma = order
    if luma == 4 and k < luma:
        has_lower = whole_down or mcu // across < down - 1
        has_right = whole_across or mcu % across < across - 1
        lower = k >= 2 and has_lower
        right = has_right and (k & 1 or (k >= 2 and not has_lower))
        k = (2 if lower else 0) + (1 if right else 0)
    return mcu * an_mcu + k


@njit(nogil=True, cache=True)
def _differences(coefficients, shape, order, out):  # type: ignore[no-untyped-def]
    """Write how each block's DC differs from that of its component's block before it.

    A thread takes one block and looks at one other. A dummy differs by 0.
    """
    an_mcu, luma = order
    for n in range(out.size):
        mcu, k = n // an_mcu, n % an_mcu
        here = np.int64(coefficients[_carrier(mcu, k, shape, order) * SIZE])
        before = np.int64(0)
        if 0 < k < luma:
            before = np.int64(coefficients[_carrier(mcu, k - 1, shape, order) * SIZE])
        elif mcu > 0:
            last = luma - 1 if k == 0 else k
            before = np.int64(coefficients[_carrier(mcu - 1, last, shape, order) * SIZE])
        out[n] = here - before


@njit(nogil=True, cache=True)
def _sizes(coefficients, masks, differences, order, codes, out):  # type: ignore[no-untyped-def]
    """Write how many bits each block takes. A thread takes one block, by its mask."""
    an_mcu, luma = order
    for n in range(masks.size):
        dc = 0 if n % an_mcu < luma else 2
        ac = dc + 1
        size = _length(abs(np.int64(differences[n])))
        bits = (codes[dc, size] & 255) + size
        mask = masks[n] & ~1
        last = 0
        while mask:
            k = _lowest(mask)
            mask &= mask - 1
            run = k - last - 1
            last = k
            size = _length(abs(np.int64(coefficients[n * SIZE + k])))
            bits += (run // _LONGEST_RUN) * (codes[ac, _RUN_OF_16] & 255)
            bits += (codes[ac, (run % _LONGEST_RUN) << 4 | size] & 255) + size
        if last < SIZE - 1:
            bits += codes[ac, _END_OF_BLOCK] & 255
        out[n] = bits


@njit(nogil=True, cache=True)
def _exclusive_sum(values):  # type: ignore[no-untyped-def]
    """Replace each value by the sum of those before it; the last place takes the whole sum.

    On a GPU: a scan of tiles, then one of the tiles' sums.
    """
    total = np.int64(0)
    for n in range(values.size - 1):
        value = values[n]
        values[n] = total
        total += value
    values[values.size - 1] = total
    return total


@njit(nogil=True, cache=True)
def _put(words, state, code, value, size):  # type: ignore[no-untyped-def]
    """Append a code, then so many bits of a value (T.81, F.1.2.1: a negative one less 1)."""
    place, held, bits = state
    length = code & 255
    extra = (value if value >= 0 else value - 1) & ((1 << size) - 1)
    held = (held << (length + size)) | ((code >> 8) << size) | extra
    bits += length + size
    if bits >= 32:
        bits -= 32
        words[place] |= np.uint32(held >> bits)
        place += 1
        held &= (1 << bits) - 1
    return place, held, bits


@njit(nogil=True, cache=True)
def _write(coefficients, masks, differences, order, given):  # type: ignore[no-untyped-def]
    """OR the codes of each block into words of 32 bits, the first bit highest.

    A thread takes one block, by its mask; only the first and the last word of a block may be those
    of another, so there the OR is atomic.
    """
    an_mcu, luma = order
    codes, starts, words = given
    for n in range(masks.size):
        dc = 0 if n % an_mcu < luma else 2
        ac = dc + 1
        state = (starts[n] >> 5, np.int64(0), starts[n] & 31)
        value = np.int64(differences[n])
        size = _length(abs(value))
        state = _put(words, state, codes[dc, size], value, size)
        mask = masks[n] & ~1
        last = 0
        while mask:
            k = _lowest(mask)
            mask &= mask - 1
            run = k - last - 1
            last = k
            while run >= _LONGEST_RUN:
                state = _put(words, state, codes[ac, _RUN_OF_16], np.int64(0), np.int64(0))
                run -= _LONGEST_RUN
            value = np.int64(coefficients[n * SIZE + k])
            size = _length(abs(value))
            state = _put(words, state, codes[ac, run << 4 | size], value, size)
        if last < SIZE - 1:
            state = _put(words, state, codes[ac, _END_OF_BLOCK], np.int64(0), np.int64(0))
        place, held, bits = state
        if bits:
            words[place] |= np.uint32(held << (32 - bits))


@njit(nogil=True, cache=True)
def _pad(words, bits):  # type: ignore[no-untyped-def]
    """Fill the last byte with ones."""
    for place in range(bits, -(-bits // 8) * 8):
        words[place >> 5] |= np.uint32(1 << (31 - (place & 31)))


@njit(nogil=True, cache=True)
def _count_full(plain, pieces):  # type: ignore[no-untyped-def]
    """Count the bytes of 255 in each piece of the scan. A thread takes one piece."""
    for piece in range(pieces.size - 1):
        count = 0
        for k in range(piece * _PIECE_BYTES, min(plain.size, (piece + 1) * _PIECE_BYTES)):
            count += plain[k] == 255
        pieces[piece] = count


@njit(nogil=True, cache=True)
def _stuff(plain, pieces, out):  # type: ignore[no-untyped-def]
    """Copy each piece to where the zeros before it leave it. A thread takes one piece."""
    for piece in range(pieces.size - 1):
        start = piece * _PIECE_BYTES
        place = start + pieces[piece]
        for k in range(start, min(plain.size, start + _PIECE_BYTES)):
            out[place] = plain[k]
            place += 1
            if plain[k] == 255:
                out[place] = 0
                place += 1
