"""How a drawn page is set: its words, its typeface and its measures, drawn once a page."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from benchmarks.drawn.canvas import Colour, Place, Sheet
from benchmarks.drawn.typefaces import Typeface
from daemon.demo.draw import Box, broken
from daemon.demo.pages import Story

_SYLLABLES: Final = (
    "ka",
    "re",
    "ti",
    "mo",
    "lu",
    "sen",
    "dor",
    "vi",
    "pal",
    "is",
    "ton",
    "qua",
    "ber",
    "est",
)
_PROSE: Final = ("claim", "defence", "contract", "letter")


@dataclass(frozen=True, slots=True)
class Setting:
    """What a layout draws with.

    Attributes
    ----------
    face
        The typeface.
    ink
        Of print.
    em_mm, leading_mm, margin_mm
        Of running text.
    """

    rng: np.random.Generator
    story: Story
    face: Typeface
    ink: Colour
    em_mm: float
    leading_mm: float
    margin_mm: float

    @classmethod
    def drawn(
        cls, rng: np.random.Generator, story: Story, faces: tuple[Typeface, ...], sheet: Sheet
    ) -> "Setting":
        """Draw the measures of a page; small sheets and low dpi get what they can carry."""
        narrow = min(sheet.size_mm)
        em_mm = float(rng.uniform(2.6, 5.8)) * (1 if narrow > 140 else 0.8)
        em_mm = max(em_mm, 10 * 25.4 / sheet.dpi)
        black = int(rng.choice((15, 40, 70, 110)))
        return cls(
            rng,
            story,
            faces[int(rng.integers(len(faces)))],
            (black, black, black),
            em_mm,
            em_mm * float(rng.uniform(1.25, 2.1)),
            float(rng.uniform(0.06, 0.16)) * narrow,
        )

    def body(self, sheet: Sheet) -> Box:
        """Return the type area."""
        width, height = sheet.size_mm
        m = self.margin_mm
        return Box(m, m, width - 2 * m, height - 2 * m)

    def prose(self, letters: int) -> str:
        """Return running text at least so long, in the typeface's language."""
        text = ""
        while len(text) < letters:
            if self.face.has_han and self.rng.random() < 0.93:
                text += "".join(
                    self.story.tell(_PROSE[int(self.rng.integers(len(_PROSE)))], self.rng, 2)
                )
            else:
                text += self._latin()
        return text

    def label(self, letters: int) -> str:
        """Return a few letters without a space at an end."""
        text = self.prose(letters + 12)
        start = int(self.rng.integers(12))
        return text[start : start + letters].strip(" ，。、；：") or "No"

    def amount(self) -> str:
        """Return a sum of money."""
        return f"{int(self.rng.integers(10, 900_000)):,}.{int(self.rng.integers(100)):02d}"

    def paragraphs(self, sheet: Sheet, box: Box, share: float = 1.0) -> float:
        """Fill a share of the box with paragraphs; return the last base line."""
        bottom_mm = box.top_mm + box.height_mm * share
        base_mm = box.top_mm + self.em_mm
        while base_mm <= bottom_mm:
            indent_mm = 2 * self.em_mm
            text = self.prose(int(self.rng.integers(20, 220)))
            for line in broken(text, box.width_mm / self.em_mm, 2):
                if base_mm > bottom_mm:
                    break
                at_mm = (box.left_mm + indent_mm, base_mm)
                self.line(sheet, line, at_mm, room_mm=box.width_mm - indent_mm)
                base_mm += self.leading_mm
                indent_mm = 0.0
        return base_mm - self.leading_mm

    def line(
        self, sheet: Sheet, text: str, at_mm: Place, *, size: float = 1.0, room_mm: float = 1e9
    ) -> None:
        """Write one line, cut to the room there is."""
        em_mm = self.em_mm * size
        while len(text) > 1 and self.face.width_em(text) * em_mm > room_mm + em_mm:
            text = text[:-1]
        sheet.write(text, at_mm, em_mm, self.face, self.ink)

    def title(self, sheet: Sheet, text: str, base_mm: float, size: float = 1.7) -> None:
        """Write a heading in the middle."""
        width_mm = self.face.width_em(text) * self.em_mm * size
        self.line(sheet, text, ((sheet.size_mm[0] - width_mm) / 2, base_mm), size=size)

    def _latin(self) -> str:
        words = []
        for _ in range(int(self.rng.integers(5, 14))):
            count = int(self.rng.integers(1, 4))
            words.append("".join(self.rng.choice(_SYLLABLES, count)))
        return " ".join(words).capitalize() + ". "
