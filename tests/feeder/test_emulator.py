"""The scanner made of software does what the protocol says of the real one, traps included."""

import pytest

from daemon.feeder.emulator import ENDPOINT_IN, ENDPOINT_OUT, Silence, Stall
from tests.feeder.host import (
    COLOUR,
    FEED,
    NOTHING,
    REQUEST_SENSE,
    SANE_MODES,
    SANE_PROBE,
    SANE_WINDOWS,
    SEQUENCE,
    SMALL,
    STRAIGHT,
    TEST_UNIT_READY,
    awake,
    face,
    fresh,
    inverted,
    windows,
)

# -- the envelope -------------------------------------------------------------------------------


def test_a_command_without_data_has_a_status_of_13_bytes_only():
    host, _ = awake()
    host.scanner.write(host.block(TEST_UNIT_READY))
    assert host.scanner.read(512) == b"\x53" + bytes(12)
    with pytest.raises(Silence):
        host.scanner.read(512)


GOOD_BLOCK = (b"\x43" + bytes(30))[:31]


@pytest.mark.parametrize(
    "garbage",
    [
        b"",
        GOOD_BLOCK[:30],
        GOOD_BLOCK + b"\0",
        b"\x44" + GOOD_BLOCK[1:],
        GOOD_BLOCK[:5] + b"\1" + GOOD_BLOCK[6:],
        GOOD_BLOCK[:30] + b"\1",
    ],
)
def test_garbage_halts_both_pipes_until_both_are_cleared(garbage):
    host, _ = awake()
    with pytest.raises(Stall):
        host.scanner.write(garbage)
    with pytest.raises(Stall):
        host.scanner.read(13)
    host.scanner.clear_halt(ENDPOINT_IN)
    with pytest.raises(Stall):
        host.scanner.write(host.block(TEST_UNIT_READY))
    host.scanner.clear_halt(ENDPOINT_OUT)
    assert host.send(TEST_UNIT_READY) == 0


def test_data_of_another_length_than_the_command_says_halts():
    host, _ = awake()
    host.scanner.write(host.block(bytes((0x1D, 0, 0, 0, 16, 0))))
    with pytest.raises(Stall):
        host.scanner.write(b"GET DEVICE ID")
    for endpoint in (ENDPOINT_IN, ENDPOINT_OUT):
        host.scanner.clear_halt(endpoint)
    assert host.send(TEST_UNIT_READY) == 0


def test_a_reset_clears_halted_pipes_too():
    host, _ = awake()
    with pytest.raises(Stall):
        host.scanner.write(b"?")
    host.scanner.reset()
    assert host.refusal(TEST_UNIT_READY) == (6, 0, 0)


def test_clearing_what_is_not_halted_loses_nothing():
    host, _ = awake()
    host.scanner.write(host.block(TEST_UNIT_READY))
    host.scanner.clear_halt(ENDPOINT_IN)
    assert host.status() == 0


def test_a_failed_data_in_command_has_an_empty_data_phase_before_its_status():
    host, _ = awake()
    assert host.ask(bytes((0x12, 1, 0x77, 0, 96, 0)), 96) == (b"", 2)
    assert host.sense() == (5, 0x24, 0)


def test_a_scanner_that_pads_sends_what_was_asked_and_tells_the_residue_in_sense():
    host, _ = awake(pads=True)
    assert host.ask(bytes((0x12, 1, 0x77, 0, 96, 0)), 96) == (bytes(96), 2)
    assert host.set_window(windows(duplex=False)) == 0
    assert host.send(FEED) == 0
    assert host.scan(b"\0") == 0
    data, status = host.read(0, 2500)
    assert (data, status) == (inverted(face(0, "F", SMALL)) + bytes(100), 2)
    sense = host.sense_bytes()
    assert (sense[2], int.from_bytes(sense[3:7])) == (0x60, 100)


def test_a_command_is_not_taken_while_the_last_one_has_something_to_say():
    host, _ = awake()
    host.scanner.write(host.block(bytes((0x12, 0, 0, 0, 96, 0))))
    for size in (96, 13):
        with pytest.raises(Silence):
            host.scanner.write(host.block(TEST_UNIT_READY))
        assert len(host.scanner.read(size)) == size
    assert host.send(TEST_UNIT_READY) == 0


def test_data_may_be_read_in_pieces_and_never_runs_into_the_status():
    host, _ = awake()
    whole, _ = host.ask(bytes((0x12, 0, 0, 0, 96, 0)), 96)
    host.scanner.write(host.block(bytes((0x12, 0, 0, 0, 96, 0))))
    assert host.scanner.read(64) + host.scanner.read(64) == whole
    assert host.status() == 0


