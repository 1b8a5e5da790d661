"""Does a page stand on its head? Its own punctuation tells, where there is enough of it.

A full stop and a comma hang on the base line: in Chinese in the lower left of their square, in
Latin script behind their word. So a small mark low in its line, with more room behind it than
before it, says upright; one high in its line, with more room before it, says upside down.

Rule 1: many marks must say the same; quotation marks and the dots of characters say both.
Rule 2: this is evidence for horizontal lines alone. Vertical text, tables and handwriting say
nothing, and nothing is what is answered for them.
"""

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from kernels import connected
from kernels.buffers import Buffers
from kernels.first_pass import FirstPass
from kernels.raster import Raster

_BAND: Final = (0.34, 0.66)
"""Of the height of the page that is looked at: enough lines, at a third of the cost."""
_LINE_MM: Final = (1.8, 12.0)
_LINE_SPREAD: Final = (0.6, 1.5)
"""Lines of text are of a height, give or take so much."""
_LEAST_LINES: Final = 4
_SMALL: Final = (0.08, 0.45)
"""Width and height of a punctuation mark over the height of its line."""
_HIGH: Final = 0.35
_LOW: Final = 0.65
_MORE_ROOM: Final = 1.5
_LEAST_MARKS: Final = 10
_AGREEMENT: Final = 6


class Stands(StrEnum):
    """How a page stands, as far as it can be told."""

    UPRIGHT = "upright"
    UPSIDE_DOWN = "upside_down"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Orientation:
    """How a page stands, and the marks that say so.

    Attributes
    ----------
    stands
        The answer.
    upright, upside_down
        Punctuation marks that speak for each.
    """

    stands: Stands
    upright: int
    upside_down: int


def orientation(first: FirstPass, angle_microdeg: int, dpi: int) -> Orientation:
    """Look at the punctuation of a page.

    Parameters
    ----------
    first
        First pass of the page as captured.
    angle_microdeg
        How its content is turned, counter-clockwise positive: of a skew that is trusted.
    dpi
        Of the page.
    """
    boxes = _boxes(first, angle_microdeg)
    px_per_mm = dpi / 2 / 25.4
    lines = _lines(boxes, _LINE_MM[0] * px_per_mm, _LINE_MM[1] * px_per_mm)
    up, down = _votes(boxes, lines)
    stands = Stands.UNKNOWN
    if up >= max(_LEAST_MARKS, _AGREEMENT * down):
        stands = Stands.UPRIGHT
    elif down >= max(_LEAST_MARKS, _AGREEMENT * up):
        stands = Stands.UPSIDE_DOWN
    return Orientation(stands, up, down)


def _boxes(first: FirstPass, angle_microdeg: int) -> NDArray[np.float64]:
    """Return left, top, right, bottom of each connected mark, with the lines made level."""
    height = first.half.shape[0]
    band = first.half[int(height * _BAND[0]) : int(height * _BAND[1])]
    if min(band.shape, default=0) < 1:
        return np.zeros((0, 4))
    boxes = connected.below(band, first.threshold).box.astype(np.float64)
    boxes[:, 2:] += boxes[:, :2]
    # Content that is turned counter-clockwise rises to the right.
    rise = math.tan(math.radians(angle_microdeg / 1e6))
    boxes[:, 1::2] += ((boxes[:, 0] + boxes[:, 2]) / 2 * rise)[:, None]
    return np.asarray(boxes)


