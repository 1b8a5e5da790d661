"""A pyusb backend that plugs the emulated scanner in, in process.

Rule 1: pyusb on top is the real one, and sees what libusb would show it: descriptors, timeouts,
halted pipes and a pulled cable, each with the errno that the backend of libusb gives.
Rule 2: cable, pipes and interface are the emulator's, behind its lock: several backends over one
emulator are several programs at one scanner, and hands may act from another thread.
"""

import array
import errno
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Final

import usb.backend
import usb.core
import usb.util

from daemon.feeder import loopback_descriptors as descriptors
from daemon.feeder.emulator import (
    ENDPOINT_IN,
    ENDPOINT_OUT,
    Emulator,
    Silence,
    Stall,
    Unplugged,
)

# errno -> (libusb's code, its text)
_LIBUSB: Final = {
    errno.ENODEV: (-4, "No such device (it may have been disconnected)"),
    errno.ENOENT: (-5, "Entity not found"),
    errno.EBUSY: (-6, "Resource busy"),
    errno.ETIMEDOUT: (-7, "Operation timed out"),
    errno.EPIPE: (-9, "Pipe error"),
}
# The emulator cannot gain data by itself, and whoever could give it a command is the caller: a
# longer wait would bring nothing. It is not zero, so that a host that polls does not spin.
_LONGEST_WAIT_S: Final = 0.02
_CONFIGURATION_VALUE: Final[int] = descriptors.CONFIGURATION.bConfigurationValue
_GET_STRING: Final = (0x80, 6, usb.util.DESC_TYPE_STRING)


@dataclass(frozen=True, slots=True)
class _Device:
    """The scanner at one address; plugged in again it is another device to the bus."""

    address: int


@dataclass(eq=False, slots=True)
class _Handle:
    """One opening of the device."""

    device: _Device