def test_a_command_it_does_not_know_is_refused_when_its_data_is_over():
    host, _ = awake()
    assert host.refusal(bytes((0x16, 0, 0, 0, 0, 0))) == (5, 0x20, 0)
    assert host.refusal(bytes((0xC1, 0, 0, 0, 0, 0, 0, 0, 4, 0)), bytes(4)) == (5, 0x20, 0)


def test_reading_the_lamp_page_locks_it_up_until_a_reset():
    host, _ = awake()
    host.scanner.write(host.block(bytes((0x1A, 0, 0x3D, 0, 20, 0))))
    for endpoint in (ENDPOINT_IN, ENDPOINT_OUT):
        host.scanner.clear_halt(endpoint)
        with pytest.raises(Silence):
            host.scanner.read(20)
        with pytest.raises(Silence):
            host.scanner.write(host.block(TEST_UNIT_READY))
    host.scanner.reset()
    assert host.refusal(TEST_UNIT_READY) == (6, 0, 0)


# -- sense --------------------------------------------------------------------------------------


def test_it_says_once_that_it_was_reset_and_inquiry_answers_all_the_same():
    host, _ = fresh()
    assert host.ask(bytes((0x12, 0, 0, 0, 96, 0)), 96)[1] == 0
    assert host.ask(bytes((0xC2, 0, 0, 0, 0, 0, 0, 0, 12, 0)), 12) == (b"", 2)
    assert host.sense() == (6, 0, 0)
    assert host.send(TEST_UNIT_READY) == 0
    host.scanner.reset()
    assert host.sense() == (6, 0, 0)
    assert host.send(TEST_UNIT_READY) == 0


def test_sense_is_gone_once_it_was_read():
    host, _ = awake()
    assert host.refusal(FEED[:1] + b"\2" + FEED[2:]) == (5, 0x24, 0)
    assert host.sense() == NOTHING


def test_sense_is_gone_with_the_next_command():
    host, _ = awake()
    assert host.send(FEED[:1] + b"\2" + FEED[2:]) == 2
    assert host.send(TEST_UNIT_READY) == 0
    assert host.sense() == NOTHING


def test_sense_is_cut_to_what_was_asked_for():
    host, _ = awake()
    assert host.ask(REQUEST_SENSE[:4] + b"\x08\0", 8)[0] == bytes.fromhex("70 00 00 00000000 0a")


# -- who it is ----------------------------------------------------------------------------------


def test_the_standard_inquiry_is_whole_and_says_that_it_is_software():
    host, _ = awake()
    data, status = host.ask(bytes((0x12, 0, 0, 0, 96, 0)), 96)
    assert (len(data), status, data[0] & 0x1F, data[3] & 7, data[4]) == (96, 0, 6, 2, 0x5B)
    assert (data[8:16], data[16:32], data[32:36]) == (b"FUJITSU ", b"fi-7160         ", b"VIRT")


def test_the_second_inquiry_is_that_of_a_duplex_feeder_without_a_flatbed():
    host, _ = awake()
    data, status = host.ask(bytes((0x12, 1, 0xF0, 0, 0xCC, 0)), 0xCC)
    assert (status, data[1], data[4] + 5) == (0, 0xF0, len(data))
    assert data[4] >= 0x7C - 4
    assert data[0x20] == 0x90
    assert int.from_bytes(data[0x05:0x07]) == int.from_bytes(data[0x07:0x09]) == 600
    assert int.from_bytes(data[0x0A:0x0C]) == 600
    assert data[0x21] & 0x0F == 10
    assert (data[0x52], data[0x54]) == (0, 0)
    assert data[0x53] > 0
    assert data[0x1C] == 0x8A
    assert data[0x57] & 0x0F
    assert data[0x5A] == 0
    width_inch = int.from_bytes(data[0x14:0x18]) / 600
    assert 8.5 <= width_inch < 9
    assert int.from_bytes(data[0x64:0x66]) > 0


def test_what_the_second_inquiry_says_of_sizes_and_resolutions_is_what_is_accepted():
    host, _ = awake()
    data, _ = host.ask(bytes((0x12, 1, 0xF0, 0, 0xCC, 0)), 0xCC)
    widest, longest = (int.from_bytes(data[at : at + 4]) for at in (0x14, 0x18))
    most, least = (int.from_bytes(data[at : at + 2]) for at in (0x0A, 0x0E))
    assert host.set_window(windows(widest, longest, dpi=600)) == 0
    assert host.set_window(windows(widest + 1, longest, dpi=600)) == 2
    assert host.sense_bytes()[16:18] == (8 + 0x0E).to_bytes(2)
    assert host.set_window(windows(widest, longest + 1, dpi=600)) == 2
    assert host.sense_bytes()[16:18] == (8 + 0x12).to_bytes(2)
    assert [host.set_window(windows(dpi=dpi)) for dpi in (least - 1, least, most, most + 1)] == [
        2,
        0,
        0,
        2,
    ]


