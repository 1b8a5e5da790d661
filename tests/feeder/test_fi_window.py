"""Window descriptors. The golden vectors were sent by another client of the same command set."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.feeder import fi
from daemon.feeder.fi import window as fi_window
from daemon.feeder.fi.abilities import parse_abilities
from daemon.feeder.fi.window import ColourOrder, Mode, Window
from tests.feeder.wire import page_f0

WITH_STEPS = parse_abilities(page_f0(x21=0x0A, x52=255, x53=255, x54=255, x57=1))
BARE = parse_abilities(page_f0())
LETTER = (10200, 13200)

GRAY_DUPLEX = (
    "00 00 00 00 00 00 00 40 "
    "00 00 00 c8 00 c8 00 00 00 00 00 00 00 00 00 00 26 be 00 00 36 cc 80 00 80 02 08 00 00 00 "
    "00 00 00 00 00 00 00 00 00 00 00 80 00 00 00 00 00 00 00 00 00 00 00 c0 00 00 26 c3 00 00 "
    "36 d1 00 00 "
    "80 00 00 c8 00 c8 00 00 00 00 00 00 00 00 00 00 26 be 00 00 36 cc 80 00 80 02 08 00 00 00 "
    "00 00 00 00 00 00 00 00 00 00 00 80 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 "
    "00 00 00 00"
)
COLOUR_SIMPLEX = (
    "00 00 00 00 00 00 00 40 "
    "00 00 01 2c 01 2c 00 00 00 00 00 00 00 00 00 00 27 d8 00 00 33 90 80 00 80 05 08 00 00 00 "
    "00 00 00 00 00 00 00 00 00 00 c1 80 01 00 00 00 00 00 00 00 00 00 00 c0 00 00 27 d8 00 00 "
    "33 90 00 00"
)
LINE_ART_SIMPLEX = (
    "00 00 00 00 00 00 00 40 "
    "00 00 01 2c 01 2c 00 00 00 00 00 00 00 00 00 00 27 c0 00 00 33 90 80 80 80 00 01 00 00 00 "
    "00 00 00 00 00 00 00 00 00 00 00 80 00 00 00 00 00 00 00 00 00 00 00 c0 00 00 27 d8 00 00 "
    "33 90 00 00"
)


@pytest.mark.parametrize(
    ("window", "golden", "cdb"),
    [
        (Window((9923, 14033), 200, Mode.GRAY), GRAY_DUPLEX, "88"),
        (Window(LETTER, 300, Mode.COLOUR, duplex=False), COLOUR_SIMPLEX, "48"),
        (Window(LETTER, 300, Mode.LINE_ART, duplex=False), LINE_ART_SIMPLEX, "48"),
    ],
    ids=["gray duplex", "colour simplex", "line-art simplex"],
)
def test_the_windows_of_a_batch_are_the_golden_bytes(window, golden, cdb):
    made = fi_window.descriptors(window, WITH_STEPS, ColourOrder.DOT_RGB)
    assert made.hex(" ") == golden
    assert fi.set_window(made).cdb.hex(" ") == f"24 00 00 00 00 00 00 00 {cdb} 00"


@pytest.mark.parametrize(
    ("order", "said"),
    [
        (ColourOrder.DOT_RGB, "01 00"),
        (ColourOrder.DOT_BGR, "01 05"),
        (ColourOrder.LINE_RGB, "00 00"),
    ],
)
def test_the_order_of_the_colours_is_said_for_both_sides(order, said):
    made = fi_window.descriptors(Window(LETTER, 300, Mode.COLOUR), BARE, order)
    assert [made[at + 0x2A : at + 0x2C].hex(" ") for at in (8, 72)] == [said, said]


def test_what_the_scanner_has_no_steps_for_is_left_to_it():
    made = fi_window.descriptors(Window(LETTER, 300, Mode.LINE_ART), BARE, ColourOrder.DOT_RGB)
    for at in (8, 72):
        assert made[at + 0x16 : at + 0x19] == bytes(3)
        assert made[at + 0x29] == 0


@given(st.integers(150, 600), st.sampled_from(Mode), st.sampled_from([(0, 0), (118, 236)]))
def test_the_scanner_rounds_a_window_to_our_pixels_at_every_resolution(dpi, mode, margins):
    window = Window(fi_window.A4_UNITS, dpi, mode, margins_units=margins)
    front = fi_window.descriptors(window, BARE, ColourOrder.DOT_RGB)[8:]
    width, length = (int.from_bytes(front[at : at + 4], "big") for at in (0x0E, 0x12))
    assert (width * dpi // 1200, length * dpi // 1200) == (window.width_px, window.height_px)


def test_a4_at_300_dpi_is_2480_by_3508_and_line_art_is_whole_bytes():
    for mode in Mode:
        window = Window(fi_window.A4_UNITS, 300, mode)
        assert (window.width_px, window.height_px) == (2480, 3508)
    assert Window(fi_window.A4_UNITS, 200, Mode.GRAY).width_px == 1653
    assert Window(fi_window.A4_UNITS, 200, Mode.LINE_ART).width_px == 1648


def test_margins_widen_the_window_and_the_paper_but_do_not_lengthen_the_paper():
    window = Window(LETTER, 300, Mode.GRAY, margins_units=(100, 200))
    front = fi_window.descriptors(window, BARE, ColourOrder.DOT_RGB)[8:72]
    fields = [int.from_bytes(front[at : at + 4], "big") for at in (0x0E, 0x12, 0x36, 0x3A)]
    assert fields == [10400, 13600, 10400, 13200]
    assert window.overscan


@pytest.mark.parametrize("paper", [(0, 10), (10, 0), (10, 1), (3, 1200)])
def test_a_window_without_a_pixel_is_refused(paper):
    with pytest.raises(ValueError, match="nothing to scan"):
        Window(paper, 300, Mode.GRAY)
