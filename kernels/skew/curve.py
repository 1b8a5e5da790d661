"""From strips of ink to numbers: the curve of all angles, then that of those near its peak.

Rule 1: compiled as one: so small are the steps that going in and out of each would cost as much.
Rule 2: integers up to the energies, doubles from there on, as the package's rule 2 wants them.
"""

from typing import Any, Final, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from kernels.buffers import Buffers
from kernels.skew import shears, streaks, trust
from kernels.skew.shears import Room, Strips
from kernels.skew.trust import TINY, Support

COARSE_STEP_MICRODEG: Final = 250_000
COARSE_HALF: Final = 40
FINE_STEP_MICRODEG: Final = 20_000
FINE_HALF: Final = 20
BANDS: Final = 8
_STEEPEST_MICRODEG: Final = COARSE_STEP_MICRODEG * COARSE_HALF + FINE_STEP_MICRODEG * FINE_HALF
_RADIAN_PER_MICRODEG: Final = 1.7453292519943295e-08
FAR_STEPS: Final = 3
HALVES_HALF: Final = 10
MOST_ALONE: Final = 100.0


class Places(NamedTuple):
    """Where the strips of a page are laid out for shearing: its rows and columns, and both pooled.

    Attributes
    ----------
    rows, columns
        The strips.
    small_rows, small_columns
        The same with `pool` lines made one.
    pool
        2 or 4.
    strip_px
        Width of a strip.
    """

    rows: Strips
    columns: Strips
    small_rows: Strips
    small_columns: Strips
    pool: int
    strip_px: int


class Seen(NamedTuple):
    """What the curves show.

    Attributes
    ----------
    coarse_microdeg
        The peak among all angles: rows sheared downwards to the right.
    at_the_end
        Whether it is the first or the last of them.
    alone
        Peak over the best score further away than 0.75 degree, 100 at most.
    bands
        How many take part, 1 to 16.
    support
        What the peak near it rests on; places in fine steps, 20 is the coarse peak.
    halves_off
        How far from its place that of the page's halves lies, each taken alone; in fine steps.
    """

    coarse_microdeg: int
    at_the_end: bool
    alone: float
    bands: float
    support: Support
    halves_off: float


