"""An fi-7160 made of software: a pure state machine behind two byte pipes.

Written from the protocol alone, and knowing nothing of the driver. This file is the USB envelope:

    OUT 31-byte command block -> OUT data -> IN data -> IN 13-byte status

Rule 1: the command alone says which data phases there are; a data-in command that fails has an
empty one before its status.
Rule 2: whatever breaks this order halts both pipes, and each must be cleared.

What it does not simulate is said in `target.py`.
"""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

from daemon.feeder.emulator.answers import LockedUp, Unplugged
from daemon.feeder.emulator.faults import Fault, FaultKind
from daemon.feeder.emulator.target import Reply, Target
from daemon.feeder.emulator.window import Paper, Window
from daemon.feeder.hopper import Hopper

__all__ = [
    "ENDPOINT_IN",
    "ENDPOINT_OUT",
    "PRODUCT_ID",
    "VENDOR_ID",
    "Emulator",
    "Fault",
    "FaultKind",
    "Paper",
    "Silence",
    "Stall",
    "Unplugged",
    "Window",
]

VENDOR_ID: Final = 0x04C5
PRODUCT_ID: Final = 0x132E
ENDPOINT_IN: Final = 0x81
ENDPOINT_OUT: Final = 0x02
_BLOCK_BYTES: Final = 31
_COMMAND_AT: Final = 0x13
_STATUS_BYTES: Final = 13
_STATUS_AT: Final = 9

# opcode -> bytes of the command, where the length of the data stands in it
_DATA_IN: Final[dict[int, tuple[int, slice]]] = {
    0x03: (6, slice(4, 5)),
    0x12: (6, slice(4, 5)),
    0x1A: (6, slice(4, 5)),
    0x1C: (6, slice(3, 5)),
    0x28: (10, slice(6, 9)),
    0xC2: (10, slice(7, 9)),
}
_DATA_OUT: Final[dict[int, tuple[int, slice]]] = {
    0x15: (6, slice(4, 5)),
    0x1B: (6, slice(4, 5)),
    0x1D: (6, slice(3, 5)),
    0x24: (10, slice(6, 9)),
    0x2A: (10, slice(6, 9)),
    0xC1: (10, slice(7, 9)),
}
_NO_DATA: Final[dict[int, int]] = {0x00: 6, 0x31: 10, 0xF1: 10}
_LONGEST_COMMAND: Final = _BLOCK_BYTES - _COMMAND_AT


class Stall(Exception):
    """The pipe is halted until it is cleared."""


class Silence(Exception):
    """The scanner neither takes nor gives: the host's transfer runs into its timeout."""


