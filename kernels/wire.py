"""Samples as the scanner sends them, into rasters and into RAW's filter, and back.

Each is one pass in blocks of lanes, about as fast as a copy.

Rule 1: nothing is read or written after the end of an array; the last samples go one by one.
"""

from typing import Any, Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

from kernels.raster import RasterError
from kernels.vector import block

_LANES: Final = 32
_SWAPPED_LANES: Final = 16  # five pixels; the last lane is written over by the next block
_SWAPPED_BYTES: Final = 15
_SWAPPED_AT_ONCE: Final = 4
_SUMMED_GRAY: Final = 16
_SUMMED_COLOUR: Final = 24  # whole pixels: a block that overlaps the last waits for its store
_INVERTED: Final = 255


def from_wire(
    samples: NDArray[np.uint8], *, swap: bool, invert: bool, out: NDArray[np.uint8]
) -> None:
    """Write samples as a raster has them: B, G, R and 255 as white.

    About as fast as a copy, whatever is asked for.

    Parameters
    ----------
    samples
        uint8, C-order, (H, W) or (H, W, 3).
    swap
        The first sample of a pixel is the last of the raster's: R, G, B becomes B, G, R.
    invert
        0 is white on the wire.
    out
        uint8, C-order, of the same shape, elsewhere in memory.

    Raises
    ------
    RasterError
        If the arrays do not fit each other, or gray samples are to be swapped.
    """
    _check(samples, out, samples.shape)
    if swap and samples.ndim != 3:
        raise RasterError("only samples in colour can be swapped")
    flip = _INVERTED if invert else 0
    if swap:
        _swap(samples.reshape(-1), flip, out.reshape(-1))
    elif invert:
        _invert(samples.reshape(-1), out.reshape(-1))
    else:
        np.copyto(out, samples)


def unpack_bits(samples: NDArray[np.uint8], out: NDArray[np.uint8]) -> None:
    """Write line-art as gray: 0 where a bit is 1, else 255. Faster than a copy of the gray.

    Parameters
    ----------
    samples
        uint8, C-order, (H, W / 8), most significant bit first, 1 = black.
    out
        uint8, C-order, (H, W).

    Raises
    ------
    RasterError
        If the arrays do not fit each other.
    """
    if samples.ndim != 2:
        raise RasterError(f"bits lie in rows, got {samples.shape}")
    _check(samples, out, (samples.shape[0], samples.shape[1] * 8))
    _unpack(samples.reshape(-1), out.reshape(-1))


def left_differences(samples: NDArray[np.uint8], out: NDArray[np.uint8]) -> None:
    """Write each sample minus that of the pixel on its left, modulo 256; the first as it is.

    About as fast as a copy.

    Parameters
    ----------
    samples
        uint8, C-order, (H, W) or (H, W, 3).
    out
        uint8, C-order, of the same shape, elsewhere in memory.

    Raises
    ------
    RasterError
        If the arrays do not fit each other.
    """
    _check(samples, out, samples.shape)
    channels = samples.shape[2] if samples.ndim == 3 else 1
    _differences(samples.reshape(-1), channels, samples.shape[1] * channels, out.reshape(-1))


def undo_left_differences(samples: NDArray[np.uint8]) -> None:
    """Put in place of differences to the left what they were made of.

    At most 1.5 times as slow as a copy.

    Parameters
    ----------
    samples
        uint8, C-order, (H, W) or (H, W, 3), writable; changed in place.

    Raises
    ------
    RasterError
        If the array is another.
    """
    _check(samples, None, samples.shape)
    if not samples.flags.writeable:
        raise RasterError("the samples cannot be written")
    channels = samples.shape[2] if samples.ndim == 3 else 1
    _sums(samples.reshape(-1), channels, samples.shape[1] * channels)


def _check(
    samples: NDArray[np.uint8], out: NDArray[np.uint8] | None, shape: tuple[int, ...]
) -> None:
    good = samples.ndim == 2 or (samples.ndim == 3 and samples.shape[2] == 3)
    if not good or samples.dtype != np.uint8 or not samples.flags.c_contiguous:
        raise RasterError(f"want C-order uint8 samples, got {samples.dtype} {samples.shape}")
    if out is None:
        return
    if out.shape != shape or out.dtype != np.uint8 or not out.flags.c_contiguous:
        raise RasterError(f"want C-order uint8 {shape} to write to, got {out.dtype} {out.shape}")
    if np.may_share_memory(samples, out):
        raise RasterError("samples cannot be written onto themselves")


