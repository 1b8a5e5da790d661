"""USB: the bus of this computer, and which of its devices may be scanners.

Rule 1: a scanner is found by vendor, product and the class of its interface, and its pipes by their
direction; never by bus, address or endpoint number. Rule 2: a foreign error leaves the room as one
of ours, by its errno. Rule 3: every connection has a libusb context of its own: one that has seen a
device vanish may go on listing it.
"""

import errno
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
from daemon.feeder.capture.recording import Opened
from daemon.feeder.models import Models
from daemon.feeder.usb_host import Place

VENDOR_CLASS: Final = 0xFF

_GONE: Final = "the scanner is gone from the bus: check cable and power"
_LAST: Final = "check the cable, and switch the scanner off and on"
_ERRORS: Final[dict[int, tuple[type[DeviceError], str]]] = {
    errno.ENODEV: (LinkLost, _GONE),
    errno.ENOENT: (LinkLost, _GONE),
    errno.ESHUTDOWN: (LinkLost, _GONE),
    errno.EIO: (LinkLost, f"the transfer failed: {_LAST}"),
    errno.ETIMEDOUT: (LinkTimeout, "the scanner did not answer in time"),
    errno.EPIPE: (LinkStall, "the scanner halted the pipe"),
    errno.EOVERFLOW: (ProtocolError, "the scanner sent more than it was asked for"),
    errno.EBUSY: (LinkLost, "another program holds the scanner"),
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
    with translated("libusb"):
        return usb.backend.libusb1._LibUSB(shared.lib)  # noqa: SLF001 (the public way keeps one)


@dataclass(frozen=True, slots=True)
class Attached:
    """A device on the bus that may be a scanner.

    Attributes
    ----------
    model
        What its product id tells; "" where that is not known.
    place
        Where it stands on the bus now.
    device
        pyusb's own.
    pipes
        Where its two pipes are, and what else its descriptors tell.
    """

    model: str
    place: Place
    device: Any
    pipes: Opened


def attached(backend: Any, models: Models) -> tuple[Attached, ...]:
    """List the scanners on the bus, those of a known product id first; nothing is sent to them.

    A device of our vendor with an unknown product id is only perhaps a scanner: the vendor makes
    more than those. A device whose descriptors cannot be read hides no other.

    Raises
    ------
    DeviceError
        If the bus, or the only device, cannot be read.
    """
    found: list[Attached] = []
    failed: DeviceError | None = None
    with translated("the bus"):
        devices = list(usb.core.find(find_all=True, backend=backend, idVendor=models.vendor_id))
    for device in devices:
        try:
            with translated("its descriptors"):
                found += _candidates(device, models)
        except DeviceError as error:
            failed = error
    if failed is not None and not found:
        raise failed
    return tuple(sorted(found, key=lambda each: not each.model))


def _candidates(device: Any, models: Models) -> Iterator[Attached]:
    """Yield the device, once, if it has an interface such as a scanner's."""
    for configuration in device:
        for interface in configuration:
            ins, outs = _pipes(interface)
            if len(ins) == len(outs) == 1:
                yield Attached(
                    models.products.get(device.idProduct, ""),
                    Place(device.idVendor, device.bus or 0, device.address or 0),
                    device,
                    Opened(
                        vendor_id=device.idVendor,
                        product_id=device.idProduct,
                        release=device.bcdDevice,
                        configuration=configuration.bConfigurationValue,
                        interface=interface.bInterfaceNumber,
                        interface_class=interface.bInterfaceClass,
                        out_address=outs[0].bEndpointAddress,
                        in_address=ins[0].bEndpointAddress,
                        packet_bytes=ins[0].wMaxPacketSize,
                        speed=device.speed,
                    ),
                )
                return


def _pipes(interface: Any) -> tuple[list[Any], list[Any]]:
    """Return the bulk endpoints in and out of an interface that can be used as it is."""
    ins: list[Any] = []
    outs: list[Any] = []
    if interface.bInterfaceClass == VENDOR_CLASS and not interface.bAlternateSetting:
        for endpoint in interface:
            if usb.util.endpoint_type(endpoint.bmAttributes) == usb.util.ENDPOINT_TYPE_BULK:
                direction = usb.util.endpoint_direction(endpoint.bEndpointAddress)
                (ins if direction == usb.util.ENDPOINT_IN else outs).append(endpoint)
    return ins, outs


@contextmanager
def translated(doing: str) -> Iterator[None]:
    """Turn what pyusb raises into one of our errors; raises DeviceError, as `translation`."""
    try:
        yield
    except usb.core.USBError as error:
        raise translation(error, doing) from error


def translation(error: usb.core.USBError, doing: str) -> DeviceError:
    """Return the error of ours that stands for this errno.

    Its facts are what was being done, the errno (None: pyusb gave none) and the words of libusb.
    """
    kind, text = _ERRORS.get(error.errno or 0, (LinkLost, f"the link failed: {_LAST}"))
    return kind(text, doing=doing, errno=error.errno, said=error.strerror)
