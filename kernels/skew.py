"""The angle a page's content is turned by, and whether that angle can be trusted.

Text lines and rulings make the ink of a page jump from row to row when rows are taken along them.
So the page's strips of ink (see `first_pass`) are sheared against each other by every angle, summed
to one profile, and the profile's jumps are measured.

Rule 1: the score of an angle is the sum, over 8 bands across the page and 8 down it, of the *root*
of the summed squared jumps. The root is what makes it robust: a streak or the edge of the bed owns
one band, not the total.
Rule 2: every sum is an integer; only the last numbers are IEEE doubles, added and multiplied.
Rule 3: an angle is trusted only when its peak stands alone, is deep, and many bands agree.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

from kernels.first_pass import FirstPass

COARSE_STEP_DEG: Final = 0.25
COARSE_MOST_DEG: Final = 10.0
FINE_STEP_DEG: Final = 0.02
FINE_HALF: Final = 20
BANDS: Final = 8
_FAR_STEPS: Final = 3
_LONGEST_POOL: Final = 4
_LEAST_LINES: Final = 4 * BANDS
_WINDOW: Final = 5
# The gate: measured on rendered and real pages, see `benchmarks/`.
_LEAST_ALONE: Final = 1.5
_LEAST_DEPTH: Final = 0.10
_LEAST_BANDS: Final = 3.0
_STREAK_PX: Final = 8


@dataclass(frozen=True, slots=True)
class Skew:
    """An angle and how sure it is.

    Attributes
    ----------
    angle_microdeg
        Content turned, counter-clockwise positive.
    confidence
        0 to 1; 0.5 is the gate.
    trusted
        Whether the page may be turned by it.
    values
        `alone` peak over the best score further away than 0.75 degree; `depth` of the fine curve;
        `bands` that take part, 1 to 16.
    streaks_px
        Columns of dirty-glass streaks.
    """

    angle_microdeg: int
    confidence: float
    trusted: bool
    values: dict[str, float]
    streaks_px: tuple[int, ...]


def estimate(first: FirstPass, dpi: int) -> Skew:
    """Estimate the skew of a page within 10 degrees.

    Parameters
    ----------
    first
        The page.
    dpi
        Only for the width of a streak.
    """
    rows = first.rows.astype(np.int32)
    columns = first.columns.astype(np.int32)
    streaks = _remove_streaks(columns, first, dpi)
    if (
        min(rows.shape[1], columns.shape[1]) < _LEAST_LINES * _LONGEST_POOL
        or min(len(rows), len(columns)) < 2
    ):
        return Skew(0, 0.0, False, {"alone": 0.0, "depth": 0.0, "bands": 0.0}, streaks)
    coarse_deg = _steps(COARSE_STEP_DEG, round(COARSE_MOST_DEG / COARSE_STEP_DEG))
    pool = _LONGEST_POOL if first.strip_px == 32 else 2
    coarse = _energies(
        _pooled(rows, pool), _pooled(columns, pool), _shears(coarse_deg, first.strip_px, pool)
    )
    roots = np.sqrt(coarse.astype(np.float64))
    roots -= np.median(roots, axis=0)
    score = roots.sum(axis=1)
    peak = int(score.argmax())
    fine_deg = coarse_deg[peak] + _steps(FINE_STEP_DEG, FINE_HALF)
    fine = np.sqrt(_energies(rows, columns, _shears(fine_deg, first.strip_px, 1)).astype(float))
    curve = fine.sum(axis=1)
    values = {
        "alone": _alone(score, peak),
        "depth": float((curve.max() - curve.min()) / max(curve.max(), 1e-9)),
        "bands": _participation(roots[peak]),
    }
    angle_deg = coarse_deg[peak] + FINE_STEP_DEG * (_vertex(curve) - FINE_HALF)
    confidence = 0.5 * min(
        values["alone"] / _LEAST_ALONE,
        values["depth"] / _LEAST_DEPTH,
        values["bands"] / _LEAST_BANDS,
        2.0,
    )
    at_the_end = peak in (0, len(score) - 1)
    return Skew(
        # Rows sheared downwards to the right follow content turned clockwise.
        angle_microdeg=-round(float(angle_deg) * 1e6),
        confidence=round(confidence, 4),
        trusted=confidence > 0.5 and not at_the_end,
        values={name: round(value, 4) for name, value in values.items()},
        streaks_px=streaks,
    )


def _steps(step: float, half: int) -> NDArray[np.float64]:
    return np.arange(-half, half + 1, dtype=np.float64) * step


def _shears(degrees: NDArray[np.float64], strip_px: int, pool: int) -> NDArray[np.int64]:
    """Return by how much neighbouring strips move against each other, in 1 / 65536 of a line."""
    return np.round(np.tan(np.deg2rad(degrees)) * strip_px / pool * 65_536).astype(np.int64)


def _pooled(strips: NDArray[np.int32], pool: int) -> NDArray[np.int32]:
    lines = strips.shape[1] // pool
    grouped = strips[:, : lines * pool].reshape(len(strips), lines, pool)
    return np.ascontiguousarray(grouped.sum(axis=2, dtype=np.int32) // pool)


def _energies(
    rows: NDArray[np.int32], columns: NDArray[np.int32], shears: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return the squared jumps (angle, band), rows' bands first."""
    out = np.empty((len(shears), 2 * BANDS), np.int64)
    _sheared(rows, shears, out[:, :BANDS])
    _sheared(columns, -shears, out[:, BANDS:])
    return out


