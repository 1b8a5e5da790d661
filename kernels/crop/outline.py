"""The rectangle that the edges of a sheet make in the page after its turn.

Rule 1: most rows between two corners must agree with the edge between them, in both of its halves,
and next to none may find the sheet before it.
"""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from kernels.crop.sides import Edge

_SUPPORT: Final = 0.55
_SUPPORT_HALF: Final = 0.35
_BEFORE: Final = 0.05
_NEAR_MM: Final = 0.6
_BEFORE_MM: Final = 1.2
_CORNER_MM: Final = 1.0
_LEAST_CORNER_MM: Final = 2.0
_LEAST_ROWS: Final = 20

_Line = tuple[float, float]
"""Place across at 0 along, and change per pixel along, in the turned page."""


@dataclass(frozen=True, slots=True)
class Frame:
    """The image, and the turn about its centre that makes its content upright.

    Attributes
    ----------
    height, width
        Of the image in pixels.
    cos, sin
        Of the angle by which the content is turned, counter-clockwise positive.
    px_per_mm
        Of the image.
    """

    height: int
    width: int
    cos: float
    sin: float
    px_per_mm: float

    def upright(self, turn: int, i: float, j: float) -> tuple[float, float]:
        """Return where a point of a side's view, in half-scale samples, lies in the turned page."""
        half_h, half_w = self.height // 2, self.width // 2
        x, y = ((j, i), (half_w - i, j), (half_w - j, half_h - i), (i, half_h - j))[turn]
        dx, dy = 2 * x - self.width / 2, 2 * y - self.height / 2
        return (
            dx * self.cos - dy * self.sin + self.width / 2,
            dx * self.sin + dy * self.cos + self.height / 2,
        )


@dataclass(frozen=True, slots=True)
class Outline:
    """A sheet in the page after its turn.

    Attributes
    ----------
    left, top, right, bottom
        Its outermost points in pixels; the border of the image where no edge is seen.
    width_mm, height_mm
        Between the middles of its sides.
    seen
        Which edges are seen: left, top, right, bottom.
    corners_mm
        How far each corner is missing, along the shorter of its two sides: top left, top right,
        bottom right, bottom left; 0 where it is whole or one of its edges is not seen.
    """

    left: float
    top: float
    right: float
    bottom: float
    width_mm: float
    height_mm: float
    seen: tuple[bool, ...]
    corners_mm: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class _Side:
    """The rows that an edge crosses between its corners.

    Attributes
    ----------
    off
        How much deeper than the edge the bed is in each, in half-scale samples.
    start_px, step_px
        How far the first is from the corner where rows begin, and each from the one before.
    length_px
        Of the edge, in the turned page.
    """

    off: NDArray[np.float64]
    start_px: float
    step_px: float
    length_px: float


def outline(found: list[Edge | None], frame: Frame) -> Outline | None:
    """Return the rectangle of the edges seen from the left, the top, the right and the bottom.

    None where an edge does not hold all along between its corners.
    """
    seen = [_line(frame, turn, edge, 0.0) for turn, edge in enumerate(found)]
    sides = [
        None if edge is None else _side(frame, turn, edge, seen) for turn, edge in enumerate(found)
    ]
    if not all(side is None or _holds(side, frame.px_per_mm / 2) for side in sides):
        return None
    lines = [
        _line(frame, turn, edge, 0.0 if edge is None else edge.ledge)
        for turn, edge in enumerate(found)
    ]
    corners = [
        _crossing(lines[left_or_right], lines[top_or_bottom])
        for left_or_right, top_or_bottom in ((0, 1), (2, 1), (2, 3), (0, 3))
    ]
    x, y = [corner[0] for corner in corners], [corner[1] for corner in corners]
    middle = sum(x) / 4, sum(y) / 4
    x0, y0, x1, y1 = (line[0] + line[1] * middle[1 - turn % 2] for turn, line in enumerate(lines))
    return Outline(
        left=min(x[0], x[3]),
        top=min(y[0], y[1]),
        right=max(x[1], x[2]),
        bottom=max(y[2], y[3]),
        width_mm=(x1 - x0) / frame.px_per_mm,
        height_mm=(y1 - y0) / frame.px_per_mm,
        seen=tuple(side is not None for side in sides),
        corners_mm=_missing(sides, frame.px_per_mm),
    )


