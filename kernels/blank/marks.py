"""The connected marks of an ink map, measured one by one. Integers, but for the last roots.

Rows are looked at 32 pixels at a time and never read past their end.
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numba import njit, types
from numpy.typing import NDArray

from kernels.blank.ink import InkMap
from kernels.vector import Emit, block

_LANES: Final = 32
_FIRST_RUNS: Final = 1024


@dataclass(frozen=True, slots=True)
class Marks:
    """Connected marks; one row each, in the order of the map.

    Attributes
    ----------
    box
        int32 (n, 4): left, top, width, height.
    area
        int64: pixels above the threshold.
    peak
        int64: the most ink of any pixel.
    core
        int64: the most ink in a square of 3 x 3 pixels about a pixel of the mark.
    mass
        int64: sum of ink. `mass / peak` is the area of a mark of full contrast.
    edge
        int64: the steepest step between neighbours that belong to the mark or touch it.
    roughness
        float64: root of the mean squared step over that of the ink. Like edge over peak, but an
        average: it stands the noise on marks of little ink.
    colour
        int64: the most colour of any pixel.
    thickness
        float64: standard deviation of the ink across the mark's longer direction, in pixels.
    cut
        bool: the mark touches what is left out, so more of it may lie there.
    runs
        int32 (m, 3): row, first and last column of every run of pixels, mark by mark.
    first_run
        int64 (n + 1): where the runs of each mark begin.
    """

    box: NDArray[np.int32]
    area: NDArray[np.int64]
    peak: NDArray[np.int64]
    core: NDArray[np.int64]
    mass: NDArray[np.int64]
    edge: NDArray[np.int64]
    roughness: NDArray[np.float64]
    colour: NDArray[np.int64]
    thickness: NDArray[np.float64]
    cut: NDArray[np.bool_]
    runs: NDArray[np.int32]
    first_run: NDArray[np.int64]

    def __len__(self) -> int:
        return int(self.area.size)

    def pixels(self, row: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return rows and columns of the pixels of one mark."""
        runs = self.runs[self.first_run[row] : self.first_run[row + 1]]
        lengths = runs[:, 2] - runs[:, 1] + 1
        ends = np.cumsum(lengths)
        along = np.arange(int(ends[-1])) - np.repeat(ends - lengths, lengths)
        return (
            np.repeat(runs[:, 0], lengths).astype(np.int64),
            np.repeat(runs[:, 1], lengths) + along,
        )


@njit(nogil=True, cache=True)
def _find_runs(ink: Any, excluded: Any, threshold: int) -> Any:
    """Return row, first and last column of every run of ink outside of `excluded`."""
    height, width = ink.shape
    flat, hidden = ink.reshape(-1), excluded.reshape(-1)
    out = np.empty((_FIRST_RUNS, 3), np.int32)
    n = 0
    for y in range(height):
        start = -1
        for left in range(0, width, _LANES):
            right = min(left + _LANES, width)
            i = y * width + left
            if right == left + _LANES and start < 0 and _most(flat, hidden, i) < threshold:
                continue
            for x in range(left, right):
                inked = ink[y, x] >= threshold and not excluded[y, x]
                if inked and start < 0:
                    start = x
                elif start >= 0 and not inked:
                    out, n = _add_run(out, n, (y, start, x - 1))
                    start = -1
        if start >= 0:
            out, n = _add_run(out, n, (y, start, width - 1))
    return out[:n]


@block(types.uint8)
def _most(e: Emit, ink: Any, excluded: Any, i: Any) -> Any:
    """Return the most ink of 32 pixels."""
    shown = e.equal(e.load(excluded, i, _LANES), 0)
    return e.largest(e.choose(shown, e.load(ink, i, _LANES), 0))


@njit(nogil=True, cache=True)
def _add_run(out: Any, n: int, run: Any) -> tuple[Any, int]:
    if n == out.shape[0]:
        larger = np.empty((2 * n, 3), np.int32)
        larger[:n] = out
        out = larger
    out[n, 0], out[n, 1], out[n, 2] = run
    return out, n + 1


@njit(nogil=True, cache=True)
def _root(parents: Any, k: int) -> int:
    while parents[k] != k:
        parents[k] = parents[parents[k]]
        k = parents[k]
    return k


@njit(nogil=True, cache=True)
def _connect(runs: Any) -> tuple[Any, int]:
    """Return a label for each run, counted from 0 in the order of the map, and how many."""
    n = runs.shape[0]
    parents = np.arange(n)
    above = 0
    for k in range(n):
        while above < k and runs[above, 0] < runs[k, 0] - 1:
            above += 1
        j = above
        while j < k and runs[j, 0] == runs[k, 0] - 1 and runs[j, 1] <= runs[k, 2] + 1:
            if runs[j, 2] >= runs[k, 1] - 1:
                one, other = _root(parents, j), _root(parents, k)
                parents[max(one, other)] = min(one, other)
            j += 1
    labels = np.empty(n, np.int64)
    count = 0
    for k in range(n):
        root = _root(parents, k)
        if root == k:
            labels[k] = count
            count += 1
        else:
            labels[k] = labels[root]
    return labels, count


