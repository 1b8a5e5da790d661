"""How dark ink is and how light paper, from a sample of the page before it is read.

Rule 1: exact integers decide; a double only names the splits that are worth comparing.
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

from kernels.raster import Raster
from kernels.vector import Emit, block

INK_CLAMP: Final = 96
_LEAST_CLAMP: Final = 8
_SAMPLE_STEP: Final = 8
_FIRST_SAMPLE: Final = 2
_TURNS: Final = 4
_LINE_BYTES: Final = 64
_ROUNDING: Final = 1e-12


@dataclass(frozen=True, slots=True)
class Levels:
    """What a sample of a page says of its ink and paper.

    Attributes
    ----------
    threshold
        0 to 255; a sample below it is ink: a quarter of the way from Otsu's threshold to the paper,
        but at most three quarters of the paper.
    paper
        0 to 255; the level of the paper: median of what is lighter than Otsu's threshold.
    ink_clamp
        8 to 96; the most ink a sample counts for.
    """

    threshold: int
    paper: int
    ink_clamp: int


def measure(raster: Raster) -> Levels:
    """Return the levels of a page.

    Cost: reads every 8th row, an eighth of copying the page. Twin: `page.cu`, equal by `==`.
    """
    return of_sample(histogram(raster))


def of_sample(counts: NDArray[np.int64]) -> Levels:
    """Return the levels of a page of whose sample so many are of each level: int64 (256)."""
    otsu = otsu_of(counts)
    paper = int(_paper(counts, otsu))
    threshold = min(otsu + (paper - otsu) // 4, paper * 3 // 4)
    return Levels(threshold, paper, min(INK_CLAMP, max(threshold // 2, _LEAST_CLAMP)))


def histogram(raster: Raster) -> NDArray[np.int64]:
    """Count the luma levels of every 8th pixel of every 8th row, from (2, 2) on: int64 (256)."""
    turns = np.zeros((_TURNS, 256), np.int64)
    shape = raster.height_px, raster.width_px, 3 if raster.is_colour else 1
    _count(raster.pixels.reshape(-1), shape, turns)
    counts: NDArray[np.int64] = turns.sum(axis=0)
    return counts


def otsu_of(counts: NDArray[np.int64]) -> int:
    """Return Otsu's threshold: the first level with the largest variance between both sides.

    The variance of a split is a fraction; fractions are compared by cross products, so no rounding
    can differ between backends. 128 where there is nothing to split.

    Source: N. Otsu, A threshold selection method from gray-level histograms, 1979.
    """
    distances, sizes = np.zeros(256, np.int64), np.zeros(256, np.int64)
    near = np.zeros(256, np.bool_)
    _splits(counts, distances, sizes, near)
    best, otsu = (0, 1), 128
    for level in np.flatnonzero(near):
        split = int(distances[level]) ** 2, int(sizes[level])
        if split[0] * best[1] > best[0] * split[1]:
            best, otsu = split, int(level)
    return otsu


@njit(nogil=True, cache=True)
def _splits(counts, distances, sizes, near):  # type: ignore[no-untyped-def]
    """Mark the splits whose variance distance^2 / size is the largest, up to rounding."""
    total = weighted = 0
    for level in range(256):
        total += counts[level]
        weighted += level * counts[level]
    below = below_weighted = 0
    most = 0.0
    for level in range(255):
        below += counts[level]
        below_weighted += level * counts[level]
        # An empty level splits as the one before it does, and that comes first.
        if counts[level] == 0 or below == total:
            continue
        distances[level] = below * weighted - total * below_weighted
        sizes[level] = below * (total - below)
        most = max(most, np.float64(distances[level]) ** 2 / sizes[level])
    for level in range(255):
        if sizes[level]:
            variance = np.float64(distances[level]) ** 2 / sizes[level]
            near[level] = variance >= most * (1.0 - _ROUNDING)


@njit(nogil=True, cache=True)
def _paper(counts, otsu):  # type: ignore[no-untyped-def]
    lighter = passed = 0
    for level in range(otsu + 1, 256):
        lighter += counts[level]
    for level in range(otsu + 1, 256):
        passed += counts[level]
        if lighter and 2 * passed >= lighter:
            return level
    return 255


@njit(nogil=True, cache=True)
def _count(pixels, shape, counts):  # type: ignore[no-untyped-def]
    """Count in turns: neighbours are mostly of one level, and would wait for each other."""
    height, width, channels = shape
    step = np.uint64(channels * _SAMPLE_STEP)
    below = np.uint64(width * channels * _SAMPLE_STEP)
    for y in range(min(_FIRST_SAMPLE, height - 1), height, _SAMPLE_STEP):
        at = np.uint64((y * width + min(_FIRST_SAMPLE, width - 1)) * channels)
        end = np.uint64((y + 1) * width * channels)
        while at + np.uint64(_TURNS - 1) * step < end:
            _ask(pixels, at + below)
            for turn in range(_TURNS):
                counts[turn, _level(pixels, at, channels)] += 1
                at += step
        while at < end:
            counts[0, _level(pixels, at, channels)] += 1
            at += step


@njit(nogil=True, cache=True)
def _level(pixels, at, channels):  # type: ignore[no-untyped-def]
    if channels == 1:
        return np.uint32(pixels[at])
    b, g, r = pixels[at], pixels[at + np.uint64(1)], pixels[at + np.uint64(2)]
    level = np.uint32(19595) * r + np.uint32(38470) * g + np.uint32(7471) * b
    return (level + np.uint32(32768)) >> np.uint32(16)


@block()
def _ask(e: Emit, pixels: Any, i: Any) -> None:
    e.prefetch(pixels, i)
    e.prefetch(pixels, e.plus(i, _LINE_BYTES))
