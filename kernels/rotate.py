"""Turning a page by a small angle: bilinear, integer, the same bits on every backend.

Definition, for an output pixel (x, y), in 16.16 fixed point::

    sx = ox + c x + s y        x0 = sx >> 16        fx = (sx >> 8) & 255
    sy = oy - s x + c y        y0 = sy >> 16        fy = sy & 65535
    a = (p00 << 8) + (p01 - p00) fx        b the same, one row below
    out = ((a (65535 - fy) >> 16) + (b fy >> 16) + 129) >> 8

and `fill` where (x0, y0) is outside [0, W - 2] x [0, H - 2]. The angle is a whole number of
microdegrees; c and s come from it by one written polynomial in IEEE double, additions and
multiplications only, so no library's rounding can differ.

Along a row, y0 and x0 - x hold for a run of about 1 / tan(angle) pixels, whose sources lie side by
side: a run is done in blocks of lanes. The first phases of a block are numbers, those of its lanes
a multiple of c or s further.

Rule 1: a block may overrun its run; the next run, the next row, or the slack takes it.
Rule 2: a block never reads after the end of the source; where it would, the run goes pixel by
pixel, so rasters without slack are turned too.
"""

from typing import Any, Final

import numpy as np
from numba import njit

from kernels.buffers import Buffers
from kernels.raster import Box, Raster, RasterError
from kernels.vector import block

MAX_MICRODEG: Final = 15_000_000
MAX_TURNED_SIDE_PX: Final = 32_767
_RADIAN_PER_MICRODEG: Final = 1.7453292519943295e-08
_ONE: Final = 65_536.0
_LANES: Final = 32
_FEW_LANES: Final = 16
_AHEAD_ROWS: Final = 8
"""A page is longer than any cache: without this much warning, half of the time is waiting."""
_ENDLESS_PX: Final = 1 << 20


def coefficients(width_px: int, height_px: int, angle_microdeg: int) -> tuple[int, int, int, int]:
    """Return c, s, ox, oy for turning about the centre of the page."""
    a = -angle_microdeg * _RADIAN_PER_MICRODEG
    q = a * a
    # Taylor series; at 15 degrees the next term is below 2e-11, far under half of 1 / 65536.
    sine = a * (
        1.0 + q * (-0.16666666666666666 + q * (0.008333333333333333 + q * -0.0001984126984126984))
    )
    cosine = 1.0 + q * (
        -0.5 + q * (0.041666666666666664 + q * (-0.001388888888888889 + q * 2.48015873015873e-05))
    )
    c, s = _rounded(cosine * _ONE), _rounded(sine * _ONE)
    across, down = width_px - 1, height_px - 1
    ox = across * 32_768 - ((c * across + s * down) >> 1)
    oy = down * 32_768 - ((-s * across + c * down) >> 1)
    return c, s, ox, oy


def _rounded(value: float) -> int:
    return int(value + 0.5) if value >= 0 else -int(0.5 - value)


def wanted(raster: Raster, angle_microdeg: int, fill: int, box: Box | None) -> Box:
    """Return the part of a turned page that is wanted, once all that is asked for is possible.

    Raises
    ------
    RasterError
        If it is not, see `rotate`.
    """
    if abs(angle_microdeg) > MAX_MICRODEG:
        raise RasterError(f"angle must be within 15 degrees, got {angle_microdeg} microdegrees")
    if max(raster.height_px, raster.width_px) > MAX_TURNED_SIDE_PX:
        raise RasterError(f"sides must be at most {MAX_TURNED_SIDE_PX} px to be turned")
    if not 0 <= fill <= 255:
        raise RasterError(f"fill must be 0 to 255, got {fill}")
    box = box or Box(0, 0, raster.width_px, raster.height_px)
    if not box.within(raster):
        raise RasterError(f"{box} is outside {raster.width_px} x {raster.height_px} px")
    return box