def _lines(boxes: NDArray[np.float64], least_px: float, most_px: float) -> NDArray[np.float64]:
    """Return top and bottom of the lines of text: rows with much ink between rows with little."""
    none = np.zeros((0, 2))
    sized = boxes[(boxes[:, 3] - boxes[:, 1]) <= most_px]
    if not len(sized):
        return none
    origin = math.floor(sized[:, 1].min())
    steps = np.zeros(math.ceil(sized[:, 3].max()) - origin + 2)
    width = sized[:, 2] - sized[:, 0]
    np.add.at(steps, np.round(sized[:, 1]).astype(int) - origin, width)
    np.add.at(steps, np.round(sized[:, 3]).astype(int) - origin, -width)
    profile = np.cumsum(steps)
    inked = np.concatenate([[False], profile > 0.15 * np.percentile(profile, 90), [False]])
    changes = np.flatnonzero(inked[1:] != inked[:-1]) + origin
    lines = changes.reshape(-1, 2).astype(np.float64)
    heights = lines[:, 1] - lines[:, 0]
    lines = lines[(heights >= least_px) & (heights <= most_px)]
    if len(lines) < _LEAST_LINES:
        return none
    heights = lines[:, 1] - lines[:, 0]
    alike = heights / np.median(heights)
    lines = lines[(alike >= _LINE_SPREAD[0]) & (alike <= _LINE_SPREAD[1])]
    return lines if len(lines) >= _LEAST_LINES else none


def _votes(boxes: NDArray[np.float64], lines: NDArray[np.float64]) -> tuple[int, int]:
    """Return how many marks in the lines speak for upright, and for upside down."""
    if not len(lines):
        return 0, 0
    middle = (boxes[:, 1] + boxes[:, 3]) / 2
    line = np.searchsorted(lines[:, 0], middle, side="right") - 1
    inside = (line >= 0) & (middle < lines[line, 1])
    glyphs, line = _glyphs(boxes[inside], line[inside])
    if len(glyphs) < 3:
        return 0, 0
    marks, line_of = glyphs[1:-1], line[1:-1]
    neighbours = (line[:-2] == line_of) & (line[2:] == line_of)
    before = marks[:, 0] - glyphs[:-2, 2]
    after = glyphs[2:, 0] - marks[:, 2]
    height = (lines[:, 1] - lines[:, 0])[line_of]
    sizes = np.stack([marks[:, 2] - marks[:, 0], marks[:, 3] - marks[:, 1]]) / height
    small = ((sizes >= _SMALL[0]) & (sizes <= _SMALL[1])).all(axis=0) & neighbours
    place = ((marks[:, 1] + marks[:, 3]) / 2 - lines[line_of, 0]) / height
    low, high = small & (place >= _LOW), small & (place <= _HIGH)
    ends, begins = after > _MORE_ROOM * before, before > _MORE_ROOM * after
    # Quotation marks come in pairs: each that closes takes back what the one that opens has said.
    up = int((low & ends).sum()) - int((low & begins).sum())
    down = int((high & begins).sum()) - int((high & ends).sum())
    return max(up, 0), max(down, 0)


def _glyphs(
    boxes: NDArray[np.float64], line: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Join what lies above or beside each other without a gap: the parts of a character.

    Returns the boxes of the glyphs, line by line and from left to right, and the line of each.
    """
    if not len(boxes):
        return boxes, line
    order = np.lexsort((boxes[:, 0], line))
    boxes, line = boxes[order], line[order]
    apart = line * (float(boxes[:, 2].max()) + 2)  # one line behind the other: one sweep does all
    reach = np.maximum.accumulate(boxes[:, 2] + apart)
    starts = np.flatnonzero(np.concatenate([[True], boxes[1:, 0] + apart[1:] > reach[:-1] + 1]))
    joined = np.column_stack(
        [
            boxes[starts, 0],
            np.minimum.reduceat(boxes[:, 1], starts),
            np.maximum.reduceat(boxes[:, 2], starts),
            np.maximum.reduceat(boxes[:, 3], starts),
        ]
    )
    return joined, line[starts]


def half_turn(raster: Raster, buffers: Buffers | None = None) -> Raster:
    """Return a page turned by 180 degrees: every pixel as it was, in the reverse order."""
    buffers = buffers or Buffers()
    out = buffers.take("orientation.out", raster.pixels.shape)
    cv2.rotate(raster.pixels, cv2.ROTATE_180, dst=out)
    return Raster(out, raster.dpi)
