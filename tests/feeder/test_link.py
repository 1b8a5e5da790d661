import array
import errno
import logging

import pytest
import usb.backend.libusb1

from daemon.errors import ConfigError, LinkLost, LinkStall, LinkTimeout, ProtocolError
from daemon.feeder import fi, link, models
from daemon.feeder.emulator import Emulator
from daemon.feeder.fi.envelope import command_block
from daemon.feeder.hopper import Hopper
from daemon.feeder.link import Link, attached
from daemon.feeder.loopback import LoopbackBackend
from tests.feeder.wire import Bus, In, Noise, Out, Script

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


def test_an_unconfigured_device_is_configured():
    class Unconfigured(LoopbackBackend):
        chosen = 0

        def get_configuration(self, dev_handle):
            return self.chosen

        def set_configuration(self, dev_handle, config_value):
            self.chosen = config_value

    backend = Unconfigured(emulator())
    found = attached(backend, MODELS)[0]
    Link(found, backend).close()
    assert backend.chosen == found.configuration != 0


def test_pipes_are_found_by_their_direction():
    found = attached(LoopbackBackend(emulator()), MODELS)[0]
    assert found.in_address & 0x80
    assert not found.out_address & 0x80
    assert found.model == "fi-7160"


class Other(LoopbackBackend):
    """A device with some other field in its descriptors."""

    def __init__(self, **fields):
        super().__init__(emulator())
        self.fields = fields

    def _changed(self, descriptor):
        fields = {name: v for name, v in self.fields.items() if hasattr(descriptor, name)}
        return type(descriptor)(**{**vars(descriptor), **fields})

    def get_device_descriptor(self, dev):
        return self._changed(super().get_device_descriptor(dev))

    def get_interface_descriptor(self, dev, intf, alt, config):
        return self._changed(super().get_interface_descriptor(dev, intf, alt, config))

    def get_endpoint_descriptor(self, dev, ep, intf, alt, config):
        return self._changed(super().get_endpoint_descriptor(dev, ep, intf, alt, config))


@pytest.mark.parametrize(
    "fields",
    [
        {"idVendor": 0x1234},
        {"bInterfaceClass": 3},
        {"bmAttributes": 3},
        {"bEndpointAddress": 0x81},
    ],
    ids=["vendor", "keyboard", "interrupt pipes", "no way out"],
)
def test_what_is_no_scanner_is_not_listed(fields):
    assert attached(Other(**fields), MODELS) == ()


def test_an_unknown_product_counts_only_where_no_known_one_is():
    unknown, known = Other(idProduct=0x7777), LoopbackBackend(emulator())
    assert [each.model for each in attached(unknown, MODELS)] == [""]
    assert [each.model for each in attached(Bus(unknown, known), MODELS)] == ["fi-7160"]


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


def test_every_backend_over_libusb_has_a_context_of_its_own():
    first, second = link.libusb_backend(), link.libusb_backend()
    assert isinstance(first, usb.backend.libusb1._LibUSB)
    assert first.ctx.value != second.ctx.value
    for backend in (first, second):
        list(backend.enumerate_devices())
        backend.finalize()


def test_without_a_libusb_the_message_says_what_to_install(monkeypatch):
    monkeypatch.setattr(link.libusb_package, "get_libusb1_backend", lambda: None)
    with pytest.raises(ConfigError, match="libusb-package"):
        link.libusb_backend()
