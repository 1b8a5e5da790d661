"""The link's fault script: when a fault strikes, and those that strike any transfer."""

import errno

import pytest
import usb.core
import usb.util

from daemon.feeder.emulator import (
    ENDPOINT_IN,
    ENDPOINT_OUT,
    Emulator,
    LinkFault,
    LinkFaultKind,
    Silence,
    Stall,
    Unplugged,
)
from daemon.feeder.hopper import Hopper
from daemon.feeder.loopback import LoopbackBackend
from tests.feeder.host import (
    BACK,
    BYTES,
    FEED,
    FEED_BYTES,
    FRONT,
    SCAN_BYTES,
    TEST_UNIT_READY,
    Host,
    Paper,
    at,
    at_byte,
    paths,
    scan_begins,
    scanner,
    windows,
)

INQUIRY = bytes((0x12, 0, 0, 0, 96, 0))
RESET = (6, 0, 0)
ERRORS = {
    LinkFaultKind.UNPLUG: Unplugged,
    LinkFaultKind.STALL: Stall,
    LinkFaultKind.TIMEOUT: Silence,
    LinkFaultKind.HANG: Silence,
    LinkFaultKind.RESET: Silence,
    LinkFaultKind.POWER_CYCLE: Unplugged,
}


def clear_both(host):
    for endpoint in (ENDPOINT_IN, ENDPOINT_OUT):
        host.scanner.clear_halt(endpoint)


# -- the script ---------------------------------------------------------------------------------


def test_commands_and_bytes_are_counted_over_both_pipes_and_request_sense_counts():
    host = Host(Emulator(Paper(1), Hopper(1)))
    assert (host.scanner.commands, host.scanner.moved_bytes) == (0, 0)
    host.send(TEST_UNIT_READY)
    assert (host.scanner.commands, host.scanner.moved_bytes) == (1, 31 + 13)
    host.sense()
    assert (host.scanner.commands, host.scanner.moved_bytes) == (2, 2 * (31 + 13) + 18)
    assert host.mode_select(bytes.fromhex("00000000 3306c00000000000")) == 0
    assert (host.scanner.commands, host.scanner.moved_bytes) == (3, 3 * (31 + 13) + 18 + 12)
    with pytest.raises(Silence):
        host.scanner.read(13)
    with pytest.raises(Stall):
        host.scanner.write(b"?")
    assert (host.scanner.commands, host.scanner.moved_bytes) == (3, 3 * (31 + 13) + 18 + 12)


@pytest.mark.parametrize(
    "point",
    [{}, {"command": 1, "byte": 1}, {"command": -1}, {"byte": -1}, {"command": 0, "count": 0}],
)
def test_a_link_fault_without_one_point_is_refused(point):
    with pytest.raises(ValueError, match="no such link fault"):
        LinkFault(LinkFaultKind.STALL, **point)


@pytest.mark.parametrize("kind", list(LinkFaultKind))
@pytest.mark.parametrize("place", ["command", "byte"])
def test_every_fault_happens_once_and_says_so(kind, place):
    fault = at(kind, 1) if place == "command" else at_byte(kind, FEED_BYTES + 5)
    host, _ = scanner(fault)
    scanner_ = host.scanner
    assert scanner_.fired == ()
    for _ in range(30):
        if scanner_.fired:
            break
        try:
            host.scanner.write(host.block(INQUIRY))
            host.scanner.read(96)
            host.scanner.read(13)
            host.scanner.write(host.block(TEST_UNIT_READY))
            host.scanner.read(13)
        except (Stall, Silence, Unplugged):
            pass
    assert scanner_.fired == (fault,)
    scanner_.plug()
    scanner_.reset()
    for _ in range(3):  # a storm outlasts a reset
        host.send(TEST_UNIT_READY)
        host.sense()
    scanner_.reset()
    host.start(windows())
    scan_begins(host)
    assert host.read_side(0x00, 700) == FRONT
    assert host.read_side(0x80, 700) == BACK
    assert scanner_.fired == (fault,)


def test_two_faults_at_one_point_strike_one_after_the_other():
    first, second = at(LinkFaultKind.STALL), at(LinkFaultKind.UNPLUG)
    host, _ = scanner(first, second)
    with pytest.raises(Stall):
        host.send(FEED)
    clear_both(host)
    assert host.scanner.fired == (first,)
    with pytest.raises(Unplugged):
        host.send(FEED)
    assert host.scanner.fired == (first, second)


