"""The link's fault script: cut data, spoilt status, false sense, storms and sleep."""

import pytest

from daemon.feeder.emulator import (
    LinkFault,
    LinkFaultKind,
)
from tests.feeder.host import (
    BACK,
    BYTES,
    CANCEL,
    COMMANDS,
    FEED,
    FEED_BYTES,
    FRONT,
    HARDWARE_STATUS,
    NOTHING,
    REQUEST_SENSE,
    SCAN_BYTES,
    TEST_UNIT_READY,
    at,
    at_byte,
    paths,
    scan_begins,
    scanner,
)

INQUIRY = bytes((0x12, 0, 0, 0, 96, 0))
LAMP_ON = bytes((0xF1, 5, 0, 0, 0, 0, 0, 0, 0, 0))
IS_DATA_READY = bytes((0xF1, 0x10, 0, 0, 0, 0, 0, 0, 100, 0))


# -- data ---------------------------------------------------------------------------------------


def drained(host, side, step):
    """Read a side to its end; return it, and how much came with each READ."""
    whole, lengths = b"", []
    while True:
        data, status = host.read(side, step)
        if status:
            sense = host.sense_bytes()
            assert sense[2] == 0x60
            data = data[: step - int.from_bytes(sense[3:7])]
        whole += data
        lengths.append(len(data))
        if status:
            return whole, lengths


@pytest.mark.parametrize("pads", [False, True])
@pytest.mark.parametrize(
    ("step", "read", "came"),
    [
        (500, 0, 250),
        (500, 3, 250),
        (500, 4, 200),  # the side's last: 400 bytes are left
        (700, 1, 350),
        (1024, 0, 511),  # a whole packet would not be short
        (1024, 2, 176),
        (2400, 0, 1200),
        (5000, 0, 1200),
    ],
)
def test_image_bytes_that_a_short_packet_cuts_off_come_with_the_next_read(step, read, came, pads):
    fault = at(LinkFaultKind.SHORT_DATA, 2 + read)
    host, hopper = scanner(fault, pads=pads)
    scan_begins(host)
    whole, lengths = drained(host, 0x00, step)
    assert host.scanner.fired == (fault,)
    assert whole == FRONT
    assert lengths[: read + 1] == [step] * read + [came]
    assert drained(host, 0x80, step)[0] == BACK
    assert paths(hopper) == (1, 0)


@pytest.mark.parametrize("pads", [False, True])
@pytest.mark.parametrize("cut", [0, 1, 250, 2399])
@pytest.mark.parametrize("step", [2400, 3000])
def test_a_short_packet_at_a_byte_ends_the_data_there_and_no_image_byte_is_lost(cut, step, pads):
    later = FEED_BYTES + SCAN_BYTES + 31 + cut
    host, hopper = scanner(at_byte(LinkFaultKind.SHORT_DATA, later), pads=pads)
    scan_begins(host)
    assert host.read(0x00, step) == (FRONT[:cut], 0)
    assert host.sense_bytes()[2] == 0
    assert host.read(0x00, 2400 - cut) == (FRONT[cut:], 0)
    assert paths(hopper) == (0, 1)
    assert host.read(0x80, 2400) == (BACK, 0)
    assert paths(hopper) == (1, 0)


def test_a_short_packet_in_the_padding_ends_the_data_where_the_image_does():
    later = FEED_BYTES + SCAN_BYTES + (31 + 2400 + 13) + 31 + 2500
    host, hopper = scanner(at_byte(LinkFaultKind.SHORT_DATA, later), pads=True)
    scan_begins(host)
    assert host.read(0x00, 2400) == (FRONT, 0)
    assert host.read(0x80, 3000) == (BACK, 0)
    assert paths(hopper) == (1, 0)
    assert host.read(0x80, 10) == (bytes(10), 2)
    assert host.sense_bytes()[2] == 0x60


def test_a_short_packet_at_the_last_byte_of_a_sheet_delivers_it_only_with_that_byte():
    host, hopper = scanner(at(LinkFaultKind.SHORT_DATA, 3))
    scan_begins(host)
    assert host.read(0x00, 2400) == (FRONT, 0)
    data, status = host.read(0x80, 2400)
    assert (data, status) == (BACK[:1200], 0)
    assert paths(hopper) == (0, 1)
    assert host.read(0x80, 2400)[0][:1200] == BACK[1200:]
    assert paths(hopper) == (1, 0)


def test_a_short_packet_inside_data_that_is_read_in_pieces_ends_the_phase():
    later = FEED_BYTES + SCAN_BYTES + 31 + 70
    host, _ = scanner(at_byte(LinkFaultKind.SHORT_DATA, later))
    scan_begins(host)
    host.scanner.write(host.block(bytes.fromhex("28 00 00 00 00 00 00 01 00 00")))
    assert host.scanner.read(64) + host.scanner.read(64) == FRONT[:70]
    assert host.status() == 0
    assert host.read(0x00, 2330) == (FRONT[70:], 0)


