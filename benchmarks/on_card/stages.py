"""The stages of a page on the card: what asks for each, what it moves at least, what its goal is.

The floor of a stage is what it must read and write at least, once, at the speed of a copy on the
card; `stage_times` takes its time.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from benchmarks.on_card.hands import FILL, QUALITY
from benchmarks.on_card.pages import Page
from benchmarks.on_card.table import goal
from kernels.blank.ink import factor_of
from kernels.cuda import first_pass, g4, ink_map, jpeg, rotate, skew
from kernels.cuda.slot import OnCard, Slot
from kernels.cuda.turns import Turns
from kernels.gpu import Card
from kernels.raster import Box

_SKEW_GOAL_US: Final = 60.0
_ROTATE_GOAL: Final = 2.0


class Bench:
    """A page on the card, with all that a later stage needs of the earlier ones.

    Parameters
    ----------
    slot
        Of this page alone.
    page
        In colour.
    """

    def __init__(self, slot: Slot, page: Page) -> None:
        self.raster, self.slot = page.raster, slot
        with slot.turn():
            self.page = slot.lay(page.raster)
            read = first_pass.enqueue(self.page, slot)
            found = skew.download(skew.enqueue(read, self.raster.dpi, slot), slot)
        self.strip_px = read.strip_px
        self.turn_microdeg = -found().angle_microdeg
        self.gray = OnCard(read.luma, self.raster.dpi, slot)
        with slot.turn():
            self.turned = self.rotated()
            self.black = g4.bilevel(self.gray, slot)
        self.jpeg_bytes = len(jpeg.encode(self.turned, QUALITY, "420", slot))

    @property
    def whole(self) -> Box:
        """All of the page."""
        return Box(0, 0, self.raster.width_px, self.raster.height_px)

    def rotated(self) -> OnCard:
        """Ask for the page, turned by its skew."""
        return rotate.rotate(self.raster, self.turn_microdeg, FILL, self.slot)

    @property
    def samples(self) -> int:
        """Pixels of the page."""
        return self.raster.width_px * self.raster.height_px

    @property
    def strips_bytes(self) -> int:
        """Of the skew's input."""
        height, width, strip = self.raster.height_px, self.raster.width_px, self.strip_px
        return 2 * ((width // strip) * height + (height // strip) * width)


def benches(card: Card, pages: Sequence[Page]) -> list[Bench]:
    """Lay pages on the card, each in a slot of its own; they share what a turn needs."""
    turns = Turns(card)
    return [Bench(Slot(card, turns), page) for page in pages]


Ready = Callable[[], None]
"""Called by a stage where its own work begins."""


@dataclass(frozen=True, slots=True)
class Stage:
    """A stage: what asks for it, the least bytes it reads and writes, and its goal.

    Attributes
    ----------
    ask
        Takes a turn, does what has to be there before, calls that it is ready, and asks for it.
    within
        From microseconds and floor to a goal and whether it was met; None where there is none.
    """

    name: str
    ask: Callable[[Bench, Ready], None]
    least_bytes: Callable[[Bench], int]
    within: Callable[[float, float], str] | None = None


def _ink(bench: Bench) -> int:
    factor = factor_of(bench.raster)
    return 3 * bench.samples + 3 * bench.samples // factor**2


def _in_turn(work: Callable[[Bench], object]) -> Callable[[Bench, Ready], None]:
    """Return what asks for work that needs nothing else of the same turn."""

    def ask(bench: Bench, ready: Ready) -> None:
        with bench.slot.turn():
            ready()
            work(bench)

    return ask


def _ask_skew(bench: Bench, ready: Ready) -> None:
    with bench.slot.turn():
        read = first_pass.enqueue(bench.page, bench.slot)
        ready()
        skew.enqueue(read, bench.raster.dpi, bench.slot)


def _ask_ink_map(bench: Bench, ready: Ready) -> None:
    ready()
    ink_map.ink_map(bench.raster, bench.slot)  # takes its turn itself


STAGES: Final = (
    Stage(
        "first pass",
        _in_turn(lambda bench: first_pass.enqueue(bench.page, bench.slot)),
        lambda bench: 4 * bench.samples + bench.samples // 4 + bench.strips_bytes,
    ),
    Stage(
        "skew",
        _ask_skew,
        lambda bench: bench.strips_bytes,
        lambda us, _: goal(f"<= {_SKEW_GOAL_US:.0f} us", met=us <= _SKEW_GOAL_US),
    ),
    Stage("ink map", _ask_ink_map, _ink),
    Stage(
        "rotate",
        _in_turn(lambda bench: bench.rotated()),
        lambda bench: 6 * bench.samples,
        lambda us, floor: goal(
            f"<= {_ROTATE_GOAL:.0f} x its floor", met=us <= _ROTATE_GOAL * floor
        ),
    ),
    Stage(
        "crop",
        _in_turn(lambda bench: rotate.crop(bench.raster, bench.whole, bench.slot)),
        lambda bench: 6 * bench.samples,
    ),
    Stage(
        "jpeg 420",
        _in_turn(lambda bench: jpeg.enqueue(bench.turned, QUALITY, "420", bench.slot)),
        lambda bench: 3 * bench.samples + bench.jpeg_bytes,
    ),
    Stage(
        "jpeg 444",
        _in_turn(lambda bench: jpeg.enqueue(bench.turned, QUALITY, "444", bench.slot)),
        lambda bench: 3 * bench.samples + bench.jpeg_bytes,
    ),
    Stage(
        "jpeg gray",
        _in_turn(lambda bench: jpeg.enqueue(bench.gray, QUALITY, "420", bench.slot)),
        lambda bench: bench.samples + bench.jpeg_bytes,
    ),
    Stage(
        "bilevel",
        _in_turn(lambda bench: g4.bilevel(bench.gray, bench.slot)),
        lambda bench: 2 * bench.samples,
    ),
    Stage(
        "g4",
        _in_turn(lambda bench: g4.enqueue(bench.black, bench.slot)),
        lambda bench: bench.samples,
    ),
)
