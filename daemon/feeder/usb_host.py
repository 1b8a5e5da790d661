"""What Linux knows of a USB device besides its bytes: who holds it, whether it may sleep; and time.

Rule 1: /proc and /sys are read, never written. Rule 2: what cannot be seen is not guessed: the
answer names the command with which an administrator sees it.
"""

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Final

_THROUGH_LIBUSB: Final = "usbfs"  # the "driver" of an interface that a program has claimed


@dataclass(frozen=True, slots=True)
class Place:
    """Where a device stands on the bus now; plugged in anew it stands elsewhere."""

    vendor_id: int
    bus: int
    address: int


class UsbHost:
    """The computer's own view of its USB devices, and its time.

    Parameters
    ----------
    root
        Where /proc, /sys and /dev lie.
    """

    def __init__(self, root: Path = Path("/")) -> None:
        self._root = root

    def clock(self) -> float:
        """Return seconds that only grow."""
        return time.monotonic()

    def pause(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)

    def holder(self, place: Place, interface: int) -> str:
        """Say who holds a device that cannot be claimed, and what to do about it."""
        device = self._device(place)
        if device is None:
            return (
                "another program holds the scanner (desktop scanning, or a second daemon): end it"
            )
        if driver := _driver(device, interface):
            return (
                f"the kernel's driver {driver} holds the scanner: unload it (`sudo rmmod {driver}`)"
            )
        node = self._root / f"dev/bus/usb/{place.bus:03d}/{place.address:03d}"
        if processes := list(self._openers(node)):
            return f"the scanner is held by {', '.join(map(_told, processes))}: end it"
        return (
            "the scanner is held by a program that cannot be seen from here, as it belongs to "
            f"another user: find it with `sudo fuser -v {node}` and end it"
        )

    def may_sleep(self, place: Place) -> bool:
        """Tell whether the kernel suspends this device when nothing passes (autosuspend)."""
        device = self._device(place)
        if device is None or _line(device / "power/control") != "auto":
            return False
        delay = _line(device / "power/autosuspend_delay_ms")
        return not delay.startswith("-")  # below zero is never

    def _device(self, place: Place) -> Path | None:
        """Return the device's folder; None for what is on no bus of this computer."""
        wanted = [f"{place.vendor_id:04x}", str(place.bus), str(place.address)]
        for each in _listed(self._root / "sys/bus/usb/devices"):
            if [_line(each / name) for name in ("idVendor", "busnum", "devnum")] == wanted:
                return each
        return None

    def _openers(self, node: Path) -> Iterator[Path]:
        """Find the processes that have opened the device.

        The opening that was just refused is not one: this process counts from the second on.
        """
        for process in _listed(self._root / "proc"):
            if process.name.isdecimal():
                least = 2 if process.name == str(os.getpid()) else 1
                opened = [_target(link) for link in _listed(process / "fd")]
                if opened.count(str(node)) >= least:
                    yield process


def _driver(device: Path, interface: int) -> str:
    """Return the kernel's own driver of this interface, or ""."""
    for each in _listed(device):
        if each.name.startswith(f"{device.name}:") and each.name.endswith(f".{interface}"):
            driver = PurePath(_target(each / "driver")).name
            return "" if driver == _THROUGH_LIBUSB else driver
    return ""


def _told(process: Path) -> str:
    return f"PID {process.name} ({_line(process / 'comm') or 'its name is hidden'})"


def _listed(folder: Path) -> list[Path]:
    """Return what is in a folder; nothing where it has gone, or belongs to another user."""
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []


def _target(link: Path) -> str:
    try:
        return str(link.readlink())
    except OSError:
        return ""


def _line(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""
