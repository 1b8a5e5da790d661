"""Second stage: blocks of samples as quantised coefficients, and which of them are not zero.

The transform is that of Loeffler, Ligtenberg and Moschytz (1989) as libjpeg's accurate integer DCT
rounds it: constants of 13 bits, rows before columns, 2 bits kept between them. With the products
that fall on one input summed, each half of the outputs is a matrix of integers; nothing is rounded
before its end, so the sums equal those of the factored form.
"""

from typing import Any, Final

import numpy as np
from numba import njit, types
from numpy.typing import NDArray

from kernels.buffers import Buffers
from kernels.jpeg.planes import Layout
from kernels.jpeg.tables import BLOCK, CHROMA, LUMA, ZIGZAG, quantiser
from kernels.vector import Emit, block

SIZE: Final = BLOCK * BLOCK

_EVEN: Final = {2: (10703, 4433), 6: (4433, -10704)}
"""Outputs 2 and 6, of (a0 - a3, a1 - a2)."""
_ODD: Final = {
    1: (11363, 9633, 6437, 2260),
    3: (9633, -2259, -11362, -6436),
    5: (6437, -11362, 2261, 9633),
    7: (2260, -6436, 9633, -11363),
}
"""Outputs 1, 3, 5 and 7, of (d0, d1, d2, d3)."""
_KEPT_BITS: Final = 2
_FRACTION_BITS: Final = 13
_MULTIPLE: Final = 8
"""A coefficient leaves the transform eight times as large as T.81 defines it."""


def divisors(quality: int) -> NDArray[np.uint16]:
    """Return what quantising takes, of luma and of chroma: uint16 (2, 3, 64), row by row.

    Coefficient c becomes (|c| + d // 2) // d with the sign of c, where d is 8 times the quantiser.
    With n = |c| + d // 2 below 2 ** 15 that is ((n * m) >> 16) * s >> 16 exactly, with the smallest
    power of two p that is not below d, m = ceil(2 ** 15 * p / d) and s = 2 ** 17 / p. The three
    rows are d // 2, m and s.
    """
    out = np.empty((2, 3, SIZE), np.uint16)
    for rows, base in zip(out, (LUMA, CHROMA), strict=True):
        for k, value in enumerate(quantiser(base, quality)):
            d = _MULTIPLE * int(value)
            p = 1 << (d - 1).bit_length()
            rows[:, k] = d // 2, -(-(p << 15) // d), (1 << 17) // p
    return out


def coefficients(
    planes: NDArray[np.uint8], layout: Layout, quality: int, buffers: Buffers
) -> tuple[NDArray[np.int16], NDArray[np.int64]]:
    """Return the coefficients of every block in the order of the file, and their masks.

    On a GPU a thread takes one row of a block, then one column of it; the quantised block is
    stored in zigzag order, and a ballot gives the mask. No block needs another one.

    Returns
    -------
    coefficients
        int16 (blocks * 64), zigzag. Those of a dummy are not written.
    masks
        int64 (blocks): bit k says that coefficient k is not zero. 0 for a dummy.

    Notes
    -----
    About 10 ms for an A4 page in colour at 300 dpi.
    """
    out = buffers.take("jpeg.coefficients", (layout.blocks * SIZE,), np.int16)
    masks = buffers.take("jpeg.masks", (layout.blocks,), np.int64)
    luma, chroma = divisors(quality).reshape(2, -1)
    shape = (*layout.mcus, layout.side, *layout.luma_blocks, layout.blocks_an_mcu)
    _luma(planes, layout.strides_px[0], shape, luma, out, masks)
    if layout.is_colour:
        places = (*layout.starts[1:], layout.strides_px[1])
        _chroma(planes, places, shape, chroma, out, masks)
    return out, masks


