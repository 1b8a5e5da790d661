"""What the peak of a page's curve rests on: many lines that agree, or a few that anything may draw.

The edge of a sheet, a copier's border, a streak, a stroke along a ruler: each is one line, strong
enough to own its band and to name an angle that is not the content's. Lines of two columns that
do not stand level lean towards each other. Three questions tell such pages from others, all asked
of the energies that the angle was found with.

Rule 1: no band decides. The angle is found again without each band in turn; how far these answers
scatter is the `spread`, the jackknife's standard error.
Rule 2: no line decides. Each band is cut into 8 slices; the strongest and its neighbours are taken
out, and with them what a shear leaves half empty at either end. The `rest` must name the same
angle, and be as little scattered.
Rule 3: lines and margins agree. Where rows and columns both have a say, they name one angle.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

import numpy as np
from numba import njit

SLICES: Final = 8
WINDOW: Final = 5
TINY: Final = 1e-9
LEAST_SAY: Final = 0.1
# The gate: measured on drawn, rendered and real pages, see `benchmarks.skew`. Where a peak stands
# clear of all others, more scatter is borne.
_LEAST_ALONE: Final = 1.4
_CLEAR_ALONE: Final = 2.5
_LEAST_DEPTH: Final = 0.12
_LEAST_BANDS: Final = 2.5
_MOST_DEG: Final[Mapping[str, tuple[float, float]]] = {
    "spread": (0.04, 0.10),
    "rest_off": (0.04, 0.06),
    "rest_spread": (0.20, 0.50),
    "halves_off": (0.05, 0.08),
    "lean": (0.05, 0.05),
}
# A scanner's own rows and columns may be askew to each other; on a page of few pixels that is more
# likely lines and margins at odds.
_MOST_WAYS_OFF_DEG: Final = {8: 0.06, 16: 0.06, 32: 0.5}
BARS: Final = ("ways_off", *_MOST_DEG)


class Support(NamedTuple):
    """What a curve's peak rests on; all places in steps of the curve.

    Attributes
    ----------
    place
        Of the peak.
    depth
        How far the curve falls from its peak, as a share of the peak.
    spread
        How far the place scatters when one band is left out.
    rest_off
        How far from there the peak of the rest lies.
    rest_spread
        How far that scatters.
    rest_share
        How high the rest rises, as a share of the whole curve's rise.
    ways_off
        How far the peak of the rows lies from that of the columns; 0 where one of them rises by
        less than a tenth of the whole.
    lean
        How far the place lies from the highest five angles: a flat or jagged top.
    """

    place: float
    depth: float
    spread: float
    rest_off: float
    rest_spread: float
    rest_share: float
    ways_off: float
    lean: float


@njit(nogil=True, cache=True)
def support(slices, ends):  # type: ignore[no-untyped-def]
    """Weigh the energies of a range of angles: return a `Support`.

    Parameters
    ----------
    slices
        int64 (2 x 8 x bands, angle): the slices of the rows' bands, then those of the columns'.
    ends
        How many slices at either end of the rows, and of the columns, a shear leaves half empty.

    Cost: some ten thousand additions. Twin: `page.cu`, equal by `==`.
    """
    every = np.ones(slices.shape[0], np.bool_)
    roots = _roots(slices, every)
    place, spread = _jackknife(roots)
    at = min(max(round(place), 0), slices.shape[1] - 1)
    rest = _roots(slices, _kept(slices[:, at], ends))
    rest_place, rest_spread = _jackknife(rest)
    whole, left = added(roots), added(rest)
    rise = _rise(whole)
    return Support(
        place,
        rise / max(whole.max(), TINY),
        spread,
        abs(rest_place - place),
        rest_spread,
        _rise(left) / max(rise, TINY),
        _ways_off(roots, LEAST_SAY * rise),
        abs(place - _top(whole)),
    )


def confidence(values: Mapping[str, float], strip_px: int) -> float:
    """Return the least of what speaks for an angle, 0.5 where it just reaches its bar."""
    clear = (values["alone"] - _LEAST_ALONE) / (_CLEAR_ALONE - _LEAST_ALONE)
    clear = min(max(clear, 0.0), 1.0)
    bars = {name: low + (high - low) * clear for name, (low, high) in _MOST_DEG.items()}
    bars["ways_off"] = _MOST_WAYS_OFF_DEG[strip_px]
    scatter = min(bar / max(values[name], TINY) for name, bar in bars.items())
    return 0.5 * min(_standing(values), scatter)


def _standing(values: Mapping[str, float]) -> float:
    """Return how well a peak stands out, 1 where it is just enough, 2 at most."""
    return min(
        values["alone"] / _LEAST_ALONE,
        values["depth"] / _LEAST_DEPTH,
        values["bands"] / _LEAST_BANDS,
        2.0,
    )


@njit(nogil=True, cache=True)
def _ways_off(roots, least):  # type: ignore[no-untyped-def]
    middle = len(roots) // 2
    rows, columns = added(roots[:middle]), added(roots[middle:])
    if min(_rise(rows), _rise(columns)) < least:
        return 0.0
    return abs(vertex(rows) - vertex(columns))


@njit(nogil=True, cache=True)
def _rise(curve):  # type: ignore[no-untyped-def]
    return curve.max() - curve.min()


@njit(nogil=True, cache=True)
def _roots(slices, kept):  # type: ignore[no-untyped-def]
    """Return the roots of the bands' energies (band, angle), of the slices that are kept."""
    energies = np.zeros((slices.shape[0] // SLICES, slices.shape[1]), np.int64)
    for k in range(slices.shape[0]):
        if kept[k]:
            energies[k // SLICES] += slices[k]
    return np.sqrt(energies.astype(np.float64))


@njit(nogil=True, cache=True)
def _kept(energies, ends):  # type: ignore[no-untyped-def]
    """Return which slices belong to the rest."""
    kept = np.ones(energies.size, np.bool_)
    half = energies.size // 2
    for way in range(2):
        end = min(ends[way], half)
        kept[way * half : way * half + end] = False
        kept[(way + 1) * half - end : (way + 1) * half] = False
    for first in range(0, energies.size, SLICES):
        strongest, most = first, np.int64(0)
        for k in range(first, first + SLICES):
            if kept[k] and energies[k] > most:
                strongest, most = k, energies[k]
        kept[max(first, strongest - 1) : min(strongest + 2, first + SLICES)] = False
    return kept


@njit(nogil=True, cache=True)
def added(roots):  # type: ignore[no-untyped-def]
    """Return the sum over the bands, one after the other."""
    total = np.zeros(roots.shape[1])
    for band in roots:
        total += band
    return total


@njit(nogil=True, cache=True)
def _jackknife(roots):  # type: ignore[no-untyped-def]
    """Return the place of the peak, and the standard error of leaving one band out."""
    whole = added(roots)
    place = vertex(whole)
    squares = 0.0
    for band in roots:
        off = vertex(whole - band) - place
        squares += off * off
    return place, np.sqrt(squares * (len(roots) - 1) / len(roots))


@njit(nogil=True, cache=True)
def _top(curve):  # type: ignore[no-untyped-def]
    """Return the middle of the five neighbours that are highest together."""
    top, most = 2, -1.0
    for i in range(2, curve.size - 2):
        box = curve[i - 2] + curve[i - 1] + curve[i] + curve[i + 1] + curve[i + 2]
        if box > most:
            top, most = i, box
    return top


@njit(nogil=True, cache=True)
def vertex(curve):  # type: ignore[no-untyped-def]
    """Return the place of a curve's peak: box of 5, then a least-squares parabola around it."""
    top = _top(curve)
    least = curve.min()
    s0, s1, s2, s3, s4 = 0, 0, 0, 0, 0
    t0, t1, t2 = 0.0, 0.0, 0.0
    for i in range(max(0, top - WINDOW), min(curve.size - 1, top + WINDOW) + 1):
        x, y = i - top, curve[i] - least
        s0, s1, s2, s3, s4 = s0 + 1, s1 + x, s2 + x * x, s3 + x**3, s4 + x**4
        t0, t1, t2 = t0 + y, t1 + x * y, t2 + x * x * y
    # The normal equations of y = a x^2 + b x + c, each times their determinant, by Cramer's rule.
    a = (s2 * s0 - s1 * s1) * t2 + (s1 * s2 - s3 * s0) * t1 + (s3 * s1 - s2 * s2) * t0
    b = (s1 * s2 - s3 * s0) * t2 + (s4 * s0 - s2 * s2) * t1 + (s3 * s2 - s4 * s1) * t0
    shift = -b / (2.0 * a) if a < 0.0 else 0.0
    return top + min(max(shift, -float(WINDOW)), float(WINDOW))