def places(
    rows: NDArray[np.uint16],
    columns: NDArray[np.uint16],
    page: tuple[int, int, int],
    buffers: Buffers,
) -> Places:
    """Return room for the strips of a page.

    Parameters
    ----------
    rows, columns
        uint16 (count, lines): the strips.
    page
        Width of a strip in pixels; the most ink of an item; how many lines are pooled.
    buffers
        Of the worker.
    """
    strip, most, pool = page
    steepest = int(steps_of(_STEEPEST_MICRODEG, 0, 0, float(strip))[0])

    def room(name: str, strips: NDArray[np.uint16], by: int) -> Strips:
        count, lines = strips.shape
        return Room(buffers, f"skew.{name}", steepest // by).strips(count, lines // by, most)

    return Places(
        rows=room("rows", rows, 1),
        columns=room("columns", columns, 1),
        small_rows=room("small_rows", rows, pool),
        small_columns=room("small_columns", columns, pool),
        pool=pool,
        strip_px=strip,
    )


@njit(nogil=True, cache=True)
def measure(given, laid, rooms, streak):  # type: ignore[no-untyped-def]
    """Lay out the strips, take streaks of dirt out of the columns, and see what the curves show.

    Parameters
    ----------
    given
        uint16 (count, lines): strips of rows, and of columns.
    laid
        `Places` for them.
    rooms
        For the sums of rows, and of columns, see `shears.sums_of`.
    streak
        Least ink of a streak in an item, and how far away it must be gone.

    Returns
    -------
    A `Seen`, and the columns of streaks.
    """
    rows, columns = given
    shears.fill(columns, laid.columns)
    found = streaks.take_out(laid.columns, *streak)
    shears.fill(rows, laid.rows)
    shears.pool(laid.rows, laid.small_rows, laid.pool)
    shears.pool(laid.columns, laid.small_columns, laid.pool)
    steps = steps_of(0, COARSE_STEP_MICRODEG, COARSE_HALF, laid.strip_px / laid.pool)
    roots = _roots((laid.small_rows, laid.small_columns), steps, rooms)
    for k in range(len(roots)):
        roots[k] -= np.sort(roots[k])[COARSE_HALF]  # each band's median
    score = trust.added(roots)
    peak = int(score.argmax())
    coarse = (peak - COARSE_HALF) * COARSE_STEP_MICRODEG
    both = laid.rows, laid.columns
    fine = steps_of(coarse, FINE_STEP_MICRODEG, FINE_HALF, float(laid.strip_px))
    support = trust.support(_energies(both, fine, BANDS * trust.SLICES, rooms), _ends(both, fine))
    seen = Seen(
        coarse,
        peak == 0 or peak == score.size - 1,
        _alone(score, peak),
        _participation(roots[:, peak]),
        support,
        _halves_off(both, fine, support.place, rooms),
    )
    return seen, found


@njit(nogil=True, cache=True)
def steps_of(middle_microdeg, step_microdeg, half, strip):  # type: ignore[no-untyped-def]
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


@njit(nogil=True, cache=True)
def _energies(both, steps, parts, rooms):  # type: ignore[no-untyped-def]
    """Return the energies (part, angle), the rows' parts first."""
    out = np.zeros((2 * parts, steps.size), np.int64)
    shears.add_energies(both[0], steps, rooms[0], out[:parts])
    shears.add_energies(both[1], -steps, rooms[1], out[parts:])
    return out


@njit(nogil=True, cache=True)
def _roots(both, steps, rooms):  # type: ignore[no-untyped-def]
    """Return the roots of the energies (band, angle), rows' bands first."""
    return np.sqrt(_energies(both, steps, BANDS, rooms).astype(np.float64))


@njit(nogil=True, cache=True)
def _ends(both, steps):  # type: ignore[no-untyped-def]
    """Return how many slices at either end lie where not all of the strips are."""
    return _end(both[0], steps), _end(both[1], steps)


@njit(nogil=True, cache=True)
def _end(strips, steps):  # type: ignore[no-untyped-def]
    most, parts = np.abs(steps).max(), BANDS * trust.SLICES
    reach = ((most * (strips.items.shape[0] - 1) + 65_536) >> 17) + 1
    return -(-reach * parts // (strips.lines - 1))


@njit(nogil=True, cache=True)
def _halves_off(both, fine, place, rooms):  # type: ignore[no-untyped-def]
    """Return how far from a peak that of the halves lies, in steps.

    Lines of two columns that do not stand level meet at a wrong angle; within one half they cannot.
    """
    low = min(max(round(place) - HALVES_HALF, 0), fine.size - 1 - 2 * HALVES_HALF)
    near = fine[low : low + 2 * HALVES_HALF + 1]
    rows, columns = _halved(both[0]), _halved(both[1])
    roots = np.concatenate(
        (_roots((rows[0], columns[0]), near, rooms), _roots((rows[1], columns[1]), near, rooms))
    )
    return abs(low + trust.vertex(trust.added(roots)) - place)


@njit(nogil=True, cache=True)
def _halved(strips):  # type: ignore[no-untyped-def]
    middle = strips.items.shape[0] // 2
    rest = strips.lines, strips.pad, strips.most
    return Strips(strips.items[:middle], *rest), Strips(strips.items[middle:], *rest)


@njit(nogil=True, cache=True)
def _alone(score, peak):  # type: ignore[no-untyped-def]
    best = TINY
    for k in range(score.size):
        if abs(k - peak) > FAR_STEPS:
            best = max(best, score[k])
    return min(score[peak] / best, MOST_ALONE)


@njit(nogil=True, cache=True)
def _participation(roots: Any) -> float:
    total = squares = 0.0
    for root in roots:
        part = max(root, 0.0)
        total += part
        squares += part * part
    return total * total / max(squares, TINY)
