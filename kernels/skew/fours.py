"""Four neighbouring strips added in advance, once for each way that they lie beside each other.

Under forty shears that hardly differ two neighbours lie beside each other in two or three ways
only, and two pairs in six or so. So four strips are added once for each way, in pairs and then in
pairs of pairs, and count as one from there on: a quarter is left to add for every shear.

Rule 1: sums are exact, so nothing changes but the time it takes.
Rule 2: of a sum only what is asked for later is filled; what lies beside it is not looked at.
Rule 3: one four after the other, so that the sums of pairs never leave the nearest cache.
"""

from typing import Any, Final

import numpy as np
from numba import njit

from kernels.vector import Emit, block

MOST: Final = 65_535
"""What sixteen bits hold."""
ROWS_OF_PAIRS: Final = 16
ROWS_OF_FOURS: Final = 3
"""Rows for sums: of the pairs of one four, and of fours, for each strip."""
_TOGETHER: Final = 4
_MOST_WAYS: Final = 12
"""Where four strips lie in more ways it would not pay."""
_LANES: Final = 32
_FEWEST_SHEARS: Final = 12
_LEFT: Final = 0
_RIGHT: Final = 1
_APART: Final = 2
_FIRST: Final = 3
_LAST: Final = 4
_COLUMNS: Final = 5
_NONE: Final = -1


@njit(nogil=True, cache=True)
def add_fours(laid, lines, rooms):  # type: ignore[no-untyped-def]
    """Return a quarter as many strips with the same sums; `laid` itself where it would not pay.

    Parameters
    ----------
    laid
        uint16 items (row, pitch); int64 (count, shear): the row of each strip under each shear, and
        where in it line 0 of the profile lies; the most an item can be. A strip is zero wherever a
        shear leads beyond it.
    lines
        How long the profile is.
    rooms
        uint16 (row, pitch): for sums of pairs, and of fours; rows at least as long as the items'.
    """
    items, row, start, most = laid
    of_pairs, of_fours = rooms
    count, shears = row.shape
    if count < _TOGETHER or shears < _FEWEST_SHEARS or _TOGETHER * most > MOST:
        return laid
    fours = (count + _TOGETHER - 1) // _TOGETHER
    row_of_four, start_of_four = np.empty((fours, shears), np.int64), np.empty_like(row[:fours])
    row_of_pair, start_of_pair = np.empty((2, shears), np.int64), np.empty((2, shears), np.int64)
    ways = np.empty((ROWS_OF_PAIRS, _COLUMNS), np.int64)
    found = 0
    for k in range(fours):
        first, end = k * _TOGETHER, min((k + 1) * _TOGETHER, count)
        pairs = row_of_pair[: (end - first + 1) // 2], start_of_pair[: (end - first + 1) // 2]
        here = _find_ways((row[first:end], start[first:end]), pairs, ways)
        if here > ROWS_OF_PAIRS:
            return laid
        _add(items, ways[:here], lines, of_pairs)
        here = _find_ways(pairs, (row_of_four[k : k + 1], start_of_four[k : k + 1]), ways)
        if here > _MOST_WAYS or found + here > of_fours.shape[0]:
            return laid
        _add(of_pairs, ways[:here], lines, of_fours[found : found + here])
        row_of_four[k] += found
        found += here
    return of_fours, row_of_four, start_of_four, _TOGETHER * most


@njit(nogil=True, cache=True)
def _find_ways(strips, pairs, ways):  # type: ignore[no-untyped-def]
    """List the ways in which two neighbours lie, and return how many; one more than fit at most.

    A strip that is left over lies beside none.
    """
    (row, start), (row_of_pair, start_of_pair) = strips, pairs
    count, shears = row.shape
    found = 0
    for pair in range(row_of_pair.shape[0]):
        first = way = found
        k = 2 * pair
        for t in range(shears):
            left, right, apart = row[k, t], np.int64(_NONE), np.int64(0)
            if k + 1 < count:
                right, apart = row[k + 1, t], start[k + 1, t] - start[k, t]
            if way == found or not _is_way(ways, way, (left, right, apart)):
                way = first
                while way < found and not _is_way(ways, way, (left, right, apart)):
                    way += 1
            if way == found:
                if found == ways.shape[0]:
                    return found + 1
                ways[way, _LEFT], ways[way, _RIGHT], ways[way, _APART] = left, right, apart
                ways[way, _FIRST] = ways[way, _LAST] = start[k, t]
                found += 1
            ways[way, _FIRST] = min(ways[way, _FIRST], start[k, t])
            ways[way, _LAST] = max(ways[way, _LAST], start[k, t])
            row_of_pair[pair, t], start_of_pair[pair, t] = way, start[k, t]
    return found


@njit(nogil=True, cache=True)
def _is_way(ways, way, wanted):  # type: ignore[no-untyped-def]
    left, right, apart = wanted
    return ways[way, _LEFT] == left and ways[way, _RIGHT] == right and ways[way, _APART] == apart


@njit(nogil=True, cache=True)
def _add(items, ways, lines, out):  # type: ignore[no-untyped-def]
    pitch, pitch_out = items.shape[1], out.shape[1]
    source, target = items.reshape(-1), out.reshape(-1)
    for k in range(ways.shape[0]):
        left, right = ways[k, _LEFT] * pitch, ways[k, _RIGHT] * pitch + ways[k, _APART]
        for i in range(ways[k, _FIRST], ways[k, _LAST] + lines, _LANES):
            if ways[k, _RIGHT] == _NONE:
                _copy_block(source, left + i, target, k * pitch_out + i)
            else:
                _add_block(source, (left + i, right + i), target, k * pitch_out + i)


@block()
def _copy_block(e: Emit, items: Any, i: Any, out: Any, at: Any) -> None:
    e.store(e.load(items, i, _LANES), out, at)


@block()
def _add_block(e: Emit, items: Any, places: Any, out: Any, at: Any) -> None:
    e.store(e.add(e.load(items, places[0], _LANES), e.load(items, places[1], _LANES)), out, at)
