"""Faces that carry little, and faces that carry nothing, with the truth about each.

Rule 1: seed, number and kind give the same face on every machine with the same libraries.
Rule 2: a light face shows a mark of at least half a millimetre at 20 levels of 255, in the channel
darkened most, behind lens and JPEG; one that does not is drawn again with more ink.
Rule 3: what lies on the paper besides (holes, dust, the other side) never counts as content.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from benchmarks.drawn import blanks, scanned
from benchmarks.drawn.bodies import BODIES
from benchmarks.drawn.light import LIGHT, Draw
from benchmarks.drawn.paper import Sheet
from benchmarks.drawn.ream import BROWN, STOCKS, Form, Ream, Stock
from kernels.raster import Raster

Facts = dict[str, float | int | str]

_FORMS: Final = (
    (Form("A4", 150, 210, 297), 0.26),
    (Form("A4", 200, 210, 297), 0.34),
    (Form("A4", 300, 210, 297), 0.06),
    (Form("A5", 200, 148, 210), 0.10),
    (Form("A5", 300, 148, 210), 0.04),
    (Form("A6", 200, 105, 148), 0.06),
    (Form("A6", 300, 105, 148), 0.05),
    (Form("slip", 200, 210, 99), 0.06),
    (Form("slip", 300, 105, 74), 0.03),
)
_GRAY: Final = 0.2
_GAIN: Final = 1.25
_TRIES: Final = 14


class NothingShown(RuntimeError):
    """A kind of light content that comes out below the floor however much ink it gets."""


@dataclass(frozen=True, slots=True)
class Face:
    """A face and the truth about it.

    Attributes
    ----------
    number, kind
        With the ream's seed, what it is drawn from.
    group
        "light", "clean", "worn", "bleed", "bleed alone", or "hard": blank, but hardly to be proven.
    raster, other
        The face, and the other side of its sheet if it was captured. They hold until the next
        face of the same ream.
    facts
        What was drawn.
    """

    number: int
    kind: str
    group: str
    raster: Raster
    other: Raster | None
    facts: Facts


def light_face(ream: Ream, number: int, kind: str = "") -> Face:
    """Return a face with light content; without a kind, kinds take turns.

    Raises
    ------
    NothingShown
        If the content cannot be brought above the floor.
    """
    rng = np.random.default_rng([ream.seed, 10, number])
    kind = kind or list(LIGHT)[number % len(LIGHT)]
    stock = BROWN[int(rng.integers(0, 3))] if rng.random() < 0.15 else _stock(rng)
    sheet = _sheet(ream, rng, stock)
    around = _circumstances(sheet)
    _draw(sheet, kind)
    shown = sheet.shown()
    facts = _facts(sheet, around) | {
        "extent_mm": shown.extent_mm,
        "area_mm2": shown.area_mm2,
        "peak": shown.peak,
        "gain": round(sheet.gain, 2),
        "x_mm": round(sheet.mm(sheet.drops[0][1]), 1),
        "y_mm": round(sheet.mm(sheet.drops[0][2]), 1),
    }
    sheet.finish()
    return Face(number, kind, "light", sheet.raster(), _raster(sheet.back), facts)


def blank_face(ream: Ream, number: int, kind: str = "") -> Face:
    """Return a face that carries nothing; without a kind, kinds take turns."""
    rng = np.random.default_rng([ream.seed, 20, number])
    kind = kind or list(BLANK)[number % len(BLANK)]
    group, draw = BLANK[kind]
    stock = {"brown": BROWN[0], "recycled": BROWN[1 + number % 2]}.get(kind) or _stock(rng)
    sheet = _sheet(ream, rng, stock)
    if rng.random() < 0.3:
        scanned.lamp(sheet)
    draw(sheet)
    facts = _facts(sheet, [])
    return Face(number, kind, group, sheet.raster(), _raster(sheet.back), facts)


def _draw(sheet: Sheet, kind: str) -> None:
    """Draw content; the same again with more ink as long as too little shows."""
    start = sheet.rng.bit_generator.state
    for _ in range(_TRIES):
        sheet.drops.clear()
        sheet.rng.bit_generator.state = start
        LIGHT[kind](sheet)
        if sheet.shown().counts:
            return
        sheet.gain *= _GAIN
    raise NothingShown(f"{kind} shows nothing")


def _stock(rng: np.random.Generator) -> Stock:
    return STOCKS[int(rng.integers(0, len(STOCKS)))]


def _sheet(ream: Ream, rng: np.random.Generator, stock: Stock) -> Sheet:
    form = _FORMS[int(rng.choice(len(_FORMS), p=[share for _, share in _FORMS]))][0]
    if rng.random() < _GRAY:
        form = Form(form.name, form.dpi, form.width_mm, form.height_mm, gray=True)
    sheet = Sheet(ream, rng, form, stock)
    if rng.random() < 0.06:
        sheet.jpeg_quality = int(rng.choice((75, 85, 92)))
    return sheet


def _circumstances(sheet: Sheet) -> list[str]:
    """Put on the paper what a face of a dossier may show besides content."""
    rng, around = sheet.rng, []
    side = rng.random()
    if side < 0.26:
        sheet.turn_over()
    for name, chance, draw in _AROUND:
        if rng.random() < chance:
            draw(sheet)
            around.append(name)
    if side < 0.16 or 0.26 <= side < 0.34:
        body = BODIES[int(rng.integers(0, len(BODIES)))]
        # Paper may be thick: the other side is full, and nothing of it shines through.
        strength = float(rng.uniform(0.03, 0.14)) if rng.random() < 0.8 else 0.0
        blanks.show_through(sheet, body, strength)
        around.append(f"{body} behind at {strength:.2f}" + ("" if sheet.back else ", not captured"))
    elif side < 0.26:
        around.append("empty other side")
    return around


def _raster(sheet: Sheet | None) -> Raster | None:
    return None if sheet is None else sheet.raster()


def _facts(sheet: Sheet, around: list[str]) -> Facts:
    form = sheet.form
    return {
        "form": form.name,
        "dpi": form.dpi,
        "colour": "gray" if form.gray else "colour",
        "paper": sheet.stock.name,
        "noise": sheet.noise,
        "jpeg": sheet.jpeg_quality,
        "around": "; ".join(around),
    }


_AROUND: Final[tuple[tuple[str, float, Draw], ...]] = (
    ("lamp", 0.3, scanned.lamp),
    ("edge shadow", 0.1, scanned.edge_shadow),
    ("punched", 0.2, blanks.punched),
    ("stapled", 0.12, blanks.stapled),
    ("dusty", 0.3, blanks.dusty),
    ("streaked", 0.06, scanned.streaked),
    ("bordered", 0.1, scanned.bordered),
)


def _all(*draws: Draw) -> Draw:
    def drawn(sheet: Sheet) -> None:
        for draw in draws:
            draw(sheet)

    return drawn


def _behind(body: str, strongest: float) -> Draw:
    def draw(sheet: Sheet) -> None:
        blanks.show_through(sheet, body, float(sheet.rng.uniform(0.03, strongest)))

    return draw


BLANK: Final[dict[str, tuple[str, Draw]]] = {
    "clean": ("clean", _all()),
    "clean, both sides": ("clean", Sheet.turn_over),
    "brown": ("worn", _all()),
    "recycled": ("worn", _all()),
    "punched": ("worn", blanks.punched),
    "dusty": ("worn", blanks.dusty),
    "bordered": ("worn", scanned.bordered),
    "streaked": ("worn", scanned.streaked),
    "edge shadow": ("worn", scanned.edge_shadow),
    "punched, stapled, dusty, both sides": (
        "worn",
        _all(Sheet.turn_over, blanks.punched, blanks.stapled, blanks.dusty),
    ),
    "bordered, both sides": ("worn", _all(Sheet.turn_over, scanned.bordered)),
    **{f"{body} behind": ("bleed", _all(Sheet.turn_over, _behind(body, 0.14))) for body in BODIES},
    "text behind, punched and dusty": (
        "bleed",
        _all(Sheet.turn_over, blanks.punched, blanks.dusty, _behind("text", 0.14)),
    ),
    "text behind, bordered": (
        "bleed",
        _all(Sheet.turn_over, scanned.bordered, _behind("text", 0.14)),
    ),
    **{f"{body} behind, not captured": ("bleed alone", _behind(body, 0.10)) for body in BODIES},
    "stapled, one side": ("hard", blanks.stapled),
    "creased": ("hard", blanks.creased),
    "coffee": ("hard", blanks.coffee),
    "staple holes": ("hard", blanks.staple_holes),
}
