"""The law of the skew on freshly drawn pages: turned pages are right, straight ones stay.

Pages as in `benchmarks.skew`, a few of each sort at 150 dpi, set in OpenCV's own typefaces. The
campaigns are there; here stand the pages that a careless gate or score would turn wrongly.
"""

import functools

import pytest

from benchmarks.drawn.pages import KINDS, Press
from kernels import first_pass, skew
from kernels.raster import Raster

WRONG_DEG = 0.1
LEAST_TURN_DEG = 0.05

SOUND = (
    (4, "text"),
    (3, "columns"),
    (4, "vertical"),
    (3, "table"),
    (3, "ledger"),
    (4, "form"),
    (3, "letterhead"),
    (4, "invoice"),
    (2, "newspaper"),
    (3, "barcode_sheet"),
    (1, "handwritten_ruled"),
    (4, "last_page"),
    (4, "annotated"),
    (1, "filled_form"),
)
STRAIGHT = (
    (3, "form"),
    (3, "card_copy"),
    (4, "newspaper"),
    (4, "filled_form"),
    (3, "filled_form"),
    (1, "last_page"),
    (4, "handwritten"),
    (2, "handwritten_ruled"),
    (3, "few_lines"),
    (4, "chart"),
)
TREACHEROUS = {
    "lines of two columns lean towards each other": (137, "columns"),
    "a jagged top names no angle": (1, "columns"),
    "the sheet's edges outvote a text copied askew": (3, "last_page"),
    "strokes along a ruler are no text": (3, "sketch"),
}
ONLY_THE_SHEET = (
    (1, "few_lines"),
    (3, "title_only"),
    (5, "photographs"),
    (7, "signed"),
    (7, "sealed"),
)


@functools.cache
def press(seed):
    return Press(seed, installed=False, dpis=(150,))


def looked_at(seed, kind):
    page = press(seed).page(KINDS.index(kind), kind)
    return page, skew.estimate(first_of(page), page.dpi)


def first_of(page):
    return first_pass.first_pass(Raster(page.pixels, page.dpi))


@pytest.mark.parametrize(("seed", "kind"), SOUND)
def test_a_page_with_content_is_trusted_and_right(seed, kind):
    page, found = looked_at(seed, kind)
    assert not page.is_straight
    assert found.trusted
    assert abs(page.error_deg(found.angle_microdeg / 1e6)) < WRONG_DEG / 2


@pytest.mark.parametrize(("seed", "kind"), STRAIGHT)
def test_a_straight_page_stays_as_it_is(seed, kind):
    page, found = looked_at(seed, kind)
    assert page.is_straight
    assert not (found.trusted and abs(found.angle_microdeg) >= LEAST_TURN_DEG * 1e6)


@pytest.mark.parametrize("why", TREACHEROUS)
def test_a_page_whose_strongest_peak_lies_is_not_trusted(why):
    page, found = looked_at(*TREACHEROUS[why])
    assert abs(page.error_deg(found.angle_microdeg / 1e6)) > WRONG_DEG
    assert found.values["alone"] > 1.5  # it stands out well enough
    assert found.values["depth"] > 0.1
    assert not found.trusted


def test_columns_that_do_not_stand_level_show_in_each_half_and_in_their_margins():
    _, uneven = looked_at(137, "columns")
    _, even = looked_at(4, "columns")
    for name in ("halves_off", "ways_off"):
        assert uneven.values[name] > 0.1
        assert even.values[name] < 0.03


@pytest.mark.parametrize(("seed", "kind"), ONLY_THE_SHEET)
def test_where_only_the_sheet_says_the_angle_it_is_not_trusted(seed, kind):
    """Strokes that look like edges would pass as well."""
    _, found = looked_at(seed, kind)
    assert found.values["rest_share"] < 0.05
    assert not found.trusted


def test_a_drawn_page_is_the_same_from_the_same_seed():
    one, other = (Press(7, installed=False, dpis=(150,)).page(3) for _ in range(2))
    assert one.angle_deg == other.angle_deg
    assert (one.pixels == other.pixels).all()
