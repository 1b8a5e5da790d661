"""Real pyusb finds and reads the emulated scanner, and meets the errors libusb would give."""

import array
import errno
import threading

import pytest
import usb.core
import usb.util

from daemon.feeder.emulator import Emulator, Fault, FaultKind, Window
from daemon.feeder.hopper import Hopper
from daemon.feeder.loopback import LoopbackBackend
from tests.feeder.host import (
    FEED,
    TEST_UNIT_READY,
    Host,
    Paper,
    face,
    inverted,
    windows,
)

SECOND_MS = 1000


class Pipes:
    """The two endpoints of a pyusb device, for `Host`."""

    def __init__(self, device):
        self.device = device
        interface = device.get_active_configuration()[(0, 0)]
        self.ends = {
            usb.util.endpoint_direction(end.bEndpointAddress): end.bEndpointAddress
            for end in interface
        }

    def write(self, data):
        end = self.ends[usb.util.ENDPOINT_OUT]
        assert self.device.write(end, data, SECOND_MS) == len(data)

    def read(self, size):
        return self.device.read(self.ends[usb.util.ENDPOINT_IN], size, SECOND_MS).tobytes()


@pytest.fixture
def emulator():
    return Emulator(Paper(3), Hopper(3))


@pytest.fixture
def backend(emulator):
    return LoopbackBackend(emulator)


@pytest.fixture
def device(backend):
    found = find(backend)
    yield found
    usb.util.dispose_resources(found)


def find(backend):
    (found,) = usb.core.find(find_all=True, backend=backend, idVendor=0x04C5, idProduct=0x132E)
    return found


def read_error(device, size=13, timeout=20):
    with pytest.raises(usb.core.USBError) as failed:
        device.read(0x81, size, timeout)
    return failed.value


def test_it_is_found_with_one_vendor_interface_and_a_bulk_endpoint_each_way(backend):
    assert list(usb.core.find(find_all=True, backend=backend, idVendor=0x1234)) == []
    device = find(backend)
    (configuration,) = device
    (interface,) = configuration
    assert interface.bInterfaceClass == 0xFF
    assert [end.bEndpointAddress for end in interface] == [0x81, 0x02]
    assert {usb.util.endpoint_type(end.bmAttributes) for end in interface} == {
        usb.util.ENDPOINT_TYPE_BULK
    }
    assert configuration.wTotalLength == sum(
        part.bLength for part in (configuration, interface, *interface)
    )
    assert "04c5:132e" in repr(device)
    assert device.parent is None


def test_its_strings_can_be_read_and_its_serial_number_is_not_one_of_them(device):
    assert (device.manufacturer, device.product) == ("FUJITSU", "fi-7160")
    assert device.serial_number is None
    with pytest.raises(usb.core.USBError) as failed:
        usb.util.get_string(device, 7)
    assert failed.value.errno == errno.EPIPE


def test_the_usual_preparations_are_harmless(device):
    device.set_configuration()
    assert not device.is_kernel_driver_active(0)
    usb.util.claim_interface(device, 0)
    device.set_interface_altsetting(0, 0)
    usb.util.release_interface(device, 0)
    for attempt in (device.detach_kernel_driver, device.attach_kernel_driver):
        with pytest.raises(usb.core.USBError) as failed:
            attempt(0)
        assert failed.value.errno == errno.ENOENT


def test_a_sheet_goes_through_pyusb_as_it_is(device):
    host = Host(Pipes(device))
    host.start(windows(300, 200))
    assert host.send(FEED) == 0
    assert host.scan() == 0
    window = Window(300, 200, 200, 1)
    assert host.read_side(0x00, 16384) == inverted(face(0, "F", window))
    assert host.read_side(0x80, 16384) == inverted(face(0, "B", window))


def test_a_read_may_fill_a_buffer_of_the_host(device):
    device.write(0x02, Host(None).block(bytes((0x12, 0, 0, 0, 96, 0))))
    room = array.array("B", bytes(200))
    assert device.read(0x81, room, SECOND_MS) == 96
    assert room[8:15].tobytes() == b"FUJITSU"
    assert not any(room[96:])
    assert device.read(0x81, 13).tobytes()[0] == 0x53


def test_a_read_with_nothing_to_read_times_out(device):
    for timeout in (1, 20, SECOND_MS):
        error = read_error(device, timeout=timeout)
        assert isinstance(error, usb.core.USBTimeoutError)
        assert (error.errno, error.backend_error_code) == (errno.ETIMEDOUT, -7)


def test_a_write_that_is_not_taken_times_out(device):
    block = Host(None).block(TEST_UNIT_READY)
    device.write(0x02, block)
    with pytest.raises(usb.core.USBTimeoutError):
        device.write(0x02, block, 20)
    device.read(0x81, 13)