# -- in any transfer ----------------------------------------------------------------------------

TRANSFERS = [
    # how far into a scan: of FEED its block or its status, of SCAN its payload, of a READ its
    # data; how much of the data has come
    (0, 0),
    (30, 0),
    (31, 0),
    (FEED_BYTES - 1, 0),
    (FEED_BYTES + 31, 0),
    (FEED_BYTES + SCAN_BYTES + 31 + 0, 0),
    (FEED_BYTES + SCAN_BYTES + 31 + 499, 0),
    (FEED_BYTES + SCAN_BYTES + 31 + 500, 0),
    (FEED_BYTES + SCAN_BYTES + 31 + 500 + 13 + 31 + 77, 500),
]


@pytest.mark.parametrize("kind", list(ERRORS))
@pytest.mark.parametrize(("later", "came"), TRANSFERS)
def test_the_transfer_that_would_carry_the_byte_fails_and_none_before(kind, later, came):
    host, _ = scanner(at_byte(kind, later))
    got = b""

    def session():
        nonlocal got
        scan_begins(host)
        while True:
            got += host.read(0x00, 500)[0]

    with pytest.raises(ERRORS[kind]):
        session()
    assert BYTES + later - 500 < host.scanner.moved_bytes <= BYTES + later
    assert got == FRONT[:came]
    assert [fault.kind for fault in host.scanner.fired] == [kind]


@pytest.mark.parametrize("kind", [LinkFaultKind.UNPLUG, LinkFaultKind.POWER_CYCLE])
@pytest.mark.parametrize("place", ["command", "byte"])
def test_an_unplugged_scanner_is_gone_and_a_power_cycled_one_is_back_elsewhere(kind, place):
    later = FEED_BYTES + SCAN_BYTES
    host, hopper = scanner(at(kind, 2) if place == "command" else at_byte(kind, later + 40))
    program = object()
    assert host.scanner.claim(program)
    scan_begins(host)
    with pytest.raises(Unplugged):
        host.read(0x00, 500)
    assert host.scanner.is_plugged == (kind is LinkFaultKind.POWER_CYCLE)
    assert host.scanner.plugs == 1 + (kind is LinkFaultKind.POWER_CYCLE)
    if kind is LinkFaultKind.UNPLUG:
        for action in (lambda: host.scanner.read(13), lambda: host.send(TEST_UNIT_READY)):
            with pytest.raises(Unplugged):
                action()
        host.scanner.plug()
    assert host.scanner.plugs == 2
    assert host.scanner.claim(object())
    assert host.refusal(TEST_UNIT_READY) == RESET
    assert host.read(0x00, 10) == (b"", 2)
    assert host.sense() == (5, 0x2C, 0)
    assert paths(hopper) == (0, 1)
    assert host.refusal(FEED) == (3, 0x80, 1)


@pytest.mark.parametrize("place", ["command", "byte"])
def test_a_stall_halts_both_pipes_and_the_command_in_hand_is_forgotten(place):
    host, hopper = scanner(
        at(LinkFaultKind.STALL) if place == "command" else at_byte(LinkFaultKind.STALL, 3)
    )
    for _ in range(2):
        with pytest.raises(Stall):
            host.send(FEED)
    with pytest.raises(Stall):
        host.scanner.read(13)
    host.scanner.clear_halt(ENDPOINT_OUT)
    with pytest.raises(Stall):
        host.scanner.read(13)
    host.scanner.clear_halt(ENDPOINT_IN)
    with pytest.raises(Silence):
        host.scanner.read(13)
    assert paths(hopper) == (0, 0)
    assert host.send(FEED) == 0


def test_a_stall_in_the_answer_leaves_what_was_carried_out():
    host, hopper = scanner(at_byte(LinkFaultKind.STALL, 31))
    with pytest.raises(Stall):
        host.send(FEED)
    clear_both(host)
    assert paths(hopper) == (0, 1)
    assert host.scan() == 0
    assert host.read_side(0x00, 999) == FRONT


