"""The drawn stack: the paper of the emulated scanner, composed from a seed, drawn when it is fed.

A sheet of content carries its number as a mark on every face that is not blank, and a caption that
says what it is: drawn. The same seed gives the same bytes, sheet by sheet, in any order.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from daemon.demo import mark
from daemon.demo.case import BLANK, CASE, GROWING, SPARE, Leaf, Material
from daemon.demo.draw import GRAY, Canvas
from daemon.demo.look import Look, Run, Window, samples
from daemon.demo.pages import FACES, Story
from daemon.page import Side

SEPARATOR: Final = "separator"
MOST_SHEETS: Final = 9000
_MARK_MM: Final = (89.0, 284.0)
_CAPTION_MM: Final = (105.0, 281.5)
_STEEPEST_DEG: Final = 5.9
_A4_UNITS: Final = 14032


@dataclass(frozen=True, slots=True)
class SeparatorWish:
    """Which separator the stack wants at a place: `C` for the case, `M` for a material."""

    number: int
    kind: str
    case_number: str
    stage: str = ""
    material: str = ""
    party: str = "000"
    instance: int = 0


SeparatorDrawer = Callable[[SeparatorWish], NDArray[np.uint8]]
"""Draws a separator: BGR at 300 dpi, A4; the same on both faces."""


@dataclass(frozen=True, slots=True)
class SheetTruth:
    """What a sheet of the stack really is.

    Attributes
    ----------
    number
        The sheet's place in the stack, from 1; its mark says the same.
    kind, back
        Names of the faces as in `pages.FACES`; `back` is "" when blank. A separator is
        "separator" on both.
    angle_deg
        Content of the front turned, counter-clockwise positive; the back has the negative.
    shine
        How strongly each face shines through on the other.
    """

    number: int
    kind: str
    back: str
    angle_deg: float
    is_separator: bool
    stage: str
    material: str
    party: str
    shine: float

    @property
    def back_is_blank(self) -> bool:
        """True when nothing was drawn on the back."""
        return self.back == BLANK


@dataclass(frozen=True, slots=True)
class _Sheet:
    """A place in the stack: a leaf, or the separator of a material or (without one) of the case."""

    material: Material | None
    leaf: Leaf | None


@dataclass(frozen=True, slots=True)
class _Drawn:
    """The inks of the sheet in hand: a scanner asks for its front and then for its back."""

    index: int
    front: NDArray[np.uint8]
    back: NDArray[np.uint8] | None


class Stack:
    """A stack of drawn court paper; the emulator's paper.

    Parameters
    ----------
    separator
        Draws the separator sheets.
    sheets
        How many sheets; the case as it is when None. Fewer take the beginning of the case, more
        add evidence.
    seed
        Decides every skew, blot and word.
    """

    def __init__(
        self, separator: SeparatorDrawer, *, sheets: int | None = None, seed: int = 1
    ) -> None:
        if sheets is not None and not 1 <= sheets <= MOST_SHEETS:
            raise ValueError(f"a stack has 1 to {MOST_SHEETS} sheets, not {sheets}")
        self._separator = separator
        self._seed = seed
        self._story = Story.load()
        self._look = Look(seed)
        self._sheets = _composed(sheets)
        self._drawn: _Drawn | None = None

    def __len__(self) -> int:
        """Return how many sheets the stack has."""
        return len(self._sheets)

    def face(self, sheet_index: int, side: str, window: Window) -> bytes:
        """Return what a scanner sees of one face: positive gray or RGB samples.

        Parameters
        ----------
        sheet_index
            From 0.
        side
            "F" or "B".
        """
        drawn = self._inks(sheet_index)
        this = Side(side)
        ink, other = drawn.front, drawn.back
        if this is Side.BACK:
            bare = np.full_like(drawn.front, 255)
            ink, other = (bare if drawn.back is None else drawn.back), drawn.front
        rng = self._rng(sheet_index, 2 + (this is Side.BACK))
        seen = self._look.scan((ink, other), this, self._run(sheet_index), window, rng)
        return samples(seen, window)

    def length_units(self, _sheet_index: int) -> int:
        """Return how long a sheet is, in 1/1200 inch: all are A4."""
        return _A4_UNITS

    def truth(self, sheet_index: int) -> SheetTruth:
        """Return what the sheet at `sheet_index` really is."""
        sheet, run = self._sheets[sheet_index], self._run(sheet_index)
        leaf, material = sheet.leaf, sheet.material
        return SheetTruth(
            number=sheet_index + 1,
            kind=leaf.front if leaf else SEPARATOR,
            back=leaf.back if leaf else SEPARATOR,
            angle_deg=run.angle_deg,
            is_separator=leaf is None,
            stage=material.stage if material else "",
            material=material.code if material else "",
            party=material.party if material else "",
            shine=run.shine,
        )

    def _rng(self, index: int, purpose: int) -> np.random.Generator:
        return np.random.default_rng((self._seed, index, purpose))

    def _run(self, index: int) -> Run:
        """Decide how a sheet goes through the scanner: most nearly straight, some badly askew."""
        rng = self._rng(index, 0)
        askew = rng.random() < 0.4
        angle = rng.uniform(-_STEEPEST_DEG, _STEEPEST_DEG) if askew else rng.normal(0, 0.7)
        leaf = self._sheets[index].leaf
        return Run(
            angle_deg=float(np.clip(angle, -_STEEPEST_DEG, _STEEPEST_DEG)),
            shift_mm=(float(rng.uniform(-1.5, 1.5)), float(rng.uniform(0, 1.5))),
            paper=leaf.paper if leaf else "white",
            shine=float(rng.choice((0.0, 0.0, rng.uniform(0.03, 0.12)))),
            holes=leaf.holes if leaf else False,
            dust=int(rng.integers(0, 9)),
            # the front glass is dirty for a while, until somebody wipes it
            streak_mm=71.3 if 20 <= index % 60 < 25 else None,
        )

    def _inks(self, index: int) -> _Drawn:
        drawn = self._drawn
        if drawn is None or drawn.index != index:
            drawn = self._drawn = self._draw(index)
        return drawn

    def _draw(self, index: int) -> _Drawn:
        sheet = self._sheets[index]
        if sheet.leaf is None:
            picture = self._separator(self._wish(index))
            return _Drawn(index, picture, picture)
        front = self._page(index, sheet.leaf.front, Side.FRONT)
        back = None
        if sheet.leaf.back != BLANK:
            back = self._page(index, sheet.leaf.back, Side.BACK)
        return _Drawn(index, front, back)

    def _page(self, index: int, name: str, side: Side) -> NDArray[np.uint8]:
        canvas = Canvas()
        FACES[name](canvas, self._story, self._rng(index, 4 + (side is Side.BACK)))
        mark.draw(canvas, mark.Mark(index + 1, side), _MARK_MM)
        face = "正面" if side is Side.FRONT else "背面"
        canvas.centred(f"随案演示 · 第 {index + 1} 张{face} · 非真实材料", _CAPTION_MM, 2.9, GRAY)
        return canvas.ink

    def _wish(self, index: int) -> SeparatorWish:
        material = self._sheets[index].material
        case_number = self._story.facts["case_number"]
        if material is None:
            return SeparatorWish(index + 1, "C", case_number)
        return SeparatorWish(
            index + 1, "M", case_number, material.stage, material.code, material.party, 1
        )


def _composed(sheets: int | None) -> tuple[_Sheet, ...]:
    """Lay separators and leaves in order; cut the case short or let its evidence grow."""
    base = 1 + sum(1 + len(material.leaves) for material in CASE)
    extra = max(0, (sheets or base) - base)
    whole = tuple(_laid(extra))
    return whole if sheets is None else whole[:sheets]


def _laid(extra: int) -> Iterator[_Sheet]:
    yield _Sheet(None, None)
    for material in CASE:
        yield _Sheet(material, None)
        for leaf in material.leaves:
            yield _Sheet(material, leaf)
        place = (material.stage, material.code)
        if place in GROWING:
            for number in range(GROWING.index(place), extra, len(GROWING)):
                yield _Sheet(material, SPARE[number % len(SPARE)])
