"""Sleep and waking of the emulated scanner."""

from collections.abc import Callable
from typing import Final

from daemon.feeder.emulator.sense import WAS_ASLEEP, Refused

_TEST_UNIT_READY: Final = 0x00
_HARDWARE_STATUS: Final = 0xC2


class Sleep:
    """Whether the scanner sleeps.

    The sensors can be read without waking it, and neither that nor TEST UNIT READY keeps it awake.

    Parameters
    ----------
    clock
        Seconds that never go back.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self.wake()

    def wake(self) -> None:
        """Be awake, and wait anew."""
        self.is_asleep = False
        self._since_s = self._clock()

    def fall_asleep(self) -> None:
        """Sleep now."""
        self.is_asleep = True

    def meet(self, opcode: int, after_s: float | None) -> None:
        """Meet a command, having had nothing to do for as long as may be.

        Parameters
        ----------
        after_s
            After how long it falls asleep; None: never.

        Raises
        ------
        Refused
            If it slept: it wakes, and the command is not carried out.
        """
        if after_s is not None and self._clock() - self._since_s >= after_s:
            self.fall_asleep()
        if opcode == _HARDWARE_STATUS:
            return
        if self.is_asleep:
            self.wake()
            raise Refused(WAS_ASLEEP)
        if opcode != _TEST_UNIT_READY:
            self._since_s = self._clock()
