"""Dirt on the glass of the scanner: a streak at one place on face after face.

Rule 1: a line on one page may be drawn on it; the same line on three of the last faces of one side
is on the glass of that side. The two sides have a glass each.
Rule 2: a face with no streak there, or with ink over it, does not wipe the glass: the last eight
count.
"""

from collections import deque
from typing import Final

from daemon.page import Side

SAME_MM: Final = 0.5
"""As far apart two streaks may be and still be one."""
FACES: Final = 8
LEAST: Final = 3


class Glass:
    """The streaks of the last faces of either side; fed in the order of the sheets.

    Parameters
    ----------
    faces
        How many faces back are looked at.
    least
        On how many of them a streak must be.
    """

    def __init__(self, faces: int = FACES, least: int = LEAST) -> None:
        if not 1 <= least <= faces:
            raise ValueError(f"{least} of {faces} faces is never")
        self._least = least
        self._seen: dict[Side, deque[tuple[float, ...]]] = {
            side: deque(maxlen=faces) for side in Side
        }

    def face(self, side: Side, streaks_mm: tuple[float, ...]) -> tuple[float, ...]:
        """Add a face; return those of its streaks that are on the glass.

        Parameters
        ----------
        side
            Of the sheet: each has its own glass.
        streaks_mm
            Columns from the left border of the image as captured; empty for a clean face.
        """
        self._seen[side].append(streaks_mm)
        return tuple(place for place in streaks_mm if len(self._same(side, place)) >= self._least)

    def dirty(self, side: Side) -> tuple[float, ...]:
        """Return where dirt is on the glass of a side now: the middle of each streak's places."""
        found: list[float] = []
        for place in sorted(one for face in self._seen[side] for one in face):
            same = self._same(side, place)
            if len(same) >= self._least:
                middle = sorted(same)[len(same) // 2]
                if not found or middle - found[-1] > SAME_MM:
                    found.append(middle)
        return tuple(found)

    def _same(self, side: Side, place: float) -> list[float]:
        """Return the nearest streak of each face that has one at a place."""
        nearest = [
            min(face, key=lambda other: abs(place - other)) for face in self._seen[side] if face
        ]
        return [other for other in nearest if abs(place - other) <= SAME_MM]
