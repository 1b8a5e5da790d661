"""The page as ink on paper: an integer map, whatever the colour of ink and paper.

Ink is the local paper level minus the darkest channel, so ink of any colour counts; the channels
are first balanced so that the paper is neutral, or blue ink would hide on brown paper. The map has
about 150 dpi: a mark of half a millimetre covers three of its pixels and keeps its contrast.
"""

from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

from kernels.blank.ground import ground, of_the_page
from kernels.buffers import Buffers
from kernels.raster import Raster
from kernels.vector import Emit, block

MAP_DPI: Final = 150
_LANES: Final = 16
_LINE_BYTES: Final = 64
_AHEAD_BYTES: Final = 4096
_SAMPLE_PX: Final = 16
_LOWEST_THRESHOLD: Final = 7
_COLOURED: Final = 14
_LARGEST_GAIN: Final = 512
"""In 256ths: paper so coloured that one channel has less than half of another is left so."""


@dataclass(frozen=True, slots=True)
class InkMap:
    """The page as ink on paper, reduced to about 150 dpi.

    Attributes
    ----------
    ink
        uint8 (h, w): local paper level minus darkest channel, not below 0.
    dark, spread
        uint8 (h, w): darkest balanced channel; brightest minus darkest balanced channel.
    levels
        uint8 (ceil(h / 32), ceil(w / 32)): median of the darkest channel in each cell.
    paper, paper_spread
        Level and colour of the paper as a whole, balanced.
    tint
        Brightest minus darkest channel of the paper as captured.
    noise
        Standard deviation of the paper in 256ths of a level.
    threshold
        Least ink that counts: above the noise, never below 7.
    dpi
        Samples per inch of the map.
    factor
        So many pixels of the page, squared, are one of the map.
    """

    ink: NDArray[np.uint8]
    dark: NDArray[np.uint8]
    spread: NDArray[np.uint8]
    levels: NDArray[np.uint8]
    paper: int
    paper_spread: int
    tint: int
    noise: int
    threshold: int
    dpi: float
    factor: int

    @property
    def coloured_ink(self) -> int:
        """Colour from which what is in or on the paper is coloured; noise stays below."""
        return self.paper_spread + _COLOURED

    @property
    def coloured_object(self) -> int:
        """Colour from which what covers the paper is coloured.

        Dust, staples and the bed behind a hole are gray as captured; on tinted paper the balance
        gives them some of the opposite tint.
        """
        return self.coloured_ink + self.tint * 3 // 4

    def px(self, mm: float) -> float:
        """Return a length on the map."""
        return mm * self.dpi / 25.4

    def mm(self, px: float) -> float:
        """Return a length on the paper."""
        return px * 25.4 / self.dpi


