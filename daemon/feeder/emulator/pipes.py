"""The emulated scanner as the bus sees it: two bulk pipes, and what can go wrong in them.

Rule 1: whatever breaks the order of the envelope halts both pipes, and each must be cleared.
Rule 2: the link's faults are met here and nowhere else; the scanner behind knows nothing of them.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final, NoReturn

from daemon.feeder.emulator import envelope, sense
from daemon.feeder.emulator.bus_device import BusDevice
from daemon.feeder.emulator.envelope import ENDPOINT_IN, ENDPOINT_OUT, VENDOR_ID
from daemon.feeder.emulator.faults import Fault
from daemon.feeder.emulator.link_faults import (
    AT_A_BLOCK,
    IN_A_TRANSFER,
    LinkFault,
    LinkFaultKind,
    LinkScript,
)
from daemon.feeder.emulator.path import PaperPath
from daemon.feeder.emulator.phases import Phases
from daemon.feeder.emulator.profile import FI_7160, Profile
from daemon.feeder.emulator.sense import LockedUp, Sense, Silence, Stall, Unplugged
from daemon.feeder.emulator.sheet import Motor
from daemon.feeder.emulator.speed import Speed
from daemon.feeder.emulator.target import GOOD, Reply, Target
from daemon.feeder.emulator.window import Paper
from daemon.feeder.hopper import Hopper

_PACKET_BYTES: Final = 512
_REQUEST_SENSE: Final = 0x03


class Emulator(BusDevice):
    """An fi scanner made of software; safe to use from several threads.

    Parameters
    ----------
    paper, hopper, faults
        What is scanned, where it lies, what goes wrong with it.
    serial
        What the scanner gives as its serial number.
    pads
        Fill short data up to the length asked for, so that only sense tells how much is real.
    profile
        Which model it is.
    link_faults
        What goes wrong between the host and the scanner.
    speed
        How fast it scans; None: nobody waits for it.
    clock
        Seconds that never go back: for the speed and the sleep timer.

    Attributes
    ----------
    profile
        Which model it is.
    """

    vendor_id: Final = VENDOR_ID

    def __init__(  # noqa: PLR0913 (each is a part of the apparatus, and has its default)
        self,
        paper: Paper,
        hopper: Hopper,
        faults: Sequence[Fault] = (),
        serial: int = 716_000_001,
        *,
        pads: bool = False,
        profile: Profile = FI_7160,
        link_faults: Sequence[LinkFault] = (),
        speed: Speed | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if len(paper) != hopper.look().sheets:
            raise ValueError(f"{len(paper)} sheets of paper, {hopper.look().sheets} in the hopper")
        super().__init__()
        motor = Motor(speed, clock, sides_in_turn=profile.sides_in_turn)
        self._target = Target(PaperPath(paper, hopper, faults, motor), profile, serial, clock)
        self._script = LinkScript(link_faults)
        self._pads = pads
        self.profile: Final = profile
        self._begin()

    def _begin(self) -> None:
        self._halted: set[int] = set()
        self._locked_up = False
        self._forget()

    def _forget(self) -> None:
        """Have no command in hand."""
        self._awaited = b""  # the command whose data-out phase has not come yet
        self._phases = Phases()

    @property
    def product_id(self) -> int:
        """What the bus says of the model."""
        return self.profile.product_id

    @property
    def commands(self) -> int:
        """How many command blocks it has met."""
        return self._script.commands

    @property
    def moved_bytes(self) -> int:
        """How many bytes have gone over both pipes."""
        return self._script.moved_bytes

    @property
    def fired(self) -> tuple[LinkFault, ...]:
        """The link faults that have happened, in their order."""
        return self._script.fired

    def reset(self) -> None:
        """Reset it over USB: all settings are lost, and it says so once."""
        with self._lock:
            self._require_plug()
            self._power_on()

    def _power_on(self) -> None:
        self._begin()
        self._target.power_on()

    def clear_halt(self, endpoint: int) -> None:
        """Clear a halted pipe. The command in hand is forgotten."""
        with self._lock:
            self._require_plug()
            if endpoint in self._halted:
                self._halted.remove(endpoint)
                self._forget()

    def write(self, data: bytes) -> None:
        """Take one bulk OUT transfer.

        Raises
        ------
        Stall, Silence, Unplugged
            If it is not taken.
        """
        with self._lock:
            self._require_life(ENDPOINT_OUT)
            if self._phases:
                raise Silence("data or status of the last command waits to be read")
            self._meet_transfer(len(data))
            if self._awaited:
                command, self._awaited = self._awaited, b""
                if len(data) != envelope.out_bytes(command):
                    self._halt()
                self._script.moved_bytes += len(data)
                self._run(command, data)
                return
            block = envelope.unwrapped(data)
            if block is None:
                self._halt()
            self._meet_command()
            self._script.moved_bytes += len(data)
            if envelope.out_bytes(block):
                self._awaited = block
            else:
                self._run(block, b"")

    def read(self, size: int) -> bytes:
        """Give one bulk IN transfer of at most `size` bytes; it never spans two phases.

        Raises
        ------
        Stall, Silence, Unplugged
            If there is nothing the host may read.
        """
        with self._lock:
            self._require_life(ENDPOINT_IN)
            if not self._phases:
                raise Silence("nothing to read")
            size_bytes = self._phases.transfer_bytes(size)
            self._meet_transfer(size_bytes)
            self._meet_phase(size_bytes)
            given = self._phases.take(size)
            self._script.moved_bytes += len(given)
            return given

    # -- what the link does to it ---------------------------------------------------------------

    def _require_life(self, endpoint: int) -> None:
        self._require_plug()
        if self._locked_up:
            raise Silence("locked up")
        if endpoint in self._halted:
            raise Stall

    def _halt(self) -> NoReturn:
        self._halted = {ENDPOINT_IN, ENDPOINT_OUT}
        raise Stall

    def _meet_transfer(self, size_bytes: int) -> None:
        fault = self._script.at_transfer(size_bytes, *IN_A_TRANSFER)
        if fault is not None:
            self._suffer(fault.kind)
            self._forget()
            raise Silence("the transfer was lost")

    def _meet_command(self) -> None:
        self._script.commands += 1
        fault = self._script.at_command(*AT_A_BLOCK)
        if fault is not None:
            self._suffer(fault.kind)

    def _suffer(self, kind: LinkFaultKind) -> None:
        """Let a fault take its course; returns when the firmware goes on."""
        if kind is LinkFaultKind.STALL:
            self._halt()
        elif kind is LinkFaultKind.HANG:
            self._locked_up = True
            raise Silence("locked up")
        elif kind is LinkFaultKind.RESET:
            self.reset()
        elif kind is LinkFaultKind.SLEEP:
            self._target.fall_asleep()
        elif kind in (LinkFaultKind.UNPLUG, LinkFaultKind.POWER_CYCLE):
            self.unplug()
            if kind is LinkFaultKind.POWER_CYCLE:
                self.plug()
            raise Unplugged

    def _meet_phase(self, size_bytes: int) -> None:
        if not self._phases.is_at_data:
            if self._script.at_transfer(size_bytes, LinkFaultKind.GARBAGE_STATUS):
                self._phases.spoil_status()
            return
        if not size_bytes:
            return
        fault = self._script.at_transfer(size_bytes, LinkFaultKind.SHORT_DATA)
        if fault is not None:
            keep = (fault.byte or 0) - self.moved_bytes
            self._cut(keep if keep >= 0 else size_bytes // 2)

    def _cut(self, keep: int) -> None:
        self._phases.cut(keep)
        self._target.forget_sense()

    # -- commands -------------------------------------------------------------------------------

    def _run(self, command: bytes, payload: bytes) -> None:
        try:
            reply = self._held_off(command) or self._target.execute(command, payload)
        except Unplugged:
            self.unplug()
            raise
        except LockedUp:
            self._locked_up = True
            return
        if not self._script.at_command(LinkFaultKind.TIMEOUT):
            self._answer(command, reply)

    def _held_off(self, command: bytes) -> Reply | None:
        storm = self._script.holding_off() if envelope.may_be_busy(command) else None
        if storm is LinkFaultKind.BUSY_STORM:
            return self._target.hold_off()
        return self._target.refuse(sense.NO_DATA_YET) if storm else None

    def _answer(self, command: bytes, reply: Reply) -> None:
        asked = envelope.in_bytes(command)
        may_lie = asked and command[0] != _REQUEST_SENSE and reply.status == GOOD
        if may_lie and self._script.at_command(LinkFaultKind.SENSE_RESIDUE):
            refusal = self._target.refuse(Sense(residue_bytes=2 * asked + 1, ends=False))
            reply = replace(reply, status=refusal.status)
        self._phases = Phases(reply, asked, pads=self._pads)
        if self._script.at_command(LinkFaultKind.GARBAGE_STATUS):
            self._phases.spoil_status()
        if reply.data and self._script.at_command(LinkFaultKind.SHORT_DATA):
            half = len(reply.data) // 2
            # a whole number of packets would not be seen to be short
            self._cut(half if half % _PACKET_BYTES else max(0, half - 1))
