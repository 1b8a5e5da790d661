"""The emulated scanner in time: the motor's pace, and the sleep timer; time stands still here."""

from dataclasses import replace

import pytest

from daemon.feeder.emulator import FI_7160, Emulator, Speed
from daemon.feeder.hopper import Hopper
from tests.feeder.host import (
    COLOUR,
    FEED,
    NOTHING,
    SMALL,
    TEST_UNIT_READY,
    Host,
    Paper,
    face,
    inverted,
    windows,
)

NO_DATA_YET = (3, 0x80, 0x13)
WAS_ASLEEP = (6, 0x80, 1)


class Clock:
    """Time that goes on when it is told to."""

    def __init__(self):
        self.now_s = 1000.0

    def __call__(self):
        return self.now_s


@pytest.fixture
def clock():
    return Clock()


def scanner(clock, sheets=2, payload=None, **options):
    hopper = Hopper(sheets)
    host = Host(Emulator(Paper(sheets), hopper, clock=clock, **options))
    host.start(payload or windows())
    return host, hopper


def is_ready(host, side, size):
    status = host.send(b"\xf1\x10" + bytes((side, 0, 0, 0)) + size.to_bytes(3) + b"\0")
    assert status in (0, 2)
    assert host.sense() == (NO_DATA_YET if status else NOTHING)
    return status == 0


# -- pace ---------------------------------------------------------------------------------------


def test_samples_come_to_be_line_by_line_at_the_motors_pace(clock):
    host, hopper = scanner(clock, speed=Speed(60))  # a sheet of 40 lines a second
    assert host.send(FEED) == 0
    assert host.scan() == 0
    front = b""
    for line in range(40):
        assert not is_ready(host, 0x00, 60)
        assert host.read(0x00, 60) == (b"", 8)
        assert host.sense() == NOTHING
        clock.now_s = 1000 + (line + 1.01) / 40
        assert is_ready(host, 0x00, 60)
        assert not is_ready(host, 0x00, 61) or line == 39
        data, status = host.read(0x00, 60)
        assert status == 0
        front += data
    assert front == inverted(face(0, "F", SMALL))
    assert host.read_side(0x80, 999) == inverted(face(0, "B", SMALL))
    assert hopper.look().in_tray == 1


def test_the_pace_is_the_same_for_both_sides_and_all_modes(clock):
    host, _ = scanner(clock, payload=windows(mode=COLOUR), speed=Speed(30))
    host.send(FEED)
    host.scan()
    clock.now_s += 1  # half of the sheet
    for side in (0x00, 0x80):
        assert is_ready(host, side, 20 * 180)
        assert not is_ready(host, side, 20 * 180 + 1)


def test_the_rest_of_a_side_is_enough_for_a_read_that_asks_for_more(clock):
    host, _ = scanner(clock, speed=Speed(60))
    host.send(FEED)
    host.scan()
    clock.now_s += 0.99
    assert host.read(0x00, 5000) == (b"", 8)
    assert not is_ready(host, 0x00, 5000)
    clock.now_s += 0.01
    assert is_ready(host, 0x00, 5000)
    assert host.read(0x00, 5000) == (inverted(face(0, "F", SMALL)), 2)
    assert host.sense_bytes()[2] == 0x60
    assert host.read(0x00, 10) == (b"", 2)  # the end is there as well


def test_time_counts_from_the_feed_of_each_sheet_and_not_from_its_scan(clock):
    host, _ = scanner(clock, speed=Speed(60))
    for sheet in range(2):
        assert host.send(FEED) == 0
        clock.now_s += 1
        assert host.scan() == 0
        assert host.read_side(0x00, 999) == inverted(face(sheet, "F", SMALL))
        assert host.read_side(0x80, 999) == inverted(face(sheet, "B", SMALL))
    assert host.refusal(FEED) == (3, 0x80, 3)


