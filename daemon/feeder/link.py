"""USB: moves bytes over the bulk pipes of one scanner with deadlines, and gets back in step.

Rule 1: a foreign error leaves this file as one of ours, by its errno. Rule 2: a deadline is never
for ever. Rule 3: a witness hears of every transfer before its outcome reaches the caller.
"""

import array
import errno
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import usb.core
import usb.util

from daemon.errors import DeviceError, LinkLost, LinkStall, LinkTimeout, ProtocolError
from daemon.feeder.bus import Attached, attached, libusb_backend, translation
from daemon.feeder.capture import NOTHING, Witness
from daemon.feeder.usb_host import UsbHost

__all__ = ["Attached", "Link", "attached", "libusb_backend"]

trace = logging.getLogger(f"{__name__}.trace")

DRAIN_PAUSE_S: Final = 0.1
"""A pipe that stays silent for this long is empty."""
DRAIN_LIMIT_S: Final = 5.0
_DRAIN_BYTES: Final = 64 * 1024  # whole packets, so that no answer overflows it
_SHOWN_BYTES: Final = 32


class Link:
    """An open scanner: two pipes.

    Parameters
    ----------
    found
        Which device.
    backend
        The backend it was found on; held until the device is closed.
    capture
        Is told of what passes.
    host
        Is asked who else holds the device, and for the time.

    Raises
    ------
    DeviceError
        If it cannot be opened; the message says what to do.
    """

    def __init__(
        self,
        found: Attached,
        backend: Any,
        capture: Witness = NOTHING,
        host: UsbHost | None = None,
    ) -> None:
        self._found = found
        self._backend = backend
        self._device: Any = found.device
        self._capture = capture
        self._host = UsbHost() if host is None else host
        capture.opened(found.pipes)
        try:
            self._claim()
        except DeviceError:
            self.close()
            raise

    def write(self, data: bytes, timeout_s: float) -> None:
        """Send one transfer.

        Raises
        ------
        DeviceError
            If it did not go out whole and in time.
        """
        if trace.isEnabledFor(logging.DEBUG):
            trace.debug("> %s", _shown(data, len(data)))
        self._capture.out(data)
        with self._told("sending"):
            sent = self._device.write(self._found.pipes.out_address, data, _milliseconds(timeout_s))
        if sent != len(data):
            self._capture.failed(errno.ETIMEDOUT, "sending in part")
            raise LinkTimeout(
                "the scanner did not take a whole transfer", expected=len(data), got=sent
            )

    def read_into(self, buffer: "array.array[int]", timeout_s: float) -> int:
        """Receive one transfer of at most the buffer's length; return the bytes that came.

        Raises
        ------
        DeviceError
            If none came in time, or more than the buffer holds.
        """
        with self._told("receiving"):
            got: int = self._device.read(
                self._found.pipes.in_address, buffer, _milliseconds(timeout_s)
            )
        self._capture.came(buffer, got)
        if trace.isEnabledFor(logging.DEBUG):
            trace.debug("< %s", _shown(buffer, got))
        return got

    def read(self, size_bytes: int, timeout_s: float) -> bytes:
        """Receive one short transfer; raises as `read_into`."""
        buffer = array.array("B", bytes(size_bytes))
        return buffer[: self.read_into(buffer, timeout_s)].tobytes()

    def drain(self) -> int:
        """Throw away what the scanner still wants to say; return how much that was.

        Raises
        ------
        DeviceError
            If the scanner is gone, or does not stop to speak.
        """
        buffer = array.array("B", bytes(_DRAIN_BYTES))
        deadline_s = self._host.clock() + DRAIN_LIMIT_S
        drained = 0
        while self._host.clock() < deadline_s:
            try:
                drained += self.read_into(buffer, DRAIN_PAUSE_S)
            except (LinkTimeout, LinkStall):
                return drained
        raise ProtocolError("the scanner does not stop sending", drained_bytes=drained)

    def clear_halt(self) -> None:
        """Clear the halt of both pipes; raises DeviceError."""
        self._capture.cleared_halt()
        with self._told("clearing a halt"):
            self._device.clear_halt(self._found.pipes.out_address)
            self._device.clear_halt(self._found.pipes.in_address)

    def reset(self) -> None:
        """Reset the device and claim it again; raises DeviceError when it is another one then."""
        self._capture.reset()
        with self._told("resetting"):
            self._device.reset()
        self._claim()

    def close(self) -> None:
        """Give the scanner back. The context ends after the device, not before."""
        if self._device is not None:
            usb.util.dispose_resources(self._device)
            self._capture.closed()
        self._device = None
        self._backend = None

    def _claim(self) -> None:
        try:
            with self._told("opening"):
                if not self._is_configured():
                    self._device.set_configuration(self._found.pipes.configuration)
                usb.util.claim_interface(self._device, self._found.pipes.interface)
        except LinkLost as error:
            if error.facts["errno"] != errno.EBUSY:
                raise
            holder = self._host.holder(self._found.place, self._found.pipes.interface)
            raise LinkLost(holder, **error.facts) from error

    def _is_configured(self) -> bool:
        """Tell whether its configuration is set: setting it again would reset the device."""
        try:
            active = self._device.get_active_configuration()
        except usb.core.USBError as error:
            if error.errno is not None:
                raise
            return False  # pyusb's own word for "none", it carries no errno
        return bool(active.bConfigurationValue == self._found.pipes.configuration)

    @contextmanager
    def _told(self, doing: str) -> Iterator[None]:
        """Translate what pyusb raises; the witness hears of it first."""
        try:
            yield
        except usb.core.USBError as error:
            self._capture.failed(error.errno, doing)
            raise translation(error, doing) from error


def _milliseconds(timeout_s: float) -> int:
    return max(1, round(timeout_s * 1000))  # 0 would wait for ever


def _shown(data: "bytes | array.array[int]", count: int) -> str:
    head = bytes(data[: min(count, _SHOWN_BYTES)]).hex(" ")
    return f"{count} bytes: {head}{' ...' if count > _SHOWN_BYTES else ''}"
