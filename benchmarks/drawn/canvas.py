"""A sheet of white paper of any size to draw ink on: everything in millimetres, at any dpi.

The sheet holds ink only, drawn straight. What paper, feeder and lamp do to it is `look`'s business.
"""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.drawn.typefaces import Ink, Typeface
from daemon.demo.draw import DPI as DEMO_DPI
from daemon.demo.draw import Box

Colour = tuple[int, int, int]
Place = tuple[float, float]


class Sheet:
    """White paper and the ink on it.

    Parameters
    ----------
    size_mm
        Width and height.
    colour
        BGR if true, else gray.

    Attributes
    ----------
    others_deg
        Angles of what was laid askew on it, counter-clockwise positive.
    """

    def __init__(self, size_mm: Place, dpi: int, *, colour: bool) -> None:
        self.size_mm = size_mm
        self.dpi = dpi
        shape = (self.px(size_mm[1]), self.px(size_mm[0]))
        self.ink: NDArray[np.uint8] = np.full((*shape, 3) if colour else shape, 255, np.uint8)
        self.others_deg: list[float] = []

    @property
    def is_colour(self) -> bool:
        """Whether it is BGR."""
        return self.ink.ndim == 3

    def px(self, mm: float) -> int:
        """Return millimetres as pixels."""
        return round(mm * self.dpi / 25.4)

    def tone(self, colour: Colour) -> Ink:
        """Return a BGR colour, or its luma on a gray sheet."""
        if self.is_colour:
            return colour
        return round(0.114 * colour[0] + 0.587 * colour[1] + 0.299 * colour[2])

    def write(self, text: str, at_mm: Place, em_mm: float, face: Typeface, colour: Colour) -> None:
        """Write one line; `at_mm` is the left end of its base line."""
        at = (self.px(at_mm[0]), self.px(at_mm[1]))
        face.write(self.ink, text, at, em_mm * self.dpi / 25.4, self.tone(colour))

    def rule(self, from_mm: Place, to_mm: Place, width_mm: float, colour: Colour) -> None:
        """Draw a straight line."""
        a, b = ((self.px(x), self.px(y)) for x, y in (from_mm, to_mm))
        cv2.line(self.ink, a, b, self.tone(colour), max(1, self.px(width_mm)), cv2.LINE_AA)

    def frame(self, box: Box, width_mm: float, colour: Colour) -> None:
        """Draw the outline of a box."""
        ends = self._corners(box)
        cv2.rectangle(self.ink, *ends, self.tone(colour), max(1, self.px(width_mm)))

    def fill(self, box: Box, colour: Colour) -> None:
        """Fill a box."""
        cv2.rectangle(self.ink, *self._corners(box), self.tone(colour), cv2.FILLED)

    def curve(self, points_mm: Sequence[Place], width_mm: float, colour: Colour) -> None:
        """Draw through points."""
        points = np.array([(self.px(x), self.px(y)) for x, y in points_mm], np.int32)
        thick = max(1, self.px(width_mm))
        cv2.polylines(self.ink, [points], False, self.tone(colour), thick, cv2.LINE_AA)

    def press(self, picture: NDArray[np.uint8], at_mm: Place, *, dpi: int = DEMO_DPI) -> None:
        """Lay a BGR picture over the ink as a stamp does: the darker sample wins."""
        under, over = self._under(self.resampled(picture, dpi), at_mm)
        if under.size:
            under[:] = cv2.min(under, over)

    def paste(self, picture: NDArray[np.uint8], at_mm: Place, *, dpi: int = DEMO_DPI) -> None:
        """Glue a BGR picture onto the sheet."""
        under, over = self._under(self.resampled(picture, dpi), at_mm)
        under[:] = over

    def paste_askew(
        self, picture: NDArray[np.uint8], at_mm: Place, angle_deg: float, *, dpi: int = DEMO_DPI
    ) -> None:
        """Glue a BGR picture onto the sheet, turned counter-clockwise about its middle."""
        flat = self.resampled(picture, dpi)
        height, width = flat.shape[:2]
        reach = round(abs(np.sin(np.radians(angle_deg))) * max(height, width)) + 2
        size = (width + 2 * reach, height + 2 * reach)
        turn = np.array(cv2.getRotationMatrix2D((width / 2, height / 2), angle_deg, 1.0))
        turn[:, 2] += reach
        mask = cv2.warpAffine(np.full((height, width), 255, np.uint8), turn, size)
        turned = cv2.warpAffine(flat, turn, size, flags=cv2.INTER_CUBIC, borderValue=(255.0,) * 3)
        shift_mm = reach * 25.4 / self.dpi
        under, over = self._under(
            np.asarray(turned, np.uint8), (at_mm[0] - shift_mm, at_mm[1] - shift_mm)
        )
        inside = mask[: under.shape[0], : under.shape[1]] > 127
        under[inside] = over[inside]
        self.others_deg.append(angle_deg)

    def resampled(self, picture: NDArray[np.uint8], dpi: float) -> NDArray[np.uint8]:
        """Return a BGR picture of another dpi as this sheet's, gray or BGR."""
        flat = picture if self.is_colour else cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
        scale = self.dpi / dpi
        how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
        size = (max(1, round(flat.shape[1] * scale)), max(1, round(flat.shape[0] * scale)))
        return np.asarray(cv2.resize(flat, size, interpolation=how), np.uint8)

    def _under(
        self, picture: NDArray[np.uint8], at_mm: Place
    ) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """Return the part of the ink under a picture, and the part of the picture above ink."""
        left, top = max(0, self.px(at_mm[0])), max(0, self.px(at_mm[1]))
        under = self.ink[top : top + picture.shape[0], left : left + picture.shape[1]]
        return under, picture[: under.shape[0], : under.shape[1]]

    def _corners(self, box: Box) -> tuple[tuple[int, int], tuple[int, int]]:
        right_mm, bottom_mm = box.left_mm + box.width_mm, box.top_mm + box.height_mm
        return (
            (self.px(box.left_mm), self.px(box.top_mm)),
            (self.px(right_mm), self.px(bottom_mm)),
        )
