"""The fibres of recycled paper: many, all over it, thin, short, faint, colourless and alike.

Rule 1: fibres are a property of the paper, proven by its own statistics. A few are marks; so is one
that is longer, thicker or darker than those of the same sheet.
Rule 2: where two cross, one mark is seen that has the ink of two: one in fifty may be.
"""

from collections import Counter
from typing import Final

import numpy as np
from numpy.typing import NDArray

from kernels.blank.ink import InkMap
from kernels.blank.marks import Marks

_PAPER: Final = 205
_PEAK: Final = 60
_FAINT_PEAK: Final = 30
_THICKNESS_MM: Final = (0.09, 0.1)
"""Of faint ones and of others; a stroke of 0.3 mm has more, and a dot of half a millimetre."""
_THICKNESS_PX: Final = 0.8
"""What the lens makes of any fibre in a map as fine as the capture."""
_LONGEST_MM: Final = 2.5
_LEAST: Final = 24
_USUAL: Final = 90
"""Per cent of the fibres of a sheet that say what is usual on it."""
_UNUSUAL: Final = (1.3, 1.5)
"""In length; in darkness and in area."""
_CROSSED: Final = 0.02
_CROSSED_MM: Final = 1.1
_CROSSED_WIDTH_MM: Final = (0.28, 0.35)
"""Area over extent of crossed fibres that are faint, and of others."""
_CROSSED_LENGTH: Final = 2.0
_CROSSED_AREA: Final = 2.4
_CROSSED_PEAK: Final = 1.8
_CROSSED_FAINT: Final = 45
_CROSSED_CORE: Final = 5.8
"""Ink of half a millimetre squared over peak: a blot on a fibre fills it and has more."""

Flags = NDArray[np.bool_]


def named(page: InkMap, found: Marks, open_: Flags) -> NDArray[np.int64]:
    """Return the rows of the marks that are fibres.

    Parameters
    ----------
    open_
        Which marks have no other explanation.
    """
    nothing = np.zeros(0, np.int64)
    if page.paper - page.tint > _PAPER:
        return nothing
    extent = found.box[:, 2:].max(axis=1, initial=0) * page.mm(1)
    thickness = found.thickness * page.mm(1)
    faint = found.peak < _FAINT_PEAK
    # What is gray takes from tinted paper in proportion to its darkness, and so has some colour.
    gray = found.colour < page.coloured_ink + found.peak * page.tint // max(page.paper, 1)
    likely = open_ & gray & (extent <= _LONGEST_MM)
    least = page.mm(_THICKNESS_PX) if page.factor == 1 else 0.0
    thick = np.maximum(np.where(faint, *_THICKNESS_MM), least)
    thin = likely & (found.peak <= _PEAK) & (thickness <= thick)
    if not _everywhere(page, found, thin):
        return nothing
    area = found.mass / np.maximum(found.peak, 1)
    long, dark, large = (
        float(np.percentile(values[thin], _USUAL)) for values in (extent, found.peak, area)
    )
    usual = thin & (extent <= long * _UNUSUAL[0]) & (found.peak <= dark * _UNUSUAL[1])
    usual &= area <= large * _UNUSUAL[1]
    crossed = likely & ~usual & (extent >= _CROSSED_MM) & (extent <= long * _CROSSED_LENGTH)
    width_mm = np.where(found.peak < _CROSSED_FAINT, *_CROSSED_WIDTH_MM)
    crossed &= area * page.mm(1) ** 2 <= extent * width_mm
    crossed &= (found.peak <= dark * _CROSSED_PEAK) & (area <= large * _CROSSED_AREA)
    crossed &= found.core <= _CROSSED_CORE * found.peak
    if int(crossed.sum()) <= 1 + _CROSSED * int(usual.sum()):
        usual |= crossed
    return np.flatnonzero(usual)


def _everywhere(page: InkMap, found: Marks, thin: Flags) -> bool:
    """Whether there are enough, and in all quarters of the page."""
    height, width = page.ink.shape
    quarters = Counter(
        (bool(x * 2 >= width), bool(y * 2 >= height)) for x, y in found.box[thin, :2]
    )
    count = int(thin.sum())
    return count >= _LEAST and len(quarters) == 4 and min(quarters.values()) * 10 >= count
