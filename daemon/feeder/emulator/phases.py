"""What waits to be read from the emulated scanner: the data and the status of the last command.

Rule 1: a data-in command that fails has an empty data phase before its status.
Rule 2: what the link cuts off the data, the scanner takes back; the status is then GOOD.
"""

from collections import deque

from daemon.feeder.emulator.envelope import NO_STATUS, status_block
from daemon.feeder.emulator.target import GOOD, Reply


class Phases:
    """The phases of one answer.

    Parameters
    ----------
    reply
        How the command ended; None: nothing waits.
    asked_bytes
        How much data it asked for; 0: it has no data phase.
    pads
        Fill short data up to what was asked for.
    """

    def __init__(
        self, reply: Reply | None = None, asked_bytes: int = 0, *, pads: bool = False
    ) -> None:
        self._left: deque[memoryview] = deque()
        self._padding = 0
        self._reply = reply or Reply()
        if reply is None:
            return
        if asked_bytes:
            self._padding = max(0, asked_bytes - len(reply.data)) if pads else 0
            data = bytes(reply.data) + bytes(self._padding) if self._padding else reply.data
            self._left.append(memoryview(data))
        self._left.append(memoryview(status_block(reply.status)))

    def __bool__(self) -> bool:
        """Return whether something waits."""
        return bool(self._left)

    @property
    def is_at_data(self) -> bool:
        """True while data comes before the status."""
        return len(self._left) > 1

    def transfer_bytes(self, room: int) -> int:
        """Return how long the next transfer is when the host has so much room."""
        return min(len(self._left[0]), room)

    def take(self, room: int) -> bytes:
        """Return the next transfer; it never spans two phases."""
        phase = self._left[0]
        given = bytes(phase[:room])
        if len(phase) > room:
            self._left[0] = phase[room:]
            return given
        self._left.popleft()
        if self._reply.taken is not None:
            taken, self._reply = self._reply.taken, Reply()
            taken()
        return given

    def cut(self, keep: int) -> None:
        """End the data early, at most `keep` bytes from here."""
        phase = self._left[0]
        real = len(phase) - self._padding
        keep = max(0, min(keep, real))
        if self._reply.put_back is not None:
            self._reply.put_back(real - keep)
        self._padding = 0
        self._left = deque((phase[:keep], memoryview(status_block(GOOD))))

    def spoil_status(self) -> None:
        """Make the status one that is none."""
        self._left[-1] = memoryview(NO_STATUS)
