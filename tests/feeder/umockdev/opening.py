"""One program's opening of the device node: transfers that wait, and transfers that are done.

Rule 1: a transfer that the scanner neither takes nor answers is parked; it is tried again when
another transfer has gone through, and never by itself, for the scanner counts its silences.
Rule 2: what is parked ends in one of three ways: carried out, discarded (ENOENT), or with the cable
(ESHUTDOWN). The deadlines are libusb's own.
"""

import errno
from collections import deque

from daemon.feeder.emulator import ENDPOINT_IN, ENDPOINT_OUT, Emulator, Silence, Stall, Unplugged
from tests.feeder.umockdev import descriptors
from tests.feeder.umockdev.usbfs import Urb


class Opening:
    """One opening of the scanner.

    Parameters
    ----------
    emulator, plugs
        The scanner, and how often it had been plugged in when it was opened: plugged in again it is
        another device.
    """

    def __init__(self, emulator: Emulator, plugs: int) -> None:
        self._emulator = emulator
        self._plugs = plugs
        self._parked: deque[Urb] = deque()
        self._done: deque[Urb] = deque()

    @property
    def is_live(self) -> bool:
        """True while the scanner that was opened is there."""
        return self._emulator.is_plugged and self._emulator.plugs == self._plugs

    @property
    def is_waiting(self) -> bool:
        """True while a transfer is parked."""
        return bool(self._parked)

    def claim(self) -> int:
        """Claim the interface; 0 or an errno."""
        return 0 if self._emulator.claim(self) else errno.EBUSY

    def release(self) -> int:
        """Let the interface go; 0."""
        self._emulator.release(self)
        return 0

    def close(self) -> None:
        """Let everything go."""
        self._parked.clear()
        self._done.clear()
        self.release()

    def clear_halt(self, endpoint: int) -> None:
        """Clear a halted pipe."""
        self._emulator.clear_halt(endpoint)

    def reset(self) -> int:
        """Reset the device, what is parked will not be answered; 0."""
        self._end_parked(-errno.ENOENT)
        self._emulator.reset()
        return 0

    def submit(self, urb: Urb) -> None:
        """Begin a transfer."""
        self._parked.append(urb)
        if self._carried_out(urb):
            while any(self._carried_out(each) for each in tuple(self._parked)):
                pass

    def discard(self, address: int) -> int:
        """Take a transfer back; 0, or EINVAL when it is done already."""
        for urb in self._parked:
            if urb.address == address:
                self._end(urb, -errno.ENOENT)
                return 0
        return errno.EINVAL

    def reap(self) -> Urb | None:
        """Return a transfer that is done."""
        if not self.is_live:
            self._end_parked(-errno.ESHUTDOWN)
        return self._done.popleft() if self._done else None

    def _carried_out(self, urb: Urb) -> bool:
        """Try a transfer; True if that brought it to its end."""
        try:
            self._transfer(urb)
        except Silence:
            return False
        except Stall:
            self._end(urb, -errno.EPIPE)
        except Unplugged:
            self._end(urb, -errno.ESHUTDOWN)
        else:
            self._end(urb, 0)
        return True

    def _transfer(self, urb: Urb) -> None:
        if urb.is_control:
            answer = descriptors.answer(urb.sent, self._emulator.profile)
            if answer is None:
                raise Stall
            urb.came, urb.actual = answer, len(answer)
        elif urb.endpoint == ENDPOINT_OUT:
            self._emulator.write(urb.sent)
            urb.actual = len(urb.sent)
        elif urb.endpoint == ENDPOINT_IN:
            urb.came = self._emulator.read(urb.size)
            urb.actual = len(urb.came)
        else:
            raise Stall

    def _end(self, urb: Urb, status: int) -> None:
        urb.status = status
        self._parked.remove(urb)
        self._done.append(urb)

    def _end_parked(self, status: int) -> None:
        for urb in tuple(self._parked):
            self._end(urb, status)
