"""Turning a page by a small angle: bilinear, integer, the same bits on every backend.

Definition, for an output pixel (x, y), in 16.16 fixed point::

    sx = ox + c x + s y        x0 = sx >> 16        fx = (sx >> 8) & 255
    sy = oy - s x + c y        y0 = sy >> 16        fy = sy & 65535
    a = (p00 << 8) + (p01 - p00) fx        b the same, one row below
    out = ((a (65535 - fy) >> 16) + (b fy >> 16) + 129) >> 8

and `fill` where (x0, y0) is outside [0, W - 2] x [0, H - 2]. The angle is a whole number of
microdegrees; c and s come from it by one written polynomial in IEEE double, additions and
multiplications only, so no library's rounding can differ.
"""

from typing import Final

import numpy as np
from numba import njit

from kernels.raster import Raster, RasterError, empty

MAX_MICRODEG: Final = 15_000_000
MAX_TURNED_SIDE_PX: Final = 32_767
_RADIAN_PER_MICRODEG: Final = 1.7453292519943295e-08
_ONE: Final = 65_536.0


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


def rotate(raster: Raster, angle_microdeg: int, fill: int = 255) -> Raster:
    """Turn the content counter-clockwise; the page keeps its size.

    Parameters
    ----------
    angle_microdeg
        -15,000,000 to 15,000,000.
    fill
        0 to 255; what comes in from outside.

    Raises
    ------
    RasterError
        If the angle is larger, or a side is over 32,767 px (the coordinates would not fit).
    """
    if abs(angle_microdeg) > MAX_MICRODEG:
        raise RasterError(f"angle must be within 15 degrees, got {angle_microdeg} microdegrees")
    if max(raster.height_px, raster.width_px) > MAX_TURNED_SIDE_PX:
        raise RasterError(f"sides must be at most {MAX_TURNED_SIDE_PX} px to be turned")
    if not 0 <= fill <= 255:
        raise RasterError(f"fill must be 0 to 255, got {fill}")
    height, width = raster.height_px, raster.width_px
    channels = 3 if raster.is_colour else 1
    out = empty(raster.pixels.shape)
    c, s, ox, oy = coefficients(width, height, angle_microdeg)
    _turn(
        raster.pixels.reshape(-1),
        out.reshape(-1),
        (height, width, channels),
        (c, s, ox, oy),
        fill,
    )
    return Raster(out, raster.dpi)


@njit(nogil=True, cache=True)
def _turn(src, dst, shape, coefficients_, fill):  # type: ignore[no-untyped-def]
    height, width, channels = shape
    c, s, ox, oy = coefficients_
    pitch = width * channels
    for y in range(height):
        sx, sy = ox + s * y, oy + c * y
        at = y * pitch
        for _ in range(width):
            x0, y0 = sx >> 16, sy >> 16
            if 0 <= x0 <= width - 2 and 0 <= y0 <= height - 2:
                fx = np.int32((sx >> 8) & 255)
                fy = np.uint32(sy & 65535)
                upper = y0 * pitch + x0 * channels
                lower = upper + pitch
                for k in range(channels):
                    p00, p10 = np.int32(src[upper + k]), np.int32(src[lower + k])
                    p01 = np.int32(src[upper + channels + k])
                    p11 = np.int32(src[lower + channels + k])
                    a = np.uint32((p00 << 8) + (p01 - p00) * fx)
                    b = np.uint32((p10 << 8) + (p11 - p10) * fx)
                    mixed = (
                        ((a * (np.uint32(65535) - fy)) >> np.uint32(16))
                        + ((b * fy) >> np.uint32(16))
                        + np.uint32(129)
                    )
                    dst[at + k] = mixed >> np.uint32(8)
            else:
                for k in range(channels):
                    dst[at + k] = fill
            sx += c
            sy -= s
            at += channels
