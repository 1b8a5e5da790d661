"""The carrier itself: what it tells of the scanner, how transfers end, hands, neighbours."""

import errno
import json
import sys
import tempfile
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from daemon.feeder import loopback_descriptors
from daemon.feeder.emulator import FI_7160, FI_9999, Fault, FaultKind, LinkFault, LinkFaultKind
from daemon.feeder.hopper import Pile
from tests.feeder.umockdev import descriptors
from tests.feeder.umockdev.hands import (
    SOCKET_VARIABLE,
    FarHands,
    Hands,
    HandsServer,
    Refused,
    Sight,
)
from tests.feeder.umockdev.opening import Opening
from tests.feeder.umockdev.run import run
from tests.feeder.umockdev.stack import Stack
from tests.feeder.umockdev.usbfs import Urb

OUT, IN = 0x02, 0x81
INQUIRY = (b"\x43" + bytes(0x12) + b"\x12\0\0\0\x60\0").ljust(31, b"\0")
NONSENSE = bytes(31)

# -- what it tells -----------------------------------------------------------------------------


def packed(descriptor, *fields):
    """Return the fields of a pyusb descriptor as they stand in its bytes."""
    sizes = {"b": 1, "w": 2, "i": 1}
    data = b""
    for name in fields:
        size = 2 if name.startswith(("bcd", "id")) else sizes[name[0]]
        data += getattr(descriptor, name).to_bytes(size, "little")
    return data


@pytest.mark.parametrize("profile", [FI_7160, FI_9999], ids=lambda profile: profile.product)
def test_both_carriers_tell_the_bus_the_same(profile):
    device = packed(
        loopback_descriptors.device(1, profile),
        *("bLength", "bDescriptorType", "bcdUSB", "bDeviceClass", "bDeviceSubClass"),
        *("bDeviceProtocol", "bMaxPacketSize0", "idVendor", "idProduct", "bcdDevice"),
        *("iManufacturer", "iProduct", "iSerialNumber", "bNumConfigurations"),
    )
    configuration = packed(
        loopback_descriptors.CONFIGURATION,
        *("bLength", "bDescriptorType", "wTotalLength", "bNumInterfaces", "bConfigurationValue"),
        *("iConfiguration", "bmAttributes", "bMaxPower"),
    )
    interface = packed(
        loopback_descriptors.INTERFACE,
        *("bLength", "bDescriptorType", "bInterfaceNumber", "bAlternateSetting", "bNumEndpoints"),
        *("bInterfaceClass", "bInterfaceSubClass", "bInterfaceProtocol", "iInterface"),
    )
    endpoints = b"".join(
        packed(
            endpoint,
            *("bLength", "bDescriptorType", "bEndpointAddress", "bmAttributes"),
            *("wMaxPacketSize", "bInterval"),
        )
        for endpoint in loopback_descriptors.ENDPOINTS
    )
    assert descriptors.device(profile) == device
    assert configuration + interface + endpoints == descriptors.CONFIGURATION
    for number in range(4):
        said = loopback_descriptors.string(number, profile)
        assert descriptors.string(number, profile) == said


def test_a_control_transfer_gets_a_descriptor_no_longer_than_asked_and_else_a_refusal():
    assert descriptors.answer(bytes((0x80, 6, 0, 1, 0, 0, 8, 0)), FI_7160) == bytes.fromhex(
        "12 01 00 02 00 00 00 40"
    )
    assert (
        descriptors.answer(bytes((0x80, 6, 2, 3, 9, 4, 255, 0)), FI_7160)[2:].decode("utf-16-le")
        == "fi-7160"
    )
    assert descriptors.answer(bytes((0x80, 6, 9, 3, 9, 4, 255, 0)), FI_7160) is None
    assert descriptors.answer(bytes((0x80, 6, 0, 15, 0, 0, 255, 0)), FI_7160) is None
    assert descriptors.answer(bytes((0xC0, 1, 0, 0, 0, 0, 1, 0)), FI_7160) is None


def test_an_address_is_another_after_every_plug_and_one_that_usb_has():
    addresses = [descriptors.address(plugs) for plugs in range(1, 500)]
    assert (min(addresses), max(addresses)) == (2, 127)
    assert len(set(addresses[:126])) == 126
    assert descriptors.node(127) == "/dev/bus/usb/001/002"


# -- how transfers end -------------------------------------------------------------------------


@pytest.fixture
def emulator():
    return Stack().build()[0]


@pytest.fixture
def opening(emulator):
    return Opening(emulator, emulator.plugs)


def out(data, address=1):
    return Urb(address, None, OUT, is_control=False, size=len(data), sent=data)


def into(size, address=2):
    return Urb(address, None, IN, is_control=False, size=size)


def test_a_read_that_comes_first_waits_until_there_is_something_to_read(opening):
    read, written = into(96), out(INQUIRY)
    opening.submit(read)
    assert opening.is_waiting
    assert opening.reap() is None
    opening.submit(written)
    assert opening.reap() is written
    assert opening.reap() is read
    assert (written.status, written.actual) == (0, 31)
    assert (read.status, read.actual, read.came[8:16]) == (0, 96, b"FUJITSU ")
    assert not opening.is_waiting


def test_a_transfer_that_is_taken_back_says_so_and_one_that_is_done_cannot_be(opening):
    read = into(96, address=7)
    opening.submit(read)
    assert opening.discard(8) == errno.EINVAL
    assert opening.discard(7) == 0
    assert opening.reap().status == -errno.ENOENT
    assert opening.discard(7) == errno.EINVAL


