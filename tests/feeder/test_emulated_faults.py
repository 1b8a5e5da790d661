"""The fault script: a fault happens once, blocks as the protocol says, is cleared by hands."""

import pytest

from daemon.feeder.emulator import Emulator, Fault, FaultKind, Unplugged
from daemon.feeder.emulator.faults import SENSES
from daemon.feeder.hopper import Hopper
from tests.feeder.host import (
    CANCEL,
    FEED,
    NOTHING,
    SMALL,
    TEST_UNIT_READY,
    Host,
    Paper,
    emulator,
    face,
    inverted,
    windows,
)

KINDS = [
    # kind, sense, sheets in the path after it happened at the feed, and while reading
    (FaultKind.JAM, (3, 0x80, 0x01), 1, 1),
    (FaultKind.DOUBLE_FEED, (3, 0x80, 0x07), 2, 2),
    (FaultKind.COVER_OPEN, (3, 0x80, 0x02), 0, 1),
    (FaultKind.STOP_BUTTON, (3, 0x80, 0x20), 0, 1),
    (FaultKind.PAPER_REFUSED, (3, 0x80, 0x04), 1, 1),
    (FaultKind.SKEWED, (3, 0x80, 0x04), 1, 1),
    (FaultKind.OPTICAL, (4, 0x80, 0x06), 0, 1),
]


def places(hopper):
    pile = hopper.look()
    return pile.in_tray, pile.in_path, pile.in_hopper


def read_sheet(host, sheet):
    assert host.send(FEED) == 0
    assert host.scan() == 0
    assert host.read_side(0x00, 700) == inverted(face(sheet, "F", SMALL))
    assert host.read_side(0x80, 700) == inverted(face(sheet, "B", SMALL))


def begin_to_read(host, sheet):
    """Read a sheet until something happens; return how much came before."""
    assert host.send(FEED) == 0
    assert host.scan() == 0
    got = 0
    for side in (0x00, 0x80) * 10:
        data, status = host.read(side, 500)
        if status:
            assert data == b""
            return got
        got += len(data)
    raise AssertionError(f"nothing happened at sheet {sheet}")


def clear(hopper):
    hopper.refeed()
    hopper.close_cover()


def test_every_fault_with_a_sense_is_tried_here():
    assert {kind for kind, *_ in KINDS} == set(SENSES)


@pytest.mark.parametrize(("kind", "sense", "in_path", "_"), KINDS)
def test_at_the_feed_it_happens_once_and_the_sheet_comes_whole_when_it_was_cleared(
    kind, sense, in_path, _
):
    host, hopper = emulator(3, (Fault(1, kind),))
    read_sheet(host, 0)
    assert host.refusal(FEED) == sense
    assert host.sense() == NOTHING
    assert places(hopper) == (1, in_path, 2 - in_path)
    assert hopper.look().cover_open == (kind is FaultKind.COVER_OPEN)
    assert hopper.look().fired == (0,)
    clear(hopper)
    read_sheet(host, 1)
    read_sheet(host, 2)
    assert host.refusal(FEED) == (3, 0x80, 3)
    assert places(hopper) == (3, 0, 0)


@pytest.mark.parametrize(("kind", "sense", "_", "in_path"), KINDS)
def test_while_reading_it_happens_in_the_middle_and_the_sheet_can_be_fed_again(
    kind, sense, _, in_path
):
    host, hopper = emulator(3, (Fault(1, kind, "read"),))
    read_sheet(host, 0)
    assert 0 < begin_to_read(host, 1) < 2 * 2400
    assert host.sense() == sense
    assert places(hopper) == (1, in_path, 2 - in_path)
    clear(hopper)
    read_sheet(host, 1)
    read_sheet(host, 2)
    assert places(hopper) == (3, 0, 0)


@pytest.mark.parametrize(("kind", "sense", "_", "in_path"), KINDS)
def test_everything_that_needs_the_path_is_blocked_until_it_is_empty_and_the_cover_shut(
    kind, sense, _, in_path
):
    host, hopper = emulator(3, (Fault(0, kind, "read"),))
    begin_to_read(host, 0)
    discharge = FEED[:1] + b"\0" + FEED[2:]
    hopper.close_cover()
    for _again in range(2):
        for command in (FEED, TEST_UNIT_READY, discharge):
            assert host.refusal(command) == sense
        assert host.scan() == 2
        assert host.sense() == sense
        assert host.read(0, 10) == (b"", 2)
        assert host.sense() == sense
        assert host.send(CANCEL) == 0
        assert host.mode_select(bytes.fromhex("000000003306000000000000")) == 0
        assert host.hardware_status()[2] == 0x80
    host.scanner.reset()
    assert host.sense() == (6, 0, 0)
    assert host.refusal(TEST_UNIT_READY) == sense
    assert places(hopper) == (0, in_path, 3 - in_path)
    hopper.refeed()
    hopper.open_cover()
    assert host.refusal(TEST_UNIT_READY)[:2] == sense[:2]
    hopper.close_cover()
    assert host.send(TEST_UNIT_READY) == 0
    assert host.read(0, 10) == (b"", 2)
    assert host.sense() == (5, 0x2C, 0)


def test_a_host_that_reads_a_whole_sheet_at_once_meets_the_fault_too():
    host, _ = emulator(3, (Fault(0, FaultKind.JAM, "read"),))
    host.send(FEED)
    host.scan()
    assert host.read(0x00, 5000) == (b"", 2)
    assert host.sense() == (3, 0x80, 1)


