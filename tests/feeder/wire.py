"""What driver tests put between pyusb and the scanner: a recorder, a script, a bus of several."""

import errno
from collections import deque
from dataclasses import dataclass

import numpy as np
import usb.core

from daemon.feeder.emulator import Emulator, Window
from daemon.feeder.fi.envelope import COMMAND_BLOCK_BYTES, command_block
from daemon.feeder.hopper import Hopper
from daemon.feeder.loopback import LoopbackBackend

CDB = slice(0x13, 0x13 + 10)


class Noise:
    """Paper that differs in every sample, so that a lost or doubled byte is seen."""

    def __init__(self, sheets):
        self.sheets = sheets

    def __len__(self):
        return self.sheets

    def face(self, sheet_index, side, window):
        random = np.random.default_rng([sheet_index, ord(side)])
        return random.bytes(window.width_px * window.height_px * window.channels)

    def length_units(self, _sheet_index):
        return 14032

    def wire(self, sheet_index, side, scan):
        """Return the samples that a scan of this face must have, in the order of the wire."""
        channels = scan.samples.shape[2] if scan.samples.ndim == 3 else 1
        height, width = scan.samples.shape[:2]
        window = Window(width_px=width, height_px=height, dpi=scan.dpi, channels=channels)
        positive = np.frombuffer(self.face(sheet_index, side, window), np.uint8)
        return 255 - positive.reshape(scan.samples.shape)


def usb_error(number):
    kind = usb.core.USBTimeoutError if number == errno.ETIMEDOUT else usb.core.USBError
    return kind("scripted", None, number)


class Recording(LoopbackBackend):
    """Notes every command that passes, with its payload."""

    def __init__(self, emulator, sent=None):
        super().__init__(emulator)
        self.sent = [] if sent is None else sent

    def bulk_write(self, dev_handle, ep, intf, data, timeout):
        if len(data) == COMMAND_BLOCK_BYTES and data[0] == 0x43:
            self.sent.append(bytes(data[CDB]))
        else:
            self.sent[-1] += b"|" + bytes(data)
        return super().bulk_write(dev_handle, ep, intf, data, timeout)


class Deaf(LoopbackBackend):
    """Loses transfers: `lose` is asked with "in" or "out" and returns an errno, or 0."""

    def __init__(self, emulator, lose):
        super().__init__(emulator)
        self.lose = lose

    def bulk_write(self, dev_handle, ep, intf, data, timeout):
        if number := self.lose("out"):
            raise usb_error(number)
        return super().bulk_write(dev_handle, ep, intf, data, timeout)

    def bulk_read(self, dev_handle, ep, intf, buff, timeout):
        if number := self.lose("in"):
            raise usb_error(number)
        return super().bulk_read(dev_handle, ep, intf, buff, timeout)


class Refusing(Recording):
    """Answers commands that begin so with this sense, in the scanner's place."""

    def __init__(self, emulator, begins, why, sent=None, *, data_in=False):
        super().__init__(emulator, sent)
        self.begins, self.why = begins, why
        self.refusal = [b"", status(2)] if data_in else [status(2)]
        self.answers = deque()
        self.is_asked_why = False

    def bulk_write(self, dev_handle, ep, intf, data, timeout):
        if self.is_asked_why:
            self.is_asked_why = False
            assert bytes(data) == REQUEST_SENSE
            self.answers.extend([self.why, status()])
            return len(data)
        if bytes(data[CDB]).startswith(self.begins):
            self.is_asked_why = True
            self.answers.extend(self.refusal)
            return len(data)
        return super().bulk_write(dev_handle, ep, intf, data, timeout)

    def bulk_read(self, dev_handle, ep, intf, buff, timeout):
        if not self.answers:
            return super().bulk_read(dev_handle, ep, intf, buff, timeout)
        answer = self.answers.popleft()
        memoryview(buff)[: len(answer)] = answer
        return len(answer)


