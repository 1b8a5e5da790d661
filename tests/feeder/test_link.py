import array
import copy
import errno
import logging
from dataclasses import replace

import pytest
import usb.backend.libusb1

from daemon.errors import LinkLost, LinkStall, LinkTimeout, ProtocolError
from daemon.feeder import fi, link, models
from daemon.feeder import loopback_descriptors as descriptors
from daemon.feeder.capture import Witness
from daemon.feeder.emulator import Emulator
from daemon.feeder.fi.envelope import command_block
from daemon.feeder.hopper import Hopper
from daemon.feeder.link import Link, attached
from daemon.feeder.loopback import LoopbackBackend
from tests.feeder.usb_tree import PLACE, Tree
from tests.feeder.wire import In, Noise, Out, Script

MODELS = models.load()
TUR = command_block(fi.test_unit_ready().cdb)


@pytest.fixture
def opened():
    links = []

    def open_over(backend):
        links.append(Link(attached(backend, MODELS)[0], backend))
        return links[-1]

    yield open_over
    for each in links:
        each.close()


def emulator():
    return Emulator(Noise(0), Hopper(0))


class Failing(Script):
    """Fails one operation with an errno."""

    def __init__(self, operation, number):
        super().__init__([Out(TUR), In(b"")])
        self.operation, self.number = operation, number

    def __getattribute__(self, name):
        found = super().__getattribute__(name)
        if name not in {"operation", "number"} and name == self.operation:

            def fail(*_):
                raise usb.core.USBError("scripted", None, self.number)

            return fail
        return found


ERRNOS = [
    (errno.ENODEV, LinkLost, "gone from the bus"),
    (errno.ENOENT, LinkLost, "gone from the bus"),
    (errno.EIO, LinkLost, "cable"),
    (errno.ETIMEDOUT, LinkTimeout, "in time"),
    (errno.EPIPE, LinkStall, "halted"),
    (errno.EOVERFLOW, ProtocolError, "more than it was asked for"),
    (None, LinkLost, "failed"),
]


@pytest.mark.parametrize(("number", "error", "text"), ERRNOS)
@pytest.mark.parametrize("operation", ["bulk_write", "bulk_read", "clear_halt", "reset_device"])
def test_an_errno_becomes_one_of_our_errors(opened, operation, number, error, text):
    line = opened(Failing(operation, number))
    acts = {
        "bulk_write": lambda: line.write(TUR, 1.0),
        "bulk_read": lambda: line.read(13, 1.0),
        "clear_halt": line.clear_halt,
        "reset_device": line.reset,
    }
    with pytest.raises(error, match=text) as caught:
        acts[operation]()
    assert type(caught.value) is error
    assert caught.value.facts["errno"] == number


def test_without_the_right_to_open_the_message_names_the_udev_rule():
    backend = Failing("open_device", errno.EACCES)
    with pytest.raises(LinkLost, match=r"systemd/60-suian\.rules"):
        Link(attached(backend, MODELS)[0], backend)


def test_a_scanner_that_another_program_holds_says_so(opened):
    scanner = emulator()
    opened(LoopbackBackend(scanner))
    with pytest.raises(LinkLost, match="another program holds the scanner"):
        opened(LoopbackBackend(scanner))


def test_a_closed_link_lets_others_in(opened):
    scanner = emulator()
    opened(LoopbackBackend(scanner)).close()
    opened(LoopbackBackend(scanner))


def test_a_scanner_that_is_held_names_the_holder(tmp_path):
    tree = Tree(tmp_path)
    tree.process(1234, "scanimage", tree.node)
    scanner = emulator()
    backend = LoopbackBackend(scanner)
    found = replace(attached(backend, MODELS)[0], place=PLACE)
    held = Link(found, backend)
    other = LoopbackBackend(scanner)
    found = replace(attached(other, MODELS)[0], place=PLACE)
    with pytest.raises(LinkLost, match=r"held by PID 1234 \(scanimage\)") as caught:
        Link(found, other, host=tree.host)
    assert caught.value.facts["errno"] == errno.EBUSY
    held.close()


def test_a_link_that_cannot_claim_its_interface_closes_the_device():
    closed = []

    class Held(LoopbackBackend):
        def claim_interface(self, dev_handle, intf):
            raise usb.core.USBError("scripted", None, errno.EBUSY)

        def close_device(self, dev_handle):
            closed.append(dev_handle)

    backend = Held(emulator())
    found = attached(backend, MODELS)[0]
    with pytest.raises(LinkLost):
        Link(found, backend)
    assert len(closed) == 1


def test_a_device_that_is_configured_is_not_configured_again(opened):
    opened(Failing("set_configuration", errno.EIO))


@pytest.mark.parametrize("before", [0, 2], ids=["none", "another"])
def test_a_device_in_another_configuration_is_configured(before):
    class Unconfigured(LoopbackBackend):
        chosen = before

        def get_configuration_descriptor(self, dev, config):
            found = [descriptors.CONFIGURATION, copy.copy(descriptors.CONFIGURATION)]
            found[1].bConfigurationValue, found[1].bNumInterfaces = 2, 0
            return found[config]

        def get_device_descriptor(self, dev):
            found = super().get_device_descriptor(dev)
            found.bNumConfigurations = 2
            return found

        def get_configuration(self, dev_handle):
            return self.chosen

        def set_configuration(self, dev_handle, config_value):
            self.chosen = config_value

    backend = Unconfigured(emulator())
    found = attached(backend, MODELS)[0]
    Link(found, backend).close()
    assert backend.chosen == found.pipes.configuration != 0


