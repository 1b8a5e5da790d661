"""Bytes and values. The golden vectors were sent by another client of the same command set."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.errors import (
    CoverOpen,
    DoubleFeed,
    HardwareFault,
    PaperJam,
    PaperRefused,
    ProtocolError,
    StoppedByOperator,
)
from daemon.feeder import fi
from daemon.feeder.fi import Control, ModePage, Position, Switch, WindowId, envelope
from daemon.feeder.fi import abilities as fi_abilities
from daemon.feeder.fi import sense as fi_sense
from daemon.feeder.fi import status as fi_status
from daemon.feeder.fi import window as fi_window
from daemon.feeder.fi.sense import Sense, Verdict
from daemon.feeder.fi.window import Window
from tests.feeder import wire
from tests.feeder.wire import inquiry, page_f0

COMMANDS = [
    (fi.test_unit_ready(), "00 00 00 00 00 00", ""),
    (fi.request_sense(), "03 00 00 00 12 00", ""),
    (fi.inquiry(), "12 00 00 00 60 00", ""),
    (fi.vital_product_data(), "12 01 f0 00 cc 00", ""),
    (fi.mode_sense(0x3A), "1a 00 3a 00 14 00", ""),
    (fi.ask_serial(), "1d 00 00 00 10 00", b"GET DEVICE ID   ".hex(" ")),
    (fi.read_serial(), "1c 00 00 00 0a 00", ""),
    (fi.sleep_timer(15), "15 10 00 00 0c 00", "00 00 00 00 34 06 0f 00 00 00 00 00"),
    (fi.double_feed(skew=True), "15 10 00 00 0c 00", "00 00 00 00 38 06 b0 c0 00 00 00 00"),
    (fi.double_feed(), "15 10 00 00 0c 00", "00 00 00 00 38 06 90 c0 00 00 00 00"),
    (fi.double_feed(protect=False), "15 10 00 00 0c 00", "00 00 00 00 38 06 90 00 00 00 00 00"),
    (fi.buffering(Switch.ON), "15 10 00 00 0c 00", "00 00 00 00 3a 06 c0 c0 00 00 00 00"),
    (fi.buffering(Switch.OFF), "15 10 00 00 0c 00", "00 00 00 00 3a 06 80 c0 00 00 00 00"),
    (fi.pre_pick(Switch.ON), "15 10 00 00 0c 00", "00 00 00 00 33 06 c0 00 00 00 00 00"),
    (fi.pre_pick(Switch.DEFAULT), "15 10 00 00 0c 00", "00 00 00 00 33 06 00 00 00 00 00 00"),
    (
        fi.mode_select(ModePage.BACKGROUND, 0x80),
        "15 10 00 00 0c 00",
        "00 00 00 00 37 06 80 00 00 00 00 00",
    ),
    (fi.scanner_control(Control.LAMP_ON), "f1 05 00 00 00 00 00 00 00 00", ""),
    (fi.scanner_control(Control.CANCEL), "f1 04 00 00 00 00 00 00 00 00", ""),
    (fi.object_position(Position.FEED), "31 01 00 00 00 00 00 00 00 00", ""),
    (fi.scan(WindowId.FRONT, WindowId.BACK), "1b 00 00 00 02 00", "00 80"),
    (fi.read_pixel_size(WindowId.FRONT), "28 00 80 00 00 00 00 00 20 00", ""),
    (fi.read_pixel_size(WindowId.BACK), "28 00 80 00 00 80 00 00 20 00", ""),
    (fi.image_ready(WindowId.FRONT, 0x3FC36), "f1 10 00 00 00 00 03 fc 36 00", ""),
    (fi.image_ready(WindowId.BACK, 0x3FC36), "f1 10 80 00 00 00 03 fc 36 00", ""),
    (fi.read_image(WindowId.FRONT, 0x3FC36), "28 00 00 00 00 00 03 fc 36 00", ""),
    (fi.read_image(WindowId.BACK, 0x32D96), "28 00 00 00 00 80 03 2d 96 00", ""),
    (fi.hardware_status(), "c2 00 00 00 00 00 00 00 0c 00", ""),
]


@pytest.mark.parametrize(("command", "cdb", "out"), COMMANDS, ids=lambda v: getattr(v, "name", ""))
def test_a_command_is_these_bytes(command, cdb, out):
    assert command.cdb.hex(" ") == cdb
    assert command.out.hex(" ") == out


@pytest.mark.parametrize(
    ("command", "asked"),
    [
        (fi.inquiry(), 96),
        (fi.vital_product_data(), 204),
        (fi.mode_sense(0x38), 20),
        (fi.read_serial(), 10),
        (fi.hardware_status(), 12),
        (fi.read_pixel_size(WindowId.FRONT), 32),
        (fi.read_image(WindowId.FRONT, 7), 7),
        (fi.request_sense(), 18),
        (fi.scan(WindowId.FRONT), 0),
        (fi.image_ready(WindowId.FRONT, 7), 0),
    ],
    ids=lambda v: getattr(v, "name", v),
)
def test_a_command_asks_for_as_much_as_it_says(command, asked):
    assert command.in_bytes == asked


def test_a_command_is_wrapped_in_a_block_of_31_bytes():
    block = envelope.command_block(fi.object_position(Position.FEED).cdb)
    assert block.hex(" ") == "43" + " 00" * 18 + " 31 01" + " 00" * 10


def test_the_windows_of_a_gray_duplex_batch_are_the_golden_bytes():
    window = Window(paper_units=(9923, 14033), dpi=200, colour=False)
    golden = (
        "00 00 00 00 00 00 00 40 "
        "00 00 00 c8 00 c8 00 00 00 00 00 00 00 00 00 00 26 be 00 00 36 cc 80 00 80 02 08 00 00 00 "
        "00 00 00 00 00 00 00 00 00 00 00 80 00 00 00 00 00 00 00 00 00 00 00 c0 00 00 26 c3 00 00 "
        "36 d1 00 00 "
        "80 00 00 c8 00 c8 00 00 00 00 00 00 00 00 00 00 26 be 00 00 36 cc 80 00 80 02 08 00 00 00 "
        "00 00 00 00 00 00 00 00 00 00 00 80 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 "
        "00 00 00 00"
    )
    made = fi_window.descriptors(window, downloaded_gamma=True)
    assert made.hex(" ") == golden
    assert fi.set_window(made).cdb.hex(" ") == "24 00 00 00 00 00 00 00 88 00"


def test_the_front_window_of_a_colour_batch_is_the_golden_bytes():
    window = Window(paper_units=(10200, 13200), dpi=300, colour=True)
    golden = (
        "00 00 01 2c 01 2c 00 00 00 00 00 00 00 00 00 00 27 d8 00 00 33 90 80 00 80 05 08 00 00 00 "
        "00 00 00 00 00 00 00 00 00 00 c1 80 01 00 00 00 00 00 00 00 00 00 00 c0 00 00 27 d8 00 00 "
        "33 90 00 00"
    )
    assert fi_window.descriptors(window, downloaded_gamma=True)[8:72].hex(" ") == golden


def test_without_a_table_of_its_own_the_scanner_keeps_its_gamma():
    window = Window(paper_units=(9921, 14032), dpi=300, colour=True)
    made = fi_window.descriptors(window, downloaded_gamma=False)
    assert (made[8 + 0x29], made[8 + 64 + 0x29]) == (0, 0)


@given(st.integers(150, 600))
def test_the_scanner_rounds_a_window_to_our_pixels_at_every_resolution(dpi):
    window = Window(fi_window.A4_UNITS, dpi, colour=True)
    front = fi_window.descriptors(window, downloaded_gamma=False)[8:]
    width, length = (int.from_bytes(front[at : at + 4], "big") for at in (0x0E, 0x12))
    assert (width * dpi // 1200, length * dpi // 1200) == (window.width_px, window.height_px)


def test_a4_at_300_dpi_is_2480_by_3508():
    window = Window(fi_window.A4_UNITS, 300, colour=True)
    assert (window.width_px, window.height_px) == (2480, 3508)


def test_the_table_for_10_bits_changes_nothing():
    command = fi.send_lut(10)
    assert command.cdb.hex(" ") == "2a 00 83 00 00 00 00 04 0a 00"
    assert command.out[:10].hex(" ") == "00 00 10 00 04 00 01 00 00 00"
    assert list(command.out[10:]) == [value * 256 // 1024 for value in range(1024)]


def test_the_table_for_8_bits_changes_nothing():
    assert list(fi.send_lut(8).out[10:]) == list(range(256))


# -- sense -----------------------------------------------------------------------------------

CAUSES = [
    ((3, 0x80, 0x01), PaperJam),
    ((3, 0x80, 0x02), CoverOpen),
    ((3, 0x80, 0x04), PaperRefused),
    ((3, 0x80, 0x07), DoubleFeed),
    ((3, 0x80, 0x08), PaperRefused),
    ((3, 0x80, 0x09), PaperRefused),
    ((3, 0x80, 0x0C), PaperRefused),
    ((3, 0x80, 0x10), HardwareFault),
    ((3, 0x80, 0x20), StoppedByOperator),
    ((3, 0x80, 0x30), PaperRefused),
    ((4, 0x44, 0x00), HardwareFault),
    ((4, 0x80, 0x06), HardwareFault),
    ((4, 0x80, 0x80), HardwareFault),
    ((5, 0x00, 0x00), PaperJam),
    ((5, 0x24, 0x00), ProtocolError),
    ((5, 0x2C, 0x02), ProtocolError),
    ((0xB, 0x80, 0x01), ProtocolError),
    ((7, 0x11, 0x22), ProtocolError),
]


@pytest.mark.parametrize(("code", "error"), CAUSES)
def test_a_cause_is_raised_as_the_error_of_who_must_act(code, error):
    made = fi_sense.error_of(fi_sense.parse(wire.sense(*code)), "READ")
    assert type(made) is error
    assert f"{code[0]:X}/{code[1]:02X}/{code[2]:02X}" in str(made)


@pytest.mark.parametrize(
    ("code", "verdict"),
    [
        ((0, 0x00, 0x00), Verdict.GOOD),
        ((0, 0x80, 0x05), Verdict.GOOD),
        ((2, 0x00, 0x00), Verdict.BUSY),
        ((3, 0x80, 0x13), Verdict.BUSY),
        ((3, 0x80, 0x32), Verdict.BUSY),
        ((3, 0x80, 0x03), Verdict.EMPTY),
        ((6, 0x00, 0x00), Verdict.RESET),
        ((6, 0x80, 0x01), Verdict.WOKEN),
    ],
)
def test_what_is_no_fault_says_what_to_do_next(code, verdict):
    assert fi_sense.meaning(Sense(*code)).verdict is verdict
    with pytest.raises(ValueError, match="not a fault"):
        fi_sense.error_of(Sense(*code), "READ")


def test_no_two_causes_share_their_words_with_another_error():
    words = {}
    for row in fi_sense.TABLE.values():
        assert words.setdefault(row.text, row.error) is row.error


def test_sense_bytes_tell_end_short_read_residue_and_offending_byte():
    parsed = fi_sense.parse(wire.sense(0, ili=True, eom=True, residue=0x12345))
    assert (parsed.end_of_medium, parsed.incorrect_length) == (True, True)
    assert parsed.residue_bytes == 0x12345
    refused = fi_sense.parse(wire.sense(5, 0x26, 0, offending=0x0141))
    assert (refused.residue_bytes, refused.offending_byte) == (None, 0x0141)
    assert "byte=321" in str(fi_sense.error_of(refused, "SET WINDOW"))


# -- answers ---------------------------------------------------------------------------------


def test_inquiry_gives_vendor_product_and_revision():
    parsed = fi_abilities.parse_inquiry(inquiry())
    assert (parsed.vendor, parsed.product, parsed.revision) == ("FUJITSU", "fi-7160", "0A00")


@pytest.mark.parametrize(
    "data",
    [b"", inquiry()[:35], b"\x00" + inquiry()[1:], inquiry(product=b"fi\xff\x01")],
    ids=["nothing", "short", "a disk", "no text"],
)
def test_an_inquiry_that_is_no_scanners_is_a_protocol_error(data):
    with pytest.raises(ProtocolError):
        fi_abilities.parse_inquiry(data)


def test_page_f0_gives_what_the_scanner_can_do():
    parsed = fi_abilities.parse_abilities(
        page_f0(x09=0x11, x1c=0x88, x20=0x90, x21=0x3A, x2b=0x04, x31=0x02, x57=0x01)
    )
    assert (parsed.gray, parsed.colour, parsed.feeder, parsed.duplex) == (True,) * 4
    assert (parsed.double_feed, parsed.paper_protection) == (True, True)
    assert (parsed.hardware_status, parsed.scanner_control) == (True, True)
    assert (parsed.downloadable_gamma, parsed.table_bits) == (True, 10)
    assert (parsed.max_width_units, parsed.max_length_units) == (10200, 16800)
    assert [dpi for dpi in (49, 50, 333, 600, 601) if parsed.takes(dpi)] == [50, 333, 600]


def test_a_scanner_with_steps_takes_only_the_resolutions_it_lists():
    parsed = fi_abilities.parse_abilities(page_f0(x12=0x01, x13=0x44))
    assert [dpi for dpi in (200, 240, 300, 400, 600) if parsed.takes(dpi)] == [200, 300, 600]


def test_the_shortest_page_that_is_allowed_has_every_field_that_is_read():
    shortest = page_f0(length=0x5F, x57=0x01, x21=0x08)[:0x60]
    assert fi_abilities.parse_abilities(shortest).downloadable_gamma


@pytest.mark.parametrize(
    "data",
    [b"", page_f0()[:0x5F], page_f0(length=0x5E), page_f0(x01=0), page_f0(x57=1, x21=0x0F)],
    ids=["nothing", "short", "says it is short", "another page", "a table of 32768 entries"],
)
def test_a_page_f0_that_cannot_be_is_a_protocol_error(data):
    with pytest.raises(ProtocolError):
        fi_abilities.parse_abilities(data)


def test_the_serial_number_is_an_unsigned_integer():
    assert fi_abilities.parse_serial(bytes.fromhex("ff 00 00 01") + bytes(6)) == "4278190081"


def test_sensors_are_read_bit_by_bit_and_the_hopper_is_inverted():
    parse = fi_status.parse_hardware_status
    quiet = parse(bytes([0, 0, 0, 0x80]) + bytes(8))
    assert quiet == fi_status.HardwareStatus(False, False, False, False, False)
    assert parse(bytes(12)).hopper_loaded
    assert parse(bytes([0, 0, 0x80, 0x80]) + bytes(8)).paper_in_path
    assert parse(bytes([0, 0, 0, 0xA0]) + bytes(8)).cover_open
    assert parse(bytes([0, 0, 0, 0x80, 1]) + bytes(7)).button_pressed
    assert parse(bytes([0, 0, 0, 0x80, 0x80]) + bytes(7)).sleeping


def test_the_size_of_a_side_is_checked_before_memory_is_asked_for():
    said = (2480).to_bytes(4, "big") + (3508).to_bytes(4, "big") + bytes(24)
    assert fi_status.parse_pixel_size(said, 2480, 3508) == (2480, 3508)
    for wrong in (b"", said[:7], b"\xff" * 32, bytes(32)):
        with pytest.raises(ProtocolError):
            fi_status.parse_pixel_size(wrong, 2480, 3508)


def test_a_status_block_is_good_busy_or_a_reason_to_ask_for_sense():
    read = [envelope.status_of(wire.status(value)) for value in (0, 8, 2, 0x18)]
    assert read == [0, 8, 2, 2]


@pytest.mark.parametrize("block", [b"", wire.status()[:12], b"\x43" + wire.status()[1:]])
def test_a_block_that_is_no_status_means_that_the_stream_is_out_of_step(block):
    with pytest.raises(ProtocolError, match="status"):
        envelope.status_of(block)


PARSERS = [
    envelope.status_of,
    fi_sense.parse,
    fi_abilities.parse_inquiry,
    fi_abilities.parse_abilities,
    fi_abilities.parse_serial,
    fi_status.parse_hardware_status,
    lambda data: fi_status.parse_pixel_size(data, 2480, 3508),
]
LIKELY = st.one_of(
    st.binary(max_size=0x110),
    st.binary(min_size=0x60, max_size=0xCC).map(lambda b: b"\x06\xf0\x02\x02\x9a" + b[5:]),
    st.binary(min_size=18, max_size=18).map(lambda b: b"\xf0" + b[1:]),
)


@pytest.mark.parametrize("parser", PARSERS)
@given(data=LIKELY)
def test_garbage_is_read_or_refused_and_nothing_else(parser, data):
    try:
        parser(data)
    except ProtocolError as error:
        assert error.message


@given(st.integers(0, 15), st.integers(0, 255), st.integers(0, 255))
def test_every_sense_has_a_meaning_and_every_fault_an_error(key, asc, ascq):
    sense = Sense(key, asc, ascq)
    if fi_sense.meaning(sense).verdict is Verdict.FAULT:
        assert sense.code in str(fi_sense.error_of(sense, "READ"))