@njit(nogil=True, cache=True)
def _sheared(strips, shears, out):  # type: ignore[no-untyped-def]
    count, lines = strips.shape
    profile = np.empty(lines, np.int32)
    for t in range(shears.size):
        profile[:] = 0
        for k in range(count):
            offset = (shears[t] * (2 * k - (count - 1)) + 65_536) >> 17
            low, high = max(0, -offset), min(lines, lines - offset)
            if high <= low:
                continue
            source, target = strips[k, low + offset : high + offset], profile[low:high]
            for y in range(high - low):
                target[y] += source[y]
        for band in range(out.shape[1]):
            first, last = (
                (lines - 1) * band // out.shape[1],
                (lines - 1) * (band + 1) // out.shape[1],
            )
            total = np.int64(0)
            for y in range(first, last):
                jump = np.int64(profile[y + 1]) - np.int64(profile[y])
                total += jump * jump
            out[t, band] = total


def _remove_streaks(columns: NDArray[np.int32], first: FirstPass, dpi: int) -> tuple[int, ...]:
    """Interpolate away thin columns inked from top to bottom: dirt on the glass, not content."""
    width = max(5, min(_STREAK_PX, dpi * _STREAK_PX // 300))
    inked = np.zeros(columns.shape[1], np.int64)
    inked[:] = (columns >= first.strip_px * first.ink_clamp // 16).sum(axis=0)
    found = []
    for x in range(width, len(inked) - width):
        here = inked[x]
        if 2 * here > len(columns) and 3 * inked[x - width] < here and 3 * inked[x + width] < here:
            found.append(x)
    for x in found:
        mean = (columns[:, x - width] + columns[:, x + width]) >> 1
        for near in range(x - 3, x + 4):
            np.minimum(columns[:, near], mean, out=columns[:, near])
    return tuple(x for i, x in enumerate(found) if i == 0 or x - found[i - 1] > 1)


def _alone(score: NDArray[np.float64], peak: int) -> float:
    far = np.abs(np.arange(len(score)) - peak) > _FAR_STEPS
    return min(float(score[peak] / max(score[far].max(), 1e-9)), 100.0)


def _participation(roots: NDArray[np.float64]) -> float:
    part = np.maximum(roots, 0.0)
    return float(part.sum() ** 2 / max(float((part * part).sum()), 1e-9))


def _vertex(curve: NDArray[np.float64]) -> float:
    """Return the place of the peak: box of 5, then a least-squares parabola around it."""
    smooth = np.convolve(curve, np.ones(5), "valid")
    top = int(smooth.argmax()) + 2
    low, high = max(0, top - _WINDOW), min(len(curve) - 1, top + _WINDOW)
    x = np.arange(low, high + 1) - top
    least, most = curve.min(), curve.max()
    a, b, _ = np.polyfit(x, (curve[low : high + 1] - least) / max(most - least, 1e-9), 2)
    shift = -b / (2 * a) if a < 0 else 0.0
    return top + float(np.clip(shift, -_WINDOW, _WINDOW))
