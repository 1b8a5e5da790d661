"""First stage: a raster as planes of samples, filled up to whole blocks (T.81, A.2.4; T.871)."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

from kernels.buffers import Buffers
from kernels.jpeg.contract import Subsampling
from kernels.jpeg.tables import BLOCK
from kernels.raster import SLACK_BYTES, Raster
from kernels.vector import Emit, block

_LANES: Final = 32
_GAP: Final = SLACK_BYTES
"""Between two planes: the last row of one may be written too far."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the samples of a file lie.

    A minimum coded unit (MCU) is what the file repeats: `side` x `side` blocks of luma, then, in
    colour, a block of Cb and one of Cr.

    Attributes
    ----------
    width_px, height_px
        Of the page.
    is_colour
        Three planes, or luma alone.
    side
        2 where chroma has half the resolution, else 1.
    """

    width_px: int
    height_px: int
    is_colour: bool
    side: int

    @classmethod
    def of(cls, raster: Raster, subsampling: Subsampling) -> "Layout":
        """Return the layout of the file of a raster."""
        side = 2 if raster.is_colour and subsampling == "420" else 1
        return cls(raster.width_px, raster.height_px, raster.is_colour, side)

    @property
    def mcus(self) -> tuple[int, int]:
        """How many down and across."""
        step = BLOCK * self.side
        return -(-self.height_px // step), -(-self.width_px // step)

    @property
    def luma_blocks(self) -> tuple[int, int]:
        """How many down and across hold a sample of the page; the others of an MCU are dummies."""
        return -(-self.height_px // BLOCK), -(-self.width_px // BLOCK)

    @property
    def blocks_an_mcu(self) -> int:
        """1, 3 or 6."""
        return self.side**2 + (2 if self.is_colour else 0)

    @property
    def blocks(self) -> int:
        """All blocks, dummies too."""
        down, across = self.mcus
        return down * across * self.blocks_an_mcu

    @property
    def strides_px(self) -> tuple[int, int]:
        """From a row to the next one, of luma and of chroma."""
        across = self.mcus[1] * BLOCK
        return across * self.side, across

    @property
    def starts(self) -> tuple[int, int, int]:
        """Where the planes of luma, Cb and Cr begin."""
        rows = self.mcus[0] * BLOCK
        luma, chroma = self.strides_px
        blue = rows * self.side * luma + _GAP
        return 0, blue, blue + rows * chroma + _GAP

    @property
    def size_bytes(self) -> int:
        """Of the planes together."""
        rows = self.mcus[0] * BLOCK
        luma, chroma = self.strides_px
        return self.starts[2] + rows * chroma if self.is_colour else rows * self.side * luma


def planes(raster: Raster, layout: Layout, buffers: Buffers) -> NDArray[np.uint8]:
    """Return the planes of a raster, one after the other, as `layout` says.

    Nothing is read beyond the raster, with or without slack. On a GPU a thread makes one sample
    of chroma and the samples of luma that it covers; a place beyond the page takes the nearest
    pixel; but below the page chroma repeats its last row that was halved from two.

    Notes
    -----
    Luma is (19595 R + 38470 G + 7471 B + 32768) >> 16; Cb is (-11059 R - 21709 G + 32768 B +
    8421375) >> 16; Cr is (32768 R - 27439 G - 5329 B + 8421375) >> 16. About 5 ms for an A4 page
    in colour at 300 dpi.
    """
    pixels = raster.pixels
    if raster.width_px < _LANES:  # narrower than one step of the loops
        more = ((0, 0), (0, _LANES - raster.width_px), (0, 0))
        pixels = np.pad(pixels, more[: pixels.ndim], mode="edge")
    size = (layout.height_px, layout.width_px)
    out = buffers.take("jpeg.planes", (layout.size_bytes,))
    if not raster.is_colour:
        _gray(pixels.reshape(-1), pixels.shape[1], size, layout.strides_px[0], out)
    else:
        longest = max(layout.strides_px[0], _LANES) + 2 * _LANES
        rows = buffers.take("jpeg.rows", (3 * layout.side * longest,))
        shape = (*size, pixels.shape[1], layout.side, layout.mcus[0] * BLOCK)
        _colour(pixels.reshape(-1), shape, layout.strides_px, layout.starts, rows, out)
    return out


@block()
def _copy(e: Emit, source: Any, i: Any, out: Any, j: Any) -> None:
    e.store(e.load(source, i, _LANES), out, j)


@block()
def _convert(e: Emit, bgr: Any, i: Any, rows: Any, j: Any, pitch: Any) -> None:
    """Write luma, Cb and Cr of 32 pixels. Factors of 16 bits are split in two, or a shift."""
    pixels = e.load(bgr, i, 3 * _LANES)
    b, g, r = (e.widen(e.every(pixels, 3, k), 16) for k in range(3))
    half = 32768
    y = e.add(e.weigh(r, g, (19595, 38470 - 16384)), e.weigh(b, g, (7471, 16384)))
    cb = e.add(e.weigh(r, g, (-11059, -21709)), e.up(e.widen(b, 32), 15))
    cr = e.add(e.weigh(g, b, (-27439, -5329)), e.up(e.widen(r, 32), 15))
    middle = (128 << 16) + half - 1
    for value, bias in ((y, half), (cb, middle), (cr, middle)):
        e.store(e.narrow(e.down(e.add(value, bias), 16), 8), rows, j)
        j = e.plus(j, pitch)


@block()
def _quarter(e: Emit, rows: Any, i: Any, each: Any, out: Any, j: Any) -> None:
    """Write 32 means of 2 x 2, of a row and the next; the bias is 1 in even columns, 2 in odd."""
    two = (e.load(rows, at, 2 * _LANES) for at in (i, e.plus(i, each)))
    left, right = zip(*((e.every(v, 2), e.every(v, 2, 1)) for v in two), strict=True)
    a, b, c, d = (e.widen(v, 16) for v in (*left, *right))
    bias = e.interleave(e.all(1, 16, _LANES // 2), e.all(2, 16, _LANES // 2))
    total = e.add(e.add(e.add(a, b), e.add(c, d)), bias)
    e.store(e.narrow(e.down(total, 2), 8), out, j)


@njit(nogil=True, cache=True)
def _row(source, start, count, out, place):  # type: ignore[no-untyped-def]
    """Copy so many samples, and up to 31 more than that."""
    for x in range(0, count, _LANES):
        _copy(source, start + x, out, place + x)


@njit(nogil=True, cache=True)
def _extend(row, start, width, end):  # type: ignore[no-untyped-def]
    """Repeat the last sample of a row."""
    for x in range(width, end):
        row[start + x] = row[start + width - 1]


@njit(nogil=True, cache=True)
def _gray(pixels, pitch, size, stride, out):  # type: ignore[no-untyped-def]
    height, width = size
    for y in range(height):
        for x in range(0, width, _LANES):
            at = min(x, pitch - _LANES)  # the last step goes back rather than beyond the row
            _copy(pixels, y * pitch + at, out, y * stride + at)
        _extend(out, y * stride, width, stride)
    for y in range(height, -(-height // BLOCK) * BLOCK):
        _row(out, (height - 1) * stride, stride, out, y * stride)


@njit(nogil=True, cache=True)
def _colour(pixels, shape, strides, starts, rows, out):  # type: ignore[no-untyped-def]
    """Convert row by row in a few rows that stay in cache, then put them where they belong."""
    height, width, pitch, side, _ = shape
    each = rows.size // (3 * side)
    # With halved chroma the last row makes a pair with itself.
    for y in range(-(-height // side) * side):
        which = y % side
        start = min(y, height - 1) * pitch * 3
        for x in range(0, pitch, _LANES):
            at = min(x, pitch - _LANES)
            _convert(pixels, start + 3 * at, rows, which * each + at, side * each)
        for k in range(3):
            _extend(rows, (k * side + which) * each, width, strides[0])
        _row(rows, which * each, strides[0], out, y * strides[0])
        if which == side - 1:
            for k in (1, 2):
                place = starts[k] + y // side * strides[1]
                if side == 1:
                    _row(rows, k * each, strides[1], out, place)
                else:
                    _halve(rows, 2 * k * each, each, strides[1], out, place)
    _below(shape, strides, starts, out)


@njit(nogil=True, cache=True)
def _halve(rows, start, each, count, out, place):  # type: ignore[no-untyped-def]
    for x in range(0, count, _LANES):
        _quarter(rows, start + 2 * x, each, out, place + x)


@njit(nogil=True, cache=True)
def _below(shape, strides, starts, out):  # type: ignore[no-untyped-def]
    """Repeat the last row of each plane; of chroma the last one that was halved from two."""
    height, _, _, side, chroma_rows = shape
    last = -(-height // side) * side - 1
    for y in range(last + 1, -(-height // BLOCK) * BLOCK):
        _row(out, last * strides[0], strides[0], out, y * strides[0])
    last //= side
    for k in (1, 2):
        for y in range(last + 1, chroma_rows):
            _row(out, starts[k] + last * strides[1], strides[1], out, starts[k] + y * strides[1])
