"""A device on the bus: whether it is plugged in, and which program has its interface."""

import threading
from contextlib import AbstractContextManager

from daemon.feeder.emulator.sense import Unplugged


class BusDevice:
    """What every USB device has; safe to use from several threads.

    Attributes
    ----------
    plugs
        How often it has been plugged in: a new one means a new address.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._plugged = True
        self._claimant: object = None
        self.plugs = 1

    def alone(self) -> AbstractContextManager[object]:
        """Keep every other thread from touching the device, also with hands."""
        return self._lock

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
                self._power_on()

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

    def _require_plug(self) -> None:
        if not self._plugged:
            raise Unplugged

    def _power_on(self) -> None:
        """Begin anew: nothing here needs to."""