@pytest.mark.parametrize("command", [INQUIRY, HARDWARE_STATUS, REQUEST_SENSE])
@pytest.mark.parametrize("place", ["command", "byte"])
def test_a_fixed_answer_is_cut_by_a_short_packet_and_its_rest_is_lost(command, place):
    kind = LinkFaultKind.SHORT_DATA
    host, _ = scanner(at(kind, 1) if place == "command" else at_byte(kind, FEED_BYTES + 31 + 6))
    assert host.send(TEST_UNIT_READY) == 0
    size = command[4] if command[0] != 0xC2 else command[8]
    keep = size // 2 if place == "command" else 6
    short, status = host.ask(command, size)
    assert (len(short), status) == (keep, 0)
    whole, _ = host.ask(command, size)
    assert (len(whole), whole[:keep]) == (size, short)


def test_a_short_packet_waits_for_a_command_that_sends_data():
    fault = at(LinkFaultKind.SHORT_DATA)
    host, _ = scanner(fault)
    assert host.send(FEED) == 0
    assert host.scan() == 0
    assert host.scanner.fired == ()
    assert host.read(0x00, 500) == (FRONT[:250], 0)
    assert host.scanner.fired == (fault,)


# -- status and sense ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fault",
    [
        at(LinkFaultKind.GARBAGE_STATUS),
        at_byte(LinkFaultKind.GARBAGE_STATUS, 0),
        at_byte(LinkFaultKind.GARBAGE_STATUS, 35),
    ],
)
def test_a_spoilt_status_has_13_bytes_and_the_command_was_carried_out(fault):
    host, hopper = scanner(fault)
    host.scanner.write(host.block(FEED))
    block = host.scanner.read(13)
    assert len(block) == 13
    assert block[0] != 0x53
    assert paths(hopper) == (0, 1)
    assert host.scan() == 0
    assert host.read_side(0x00, 999) == FRONT


@pytest.mark.parametrize("place", ["command", "byte"])
def test_a_sense_claims_that_more_is_missing_than_was_asked_for(place):
    kind = LinkFaultKind.SENSE_RESIDUE
    host, _ = scanner(at(kind) if place == "command" else at_byte(kind, 10))
    scan_begins(host)
    data, status = host.read(0x00, 500)
    assert (data, status) == (FRONT[:500], 2)
    sense = host.sense_bytes()
    assert (sense[0], sense[2]) == (0xF0, 0x20)
    assert int.from_bytes(sense[3:7]) > 500
    assert host.read(0x00, 500) == (FRONT[500:1000], 0)


def test_false_sense_is_claimed_by_a_command_that_gives_data_and_not_by_request_sense_itself():
    host, _ = scanner(at(LinkFaultKind.SENSE_RESIDUE))
    assert host.sense() == NOTHING
    assert host.send(TEST_UNIT_READY) == 0
    assert host.scanner.fired == ()
    assert host.ask(INQUIRY, 96)[1] == 2
    assert len(host.scanner.fired) == 1


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("place", ["command", "byte"])
@pytest.mark.parametrize(
    ("kind", "status", "sense"),
    [
        (LinkFaultKind.BUSY_STORM, 8, NOTHING),
        (LinkFaultKind.NO_DATA_YET, 2, (3, 0x80, 0x13)),
    ],
)
def test_in_a_storm_what_may_be_busy_is_and_nothing_of_it_is_carried_out(
    kind, status, sense, place, count
):
    point = {"command": COMMANDS} if place == "command" else {"byte": BYTES + 2}
    host, _ = scanner(LinkFault(kind, count=count, **point))
    assert host.hardware_status()
    scan_begins(host)  # they are never busy
    for _ in range(count):
        assert host.read(0x00, 500) == (b"", status)
        assert host.sense() == sense
        assert host.pixel_size(0) == (60, 40)
    assert host.read(0x00, 500) == (FRONT[:500], 0)


@pytest.mark.parametrize("command", [TEST_UNIT_READY, LAMP_ON, IS_DATA_READY])
def test_the_unit_the_lamp_and_the_data_may_be_busy_too(command):
    host, _ = scanner(at(LinkFaultKind.BUSY_STORM, 2, count=2))
    scan_begins(host)
    assert host.send(bytes((0xF1, 3, 0, 0, 0, 0, 0, 0, 0, 0))) == 0  # the lamp goes off at once
    assert [host.send(command) for _ in range(3)] == [8, 8, 0]
    assert host.send(CANCEL) == 0


# -- sleep --------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", ["command", "byte"])
@pytest.mark.parametrize("command", [FEED, TEST_UNIT_READY, INQUIRY, CANCEL])
def test_a_sleeping_scanner_is_woken_by_a_command_that_is_not_carried_out(command, place):
    kind = LinkFaultKind.SLEEP
    host, hopper = scanner(at(kind) if place == "command" else at_byte(kind, 30))
    if place == "byte":
        assert host.hardware_status()[4] == 0
    assert host.hardware_status()[4] == 0x80
    assert host.hardware_status()[4] == 0x80
    assert host.sense() == NOTHING
    if command is INQUIRY:
        assert host.ask(command, 96) == (b"", 2)
    else:
        assert host.send(command) == 2
    assert host.sense() == (6, 0x80, 1)
    assert paths(hopper) == (0, 0)
    assert host.hardware_status()[4] == 0
    scan_begins(host)  # nothing was forgotten
    assert host.read_side(0x00, 999) == FRONT


def test_a_scanner_that_falls_asleep_before_a_command_does_not_carry_it_out():
    host, _ = scanner(at(LinkFaultKind.SLEEP))
    assert host.refusal(FEED) == (6, 0x80, 1)
    assert host.send(FEED) == 0