@pytest.mark.parametrize(
    ("dpi", "longest"), [(200, 266268), (300, 260268), (400, 194268), (600, 17520)]
)
def test_long_windows_are_as_long_as_this_model_allows(dpi, longest):
    host, _ = awake()
    payload = bytearray(windows(dpi=dpi, duplex=False))
    for extent, status in ((longest, 0), (longest + 1, 2)):
        payload[8 + 0x12 : 8 + 0x16] = extent.to_bytes(4)
        assert host.set_window(bytes(payload)) == status


def test_the_serial_number_is_asked_for_in_two_steps():
    host, _ = awake(serial=0x01020304)
    read = bytes((0x1C, 0, 0, 0, 10, 0))
    assert host.ask(read, 10) == (b"", 2)
    assert host.sense() == SEQUENCE
    assert host.send(bytes((0x1D, 0, 0, 0, 16, 0)), b"GET DEVICE ID   ") == 0
    assert host.ask(read, 10) == (b"\1\2\3\4" + bytes(6), 0)


def test_other_diagnostics_are_refused_but_the_power_off_timer_and_the_self_test():
    host, _ = awake()
    assert host.send(bytes((0x1D, 0, 0, 0, 18, 0)), b"SET POWOFF TIME \x10\x28") == 0
    assert host.send(bytes((0x1D, 4, 0, 0, 0, 0))) == 0
    assert host.refusal(bytes((0x1D, 0, 0, 0, 16, 0)), b"GET DEVICE ID\0\0\0") == (5, 0x26, 0)


# -- how the host wants it ----------------------------------------------------------------------


@pytest.mark.parametrize("page", [0x33, 0x34, 0x35, 0x37, 0x38, 0x39, 0x3A, 0x3C])
@pytest.mark.parametrize("asked", [20, 12, 255])
def test_mode_sense_answers_exactly_what_was_asked_for(page, asked):
    host, _ = awake()
    data, status = host.ask(bytes((0x1A, 0, page, 0, asked, 0)), asked)
    assert (len(data), status, data[4]) == (asked, 0, page)


def test_mode_sense_of_a_page_it_does_not_have_fails():
    host, _ = awake()
    assert host.ask(bytes((0x1A, 0, 0x32, 0, 20, 0)), 20) == (b"", 2)
    assert host.sense() == (5, 0x24, 0)


@pytest.mark.parametrize(
    ("payload", "sense", "offending"),
    [
        ("00000000 3206000000000000", (5, 0x26, 0), 4),
        ("00000000 3808000000000000", (5, 0x26, 0), 5),
        ("00000000 38060000000000", (5, 0x1A, 0), 0),
        ("00000000", (5, 0x1A, 0), 0),
        ("00000000 3c06800000000000", (5, 0x26, 0), 6),
        ("00000000 3c06000080000000", (5, 0x26, 0), 8),
        ("00000000 3c06000000400000", (5, 0x26, 0), 9),
        ("00000000 3c06000000200000", (5, 0x26, 0), 9),
        ("00000000 3c06000000100000", (5, 0x26, 0), 9),
        ("00000000 3306400000000000", (5, 0x26, 0), 6),
        ("00000000 3806b04000000000", (5, 0x26, 0), 7),
        ("00000000 3806b01000000000", (5, 0x26, 0), 7),
        ("00000000 3806b00400000000", (5, 0x26, 0), 7),
        ("00000000 3806b00000400000", (5, 0x26, 0), 9),
        ("00000000 3a06400000000000", (5, 0x26, 0), 6),
        ("00000000 3a06004000000000", (5, 0x26, 0), 7),
        ("00000000 39080100000000000000", (5, 0x26, 0), 6),
        ("00000000 3908a000000000000000", (5, 0x26, 0), 6),
    ],
)
def test_a_mode_page_that_it_cannot_take_is_refused(payload, sense, offending):
    host, _ = awake()
    assert host.mode_select(bytes.fromhex(payload)) == 2
    data = host.sense_bytes()
    assert (data[2] & 0x0F, data[12], data[13]) == sense
    assert int.from_bytes(data[16:18]) == offending


def test_mode_select_without_the_page_format_bit_is_refused():
    host, _ = awake()
    payload = bytes.fromhex(SANE_MODES[0])
    assert host.refusal(bytes((0x15, 0, 0, 0, 12, 0)), payload) == (5, 0x24, 0)