def _line(frame: Frame, turn: int, edge: Edge | None, ledge: float) -> _Line:
    """Return an edge in the turned page: x by y for left and right, y by x for top and bottom."""
    if edge is None:
        return (0.0, 0.0, float(frame.width), float(frame.height))[turn], 0.0
    far = float(edge.at[-1] + 1)
    begin = edge.offset - ledge
    one = frame.upright(turn, 0.0, begin)
    other = frame.upright(turn, far, begin + edge.slope * far)
    across, along = turn % 2, 1 - turn % 2
    slope = (other[across] - one[across]) / (other[along] - one[along])
    return one[across] - slope * one[along], slope


def _crossing(upright: _Line, lying: _Line) -> tuple[float, float]:
    x = (upright[0] + upright[1] * lying[0]) / (1 - upright[1] * lying[1])
    return x, lying[0] + lying[1] * x


def _side(frame: Frame, turn: int, edge: Edge, lines: list[_Line]) -> _Side:
    """Return the rows an edge crosses within the image, 1 mm and more from its corners."""
    first = _gaps(frame, turn, edge, lines, 0.0)
    last = _gaps(frame, turn, edge, lines, float(edge.at[-1]))
    corner = _CORNER_MM * frame.px_per_mm
    low, high = 0.0, 1.0
    for one, other, least in zip(first, last, (corner, corner, 3.0), strict=True):
        share = (least - one) / (other - one) if one != other else 0.0
        if max(one, other) < least:
            high = -1.0
        elif one < least:
            low = max(low, share)
        elif other < least:
            high = min(high, share)
    steps = edge.at.size - 1
    begin = math.ceil(low * steps)
    rows = slice(begin, max(math.floor(high * steps) + 1, begin))
    step = (last[0] - first[0]) / max(steps, 1)
    return _Side(
        off=edge.ends[rows] - edge.offset - edge.slope * edge.at[rows],
        start_px=first[0] + step * begin,
        step_px=step,
        length_px=first[0] + first[1],
    )


def _gaps(
    frame: Frame, turn: int, edge: Edge, lines: list[_Line], row: float
) -> tuple[float, float, float]:
    """Return how far an edge at a row is from the corner before, from the one after, and its depth.

    Rows run down on the left, to the left at the top, up on the right, to the right at the bottom.
    """
    depth = edge.offset + edge.slope * row
    point = frame.upright(turn, row, depth)
    across, along = point[turn % 2], point[1 - turn % 2]
    before, after = (
        along - line[0] - line[1] * across for line in (lines[turn - 3], lines[turn - 1])
    )
    return (before, -after, depth) if turn in (0, 3) else (-before, after, depth)


def _holds(side: _Side, px_per_mm: float) -> bool:
    count = side.off.size
    if count < _LEAST_ROWS:
        return False
    agree = np.abs(side.off) <= _NEAR_MM * px_per_mm
    halves = [np.count_nonzero(half) for half in (agree[: count // 2], agree[count // 2 :])]
    before = np.count_nonzero(side.off < -_BEFORE_MM * px_per_mm)
    return bool(
        sum(halves) >= _SUPPORT * count
        and min(halves) >= _SUPPORT_HALF * (count // 2)
        and before <= _BEFORE * count
    )


def _missing(sides: list[_Side | None], px_per_mm: float) -> tuple[float, ...]:
    legs: list[list[float]] = [[], [], [], []]
    for turn, side in enumerate(sides):
        if side is None:
            continue
        whole = np.flatnonzero(side.off <= _CORNER_MM * px_per_mm / 2)
        first, last = (side.start_px + side.step_px * int(k) for k in (whole[0], whole[-1]))
        legs[turn].append(first / px_per_mm)
        legs[(turn + 3) % 4].append((side.length_px - last) / px_per_mm)
    short = [min(both) if len(both) == 2 else 0.0 for both in legs]
    return tuple(round(leg, 1) if leg >= _LEAST_CORNER_MM else 0.0 for leg in short)
