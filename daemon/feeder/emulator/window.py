"""What the emulated scanner looks through: a window on the paper, and how its samples travel."""

from dataclasses import dataclass
from typing import Final, Protocol

from daemon.feeder.emulator.profile import BLUE_FIRST, DOT_BY_DOT, DOT_RGB

FRONT: Final = 0x00
BACK: Final = 0x80
_STRAIGHT: Final = bytes(range(256))
_MIDDLE: Final = 128


@dataclass(frozen=True, slots=True)
class Window:
    """What is seen of one face.

    Attributes
    ----------
    dpi
        Samples per inch in both directions.
    channels
        1 gray, 3 colour.
    """

    width_px: int
    height_px: int
    dpi: int
    channels: int

    @property
    def samples(self) -> int:
        """How many samples the window has."""
        return self.width_px * self.height_px * self.channels


class Paper(Protocol):
    """The paper in the emulated scanner."""

    def __len__(self) -> int:
        """Return how many sheets there are."""
        ...

    def face(self, sheet_index: int, side: str, window: Window) -> bytes:
        """Return the positive samples, gray or RGB, of one face; `side` is "F" or "B"."""
        ...

    def length_units(self, sheet_index: int) -> int:
        """Return how long a sheet is, in 1/1200 inch; asked only with automatic length."""
        ...


@dataclass(frozen=True, slots=True)
class Tone:
    """The scanner's own tone controls, as bytes of the window; 0x80 is neutral.

    No document says what a step does: here brightness adds, and contrast turns about the middle.

    Attributes
    ----------
    threshold
        A darker sample is black; 0 leaves it to the scanner, which here takes the middle.
    """

    brightness: int = _MIDDLE
    threshold: int = 0
    contrast: int = _MIDDLE

    def table(self) -> bytes:
        """Return what becomes of each of the 256 values."""
        return bytes(
            min(255, max(0, (value - _MIDDLE) * self.contrast // _MIDDLE + self.brightness))
            for value in range(256)
        )


@dataclass(frozen=True, slots=True)
class Frame:
    """A window as the host has set it, with the way its samples go over the wire.

    Attributes
    ----------
    line_art
        One bit a pixel; the window is of gray samples, and its width a multiple of 8.
    inverted
        0 is paper white on the wire: always so unless the host asks for the reverse (RIF).
    order
        Of a colour window: how the three channels lie.
    downloaded
        The tone curve is the downloaded LUT.
    """

    window: Window
    line_art: bool
    tone: Tone
    inverted: bool
    order: tuple[int, int]
    downloaded: bool

    @property
    def line_bytes(self) -> int:
        """Length of a line on the wire."""
        if self.line_art:
            return self.window.width_px // 8
        return self.window.width_px * self.window.channels

    @property
    def size_bytes(self) -> int:
        """Length of the side on the wire."""
        return self.line_bytes * self.window.height_px

    def wire(self, samples: bytes, curve: bytes | None) -> bytes:
        """Return positive samples as they go over the wire.

        The curve is applied to positive samples; no document says on which side of the inversion
        the device applies it, and the straight curve that hosts send is the same on both.

        Parameters
        ----------
        curve
            256 entries; None is straight.
        """
        if len(samples) != self.window.samples:
            raise ValueError(f"the paper gave {len(samples)} samples for {self.window}")
        table = self.tone.table().translate(curve if curve and self.downloaded else _STRAIGHT)
        if self.line_art:
            return self._bits(samples, table)
        if self.inverted:
            table = bytes(255 - value for value in table)
        sent = samples.translate(table)
        is_as_it_is = self.window.channels == 1 or self.order == DOT_RGB
        return sent if is_as_it_is else self._ordered(sent)

    def _bits(self, samples: bytes, table: bytes) -> bytes:
        """Pack eight pixels a byte, the first in the highest bit; 1 is black unless reversed."""
        threshold = self.tone.threshold or _MIDDLE
        digits = bytes(b"01"[(value < threshold) == self.inverted] for value in table)
        # the width is a multiple of 8, so that all lines together are one number of whole bytes
        return int(samples.translate(digits), 2).to_bytes(self.size_bytes)

    def _ordered(self, sent: bytes) -> bytes:
        planes = [sent[channel::3] for channel in range(3)]
        how, first = self.order
        if first == BLUE_FIRST:
            planes.reverse()
        if how == DOT_BY_DOT:
            dots = bytearray(len(sent))
            for channel, plane in enumerate(planes):
                dots[channel::3] = plane
            return bytes(dots)
        width = self.window.width_px
        return b"".join(
            plane[start : start + width]
            for start in range(0, len(planes[0]), width)
            for plane in planes
        )
