"""The angle a page's content is turned by, and whether that angle can be trusted.

Text lines and rulings make the ink of a page jump from row to row when rows are taken along them.
So the page's strips of ink (see `first_pass`) are sheared against each other by every angle, summed
to one profile, and the profile's jumps are measured: `curve` does, with `shears` and `fours`, once
`streaks` of dirt are out of the way.

Rule 1: the score of an angle is the sum, over 8 bands across the page and 8 down it, of the *root*
of the summed squared jumps. The root is what makes it robust: a streak or the edge of the bed owns
one band, not the total.
Rule 2: every sum is an integer; only the last numbers are IEEE doubles, each sum taken from its
first term to its last, with +, -, *, / and the square root alone, never fused, never libm.
Rule 3: an angle is trusted only when its peak stands alone, is deep, many bands take part, no band
decides, and what is left without each band's strongest line says the same (`trust`).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from kernels.buffers import Buffers
from kernels.first_pass import FirstPass
from kernels.skew import curve, shears, trust
from kernels.skew.curve import BANDS, FINE_HALF, FINE_STEP_MICRODEG, Seen

FINE_STEP_DEG: Final = FINE_STEP_MICRODEG / 1e6
_LONGEST_POOL: Final = 4
LEAST_SIDE_PX: Final = 4 * BANDS * _LONGEST_POOL
"""A page with a shorter side has no skew to be seen."""
_VALUES: Final = ("alone", "depth", "bands", "rest_share", *trust.BARS)
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
        `alone` peak over the best score further away than 0.75 degree; `bands` that take part, 1 to
        16; `halves_off` how far from the peak that of the page's halves lies, each taken alone;
        the others as in `trust.Support`; degrees where they are angles.
    streaks_px
        Columns of dirty-glass streaks.
    """

    angle_microdeg: int
    confidence: float
    trusted: bool
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

    Cost: about as much as reading a gray page once. Twin: `kernels.cuda.skew`, equal by `==`.
    """
    if min(first.luma.shape) < LEAST_SIDE_PX:
        return unseen()
    buffers = buffers or Buffers()
    strip, most = first.strip_px, first.strip_px * first.ink_clamp
    laid = curve.places(first.rows, first.columns, (strip, most, pool_of(strip)), buffers)
    rooms = shears.sums_of(laid.rows, buffers), shears.sums_of(laid.columns, buffers)
    streak = most // 16, streak_width_px(dpi)
    seen, dirty = curve.measure((first.rows, first.columns), laid, rooms, streak)
    return concluded(seen, dirty, strip)


def pool_of(strip_px: int) -> int:
    """Return how many lines are made one for the coarse angles."""
    return _LONGEST_POOL if strip_px == 32 else 2


def streak_width_px(dpi: int) -> int:
    """Return so many columns aside a streak must be gone."""
    return max(5, min(_STREAK_PX, dpi * _STREAK_PX // 300))


def unseen() -> Skew:
    """Return what is said of a page that is too small."""
    return Skew(0, 0.0, False, dict.fromkeys(_VALUES, 0.0), ())


def concluded(seen: Seen, streaks_px: Iterable[int], strip_px: int) -> Skew:
    """Return the angle, and whether it is trusted, from what the curves show.

    Parameters
    ----------
    seen
        By the kernels.
    streaks_px
        The first column of each streak.
    strip_px
        Width of a strip.
    """
    support = seen.support
    values = {
        "alone": seen.alone,
        "depth": support.depth,
        "bands": seen.bands,
        "spread": support.spread * FINE_STEP_DEG,
        "rest_off": support.rest_off * FINE_STEP_DEG,
        "rest_spread": support.rest_spread * FINE_STEP_DEG,
        "rest_share": support.rest_share,
        "ways_off": support.ways_off * FINE_STEP_DEG,
        "halves_off": seen.halves_off * FINE_STEP_DEG,
        "lean": support.lean * FINE_STEP_DEG,
    }
    confidence = trust.confidence(values, strip_px)
    return Skew(
        # Rows sheared downwards to the right follow content turned clockwise.
        angle_microdeg=-round(
            seen.coarse_microdeg + FINE_STEP_MICRODEG * (support.place - FINE_HALF)
        ),
        confidence=round(confidence, 4),
        trusted=confidence > 0.5 and not seen.at_the_end,
        values={name: round(value, 4) for name, value in values.items()},
        streaks_px=tuple(int(x) for x in streaks_px),
    )
