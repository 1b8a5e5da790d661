"""One sheet from the scanner's memory into ours: both sides, in turns, to their end.

Rule 1: a face is what came. A side that ends early is `incomplete` and as long as the lines that
came; nothing is padded. Rule 2: samples keep the order of the wire. Rule 3: a byte is copied once,
from the transfer into its place.
"""

import array
import logging
import time
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from daemon.errors import ProtocolError
from daemon.feeder import fi
from daemon.feeder.fi import WindowId
from daemon.feeder.fi import status as fi_status
from daemon.feeder.fi.sense import Verdict
from daemon.feeder.fi.window import Window
from daemon.feeder.session import Reply, Session

log = logging.getLogger(__name__)

BLOCK_BYTES: Final = 256 * 1024
"""Smaller blocks may hang a scanner."""


@dataclass(frozen=True, slots=True)
class Face:
    """One side as it came.

    Attributes
    ----------
    samples
        (lines, pixels) or (lines, pixels, 3), in wire order.
    incomplete
        The side ended before the length the scanner had announced.
    captured_at
        Seconds since the Unix epoch, when the last line arrived.
    """

    samples: NDArray[np.uint8]
    incomplete: bool
    captured_at: float


def block_bytes(line_bytes: int) -> int:
    """Return how much to ask for at a time: whole lines, and an even count where lines allow."""
    lines = max(1, BLOCK_BYTES // line_bytes)
    if lines * line_bytes % 2 and lines > 1:
        lines -= 1  # some large models need an even count
    return lines * line_bytes


def read_sheet(session: Session, window: Window) -> tuple[Face, Face]:
    """Scan the sheet in the path and read both sides; front, back.

    Raises
    ------
    OperatorError, DeviceError
        What the scanner reports; LinkTimeout when nothing comes any more.
    """
    session.do(fi.scan(WindowId.FRONT, WindowId.BACK))
    front, back = (_announced(session, window, side) for side in WindowId)
    sheet = _Sheet(session)
    while not (front.ended and back.ended):
        for side in (front, back):
            if not side.ended:
                sheet.read_block(side)
    return front.face(), back.face()


@dataclass(slots=True)
class _Side:
    window: WindowId
    shape: tuple[int, ...]
    samples: NDArray[np.uint8] = field(init=False)
    filled_bytes: int = 0
    ended: bool = False
    captured_at: float = 0.0

    def __post_init__(self) -> None:
        self.samples = np.empty(int(np.prod(self.shape)), np.uint8)

    @property
    def line_bytes(self) -> int:
        return int(np.prod(self.shape[1:]))

    def take(self, block: "array.array[int]", count: int) -> None:
        end = self.filled_bytes + count
        self.samples[self.filled_bytes : end] = np.frombuffer(block, np.uint8, count)
        self.filled_bytes = end

    def face(self) -> Face:
        lines = self.filled_bytes // self.line_bytes
        if not lines:
            raise ProtocolError("a side ended before its first line", side=self.window.name)
        if lines < self.shape[0]:
            log.debug("%s ended at line %d of %d", self.window.name, lines, self.shape[0])
        samples = self.samples[: lines * self.line_bytes].reshape(lines, *self.shape[1:])
        return Face(samples, lines < self.shape[0], self.captured_at)


class _Sheet:
    """What both sides share: the session, the block, and that the scanner has seen the end."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._ended = False
        self._block = array.array("B")

    def read_block(self, side: _Side) -> None:
        """Read the next block of one side, waiting for it if need be."""
        session = self._session
        size = min(block_bytes(side.line_bytes), side.samples.size - side.filled_bytes)
        if not side.filled_bytes:
            _wait_for_image(session, side.window, size)
        if len(self._block) != size:
            self._block = array.array("B", bytes(size))
        command = fi.read_image(side.window, size)
        deadline_s = session.deadline()
        while True:
            reply = session.do(command, self._block)
            side.take(self._block, reply.count)
            side.ended = self._at_end(reply) or side.filled_bytes == side.samples.size
            if side.ended:
                side.captured_at = time.time()
            if side.ended or reply.count:
                return
            session.wait(deadline_s, command)

    def _at_end(self, reply: Reply) -> bool:
        """Tell whether the side is over: the end of the sheet was seen, and nothing is left."""
        if reply.sense is None:
            return False
        self._ended = self._ended or reply.sense.end_of_medium
        nothing_left = reply.sense.incorrect_length and not reply.count
        return reply.ends_side or (self._ended and nothing_left)


def _announced(session: Session, window: Window, side: WindowId) -> _Side:
    answer = session.ask(fi.read_pixel_size(side))
    width, height = fi_status.parse_pixel_size(answer, window.width_px, window.height_px)
    return _Side(side, (height, width, 3) if window.colour else (height, width))


def _wait_for_image(session: Session, side: WindowId, size_bytes: int) -> None:
    """Wait until there is something to read; a model that cannot be asked is read at once."""
    command = fi.image_ready(side, size_bytes)
    reply = session.attempt(command)
    if reply.verdict is Verdict.EMPTY:
        raise ProtocolError("an empty hopper is no answer here", command=command.name)
    if reply.is_refusal:
        log.debug("%s is not known to this model", command.name)
