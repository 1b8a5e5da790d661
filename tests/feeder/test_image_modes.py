"""Sides that come otherwise than two at a time in gray, over scripts; and what a fault leaves."""

import errno

import numpy as np
import pytest

from daemon.errors import LinkTimeout, PaperJam, ProtocolError
from daemon.feeder import fi, image
from daemon.feeder.fi.window import ColourOrder, Mode, Window
from daemon.feeder.image import Sheet
from daemon.page import SampleOrder
from tests.feeder.sides import (
    BACK,
    END,
    FRONT,
    GRAY,
    PIXELS,
    block,
    opening,
    reading,
    ready,
    size,
    whole,
)
from tests.feeder.wire import In, Out, busy, checked, command_block, good, sense

LONG = Window((48, 36), 100, Mode.GRAY, any_length=True)
ALONE = Window((48, 36), 100, Mode.GRAY, duplex=False)
BITS = Window((192, 36), 100, Mode.LINE_ART, duplex=False)
COLOUR = Window((24, 24), 100, Mode.COLOUR, duplex=False)


@pytest.fixture
def read():
    with reading() as run:
        yield run


# -- modes -----------------------------------------------------------------------------------


def test_in_simplex_only_the_front_is_scanned_and_read(read):
    (front,) = read(opening((4, 3)), whole(FRONT), window=ALONE)
    assert front.samples.tobytes() == PIXELS


def test_line_art_is_eight_pixels_a_byte(read):
    data = bytes.fromhex("80 01 ff 00 0f f0")
    (front,) = read(opening((16, 3)), whole(FRONT, data), window=BITS)
    assert front.order is SampleOrder.BITS
    assert front.samples.tolist() == [[0x80, 1], [0xFF, 0], [0x0F, 0xF0]]


def test_a_line_of_bits_that_is_not_whole_bytes_is_a_protocol_error(read):
    with pytest.raises(ProtocolError, match="not whole bytes"):
        read(opening((12, 3)), window=BITS)


@pytest.mark.parametrize(
    ("order", "named", "pixels"),
    [
        (ColourOrder.DOT_RGB, SampleOrder.RGB_INVERTED, [[0, 1, 2], [3, 4, 5]]),
        (ColourOrder.DOT_BGR, SampleOrder.BGR_INVERTED, [[0, 1, 2], [3, 4, 5]]),
        (ColourOrder.LINE_RGB, SampleOrder.RGB_INVERTED, [[0, 2, 4], [1, 3, 5]]),
    ],
)
def test_colours_come_in_the_order_that_the_scanner_took(read, order, named, pixels):
    (front,) = read(opening((2, 2)), whole(FRONT), window=COLOUR, order=order)
    assert front.order is named
    assert front.samples.tolist() == [pixels, (np.array(pixels) + 6).tolist()]
    assert front.samples.flags.c_contiguous


def test_sides_that_come_in_turn_are_read_all_of_the_front_before_the_back(read, monkeypatch):
    monkeypatch.setattr(image, "BLOCK_BYTES", 8)
    front, back = read(
        opening((4, 3), (4, 3)),
        ready(FRONT, 8),
        block(FRONT, PIXELS[:8]),
        block(FRONT, PIXELS[8:]),
        ready(BACK, 8),
        block(BACK, PIXELS[4:]),
        block(BACK, PIXELS[:4]),
        in_turn=True,
    )
    assert front.samples.tobytes() == PIXELS
    assert back.samples.tobytes() == PIXELS[4:] + PIXELS[:4]


def test_the_end_of_a_side_that_comes_first_is_not_the_end_of_the_next(read):
    nothing_yet = checked(fi.read_image(BACK, 12), sense(0, ili=True), b"")
    _, back = read(
        opening((4, 3), (4, 3)),
        ready(FRONT),
        checked(fi.read_image(FRONT, 12), END, PIXELS),
        ready(BACK),
        nothing_yet,
        block(BACK, PIXELS),
        in_turn=True,
    )
    assert back.samples.tobytes() == PIXELS


def test_a_side_that_has_nothing_yet_lets_the_other_go_on(read, monkeypatch):
    """A scanner that gives all of the front first, and is not known for it."""
    monkeypatch.setattr(image, "BLOCK_BYTES", 4)
    back_ready = fi.image_ready(BACK, 4)
    front, back = read(
        opening((4, 3), (4, 3)),
        ready(FRONT, 4),
        block(FRONT, PIXELS[:4]),
        busy(back_ready),
        block(FRONT, PIXELS[4:8]),
        checked(back_ready, sense(3, 0x80, 0x13)),
        block(FRONT, PIXELS[8:]),
        busy(back_ready),
        good(back_ready),
        busy(fi.read_image(BACK, 4)),
        block(BACK, PIXELS[:4]),
        block(BACK, PIXELS[4:8]),
        block(BACK, PIXELS[8:]),
    )
    assert front.samples.tobytes() == back.samples.tobytes() == PIXELS


def test_the_back_is_not_asked_for_before_the_front_has_begun(read):
    read(
        opening((4, 3), (4, 3)),
        busy(fi.image_ready(FRONT, 12)),
        ready(FRONT),
        good(fi.read_image(FRONT, 12), b""),
        block(FRONT, PIXELS),
        whole(BACK),
    )