class LoopbackBackend(usb.backend.IBackend):  # type: ignore[misc]  # pyusb has no types
    """Shows pyusb a bus with one emulated scanner on it.

    Parameters
    ----------
    device
        The scanner.
    """

    def __init__(self, device: Emulator) -> None:
        super().__init__()
        self._emulator = device

    def unplug(self) -> None:
        """Pull the cable: every transfer now fails, and the bus is empty."""
        self._emulator.unplug()

    def plug(self) -> None:
        """Plug the cable in again; handles from before stay dead."""
        self._emulator.plug()

    # -- what is on the bus ---------------------------------------------------------------------

    def enumerate_devices(self) -> Iterator[_Device]:
        """Yield the scanner while it is plugged in."""
        if self._emulator.is_plugged:
            yield _Device(self._emulator.plugs)

    def get_parent(self, dev: _Device) -> None:
        """Return None: the hub is not shown."""

    def get_device_descriptor(self, dev: _Device) -> SimpleNamespace:
        """Return the device descriptor, with the address on the bus."""
        return descriptors.device(dev.address, self._emulator.profile)

    def get_configuration_descriptor(self, dev: _Device, config: int) -> SimpleNamespace:
        """Return the only configuration; raises IndexError for another."""
        return (descriptors.CONFIGURATION,)[config]

    def get_interface_descriptor(
        self, dev: _Device, intf: int, alt: int, config: int
    ) -> SimpleNamespace:
        """Return the only interface; raises IndexError for another."""
        return ((descriptors.INTERFACE,),)[intf][alt]

    def get_endpoint_descriptor(
        self, dev: _Device, ep: int, intf: int, alt: int, config: int
    ) -> SimpleNamespace:
        """Return one of the two endpoints; raises IndexError for another."""
        return descriptors.ENDPOINTS[ep]

    # -- one opening ----------------------------------------------------------------------------

    def open_device(self, dev: _Device) -> _Handle:
        """Open the scanner; raises USBError 19 when it is not at this address any more."""
        handle = _Handle(dev)
        self._require(handle)
        return handle

    def close_device(self, dev_handle: _Handle) -> None:
        """Close a handle and let its interface go; a dead one may be closed."""
        self._emulator.release(dev_handle)

    def set_configuration(self, dev_handle: _Handle, config_value: int) -> None:
        """Select the only configuration."""
        self._require(dev_handle)
        if config_value != _CONFIGURATION_VALUE:
            raise _error(errno.ENOENT)

    def get_configuration(self, dev_handle: _Handle) -> int:
        """Return the number of the only configuration."""
        self._require(dev_handle)
        return _CONFIGURATION_VALUE

    def set_interface_altsetting(self, dev_handle: _Handle, intf: int, altsetting: int) -> None:
        """Select the only setting of the only interface."""
        self._require(dev_handle)
        if (intf, altsetting) != (0, 0):
            raise _error(errno.ENOENT)

    def claim_interface(self, dev_handle: _Handle, intf: int) -> None:
        """Claim the interface; raises USBError 16 while another handle has it."""
        if intf != 0:
            raise _error(errno.ENOENT)
        with self._reaching(dev_handle):
            if not self._emulator.claim(dev_handle):
                raise _error(errno.EBUSY)

    def release_interface(self, dev_handle: _Handle, intf: int) -> None:
        """Let the interface go."""
        self._require(dev_handle)
        self._emulator.release(dev_handle)

    def is_kernel_driver_active(self, dev_handle: _Handle, intf: int) -> bool:
        """Return False: no kernel has a driver for it."""
        self._require(dev_handle)
        return False

    def detach_kernel_driver(self, dev_handle: _Handle, intf: int) -> None:
        """Raise USBError 2: there is none to detach."""
        self._require(dev_handle)
        raise _error(errno.ENOENT)

    def attach_kernel_driver(self, dev_handle: _Handle, intf: int) -> None:
        """Raise USBError 2: there is none to attach."""
        self._require(dev_handle)
        raise _error(errno.ENOENT)

    # -- transfers ------------------------------------------------------------------------------

    def bulk_write(
        self, dev_handle: _Handle, ep: int, intf: int, data: "array.array[int]", timeout: int
    ) -> int:
        """Send one transfer; `timeout` in ms. Returns how much was taken: all of it."""
        if ep != ENDPOINT_OUT:
            raise _error(errno.ENOENT)
        with self._reaching(dev_handle, timeout):
            self._emulator.write(data.tobytes())
        return len(data) * data.itemsize

    def bulk_read(
        self, dev_handle: _Handle, ep: int, intf: int, buff: "array.array[int]", timeout: int
    ) -> int:
        """Receive one transfer into `buff`; `timeout` in ms. Returns its length."""
        if ep != ENDPOINT_IN:
            raise _error(errno.ENOENT)
        with memoryview(buff) as room, room.cast("B") as room_bytes:
            with self._reaching(dev_handle, timeout):
                data = self._emulator.read(len(room_bytes))
            room_bytes[: len(data)] = data
        return len(data)

    def ctrl_transfer(  # noqa: PLR0913, PLR0917 (the signature is pyusb's)
        self,
        dev_handle: _Handle,
        request_type: int,
        request: int,
        value: int,
        index: int,
        data: "array.array[int]",
        timeout: int,
    ) -> int:
        """Answer a request for a string; everything else is refused as a device does, by a stall.

        Returns the length of the answer in `data`.
        """
        self._require(dev_handle)
        asked = descriptors.string(value & 0xFF, self._emulator.profile)
        is_string = (request_type, request, value >> 8) == _GET_STRING
        if asked is None or not is_string:
            raise _error(errno.EPIPE)
        answer = asked[: len(data)]
        data[: len(answer)] = array.array("B", answer)
        return len(answer)

    def clear_halt(self, dev_handle: _Handle, ep: int) -> None:
        """Clear a halted endpoint."""
        if ep not in (ENDPOINT_IN, ENDPOINT_OUT):
            raise _error(errno.ENOENT)
        with self._reaching(dev_handle):
            self._emulator.clear_halt(ep)

    def reset_device(self, dev_handle: _Handle) -> None:
        """Reset the port; the handle stays good."""
        with self._reaching(dev_handle):
            self._emulator.reset()

    @contextmanager
    def _reaching(self, handle: _Handle, timeout_ms: int = 0) -> Iterator[None]:
        """Act on the device that was opened; what it raises becomes what libusb's backend raises.

        Hands wait meanwhile, so that it cannot become another device between a look and the act.
        """
        try:
            with self._emulator.alone():
                self._require(handle)
                yield
        except Unplugged as unplugged:
            raise _error(errno.ENODEV) from unplugged
        except Stall as stall:
            raise _error(errno.EPIPE) from stall
        except Silence as silence:
            # 0 is no limit to libusb; here it must end, for nothing will come
            time.sleep(min(timeout_ms / 1000 or _LONGEST_WAIT_S, _LONGEST_WAIT_S))
            raise _error(errno.ETIMEDOUT) from silence

    def _require(self, handle: _Handle) -> None:
        """Raise USBError 19 unless the device that was opened is still there."""
        if not self._emulator.is_plugged or handle.device.address != self._emulator.plugs:
            raise _error(errno.ENODEV)


def _error(number: int) -> usb.core.USBError:
    code, text = _LIBUSB[number]
    kind = usb.core.USBTimeoutError if number == errno.ETIMEDOUT else usb.core.USBError
    return kind(text, code, number)
