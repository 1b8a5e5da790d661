"""Both sides of a sheet, over scripts: a sheet of 4 x 3 pixels is as good as A4."""

import errno

import numpy as np
import pytest

from daemon.errors import LinkTimeout, PaperJam, ProtocolError
from daemon.feeder import fi, image
from daemon.feeder.fi.window import Mode, Window
from tests.feeder.sides import BACK, END, FRONT, PIXELS, block, opening, reading, ready, size
from tests.feeder.wire import In, Out, busy, checked, command_block, good, sense

COLOUR = Window((24, 24), 100, Mode.COLOUR)
SCAN = fi.scan(FRONT, BACK)
BOTH = ((4, 3), (4, 3))


@pytest.fixture
def read():
    with reading() as run:
        yield run


def test_a_sheet_that_fits_in_a_block_is_read_front_then_back(read):
    front, back = read(
        opening(*BOTH), ready(FRONT), block(FRONT, PIXELS), ready(BACK), block(BACK, PIXELS[::-1])
    )
    assert front.samples.tolist() == np.arange(12).reshape(3, 4).tolist()
    assert back.samples.tolist() == np.arange(11, -1, -1).reshape(3, 4).tolist()
    assert not front.incomplete
    assert not back.incomplete


def test_colour_has_three_samples_a_pixel_in_the_order_of_the_wire(read):
    front, _ = read(
        opening((2, 2), (2, 2)),
        ready(FRONT),
        block(FRONT, PIXELS),
        ready(BACK),
        block(BACK, PIXELS),
        window=COLOUR,
    )
    assert front.samples.shape == (2, 2, 3)
    assert front.samples.tobytes() == PIXELS


def test_sides_alternate_in_blocks_and_are_waited_for_once(read, monkeypatch):
    monkeypatch.setattr(image, "BLOCK_BYTES", 8)
    front, back = read(
        opening(*BOTH),
        ready(FRONT, 8),
        block(FRONT, PIXELS[:8]),
        ready(BACK, 8),
        block(BACK, PIXELS[:8]),
        block(FRONT, PIXELS[8:]),
        block(BACK, PIXELS[8:]),
    )
    assert front.samples.tobytes() == back.samples.tobytes() == PIXELS


def test_a_model_that_cannot_be_asked_for_readiness_is_read_at_once(read):
    unknown = sense(5, 0x20, 0)
    read(
        opening(*BOTH),
        checked(fi.image_ready(FRONT, 12), unknown),
        block(FRONT, PIXELS),
        checked(fi.image_ready(BACK, 12), sense(5, 0x24, 0)),
        block(BACK, PIXELS),
    )


def test_a_scanner_that_has_nothing_yet_is_asked_again(read):
    wait = fi.image_ready(FRONT, 12)
    back = fi.read_image(BACK, 12)
    front, _ = read(
        opening(*BOTH),
        busy(wait),
        checked(wait, sense(3, 0x80, 0x13)),
        ready(FRONT),
        busy(fi.read_image(FRONT, 12)),
        block(FRONT, PIXELS),
        ready(BACK),
        checked(back, sense(3, 0x80, 0x13)),
        good(back, b""),
        block(BACK, PIXELS),
    )
    assert front.samples.tobytes() == PIXELS


def test_a_jam_while_waiting_is_a_jam(read):
    with pytest.raises(PaperJam):
        read(opening(*BOTH), checked(fi.image_ready(FRONT, 12), sense(3, 0x80, 1)))


def test_a_short_packet_is_continued_where_it_ended(read):
    front, _ = read(
        opening(*BOTH),
        ready(FRONT),
        block(FRONT, PIXELS[:5], asked=12),
        ready(BACK),
        block(BACK, PIXELS),
        block(FRONT, PIXELS[5:]),
    )
    assert front.samples.tobytes() == PIXELS


def test_padding_is_not_taken_for_pixels(read):
    padded = PIXELS[:5] + b"\xee" * 7
    front, _ = read(
        opening(*BOTH),
        ready(FRONT),
        checked(fi.read_image(FRONT, 12), sense(0, ili=True, residue=7), padded),
        ready(BACK),
        block(BACK, PIXELS),
        block(FRONT, PIXELS[5:]),
    )
    assert front.samples.tobytes() == PIXELS


def test_a_side_that_ends_early_is_as_long_as_what_came_and_says_so(read):
    front, back = read(
        opening(*BOTH),
        ready(FRONT),
        block(FRONT, PIXELS),
        ready(BACK),
        checked(fi.read_image(BACK, 12), sense(0, ili=True, eom=True, residue=3), PIXELS),
    )
    assert not front.incomplete
    assert back.incomplete
    assert back.samples.tolist() == np.arange(8).reshape(2, 4).tolist()


def test_a_side_is_over_when_the_sheet_is_and_nothing_is_left_of_it(read):
    front, back = read(
        opening(*BOTH),
        ready(FRONT),
        checked(fi.read_image(FRONT, 12), END, PIXELS),
        ready(BACK),
        checked(fi.read_image(BACK, 12), sense(0, ili=True), PIXELS[:8]),
        checked(fi.read_image(BACK, 4), sense(0, ili=True), b""),
    )
    assert (front.incomplete, back.incomplete) == (False, True)
    assert back.samples.shape == (2, 4)


def test_the_end_of_the_sheet_does_not_cut_a_side_that_still_comes(read):
    _, back = read(
        opening(*BOTH),
        ready(FRONT),
        checked(fi.read_image(FRONT, 12), END, PIXELS),
        ready(BACK),
        checked(fi.read_image(BACK, 12), sense(0, ili=True), PIXELS[:8]),
        block(BACK, PIXELS[8:]),
    )
    assert not back.incomplete
    assert back.samples.tobytes() == PIXELS


def test_a_side_without_a_line_is_no_face(read):
    with pytest.raises(ProtocolError, match="before its first line"):
        read(
            opening(*BOTH),
            ready(FRONT),
            checked(fi.read_image(FRONT, 12), END, b"abc"),
            ready(BACK),
            block(BACK, PIXELS),
        )


def test_a_side_that_never_comes_is_a_timeout(read):
    nothing = good(fi.read_image(FRONT, 12), b"")
    with pytest.raises(LinkTimeout, match="stays busy"):
        read(opening(*BOTH), ready(FRONT), *[nothing] * 4)


def test_a_scanner_that_was_reset_has_lost_the_sheet(read):
    wait = fi.image_ready(FRONT, 12)
    with pytest.raises(ProtocolError, match="reset while a sheet was in its path"):
        read(opening(*BOTH), checked(wait, sense(6, 0, 0)))


def test_a_size_far_from_the_window_is_refused_before_memory_is_asked_for(read):
    with pytest.raises(ProtocolError, match="size of a side"):
        read(good(SCAN), good(fi.read_pixel_size(FRONT), size(4, 0x7FFFFFFF)))


def test_a_link_that_fails_in_a_side_is_passed_on(read):
    command = fi.read_image(FRONT, 12)
    with pytest.raises(LinkTimeout):
        read(opening(*BOTH), ready(FRONT), [Out(command_block(command.cdb)), In(errno.ETIMEDOUT)])


@pytest.mark.parametrize(
    ("line_bytes", "asked"),
    [(1653, 0x3FC36), (7650, 0x3F804), (300_001, 300_001), (131_071, 262_142), (87_381, 174_762)],
)
def test_a_block_is_whole_lines_and_an_even_count_where_lines_allow(line_bytes, asked):
    assert image.block_bytes(line_bytes) == asked
