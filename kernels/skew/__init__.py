"""The angle a page's content is turned by, and whether that angle can be trusted.

Text lines and rulings make the ink of a page jump from row to row when rows are taken along them.
So the page's strips of ink (see `first_pass`) are sheared against each other by every angle, summed
to one profile, and the profile's jumps are measured.

Rule 1: the score of an angle is the sum, over 8 bands across the page and 8 down it, of the *root*
of the summed squared jumps. The root is what makes it robust: a streak or the edge of the bed owns
one band, not the total.
Rule 2: every sum is an integer; only the last numbers are IEEE doubles, each sum taken from its
first term to its last, with +, -, *, / and the square root alone, never fused, never libm.
Rule 3: an angle is trusted only when its peak stands alone, is deep, many bands take part, no band
decides, and what is left without each band's strongest line says the same (`trust`).
"""

from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

from kernels.buffers import Buffers
from kernels.first_pass import FirstPass
from kernels.skew import shears, trust
from kernels.skew.shears import Room, Strips
from kernels.vector import Emit, block

COARSE_STEP_MICRODEG: Final = 250_000
COARSE_HALF: Final = 40
FINE_STEP_MICRODEG: Final = 20_000
FINE_HALF: Final = 20
FINE_STEP_DEG: Final = FINE_STEP_MICRODEG / 1e6
BANDS: Final = 8
_STEEPEST_MICRODEG: Final = COARSE_STEP_MICRODEG * COARSE_HALF + FINE_STEP_MICRODEG * FINE_HALF
_RADIAN_PER_MICRODEG: Final = 1.7453292519943295e-08
_FAR_STEPS: Final = 3
_LONGEST_POOL: Final = 4
_LEAST_LINES: Final = 4 * BANDS
_TINY: Final = 1e-9
_VALUES: Final = ("alone", "depth", "bands", "rest_share", *trust.BARS)
_HALVES_HALF: Final = 10
_STREAK_PX: Final = 8
_STREAK_HALF_PX: Final = 3
_LANES: Final = 64


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
    edges_only
        Not trusted, but for one reason alone: only single lines say it, as the edges of a sheet
        do. It holds where those edges are found (`crop.locate`).
    values
        `alone` peak over the best score further away than 0.75 degree; `bands` that take part, 1 to
        16; `halves_off` how far from the peak that of the page's halves lies, each taken alone;
        the others as in `trust.Support`; degrees where they are angles.
    streaks_px
        Columns of dirty-glass streaks.
    """

    angle_microdeg: int
    confidence: float
    trusted: bool
    edges_only: bool
    values: dict[str, float]
    streaks_px: tuple[int, ...]


def estimate(first: FirstPass, dpi: int, buffers: Buffers | None = None) -> Skew:
    """Estimate the skew of a page within 10 degrees.

    Parameters
    ----------
    first
        The page.
    dpi
        Only for the width of a streak.
    buffers
        Of the worker. None: new ones.

    Cost: about as much as reading a gray page once. Twin: `page.cu`, equal by `==`.
    """
    buffers = buffers or Buffers()
    strip, most = first.strip_px, first.strip_px * first.ink_clamp
    steepest = int(_shears(_STEEPEST_MICRODEG, 0, 0, float(strip))[0])
    columns = shears.padded(first.columns, most, Room(buffers, "skew.columns", steepest))
    streaks = _remove_streaks(columns, first, dpi)
    if (
        min(first.luma.shape) < _LEAST_LINES * _LONGEST_POOL
        or min(columns.count, len(first.rows)) < 2
    ):
        return Skew(0, 0.0, False, False, dict.fromkeys(_VALUES, 0.0), streaks)
    rows = shears.padded(first.rows, most, Room(buffers, "skew.rows", steepest))
    pool = _LONGEST_POOL if strip == 32 else 2
    small = (
        shears.pooled(rows, pool, Room(buffers, "skew.rows_pooled", steepest // pool)),
        shears.pooled(columns, pool, Room(buffers, "skew.columns_pooled", steepest // pool)),
    )
    coarse_shears = _shears(0, COARSE_STEP_MICRODEG, COARSE_HALF, strip / pool)
    roots = _roots(*small, coarse_shears, buffers)
    roots -= np.partition(roots, COARSE_HALF)[
        :, COARSE_HALF : COARSE_HALF + 1
    ]  # each band's median
    score = _added(roots)
    peak = int(score.argmax())
    coarse = (peak - COARSE_HALF) * COARSE_STEP_MICRODEG
    fine = _shears(coarse, FINE_STEP_MICRODEG, FINE_HALF, float(strip))
    support = trust.support(
        _energies(rows, columns, fine, BANDS * trust.SLICES, buffers), _ends(rows, columns, fine)
    )
    values = {
        "alone": _alone(score, peak),
        "depth": support.depth,
        "bands": _participation(roots[:, peak]),
        "spread": support.spread * FINE_STEP_DEG,
        "rest_off": support.rest_off * FINE_STEP_DEG,
        "rest_spread": support.rest_spread * FINE_STEP_DEG,
        "rest_share": support.rest_share,
        "ways_off": support.ways_off * FINE_STEP_DEG,
        "halves_off": _halves_off(rows, columns, fine, support.place, buffers) * FINE_STEP_DEG,
        "lean": support.lean * FINE_STEP_DEG,
    }
    at_the_end = peak in (0, len(score) - 1)
    confidence = trust.confidence(values, strip)
    return Skew(
        # Rows sheared downwards to the right follow content turned clockwise.
        angle_microdeg=-round(coarse + FINE_STEP_MICRODEG * (support.place - FINE_HALF)),
        confidence=round(confidence, 4),
        trusted=confidence > 0.5 and not at_the_end,
        edges_only=confidence <= 0.5 and trust.only_edges(values) and not at_the_end,
        values={name: round(value, 4) for name, value in values.items()},
        streaks_px=streaks,
    )


def _energies(
    rows: Strips, columns: Strips, sheared: NDArray[np.int64], parts: int, buffers: Buffers
) -> NDArray[np.int64]:
    """Return the energies (part, angle), the rows' parts first."""
    return np.concatenate(
        (
            shears.energies(rows, sheared, parts, buffers),
            shears.energies(columns, -sheared, parts, buffers),
        )
    )