def test_patience_begins_anew_with_every_block(read):
    """Two waits of 25 s for each side are less than a minute without a block."""
    nothing = good(fi.read_image(FRONT, 12), b"")
    read(
        opening((4, 3), (4, 3)),
        ready(FRONT),
        [*nothing] * 2,
        block(FRONT, PIXELS[:4], asked=12),
        ready(BACK),
        good(fi.read_image(BACK, 12), b""),
        good(fi.read_image(FRONT, 8), b""),
        good(fi.read_image(BACK, 12), b""),
        good(fi.read_image(FRONT, 8), b""),
        good(fi.read_image(BACK, 12), b""),
        block(FRONT, PIXELS[4:]),
        block(BACK, PIXELS),
    )


# -- any length ------------------------------------------------------------------------------


def ended_early(side, lines, asked=12):
    return checked(fi.read_image(side, asked), END, PIXELS[: 4 * lines])


def both_early(front_size, back_size):
    return [
        *opening((4, 3), (4, 3)),
        *ready(FRONT),
        *ended_early(FRONT, 2),
        *ready(BACK),
        *ended_early(BACK, 2),
        *good(fi.read_pixel_size(FRONT), size(*front_size)),
        *good(fi.read_pixel_size(BACK), size(*back_size)),
    ]


@pytest.mark.parametrize(
    "real", [(4, 2), (4, 3, 2), (4, 2, 8), (0, 0)], ids=["lines", "paper", "units", "not said"]
)
def test_a_short_sheet_is_whole_when_the_scanner_counted_as_many_lines(read, real):
    front, back = read(both_early(real, real), window=LONG)
    assert [face.samples.shape for face in (front, back)] == [(2, 4), (2, 4)]
    assert not front.incomplete
    assert not back.incomplete


def test_a_side_with_fewer_lines_than_the_scanner_counted_is_incomplete(read):
    front, back = read(both_early((4, 3), (4, 2)), window=LONG)
    assert (front.incomplete, back.incomplete) == (True, False)


def test_the_back_may_be_longer_than_the_front(read):
    front, back = read(
        opening((4, 3), (4, 3)),
        ready(FRONT),
        ended_early(FRONT, 1),
        whole(BACK),
        good(fi.read_pixel_size(FRONT), size(4, 1)),
        good(fi.read_pixel_size(BACK), size(4, 3)),
        window=LONG,
    )
    assert [len(face.samples) for face in (front, back)] == [1, 3]
    assert not front.incomplete


def test_a_model_that_cannot_be_asked_after_the_end_has_sent_the_sheet_whole(read):
    unknown = sense(5, 0x24, 0)
    front, back = read(
        opening((4, 3), (4, 3)),
        ready(FRONT),
        ended_early(FRONT, 2),
        ready(BACK),
        ended_early(BACK, 2),
        checked(fi.read_pixel_size(FRONT), unknown),
        checked(fi.read_pixel_size(BACK), unknown),
        window=LONG,
    )
    assert not front.incomplete
    assert not back.incomplete


def test_a_sheet_of_known_length_is_not_asked_about_after_its_end(read):
    front, _ = read(
        opening((4, 3), (4, 3)), ready(FRONT), ended_early(FRONT, 2), whole(BACK), window=GRAY
    )
    assert front.incomplete


# -- what a fault leaves ---------------------------------------------------------------------

JAM = sense(3, 0x80, 1)


def test_whole_lines_that_came_before_a_fault_remain(read):
    with pytest.raises(PaperJam):
        read(
            opening((4, 3), (4, 3)),
            ready(FRONT),
            block(FRONT, PIXELS[:9], asked=12),
            ready(BACK),
            checked(fi.read_image(BACK, 12), JAM),
        )
    front, back = read.sheet.remains()
    assert front.samples.tobytes() == PIXELS[:8]
    assert front.incomplete
    assert front.captured_at > 0
    assert back is None


def test_a_side_that_was_whole_before_the_fault_is_whole(read):
    with pytest.raises(LinkTimeout):
        read(
            opening((4, 3), (4, 3)),
            whole(FRONT),
            ready(BACK),
            [Out(command_block(fi.read_image(BACK, 12).cdb)), In(errno.ETIMEDOUT)],
        )
    front, back = read.sheet.remains()
    assert front.samples.tobytes() == PIXELS
    assert not front.incomplete
    assert back is None


def test_nothing_remains_of_a_sheet_whose_size_was_never_told(read):
    with pytest.raises(PaperJam):
        read(good(fi.scan(FRONT, BACK)), checked(fi.read_pixel_size(FRONT), JAM))
    assert read.sheet.remains() == (None, None)


def test_in_simplex_only_the_front_can_remain(read):
    with pytest.raises(PaperJam):
        read(opening((4, 3)), checked(fi.image_ready(FRONT, 12), JAM), window=ALONE)
    assert read.sheet.remains() == (None,)


# -- room ------------------------------------------------------------------------------------


@pytest.mark.parametrize("window", [GRAY, BITS, COLOUR, LONG])
@pytest.mark.parametrize("said", [(10**6, 3), (4, 10**6), (2**32 - 1, 2**32 - 1), (0, 3), (4, 0)])
def test_no_answer_makes_room_beyond_the_window(read, window, said):
    sheet = Sheet(window, ColourOrder.DOT_RGB)
    with pytest.raises(ProtocolError, match="size of a side"):
        sheet.announced(FRONT, size(*said))
    assert sheet.remains() == (None,) * len(window.sides)


def test_a_side_is_not_filled_beyond_its_room(read):
    """The last block is no larger than what is left, whatever the scanner still has."""
    front, _ = read(
        opening((4, 3), (4, 3)),
        ready(FRONT),
        busy(fi.read_image(FRONT, 12)),
        block(FRONT, PIXELS[:7], asked=12),
        whole(BACK),
        block(FRONT, PIXELS[7:]),
    )
    assert front.samples.tobytes() == PIXELS
