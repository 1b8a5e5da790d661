"""One command after another over a link: data phase, status, sense, retries within a deadline.

Rule 1: after a status that is not good the sense is asked for before anything else, and a sense
that fails is not asked again. Rule 2: what was not carried out (busy, asleep, just reset) is
repeated within a wall-clock deadline, except what moves paper. Rule 3: a count is what really came:
a short packet, or the residue where the scanner pads.
"""

import array
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from daemon.errors import DeviceError, LinkTimeout, ProtocolError
from daemon.feeder import fi
from daemon.feeder.fi import Command
from daemon.feeder.fi import sense as fi_sense
from daemon.feeder.fi.envelope import STATUS_BLOCK_BYTES, Status, command_block, status_of
from daemon.feeder.fi.sense import Sense, Verdict
from daemon.feeder.link import Link

log = logging.getLogger(__name__)

TRANSFER_S: Final = 30.0
PROBE_S: Final = 0.5
BUSY_LIMIT_S: Final = 60.0
BUSY_PAUSE_S: Final = 0.1
TRIES: Final = 3
"""The first command after opening may be eaten."""

_ILLEGAL_REQUEST: Final = 5
_REPEATED: Final = frozenset({Verdict.BUSY, Verdict.WOKEN, Verdict.RESET})


@dataclass(frozen=True, slots=True)
class Reply:
    """How a command ended.

    Attributes
    ----------
    verdict
        What to do next.
    count
        Bytes that came in the data phase.
    sense
        Present when the status was CHECK CONDITION.
    """

    verdict: Verdict
    count: int
    sense: Sense | None = None

    @property
    def is_not_now(self) -> bool:
        """The command was not carried out, and may be sent again."""
        return self.verdict in _REPEATED

    @property
    def is_refusal(self) -> bool:
        """The scanner does not know this command, or a field of it."""
        return self.sense is not None and self.sense.key == _ILLEGAL_REQUEST and self.sense.asc > 0

    @property
    def ends_side(self) -> bool:
        """The page ended with this read."""
        return self.sense is not None and self.sense.end_of_medium and self.sense.incorrect_length