def rotate(
    raster: Raster,
    angle_microdeg: int,
    fill: int = 255,
    buffers: Buffers | None = None,
    box: Box | None = None,
) -> Raster:
    """Turn the content counter-clockwise about the middle of the page, which keeps its size.

    Any raster is read safely, with slack or without. At most 4 times the copying of the page up to
    3 degrees in colour; the steeper, the shorter the runs.

    Parameters
    ----------
    angle_microdeg
        -15,000,000 to 15,000,000.
    fill
        0 to 255; what comes in from outside.
    buffers
        The result lies in them, under "rotate.out".
    box
        What of the turned page is wanted. None: all of it.

    Raises
    ------
    RasterError
        If the angle is larger, or a side is over 32,767 px (the coordinates would not fit), or the
        box reaches outside of the page, or the raster itself is the last result in these buffers.
    """
    box = wanted(raster, angle_microdeg, fill, box)
    height, width = raster.height_px, raster.width_px
    buffers = buffers or Buffers()
    shape = (box.height_px, box.width_px, *raster.pixels.shape[2:])
    out = buffers.take("rotate.out", shape)
    if np.may_share_memory(out, raster.pixels):
        raise RasterError("a page cannot be turned onto itself: it lies in rotate.out")
    _turn(
        raster.pixels.reshape(-1),
        out.reshape(-1),
        (height, width, 3 if raster.is_colour else 1),
        coefficients(width, height, angle_microdeg),
        (box.left, box.top, box.right, box.bottom),
        fill,
    )
    return Raster(out, raster.dpi)


def _bilinear(lanes: int, channels: int) -> Any:
    """Make the block that mixes so many neighbouring samples of a run."""

    @block()
    def mix(e, src, dst, places, start, turn):  # type: ignore[no-untyped-def]
        upper, lower, later, to = places
        sx, sy = start
        c, s = turn
        e.prefetch(src, later)
        pixel = e.steps(16, lanes, each=channels)
        fx = e.down(e.add(e.mul(pixel, e.all(c, 16, lanes)), e.all(sx, 16, lanes)), 8)
        fy = e.sub(e.all(sy, 16, lanes), e.mul(pixel, e.all(s, 16, lanes)))

        def across(row: Any) -> Any:
            left = e.widen(e.load(src, row, lanes), 16)
            right = e.widen(e.load(src, row, lanes, ahead=channels), 16)
            return e.add(e.up(left, 8), e.mul(e.sub(right, left), fx))

        mixed = e.add(e.high(across(upper), e.differ(fy, 65535)), e.high(across(lower), fy))
        e.store(e.narrow(e.down(e.add(mixed, 129), 8), 8), dst, to)

    return mix


_mix_colour = _bilinear(_LANES, 3)
_mix_gray = _bilinear(_LANES, 1)
_mix_few_colour = _bilinear(_FEW_LANES, 3)
_mix_few_gray = _bilinear(_FEW_LANES, 1)
_COLOUR_PX: Final = _LANES // 3  # whole pixels, so that each block begins with one
_FEW_COLOUR_PX: Final = _FEW_LANES // 3


@block()
def _store_fill(e, dst, to, fill):  # type: ignore[no-untyped-def]
    e.store(e.all(fill, 8, _LANES), dst, to)