def test_what_waits_ends_with_the_cable(opening, emulator):
    opening.submit(into(13))
    emulator.unplug()
    assert opening.reap().status == -errno.ESHUTDOWN
    assert not opening.is_live
    emulator.plug()
    assert not opening.is_live


def test_what_breaks_the_envelope_halts_the_pipe_until_it_is_cleared(opening):
    for block in (NONSENSE, INQUIRY):
        opening.submit(out(block))
        assert opening.reap().status == -errno.EPIPE
    opening.clear_halt(OUT)
    opening.clear_halt(IN)
    opening.submit(out(INQUIRY))
    assert opening.reap().status == 0


def test_the_interface_has_one_claimant(opening, emulator):
    other = Opening(emulator, emulator.plugs)
    assert (opening.claim(), opening.claim(), other.claim()) == (0, 0, errno.EBUSY)
    opening.close()
    assert other.claim() == 0


# -- hands and orders --------------------------------------------------------------------------


@pytest.fixture
def far(tmp_path):
    """Hands at the other end of a socket, and what they left behind."""
    emulator, hopper = Stack().build()
    left = []

    @contextmanager
    def alone():
        yield
        left.append(emulator.is_plugged)

    hands = Hands(emulator, hopper, alone)
    # the path of a socket must be short
    with tempfile.TemporaryDirectory() as folder:
        server = HandsServer(hands, Path(folder, "hands"))
        try:
            yield FarHands(str(Path(folder, "hands"))), hopper, left
        finally:
            server.close()


def test_far_hands_do_what_near_hands_do(far):
    hands, hopper, left = far
    hopper.feed(2)
    assert hands.look() == Sight(Pile(3, next_sheet=2, in_path=2), is_plugged=True, plugs=1)
    assert hands.refeed().pile.in_hopper == 3
    hopper.feed(2)
    hopper.deliver()
    assert hands.take_back(2).pile.in_hopper == 3
    assert hands.open_cover().pile.cover_open
    assert not hands.close_cover().pile.cover_open
    assert hands.press_scan().pile.button
    assert not hands.unplug().is_plugged
    assert hands.plug() == Sight(hopper.look(), is_plugged=True, plugs=2)
    assert hands.power_cycle().plugs == 3
    assert left == [True] * 6 + [False, True, True]


def test_an_order_that_cannot_be_carried_out_is_refused(far):
    hands, _, left = far
    with pytest.raises(Refused, match="cannot take back 2 sheets"):
        hands.take_back(2)
    with pytest.raises(Refused, match="dance"):
        hands.order("dance")
    assert left == []


def test_a_stack_is_built_in_another_process_as_in_this_one():
    stack = Stack(
        4,
        (Fault(1, FaultKind.JAM, "read"),),
        (LinkFault(LinkFaultKind.STALL, command=7), LinkFault(LinkFaultKind.RESET, byte=9)),
        FI_9999.product,
    )
    assert Stack.from_json(json.loads(json.dumps(stack.to_json()))) == stack
    assert stack.build()[0].profile is FI_9999


# -- the process -------------------------------------------------------------------------------


@pytest.mark.sane
def test_the_status_is_the_programs_and_nothing_is_left_behind():
    with tempfile.TemporaryDirectory() as folder:
        ended = run(Stack(), ["sh", "-c", "exit 7"], {"TMPDIR": folder})
        assert (ended.status, ended.out, ended.err) == (7, "", "")
        assert list(Path(folder).iterdir()) == []


@pytest.mark.sane
def test_a_program_sees_the_scanner_and_the_hub_and_no_device_of_this_machine():
    ended = run(Stack(), ["sh", "-c", "cat /sys/bus/usb/devices/*/idProduct; ls /dev/bus/usb/001"])
    assert ended.out.split() == ["132e", "0002", "001", "002"]


@pytest.mark.sane
def test_who_starts_the_carrier_may_give_orders_too():
    with tempfile.TemporaryDirectory() as folder:
        socket, go = Path(folder, "hands"), Path(folder, "go")
        seen = []
        program = f"until test -e {go}; do sleep 0.02; done; ls /dev/bus/usb/001"

        def wait():
            seen.append(run(Stack(), ["sh", "-c", program], {SOCKET_VARIABLE: str(socket)}))

        thread = threading.Thread(target=wait)
        thread.start()
        try:
            while thread.is_alive() and not socket.exists():
                time.sleep(0.02)
            FarHands(str(socket)).unplug()
        finally:
            go.touch()
            thread.join()
        assert seen[0].out.split() == ["001"]


@pytest.mark.sane
def test_carriers_beside_each_other_do_not_meet():
    found = {}

    def look(sheets):
        code = (
            "import os; from tests.feeder.umockdev import hands;"
            "far = hands.FarHands(os.environ[hands.SOCKET_VARIABLE]);"
            f"[far.power_cycle() for _ in range({sheets})];"
            "print(far.look().pile.sheets, *sorted(os.listdir('/dev/bus/usb/001')))"
        )
        found[sheets] = run(Stack(sheets), [sys.executable, "-c", code]).out.split()

    threads = [threading.Thread(target=look, args=(sheets,)) for sheets in (1, 2, 3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # the hub, and the scanner under an address that is another after every power cycle
    assert found == {n: [str(n), "001", f"{2 + n:03}"] for n in (1, 2, 3)}
