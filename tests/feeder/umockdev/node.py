"""The device node: what usbdevfs answers to libusb, at umockdev's end of the ioctl.

Rule 1: the memory of a program is touched only inside an ioctl of that program: then alone it
listens. So what a transfer brings is laid into its buffer when it is reaped.
Rule 2: an ioctl that is not known here ends the program: better than an answer that is made up.
"""

import errno
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, Final

import gi

from daemon.feeder.emulator import Emulator, Unplugged
from tests.feeder.umockdev import usbfs
from tests.feeder.umockdev.opening import Opening
from tests.feeder.umockdev.usbfs import Urb

gi.require_version("UMockdev", "1.0")
from gi.repository import UMockdev  # noqa: E402 (its version is named first)

_SETUP_BYTES: Final = 8
_BREATH_S: Final = 0.002
"""libusb waits in poll(), which returns at once for the plain file that stands for the node: who
asks in vain is let go only after this long."""
_Answer = Callable[[Opening, Any], int]


class Node(UMockdev.IoctlBase):  # type: ignore[misc]  # gi has no types
    """The node of a scanner for as long as it stays plugged in.

    Parameters
    ----------
    emulator, plugs
        The scanner, and how often it had been plugged in then.
    alone
        Keeps hands away for the length of one ioctl.
    """

    def __init__(
        self, emulator: Emulator, plugs: int, alone: Callable[[], AbstractContextManager[None]]
    ) -> None:
        super().__init__()
        self._emulator = emulator
        self._plugs = plugs
        self._alone = alone
        self._openings: dict[Any, Opening] = {}
        self._answers: Final[dict[int, _Answer]] = {
            usbfs.GET_CAPABILITIES: self._capabilities,
            usbfs.CLAIM_INTERFACE: lambda opening, _: opening.claim(),
            usbfs.DISCONNECT_AND_CLAIM: lambda opening, _: opening.claim(),
            usbfs.RELEASE_INTERFACE: lambda opening, _: opening.release(),
            usbfs.SET_CONFIGURATION: lambda *_: 0,
            usbfs.SET_INTERFACE: lambda *_: 0,
            usbfs.CLEAR_HALT: self._clear_halt,
            usbfs.RESET_ENDPOINT: self._clear_halt,
            usbfs.RESET: lambda opening, _: opening.reset(),
            usbfs.GET_DRIVER: lambda *_: errno.ENODATA,
            usbfs.DRIVER_IOCTL: lambda *_: errno.ENODATA,
            usbfs.SUBMIT_URB: self._submit,
        }
        # these work without the scanner: they are about what the kernel still has
        self._leftovers: Final[dict[int, _Answer]] = {
            usbfs.DISCARD_URB: self._discard,
            usbfs.REAP_URB_AT_ONCE: self._reap,
        }

    # -- called by umockdev, in a thread of its own ---------------------------------------------

    def do_client_connected(self, client: Any) -> None:
        """Take note that a program has opened the node."""
        self._openings[client] = Opening(self._emulator, self._plugs)
        client.connect("notify::connected", self._closed)

    def do_handle_ioctl(self, client: Any) -> bool:
        """Answer one ioctl."""
        request = client.get_request() & 0xFFFFFFFF
        try:
            with self._alone():
                number = self._answer(self._openings[client], request, client.get_arg())
        except Exception:  # noqa: BLE001 (above is C, which would go on as if nothing had happened)
            traceback.print_exc()
            client.abort()
            return True
        client.complete(-1 if number else 0, number)
        return True

    def _closed(self, client: Any, _property: Any) -> None:
        if not client.get_connected():
            with self._alone():
                self._openings.pop(client).close()

    # -- answers: 0 or an errno -----------------------------------------------------------------

    def _answer(self, opening: Opening, request: int, argument: Any) -> int:
        try:
            if request in self._leftovers:
                return self._leftovers[request](opening, argument)
            if request not in self._answers:
                raise ValueError(f"no answer is known to ioctl {request:#010x}")
            return self._answers[request](opening, argument) if opening.is_live else errno.ENODEV
        except Unplugged:
            return errno.ENODEV

    def _capabilities(self, _opening: Opening, argument: Any) -> int:
        _put(argument.resolve(0, usbfs.INTEGER_BYTES), 0, usbfs.CAPABILITIES)
        return 0

    def _clear_halt(self, opening: Opening, argument: Any) -> int:
        endpoint = argument.resolve(0, usbfs.INTEGER_BYTES).retrieve()
        opening.clear_halt(int.from_bytes(endpoint, sys.byteorder))
        return 0

    def _submit(self, opening: Opening, argument: Any) -> int:
        address = _pointer(argument)
        memory = argument.resolve(0, usbfs.URB_BYTES)
        urb = Urb.read(address, memory, bytes(memory.retrieve()))
        if urb.size and (urb.is_control or not urb.is_in):
            urb.sent = bytes(memory.resolve(usbfs.BUFFER_AT, urb.size).retrieve())
        opening.submit(urb)
        return 0

    def _discard(self, opening: Opening, argument: Any) -> int:
        return opening.discard(_pointer(argument))

    def _reap(self, opening: Opening, argument: Any) -> int:
        urb = opening.reap()
        if urb is not None:
            _lay_down(urb)
            argument.resolve(0, usbfs.POINTER_BYTES).set_ptr(0, urb.memory)
            return 0
        if not opening.is_live:
            return errno.ENODEV
        if opening.is_waiting:
            time.sleep(_BREATH_S)
        return errno.EAGAIN


def _lay_down(urb: Urb) -> None:
    """Write how a transfer ended, and what it brought, where the program looks for it."""
    memory = urb.memory
    memory.reload()  # umockdev writes back only what differs from what it has read
    if urb.came:
        start = _SETUP_BYTES if urb.is_control else 0
        memory.resolve(usbfs.BUFFER_AT, start + len(urb.came)).update(start, urb.came)
    _put(memory, usbfs.STATUS_AT, urb.status)
    _put(memory, usbfs.ACTUAL_LENGTH_AT, urb.actual)


def _put(memory: Any, offset: int, value: int) -> None:
    memory.update(offset, value.to_bytes(usbfs.INTEGER_BYTES, sys.byteorder, signed=value < 0))


def _pointer(argument: Any) -> int:
    return int.from_bytes(argument.retrieve(), sys.byteorder)
