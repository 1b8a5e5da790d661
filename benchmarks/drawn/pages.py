"""Freshly drawn pages whose angle is known: any number, each from (seed, number) alone.

    page = Press(seed=7).page(41)

A fifth is exactly straight. Most angles lie within 3 degrees, some reach 8. A tenth of the others
was printed or copied askew on its sheet: then the content's angle is the truth; the sheet's is as
true only where next to nothing is printed.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.drawn import layouts, written
from benchmarks.drawn.canvas import Place, Sheet
from benchmarks.drawn.look import Run, scanned
from benchmarks.drawn.setting import Setting
from benchmarks.drawn.typefaces import Typeface, typefaces
from daemon.demo.pages import Story

Layout = Callable[[Sheet, Setting], None]
_KINDS: Final[tuple[tuple[Layout, int], ...]] = (
    (layouts.text, 14),
    (layouts.columns, 4),
    (layouts.vertical, 6),
    (layouts.table, 8),
    (layouts.ledger, 4),
    (layouts.form, 6),
    (layouts.title_only, 3),
    (layouts.few_lines, 4),
    (layouts.letterhead, 4),
    (layouts.receipt, 6),
    (layouts.invoice, 4),
    (layouts.barcode_sheet, 2),
    (layouts.newspaper, 2),
    (layouts.envelope, 2),
    (layouts.chart, 2),
    (written.handwritten, 5),
    (written.handwritten_ruled, 3),
    (written.signed, 3),
    (written.last_page, 5),
    (written.sealed, 2),
    (written.photographs, 4),
    (written.card_copy, 4),
    (written.glued, 4),
    (written.sketch, 2),
    (written.annotated, 4),
    (written.filled_form, 4),
)
KINDS: Final = tuple(layout.__name__ for layout, _ in _KINDS)
_SHARES: Final = np.array([weight for _, weight in _KINDS]) / sum(weight for _, weight in _KINDS)
_SIZES_MM: Final[tuple[tuple[Place, float], ...]] = (
    ((210.0, 297.0), 0.62),
    ((297.0, 210.0), 0.05),
    ((148.0, 210.0), 0.09),
    ((105.0, 148.0), 0.06),
    ((297.0, 420.0), 0.04),
    ((185.0, 260.0), 0.04),
    ((80.0, 180.0), 0.06),
    ((210.0, 99.0), 0.04),
)
_SLIPS_MM: Final[tuple[Place, ...]] = ((80.0, 180.0), (76.0, 130.0), (105.0, 148.0), (210.0, 99.0))
_SLIP_KINDS: Final = frozenset({"receipt", "invoice", "envelope"})
_LAID_BY_HAND: Final = frozenset({"handwritten", "sealed", "sketch", "glued"})
"""What only the sheet itself says the angle of: nothing on it was printed or copied."""
_LITTLE_PRINTED: Final = frozenset(
    {"title_only", "few_lines", "envelope", "signed", "barcode_sheet", "photographs", "card_copy"}
)
"""Here the sheet set straight is as good as its print set straight."""
_LARGEST_PX: Final = 36_000_000


@dataclass(frozen=True, slots=True)
class Page:
    """A drawn page and the truth about it.

    Attributes
    ----------
    kind
        One of KINDS.
    pixels
        uint8 (H, W) gray or (H, W, 3) BGR.
    angle_deg
        Content turned, counter-clockwise positive.
    others_deg
        Angles of what lies on it in another way, and may be set straight as well.
    """

    kind: str
    pixels: NDArray[np.uint8]
    dpi: int
    angle_deg: float
    others_deg: tuple[float, ...]
    size_mm: Place
    face: str
    run: Run

    @property
    def is_straight(self) -> bool:
        """Whether nothing on it is turned at all."""
        return self.angle_deg == 0 and not any(self.others_deg) and not self.run.print_deg

    def error_deg(self, angle_deg: float) -> float:
        """Return how wrong an angle is, against the nearest of the true ones."""
        return min((angle_deg - true for true in (self.angle_deg, *self.others_deg)), key=abs)


class Press:
    """Draws pages; holds what all of them share.

    Parameters
    ----------
    installed
        Whether to use the typefaces installed on this machine.
    dpis
        The resolutions to draw from; by default as courts have them.
    """

    def __init__(
        self, seed: int, *, installed: bool = True, dpis: tuple[int, ...] | None = None
    ) -> None:
        self._seed = seed
        self._story = Story.load()
        self._faces = typefaces(installed=installed)
        self._dpis = dpis or (150, 150, 200, 200, 200, 240, 300, 300, 300, 300, 300, 300, 400, 600)

    @property
    def faces(self) -> tuple[str, ...]:
        """The names of the typefaces."""
        return tuple(face.name for face in self._faces)

    def page(self, number: int, kind: str | None = None) -> Page:
        """Draw a page, of any kind unless one is named.

        Cost: about a third of a second for A4 at 300 dpi.
        """
        rng = np.random.default_rng((self._seed, number))
        layout = _KINDS[int(rng.choice(len(_KINDS), p=_SHARES))][0]
        if kind is not None:
            layout = _KINDS[KINDS.index(kind)][0]
        size_mm = self._size(layout.__name__, rng)
        dpi = _affordable(self._dpis[int(rng.integers(len(self._dpis)))], size_mm)
        sheet = Sheet(size_mm, dpi, colour=bool(rng.random() < 0.4))
        setting = Setting.drawn(rng, self._story, self._faces_for(layout), sheet)
        layout(sheet, setting)
        run = Run.drawn(rng, size_mm, _angle(rng))
        run = self._special(run, sheet, layout.__name__, rng)
        others = [run.angle_deg + other for other in sheet.others_deg]
        if run.print_deg and layout.__name__ in _LITTLE_PRINTED:
            others.append(run.sheet_deg)
        pixels = scanned(sheet, run, rng)
        return Page(
            layout.__name__,
            pixels,
            dpi,
            run.angle_deg,
            tuple(others),
            size_mm,
            setting.face.name,
            run,
        )

    def _size(self, kind: str, rng: np.random.Generator) -> Place:
        if kind in _SLIP_KINDS and rng.random() < 0.75:
            return _SLIPS_MM[int(rng.integers(len(_SLIPS_MM)))]
        if kind == "card_copy":
            return (210.0, 297.0)
        shares = [share for _, share in _SIZES_MM]
        return _SIZES_MM[int(rng.choice(len(_SIZES_MM), p=shares))][0]

    def _faces_for(self, layout: Layout) -> tuple[Typeface, ...]:
        if layout is layouts.vertical:
            return tuple(face for face in self._faces if face.has_han)
        return self._faces

    def _special(self, run: Run, sheet: Sheet, kind: str, rng: np.random.Generator) -> Run:
        """Make line art of some gray pages, and print some askew on their sheet."""
        if not sheet.is_colour and rng.random() < 0.15:
            run = replace(run, bilevel=int(rng.integers(110, 170)), jpeg_quality=None)
        if run.angle_deg and kind not in _LAID_BY_HAND and rng.random() < 0.1:
            run = replace(run, print_deg=float(rng.normal(0, 0.5)))
        return run


def _angle(rng: np.random.Generator) -> float:
    way = rng.random()
    if way < 0.2:
        return 0.0
    if way < 0.85:
        return float(rng.uniform(-3, 3))
    return float(rng.uniform(-8, 8))


def _affordable(dpi: int, size_mm: Place) -> int:
    """Return the dpi, lowered where the page would be too large to draw in a second."""
    while size_mm[0] * size_mm[1] * (dpi / 25.4) ** 2 > _LARGEST_PX:
        dpi -= 100
    return dpi
