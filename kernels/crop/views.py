"""An image as it is seen from each of its sides, in rows that lie side by side in memory.

Rule 1: rows run along the side and samples inwards, so that one loop does for all four sides; 32
samples are looked at together, and never any behind the end of the array.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit, types
from numpy.typing import NDArray

from kernels.buffers import Buffers
from kernels.vector import Emit, block


@dataclass(frozen=True, slots=True)
class View:
    """Every so many rows of the half-scale luma, as it is seen from one side.

    Attributes
    ----------
    flat
        uint8, their samples; those of a row lie side by side.
    place
        Index of the first sample of the first row; steps to the next row and to the next sample,
        which is 1 or -1; samples in a row.
    at
        int64, where the rows are.
    """

    flat: NDArray[np.uint8]
    place: tuple[int, int, int, int]
    at: NDArray[np.int64]

    @property
    def depth(self) -> int:
        """Samples in a row."""
        return self.place[3]


@block(types.uint8)
def _beyond(e: Emit, flat: Any, i: Any, low: Any, high: Any) -> Any:
    """Return by how much 32 samples are beyond the two limits, at most; 0 where none is."""
    x = e.load(flat, i, 32)
    return e.largest(e.either(e.less(e.all(low, 8, 32), x), e.less(x, e.all(high, 8, 32))))


@block(types.uint32)
def _sum(e: Emit, flat: Any, i: Any) -> Any:
    return e.total(e.load(flat, i, 32), 32)


@njit(nogil=True, cache=True)
def are_within(flat: Any, i: int, low: int, high: int) -> bool:
    """Whether 32 samples of a flat uint8 array, all of them inside, lie from `low` to `high`."""
    return bool(_beyond(flat, i, low, high) == 0)


@njit(nogil=True, cache=True)
def total(flat: Any, i: int) -> int:
    """Return the sum of 32 samples of a flat uint8 array, all of them inside."""
    return int(_sum(flat, i))


@njit(nogil=True, cache=True)
def columns(half: Any, step: int, out: Any) -> None:
    """Write every `step`-th column of an image as a row."""
    height, width = half.shape
    source, target = half.reshape(-1), out.reshape(-1)
    for y in range(height):
        i, j = np.uint64(y * width), np.uint64(y)
        for _ in range(out.shape[0]):
            target[j] = source[i]
            i += np.uint64(step)
            j += np.uint64(height)


def views(half: NDArray[np.uint8], step: int, buffers: Buffers) -> tuple[View, View, View, View]:
    """Return every `step`-th row of the image from the left, the top, the right and the bottom.

    Each is the one before turned by a quarter, so content turned counter-clockwise moves every edge
    the same way.
    """
    height, width = half.shape
    rows, lines = -(-height // step), -(-width // step)
    flat = half.reshape(-1)
    turned = buffers.take("crop.columns", (lines, height))
    columns(half, step, turned)
    down, right = step * np.arange(rows), step * np.arange(lines)
    up, left = height - 1 - down[::-1], width - 1 - right[::-1]
    tall = turned.reshape(-1)
    return (
        View(flat, (0, step * width, 1, width), down),
        View(tall, ((lines - 1) * height, -height, 1, height), left),
        View(flat, ((rows - 1) * step * width + width - 1, -step * width, -1, width), up),
        View(tall, (height - 1, height, -1, height), right),
    )
