"""The connected marks of an ink map, measured one by one. Integers, but for one square root."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from kernels.ink import InkMap


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
    mass
        int64: sum of ink. `mass / peak` is the area of a mark of full contrast.
    edge
        int64: the steepest step between neighbours that belong to the mark or touch it.
    roughness
        float64: root of the mean squared step over that of the ink. Like edge over peak, but an
        average: it stands the noise on marks of little ink.
    colour
        int64: the most colour of any pixel.
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
    mass: NDArray[np.int64]
    edge: NDArray[np.int64]
    roughness: NDArray[np.float64]
    colour: NDArray[np.int64]
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
    out = np.empty((1024, 3), np.int32)
    n = 0
    for y in range(height):
        x = 0
        while x < width:
            if ink[y, x] < threshold or excluded[y, x]:
                x += 1
                continue
            start = x
            while x < width and ink[y, x] >= threshold and not excluded[y, x]:
                x += 1
            if n == out.shape[0]:
                larger = np.empty((2 * n, 3), np.int32)
                larger[:n] = out
                out = larger
            out[n, 0] = y
            out[n, 1] = start
            out[n, 2] = x - 1
            n += 1
    return out[:n]


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
def _measure(runs: Any, labels: Any, page: Any, out: Any) -> None:
    """Fill area, peak, mass, edge, colour, cut and the sums of squares of ink and step.

    `page` is ink, spread and what is excluded.
    """
    ink, spread, excluded = page
    height, width = ink.shape
    for i in range(runs.shape[0]):
        k = labels[i]
        y = runs[i, 0]
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
            out[k, 0] += 1
            out[k, 1] = max(out[k, 1], v)
            out[k, 2] += v
            out[k, 3] = max(out[k, 3], steepest)
            out[k, 4] = max(out[k, 4], np.int64(spread[y, x]))
            out[k, 6] += v * v
            out[k, 7] += steepest * steepest


def boxes(ink: NDArray[np.uint8], excluded: NDArray[np.uint8], threshold: int) -> NDArray[np.int32]:
    """Return left, top, width, height of all that has at least so much ink, (n, 4)."""
    runs = _find_runs(ink, excluded, threshold)
    labels, count = _connect(runs)
    return _sized(_boxes(runs, labels, count))


def _sized(corners: NDArray[np.int32]) -> NDArray[np.int32]:
    corners[:, 2:] -= corners[:, :2] - 1
    return corners


def marks(page: InkMap, excluded: NDArray[np.uint8]) -> Marks:
    """Return the connected marks of a page outside of `excluded` (uint8, non-zero = not paper).

    Pixels that touch at a corner are connected. Costs about 4 ms for a nearly empty A4 face.
    """
    runs = _find_runs(page.ink, excluded, page.threshold)
    labels, count = _connect(runs)
    values = np.zeros((count, 8), np.int64)
    _measure(runs, labels, (page.ink, page.spread, excluded), values)
    order = np.argsort(labels, kind="stable")
    return Marks(
        box=_sized(_boxes(runs, labels, count)),
        area=values[:, 0],
        peak=values[:, 1],
        mass=values[:, 2],
        edge=values[:, 3],
        roughness=np.sqrt(values[:, 7] / np.maximum(values[:, 6], 1)),
        colour=values[:, 4],
        cut=values[:, 5] != 0,
        runs=runs[order],
        first_run=np.searchsorted(labels[order], np.arange(count + 1)).astype(np.int64),
    )
