"""Bytes and values. The golden vectors were sent by another client of the same command set."""

import pytest

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
from daemon.feeder.fi import sense as fi_sense
from daemon.feeder.fi.sense import Sense, Verdict
from tests.feeder import wire

COMMANDS = [
    (fi.test_unit_ready(), "00 00 00 00 00 00", ""),
    (fi.request_sense(), "03 00 00 00 12 00", ""),
    (fi.inquiry(), "12 00 00 00 60 00", ""),
    (fi.vital_product_data(), "12 01 f0 00 cc 00", ""),
    (fi.mode_sense(0x3A), "1a 00 3a 00 14 00", ""),
    (fi.ask_serial(), "1d 00 00 00 10 00", b"GET DEVICE ID   ".hex(" ")),
    (fi.read_serial(), "1c 00 00 00 0a 00", ""),
    (fi.sleep_timer(15), "15 10 00 00 0c 00", "00 00 00 00 34 06 0f 00 00 00 00 00"),
    (
        fi.double_feed(by_length=False, protect=True),
        "15 10 00 00 0c 00",
        "00 00 00 00 38 06 b0 c0 00 00 00 00",
    ),
    (
        fi.double_feed(by_length=True, protect=False),
        "15 10 00 00 0c 00",
        "00 00 00 00 38 06 b8 00 00 00 00 00",
    ),
    (
        fi.auto_size(length=False, overscan=False),
        "15 10 00 00 0c 00",
        "00 00 00 00 3c 06 00 00 00 80 00 00",
    ),
    (
        fi.auto_size(length=True, overscan=True),
        "15 10 00 00 0c 00",
        "00 00 00 00 3c 06 00 80 00 c0 00 00",
    ),
    (fi.drop_out(), "15 10 00 00 0e 00", "00 00 00 00 39 08 00 00 00 00 00 00 00 00"),
    (fi.background(), "15 10 00 00 0c 00", "00 00 00 00 37 06 b0 00 00 00 00 00"),
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