class Session:
    """Commands to one open scanner.

    Parameters
    ----------
    link
        Where the bytes go.
    clock, pause
        Seconds that only grow, and how to wait.

    Attributes
    ----------
    was_reset
        The scanner has said that it was reset: its windows are lost. Cleared by who sets them.
    """

    def __init__(
        self,
        link: Link,
        *,
        clock: Callable[[], float] = time.monotonic,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self.link = link
        self.was_reset = False
        self._clock = clock
        self._pause = pause

    def once(
        self,
        command: Command,
        buffer: "array.array[int] | None" = None,
        timeout_s: float | None = None,
    ) -> Reply:
        """Send a command once and say how it ended; a FAULT is returned, not raised.

        Raises
        ------
        DeviceError
            If the link failed or the answer is not readable.
        """
        if command.in_bytes and buffer is None:
            buffer = array.array("B", bytes(command.in_bytes))
        limit_s = TRANSFER_S if timeout_s is None else timeout_s
        count, status = self._exchange(command, buffer, limit_s)
        if status is Status.GOOD:
            return Reply(Verdict.GOOD, count)
        if status is Status.BUSY:
            return Reply(Verdict.BUSY, 0)
        sense = self._sense()
        verdict = fi_sense.meaning(sense).verdict
        log.debug("%s: %s %s", command.name, sense.code, verdict.name)
        if verdict is Verdict.RESET:
            self.was_reset = True
        if verdict is not Verdict.GOOD:
            return Reply(verdict, 0, sense)
        return Reply(verdict, _came(command, count, sense), sense)

    def attempt(self, command: Command, buffer: "array.array[int] | None" = None) -> Reply:
        """Send a command until the scanner takes it or refuses it.

        A refusal (the scanner does not know the command or a field of it) is returned as the
        FAULT it is; every other fault is raised.

        Raises
        ------
        OperatorError, DeviceError
            What the sense says; LinkTimeout when the scanner stays busy.
        """
        deadline_s = self.deadline()
        while True:
            reply = self._attempt_once(command, buffer)
            if not reply.is_not_now:
                return reply
            self.wait(deadline_s, command)

    def run(self, command: Command, buffer: "array.array[int] | None" = None) -> Reply:
        """Send a command until it was carried out; the verdict is GOOD or EMPTY.

        Raises
        ------
        OperatorError, DeviceError
            What the sense says; LinkTimeout when the scanner stays busy.
        """
        return checked(self.attempt(command, buffer), command)

    def offer(self, command: Command, buffer: "array.array[int] | None" = None) -> Reply:
        """Attempt a command that has nothing to do with the hopper; it may be refused.

        Raises
        ------
        OperatorError, DeviceError
            As `attempt`; ProtocolError when it is answered with an empty hopper.
        """
        return _no_matter_of_paper(self.attempt(command, buffer), command)

    def offer_once(self, command: Command, buffer: "array.array[int] | None" = None) -> Reply:
        """Offer a command without waiting: the reply may also say that it was not carried out now.

        Raises
        ------
        OperatorError, DeviceError
            As `offer`, without the patience.
        """
        return _no_matter_of_paper(self._attempt_once(command, buffer), command)

    def ask(self, command: Command) -> bytes:
        """Run a command and return what it brought; raises as `run`."""
        buffer = array.array("B", bytes(command.in_bytes))
        reply = self.do(command, buffer)
        return buffer[: reply.count].tobytes()

    def do(self, command: Command, buffer: "array.array[int] | None" = None) -> Reply:
        """Run a command that has nothing to do with the hopper.

        Raises
        ------
        OperatorError, DeviceError
            As `run`; ProtocolError when it is answered with an empty hopper.
        """
        return checked(self.offer(command, buffer), command)

    def wait(self, deadline_s: float, command: Command) -> None:
        """Wait a moment before a command is repeated.

        Raises
        ------
        LinkTimeout
            If the deadline has passed.
        """
        if self._clock() >= deadline_s:
            raise LinkTimeout("the scanner stays busy", command=command.name, waited_s=BUSY_LIMIT_S)
        self._pause(BUSY_PAUSE_S)

    def deadline(self) -> float:
        """Return the moment at which patience that begins now ends; for `wait`."""
        return self._clock() + BUSY_LIMIT_S

    def greet(self) -> None:
        """Ask TEST UNIT READY until there is an answer, whatever it says.

        Raises
        ------
        DeviceError
            If there was none in three tries.
        """
        for left in reversed(range(TRIES)):
            try:
                self.once(fi.test_unit_ready(), timeout_s=PROBE_S)
            except DeviceError:
                if not left:
                    raise
                self.link.drain()
            else:
                return

    def _attempt_once(self, command: Command, buffer: "array.array[int] | None") -> Reply:
        reply = self.once(command, buffer)
        if reply.verdict is Verdict.RESET and command.of_sheet:
            raise ProtocolError(
                "the scanner was reset while a sheet was in its path", command=command.name
            )
        return reply if reply.is_not_now or reply.is_refusal else checked(reply, command)

    def _exchange(
        self, command: Command, buffer: "array.array[int] | None", timeout_s: float
    ) -> tuple[int, Status]:
        self.link.write(command_block(command.cdb), timeout_s)
        if command.out:
            self.link.write(command.out, timeout_s)
        count = self.link.read_into(buffer, timeout_s) if buffer is not None else 0
        return count, status_of(self.link.read(STATUS_BLOCK_BYTES, timeout_s))

    def _sense(self) -> Sense:
        command = fi.request_sense()
        buffer = array.array("B", bytes(command.in_bytes))
        count, status = self._exchange(command, buffer, TRANSFER_S)
        if status is not Status.GOOD:
            raise ProtocolError("the scanner does not say what is wrong", status=int(status))
        return fi_sense.parse(buffer[:count].tobytes())


def checked(reply: Reply, command: Command) -> Reply:
    """Return a reply that is no fault.

    Raises
    ------
    OperatorError, DeviceError
        What the sense says.
    """
    if reply.verdict is Verdict.FAULT and reply.sense is not None:
        raise fi_sense.error_of(reply.sense, command.name)
    return reply


def _no_matter_of_paper(reply: Reply, command: Command) -> Reply:
    if reply.verdict is Verdict.EMPTY:
        raise ProtocolError("an empty hopper is no answer here", command=command.name)
    return reply


def _came(command: Command, count: int, sense: Sense) -> int:
    """Return how much of the data phase is data."""
    if not sense.incorrect_length or sense.residue_bytes is None:
        return count
    if sense.residue_bytes > command.in_bytes:
        raise ProtocolError(
            "more is missing than was asked for",
            asked=command.in_bytes,
            missing=sense.residue_bytes,
        )
    return min(count, command.in_bytes - sense.residue_bytes)