def test_garbage_halts_and_both_endpoints_must_be_cleared(device):
    with pytest.raises(usb.core.USBError) as failed:
        device.write(0x02, b"garbage")
    assert (failed.value.errno, failed.value.backend_error_code) == (errno.EPIPE, -9)
    assert read_error(device).errno == errno.EPIPE
    device.clear_halt(0x81)
    assert isinstance(read_error(device), usb.core.USBTimeoutError)
    device.clear_halt(0x02)
    assert Host(Pipes(device)).send(TEST_UNIT_READY) == 2


def test_a_reset_is_told_once_and_the_device_goes_on(device):
    host = Host(Pipes(device))
    assert host.refusal(TEST_UNIT_READY) == (6, 0, 0)
    assert host.send(TEST_UNIT_READY) == 0
    device.reset()
    assert host.refusal(TEST_UNIT_READY) == (6, 0, 0)


def test_a_pulled_cable_fails_every_call_and_empties_the_bus(backend, device):
    Host(Pipes(device)).send(TEST_UNIT_READY)
    backend.unplug()
    assert list(usb.core.find(find_all=True, backend=backend)) == []
    calls = (
        lambda: device.read(0x81, 13),
        lambda: device.write(0x02, bytes(31)),
        lambda: device.clear_halt(0x81),
        lambda: device.ctrl_transfer(0x80, 6, 0x0300, 0, 4),
        device.set_configuration,
        device.reset,
    )
    for call in calls:
        with pytest.raises(usb.core.USBError) as failed:
            call()
        assert (failed.value.errno, failed.value.backend_error_code) == (errno.ENODEV, -4)


def test_plugged_in_again_it_is_another_device_and_the_old_handle_stays_dead(backend, device):
    Host(Pipes(device)).send(TEST_UNIT_READY)
    backend.unplug()
    backend.plug()
    assert read_error(device).errno == errno.ENODEV
    again = find(backend)
    assert again.address != device.address
    assert Host(Pipes(again)).refusal(TEST_UNIT_READY) == (6, 0, 0)
    usb.util.dispose_resources(again)


def test_a_fault_of_the_script_can_pull_the_cable():
    backend = LoopbackBackend(Emulator(Paper(3), Hopper(3), (Fault(0, FaultKind.UNPLUG),)))
    device = find(backend)
    host = Host(Pipes(device))
    host.start(windows())
    with pytest.raises(usb.core.USBError) as failed:
        host.send(FEED)
    assert failed.value.errno == errno.ENODEV
    assert list(usb.core.find(find_all=True, backend=backend)) == []
    backend.plug()
    fresh = LoopbackBackend(backend._emulator)
    usb.util.dispose_resources(device)
    assert Host(Pipes(find(fresh))).refusal(TEST_UNIT_READY) == (6, 0, 0)


def test_one_program_has_the_scanner_at_a_time(emulator, device):
    usb.util.claim_interface(device, 0)
    other = find(LoopbackBackend(emulator))
    with pytest.raises(usb.core.USBError) as failed:
        usb.util.claim_interface(other, 0)
    assert (failed.value.errno, failed.value.backend_error_code) == (errno.EBUSY, -6)
    usb.util.dispose_resources(device)
    usb.util.claim_interface(other, 0)
    usb.util.dispose_resources(other)


def test_other_interfaces_settings_and_endpoints_do_not_exist(backend, device):
    handle = backend.open_device(next(iter(backend.enumerate_devices())))
    room = array.array("B", bytes(13))
    calls = (
        lambda: backend.claim_interface(handle, 1),
        lambda: backend.set_configuration(handle, 2),
        lambda: backend.set_interface_altsetting(handle, 0, 1),
        lambda: backend.bulk_read(handle, 0x83, 0, room, 20),
        lambda: backend.bulk_write(handle, 0x04, 0, room, 20),
        lambda: backend.clear_halt(handle, 0x83),
    )
    for call in calls:
        with pytest.raises(usb.core.USBError) as failed:
            call()
        assert failed.value.errno == errno.ENOENT
    backend.claim_interface(handle, 0)
    backend.close_device(handle)
    usb.util.claim_interface(device, 0)  # closing lets it go


def test_hands_may_act_from_another_thread_while_the_host_reads():
    paper, hopper = Paper(40), Hopper(40)
    device = find(LoopbackBackend(Emulator(paper, hopper)))
    host = Host(Pipes(device))
    host.start(windows())
    is_over = threading.Event()
    presses = []

    def hands():
        while not is_over.is_set():
            hopper.press_scan()
            presses.append(1)
            hopper.look()

    thread = threading.Thread(target=hands)
    thread.start()
    try:
        window = Window(60, 40, 200, 1)
        for sheet in range(40):
            assert host.send(FEED) == 0
            assert host.scan() == 0
            assert host.read_side(0x00, 700) == inverted(face(sheet, "F", window))
            assert host.read_side(0x80, 700) == inverted(face(sheet, "B", window))
            host.hardware_status()
    finally:
        is_over.set()
        thread.join()
        usb.util.dispose_resources(device)
    assert presses
    assert hopper.look().in_tray == 40
