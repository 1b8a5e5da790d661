"""What a scanner is asked to scan: one value for a whole connection."""

from dataclasses import dataclass

from daemon.feeder.fi.window import A4_UNITS, Mode

__all__ = ["Mode", "Settings"]


@dataclass(frozen=True, slots=True)
class Settings:
    """What is scanned of each sheet.

    Attributes
    ----------
    dpi
        Samples per inch, both ways.
    mode
        Line-art, gray or colour.
    duplex
        Both sides; else the front alone.
    paper_units
        Width of the paper and its longest length, in 1/1200 inch.
    any_length
        Mixed or long paper: the scanner finds where each sheet ends, and a sheet of another length
        is no double feed.
    overscan
        See beyond the edges of the paper, as far as the scanner can.
    """

    dpi: int = 300
    mode: Mode = Mode.COLOUR
    duplex: bool = True
    paper_units: tuple[int, int] = A4_UNITS
    any_length: bool = False
    overscan: bool = False

    def __post_init__(self) -> None:
        if self.dpi < 1 or min(self.paper_units) < 1:
            raise ValueError(f"nothing to scan: {self.paper_units} at {self.dpi} dpi")