def test_a_fault_that_has_happened_does_not_happen_again_after_a_restart(tmp_path):
    faults = (Fault(0, FaultKind.JAM), Fault(0, FaultKind.OPTICAL, "read"))
    host, hopper = emulator(3, faults, Hopper(3, tmp_path / "hopper"))
    assert host.refusal(FEED) == (3, 0x80, 1)
    hopper.refeed()
    host, hopper = emulator(3, faults, Hopper(3, tmp_path / "hopper"))
    begin_to_read(host, 0)
    assert host.sense() == (4, 0x80, 6)
    hopper.refeed()
    host, hopper = emulator(3, faults, Hopper(3, tmp_path / "hopper"))
    read_sheet(host, 0)


def test_several_faults_at_one_sheet_happen_in_their_order():
    kinds = (FaultKind.STOP_BUTTON, FaultKind.JAM, FaultKind.DOUBLE_FEED)
    host, hopper = emulator(3, tuple(Fault(0, kind) for kind in kinds))
    found = []
    for _ in kinds:
        found.append(host.refusal(FEED)[2])
        clear(hopper)
    assert found == [0x20, 0x01, 0x07]
    read_sheet(host, 0)


@pytest.mark.parametrize(
    ("kind", "bits"),
    [
        (FaultKind.DOUBLE_FEED, 0x01),
        (FaultKind.SKEWED, 0x20),
        (FaultKind.PAPER_REFUSED, 0),
        (FaultKind.JAM, 0),
    ],
)
@pytest.mark.parametrize("when", ["feed", "read"])
def test_a_double_or_a_skewed_feed_shows_in_the_sensors_while_it_lies_in_the_path(kind, bits, when):
    host, hopper = emulator(3, (Fault(0, kind, when),))
    if when == "feed":
        assert host.send(FEED) == 2
    else:
        begin_to_read(host, 0)
    assert host.hardware_status()[6] == bits
    hopper.refeed()
    assert host.hardware_status()[6] == 0


@pytest.mark.parametrize("when", ["feed", "read"])
@pytest.mark.parametrize("page", [None, "380600", "3806f0", "3806a0"])
def test_two_sheets_pass_for_one_where_the_host_asked_for_no_stop_at_double_feeds(page, when):
    scanner = Emulator(Paper(3), hopper := Hopper(3), (Fault(0, FaultKind.DOUBLE_FEED, when),))
    host = Host(scanner)
    host.start(windows())
    scanner.reset()
    host.sense()
    if page:
        assert host.mode_select((bytes(4) + bytes.fromhex(page)).ljust(12, b"\0")) == 0
    host.set_window(windows())
    read_sheet(host, 0)
    assert places(hopper) == (2, 0, 1)
    read_sheet(host, 2)


@pytest.mark.parametrize("when", ["feed", "read"])
@pytest.mark.parametrize("page", ["380600", "3806f0", "380690"])
def test_a_skewed_sheet_passes_where_the_host_asked_for_no_stop_at_skew(page, when):
    host, hopper = emulator(3, (Fault(0, FaultKind.SKEWED, when),))
    assert host.mode_select((bytes(4) + bytes.fromhex(page)).ljust(12, b"\0")) == 0
    read_sheet(host, 0)
    assert hopper.look().fired == (0,)
    assert places(hopper) == (1, 0, 2)


def test_a_hopper_that_is_said_to_be_empty_once_blocks_nothing_and_loses_nothing():
    host, hopper = emulator(2, (Fault(1, FaultKind.EMPTY),))
    read_sheet(host, 0)
    assert host.refusal(FEED) == (3, 0x80, 3)
    assert places(hopper) == (1, 0, 1)
    assert host.hardware_status()[3] == 0
    assert host.send(TEST_UNIT_READY) == 0
    read_sheet(host, 1)


@pytest.mark.parametrize("when", ["feed", "read"])
def test_a_pulled_cable_leaves_the_sheet_in_the_path_and_forgets_everything(when):
    host, hopper = emulator(3, (Fault(0, FaultKind.UNPLUG, when),))
    with pytest.raises(Unplugged):
        host.send(FEED)
        host.scan()
        host.read(0x00, 5000)
    for action in (lambda: host.scanner.read(13), lambda: host.send(TEST_UNIT_READY)):
        with pytest.raises(Unplugged):
            action()
    with pytest.raises(Unplugged):
        host.scanner.reset()
    assert places(hopper) == (0, 1, 2)
    host.scanner.plug()
    assert host.refusal(TEST_UNIT_READY) == (6, 0, 0)
    assert host.refusal(FEED) == (3, 0x80, 1)
    hopper.refeed()
    host.scanner.reset()
    host.start(windows())
    read_sheet(host, 0)


def test_a_busy_scanner_says_so_once_and_nothing_is_lost():
    host, hopper = emulator(
        2, (Fault(0, FaultKind.BUSY), Fault(0, FaultKind.BUSY, "read"), Fault(1, FaultKind.BUSY))
    )
    assert host.send(FEED) == 0
    assert [host.send(TEST_UNIT_READY) for _ in range(2)] == [8, 0]
    assert host.scan() == 0
    assert host.read(0x00, 2400)[1] == 0
    assert host.read(0x80, 2400) == (b"", 8)
    assert host.sense() == NOTHING
    assert host.read(0x80, 2400) == (inverted(face(0, "B", SMALL)), 0)
    assert places(hopper) == (1, 0, 1)
    read_sheet(host, 1)


@pytest.mark.parametrize(("sheet", "when"), [(-1, "feed"), (0, "later")])
def test_a_fault_that_cannot_happen_is_refused(sheet, when):
    with pytest.raises(ValueError, match="no such fault"):
        Fault(sheet, FaultKind.JAM, when)


def test_a_hopper_is_not_said_to_be_empty_while_a_sheet_is_read():
    with pytest.raises(ValueError, match="no such fault"):
        Fault(0, FaultKind.EMPTY, "read")
