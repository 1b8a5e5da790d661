"""One read of a page: luma, half-scale luma, ink strips for the skew, statistics per cell.

Luma is that of JFIF as libjpeg computes it (T.871; integers, 16 bit fractions), so the encoder's
and ours are the same numbers. Ink is how much darker than the threshold a sample is, clamped.

Rule 1: the page is read once, four rows at a time; only `levels` looks at a sample of it before.
Rule 2: blocks of 32 pixels overrun the end of a row. What they read there is the next row, what
they write there is written over; near the end of the array a copy of the rows is read instead, so
that a raster without slack is as good as any.
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numba import njit, types
from numpy.typing import NDArray

from kernels import levels
from kernels.buffers import Buffers
from kernels.raster import Raster
from kernels.vector import Emit, block

CELL_PX: Final = 32
_LANES: Final = 32
_WHITE: Final = 255
_LINE_BYTES: Final = 64
_AHEAD_BYTES: Final = 4096  # a processor's own prefetching ends where a memory page does


@dataclass(frozen=True, slots=True)
class FirstPass:
    """What one read of a page gives.

    Attributes
    ----------
    luma
        uint8 (H, W); of a gray page the pixels themselves.
    half
        uint8 (max(1, H // 2), max(1, W // 2)): mean of 2 x 2 samples, rounded.
    threshold
        0 to 255; a sample below it is ink.
    paper
        0 to 255; the level of the paper: median of what is lighter than Otsu's threshold.
    ink_clamp
        The most ink a sample counts for.
    rows
        uint16 (W // strip_px, H): ink of each column strip in each row.
    columns
        uint16 (H // strip_px, W): ink of each row strip in each column.
    strip_px
        32, 16 or 8, by the size of the page.
    cells
        uint8 (ceil(H / 32), ceil(W / 32), 2): most ink of a sample, and widest spread between the
        samples of a pixel.
    """

    luma: NDArray[np.uint8]
    half: NDArray[np.uint8]
    threshold: int
    paper: int
    ink_clamp: int
    rows: NDArray[np.uint16]
    columns: NDArray[np.uint16]
    strip_px: int
    cells: NDArray[np.uint8]


def first_pass(raster: Raster, buffers: Buffers | None = None) -> FirstPass:
    """Read a page once; a raster without slack is read no further than its end.

    Parameters
    ----------
    raster
        The page.
    buffers
        Of the worker; the result lies in them. None: in new ones.

    Cost: about 1.7 times copying the page. Twin: `page.cu`, equal by `==`.
    """
    buffers = buffers or Buffers()
    height, width = raster.height_px, raster.width_px
    seen = levels.measure(raster)
    strip = strip_of(height, width)
    luma = buffers.take("first_pass.luma", (height, width)) if raster.is_colour else raster.pixels
    first = FirstPass(
        luma=luma,
        half=buffers.take("first_pass.half", (max(1, height // 2), max(1, width // 2))),
        threshold=seen.threshold,
        paper=seen.paper,
        ink_clamp=seen.ink_clamp,
        rows=buffers.take("first_pass.rows", (width // strip, height), np.uint16),
        columns=buffers.take("first_pass.columns", (height // strip, width), np.uint16),
        strip_px=strip,
        cells=buffers.take("first_pass.cells", (-(-height // CELL_PX), -(-width // CELL_PX), 2)),
    )
    lines = (
        buffers.zeros("first_pass.sums", (width + _LANES,), np.uint16),
        buffers.zeros("first_pass.most", (width + _LANES,)),
        buffers.zeros("first_pass.spread", (width + _LANES,)),
        buffers.take("first_pass.totals", ((width // strip + 2) * _LANES,), np.uint16),
        buffers.take("first_pass.edge", (3 * (width + _LANES),)),
    )
    flat = (luma, first.half, first.columns, first.rows)
    _read(
        raster.pixels.reshape(-1),
        (height, width, strip, raster.is_colour),
        (seen.threshold, seen.ink_clamp),
        (*(array.reshape(-1) for array in flat), first.cells),
        lines,
    )
    if min(height, width) < 2:  # nothing to average across the short side
        first.half[:] = luma[: 2 * first.half.shape[0] : 2, : 2 * first.half.shape[1] : 2]
    return first


def strip_of(height_px: int, width_px: int) -> int:
    """Return the width of a strip for a page of this size."""
    longest = max(height_px, width_px)
    if longest > 2200:
        return 32
    return 16 if longest > 1100 else 8


@njit(nogil=True, cache=True)
def _read(pixels, page, ink, out, lines):  # type: ignore[no-untyped-def]
    height, width, strip, is_colour = page
    luma, half, columns, rows, cells = out
    sums, most, spread, totals, edge = lines
    y = 0
    while y < height:
        # Four rows at a time, but for the last ones.
        at_once = 4 if y + 4 <= height and (y + 4) * width + _LANES <= luma.size else 2
        if is_colour:
            for line in range(y, min(y + at_once, height)):
                _weigh(pixels, (line, width), luma, spread, edge)
        if at_once == 4:
            # From the right: what the upper half row overruns, the lower one writes over.
            for x in range((width - 1) // _LANES * _LANES, -1, -_LANES):
                out = (half, y // 2 * (width // 2) + x // 2), (totals, x + y % CELL_PX)
                _four_rows(luma, (y * width + x, width), ink, out, (sums, most, x))
        else:
            _add_ink(luma, (y, height, width), ink, half, lines)
        if strip != _LANES:
            _add_up(luma, (y, min(y + at_once, height), width, strip), ink, totals)
        above, y = y, y + at_once
        if y % strip == 0 and y <= height:
            for x in range(0, width, _LANES):
                _move(sums, x, columns, above // strip * width + x)
        if y % CELL_PX == 0 or y >= height:
            _close(most, spread, width, cells[above // CELL_PX])
            _lay_out(totals, rows, above // CELL_PX * CELL_PX, height)


@njit(nogil=True, cache=True)
def _weigh(pixels, place, luma, spread, edge):  # type: ignore[no-untyped-def]
    """Write the luma of one row, and keep the widest spread of each column."""
    y, width = place
    start = y * width * 3
    if start + 3 * (width + _LANES) > pixels.size:
        for i in range(3 * width):
            edge[i] = pixels[start + i]
        pixels, start = edge, 0
    for x in range(0, width, _LANES):
        _weigh_block(pixels, start + 3 * x, (luma, y * width + x), spread, x)


@block()
def _weigh_block(e: Emit, pixels: Any, i: Any, luma: Any, spread: Any, x: Any) -> None:
    samples = e.load(pixels, i, 3 * _LANES)
    for ahead in range(_AHEAD_BYTES, _AHEAD_BYTES + 3 * _LANES, _LINE_BYTES):
        e.prefetch(pixels, e.plus(i, ahead))
    b, g, r = (e.every(samples, 3, k) for k in range(3))
    blue, green, red = (e.widen(k, 16) for k in (b, g, r))
    # 19595 = 76 * 256 + 139, 38470 = 150 * 256 + 70, 7471 = 29 * 256 + 47: no sum passes 16 bits.
    coarse = e.add(e.add(e.mul(red, 76), e.mul(green, 150)), e.mul(blue, 29))
    fine = e.add(e.add(e.mul(red, 139), e.mul(green, 70)), e.mul(blue, 47))
    level = e.down(e.add(coarse, e.add(e.down(fine, 8), 128)), 8)
    e.store(e.narrow(level, 8), *luma)
    wide = e.sub(e.most(e.most(b, g), r), e.least(e.least(b, g), r))
    e.store(e.most(e.load(spread, x, _LANES), wide), spread, x)


@njit(nogil=True, cache=True)
def _add_ink(luma, place, ink, half, lines):  # type: ignore[no-untyped-def]
    """Halve two rows, add their ink to strips and columns, keep the most of each column."""
    y, height, width = place
    sums, most, _, totals, edge = lines
    start, pitch, halved = y * width, width, y // 2 * max(1, width // 2)
    if start + 2 * width + _LANES > luma.size:
        pitch = width + _LANES
        for x in range(width):
            edge[x] = luma[start + x]
            edge[pitch + x] = luma[start + width + x] if y + 1 < height else _WHITE
        if y + 1 == height:  # the last row of an odd number has no half
            half, halved = edge, 2 * pitch
        luma, start = edge, 0
    for x in range(0, width, _LANES):
        out = (half, halved + x // 2), (totals, x + y % CELL_PX)
        _ink_block(luma, (start + x, pitch), ink, out, (sums, most, x))


@block()
def _ink_block(e: Emit, luma: Any, place: Any, ink: Any, out: Any, lines: Any) -> None:
    start, pitch = place
    half, totals = out
    sums, most, x = lines
    rows = start, e.plus(start, pitch)
    for i in rows:
        e.prefetch(luma, e.plus(i, _AHEAD_BYTES))
    upper, lower = (e.load(luma, i, _LANES) for i in rows)
    four = e.add(_pairs(e, upper), _pairs(e, lower))
    e.store(e.narrow(e.down(e.add(four, 2), 2), 8), *half)
    above, below = _inked(e, upper, ink), _inked(e, lower, ink)
    e.store(e.join(*(e.all(e.total(row, 32), 16, 1) for row in (above, below))), *totals)
    both = e.widen(e.add(above, below), 16)  # at most 2 * 96
    e.store(e.add(e.load(sums, x, _LANES), both), sums, x)
    e.store(e.most(e.load(most, x, _LANES), e.most(above, below)), most, x)


@block()
def _four_rows(e: Emit, luma: Any, place: Any, ink: Any, out: Any, lines: Any) -> None:
    """Do the same with four rows, none of which is the last of the array."""
    start, pitch = place
    (half, halved), totals = out
    sums, most, x = lines
    starts = [start]
    for _ in range(7):
        starts.append(e.plus(starts[-1], pitch))
    for i in starts[4:]:  # the next four rows
        e.prefetch(luma, i)
    rows = [e.load(luma, i, _LANES) for i in starts[:4]]
    for k in (0, 2):
        four = e.add(_pairs(e, rows[k]), _pairs(e, rows[k + 1]))
        e.store(e.narrow(e.down(e.add(four, 2), 2), 8), half, halved)
        halved = e.plus(halved, e.half(pitch))
    a, b, c, d = (_inked(e, row, ink) for row in rows)
    ends = [e.all(e.total(row, 32), 16, 1) for row in (a, b, c, d)]
    e.store(e.join(e.join(ends[0], ends[1]), e.join(ends[2], ends[3])), *totals)
    both = e.add(e.widen(e.add(a, b), 16), e.widen(e.add(c, d), 16))
    e.store(e.add(e.load(sums, x, _LANES), both), sums, x)
    highest = e.most(e.most(a, b), e.most(c, d))
    e.store(e.most(e.load(most, x, _LANES), highest), most, x)


def _pairs(e: Emit, luma: Any) -> Any:
    """Add the two of each pair of lanes."""
    pairs = e.lanes(e.bits(luma), 16)
    return e.add(e.both(pairs, 255), e.down(pairs, 8))


def _inked(e: Emit, luma: Any, ink: Any) -> Any:
    threshold, clamp = (e.all(level, 8, luma.type.count) for level in ink)
    return e.least(e.less(threshold, luma), clamp)


@njit(nogil=True, cache=True)
def _add_up(luma, place, ink, totals):  # type: ignore[no-untyped-def]
    """Sum the ink of some rows in column strips of 16 or 8."""
    first, end, width, strip = place
    for y in range(first, end):
        for k in range(width // strip):
            i = y * width + k * strip
            total = _sum_16(luma, i, ink) if strip == 16 else _sum_8(luma, i, ink)
            totals[k * CELL_PX + y % CELL_PX] = total


@block(types.uint32)
def _sum_16(e: Emit, luma: Any, i: Any, ink: Any) -> Any:
    return e.total(_inked(e, e.load(luma, i, 16), ink), 32)


@block(types.uint32)
def _sum_8(e: Emit, luma: Any, i: Any, ink: Any) -> Any:
    return e.total(_inked(e, e.load(luma, i, 8), ink), 32)


@njit(nogil=True, cache=True)
def _close(most, spread, width, cells):  # type: ignore[no-untyped-def]
    """Write what the columns of each cell hold, and begin anew."""
    for x in range(width, most.size):
        most[x] = spread[x] = 0
    for k in range(cells.shape[0]):
        cells[k, 0] = _largest(most, k * CELL_PX)
        cells[k, 1] = _largest(spread, k * CELL_PX)


@block(types.uint8)
def _largest(e: Emit, line: Any, x: Any) -> Any:
    held = e.load(line, x, CELL_PX)
    e.store(e.all(0, 8, CELL_PX), line, x)
    return e.largest(held)


@njit(nogil=True, cache=True)
def _lay_out(totals, rows, y, height):  # type: ignore[no-untyped-def]
    """Write the sums of the rows of a cell: strip by strip, for a store a row costs far more."""
    for k in range(rows.size // height):
        if y + CELL_PX <= height:
            _move(totals, k * CELL_PX, rows, k * height + y)
        else:
            for line in range(height - y):
                rows[k * height + y + line] = totals[k * CELL_PX + line]


@block()
def _move(e: Emit, line: Any, x: Any, target: Any, at: Any) -> None:
    e.store(e.load(line, x, _LANES), target, at)
    e.store(e.all(0, 16, _LANES), line, x)
