"""A pyusb backend that plays a recording back: the scanner of that day, to the byte.

Rule 1: pyusb and the driver on top are the real ones. Rule 2: what is sent must be what was sent
then; the first byte that is not raises Differs, which no driver takes for a fault of the link.
Rule 3: a wait that was recorded is not waited for: `clock` shows the time of the recording.
"""

import array
import errno
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Final

import usb.backend
import usb.core
import usb.util

from daemon.errors import VerificationFailed
from daemon.feeder.capture.recording import Event, Failure, Image, Kind, Opened, Operation

IN_PART: Final = "sending in part"
_SHOWN_BYTES: Final = 8


class Differs(VerificationFailed):
    """The driver does not do what it did when this was recorded."""


@dataclass(frozen=True, slots=True)
class _Device:
    """A device of the recording; opened anew it is another one to pyusb."""

    number: int
    opened: Opened


class ReplayBackend(usb.backend.IBackend):  # type: ignore[misc]  # pyusb has no types
    """Shows pyusb the bus of a recording, one operation after another."""

    def __init__(self) -> None:
        super().__init__()
        self._events: Sequence[Event] = ()
        self._next = 0
        self._first_line = 1
        self._now_ms = 0.0
        self._is_over = False
        self._devices = 0

    def clock(self) -> float:
        """Return the seconds at which the last event of the recording happened."""
        return self._now_ms / 1000

    def play(self, operation: Operation, first_line: int) -> None:
        """Expect what passed in this operation; it begins at this line of its file."""
        self._events, self._next, self._first_line = operation.events, 0, first_line
        self._now_ms = operation.at_ms

    def finish(self) -> None:
        """See that all of them happened.

        Raises
        ------
        Differs
            If the driver did less than it did then.
        """
        event = self._peek()
        if event is not None:
            raise self._differs(_said(event), "nothing more")

    def end(self) -> None:
        """Let every transfer from now on fail, as after the cable is pulled."""
        self._is_over = True

    # -- what is on the bus ---------------------------------------------------------------------

    def enumerate_devices(self) -> Iterator[_Device]:
        """Yield the devices that are opened in this operation; no other is known."""
        for event in self._events[self._next :]:
            if isinstance(event.value, Opened):
                self._devices += 1
                yield _Device(self._devices, event.value)

    def get_parent(self, dev: _Device) -> None:
        """Return None: hubs were not recorded."""

    def get_device_descriptor(self, dev: _Device) -> SimpleNamespace:
        """Return the device descriptor; where it stood on the bus was not recorded."""
        opened = dev.opened
        return SimpleNamespace(
            bLength=18,
            bDescriptorType=usb.util.DESC_TYPE_DEVICE,
            bcdUSB=0x0200,
            bDeviceClass=0,
            bDeviceSubClass=0,
            bDeviceProtocol=0,
            bMaxPacketSize0=64,
            idVendor=opened.vendor_id,
            idProduct=opened.product_id,
            bcdDevice=opened.release,
            iManufacturer=0,
            iProduct=0,
            iSerialNumber=0,
            bNumConfigurations=1,
            bus=None,
            address=None,
            port_number=None,
            port_numbers=None,
            speed=opened.speed,
        )

    def get_configuration_descriptor(self, dev: _Device, config: int) -> SimpleNamespace:
        """Return the configuration that was used; raises IndexError for another."""
        only = SimpleNamespace(
            bLength=9,
            bDescriptorType=usb.util.DESC_TYPE_CONFIG,
            wTotalLength=9 + 9 + 7 + 7,
            bNumInterfaces=1,
            bConfigurationValue=dev.opened.configuration,
            iConfiguration=0,
            bmAttributes=0xC0,
            bMaxPower=1,
            extra_descriptors=[],
        )
        return (only,)[config]

    def get_interface_descriptor(
        self, dev: _Device, intf: int, alt: int, config: int
    ) -> SimpleNamespace:
        """Return the interface that was used; raises IndexError for another."""
        only = SimpleNamespace(
            bLength=9,
            bDescriptorType=usb.util.DESC_TYPE_INTERFACE,
            bInterfaceNumber=dev.opened.interface,
            bAlternateSetting=0,
            bNumEndpoints=2,
            bInterfaceClass=dev.opened.interface_class,
            bInterfaceSubClass=0xFF,
            bInterfaceProtocol=0xFF,
            iInterface=0,
            extra_descriptors=[],
        )
        return ((only,),)[intf][alt]

    def get_endpoint_descriptor(
        self, dev: _Device, ep: int, intf: int, alt: int, config: int
    ) -> SimpleNamespace:
        """Return one of the two pipes; raises IndexError for another."""
        return SimpleNamespace(
            bLength=7,
            bDescriptorType=usb.util.DESC_TYPE_ENDPOINT,
            bEndpointAddress=(dev.opened.in_address, dev.opened.out_address)[ep],
            bmAttributes=usb.util.ENDPOINT_TYPE_BULK,
            wMaxPacketSize=dev.opened.packet_bytes,
            bInterval=0,
            bRefresh=0,
            bSynchAddress=0,
            extra_descriptors=[],
        )

    # -- one opening ----------------------------------------------------------------------------

    def open_device(self, dev: _Device) -> _Device:
        """Open a device; raises the USBError of then."""
        event = self._peek()
        if event is not None and event.value == dev.opened:
            self._take()
        self._fail_as_then("opening")
        return dev

    def close_device(self, dev_handle: _Device) -> None:
        """Close a device."""

    def get_configuration(self, dev_handle: _Device) -> int:
        """Return the number of the configuration that was used."""
        return dev_handle.opened.configuration

    def set_configuration(self, dev_handle: _Device, config_value: int) -> None:
        """Select a configuration; raises the USBError of then."""
        self._fail_as_then("opening")

    def claim_interface(self, dev_handle: _Device, intf: int) -> None:
        """Claim the interface; raises the USBError of then."""
        self._fail_as_then("opening")

    def release_interface(self, dev_handle: _Device, intf: int) -> None:
        """Let the interface go."""

    # -- transfers ------------------------------------------------------------------------------

    def bulk_write(
        self, dev_handle: _Device, ep: int, intf: int, data: "array.array[int]", timeout: int
    ) -> int:
        """Take one transfer, if it is that of then; raises the USBError of then."""
        sent = data.tobytes()
        event = self._peek()
        if event is None or event.kind is not Kind.OUT or not isinstance(event.value, bytes):
            raise self._differs(_said(event), f"sent {_shown(sent)}")
        if event.value != sent:
            raise self._differs(*_apart(event.value, sent))
        self._take()
        following = self._peek()
        if following is not None and following.value == Failure(errno.ETIMEDOUT, IN_PART):
            self._take()
            return 0
        self._fail_as_then("sending")
        return len(sent)

    def bulk_read(
        self, dev_handle: _Device, ep: int, intf: int, buff: "array.array[int]", timeout: int
    ) -> int:
        """Give what came then; raises the USBError of then."""
        self._fail_as_then("receiving")
        event = self._peek()
        if event is None or event.kind not in {Kind.IN, Kind.IMAGE}:
            raise self._differs(_said(event), "listens")
        value = event.value
        data = value.content() if isinstance(value, Image) else value
        with memoryview(buff) as room, room.cast("B") as room_bytes:
            if not isinstance(data, bytes) or len(data) > len(room_bytes):
                raise self._differs(_said(event), f"room for {len(room_bytes)} bytes")
            room_bytes[: len(data)] = data
        self._take()
        return len(data)

    def clear_halt(self, dev_handle: _Device, ep: int) -> None:
        """Clear the halt of a pipe; that of both is one event. Raises the USBError of then."""
        before = self._events[self._next - 1] if self._next else None
        if before is None or before.kind is not Kind.CLEAR_HALT:
            self._expect(Kind.CLEAR_HALT, "clears a halt")
        self._fail_as_then("clearing a halt")

    def reset_device(self, dev_handle: _Device) -> None:
        """Reset the device; raises the USBError of then."""
        self._expect(Kind.RESET, "resets the device")
        self._fail_as_then("resetting")

    # -- the events -----------------------------------------------------------------------------

    def _peek(self) -> Event | None:
        if self._is_over:
            raise _error(errno.ENODEV)
        while self._next < len(self._events):
            event = self._events[self._next]
            if event.kind is not Kind.CLOSED:  # nothing happens on the bus then
                return event
            self._take()
        return None

    def _take(self) -> None:
        self._now_ms = self._events[self._next].at_ms
        self._next += 1

    def _expect(self, kind: Kind, now: str) -> None:
        event = self._peek()
        if event is None or event.kind is not kind:
            raise self._differs(_said(event), now)
        self._take()

    def _fail_as_then(self, doing: str) -> None:
        event = self._peek()
        if event is None or not isinstance(event.value, Failure) or event.value.doing != doing:
            return
        self._take()
        raise _error(event.value.number)

    def _differs(self, then: str, now: str) -> Differs:
        return Differs(
            "the driver does otherwise than then",
            line=self._first_line + self._next,
            then=then,
            now=now,
        )


def _said(event: Event | None) -> str:
    if event is None:
        return "nothing more"
    match event.value:
        case bytes():
            return f"{'sent' if event.kind is Kind.OUT else 'came'} {_shown(event.value)}"
        case Image():
            return f"came {event.value.size_bytes} bytes of a page"
        case Failure():
            return f"{event.value.doing} failed ({os.strerror(event.value.number)})"
        case _:
            return event.kind.value


def _apart(then: bytes, now: bytes) -> tuple[str, str]:
    """Show two transfers from the first byte on in which they differ."""
    at = next((i for i, (a, b) in enumerate(zip(then, now, strict=False)) if a != b), 0)
    return _shown(then, at), _shown(now, at)


def _shown(data: bytes, at: int = 0) -> str:
    shown = data[at : at + _SHOWN_BYTES].hex(" ")
    return f"{len(data)} bytes, from byte {at}: {shown}"


def _error(number: int) -> usb.core.USBError:
    kind = usb.core.USBTimeoutError if number == errno.ETIMEDOUT else usb.core.USBError
    return kind("as recorded", None, number or None)
