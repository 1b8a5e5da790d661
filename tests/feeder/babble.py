"""A scanner whose every answer may be cut, changed, replaced or missing, as some bytes say.

As a fuzz target (needs atheris beside what the tests need):

    python -m tests.feeder.babble parsers -max_total_time=600
    python -m tests.feeder.babble session -max_total_time=600

Whatever it says, the driver raises errors of our tree and nothing else, ends in time, and asks for
no more memory than window and slack.
"""

import array
import errno
import gc
import inspect
import itertools
import logging
import sys
import tracemalloc
from contextlib import suppress

import usb.core

from daemon.errors import ConfigError, DeviceError, OperatorError, SuianError
from daemon.feeder import link, loopback, session
from daemon.feeder.emulator import Emulator
from daemon.feeder.fi import abilities, envelope, sense, status
from daemon.feeder.hopper import Hopper
from daemon.feeder.loopback import LoopbackBackend
from daemon.feeder.scanner import Scanner
from daemon.feeder.settings import Mode, Settings
from daemon.page import SheetId
from tests.feeder import tiles

SETTINGS = Settings(dpi=200, mode=Mode.GRAY, paper_units=tiles.PAPER_UNITS)
SIDE_BYTES = 157 * 102
MOST_BYTES = 2 * 2**20
"""Both sides, their blocks, and what Python and pyusb need for a connection."""
_ERRNOS = (errno.ETIMEDOUT, errno.EPIPE, errno.ENODEV, errno.EOVERFLOW, errno.EIO, errno.EBUSY, 0)
_MOST_TURNS = 12
MEASURED = 16
"""Of so many inputs the memory of one is measured, which takes longest."""


class Bytes:
    """What the fuzzer gives; 0 when there is no more, and then nothing is changed any more."""

    def __init__(self, data):
        self._data = memoryview(data)

    def one(self):
        if not self._data:
            return 0
        first, self._data = self._data[0], self._data[1:]
        return first

    def some(self, count):
        taken, self._data = bytes(self._data[:count]), self._data[count:]
        return taken


class Babble(LoopbackBackend):
    """Passes on what the emulated scanner says, changed as the bytes say."""

    def __init__(self, emulator, said):
        super().__init__(emulator)
        self._said = said

    def bulk_read(self, dev_handle, ep, intf, buff, timeout):
        came = super().bulk_read(dev_handle, ep, intf, buff, timeout)
        how = self._said.one()
        if how < 160:
            return came
        if how < 190:
            return min(came, self._said.one())
        if how < 220:
            at, value = self._said.one() % max(came, 1), self._said.one()
            buff[at] = value
            return came
        if how < 245:
            other = self._said.some(min(len(buff), self._said.one()))
            buff[: len(other)] = array.array("B", other)
            return len(other)
        raise usb.core.USBError("babble", -1, _ERRNOS[how % len(_ERRNOS)])


def without_pauses(put=setattr):
    """Let nobody wait, and patience end after a few tries."""
    ticks = itertools.count()
    put(session, "BUSY_PAUSE_S", 0)
    put(session, "BUSY_LIMIT_S", 20)
    put(loopback, "_LONGEST_WAIT_S", 0)
    put(link, "DRAIN_LIMIT_S", 0.05)
    return lambda: next(ticks)


def parsers(data):
    """Give the bytes to every parser of an answer."""
    for parse in (
        envelope.status_of,
        abilities.parse_inquiry,
        abilities.parse_abilities,
        abilities.parse_serial,
        status.parse_hardware_status,
        lambda answer: status.parse_pixel_size(answer, 1000, 1000),
    ):
        with suppress(DeviceError):
            parse(data)
    with suppress(DeviceError):
        found = sense.parse(data)
        if sense.meaning(found).verdict is sense.Verdict.FAULT:
            assert isinstance(sense.error_of(found, "a command"), SuianError)


def session_of(data):
    """Drive a scanner that babbles; returns how many sheets were read."""
    said = Bytes(data)
    hopper = Hopper(2)
    emulator = Emulator(tiles.Paper(2), hopper)
    scanner = Scanner(lambda: Babble(emulator, said), settings=SETTINGS)
    read = 0
    try:
        for _ in range(_MOST_TURNS):
            try:
                read += _turn(scanner, emulator, hopper)
            except (DeviceError, OperatorError):
                continue
            except ConfigError:
                break
    finally:
        scanner.close()
    return read


def _turn(scanner, emulator, hopper):
    emulator.plug()
    state = scanner.state.value
    if state == "lost":
        scanner.recover()
    elif state == "blocked":
        hopper.refeed()
        scanner.cleared()
    scanner.poll()
    if scanner.state.value in ("idle", "asleep"):
        scanner.arm()
    if not scanner.feed():
        scanner.finish()
        return 0
    for scan in scanner.read_sheet(SheetId("0123abcd", 1, 1)):
        assert scan.samples.nbytes <= 4 * SIDE_BYTES
    return 1


def main():
    """Fuzz what the first argument names: parsers, or session."""
    import atheris

    without_pauses()
    logging.disable()  # it would say again and again that this scanner finds no double feeds
    target = {"parsers": parsers, "session": session_of}[sys.argv.pop(1)]
    runs = itertools.count()

    def measured(data):
        if next(runs) % MEASURED:
            target(data)
            return
        tracemalloc.start()
        try:
            target(data)
            assert tracemalloc.get_traced_memory()[1] < MOST_BYTES
        finally:
            tracemalloc.stop()

    for function in gc.get_objects():
        if inspect.isfunction(function) and "daemon.feeder" in str(function.__module__):
            atheris.instrument_func(function)
    atheris.Setup(sys.argv, measured)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
