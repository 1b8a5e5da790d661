"""How fast the emulated scanner is: the motor's pace, at which samples come to be."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Speed:
    """The motor's pace.

    Attributes
    ----------
    ppm
        Sheets a minute; the samples of both sides come to be evenly from the feed on.
    """

    ppm: float

    def __post_init__(self) -> None:
        if not self.ppm > 0:
            raise ValueError(f"no such speed: {self}")

    def lines_there(self, lines: int, since_feed_s: float) -> int:
        """Return how many of a side's lines have been scanned so long after the feed."""
        return min(lines, int(lines * max(0.0, since_feed_s) * self.ppm / 60))
