"""The bus: the scanner on a umockdev testbed, there while it is plugged in.

Nothing tells a program that the bus has changed: umockdev's events are udev's, and the bundled
libusb listens to the kernel's. The driver needs none: it makes a libusb context for every
connection, and a new context reads the bus from sysfs.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import gi

from daemon.feeder.emulator import Emulator
from tests.feeder.umockdev import descriptors
from tests.feeder.umockdev.node import Node

gi.require_version("UMockdev", "1.0")
from gi.repository import UMockdev  # noqa: E402 (its version is named first)


class Bus:
    """Shows a scanner where it is, under a new address each time it was plugged in.

    Parameters
    ----------
    emulator
        The scanner.
    """

    def __init__(self, emulator: Emulator) -> None:
        self._emulator = emulator
        self._testbed: Any = UMockdev.Testbed.new()
        self._lock = threading.RLock()
        self._plugs = 0
        self._node: Node | None = None
        self._testbed.add_from_string(descriptors.hub_entry())
        self._follow()

    @property
    def folder(self) -> str:
        """Where the testbed lies; a program in it has this as UMOCKDEV_DIR."""
        return str(self._testbed.get_root_dir())

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keep hands and programs from each other; show afterwards what became of the cable."""
        with self._lock:
            try:
                yield
            finally:
                self._follow()

    def _follow(self) -> None:
        plugs = self._emulator.plugs if self._emulator.is_plugged else 0
        if plugs != self._plugs:
            if self._plugs:
                self._hide(self._plugs)
            if plugs:
                self._show(plugs)
            self._plugs = plugs

    def _hide(self, plugs: int) -> None:
        self._testbed.remove_device(f"/sys{descriptors.SYSFS_PATH}")
        Path(self.folder + descriptors.node(plugs)).unlink()  # umockdev leaves the node
        self._testbed.detach_ioctl(descriptors.node(plugs))

    def _show(self, plugs: int) -> None:
        # whoever sees the scanner can open it, and whoever opens it is answered
        self._node = Node(self._emulator, plugs, self.alone)
        self._testbed.attach_ioctl(descriptors.node(plugs), self._node)
        self._testbed.add_from_string(descriptors.scanner_entry(plugs, self._emulator.profile))