@block()
def _swap_block(e, src, at, flip, out):  # type: ignore[no-untyped-def]
    places = [k // 3 * 3 + 2 - k % 3 for k in range(_SWAPPED_BYTES)] + [_SWAPPED_BYTES]
    for k in range(_SWAPPED_AT_ONCE):
        turned = e.pick(e.load(src, at, _SWAPPED_LANES, ahead=k * _SWAPPED_BYTES), places)
        flipped = e.differ(turned, e.all(flip, 8, _SWAPPED_LANES))
        e.store(flipped, out, e.plus(at, k * _SWAPPED_BYTES))


@block()
def _invert_block(e, src, at, out):  # type: ignore[no-untyped-def]
    e.store(e.differ(e.load(src, at, _LANES), _INVERTED), out, at)


@block()
def _unpack_block(e, src, at, out, to):  # type: ignore[no-untyped-def]
    eight = e.load(src, at, _LANES // 8)
    for _ in range(3):
        eight = e.interleave(eight, eight)
    own_bit = e.down(e.all(128, 8, _LANES), e.both(e.steps(8, _LANES), 7))
    e.store(e.widen_signed(e.equal(e.both(eight, own_bit), 0), 8), out, to)


@block()
def _differences_block(e, src, at, left, out):  # type: ignore[no-untyped-def]
    e.store(e.sub(e.load(src, at, _LANES), e.load(src, left, _LANES)), out, at)


def _summing(lanes: int, channels: int) -> Any:
    """Make the operation that sums up so many blocks of differences from a place on."""
    last = [lanes - channels + k % channels for k in range(lanes)]

    @block()
    def sum_up(e, flat, at, blocks):  # type: ignore[no-untyped-def]
        def step(turn: Any, before: Any) -> Any:
            place = e.plus(at, e.times(turn, lanes))
            value, by = e.load(flat, place, lanes), channels
            while by < lanes:
                moved = [lanes] * by + list(range(lanes - by))
                value, by = e.add(value, e.pick(value, moved)), 2 * by
            value = e.add(value, before)
            e.store(value, flat, place)
            return e.pick(value, last)

        e.repeat(blocks, step, e.all(0, 8, lanes))

    return sum_up


_sum_up_gray = _summing(_SUMMED_GRAY, 1)
_sum_up_colour = _summing(_SUMMED_COLOUR, 3)


@njit(nogil=True, cache=True)
def _swap(src, flip, out):  # type: ignore[no-untyped-def]
    step = _SWAPPED_AT_ONCE * _SWAPPED_BYTES
    whole = max((src.size - 1) // step * step, 0)
    for at in range(0, whole, step):
        _swap_block(src, at, flip, out)
    for at in range(whole, src.size, 3):
        for k in range(3):
            out[at + k] = src[at + 2 - k] ^ flip


@njit(nogil=True, cache=True)
def _invert(src, out):  # type: ignore[no-untyped-def]
    whole = src.size // _LANES * _LANES
    for at in range(0, whole, _LANES):
        _invert_block(src, at, out)
    for at in range(whole, src.size):
        out[at] = ~src[at]


@njit(nogil=True, cache=True)
def _unpack(src, out):  # type: ignore[no-untyped-def]
    step = _LANES // 8
    whole = src.size // step * step
    for at in range(0, whole, step):
        _unpack_block(src, at, out, at * 8)
    for at in range(whole * 8, out.size):
        out[at] = 0 if src[at // 8] >> (7 - at % 8) & 1 else 255


@njit(nogil=True, cache=True)
def _differences(src, channels, pitch, out):  # type: ignore[no-untyped-def]
    blocks = max(src.size - channels, 0) // _LANES
    for k in range(blocks):
        _differences_block(src, channels + k * _LANES, k * _LANES, out)
    for at in range(channels + blocks * _LANES, src.size):
        out[at] = src[at] - src[at - channels]
    for row in range(0, src.size, pitch):
        for at in range(row, row + channels):
            out[at] = src[at]


@njit(nogil=True, cache=True)
def _sums(flat, channels, pitch):  # type: ignore[no-untyped-def]
    lanes = _SUMMED_COLOUR if channels == 3 else _SUMMED_GRAY
    blocks = pitch // lanes
    for row in range(0, flat.size, pitch):
        if channels == 3:
            _sum_up_colour(flat, row, blocks)
        else:
            _sum_up_gray(flat, row, blocks)
        for at in range(row + max(blocks * lanes, channels), row + pitch):
            flat[at] += flat[at - channels]
