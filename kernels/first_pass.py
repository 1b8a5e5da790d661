"""One read of a page: luma, half-scale luma, ink strips for the skew, statistics per cell.

Luma is that of JFIF as libjpeg computes it (T.871; integers, 16 bit fractions), so the encoder's
and ours are the same numbers. Ink is how much darker than the threshold a sample is, clamped.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

from kernels.raster import Raster, empty

CELL_PX: Final = 32
INK_CLAMP: Final = 96
_SAMPLE_STEP: Final = 8


@dataclass(frozen=True, slots=True)
class FirstPass:
    """What one read of a page gives.

    Attributes
    ----------
    luma
        uint8 (H, W).
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


def first_pass(raster: Raster) -> FirstPass:
    """Read a page once.

    Cost: about three times copying the page. Twin: `page.cu`, equal by `==`.
    """
    pixels = raster.pixels
    height, width = pixels.shape[:2]
    cells = np.zeros((-(-height // CELL_PX), -(-width // CELL_PX), 2), np.uint8)
    if raster.is_colour:
        luma = empty((height, width))
        _luma(pixels.reshape(height, width * 3), luma, cells)
    else:
        luma = pixels
    otsu, paper = levels(histogram(luma))
    threshold = min(otsu + (paper - otsu) // 4, paper * 3 // 4)
    clamp = min(INK_CLAMP, max(threshold // 2, 8))
    strip = strip_of(height, width)
    rows = np.zeros((width // strip, height), np.uint16)
    columns = np.zeros((height // strip, width), np.uint16)
    _strips(luma, (threshold, clamp), strip, rows, columns, cells)
    return FirstPass(
        luma=luma,
        half=_half(luma),
        threshold=threshold,
        paper=paper,
        ink_clamp=clamp,
        rows=rows,
        columns=columns,
        strip_px=strip,
        cells=cells,
    )


def strip_of(height_px: int, width_px: int) -> int:
    """Return the width of a strip for a page of this size."""
    longest = max(height_px, width_px)
    if longest > 2200:
        return 32
    return 16 if longest > 1100 else 8


def histogram(luma: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Count the levels of every 8th sample of every 8th row."""
    start = [min(2, side - 1) for side in luma.shape]
    sample = luma[start[0] :: _SAMPLE_STEP, start[1] :: _SAMPLE_STEP]
    return np.bincount(sample.ravel(), minlength=256)


def levels(counts: NDArray[np.int64]) -> tuple[int, int]:
    """Return Otsu's threshold and the paper level, in exact integers.

    The between-class variance of a split is a fraction; fractions are compared by cross products,
    so no rounding can differ between backends.
    """
    bins = [int(count) for count in counts]
    total, weighted = sum(bins), sum(i * count for i, count in enumerate(bins))
    best, otsu = (0, 1), 128
    below = below_weighted = 0
    for level in range(255):
        below += bins[level]
        below_weighted += level * bins[level]
        above = total - below
        if below == 0 or above == 0:
            continue
        spread = (below * weighted - total * below_weighted) ** 2, below * above
        if spread[0] * best[1] > best[0] * spread[1]:
            best, otsu = spread, level
    lighter = sum(bins[otsu + 1 :])
    passed = 0
    for level in range(otsu + 1, 256):
        passed += bins[level]
        if lighter and 2 * passed >= lighter:
            return otsu, level
    return otsu, 255


@njit(nogil=True, cache=True)
def _luma(pixels, luma, cells):  # type: ignore[no-untyped-def]
    """Write luma and the widest spread of each cell. `pixels` is (H, 3 W): B G R B G R ..."""
    height, width = luma.shape
    for y in range(height):
        row, out, cell = pixels[y], luma[y], cells[y // CELL_PX]
        for left in range(0, width, CELL_PX):
            widest = np.uint8(0)
            for x in range(left, min(width, left + CELL_PX)):
                b, g, r = row[3 * x], row[3 * x + 1], row[3 * x + 2]
                out[x] = (
                    np.uint32(19595) * r
                    + np.uint32(38470) * g
                    + np.uint32(7471) * b
                    + np.uint32(32768)
                ) >> np.uint32(16)
                spread = np.uint8(max(b, g, r) - min(b, g, r))
                widest = max(widest, spread)
            place = left // CELL_PX
            cell[place, 1] = max(cell[place, 1], widest)


def _half(luma: NDArray[np.uint8]) -> NDArray[np.uint8]:
    height, width = luma.shape
    half = empty((max(1, height // 2), max(1, width // 2)))
    if min(height, width) < 2:  # nothing to average across the short side
        half[:] = luma[: 2 * half.shape[0] : 2, : 2 * half.shape[1] : 2]
    else:
        _halve(luma, half)
    return half


@njit(nogil=True, cache=True)
def _halve(luma, half):  # type: ignore[no-untyped-def]
    for y in range(half.shape[0]):
        upper, lower, out = luma[2 * y], luma[2 * y + 1], half[y]
        for x in range(half.shape[1]):
            four = (
                np.uint32(upper[2 * x])
                + np.uint32(upper[2 * x + 1])
                + np.uint32(lower[2 * x])
                + np.uint32(lower[2 * x + 1])
            )
            out[x] = (four + np.uint32(2)) >> np.uint32(2)


@njit(nogil=True, cache=True)
def _strips(luma, levels_, strip, rows, columns, cells):  # type: ignore[no-untyped-def]
    """Sum ink along rows and columns in strips; keep the most ink of each cell."""
    height, width = luma.shape
    ink = np.zeros(width + CELL_PX, np.uint8)
    most = np.zeros(width + CELL_PX, np.uint8)
    for y in range(height):
        _ink(luma[y], levels_, ink, most)
        if y // strip < columns.shape[0]:
            column = columns[y // strip]
            for x in range(width):
                column[x] += np.uint16(ink[x])
        for k in range(rows.shape[0]):
            total = np.uint32(0)
            for x in range(k * strip, (k + 1) * strip):
                total += np.uint32(ink[x])
            rows[k, y] = total
        if y % CELL_PX == CELL_PX - 1 or y == height - 1:
            _darkest(most, cells[y // CELL_PX])


@njit(nogil=True, cache=True)
def _ink(row, levels_, ink, most):  # type: ignore[no-untyped-def]
    threshold, clamp = np.int32(levels_[0]), np.int32(levels_[1])
    for x in range(row.size):
        ink[x] = min(max(threshold - np.int32(row[x]), np.int32(0)), clamp)
    for x in range(row.size):
        most[x] = max(most[x], ink[x])


@njit(nogil=True, cache=True)
def _darkest(most, cells):  # type: ignore[no-untyped-def]
    for k in range(cells.shape[0]):
        darkest = np.uint8(0)
        for x in range(k * CELL_PX, (k + 1) * CELL_PX):
            darkest = max(darkest, most[x])
        cells[k, 0] = darkest
    most[:] = 0
