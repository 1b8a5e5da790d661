"""Connected pieces of what is dark, found by their runs: pixels side by side in one row.

Pixels that touch at a corner are connected. Rows are looked at 64 pixels at a time and never read
past the end of the plane.
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numba import njit, types
from numpy.typing import NDArray

from kernels.vector import Emit, block

_LANES: Final = 64
_FIRST_RUNS: Final = 4096


@dataclass(frozen=True, slots=True)
class Pieces:
    """Connected pieces, in the order of their first pixels.

    Attributes
    ----------
    runs
        int32 (m, 3): row, first and last column of every run, in the order of the plane.
    labels
        int64 (m): the piece of each run, counted from 0.
    box
        int32 (n, 4): left, top, width, height of each piece.
    """

    runs: NDArray[np.int32]
    labels: NDArray[np.int64]
    box: NDArray[np.int32]


def inked(ink: NDArray[np.uint8], excluded: NDArray[np.uint8], least: int) -> Pieces:
    """Return the pieces with at least so much ink, outside of `excluded` (non-zero; same shape)."""
    return Pieces(*_pieces(ink, excluded, least))


def below(luma: NDArray[np.uint8], level: int) -> Pieces:
    """Return the pieces that are darker than a level.

    Cost: about a millisecond for a million pixels of print.
    """
    return Pieces(*_pieces(luma, np.empty((0, 0), np.uint8), level))


@njit(nogil=True, cache=True)
def _pieces(plane, excluded, level):  # type: ignore[no-untyped-def]
    runs = _find_runs(plane, excluded, level)
    labels, count = _connect(runs)
    return runs, labels, _boxes(runs, labels, count)


@njit(nogil=True, cache=True)
def _find_runs(plane, excluded, level):  # type: ignore[no-untyped-def]
    """Return row, first and last column of every run; with nothing excluded, of what is darker."""
    height, width = plane.shape
    flat, hidden = plane.reshape(-1), excluded.reshape(-1)
    out = np.empty((_FIRST_RUNS, 3), np.int32)
    n = 0
    for y in range(height):
        start = -1
        for left in range(0, width, _LANES):
            right = min(left + _LANES, width)
            i = y * width + left
            if right < left + _LANES:
                dark = _few_dark(flat, hidden, level, (i, right - left))
            elif hidden.size:
                dark = _all_inked(flat, hidden, level, i)
            else:
                dark = _all_below(flat, level, i)
            # A run begins and ends where a pixel differs from the one before it.
            changes = dark ^ ((dark << 1) | np.int64(start >= 0))
            while changes:
                x = left + _lowest(changes)
                changes &= changes - 1
                if start < 0:
                    start = x
                else:
                    out, n = _add_run(out, n, (y, start, x - 1))
                    start = -1
        if start >= 0:
            out, n = _add_run(out, n, (y, start, width - 1))
    return out[:n]


@block(types.int64)
def _all_inked(e: Emit, ink: Any, excluded: Any, least: Any, i: Any) -> Any:
    """Return a bit for each of 64 pixels, set where there is ink."""
    none = e.below(e.load(ink, i, _LANES), e.all(least, 8, _LANES))
    hides = e.differ(e.equal(e.load(excluded, i, _LANES), 0), 1)
    return e.bits(e.differ(e.either(none, hides), 1))


@block(types.int64)
def _all_below(e: Emit, luma: Any, level: Any, i: Any) -> Any:
    return e.bits(e.below(e.load(luma, i, _LANES), e.all(level, 8, _LANES)))


@block(types.int64)
def _lowest(e: Emit, bits: Any) -> Any:
    return e.lowest(bits)


@njit(nogil=True, cache=True)
def _few_dark(flat, hidden, level, span):  # type: ignore[no-untyped-def]
    """Return the same bits for the last pixels of a row, which are not read past."""
    first, count = span
    dark = np.int64(0)
    for k in range(count):
        if hidden.size:
            is_dark = flat[first + k] >= level and hidden[first + k] == 0
        else:
            is_dark = flat[first + k] < level
        dark |= np.int64(is_dark) << k
    return dark


@njit(nogil=True, cache=True)
def _add_run(out, n, run):  # type: ignore[no-untyped-def]
    if n == out.shape[0]:
        larger = np.empty((2 * n, 3), np.int32)
        larger[:n] = out
        out = larger
    out[n, 0], out[n, 1], out[n, 2] = run
    return out, n + 1


@njit(nogil=True, cache=True)
def _root(parents, k):  # type: ignore[no-untyped-def]
    while parents[k] != k:
        parents[k] = parents[parents[k]]
        k = parents[k]
    return k


@njit(nogil=True, cache=True)
def _connect(runs):  # type: ignore[no-untyped-def]
    """Return a label for each run, counted from 0 in the order of the plane, and how many."""
    n = runs.shape[0]
    parents = np.arange(n)
    above = 0
    for k in range(n):
        while above < k and runs[above, 0] < runs[k, 0] - 1:
            above += 1
        # A run that ends before this one begins touches none of those that follow, either.
        while above < k and runs[above, 0] < runs[k, 0] and runs[above, 2] < runs[k, 1] - 1:
            above += 1
        j = above
        while j < k and runs[j, 0] == runs[k, 0] - 1 and runs[j, 1] <= runs[k, 2] + 1:
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
def _boxes(runs, labels, count):  # type: ignore[no-untyped-def]
    """Return left, top, width, height of every label."""
    out = np.empty((count, 4), np.int32)
    out[:, :2] = 2**30
    out[:, 2:] = -1
    for i in range(runs.shape[0]):
        k = labels[i]
        out[k, 0] = min(out[k, 0], runs[i, 1])
        out[k, 1] = min(out[k, 1], runs[i, 0])
        out[k, 2] = max(out[k, 2], runs[i, 2])
        out[k, 3] = max(out[k, 3], runs[i, 0])
    for k in range(count):
        out[k, 2] -= out[k, 0] - 1
        out[k, 3] -= out[k, 1] - 1
    return out