def test_with_sides_in_turn_the_back_waits_for_the_front_and_the_front_for_the_motor(clock):
    host, _ = scanner(clock, speed=Speed(60), profile=replace(FI_7160, sides_in_turn=True))
    host.send(FEED)
    host.scan()
    assert host.read(0x00, 100) == (b"", 8)
    clock.now_s += 1
    assert host.read(0x80, 100) == (b"", 8)
    host.read_side(0x00, 999)
    assert host.read_side(0x80, 999) == inverted(face(0, "B", SMALL))


@pytest.mark.parametrize("ppm", [0, -1, float("nan")])
def test_a_motor_that_does_not_move_is_refused(ppm):
    with pytest.raises(ValueError, match="no such speed"):
        Speed(ppm)


# -- sleep --------------------------------------------------------------------------------------


def sleeps_after(host, minutes):
    assert host.mode_select(bytes(4) + bytes((0x34, 6, minutes)) + bytes(5)) == 0


def test_it_falls_asleep_after_the_minutes_that_were_set_and_the_sensors_say_so(clock):
    host, _ = scanner(clock)
    sleeps_after(host, 15)
    clock.now_s += 15 * 60 - 1
    assert host.hardware_status()[4] == 0
    assert host.send(TEST_UNIT_READY) == 0
    clock.now_s += 1
    assert host.hardware_status()[4] == 0x80
    clock.now_s += 1000
    assert host.hardware_status()[4] == 0x80
    assert host.refusal(FEED) == WAS_ASLEEP
    assert host.hardware_status()[4] == 0
    assert host.send(FEED) == 0


@pytest.mark.parametrize(
    ("command", "keeps_awake"),
    [("sensors", False), ("ready", False), ("lamp", True), ("page", True)],
)
def test_only_commands_but_sensors_and_unit_ready_keep_it_awake(clock, command, keeps_awake):
    host, _ = scanner(clock)
    sleeps_after(host, 1)
    acts = {
        "sensors": host.hardware_status,
        "ready": lambda: host.send(TEST_UNIT_READY),
        "lamp": lambda: host.send(bytes((0xF1, 5, 0, 0, 0, 0, 0, 0, 0, 0))),
        "page": lambda: host.mode_select(bytes.fromhex("00000000 3306c00000000000")),
    }
    clock.now_s += 40
    acts[command]()
    clock.now_s += 40
    assert host.hardware_status()[4] == (0 if keeps_awake else 0x80)


def test_unit_ready_wakes_it_and_the_minutes_begin_anew(clock):
    host, _ = scanner(clock)
    sleeps_after(host, 1)
    clock.now_s += 60
    assert host.refusal(TEST_UNIT_READY) == WAS_ASLEEP
    clock.now_s += 59
    assert host.send(TEST_UNIT_READY) == 0
    clock.now_s += 1
    assert host.refusal(TEST_UNIT_READY) == WAS_ASLEEP


def test_it_does_not_sleep_unless_it_was_told_to_nor_after_a_reset(clock):
    host, _ = scanner(clock)
    clock.now_s += 10**6
    assert host.send(TEST_UNIT_READY) == 0
    sleeps_after(host, 1)
    sleeps_after(host, 0)
    clock.now_s += 10**6
    assert host.send(TEST_UNIT_READY) == 0
    sleeps_after(host, 1)
    clock.now_s += 60
    assert host.hardware_status()[4] == 0x80
    host.scanner.reset()
    assert host.refusal(TEST_UNIT_READY) == (6, 0, 0)
    clock.now_s += 10**6
    assert host.hardware_status()[4] == 0


def test_it_does_not_sleep_over_a_sheet_that_is_being_read(clock):
    host, _ = scanner(clock)
    sleeps_after(host, 1)
    host.send(FEED)
    host.scan()
    clock.now_s += 100
    assert host.hardware_status()[4] == 0
    assert host.read(0x00, 2400) == (inverted(face(0, "F", SMALL)), 0)
    clock.now_s += 100
    assert host.read(0x80, 2400) == (inverted(face(0, "B", SMALL)), 0)
    clock.now_s += 60
    assert host.refusal(FEED) == WAS_ASLEEP
