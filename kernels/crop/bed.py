"""The bed behind the sheet: what its level may be, and how far inwards it goes.

Rule 1: the bed is one surface of one level, seen along the border of the image. What differs from
it is not bed, be it paper, a shadow or a printed border: so an edge lies too far out at worst.
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

from kernels.crop.views import are_within, total

_RING_MM: Final = 0.6
_LEAST_SHARE: Final = 0.08
_MOST_BEDS: Final = 3
_CLUSTER: Final = 12
_LEAST_TOLERANCE: Final = 8
_MOST_TOLERANCE: Final = 18


@dataclass(frozen=True, slots=True)
class Bed:
    """The surface behind the sheet: its level, and how far a sample may differ and still be it."""

    level: int
    tolerance: int


def beds(half: NDArray[np.uint8], px_per_mm: float) -> list[Bed]:
    """Return what may be the bed: the levels that hold much of the image's border, darkest first.

    The paper is among them wherever it reaches the border.
    """
    deep = max(round(_RING_MM * px_per_mm), 2)
    if min(half.shape) < 4 * deep:
        return []
    left = np.zeros(256, np.int64)
    count_border(half, deep, left)
    samples = int(left.sum())
    found = []
    for _ in range(_MOST_BEDS):
        peak = int(np.convolve(left, np.ones(9, np.int64), "same").argmax())
        low, high = max(peak - _CLUSTER, 0), min(peak + _CLUSTER + 1, 256)
        cluster = left[low:high].copy()
        held = int(cluster.sum())
        if held < _LEAST_SHARE * samples:
            break
        found.append(_bed(cluster, held, low))
        left[low:high] = 0
    return sorted(found, key=lambda bed: bed.level)


@njit(nogil=True, cache=True)
def count_border(half: Any, deep: int, counts: Any) -> None:
    """Count the levels of every second sample of the image's border.

    The outermost line of a scan is often no picture yet: it is left out.

    Parameters
    ----------
    half
        uint8 (h, w), at least `2 * deep` either way.
    deep
        Lines, from the outermost on.
    counts
        int64 (256,), zeros.
    """
    height, width = half.shape
    for line in range(1, deep):
        for y in (line, height - 1 - line):
            for x in range(0, width, 2):
                counts[half[y, x]] += 1
        for x in (line, width - 1 - line):
            for y in range(0, height, 2):
                counts[half[y, x]] += 1


def _bed(cluster: NDArray[np.int64], held: int, low: int) -> Bed:
    """Return the median of a cluster of levels, and a tolerance by its spread."""
    middle = int(np.searchsorted(np.cumsum(cluster), (held + 1) // 2))
    off = np.abs(np.arange(cluster.size) - middle)
    spread = int((cluster * off).sum()) / held
    return Bed(low + middle, int(min(max(5 * spread, _LEAST_TOLERANCE), _MOST_TOLERANCE)))


@njit(nogil=True, cache=True)
def bed_ends(flat: Any, place: Any, bed: Any, run: int, out: Any) -> None:
    """Write for every row how many samples of bed lie before the sheet.

    The sheet begins with the first of `run` samples that are not bed, not counting two that are;
    fewer are dirt. The level of the bed is followed inwards, because no lamp is quite even: by a
    32nd of what each sample is off, or by half of what the mean of 32 is that are all bed.

    Parameters
    ----------
    flat, place
        Of a view.
    bed
        Level and tolerance.
    run
        Samples.
    out
        int32, one for each row; the depth where no sheet is met.
    """
    origin, down, across, depth = place
    level, tolerance = bed[0] * 256, bed[1] * 256
    for k in range(out.size):
        first = origin + k * down
        held = level
        start = depth
        strange = 0
        missed = 0
        x = 0
        while x < depth and strange < run:
            if strange == 0 and x + 32 <= depth:
                low, high = (
                    max(-((tolerance - held) // 256), 0),
                    min((held + tolerance) // 256, 255),
                )
                lowest = first + (x if across == 1 else -x - 31)
                if are_within(flat, lowest, low, high):
                    mean = 8 * total(flat, lowest)
                    held = min(max(held + (mean - held) // 2, level - tolerance), level + tolerance)
                    x += 32
                    continue
            off = np.int64(flat[first + x * across]) * 256 - held
            if off > tolerance or off < -tolerance:
                if strange == 0:
                    start = x
                    missed = 0
                strange += 1
            elif strange:
                missed += 1
                if missed > 2:
                    strange = 0
            else:
                held = min(max(held + off // 32, level - tolerance), level + tolerance)
            x += 1
        out[k] = start if strange == run else depth
