"""The sheet in the emulated scanner: its sides, and how much of them is there to be read."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Final

from daemon.feeder.emulator.profile import UNITS_PER_INCH
from daemon.feeder.emulator.speed import Speed
from daemon.feeder.emulator.window import BACK, FRONT, Frame, Window

LETTERS: Final = {FRONT: "F", BACK: "B"}


@dataclass(frozen=True, slots=True)
class Motor:
    """What decides when samples are there.

    Attributes
    ----------
    speed
        None: all of a sheet is there as soon as it was fed.
    clock
        Seconds that never go back.
    sides_in_turn
        Nothing of the back is there before the host has all of the front.
    """

    speed: Speed | None
    clock: Callable[[], float]
    sides_in_turn: bool


class Side:
    """One side of the sheet; its samples are kept while it is read.

    Parameters
    ----------
    asked
        The window as the host has set it.
    paper_units
        With automatic length, how long the paper is: the side ends there.
    """

    def __init__(self, asked: Frame, paper_units: int | None) -> None:
        self._asked = asked
        self.frame = asked
        self._finds_its_end = paper_units is not None
        if paper_units is not None:
            window = asked.window
            lines = max(1, paper_units * window.dpi // UNITS_PER_INCH)
            seen = replace(window, height_px=min(window.height_px, lines))
            self.frame = replace(asked, window=seen)
        self.left_bytes = self.frame.size_bytes
        self._samples: memoryview | None = None

    @property
    def read_bytes(self) -> int:
        """How much the host has."""
        return self.frame.size_bytes - self.left_bytes

    @property
    def size(self) -> tuple[Window, bool]:
        """The window as it is known now, and whether it is the paper's own."""
        if self._finds_its_end and not self.left_bytes:
            return self.frame.window, True
        return self._asked.window, False

    def take(self, count: int, samples: Callable[[Window], bytes]) -> memoryview:
        """Return the next bytes, at most `count`; `samples` gives those of the wire at first."""
        if self._samples is None:
            self._samples = memoryview(samples(self.frame.window))
        data = self._samples[self.read_bytes : self.read_bytes + count]
        self.left_bytes -= len(data)
        return data

    def put_back(self, count: int) -> None:
        """Be asked again for the last `count` bytes."""
        self.left_bytes += count

    def forget_when_read(self) -> None:
        """Let the samples go when the host has them all."""
        if not self.left_bytes:
            self._samples = None


@dataclass(slots=True)
class Sheet:
    """The sheet that was fed. Its sides are there from SCAN on, and until the next feed."""

    index: int
    motor: Motor
    fed_at_s: float
    sides: dict[int, Side] = field(default_factory=dict)
    is_delivered: bool = False

    @property
    def left_bytes(self) -> int:
        """What the host has still to read."""
        return sum(side.left_bytes for side in self.sides.values())

    def passes_half(self, asked: int) -> bool:
        """Return whether the next read of so many bytes passes half of the sheet."""
        whole = sum(side.frame.size_bytes for side in self.sides.values())
        return whole - self.left_bytes + asked > whole // 2

    def has_bytes(self, number: int, asked: int) -> bool:
        """Return whether so many bytes more of a side, or all the rest, are there."""
        side = self.sides[number]
        wanted = side.read_bytes + min(asked, side.left_bytes)
        return wanted <= self._bytes_there(number, side.frame)

    def _bytes_there(self, number: int, frame: Frame) -> int:
        if self.motor.sides_in_turn and any(before.left_bytes for before in self._before(number)):
            return 0
        if self.motor.speed is None:
            return frame.size_bytes
        since_feed_s = self.motor.clock() - self.fed_at_s
        lines = self.motor.speed.lines_there(frame.window.height_px, since_feed_s)
        return lines * frame.line_bytes

    def _before(self, number: int) -> Iterator[Side]:
        return (side for other, side in self.sides.items() if other < number)
