"""A plane made softer, as paper softens what shines through it: Gaussian, integers throughout."""

from typing import Any, Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

from kernels.buffers import Buffers
from kernels.vector import Emit, block

TAPS: Final[dict[float, tuple[int, ...]]] = {
    0.4: (236, 10),
    0.6: (170, 42, 1),
    0.85: (120, 60, 8),
    1.2: (86, 60, 21, 4),
    1.7: (58, 51, 30, 13, 4, 1),
    2.4: (40, 39, 30, 20, 11, 5, 2, 1),
    3.4: (32, 29, 25, 20, 15, 10, 6, 4, 2, 1),
}
"""Weights in 256ths from the middle outwards, by standard deviation in pixels."""
_LANES: Final = 32


def soften(
    plane: NDArray[np.uint8], deviation_px: float, name: str, buffers: Buffers
) -> NDArray[np.uint8]:
    """Return a plane softened by one of `TAPS`.

    Cost: 5 ms for A4 at 150 dpi and 2.4 pixels.

    Parameters
    ----------
    plane
        uint8 (h, w) with slack after its end. A frame as wide as there are weights must be 0: what
        lies nearer to the border is not looked at.
    name
        Of the result among the buffers.
    """
    taps = np.array(TAPS[deviation_px], np.int64)
    width = plane.shape[1]
    line = buffers.take("soften.line", (width + _LANES,), np.uint16)
    between = buffers.zeros("soften.between", plane.shape)
    out = buffers.zeros(name, plane.shape)
    _pass(plane.reshape(-1), (width, width), taps, line, between.reshape(-1))
    _pass(between.reshape(-1), (width, 1), taps, line, out.reshape(-1))
    return out


@njit(nogil=True, cache=True)
def _pass(plane, steps, taps, line, out):  # type: ignore[no-untyped-def]
    """Weigh neighbours `steps[1]` samples apart."""
    width, step = steps
    frame = taps.size - 1
    for y in range(frame, plane.size // width - frame):
        for x in range(0, width, _LANES):
            i = y * width + x
            _begin(plane, i, taps[0], line, x)
            for k in range(1, frame + 1):
                _weigh_in(plane, (i - k * step, i + k * step), taps[k], line, x)
            _round(line, x, out, i)


@block()
def _begin(e: Emit, plane: Any, i: Any, weight: Any, line: Any, x: Any) -> None:
    level = e.widen(e.load(plane, i, _LANES), 16)
    e.store(e.add(e.mul(level, e.all(weight, 16, _LANES)), 128), line, x)


@block()
def _weigh_in(e: Emit, plane: Any, places: Any, weight: Any, line: Any, x: Any) -> None:
    one, other = (e.widen(e.load(plane, i, _LANES), 16) for i in places)
    more = e.mul(e.add(one, other), e.all(weight, 16, _LANES))
    e.store(e.add(e.load(line, x, _LANES), more), line, x)


@block()
def _round(e: Emit, line: Any, x: Any, out: Any, i: Any) -> None:
    e.store(e.narrow(e.down(e.load(line, x, _LANES), 8), 8), out, i)
