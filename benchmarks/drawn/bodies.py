"""What is printed or written on the other side of a sheet, at 150 dpi: A4, drawn once per ream."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.drawn.placing import BLUE, GRAY, RED
from benchmarks.drawn.ream import Ream
from benchmarks.drawn.strokes import star

Pixels = NDArray[np.uint8]

BODY_DPI: Final = 150
BODIES: Final = ("text", "table", "seal", "hand", "mixed")
_VARIANTS: Final = 3
_A4_PX: Final = (1754, 1240)


@dataclass(frozen=True, slots=True)
class Layer:
    """Ink of one colour on the other side: coverage of an A4 page at 150 dpi."""

    cover: Pixels
    colour: tuple[float, float, float]
    contrast: float


def page(ream: Ream, kind: str, rng: np.random.Generator) -> tuple[Layer, ...]:
    """Return one of the ream's pages of that kind."""
    key = kind, int(rng.integers(0, _VARIANTS))
    if key not in ream.bodies:
        own = np.random.default_rng([ream.seed, 3, BODIES.index(kind), key[1]])
        ream.bodies[key] = _DRAWN[kind](ream, own)
    found: tuple[Layer, ...] = ream.bodies[key]
    return found


def _text(ream: Ream, rng: np.random.Generator) -> tuple[Layer, ...]:
    cover = np.zeros(_A4_PX, np.uint8)
    font, size = ream.font("uni"), int(rng.integers(24, 33))
    line = "经审理查明原告与被告签订借款合同约定期限为十二个月被告未按约偿还本金及利息" * 2
    for k, base in enumerate(range(200, 1754 - int(rng.integers(150, 900)), 2 * size)):
        count = int(rng.integers(12, 34)) if k % 4 == 3 else 34
        count = min(count, int(930 / size / 1.06))
        start = int(rng.integers(0, 36))
        cv2.putText(cover, line[start : start + count], (160, base), 255, font, size, 400)
    return (Layer(cover, GRAY, 200.0),)


def _table(ream: Ream, rng: np.random.Generator) -> tuple[Layer, ...]:
    cover = np.zeros(_A4_PX, np.uint8)
    font, rows, columns = ream.font("uni"), int(rng.integers(8, 24)), int(rng.integers(3, 7))
    ys, xs = (
        np.linspace(220, 1500, rows + 1, dtype=int),
        np.linspace(120, 1120, columns + 1, dtype=int),
    )
    for y in ys:
        cv2.line(cover, (120, int(y)), (1120, int(y)), 255, 2)
    for x in xs:
        cv2.line(cover, (int(x), 220), (int(x), 1500), 255, 2)
    for y in ys[:-1]:
        for x in xs[:-1]:
            if rng.random() < 0.6:
                at = int(x) + 8, int(y) + 34
                cv2.putText(cover, f"{int(rng.integers(1, 9999))}.00", at, 255, font, 24, 400)
    return (Layer(cover, GRAY, 200.0),)


def _seal(ream: Ream, rng: np.random.Generator) -> tuple[Layer, ...]:
    cover = np.zeros(_A4_PX, np.uint8)
    font = ream.font("uni")
    centre = int(rng.integers(300, 940)), int(rng.integers(600, 1500))
    cv2.circle(cover, centre, 118, 255, 7, cv2.LINE_AA)
    corners = star(centre[0], centre[1], 40, 0.0)
    cv2.fillPoly(cover, [np.rint(corners).astype(np.int32)], 255, cv2.LINE_AA)
    for k in range(9):
        turn = np.pi * (0.85 + 1.3 * k / 8)
        at = tuple(
            int(c + 88 * v - 12) for c, v in zip(centre, (np.cos(turn), np.sin(turn)), strict=True)
        )
        cv2.putText(cover, "人民法院专用印章司"[k], (at[0], at[1] + 24), 255, font, 28, 600)
    return (Layer(cover, RED, 180.0),)


def _hand(ream: Ream, rng: np.random.Generator) -> tuple[Layer, ...]:
    cover = np.zeros(_A4_PX, np.uint8)
    for base in range(260, 1754 - int(rng.integers(200, 1000)), 62):
        x = 150.0
        while x < 1060:
            em = float(rng.uniform(26, 40))
            for _ in range(int(rng.integers(3, 8))):
                start = np.array([x, base]) + rng.uniform(0, 0.6, 2) * em
                run = ((0.55, -0.06), (0.03, 0.6), (-0.3, 0.4), (0.35, 0.35))[rng.integers(0, 4)]
                end = start + np.array(run) * em
                points = np.rint(np.array([start, end]) * 16).astype(np.int32)
                cv2.polylines(cover, [points], False, 255, 3, cv2.LINE_AA, 4)
            x += em * 1.15
    return (Layer(cover, BLUE if rng.random() < 0.5 else GRAY, 170.0),)


def _mixed(ream: Ream, rng: np.random.Generator) -> tuple[Layer, ...]:
    return (*_text(ream, rng), *_seal(ream, rng))


_DRAWN: Final[dict[str, Callable[[Ream, np.random.Generator], tuple[Layer, ...]]]] = {
    "text": _text,
    "table": _table,
    "seal": _seal,
    "hand": _hand,
    "mixed": _mixed,
}