def _ends(rows: Strips, columns: Strips, sheared: NDArray[np.int64]) -> tuple[int, int]:
    """Return how many slices at either end lie where not all of the strips are."""
    most, parts = int(np.abs(sheared).max()), BANDS * trust.SLICES
    reach = [(most * (strips.count - 1) + 65_536 >> 17) + 1 for strips in (rows, columns)]
    lines = rows.lines - 1, columns.lines - 1
    return -(-reach[0] * parts // lines[0]), -(-reach[1] * parts // lines[1])


def _halves_off(
    rows: Strips, columns: Strips, fine: NDArray[np.int64], place: float, buffers: Buffers
) -> float:
    """Return how far from a peak that of the halves lies, in steps.

    Lines of two columns that do not stand level meet at a wrong angle; within one half they cannot.
    """
    low = min(max(round(place) - _HALVES_HALF, 0), len(fine) - 1 - 2 * _HALVES_HALF)
    near = fine[low : low + 2 * _HALVES_HALF + 1]
    halves = zip(_halved(rows), _halved(columns), strict=True)
    roots = [_roots(*half, near, buffers) for half in halves]
    return float(abs(low + trust.vertex(_added(np.concatenate(roots))) - place))


def _halved(strips: Strips) -> tuple[Strips, Strips]:
    middle = strips.count // 2
    items = strips.items[:middle], strips.items[middle:]
    return replace(strips, items=items[0]), replace(strips, items=items[1])


def _roots(
    rows: Strips, columns: Strips, sheared: NDArray[np.int64], buffers: Buffers
) -> NDArray[np.float64]:
    """Return the roots of the energies (band, angle), rows' bands first."""
    return np.sqrt(_energies(rows, columns, sheared, BANDS, buffers).astype(np.float64))


def _added(roots: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the sum over the bands, one after the other."""
    total = np.zeros(roots.shape[1])
    for band in roots:
        total += band
    return total


@njit(nogil=True, cache=True)
def _shears(middle_microdeg, step_microdeg, half, strip):  # type: ignore[no-untyped-def]
    """Return by how much neighbouring strips move against each other, in 1 / 65536 of a line."""
    out = np.empty(2 * half + 1, np.int64)
    for t in range(out.size):
        a = (middle_microdeg + (t - half) * step_microdeg) * _RADIAN_PER_MICRODEG
        q = a * a
        # The tangent's series; at 10.4 degrees the next term moves no strip by 1e-10 of a line.
        tangent = a * (
            1 + q * (1 / 3 + q * (2 / 15 + q * (17 / 315 + q * (62 / 2835 + q * (1382 / 155_925)))))
        )
        out[t] = np.floor(tangent * strip * 65_536 + 0.5)
    return out


def _remove_streaks(columns: Strips, first: FirstPass, dpi: int) -> tuple[int, ...]:
    """Interpolate away thin columns inked from top to bottom: dirt on the glass, not content."""
    width = max(5, min(_STREAK_PX, dpi * _STREAK_PX // 300))
    inked = np.empty(columns.lines + _LANES, np.uint16)
    least = first.strip_px * first.ink_clamp // 16
    found = _clean(columns.items, columns.pad, least, inked, width)
    return tuple(int(x) for i, x in enumerate(found) if i == 0 or x - found[i - 1] > 1)


@njit(nogil=True, cache=True)
def _clean(items, pad, least, inked, width):  # type: ignore[no-untyped-def]
    """Find the columns of streaks, and fill them from both sides."""
    count, pitch = items.shape
    lines = inked.size - _LANES
    flat = items.reshape(-1)
    for x in range(0, lines, _LANES):
        _inked_block(flat, (pad + x, pitch, count), least, inked, x)
    found = np.empty(lines, np.int64)
    streaks = 0
    for x in range(width, lines - width):
        here, left, right = inked[x], inked[x - width], inked[x + width]
        if 2 * here > count and 3 * left < here and 3 * right < here:
            found[streaks] = x
            streaks += 1
    _interpolate(items, pad, found[:streaks], width)
    return found[:streaks]


@block()
def _inked_block(e: Emit, items: Any, strips: Any, least: Any, inked: Any, x: Any) -> None:
    """Count the strips in which a column has that much ink."""
    start, pitch, count = strips
    none, bar = e.all(0, 16, _LANES), e.all(least, 16, _LANES)

    def one(k: Any, total: Any) -> Any:
        ink = e.load(items, e.plus(start, e.mul(k, pitch)), _LANES)
        return e.add(total, e.choose(e.below(ink, bar), none, 1))

    e.store(e.repeat(count, one, none), inked, x)


@njit(nogil=True, cache=True)
def _interpolate(items, pad, found, width):  # type: ignore[no-untyped-def]
    for x in found + pad:
        for k in range(items.shape[0]):
            mean = (np.uint32(items[k, x - width]) + np.uint32(items[k, x + width])) >> 1
            for near in range(x - _STREAK_HALF_PX, x + _STREAK_HALF_PX + 1):
                items[k, near] = min(np.uint32(items[k, near]), mean)


def _alone(score: NDArray[np.float64], peak: int) -> float:
    far = np.abs(np.arange(len(score)) - peak) > _FAR_STEPS
    return min(float(score[peak] / max(score[far].max(), _TINY)), 100.0)


def _participation(roots: NDArray[np.float64]) -> float:
    total = squares = 0.0
    for root in roots:
        part = max(float(root), 0.0)
        total += part
        squares += part * part
    return total * total / max(squares, _TINY)