def ink_map(raster: Raster, buffers: Buffers | None = None) -> InkMap:
    """Return the ink of a page; integers throughout, equal on every processor.

    Cost: about twice copying a colour page at 300 dpi. A raster without slack is read no further
    than its end.

    Parameters
    ----------
    raster
        The page.
    buffers
        Of the worker; the map lies in them. None: in new ones.
    """
    buffers = buffers or Buffers()
    factor = factor_of(raster)
    shape = raster.height_px // factor, raster.width_px // factor
    white = _white(raster, factor)
    dark, spread = buffers.take("ink.dark", shape), buffers.take("ink.spread", shape)
    size = raster.width_px, factor
    if raster.is_colour:
        most = max(int(white.max()), 1)  # where all are black, none is balanced
        gains = [min(most * 256 // max(int(level), 1), _LARGEST_GAIN) for level in white]
        out = dark, spread
        _reduce_colour(raster.pixels.reshape(-1), size, (gains[0], gains[1], gains[2]), out)
    else:
        _reduce_gray(raster.pixels.reshape(-1), size, dark)
        spread.fill(0)
    seen = ground(dark, "ink.ink", buffers)
    return InkMap(
        ink=seen.ink,
        dark=dark,
        spread=spread,
        levels=seen.levels,
        paper=seen.paper,
        paper_spread=of_the_page(spread[::_SAMPLE_PX, ::_SAMPLE_PX]),
        tint=int(white.max() - white.min()),
        noise=seen.noise,
        threshold=threshold_above(seen.noise),
        dpi=raster.dpi / factor,
        factor=factor,
    )


def factor_of(raster: Raster) -> int:
    """Return how many pixels of the page, squared, are one of its map."""
    return min(max(round(raster.dpi / MAP_DPI), 1), raster.height_px, raster.width_px)


def threshold_above(noise: int) -> int:
    """Return the least ink that counts on paper of that noise, in 256ths of a level."""
    return max(_LOWEST_THRESHOLD, (4 * noise >> 8) + 2)


def ink_beside(page: InkMap, hidden: NDArray[np.uint8], buffers: Buffers) -> InkMap:
    """Return a map whose ink is measured again, now that it is known where there is no paper.

    Parameters
    ----------
    page
        A map in `buffers`; its ink is written over.
    hidden
        uint8 (h, w): non-zero where there is no paper.
    """
    seen = ground(page.dark, "ink.ink", buffers, hidden)
    return replace(page, ink=seen.ink)


def _white(raster: Raster, factor: int) -> NDArray[np.int64]:
    """Return the level of the paper in each channel, from a sample of the reduced page."""
    rows, columns = (-(-(side // factor) // _SAMPLE_PX) for side in raster.pixels.shape[:2])
    sample = np.empty((3 if raster.is_colour else 1, rows, columns), np.uint8)
    _sample(raster.pixels.reshape(-1), (raster.width_px, factor), sample)
    return np.array([of_the_page(channel) for channel in sample], np.int64)


@njit(nogil=True, cache=True)
def _sample(pixels, size, out):  # type: ignore[no-untyped-def]
    width, factor = size
    channels, step = out.shape[0], _SAMPLE_PX * factor
    for y in range(out.shape[1]):
        for x in range(out.shape[2]):
            place = (y * step * width + x * step) * channels, width * channels, factor
            for k in range(channels):
                out[k, y, x] = _mean(pixels, place, channels, k)


@njit(nogil=True, cache=True)
def _reduce_colour(pixels, size, gains, out):  # type: ignore[no-untyped-def]
    """Write the darkest balanced channel and the spread of the mean of each square of pixels."""
    width, factor = size
    dark, spread = out[0].reshape(-1), out[1].reshape(-1)
    columns = out[0].shape[1]
    for y in range(out[0].shape[0]):
        source, target = 3 * y * factor * width, y * columns
        done = 0
        if factor <= 2 and columns >= _LANES:
            while done < columns:
                x = min(done, columns - _LANES)  # the last block does a part of its neighbour again
                place = source + 3 * x * factor, 3 * width
                if factor == 2:
                    _balance_4(pixels, place, gains, (dark, spread, target + x))
                else:
                    _balance_1(pixels, place, gains, (dark, spread, target + x))
                done = x + _LANES
        for x in range(done, columns):
            square = source + 3 * x * factor, 3 * width, factor
            low, high = 255, 0
            for k in range(3):
                level = min((_mean(pixels, square, 3, k) * gains[k] + 128) >> 8, 255)
                low, high = min(low, level), max(high, level)
            dark[target + x] = low
            spread[target + x] = high - low


@njit(nogil=True, cache=True)
def _reduce_gray(pixels, size, out):  # type: ignore[no-untyped-def]
    width, factor = size
    columns = out.shape[1]
    for y in range(out.shape[0]):
        source, target = y * factor * width, y * columns
        done = 0
        if factor <= 2 and columns >= _LANES:
            while done < columns:
                x = min(done, columns - _LANES)
                place = source + x * factor, width
                if factor == 2:
                    _mean_4(pixels, place, out.reshape(-1), target + x)
                else:
                    _copy(pixels, place, out.reshape(-1), target + x)
                done = x + _LANES
        for x in range(done, columns):
            out[y, x] = _mean(pixels, (source + x * factor, width, factor), 1, 0)


@njit(nogil=True, cache=True)
def _mean(pixels, place, step, k):  # type: ignore[no-untyped-def]
    """Return the mean of a square of samples; halves are rounded up."""
    start, pitch, factor = place
    total = np.int64(0)
    for y in range(factor):
        for x in range(factor):
            total += np.int64(pixels[start + y * pitch + x * step + k])
    return (total + factor * factor // 2) // (factor * factor)


@block()
def _copy(e: Emit, pixels: Any, place: Any, out: Any, at: Any) -> None:
    e.store(e.load(pixels, place[0], _LANES), out, at)


@block()
def _mean_4(e: Emit, pixels: Any, place: Any, out: Any, at: Any) -> None:
    e.store(e.narrow(_means(e, pixels, place, 1)[0], 8), out, at)


@block()
def _balance_1(e: Emit, pixels: Any, place: Any, gains: Any, out: Any) -> None:
    row = e.load(pixels, place[0], 3 * _LANES)
    _balance(e, [e.widen(e.every(row, 3, k), 16) for k in range(3)], gains, out)


@block()
def _balance_4(e: Emit, pixels: Any, place: Any, gains: Any, out: Any) -> None:
    _balance(e, _means(e, pixels, place, 3), gains, out)


def _means(e: Emit, pixels: Any, place: Any, channels: int) -> list[Any]:
    """Return the means of two by two pixels, channel by channel; halves are rounded up."""
    start, pitch = place
    rows = []
    for i in (start, e.plus(start, pitch)):
        for ahead in range(_AHEAD_BYTES, _AHEAD_BYTES + 2 * channels * _LANES, _LINE_BYTES):
            e.prefetch(pixels, e.plus(i, ahead))
        rows.append(e.load(pixels, i, 2 * channels * _LANES))
    means = []
    for k in range(channels):
        four = [
            e.widen(e.every(row, 2 * channels, at), 16) for row in rows for at in (k, k + channels)
        ]
        total = e.add(e.add(four[0], four[1]), e.add(four[2], four[3]))
        means.append(e.down(e.add(total, 2), 2))
    return means


def _balance(e: Emit, channels: list[Any], gains: Any, out: Any) -> None:
    """Multiply by 256 to 512, in 256ths: what is above 256 alone passes through sixteen bits."""
    even = []
    for level, gain in zip(channels, gains, strict=True):
        more = e.mul(level, e.sub(e.all(gain, 16, _LANES), 256))
        even.append(e.least(e.add(level, e.down(e.add(more, 128), 8)), 255))
    low = e.least(e.least(even[0], even[1]), even[2])
    high = e.most(e.most(even[0], even[1]), even[2])
    dark, spread, at = out
    e.store(e.narrow(low, 8), dark, at)
    e.store(e.narrow(e.sub(high, low), 8), spread, at)