def test_an_answer_that_never_comes_is_drained_by_waiting_and_the_command_was_carried_out():
    host, hopper = scanner(at(LinkFaultKind.TIMEOUT))
    host.scanner.write(host.block(FEED))
    for _ in range(2):
        with pytest.raises(Silence):
            host.scanner.read(13)
    assert paths(hopper) == (0, 1)
    assert host.send(TEST_UNIT_READY) == 0
    assert host.scan() == 0
    assert host.read_side(0x00, 999) == FRONT


def test_an_answer_lost_in_its_data_leaves_no_status_behind():
    host, _ = scanner(at_byte(LinkFaultKind.TIMEOUT, 31 + 50))
    host.scanner.write(host.block(INQUIRY))
    with pytest.raises(Silence):
        host.scanner.read(96)
    with pytest.raises(Silence):
        host.scanner.read(13)
    assert host.send(TEST_UNIT_READY) == 0


def test_a_payload_that_is_lost_is_not_carried_out():
    host, hopper = scanner(at_byte(LinkFaultKind.TIMEOUT, FEED_BYTES + 31))
    assert host.send(FEED) == 0
    with pytest.raises(Silence):
        host.scan()
    assert host.scan() == 0
    assert paths(hopper) == (0, 1)


@pytest.mark.parametrize("place", ["command", "byte"])
def test_a_hung_scanner_is_silent_until_a_reset(place):
    host, hopper = scanner(
        at(LinkFaultKind.HANG) if place == "command" else at_byte(LinkFaultKind.HANG, 0)
    )
    for _ in range(3):
        with pytest.raises(Silence):
            host.send(TEST_UNIT_READY)
        with pytest.raises(Silence):
            host.scanner.read(13)
        clear_both(host)
    host.scanner.reset()
    assert host.refusal(FEED) == RESET
    assert paths(hopper) == (0, 0)


@pytest.mark.parametrize("place", ["command", "byte"])
def test_a_firmware_that_begins_anew_says_so_once_and_keeps_cable_and_paper(place):
    later = FEED_BYTES + SCAN_BYTES
    kind = LinkFaultKind.RESET
    host, hopper = scanner(at(kind, 2) if place == "command" else at_byte(kind, later + 40))
    scan_begins(host)
    if place == "command":
        assert host.read(0x00, 500) == (b"", 2)
        assert host.sense() == RESET
    else:
        with pytest.raises(Silence):
            host.read(0x00, 500)
        assert host.refusal(TEST_UNIT_READY) == RESET
    assert host.scanner.plugs == 1
    assert host.read(0x00, 500) == (b"", 2)
    assert host.sense() == (5, 0x2C, 0)
    assert host.refusal(FEED) == (3, 0x80, 1)
    hopper.refeed()
    assert host.send(FEED) == 0
    assert host.scan() == 2
    assert host.sense() == (5, 0x2C, 0)  # the windows are gone


@pytest.mark.parametrize(
    ("kind", "number", "afterwards"),
    [
        (LinkFaultKind.UNPLUG, errno.ENODEV, 0),
        (LinkFaultKind.STALL, errno.EPIPE, 1),
        (LinkFaultKind.HANG, errno.ETIMEDOUT, 1),
        (LinkFaultKind.POWER_CYCLE, errno.ENODEV, 1),
    ],
)
def test_pyusb_sees_the_errno_of_libusb_and_who_is_on_the_bus_then(kind, number, afterwards):
    fault = LinkFault(kind, command=0)
    emulator = Emulator(Paper(1), Hopper(1), link_faults=(fault,))
    backend = LoopbackBackend(emulator)
    device = usb.core.find(backend=backend)
    block = Host(emulator).block(TEST_UNIT_READY)
    with pytest.raises(usb.core.USBError) as failed:
        device.write(ENDPOINT_OUT, block, 20)
    assert failed.value.errno == number
    found = list(usb.core.find(find_all=True, backend=backend))
    assert len(found) == afterwards
    if kind is LinkFaultKind.POWER_CYCLE:
        assert found[0].address != device.address
        with pytest.raises(usb.core.USBError) as dead:
            device.write(ENDPOINT_OUT, block, 20)
        assert dead.value.errno == errno.ENODEV
        assert found[0].write(ENDPOINT_OUT, block, 20) == 31
    for each in (device, *found):
        usb.util.dispose_resources(each)
