"""What differs between the models that the emulated scanner can be: data, no behaviour.

No byte here was read from a real scanner.
"""

from dataclasses import dataclass
from typing import Final

PRODUCT_ID: Final = 0x132E
UNITS_PER_INCH: Final = 1200
DOT_BY_DOT: Final = 1
BLUE_FIRST: Final = 5
DOT_RGB: Final = (DOT_BY_DOT, 0)
DOT_BGR: Final = (DOT_BY_DOT, BLUE_FIRST)
LINE_RGB: Final = (0, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """One model.

    Attributes
    ----------
    vendor, product
        What the inquiry says; the revision is always "VIRT".
    product_id
        What the bus says.
    basic_dpi
        The inquiry gives its sizes in these.
    max_width, max_length, overscan
        The largest window, and the margins (x, y) by which it can be wider; basic units.
    longest
        (up to this resolution, longest window in 1/1200 inch): more than the inquiry says.
    brightness_steps, threshold_steps, contrast_steps
        0: it has none of its own, and does not look at the byte of the window.
    curve_bytes
        Entries of the tone curve that can be downloaded, 256 or 1024; 0: none.
    mode_pages
        Mode pages it knows.
    locking_pages
        Asking for one of them is the end of the conversation until a reset.
    colour_orders
        (order, argument) of a colour window that it takes.
    sides_in_turn
        The back is there to be read when the host has all of the front.
    has_flatbed
        Only the bit in the inquiry: the glass cannot be chosen.
    can_halt
        OBJECT POSITION halt.
    vital_length
        What byte 4 of the second inquiry says; 0x5F means 0x63 there.
    """

    product: str
    mode_pages: frozenset[int]
    vendor: str = "FUJITSU"
    product_id: int = PRODUCT_ID
    basic_dpi: int = 600
    lowest_dpi: int = 50
    highest_dpi: int = 600
    max_width: int = 5184
    max_length: int = 8760
    overscan: tuple[int, int] = (0, 0)
    longest: tuple[tuple[int, int], ...] = ()
    has_line_art: bool = True
    has_duplex: bool = True
    has_flatbed: bool = False
    brightness_steps: int = 0
    threshold_steps: int = 0
    contrast_steps: int = 0
    curve_bytes: int = 1024
    locking_pages: frozenset[int] = frozenset()
    colour_orders: tuple[tuple[int, int], ...] = (DOT_RGB, DOT_BGR)
    sides_in_turn: bool = False
    can_halt: bool = True
    vital_length: int = 0x7B

    def __post_init__(self) -> None:
        if self.curve_bytes not in (0, 256, 1024):
            raise ValueError(f"no such tone curve: {self.curve_bytes} entries")
        if not self.vital_length >= 0x5F:
            raise ValueError(f"too short a second inquiry: {self.vital_length:#x}")

    @property
    def resolutions_dpi(self) -> range:
        """Every whole one between the lowest and the highest."""
        return range(self.lowest_dpi, self.highest_dpi + 1)

    def widest_units(self, *, overscan: bool) -> int:
        """Return the widest window in 1/1200 inch."""
        return self._units(self.max_width + (2 * self.overscan[0] if overscan else 0))

    def longest_units(self, dpi: int) -> int:
        """Return the longest window at a resolution, in 1/1200 inch."""
        told = self._units(self.max_length)
        return next((units for most, units in self.longest if dpi <= most), told)

    def _units(self, basic: int) -> int:
        return basic * UNITS_PER_INCH // self.basic_dpi


FI_7160: Final = Profile(
    product="fi-7160",
    mode_pages=frozenset((0x33, 0x34, 0x35, 0x37, 0x38, 0x39, 0x3A, 0x3C)),
    overscan=(118, 118),  # 5 mm
    longest=((200, 266_268), (300, 260_268), (400, 194_268)),
    threshold_steps=255,
    locking_pages=frozenset((0x3D,)),
)
"""Document feeder, duplex, no flatbed, 10-bit tone curves, no compression."""

FI_9999: Final = Profile(
    product="fi-9999",
    mode_pages=frozenset((0x2E, 0x2F, 0x33, 0x34, 0x37, 0x38, 0x3A, 0x3D)),
    basic_dpi=1200,
    highest_dpi=1200,
    max_width=10368,
    max_length=17520,
    brightness_steps=255,
    threshold_steps=255,
    contrast_steps=255,
    curve_bytes=0,
    colour_orders=(DOT_BGR,),
    sides_in_turn=True,
    can_halt=False,
    vital_length=0x5F,
)
"""A model that nobody has heard of: what it can do is only in its inquiry."""