@dataclass(frozen=True)
class Out:
    """The host is to send this."""

    data: bytes


@dataclass(frozen=True)
class In:
    """The host is to ask, and gets this; a number is an errno."""

    data: bytes | int


def status(value=0):
    return bytes([0x53]).ljust(9, b"\0") + bytes([value]) + bytes(3)


def sense(key, asc=0, ascq=0, *, ili=False, eom=False, residue=None, offending=None):
    made = bytearray(18)
    made[0] = 0x70 | (0x80 if residue is not None else 0)
    made[2] = key | (0x20 if ili else 0) | (0x40 if eom else 0)
    made[3:7] = (residue or 0).to_bytes(4, "big")
    made[7] = 10
    made[0x0C], made[0x0D] = asc, ascq
    if offending is not None:
        made[0x0F] = 0x80
        made[0x10:0x12] = offending.to_bytes(2, "big")
    return bytes(made)


REQUEST_SENSE = command_block(bytes.fromhex("03 00 00 00 12 00"))


def good(command, data=None):
    """Return the transfers of a command that is carried out."""
    return [*_asked(command, b"" if data is None else data), In(status())]


def checked(command, why, data=b""):
    """Return the transfers of a command that ends with sense bytes."""
    return [
        *_asked(command, data),
        In(status(2)),
        Out(REQUEST_SENSE),
        In(why),
        In(status()),
    ]


def busy(command):
    """Return the transfers of a command that the scanner has no time for."""
    return [*_asked(command, b""), In(status(8))]


def _asked(command, data):
    steps = [Out(command_block(command.cdb))]
    if command.out:
        steps.append(Out(command.out))
    if command.in_bytes:
        steps.append(In(data))
    return steps


class Script(LoopbackBackend):
    """Expects these transfers in this order, and answers with what the script says."""

    def __init__(self, *steps):
        super().__init__(Emulator(Noise(0), Hopper(0)))
        self.steps = deque(step for part in steps for step in part)

    def bulk_write(self, dev_handle, ep, intf, data, timeout):
        step = self._next()
        assert isinstance(step, Out), f"sent {bytes(data).hex(' ')} instead of listening"
        assert bytes(data) == step.data
        return len(data)

    def bulk_read(self, dev_handle, ep, intf, buff, timeout):
        step = self._next()
        assert isinstance(step, In), "listens instead of sending"
        if isinstance(step.data, int):
            raise usb_error(step.data)
        assert len(step.data) <= len(buff)
        memoryview(buff)[: len(step.data)] = step.data
        return len(step.data)

    def _next(self):
        assert self.steps, "the script is at its end"
        return self.steps.popleft()


class Bus:
    """Several scanners on one bus, each behind a backend of its own."""

    def __init__(self, *backends):
        self._backends = backends

    def enumerate_devices(self):
        for backend in self._backends:
            for device in backend.enumerate_devices():
                yield backend, device

    def __getattr__(self, name):
        def call(target, *rest):
            backend, thing = target
            answer = getattr(backend, name)(thing, *rest)
            return (backend, answer) if name == "open_device" else answer

        return call


def inquiry(vendor=b"FUJITSU", product=b"fi-7160", revision=b"0A00"):
    head = bytes([6, 0, 2, 2, 0x5B, 0, 0, 0])
    return (head + vendor.ljust(8) + product.ljust(16) + revision.ljust(4)).ljust(96, b"\0")


def page_f0(length=0x9A, **at):
    page = bytearray(0xCC)
    page[0], page[1], page[4] = 6, 0xF0, length
    page[0x05:0x09] = (600).to_bytes(2, "big") * 2
    page[0x0A:0x12] = (600).to_bytes(2, "big") * 2 + (50).to_bytes(2, "big") * 2
    page[0x14:0x1C] = (5100).to_bytes(4, "big") + (8400).to_bytes(4, "big")
    for offset, value in at.items():
        page[int(offset[1:], 16)] = value
    return bytes(page)