@njit(nogil=True, cache=True)
def _luma(planes, stride, shape, divisors, out, masks):  # type: ignore[no-untyped-def]
    down, across, side, real_down, real_across, an_mcu = shape
    for mcu in range(down * across):
        for k in range(side * side):
            y, x = mcu // across * side + k // side, mcu % across * side + k % side
            n = mcu * an_mcu + k
            if y < real_down and x < real_across:
                _transform_block(planes, (y * stride + x) * BLOCK, stride, out, n * SIZE)
                masks[n] = _quantise_block(out, n * SIZE, divisors)
            else:
                masks[n] = 0


@njit(nogil=True, cache=True)
def _chroma(planes, places, shape, divisors, out, masks):  # type: ignore[no-untyped-def]
    down, across, side, _, _, an_mcu = shape
    stride = places[2]
    for mcu in range(down * across):
        within = (mcu // across * stride + mcu % across) * BLOCK
        for k in range(2):
            n = mcu * an_mcu + side * side + k
            _transform_block(planes, places[k] + within, stride, out, n * SIZE)
            masks[n] = _quantise_block(out, n * SIZE, divisors)


@block()
def _transform_block(e: Emit, planes: Any, i: Any, stride: Any, out: Any, j: Any) -> None:
    rows = []
    for _ in range(BLOCK):
        rows.append(e.sub(e.widen(e.load(planes, i, BLOCK), 16), 128))
        i = e.plus(i, stride)
    columns = _transform(e, _transpose(e, rows), first=True)
    for row in _transform(e, _transpose(e, columns), first=False):
        e.store(row, out, j)
        j = e.plus(j, BLOCK)


@block(types.int64)
def _quantise_block(e: Emit, out: Any, j: Any, divisors: Any) -> Any:
    """Quantise a block and put it in zigzag order, in its place; return its mask."""
    value = e.load(out, j, SIZE)
    start = j.type(0)
    half, multiplier, shift = (e.load(divisors, start, SIZE, row * SIZE) for row in range(3))
    sign = e.down_signed(value, 15)
    magnitude = e.sub(e.differ(value, sign), sign)
    quotient = e.high(e.high(e.add(magnitude, half), multiplier), shift)
    quantised = e.pick(e.sub(e.differ(quotient, sign), sign), list(ZIGZAG))
    e.store(quantised, out, j)
    return e.bits(e.below(e.all(0, 16, SIZE), quantised))


def _transpose(e: Emit, rows: list[Any]) -> list[Any]:
    """Return the columns: three perfect shuffles of 64 lanes turn (y, x) into (x, y)."""
    for _ in range(3):
        pairs = [e.interleave(a, b) for a, b in zip(rows[:4], rows[4:], strict=True)]
        rows = [e.part(pair, first, BLOCK) for pair in pairs for first in (0, BLOCK)]
    return rows


def _transform(e: Emit, x: list[Any], *, first: bool) -> list[Any]:
    """Return the eight outputs of eight inputs; a lane is a transform of its own."""
    a = [e.add(x[k], x[7 - k]) for k in range(4)]
    d = [e.sub(x[k], x[7 - k]) for k in range(4)]
    sums, differences = (
        (e.add(a[0], a[3]), e.add(a[1], a[2])),
        (e.sub(a[0], a[3]), e.sub(a[1], a[2])),
    )
    out = {0: e.add(*sums), 4: e.sub(*sums)}
    for k, value in out.items():
        out[k] = (
            e.up(value, _KEPT_BITS)
            if first
            else e.down_signed(e.add(value, 1 << _KEPT_BITS - 1), _KEPT_BITS)
        )
    by = _FRACTION_BITS - _KEPT_BITS if first else _FRACTION_BITS + _KEPT_BITS
    for k, weights in _EVEN.items():
        out[k] = _rounded(e, e.weigh(*differences, weights), by)
    for k, (p, q, r, s) in _ODD.items():
        out[k] = _rounded(e, e.add(e.weigh(d[0], d[1], (p, q)), e.weigh(d[2], d[3], (r, s))), by)
    return [out[k] for k in range(BLOCK)]


def _rounded(e: Emit, value: Any, by: int) -> Any:
    """Return value / 2 ** by, halves up, in 16 bits."""
    return e.narrow(e.down_signed(e.add(value, 1 << by - 1), by), 16)
