"""One sheet from the scanner's memory into ours: its sides, to their end.

Rule 1: a face is what came. A side that ends early is `incomplete` and as long as the lines that
came; nothing is padded. Rule 2: samples keep the order of the wire, except that colours sent by
line are put together by dot. Rule 3: a byte is copied once, from the transfer into its place; its
place is no larger than the window and a little slack, whatever the scanner says. Rule 4: what came
before a fault stays until the next sheet.
"""

import array
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from daemon.errors import ProtocolError
from daemon.feeder import fi
from daemon.feeder.fi import WindowId
from daemon.feeder.fi import status as fi_status
from daemon.feeder.fi.window import PIXELS_PER_BYTE, ColourOrder, Mode, Window
from daemon.feeder.session import Reply, Session, checked
from daemon.page import SampleOrder

log = logging.getLogger(__name__)

BLOCK_BYTES: Final = 256 * 1024
"""Smaller blocks may hang a scanner."""

_SAMPLES: Final = {
    ColourOrder.DOT_RGB: SampleOrder.RGB_INVERTED,
    ColourOrder.DOT_BGR: SampleOrder.BGR_INVERTED,
    ColourOrder.LINE_RGB: SampleOrder.RGB_INVERTED,
}


@dataclass(frozen=True, slots=True)
class Face:
    """One side as it came.

    Attributes
    ----------
    samples
        (lines, pixels), (lines, pixels, 3) or (lines, pixels / 8).
    order
        How the samples are to be read.
    incomplete
        The side ended before the length the scanner had announced.
    captured_at
        Seconds since the Unix epoch, when the last line arrived.
    """

    samples: NDArray[np.uint8]
    order: SampleOrder
    incomplete: bool
    captured_at: float


class Sheet:
    """The sides of one sheet, while they come and when they do no longer.

    Parameters
    ----------
    window
        What is scanned of each side.
    order
        Of the colours, as the scanner took it.
    in_turn
        The scanner gives all of the front before the back; else they come in turns.
    """

    def __init__(self, window: Window, order: ColourOrder, *, in_turn: bool = False) -> None:
        self.window = window
        self.in_turn = in_turn
        self._order = order
        self._sides: list[_Side] = []

    def announced(self, side: WindowId, answer: bytes) -> None:
        """Make room for a side, from what the scanner says of its size.

        Raises
        ------
        ProtocolError
            If the size is not that of the window.
        """
        window = self.window
        width, height = fi_status.parse_pixel_size(answer, window.width_px, window.height_px)
        if window.mode is Mode.LINE_ART and width % PIXELS_PER_BYTE:
            raise ProtocolError("a line of bits is not whole bytes", width_px=width)
        self._sides.append(_Side(side, _shape(window.mode, width, height), height))

    def groups(self) -> "tuple[tuple[_Side, ...], ...]":
        """Return the sides, those together that come in turns."""
        sides = tuple(self._sides)
        return tuple((side,) for side in sides) if self.in_turn else (sides,)

    def faces(self) -> tuple[Face, ...]:
        """Return all sides that are scanned.

        Raises
        ------
        ProtocolError
            If there is not a single line of one.
        """
        remains = self.remains()
        faces = tuple(face for face in remains if face is not None)
        if len(faces) < len(remains):
            missing = self.window.sides[remains.index(None)]
            raise ProtocolError("a side ended before its first line", side=missing.name)
        return faces

    def remains(self) -> tuple[Face | None, ...]:
        """Return the whole lines that have come of each side that is scanned; None: not one."""
        came = {side.window: self._face(side) for side in self._sides if side.lines}
        return tuple(came.get(side) for side in self.window.sides)

    def _face(self, side: "_Side") -> Face:
        if side.lines < side.due_lines:
            log.debug("%s: %d lines of %d", side.window.name, side.lines, side.due_lines)
        samples = side.whole_lines()
        by_line = self.window.mode is Mode.COLOUR and self._order is ColourOrder.LINE_RGB
        return Face(
            _by_dot(samples) if by_line else samples,
            self._sample_order,
            side.lines < side.due_lines,
            side.captured_at,
        )

    @property
    def _sample_order(self) -> SampleOrder:
        if self.window.mode is Mode.LINE_ART:
            return SampleOrder.BITS
        return SampleOrder.GRAY_INVERTED if self.window.mode is Mode.GRAY else _SAMPLES[self._order]


