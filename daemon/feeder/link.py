"""USB: finds scanners, moves bytes over their bulk pipes with deadlines, and gets back in step.

Rule 1: a scanner is found by vendor, product and the class of its interface, and its pipes by their
direction; never by bus, address or endpoint number. Rule 2: a foreign error leaves this file as one
of ours, by its errno. Rule 3: every connection has a libusb context of its own: one that has seen a
device vanish may go on listing it.
"""

import array
import errno
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import libusb_package
import usb.backend.libusb1
import usb.core
import usb.util

from daemon.errors import (
    ConfigError,
    DeviceError,
    LinkLost,
    LinkStall,
    LinkTimeout,
    ProtocolError,
)
from daemon.feeder.models import Models

trace = logging.getLogger(f"{__name__}.trace")

VENDOR_CLASS: Final = 0xFF
DRAIN_PAUSE_S: Final = 0.1
"""A pipe that stays silent for this long is empty."""
DRAIN_LIMIT_S: Final = 5.0
_DRAIN_BYTES: Final = 64 * 1024  # whole packets, so that no answer overflows it
_SHOWN_BYTES: Final = 32

_GONE: Final = "the scanner is gone from the bus: check cable and power"
_ERRORS: Final[dict[int, tuple[type[DeviceError], str]]] = {
    errno.ENODEV: (LinkLost, _GONE),
    errno.ENOENT: (LinkLost, _GONE),
    errno.ESHUTDOWN: (LinkLost, _GONE),
    errno.EIO: (LinkLost, "the transfer failed: check cable and power"),
    errno.ETIMEDOUT: (LinkTimeout, "the scanner did not answer in time"),
    errno.EPIPE: (LinkStall, "the scanner halted the pipe"),
    errno.EOVERFLOW: (ProtocolError, "the scanner sent more than it was asked for"),
    errno.EBUSY: (
        LinkLost,
        "another program holds the scanner (desktop scanning, or a second daemon): end it",
    ),
    errno.EACCES: (
        LinkLost,
        "no right to open the scanner: install the udev rule systemd/60-suian.rules into "
        "/etc/udev/rules.d, run `udevadm control --reload`, and plug the scanner in again",
    ),
}


def libusb_backend() -> Any:
    """Make a fresh backend over the bundled libusb.

    Raises
    ------
    ConfigError
        If there is no libusb for this system.
    LinkLost
        If libusb cannot reach the USB of this system.
    """
    shared = libusb_package.get_libusb1_backend()
    if shared is None:
        raise ConfigError("there is no libusb for this system: install libusb-package anew")
    with _translated("libusb"):
        return usb.backend.libusb1._LibUSB(shared.lib)  # noqa: SLF001 (the public way keeps one)


@dataclass(frozen=True, slots=True)
class Attached:
    """A device on the bus that may be a scanner. `model` is what its product id tells."""

    model: str
    device: Any
    configuration: int
    interface: int
    out_address: int
    in_address: int


def attached(backend: Any, models: Models) -> tuple[Attached, ...]:
    """List the scanners on the bus; nothing is sent to them.

    A device of our vendor with an unknown product id counts only where no known one is: the vendor
    makes more than scanners.

    Raises
    ------
    DeviceError
        If the bus cannot be read.
    """
    with _translated("the bus"):
        found = [
            candidate
            for device in usb.core.find(find_all=True, backend=backend, idVendor=models.vendor_id)
            if (candidate := _candidate(device, models)) is not None
        ]
    known = tuple(each for each in found if each.model)
    return known or tuple(found)


def _candidate(device: Any, models: Models) -> Attached | None:
    for configuration in device:
        for interface in configuration:
            if interface.bInterfaceClass != VENDOR_CLASS:
                continue
            bulk = [
                endpoint.bEndpointAddress
                for endpoint in interface
                if usb.util.endpoint_type(endpoint.bmAttributes) == usb.util.ENDPOINT_TYPE_BULK
            ]
            ins = [a for a in bulk if usb.util.endpoint_direction(a) == usb.util.ENDPOINT_IN]
            outs = [a for a in bulk if usb.util.endpoint_direction(a) == usb.util.ENDPOINT_OUT]
            if len(ins) == len(outs) == 1:
                return Attached(
                    models.products.get(device.idProduct, ""),
                    device,
                    configuration.bConfigurationValue,
                    interface.bInterfaceNumber,
                    outs[0],
                    ins[0],
                )
    return None


class Link:
    """An open scanner: two pipes.

    Parameters
    ----------
    found
        Which device.
    backend
        The backend it was found on; held until the device is closed.

    Raises
    ------
    DeviceError
        If it cannot be opened; the message says what to do.
    """

    def __init__(self, found: Attached, backend: Any) -> None:
        self._found = found
        self._backend = backend
        self._device: Any = found.device
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
        with _translated("sending"):
            sent = self._device.write(self._found.out_address, data, _milliseconds(timeout_s))
        if sent != len(data):
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
        with _translated("receiving"):
            got: int = self._device.read(self._found.in_address, buffer, _milliseconds(timeout_s))
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
        deadline_s = time.monotonic() + DRAIN_LIMIT_S
        drained = 0
        while time.monotonic() < deadline_s:
            try:
                drained += self.read_into(buffer, DRAIN_PAUSE_S)
            except (LinkTimeout, LinkStall):
                return drained
        raise ProtocolError("the scanner does not stop sending", drained_bytes=drained)

    def clear_halt(self) -> None:
        """Clear the halt of both pipes; raises DeviceError."""
        with _translated("clearing a halt"):
            self._device.clear_halt(self._found.out_address)
            self._device.clear_halt(self._found.in_address)

    def reset(self) -> None:
        """Reset the device and claim it again; raises DeviceError when it is another one then."""
        with _translated("resetting"):
            self._device.reset()
        self._claim()

    def close(self) -> None:
        """Give the scanner back. The context ends after the device, not before."""
        if self._device is not None:
            usb.util.dispose_resources(self._device)
        self._device = None
        self._backend = None

    def _claim(self) -> None:
        with _translated("opening"):
            if not self._is_configured():
                self._device.set_configuration(self._found.configuration)
            usb.util.claim_interface(self._device, self._found.interface)

    def _is_configured(self) -> bool:
        """Tell whether a configuration is set: setting it again would reset the device."""
        try:
            self._device.get_active_configuration()
        except usb.core.USBError as error:
            if error.errno is not None:
                raise
            return False  # pyusb's own word for "none", it carries no errno
        return True


@contextmanager
def _translated(doing: str) -> Iterator[None]:
    try:
        yield
    except usb.core.USBError as error:
        kind, text = _ERRORS.get(error.errno or 0, (LinkLost, "the link to the scanner failed"))
        raise kind(text, doing=doing, errno=error.errno, said=error.strerror) from error


def _milliseconds(timeout_s: float) -> int:
    return max(1, round(timeout_s * 1000))  # 0 would wait for ever


def _shown(data: "bytes | array.array[int]", count: int) -> str:
    head = bytes(data[: min(count, _SHOWN_BYTES)]).hex(" ")
    return f"{count} bytes: {head}{' ...' if count > _SHOWN_BYTES else ''}"
