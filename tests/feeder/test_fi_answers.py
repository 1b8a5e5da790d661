"""What a scanner answers, as values; and that garbage is read or refused, and nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.errors import ProtocolError
from daemon.feeder.fi import abilities as fi_abilities
from daemon.feeder.fi import envelope
from daemon.feeder.fi import sense as fi_sense
from daemon.feeder.fi import status as fi_status
from daemon.feeder.fi.sense import Sense, Verdict
from tests.feeder import wire
from tests.feeder.wire import inquiry, page_f0


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


def test_page_f0_gives_margins_steps_and_line_art():
    parsed = fi_abilities.parse_abilities(
        page_f0(x1c=0x02, x52=255, x53=7, x54=9, x64=0, x65=59, x66=0, x67=118)
    )
    assert parsed.margins_units == (118, 236)
    assert (parsed.brightness_steps, parsed.threshold_steps, parsed.contrast_steps) == (255, 7, 9)
    assert parsed.line_art
    assert not parsed.gray


def test_the_shortest_page_that_is_allowed_has_every_field_that_most_models_have():
    shortest = page_f0(length=0x5F, x57=0x01, x21=0x08)[:0x60]
    assert fi_abilities.parse_abilities(shortest).downloadable_gamma
    assert fi_abilities.parse_abilities(shortest).margins_units == (0, 0)


MARGIN = {"x65": 100, "x67": 100}


@pytest.mark.parametrize(
    ("page", "margins"),
    [
        (page_f0(length=0x5F, **MARGIN), (200, 200)),
        (page_f0(length=0x60, **MARGIN), (0, 0)),
        (page_f0(length=0x60, x59=0x01, **MARGIN), (200, 200)),
        (page_f0(length=0x63, **MARGIN), (200, 200)),
    ],
    ids=["5F means 63", "60 ends before", "a sign says that it reaches 6F", "63 is 63"],
)
def test_a_field_beyond_the_end_of_page_f0_is_not_read(page, margins):
    assert fi_abilities.parse_abilities(page).margins_units == margins


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


def test_the_real_length_of_a_side_is_the_smaller_number_that_is_said():
    def said(lines, paper):
        return bytes(4) + lines.to_bytes(4, "big") + bytes(4) + paper.to_bytes(4, "big") + bytes(16)

    parse = fi_status.parse_real_lines
    assert [parse(said(*each)) for each in ((9, 0), (9, 4), (4, 9), (0, 4), (0, 0))] == [
        9,
        4,
        4,
        4,
        0,
    ]
    assert parse(said(9, 4)[:8]) == 9
    with pytest.raises(ProtocolError):
        parse(said(9, 4)[:7])


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
    fi_status.parse_real_lines,
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