class Emulator:
    """An fi scanner made of software; safe to use from several threads.

    Parameters
    ----------
    paper, hopper, faults
        What is scanned, where it lies, what goes wrong with it.
    serial
        What the scanner gives as its serial number.
    pads
        Fill short data up to the length asked for, so that only sense tells how much is real.

    Attributes
    ----------
    plugs
        How often it has been plugged in: a new one means a new address.
    """

    vendor_id: Final = VENDOR_ID
    product_id: Final = PRODUCT_ID

    def __init__(
        self,
        paper: Paper,
        hopper: Hopper,
        faults: Sequence[Fault] = (),
        serial: int = 716_000_001,
        *,
        pads: bool = False,
    ) -> None:
        if len(paper) != hopper.look().sheets:
            raise ValueError(f"{len(paper)} sheets of paper, {hopper.look().sheets} in the hopper")
        self._target = Target(paper, hopper, faults, serial)
        self._pads = pads
        self._lock = threading.RLock()
        self._plugged = True
        self.plugs = 1
        self._claimant: object = None
        self._begin()

    def _begin(self) -> None:
        self._halted: set[int] = set()
        self._locked_up = False
        self._awaited = b""  # the command whose data-out phase has not come yet
        self._outgoing: deque[memoryview] = deque()
        self._taken: Callable[[], None] | None = None

    @property
    def is_plugged(self) -> bool:
        """True while there is a cable."""
        return self._plugged

    def unplug(self) -> None:
        """Pull the cable."""
        with self._lock:
            self._plugged = False
            self._claimant = None

    def plug(self) -> None:
        """Plug the cable in again: another address, and all settings are lost."""
        with self._lock:
            if not self._plugged:
                self._plugged = True
                self.plugs += 1
                self.reset()

    def reset(self) -> None:
        """Reset it over USB: all settings are lost, and it says so once."""
        with self._lock:
            self._require_plug()
            self._begin()
            self._target.power_on()

    def claim(self, program: object) -> bool:
        """Give the USB interface to one program; False while another has it."""
        with self._lock:
            self._require_plug()
            if self._claimant not in (None, program):
                return False
            self._claimant = program
            return True

    def release(self, program: object) -> None:
        """Take the interface back from a program, if it has it."""
        with self._lock:
            if self._claimant is program:
                self._claimant = None

    def clear_halt(self, endpoint: int) -> None:
        """Clear a halted pipe. The command in hand is forgotten."""
        with self._lock:
            self._require_plug()
            if endpoint in self._halted:
                self._halted.remove(endpoint)
                self._awaited = b""
                self._outgoing.clear()
                self._taken = None

    def write(self, data: bytes) -> None:
        """Take one bulk OUT transfer.

        Raises
        ------
        Stall, Silence, Unplugged
            If it is not taken.
        """
        with self._lock:
            self._require_life(ENDPOINT_OUT)
            if self._outgoing:
                raise Silence("data or status of the last command waits to be read")
            if self._awaited:
                command, self._awaited = self._awaited, b""
                if len(data) != _length(command, _DATA_OUT):
                    self._halt()
                self._run(command, data)
                return
            command = self._unwrapped(data)
            if _length(command, _DATA_OUT):
                self._awaited = command
            else:
                self._run(command, b"")

    def read(self, size: int) -> bytes:
        """Give one bulk IN transfer of at most `size` bytes; it never spans two phases.

        Raises
        ------
        Stall, Silence, Unplugged
            If there is nothing the host may read.
        """
        with self._lock:
            self._require_life(ENDPOINT_IN)
            if not self._outgoing:
                raise Silence("nothing to read")
            phase = self._outgoing[0]
            if len(phase) > size:
                self._outgoing[0] = phase[size:]
                return bytes(phase[:size])
            self._outgoing.popleft()
            if self._taken is not None:
                self._taken()
                self._taken = None
            return bytes(phase)

    def _require_plug(self) -> None:
        if not self._plugged:
            raise Unplugged

    def _require_life(self, endpoint: int) -> None:
        self._require_plug()
        if self._locked_up:
            raise Silence("locked up")
        if endpoint in self._halted:
            raise Stall

    def _halt(self) -> None:
        self._halted = {ENDPOINT_IN, ENDPOINT_OUT}
        raise Stall

    def _unwrapped(self, block: bytes) -> bytes:
        """Return the command in a command block; halts when it is none."""
        command = block[_COMMAND_AT:]
        opcode = command[0] if command else 0
        size = (_DATA_IN | _DATA_OUT).get(opcode, (_NO_DATA.get(opcode, _LONGEST_COMMAND),))[0]
        if (
            len(block) != _BLOCK_BYTES
            or block[0] != 0x43
            or any(block[1:_COMMAND_AT])
            or any(command[size:])
        ):
            self._halt()
        return command

    def _run(self, command: bytes, payload: bytes) -> None:
        try:
            reply = self._target.execute(command, payload)
        except Unplugged:
            self.unplug()
            raise
        except LockedUp:
            self._locked_up = True
            return
        self._answer(reply, _length(command, _DATA_IN))

    def _answer(self, reply: Reply, asked: int) -> None:
        self._taken = reply.taken
        if asked:
            data = reply.data
            if self._pads and len(data) < asked:
                data = bytes(data).ljust(asked, b"\0")
            self._outgoing.append(memoryview(data))
        status = bytearray(_STATUS_BYTES)
        status[0] = 0x53
        status[_STATUS_AT] = reply.status
        self._outgoing.append(memoryview(bytes(status)))


def _length(command: bytes, phases: dict[int, tuple[int, slice]]) -> int:
    """Return the length of a command's data phase, 0 when it has none."""
    if command[0] not in phases:
        return 0
    return int.from_bytes(command[phases[command[0]][1]])