def test_the_windows_of_sane_are_accepted_and_give_whole_pixels():
    host, _ = awake()
    assert host.set_window(SANE_PROBE) == 0
    assert host.set_window(SANE_WINDOWS) == 0
    assert host.send_curve(STRAIGHT) == 0
    assert host.send(FEED) == 0
    assert host.scan() == 0
    assert host.pixel_size(0x00) == (0x26BE * 200 // 1200, 0x36CC * 200 // 1200) == (1653, 2338)
    assert host.pixel_size(0x80) == (1653, 2338)


def test_a_part_of_a_pixel_is_not_scanned():
    host, _ = awake()
    payload = bytearray(windows(dpi=350, duplex=False))
    payload[8 + 0x0E : 8 + 0x16] = (1199).to_bytes(4) + (1200).to_bytes(4)
    assert host.set_window(bytes(payload)) == 0
    host.send(FEED)
    host.scan(b"\0")
    assert host.pixel_size(0) == (349, 350)


WRONG_FIELDS = [
    (0x00, "80"),
    (0x01, "01"),
    (0x02, "0000"),
    (0x04, "012c"),
    (0x0E, "00000000"),
    (0x0E, "7fffffff"),
    (0x12, "00000000"),
    (0x19, "01"),
    (0x19, "03"),
    (0x1A, "01"),
    (0x1A, "10"),
    (0x1B, "01"),
    (0x1D, "01"),
    (0x1E, "01"),
    (0x20, "81"),
    (0x28, "c1"),
    (0x29, "01"),
    (0x2A, "01"),
    (0x2E, "01"),
    (0x32, "01"),
    (0x33, "01"),
    (0x35, "00"),
    (0x36, "00000000"),
    (0x3E, "40"),
]


@pytest.mark.parametrize(("offset", "value"), WRONG_FIELDS)
def test_a_wrong_field_of_the_front_window_is_named(offset, value):
    assert offending_byte(windows(), 8 + offset, value) == 8 + offset


@pytest.mark.parametrize(
    ("offset", "value"),
    [(0x00, "00"), (0x02, "0000"), (0x20, "81"), (0x35, "c0"), (0x36, "01"), (0x3A, "01")],
)
def test_a_wrong_field_of_the_back_window_is_named(offset, value):
    assert offending_byte(windows(), 72 + offset, value) == 72 + offset


@pytest.mark.parametrize(
    ("offset", "value"), [(0x28, "00"), (0x2A, "00"), (0x2B, "01"), (0x2E, "01"), (0x2F, "80")]
)
def test_a_wrong_field_of_a_colour_window_is_named(offset, value):
    found = offending_byte(windows(mode=COLOUR), 8 + offset, value)
    assert found == 8 + (0x2E if offset == 0x2F else offset)


def test_a_wrong_header_is_named():
    assert offending_byte(windows(), 7, "3f") == 6


def offending_byte(payload, offset, value):
    host, _ = awake()
    assert host.set_window(payload) == 0
    wrong = bytearray(payload)
    new = bytes.fromhex(value)
    wrong[offset : offset + len(new)] = new
    assert host.set_window(bytes(wrong)) == 2
    data = host.sense_bytes()
    assert (data[2] & 0x0F, data[12], data[13]) == (5, 0x26, 0)
    assert data[15] & 0x80
    return int.from_bytes(data[16:18])


@pytest.mark.parametrize("size", [8, 71, 73, 8 + 3 * 64])
def test_windows_of_another_length_are_refused(size):
    host, _ = awake()
    assert host.set_window(windows().ljust(size, b"\0")[:size]) == 2
    assert host.sense() == (5, 0x1A, 0)


def test_front_and_back_must_be_scanned_alike():
    host, _ = awake()
    wrong = bytearray(windows())
    wrong[72 + 0x1D] = 0x80
    assert host.set_window(bytes(wrong)) == 2
    assert host.sense() == (5, 0x2C, 2)


@pytest.mark.parametrize(
    ("payload", "sense"),
    [
        (STRAIGHT[:-1], (5, 0x1A, 0)),
        (STRAIGHT[:2] + b"\x11" + STRAIGHT[3:], (5, 0x26, 0)),
        (STRAIGHT[:4] + b"\x01" + STRAIGHT[5 : 10 + 256], (5, 0x26, 0)),
    ],
)
def test_a_curve_of_another_shape_is_refused(payload, sense):
    host, _ = awake()
    assert host.send_curve(payload) == 2
    assert host.sense() == sense


def test_other_kinds_of_tables_are_refused():
    host, _ = awake()
    assert host.refusal(b"\x2a\0\x88\0\0\0\0\0\x0a\0", bytes(10)) == (5, 0x24, 0)


def test_the_lamp_and_the_feeder_can_be_chosen_and_a_flatbed_cannot():
    host, _ = awake()
    for function in (0x00, 0x03, 0x05, 0x06, 0x04):
        assert host.send(bytes((0xF1, function, 0, 0, 0, 0, 0, 0, 0, 0))) == 0
    assert host.refusal(bytes((0xF1, 1, 0, 0, 0, 0, 0, 0, 0, 0))) == (5, 0x24, 0)
    assert host.refusal(bytes((0xF1, 5, 1, 0, 0, 0, 0, 0, 0, 0))) == (5, 0x24, 0)
