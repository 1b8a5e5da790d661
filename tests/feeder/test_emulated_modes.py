"""Every mode of the emulated scanner gives the samples that the protocol says, to the byte."""

from dataclasses import replace

import pytest

from daemon.feeder.emulator import FI_7160, Window
from daemon.feeder.emulator.profile import DOT_BGR, DOT_RGB, LINE_RGB
from tests.feeder.host import (
    COLOUR,
    FEED,
    GRAY,
    LINE_ART,
    SEQUENCE,
    STRAIGHT,
    awake,
    bits,
    face,
    inverted,
    windows,
)

# data of page 3C, from its byte 2
OVERSCAN, AUTO_LENGTH, BOTH, OFF = "000000c0", "00800000", "008000c0", "00000080"


def scanned(host, payload, sides=b"\0"):
    assert host.set_window(payload) == 0
    assert host.send(FEED) == 0
    assert host.scan(sides) == 0


def auto_size(host, data):
    payload = bytes(4) + b"\x3c\6" + bytes.fromhex(data) + bytes(6)
    assert host.mode_select(payload[:12]) == 0


def with_byte(payload, offset, value):
    changed = bytearray(payload)
    for start in range(8, len(payload), 64):
        changed[start + offset] = value
    return bytes(changed)


# -- line-art -----------------------------------------------------------------------------------


@pytest.mark.parametrize("threshold", [1, 0x60, 0x80, 0xFF])
@pytest.mark.parametrize("reverse", [0x00, 0x80])
def test_line_art_has_eight_pixels_a_byte_and_is_black_below_the_threshold(threshold, reverse):
    host, paper = awake()
    payload = with_byte(windows(64, 40, mode=LINE_ART), 0x17, threshold)
    scanned(host, with_byte(payload, 0x1D, reverse), b"\x00\x80")
    assert host.pixel_size(0x80) == (64, 40)
    gray = Window(64, 40, 200, 1)
    for number, side in ((0x00, "F"), (0x80, "B")):
        expected = bits(face(0, side, gray), threshold)
        assert host.read_side(number, 100) == (inverted(expected) if reverse else expected)
    assert paper.looked == [(0, "F"), (0, "B")]


def test_the_first_pixel_is_the_highest_bit_and_black_is_one():
    host, paper = awake()
    paper.face = lambda *_: b"\x00\x7f\xff\xff\xff\xff\xff\x80" * 40
    scanned(host, windows(8, 40, mode=LINE_ART, duplex=False))
    assert host.read_side(0, 100) == b"\xc0" * 40


def test_a_dynamic_threshold_is_the_middle():
    host, _ = awake()
    scanned(host, windows(64, 40, mode=LINE_ART, duplex=False))
    assert host.read_side(0, 1000) == bits(face(0, "F", Window(64, 40, 200, 1)), 0x80)


def test_a_scanner_without_threshold_steps_does_not_look_at_the_threshold():
    host, _ = awake(profile=replace(FI_7160, threshold_steps=0))
    scanned(host, with_byte(windows(64, 40, mode=LINE_ART, duplex=False), 0x17, 0x20))
    assert host.read_side(0, 1000) == bits(face(0, "F", Window(64, 40, 200, 1)), 0x80)


