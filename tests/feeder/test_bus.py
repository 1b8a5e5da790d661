import errno

import pytest
import usb.backend.libusb1

from daemon.errors import ConfigError, LinkLost
from daemon.feeder import bus, models
from daemon.feeder.bus import attached
from daemon.feeder.emulator import Emulator
from daemon.feeder.hopper import Hopper
from daemon.feeder.loopback import LoopbackBackend
from tests.feeder.wire import Bus, Noise, usb_error

MODELS = models.load()


def emulator():
    return Emulator(Noise(0), Hopper(0))


def test_pipes_are_found_by_their_direction():
    found = attached(LoopbackBackend(emulator()), MODELS)[0]
    assert found.pipes.in_address & 0x80
    assert not found.pipes.out_address & 0x80
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


def test_scanners_of_a_known_product_come_before_other_devices_of_the_vendor():
    unknown, known = Other(idProduct=0x7777), LoopbackBackend(emulator())
    assert [each.model for each in attached(unknown, MODELS)] == [""]
    assert [each.model for each in attached(Bus(unknown, known), MODELS)] == ["fi-7160", ""]


def test_a_device_that_vanishes_while_the_bus_is_read_hides_no_other():
    class Vanishing(LoopbackBackend):
        def get_endpoint_descriptor(self, dev, ep, intf, alt, config):
            raise usb_error(errno.ENODEV)

    vanishing, there = Vanishing(emulator()), LoopbackBackend(emulator())
    assert len(attached(Bus(vanishing, there), MODELS)) == 1
    with pytest.raises(LinkLost, match="gone from the bus"):
        attached(vanishing, MODELS)


def test_another_setting_of_an_interface_is_not_one_that_can_be_used_as_it_is():
    assert attached(Other(bAlternateSetting=1), MODELS) == ()


def test_every_backend_over_libusb_has_a_context_of_its_own():
    first, second = bus.libusb_backend(), bus.libusb_backend()
    assert isinstance(first, usb.backend.libusb1._LibUSB)
    assert first.ctx.value != second.ctx.value
    for backend in (first, second):
        list(backend.enumerate_devices())
        backend.finalize()


def test_without_a_libusb_the_message_says_what_to_install(monkeypatch):
    monkeypatch.setattr(bus.libusb_package, "get_libusb1_backend", lambda: None)
    with pytest.raises(ConfigError, match="libusb-package"):
        bus.libusb_backend()