@njit(nogil=True, cache=True)
def _turn(src, dst, shape, turn, box, fill):  # type: ignore[no-untyped-def]
    height, width, channels = shape
    first, top, last, bottom = box
    pitch = width * channels
    # Of sources in so many rows, a block reads nothing after the end.
    rows = max((src.size - _LANES - channels) // pitch, 1)
    for y in range(top, bottom):
        left, right = _inside(y, height, width, turn)
        left = min(max(left, first), last)
        right = max(left, min(right, last))
        begin, end = _inside(y, min(rows, height), width, turn)
        begin, end = min(max(begin, left), right), min(end, right)
        # Where column 0 of this row would lie.
        row = ((y - top) * (last - first) - first) * channels
        for to in range(row + first * channels, row + left * channels, _LANES):
            _store_fill(dst, to, fill)
        _turn_pixels(src, (dst, row), y, (left, begin), shape, turn)
        _turn_runs(src, (dst, row), y, (begin, end), shape, turn)
        _turn_pixels(src, (dst, row), y, (max(begin, end), right), shape, turn)
        for to in range(row + right * channels, row + last * channels, _LANES):
            _store_fill(dst, to, fill)


@njit(nogil=True, cache=True)
def _inside(y, height, width, turn):  # type: ignore[no-untyped-def]
    """Return the first column of a row whose source is inside, and the one after the last."""
    c, s, ox, oy = turn
    sx, sy = ox + s * y, oy + c * y
    across, down = (width - 1) << 16, (height - 1) << 16
    left, right = max(0, -(sx // c)), min(width, -((sx - across) // c))
    if s > 0:
        left, right = max(left, (sy - down) // s + 1), min(right, sy // s + 1)
    elif s < 0:
        left, right = max(left, -(sy // -s)), min(right, -((sy - down) // -s))
    elif not 0 <= sy < down:
        right = left
    return min(left, width), max(min(left, width), right)


@njit(nogil=True, cache=True)
def _until_carry(phase, step):  # type: ignore[no-untyped-def]
    """Return after how many steps a phase passes 65,535."""
    return (65535 - phase) // step + 1 if step else _ENDLESS_PX


@njit(nogil=True, cache=True)
def _turn_runs(src, out, y, span, shape, turn):  # type: ignore[no-untyped-def]
    """Turn the pixels of a row between two columns, run by run in blocks."""
    dst, row = out
    x, right = span
    channels, pitch = shape[2], shape[1] * shape[2]
    c, s = turn[0], turn[1]
    sx, sy = turn[2] + s * y + c * x, turn[3] + c * y - s * x
    # Phases are counted upwards: y0 changes when one passes 65,535, x0 - x when the other does.
    rise, slip, flip = abs(s), 65536 - c, 65535 * (s > 0)
    few, usual = rise * _FEW_LANES > 65536, 65536 // max(rise, 1)
    px = _COLOUR_PX if channels == 3 else _FEW_LANES if few else _LANES
    step, step_x, step_y, ahead = px * channels, px * c, px * s, _AHEAD_ROWS * pitch
    next_row = x + _until_carry((sy & 65535) ^ flip, rise)
    next_slip = x + _until_carry((sx & 65535) ^ 65535, slip)
    while x < right:
        end = min(next_row, next_slip, right)
        i, to = (sy >> 16) * pitch + (sx >> 16) * channels, row + x * channels
        block_x, block_y = sx, sy
        for first in range(x, end, px):
            places, phases, rest = (i, i + pitch, i + ahead, to), (block_x, block_y), end - first
            if channels == 3 and rest > _FEW_COLOUR_PX:
                _mix_colour(src, dst, places, phases, (c, s))
            elif channels == 3:
                _mix_few_colour(src, dst, places, phases, (c, s))
            elif few or rest <= _FEW_LANES:
                _mix_few_gray(src, dst, places, phases, (c, s))
            else:
                _mix_gray(src, dst, places, phases, (c, s))
            i, to, block_x, block_y = i + step, to + step, block_x + step_x, block_y - step_y
        sx, sy, x = sx + c * (end - x), sy - s * (end - x), end
        if x == next_row:  # just passed: next time after the usual number, or one more
            next_row += usual + (((sy & 65535) ^ flip) + usual * rise < 65536)
        if x == next_slip:
            next_slip += _until_carry((sx & 65535) ^ 65535, slip)


@njit(nogil=True, cache=True)
def _turn_pixels(src, out, y, span, shape, turn):  # type: ignore[no-untyped-def]
    """Turn the pixels of a row between two columns by the definition, one by one."""
    dst, row = out
    channels, pitch = shape[2], shape[1] * shape[2]
    c, s, ox, oy = turn
    for x in range(span[0], span[1]):
        sx, sy = ox + c * x + s * y, oy - s * x + c * y
        fx, fy = (sx >> 8) & 255, sy & 65535
        for k in range(channels):
            i = (sy >> 16) * pitch + (sx >> 16) * channels + k
            p00, p01 = np.int64(src[i]), np.int64(src[i + channels])
            p10, p11 = np.int64(src[i + pitch]), np.int64(src[i + pitch + channels])
            a, b = (p00 << 8) + (p01 - p00) * fx, (p10 << 8) + (p11 - p10) * fx
            dst[row + x * channels + k] = ((a * (65535 - fy) >> 16) + (b * fy >> 16) + 129) >> 8
