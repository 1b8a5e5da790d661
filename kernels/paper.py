"""The sizes paper comes in, in millimetres: what a sheet can be told by.

Source: ISO 216 (A3 to A6, B5), JIS P 0138 (B5), and the two Chinese 16mo sizes still in old files.
"""

from typing import Final

SIZES_MM: Final[dict[str, tuple[float, float]]] = {
    "A3": (297.0, 420.0),
    "A4": (210.0, 297.0),
    "A5": (148.0, 210.0),
    "A6": (105.0, 148.0),
    "B5": (176.0, 250.0),
    "JIS B5": (182.0, 257.0),
    "16K": (185.0, 260.0),
    "large 16K": (210.0, 285.0),
}
"""Shorter side first."""


def name_of(width_mm: float, height_mm: float, within_mm: float) -> str:
    """Return the nearest size, upright or lying, both sides `within_mm` of it; else ""."""
    short, long = sorted((width_mm, height_mm))
    best, name = within_mm, ""
    for candidate, (a, b) in SIZES_MM.items():
        off = max(abs(short - a), abs(long - b))
        if off <= best:
            best, name = off, candidate
    return name


def may_be_part_of(width_mm: float, height_mm: float, within_mm: float) -> bool:
    """Whether a rectangle looks like a sheet of a known size less a border: then it may be that.

    Borders take up to 30 mm of both sides together, or a band up to 60 mm of one.

    Parameters
    ----------
    within_mm
        A side as near as this to the size is whole.
    """
    short, long = sorted((width_mm, height_mm))
    for a, b in SIZES_MM.values():
        for across, along in ((a, b), (b, a)):
            lacks = across - short, along - long
            if min(lacks) < -within_mm or max(lacks) <= within_mm:
                continue
            if max(lacks) <= 30.0 or (min(lacks) <= within_mm and max(lacks) <= 60.0):
                return True
    return False