def block_bytes(line_bytes: int) -> int:
    """Return how much to ask for at a time: whole lines, and an even count where lines allow."""
    lines = max(1, BLOCK_BYTES // line_bytes)
    if lines * line_bytes % 2 and lines > 1:
        lines -= 1  # some large models need an even count
    return lines * line_bytes


def read_sheet(session: Session, sheet: Sheet) -> tuple[Face, ...]:
    """Scan the sheet in the path and read its sides; front, back.

    Raises
    ------
    OperatorError, DeviceError
        What the scanner reports; LinkTimeout when nothing comes any more.
    """
    window = sheet.window
    session.do(fi.scan(*window.sides))
    for each in window.sides:
        sheet.announced(each, session.ask(fi.read_pixel_size(each)))
    for sides in sheet.groups():
        _Reader(session).read(sides)
    if window.any_length:
        for sides in sheet.groups():
            for side in sides:
                _ask_real_size(session, side)
    return sheet.faces()


@dataclass(slots=True)
class _Side:
    """One side while it comes.

    Attributes
    ----------
    due_lines
        As many as there should be: those announced, or those the scanner counted in the end.
    """

    window: WindowId
    shape: tuple[int, ...]
    due_lines: int
    samples: NDArray[np.uint8] = field(init=False)
    filled_bytes: int = 0
    ready: bool = False
    ended: bool = False
    captured_at: float = 0.0

    def __post_init__(self) -> None:
        self.samples = np.empty(int(np.prod(self.shape)), np.uint8)

    @property
    def line_bytes(self) -> int:
        return int(np.prod(self.shape[1:]))

    @property
    def lines(self) -> int:
        return self.filled_bytes // self.line_bytes

    def take(self, block: "array.array[int]", count: int) -> None:
        end = self.filled_bytes + count
        self.samples[self.filled_bytes : end] = np.frombuffer(block, np.uint8, count)
        self.filled_bytes = end
        self.captured_at = time.time()

    def whole_lines(self) -> NDArray[np.uint8]:
        return self.samples[: self.lines * self.line_bytes].reshape(self.lines, *self.shape[1:])


class _Reader:
    """What sides that come in turns share: the session, the block, and that the end was seen.

    A side that has nothing yet lets the other go on: a scanner that gives all of the front before
    the back is so read to its end, whether it is known for that or not. Only the front may be the
    first to be asked for.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._ended = False
        self._block = array.array("B")

    def read(self, sides: Sequence[_Side]) -> None:
        """Read the sides to their end."""
        first = sides[0]
        deadline_s = self._session.deadline()
        while waiting := [side for side in sides if not side.ended]:
            moved = False
            for side in waiting:
                if side is first or first.filled_bytes or first.ended:
                    moved = self._read_block(side) or moved
            if moved:
                deadline_s = self._session.deadline()
            else:
                self._session.wait(deadline_s, fi.read_image(waiting[0].window, 0))

    def _read_block(self, side: _Side) -> bool:
        """Read the next block of a side; False if there is nothing yet."""
        session = self._session
        size = min(block_bytes(side.line_bytes), side.samples.size - side.filled_bytes)
        side.ready = side.ready or _is_ready(session, side.window, size)
        if not side.ready:
            return False
        if len(self._block) != size:
            self._block = array.array("B", bytes(size))
        command = fi.read_image(side.window, size)
        reply = session.offer_once(command, self._block)
        if reply.is_not_now:
            return False
        side.take(self._block, checked(reply, command).count)
        side.ended = self._at_end(reply) or side.filled_bytes == side.samples.size
        return side.ended or reply.count > 0

    def _at_end(self, reply: Reply) -> bool:
        """Tell whether the side is over: the end of the sheet was seen, and nothing is left."""
        if reply.sense is None:
            return False
        self._ended = self._ended or reply.sense.end_of_medium
        nothing_left = reply.sense.incorrect_length and not reply.count
        return reply.ends_side or (self._ended and nothing_left)


def _shape(mode: Mode, width: int, height: int) -> tuple[int, ...]:
    if mode is Mode.COLOUR:
        return height, width, 3
    return height, width // PIXELS_PER_BYTE if mode is Mode.LINE_ART else width


def _by_dot(lines: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Put together the colours of lines that hold all red, all green, all blue."""
    height, width, colours = lines.shape
    return np.ascontiguousarray(lines.reshape(height, colours, width).transpose(0, 2, 1))


def _is_ready(session: Session, side: WindowId, size_bytes: int) -> bool:
    """Ask whether there is something to read; a model that cannot be asked is read at once."""
    command = fi.image_ready(side, size_bytes)
    reply = session.offer_once(command)
    if reply.is_refusal:
        log.debug("%s is not known to this model", command.name)
    return not reply.is_not_now


def _ask_real_size(session: Session, side: _Side) -> None:
    """Learn how long a side of any length was; a model that does not say has sent it whole."""
    command = fi.read_pixel_size(side.window)
    buffer = array.array("B", bytes(command.in_bytes))
    reply = session.offer(command, buffer)
    if reply.is_refusal:
        log.debug("%s is not answered after the end", command.name)
        side.due_lines = side.lines
        return
    side.due_lines = fi_status.parse_real_lines(buffer[: reply.count].tobytes()) or side.lines