def test_a_curve_is_applied_before_the_threshold():
    host, paper = awake()
    paper.face = lambda *_: b"\x40" * 320
    assert host.send_curve(STRAIGHT[:10] + bytes(min(255, k // 2) for k in range(1024))) == 0
    scanned(host, windows(8, 40, mode=LINE_ART, duplex=False, downloaded=True))
    assert host.read_side(0, 1000) == bytes(40)


@pytest.mark.parametrize("width", [63, 60, 57])
def test_line_art_of_a_width_that_is_no_multiple_of_eight_is_refused(width):
    host, _ = awake()
    assert host.set_window(windows(width, 40, mode=LINE_ART)) == 2
    data = host.sense_bytes()
    assert (data[2], data[12], int.from_bytes(data[16:18])) == (5, 0x26, 8 + 0x0E)


@pytest.mark.parametrize(
    ("offset", "value"), [(0x1A, 8), (0x1B, 1), (0x28, 0xC1), (0x2A, 1), (0x2E, 1)]
)
def test_a_wrong_field_of_a_line_art_window_is_named(offset, value):
    host, _ = awake()
    assert host.set_window(with_byte(windows(64, 40, mode=LINE_ART), offset, value)) == 2
    assert int.from_bytes(host.sense_bytes()[16:18]) == 8 + offset


def test_a_scanner_without_line_art_says_so_and_refuses_it():
    host, _ = awake(profile=replace(FI_7160, has_line_art=False))
    assert host.ask(bytes((0x12, 1, 0xF0, 0, 0xCC, 0)), 0xCC)[0][0x1C] == 0x88
    assert host.set_window(windows(64, 40, mode=LINE_ART)) == 2
    assert int.from_bytes(host.sense_bytes()[16:18]) == 8 + 0x19


# -- colour -------------------------------------------------------------------------------------

ORDERS = {
    # (order, argument) -> how two pixels of a line go over the wire
    DOT_RGB: "r0 g0 b0 r1 g1 b1",
    DOT_BGR: "b0 g0 r0 b1 g1 r1",
    LINE_RGB: "r0 r1 g0 g1 b0 b1",
    (0, 5): "b0 b1 g0 g1 r0 r1",
}


@pytest.mark.parametrize("order", list(ORDERS))
@pytest.mark.parametrize("reverse", [0x00, 0x80])
def test_colour_goes_in_the_order_that_was_taken(order, reverse):
    host, paper = awake(profile=replace(FI_7160, colour_orders=(order,)))
    lines = [{"r0": line, "g0": 50, "b0": 90, "r1": 120, "g1": 160, "b1": 255} for line in range(9)]
    paper.face = lambda *_: b"".join(bytes(line.values()) for line in lines)
    payload = with_byte(windows(2, 9, mode=COLOUR, duplex=False), 0x1D, reverse)
    scanned(host, with_byte(with_byte(payload, 0x2A, order[0]), 0x2B, order[1]))
    expected = b"".join(bytes(line[name] for name in ORDERS[order].split()) for line in lines)
    assert host.read_side(0, 50) == (expected if reverse else inverted(expected))


@pytest.mark.parametrize(
    ("taken", "refused", "offending"),
    [
        ((1, 0), (1, 5), 0x2B),
        ((1, 0), (0, 0), 0x2A),
        ((1, 5), (1, 0), 0x2B),
        ((0, 0), (1, 0), 0x2A),
        ((0, 0), (0, 5), 0x2B),
    ],
)
def test_an_order_that_it_does_not_have_is_refused(taken, refused, offending):
    host, _ = awake(profile=replace(FI_7160, colour_orders=(taken,)))
    payload = windows(mode=COLOUR)
    assert host.set_window(with_byte(with_byte(payload, 0x2A, taken[0]), 0x2B, taken[1])) == 0
    assert host.set_window(with_byte(with_byte(payload, 0x2A, refused[0]), 0x2B, refused[1])) == 2
    assert int.from_bytes(host.sense_bytes()[16:18]) == 8 + offending


# -- tone ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("brightness", "contrast", "seen"),
    [(0x80, 0x80, 100), (0x90, 0x80, 116), (0x80, 0xC0, 86), (0x00, 0x80, 0), (0xFF, 0x80, 227)],
)
def test_brightness_and_contrast_are_looked_at_where_the_scanner_has_them(
    brightness, contrast, seen
):
    for steps, expected in ((255, seen), (0, 100)):
        host, paper = awake(profile=replace(FI_7160, brightness_steps=steps, contrast_steps=steps))
        paper.face = lambda *_: bytes((100,)) * 2400
        payload = with_byte(windows(duplex=False), 0x16, brightness)
        scanned(host, with_byte(payload, 0x18, contrast))
        assert host.read_side(0, 5000) == bytes((255 - expected,)) * 2400


# -- simplex and sides in turn ------------------------------------------------------------------


@pytest.mark.parametrize("mode", [LINE_ART, GRAY, COLOUR])
def test_a_simplex_sheet_has_one_side_and_is_through_when_that_was_read(mode):
    host, paper = awake(2)
    for sheet in range(2):
        scanned(host, windows(64, 40, mode=mode, duplex=False))
        assert host.ask(bytes((0x28, 0, 0x80, 0, 0, 0x80, 0, 0, 32, 0)), 32) == (b"", 2)
        assert host.sense() == SEQUENCE
        assert host.read(0x80, 10) == (b"", 2)
        assert host.sense() == SEQUENCE
        host.read_side(0, 3000)
        assert host.hardware_status()[2] == 0
        assert paper.looked == [(index, "F") for index in range(sheet + 1)]


def test_a_scanner_without_duplex_refuses_a_back():
    host, _ = awake(profile=replace(FI_7160, has_duplex=False))
    assert host.ask(bytes((0x12, 1, 0xF0, 0, 0xCC, 0)), 0xCC)[0][0x20] == 0x80
    assert host.set_window(windows()) == 2
    assert host.sense() == (5, 0x2C, 2)
    assert host.set_window(windows(duplex=False)) == 0


def test_with_sides_in_turn_the_back_is_there_when_all_of_the_front_was_read():
    host, _ = awake(profile=replace(FI_7160, sides_in_turn=True))
    scanned(host, windows(), b"\x00\x80")
    ready = bytes((0xF1, 0x10, 0x80, 0, 0, 0, 0, 0, 100, 0))
    front = b""
    for _ in range(24):
        assert host.read(0x80, 100) == (b"", 8)
        assert host.refusal(ready) == (3, 0x80, 0x13)
        data, status = host.read(0x00, 100)
        assert status == 0
        front += data
    assert front == inverted(face(0, "F", Window(60, 40, 200, 1)))
    assert host.send(ready) == 0
    assert host.read_side(0x80, 100) == inverted(face(0, "B", Window(60, 40, 200, 1)))
    assert host.hardware_status()[2] == 0


# -- automatic length and overscan --------------------------------------------------------------


@pytest.mark.parametrize("pads", [False, True])
@pytest.mark.parametrize("mode", [LINE_ART, GRAY, COLOUR])
def test_with_automatic_length_a_side_ends_where_the_paper_does(mode, pads):
    host, paper = awake(2, pads=pads)
    paper.units = 30 * 6 + 5  # 30 lines of 200 dpi, and a part of one
    auto_size(host, AUTO_LENGTH)
    scanned(host, windows(64, 40, mode=mode), b"\x00\x80")
    asked_size = bytes((0x28, 0, 0x80, 0, 0, 0x00, 0, 0, 32, 0))
    before = host.ask(asked_size, 32)[0]
    assert (host.pixel_size(0), before[8:16]) == ((64, 40), bytes(8))
    line = {LINE_ART: 8, GRAY: 64, COLOUR: 192}[mode]
    seen = Window(64, 30, 200, 3 if mode == COLOUR else 1)
    for number, side in ((0x00, "F"), (0x80, "B")):
        data = b"".join(host.read(number, 10 * line)[0] for _ in range(2))
        assert host.pixel_size(number) == (64, 40)
        rest, status = host.read(number, 11 * line)
        sense = host.sense_bytes()
        assert (status, sense[2], int.from_bytes(sense[3:7])) == (2, 0x60, line)
        data += rest[: 10 * line]
        samples = face(0, side, seen)
        assert data == (bits(samples) if mode == LINE_ART else inverted(samples))
        assert host.pixel_size(number) == (64, 30)
    after = host.ask(asked_size, 32)[0]
    real = (64).to_bytes(4) + (30).to_bytes(4)
    assert after[:17] == real + real + b"\1"
    assert host.hardware_status()[2] == 0


def test_paper_that_is_longer_than_the_window_fills_it():
    host, paper = awake()
    paper.units = 41 * 6
    auto_size(host, AUTO_LENGTH)
    scanned(host, windows(duplex=False))
    assert host.read_side(0, 999) == inverted(face(0, "F", Window(60, 40, 200, 1)))
    assert host.pixel_size(0) == (60, 40)


@pytest.mark.parametrize("data", [None, OFF, OVERSCAN])
def test_without_automatic_length_the_window_is_scanned_whole(data):
    host, paper = awake()
    paper.units = 30 * 6
    if data:
        auto_size(host, data)
    scanned(host, windows(duplex=False))
    assert host.read_side(0, 999) == inverted(face(0, "F", Window(60, 40, 200, 1)))
    size, _ = host.ask(bytes((0x28, 0, 0x80, 0, 0, 0, 0, 0, 32, 0)), 32)
    assert size[8:16] == bytes(8)


@pytest.mark.parametrize("data", [OVERSCAN, BOTH])
def test_with_overscan_a_window_may_be_wider_by_both_margins(data):
    host, paper = awake()
    widest, margin = 10368, 236  # 1/1200 inch
    payload = bytearray(windows(64, 40, duplex=False))

    def set_width(units):
        payload[8 + 0x0E : 8 + 0x12] = units.to_bytes(4)
        return host.set_window(bytes(payload))

    assert set_width(widest + 2 * margin) == 2
    assert int.from_bytes(host.sense_bytes()[16:18]) == 8 + 0x0E
    auto_size(host, data)
    assert set_width(widest + 2 * margin + 1) == 2
    assert set_width(widest + 2 * margin) == 0
    seen = []
    paper.face = lambda sheet, side, window: seen.append(window) or face(sheet, side, window)
    assert host.send(FEED) == 0
    assert host.scan(b"\0") == 0
    window = Window((widest + 2 * margin) // 6, 40, 200, 1)
    assert host.read_side(0, 5000) == inverted(face(0, "F", window))
    assert seen == [window]


def test_overscan_makes_no_window_longer():
    host, _ = awake()
    auto_size(host, OVERSCAN)
    assert host.set_window(windows(60, 8760, dpi=600)) == 0
    assert host.set_window(windows(60, 8761, dpi=600)) == 2


@pytest.mark.parametrize(("before", "after"), [(OVERSCAN, OFF), (OFF, OVERSCAN)])
def test_a_window_from_before_overscan_was_switched_is_not_scanned(before, after):
    host, _ = awake()
    auto_size(host, before)
    assert host.set_window(windows(duplex=False)) == 0
    auto_size(host, after)
    assert host.send(FEED) == 0
    assert host.scan(b"\0") == 2
    assert host.sense() == SEQUENCE
    assert host.set_window(windows(duplex=False)) == 0
    assert host.scan(b"\0") == 0


def test_the_second_inquiry_tells_the_margins():
    host, _ = awake()
    data, _status = host.ask(bytes((0x12, 1, 0xF0, 0, 0xCC, 0)), 0xCC)
    assert (data[0x64:0x66], data[0x66:0x68]) == ((118).to_bytes(2), (118).to_bytes(2))
