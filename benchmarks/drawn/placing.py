"""Where light content lies on a sheet, and in what ink."""

from typing import Final

import numpy as np

from benchmarks.drawn.paper import Ink, Sheet
from benchmarks.drawn.strokes import MARGIN_MM, Pad

Colour = tuple[float, float, float]

GRAY: Final[Colour] = (1.0, 1.0, 1.0)
RED: Final[Colour] = (0.85, 1.0, 0.2)
BLUE: Final[Colour] = (0.3, 0.8, 1.0)
VIOLET: Final[Colour] = (0.35, 1.0, 0.7)
GREEN: Final[Colour] = (0.9, 0.3, 1.0)
YELLOW: Final[Colour] = (1.0, 0.15, 0.03)
PINK: Final[Colour] = (0.45, 1.0, 0.1)
_BODY: Final = "经审理查明原告与被告签订借款合同约定期限为十二个月被告未按约偿还本金及利息"
_EDGE_MM: Final = 1.6
"""Content keeps so far from the sheet's own edge, or nobody could tell it from the edge."""


def faint(sheet: Sheet, top: float, least: float = 21.0) -> float:
    """Return a contrast: one in three hardly above the floor, the others up to `top`."""
    if sheet.rng.random() < 0.35:
        return float(sheet.rng.uniform(least, least + 6))
    return float(np.exp(sheet.rng.uniform(np.log(least), np.log(top))))


def psf(sheet: Sheet) -> float:
    """Return the softness of a scanner's lens in pixels."""
    return float(sheet.rng.uniform(0.5, 0.9))


def between(sheet: Sheet, low: float, high: float) -> float:
    """Return a length or a width from a range."""
    return float(sheet.rng.uniform(low, high))


def pick(sheet: Sheet, *choices: Colour) -> Colour:
    """Return one of the colours, a little off."""
    colour = np.array(choices[int(sheet.rng.integers(0, len(choices)))])
    off = np.clip(colour + sheet.rng.normal(0, 0.04, 3), 0.0, 1.0)
    return tuple((off / off.max()).tolist())


def words(sheet: Sheet, count: int) -> str:
    """Return a piece of a sentence."""
    start = int(sheet.rng.integers(0, len(_BODY) - 1))
    return (_BODY * 3)[start : start + count]


def put(sheet: Sheet, pad: Pad, ink: Ink, zone: str = "", turn_deg: float | None = None) -> None:
    """Set a patch in a zone of the sheet; "" is anywhere, corners and edges more often than not."""
    rng = sheet.rng
    turn = float(rng.normal(0, 2.0)) if turn_deg is None else turn_deg
    cover = pad.cover(turn)
    x, y = place(sheet, cover.shape, zone or zone_of(sheet))
    sheet.ink(cover, x, y, ink)


def zone_of(sheet: Sheet) -> str:
    """Return a zone: beside a hole or staple, anywhere, a corner or an edge."""
    draw = sheet.rng.random()
    if sheet.places and draw < 0.35:
        return "beside"
    return "anywhere" if draw < 0.6 else ("corner" if draw < 0.8 else "edge")


def place(sheet: Sheet, shape: tuple[int, ...], zone: str) -> tuple[int, int]:
    """Return where the upper left pixel of a patch comes to lie."""
    rng, inside = sheet.rng, sheet.inside
    skirt = int(sheet.px(MARGIN_MM - _EDGE_MM))
    low = np.array([inside.left - skirt, inside.top - skirt])
    high = np.array([inside.right + skirt - shape[1], inside.bottom + skirt - shape[0]])
    high = np.maximum(high, low)
    share = rng.uniform(0, 1, 2)
    if zone == "corner":
        share = np.rint(share) + np.where(share < 0.5, 1, -1) * rng.uniform(0, 0.05, 2)
    elif zone == "edge":
        share[int(rng.integers(0, 2))] = float(rng.integers(0, 2))
    elif zone == "head":
        share[1] = rng.uniform(0, 0.06)
    elif zone == "foot":
        share = np.array([rng.choice((0.5, 0.5, 0.95, 0.05)), rng.uniform(0.93, 1.0)])
    elif zone == "gutter":
        share[0] = rng.uniform(0, 0.04)
    at = low + share * (high - low)
    if zone == "beside":
        x, y = sheet.places[int(rng.integers(0, len(sheet.places)))]
        near = rng.uniform(sheet.px(2), sheet.px(6))
        at = np.array([x + near, y - shape[0] / 2 + rng.normal(0, sheet.px(4))])
    x, y = np.clip(at, low, high)
    return int(x), int(y)