@njit(nogil=True, cache=True)
def _boxes(runs: Any, labels: Any, count: int) -> Any:
    """Return left, top, right, bottom of every label, the last two inclusive."""
    out = np.empty((count, 4), np.int32)
    out[:, :2] = 2**30
    out[:, 2:] = -1
    for i in range(runs.shape[0]):
        k = labels[i]
        out[k, 0] = min(out[k, 0], runs[i, 1])
        out[k, 1] = min(out[k, 1], runs[i, 0])
        out[k, 2] = max(out[k, 2], runs[i, 2])
        out[k, 3] = max(out[k, 3], runs[i, 0])
    return out


@njit(nogil=True, cache=True)
def _measure(runs: Any, labels: Any, corners: Any, page: Any, out: Any) -> None:
    """Fill area, peak, mass, edge, colour, cut, sums of squares of ink and step, moments, core.

    `page` is ink, spread and what is excluded. Moments are of ink about the corner of the box.
    """
    ink, spread, excluded = page
    height, width = ink.shape
    for i in range(runs.shape[0]):
        k = labels[i]
        y = runs[i, 0]
        below = np.int64(y - corners[k, 1])
        for x in range(runs[i, 1], runs[i, 2] + 1):
            v = np.int64(ink[y, x])
            steepest = np.int64(0)
            for dy, dx in ((0, -1), (0, 1), (-1, 0), (1, 0)):
                ny = min(max(y + dy, 0), height - 1)
                nx = min(max(x + dx, 0), width - 1)
                if excluded[ny, nx]:
                    out[k, 5] = 1
                else:
                    steepest = max(steepest, abs(v - ink[ny, nx]))
            out[k, 13] = max(out[k, 13], _square(ink, excluded, y, x))
            right = np.int64(x - corners[k, 0])
            out[k, 0] += 1
            out[k, 1] = max(out[k, 1], v)
            out[k, 2] += v
            out[k, 3] = max(out[k, 3], steepest)
            out[k, 4] = max(out[k, 4], np.int64(spread[y, x]))
            out[k, 6] += v * v
            out[k, 7] += steepest * steepest
            out[k, 8] += v * right
            out[k, 9] += v * below
            out[k, 10] += v * right * right
            out[k, 11] += v * right * below
            out[k, 12] += v * below * below


@njit(nogil=True, cache=True)
def _square(ink: Any, excluded: Any, y: int, x: int) -> Any:
    """Return the ink of a pixel and its eight neighbours on paper."""
    height, width = ink.shape
    total = np.int64(0)
    for ny in range(max(y - 1, 0), min(y + 2, height)):
        for nx in range(max(x - 1, 0), min(x + 2, width)):
            if not excluded[ny, nx]:
                total += ink[ny, nx]
    return total


def _thickness(values: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the smaller root of the second moments about the centre of mass."""
    mass = np.maximum(values[:, 2], 1)
    x, y = values[:, 8] / mass, values[:, 9] / mass
    xx, xy, yy = (values[:, k] / mass for k in (10, 11, 12))
    xx, xy, yy = xx - x * x, xy - x * y, yy - y * y
    smaller = (xx + yy) / 2 - np.sqrt(((xx - yy) / 2) ** 2 + xy * xy)
    return np.asarray(np.sqrt(np.maximum(smaller, 0.0)))


def boxes(ink: NDArray[np.uint8], excluded: NDArray[np.uint8], threshold: int) -> NDArray[np.int32]:
    """Return left, top, width, height of all that has at least so much ink, (n, 4)."""
    runs = _find_runs(ink, excluded, threshold)
    labels, count = _connect(runs)
    return _sized(_boxes(runs, labels, count))


def _sized(corners: NDArray[np.int32]) -> NDArray[np.int32]:
    corners[:, 2:] -= corners[:, :2] - 1
    return corners


def marks(page: InkMap, excluded: NDArray[np.uint8]) -> Marks:
    """Return the connected marks of a page outside of `excluded` (uint8, non-zero = not paper)."""
    return measured(page.ink, page.spread, excluded, page.threshold)


def measured(
    ink: NDArray[np.uint8],
    spread: NDArray[np.uint8],
    excluded: NDArray[np.uint8],
    threshold: int,
) -> Marks:
    """Return the connected marks of three planes of one shape (uint8).

    Pixels that touch at a corner are connected.

    Cost: about 0.3 ms for an empty A4 face, 20 ns for each pixel of ink.
    """
    runs = _find_runs(ink, excluded, threshold)
    labels, count = _connect(runs)
    corners = _boxes(runs, labels, count)
    values = np.zeros((count, 14), np.int64)
    _measure(runs, labels, corners, (ink, spread, excluded), values)
    order = np.argsort(labels, kind="stable")
    return Marks(
        box=_sized(corners),
        area=values[:, 0],
        peak=values[:, 1],
        core=values[:, 13],
        mass=values[:, 2],
        edge=values[:, 3],
        roughness=np.sqrt(values[:, 7] / np.maximum(values[:, 6], 1)),
        colour=values[:, 4],
        thickness=_thickness(values),
        cut=values[:, 5] != 0,
        runs=runs[order],
        first_run=np.searchsorted(labels[order], np.arange(count + 1)).astype(np.int64),
    )