def test_a_transfer_that_goes_out_in_part_is_a_timeout(opened):
    class Slow(Script):
        def bulk_write(self, dev_handle, ep, intf, data, timeout):
            return len(data) - 1

    with pytest.raises(LinkTimeout, match=r"expected=31, got=30"):
        opened(Slow([])).write(TUR, 1.0)


def test_what_comes_lies_in_the_callers_memory(opened):
    line = opened(Script([In(b"abc"), In(b"")]))
    block = array.array("B", b"......")
    assert line.read_into(block, 1.0) == 3
    assert block.tobytes() == b"abc..."
    assert line.read(13, 1.0) == b""


def test_a_deadline_is_never_for_ever(opened):
    seen = []

    class Timed(Script):
        def bulk_read(self, dev_handle, ep, intf, buff, timeout):
            seen.append(timeout)
            return 0

    line = opened(Timed([]))
    for seconds in (0.0, 0.0001, 0.5, 30.0):
        line.read(13, seconds)
    assert seen == [1, 1, 500, 30_000]


class Notes(Witness):
    """Notes what it is told, in order."""

    def __init__(self):
        self.told = []

    def opened(self, device):
        self.told.append(("opened", device))

    def out(self, data):
        self.told.append(("out", data))

    def came(self, buffer, count):
        self.told.append(("came", buffer[:count].tobytes()))

    def failed(self, number, doing):
        self.told.append(("failed", number, doing))

    def cleared_halt(self):
        self.told.append(("cleared_halt",))

    def reset(self):
        self.told.append(("reset",))

    def closed(self):
        self.told.append(("closed",))


def test_a_witness_is_told_of_all_that_passes_in_order_and_of_what_was_tried():
    notes, backend = Notes(), Script([Out(TUR), In(b"abc"), In(errno.ETIMEDOUT), In(b"")])
    found = attached(backend, MODELS)[0]
    line = Link(found, backend, capture=notes)
    line.write(TUR, 1.0)
    line.read(13, 1.0)
    with pytest.raises(LinkTimeout):
        line.read(13, 1.0)
    line.read(13, 1.0)
    line.clear_halt()
    line.reset()
    line.close()
    line.close()
    assert notes.told == [
        ("opened", found.pipes),
        ("out", TUR),
        ("came", b"abc"),
        ("failed", errno.ETIMEDOUT, "receiving"),
        ("came", b""),
        ("cleared_halt",),
        ("reset",),
        ("closed",),
    ]
    assert (found.pipes.vendor_id, found.pipes.interface_class) == (0x04C5, 0xFF)


def test_a_witness_is_told_why_a_device_could_not_be_opened():
    notes, backend = Notes(), Failing("open_device", errno.EACCES)
    with pytest.raises(LinkLost):
        Link(attached(backend, MODELS)[0], backend, notes)
    assert [each[0] for each in notes.told] == ["opened", "failed", "closed"]
    assert notes.told[1] == ("failed", errno.EACCES, "opening")


def test_a_witness_is_told_of_a_transfer_that_went_out_in_part():
    class Slow(Script):
        def bulk_write(self, dev_handle, ep, intf, data, timeout):
            return len(data) - 1

    notes, backend = Notes(), Slow([])
    line = Link(attached(backend, MODELS)[0], backend, notes)
    with pytest.raises(LinkTimeout):
        line.write(TUR, 1.0)
    assert notes.told[-1] == ("failed", errno.ETIMEDOUT, "sending in part")
    line.close()


def test_draining_ends_when_the_pipe_is_silent_or_halted(opened):
    line = opened(Script([In(b"1234"), In(b"56"), In(errno.ETIMEDOUT), In(b"7"), In(errno.EPIPE)]))
    assert line.drain() == 6
    assert line.drain() == 1


def test_draining_ends_when_the_scanner_never_does(opened, monkeypatch):
    class Endless(Script):
        def bulk_read(self, dev_handle, ep, intf, buff, timeout):
            return len(buff)

    monkeypatch.setattr(link, "DRAIN_LIMIT_S", 0.05)
    with pytest.raises(ProtocolError, match="does not stop sending"):
        opened(Endless([])).drain()


def test_bytes_are_logged_on_a_logger_of_their_own_and_not_all_of_them(opened, caplog):
    caplog.set_level(logging.DEBUG, logger="daemon.feeder.link.trace")
    line = opened(Script([Out(TUR), In(bytes(range(200)))]))
    line.write(TUR, 1.0)
    line.read(200, 1.0)
    sent, got = (record.getMessage() for record in caplog.records if "trace" in record.name)
    assert sent.startswith("> 31 bytes: 43 00")
    assert got.startswith("< 200 bytes: 00 01")
    assert got.endswith("1f ...")
