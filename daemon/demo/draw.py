"""A sheet of white paper to draw on: everything in millimetres, everything at 300 dpi.

The canvas holds ink only. What paper, lamp and feeder do to it is the look's business.
"""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

DPI: Final = 300
A4_MM: Final = (210.0, 297.0)
PX_PER_MM: Final = DPI / 25.4

Colour = tuple[int, int, int]
BLACK: Final[Colour] = (44, 40, 38)
GRAY: Final[Colour] = (120, 118, 116)
PENCIL: Final[Colour] = (168, 166, 165)
BLUE: Final[Colour] = (132, 56, 36)
RED: Final[Colour] = (52, 44, 200)
FRAME: Final[Colour] = (70, 66, 64)

_EM_PER_SIZE: Final = 1.06  # advance of a Han character / the font's size, measured
_ASCII_EM: Final = 0.55


def px(mm: float) -> int:
    """Return millimetres as pixels of the canvas."""
    return round(mm * PX_PER_MM)


def advance_em(text: str) -> float:
    """Return the width of a text in em, near enough to break lines by."""
    return sum(
        _ASCII_EM if ord(letter) < 0x2E80 and letter not in "—…“”‘’" else 1 for letter in text
    )


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle on the paper."""

    left_mm: float
    top_mm: float
    width_mm: float
    height_mm: float


class Canvas:
    """White paper and the ink on it.

    Parameters
    ----------
    size_mm
        Width and height.
    """

    def __init__(self, size_mm: tuple[float, float] = A4_MM) -> None:
        self.size_mm = size_mm
        self.ink: NDArray[np.uint8] = np.full((px(size_mm[1]), px(size_mm[0]), 3), 255, np.uint8)
        self._font = cv2.FontFace("uni")

    def text(
        self,
        text: str,
        at_mm: tuple[float, float],
        em_mm: float,
        colour: Colour = BLACK,
        weight: int = 400,
    ) -> None:
        """Write one line; `at_mm` is the left end of its base line."""
        size = round(em_mm * PX_PER_MM / _EM_PER_SIZE)
        org = (px(at_mm[0]), px(at_mm[1]))
        cv2.putText(self.ink, text, org, colour, self._font, size, weight)

    def centred(
        self,
        text: str,
        at_mm: tuple[float, float],
        em_mm: float,
        colour: Colour = BLACK,
        weight: int = 400,
    ) -> None:
        """Write one line with its middle at `at_mm`."""
        left_mm = at_mm[0] - advance_em(text) * em_mm / 2
        self.text(text, (left_mm, at_mm[1]), em_mm, colour, weight)

    def paragraph(
        self, text: str, box: Box, em_mm: float, leading_mm: float, indent_em: float = 2
    ) -> float:
        """Write a paragraph from the top of `box`; return where the next base line would be.

        What does not fit into the height of the box is not written.
        """
        base_mm = box.top_mm + em_mm
        for number, line in enumerate(broken(text, box.width_mm / em_mm, indent_em)):
            if base_mm > box.top_mm + box.height_mm:
                break
            indent_mm = 0.0 if number else indent_em * em_mm
            self.text(line, (box.left_mm + indent_mm, base_mm), em_mm)
            base_mm += leading_mm
        return base_mm - em_mm

    def rule(
        self,
        from_mm: tuple[float, float],
        to_mm: tuple[float, float],
        width_mm: float = 0.2,
        colour: Colour = FRAME,
    ) -> None:
        """Draw a straight line."""
        a, b = (px(from_mm[0]), px(from_mm[1])), (px(to_mm[0]), px(to_mm[1]))
        cv2.line(self.ink, a, b, colour, max(1, px(width_mm)), cv2.LINE_AA)

    def frame(self, box: Box, width_mm: float = 0.3, colour: Colour = FRAME) -> None:
        """Draw the outline of a box."""
        a = (px(box.left_mm), px(box.top_mm))
        b = (px(box.left_mm + box.width_mm), px(box.top_mm + box.height_mm))
        cv2.rectangle(self.ink, a, b, colour, max(1, px(width_mm)))

    def fill(self, box: Box, colour: Colour) -> None:
        """Fill a box."""
        a = (px(box.left_mm), px(box.top_mm))
        b = (px(box.left_mm + box.width_mm), px(box.top_mm + box.height_mm))
        cv2.rectangle(self.ink, a, b, colour, cv2.FILLED)

    def press(self, stamp: NDArray[np.uint8], at_mm: tuple[float, float]) -> None:
        """Lay a small BGR picture over the ink as a stamp does: the darker sample wins.

        What reaches beyond the paper is cut off.
        """
        top, left = max(0, px(at_mm[1])), max(0, px(at_mm[0]))
        under = self.ink[top : top + stamp.shape[0], left : left + stamp.shape[1]]
        under[:] = cv2.min(under, stamp[: under.shape[0], : under.shape[1]])

    def paste(self, picture: NDArray[np.uint8], at_mm: tuple[float, float]) -> None:
        """Glue a BGR picture onto the paper."""
        top, left = px(at_mm[1]), px(at_mm[0])
        under = self.ink[top : top + picture.shape[0], left : left + picture.shape[1]]
        under[:] = picture[: under.shape[0], : under.shape[1]]


def broken(text: str, line_em: float, indent_em: float = 0) -> list[str]:
    """Break a text into lines; a closing mark never starts one."""
    lines: list[str] = []
    line, room = "", line_em - indent_em
    for letter in text:
        width = advance_em(letter)
        if width > room and letter not in "，。、；：》）)」":
            lines.append(line)
            line, room = "", line_em
        line += letter
        room -= width
    return [*lines, line] if line else lines
