"""Quality: each number means what it says, in its unit, and the worst is named."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernels import crop, quality
from kernels.crop.outside import Region
from kernels.first_pass import first_pass
from kernels.quality import Known, focus
from kernels.raster import Raster
from tests import reference_crop as reference

DPI = 150
MM = DPI / 25.4
A4_PX = (round(297 * MM), round(210 * MM))


def _page(shape=A4_PX, paper=238, ink=40, colour=False, dpi=DPI):
    """Black bars, 0.7 mm wide, as sharp as samples are."""
    page = np.full(shape, paper, np.uint8)
    wide = max(round(0.7 * dpi / 25.4), 1)
    for y in range(shape[0] // 6, shape[0] * 5 // 6, 7 * wide):
        for x in range(shape[1] // 6, shape[1] * 5 // 6, 7 * wide):
            page[y : y + 3 * wide, x : x + wide] = ink
            page[y : y + wide, x : x + 3 * wide] = ink
    return np.repeat(page[..., None], 3, axis=2) if colour else page


def _measure(pixels, known=None, dpi=DPI):
    raster = Raster(np.ascontiguousarray(pixels), dpi)
    return quality.measure(first_pass(raster), raster, known)


def _on_bed(size_mm=(148, 210), bed=34, missing_mm=0.0):
    """A sheet on a bed of 8 mm all around, and where it is."""
    sheet = _page(tuple(round(side * MM) for side in size_mm[::-1]))
    around = round(8 * MM)
    page = cv2.copyMakeBorder(sheet, *(around,) * 4, cv2.BORDER_CONSTANT, value=bed)
    leg = round(missing_mm * MM)
    page[around : around + leg, around : around + leg][
        np.add.outer(*[np.arange(leg)] * 2) < leg
    ] = bed
    return page, crop.locate(first_pass(Raster(page, DPI)), 0, DPI)


def test_a_sharp_clean_page_of_a_known_size_is_good():
    found = _measure(_page())
    assert found.reason == "good"
    assert (found.paper, found.contrast, found.size) == (238, 198, "A4")
    assert (found.clipped_dark_permille, found.clipped_light_permille) == (0, 0)
    assert (found.streaks_mm, found.corners_mm, found.likely_dpi) == ((), (0.0,) * 4, None)
    assert (found.cast_yellow, found.cast_red, found.left_skew_deg) == (None, None, None)


@pytest.mark.parametrize("dpi", [150, 300, 600])
@pytest.mark.parametrize("sigma_um", [150, 250])
def test_the_rise_of_edges_is_that_of_the_blur_at_any_resolution(dpi, sigma_um):
    page = np.full((3 * dpi, 3 * dpi), 235, np.uint8)
    for k in range(dpi // 2, 5 * dpi // 2, dpi // 3):
        cv2.rectangle(page, (k, dpi // 4), (k + dpi // 6, 11 * dpi // 4), 40, -1)
        cv2.rectangle(page, (dpi // 4, k), (11 * dpi // 4, k + dpi // 6), 40, -1)
    sigma_px = sigma_um * dpi / 25_400
    blurred = cv2.GaussianBlur(page, (0, 0), sigma_px)
    found = _measure(blurred, dpi=dpi)
    # A sample is an average over itself: that widens the edge a little where samples are coarse.
    wanted = 2.563 * np.hypot(sigma_um, 25_400 / dpi / np.sqrt(12))
    assert found.edge_rise_um == pytest.approx(wanted, rel=0.12)


@pytest.mark.parametrize("way", [(0, 1), (1, 0)])
def test_blur_along_or_across_the_transport_is_told_alike(way):
    sharp = _measure(_page())
    size = tuple(1 + 8 * one for one in way)
    moved = _measure(cv2.blur(_page(), size))
    assert sharp.edge_rise_um < 1.3 * 25_400 / DPI
    assert moved.edge_rise_um > 3.5 * 25_400 / DPI
    assert moved.reason == "out_of_focus"


def test_a_blank_page_has_no_focus_and_no_contrast():
    noise = np.random.default_rng(1).normal(0, 1.5, A4_PX)
    found = _measure(np.clip(238 + noise, 0, 255).astype(np.uint8))
    assert (found.edge_rise_um, found.contrast) == (None, None)
    assert "edge_rise_um" not in found.values
    assert found.reason == "good"


@pytest.mark.parametrize("level", [0, 255])
def test_clipped_pixels_are_counted_in_permille(level):
    page = _page(colour=True, ink=90)
    rows = slice(page.shape[0] // 4, page.shape[0] // 2)
    page[rows, page.shape[1] // 4 : page.shape[1] * 3 // 4] = level
    page[: page.shape[0] // 12] = level  # outside of what is looked at without a sheet
    found = _measure(page)
    share = 1000 * 0.25 * 0.5 / (0.8 * 0.8)
    clipped = {0: found.clipped_dark_permille, 255: found.clipped_light_permille}
    assert clipped.pop(level) == pytest.approx(share, abs=8)
    assert set(clipped.values()) == {0}
    assert found.reason == ("clipped_dark" if level == 0 else "good")


def test_one_channel_at_its_end_is_not_clipped():
    page = _page(colour=True)
    page[..., 2] = 255
    assert _measure(page).clipped_light_permille == 0


def test_colour_of_the_paper_is_told_and_colour_of_the_ink_is_not():
    page = _page(colour=True)
    page[page[..., 0] > 200] = (180, 210, 225)
    page[page[..., 0] < 100] = (200, 20, 20)
    found = _measure(page)
    assert (found.cast_yellow, found.cast_red) == (37, 15)
    assert _measure(_page(colour=True)).values["cast_yellow"] == 0


def test_a_strong_cast_dark_paper_and_little_contrast_are_named():
    blue = np.full((*A4_PX, 3), (240, 150, 150), np.uint8)
    assert _measure(blue).reason == "colour_cast"
    assert _measure(_page(paper=95, ink=20)).reason == "dark_paper"
    assert _measure(_page(paper=200, ink=155)).reason == "low_contrast"


def test_streaks_are_told_in_millimetres_once_each():
    found = _measure(_page(), Known(streaks_px=(600, 300, 301)))
    assert found.streaks_mm == pytest.approx((300 / MM, 600 / MM), abs=0.01)
    assert found.reason == "streaks"
    assert found.values["streaks"] == 2
    assert found.values["streaks_mm"] == "50.8 101.6"


@pytest.mark.parametrize(
    ("known", "wanted"),
    [
        (Known(), None),
        (Known(angle_microdeg=-40_000), 0.04),
        (Known(angle_microdeg=3_000_000, turned=True), 0.02),
    ],
)
def test_the_skew_that_is_left_is_told(known, wanted):
    assert _measure(_page(), known).left_skew_deg == wanted


def test_a_page_that_was_left_askew_is_named():
    assert _measure(_page(), Known(angle_microdeg=900_000)).reason == "skewed"


def test_a_missing_corner_is_named_with_its_size():
    page, sheet = _on_bed(missing_mm=14)
    found = _measure(page, Known(sheet=sheet))
    assert found.reason == "cut_corner"
    assert found.values["corner"] == "top_left"
    assert found.values["corner_mm"] == pytest.approx(14, abs=1.5)


def test_the_bed_is_not_measured_as_ink():
    page, sheet = _on_bed(bed=12)
    found = _measure(page, Known(sheet=sheet))
    assert (found.paper, found.contrast, found.size) == (238, 198, "A5")
    dark, sheet = _on_bed(bed=0)
    assert _measure(dark, Known(sheet=sheet)).clipped_dark_permille == 0


def test_the_paper_of_a_slip_on_a_large_light_bed_is_not_the_bed():
    page, _ = _on_bed((105, 148), bed=205)
    wide = cv2.copyMakeBorder(page, *(round(60 * MM),) * 4, cv2.BORDER_CONSTANT, value=205)
    first = first_pass(Raster(wide, DPI))
    sheet = crop.locate(first, 0, DPI)
    found = quality.measure(first, Raster(wide, DPI), Known(sheet=sheet))
    assert (first.paper, found.paper, found.size) == (205, 238, "A6")


def test_show_through_is_passed_on_and_named():
    assert _measure(_page(), Known(show_through=20)).reason == "good"
    assert _measure(_page(), Known(show_through=80)).reason == "show_through"


@pytest.mark.parametrize(
    ("shape", "dpi", "size", "likely"),
    [
        ((1754, 1240), 150, "A4", None),
        ((1240, 1754), 150, "A4", None),
        ((1535, 1093), 150, "16K", None),
        ((1000, 800), 150, "unusual_size", None),
        ((1754, 1240), 240, "unusual_size", 150),
        ((2339, 1654), 300, "unusual_size", 200),
    ],
)
def test_the_size_of_the_sheet_checks_the_resolution(shape, dpi, size, likely):
    found = _measure(_page(shape, dpi=dpi), dpi=dpi)
    assert (found.size, found.likely_dpi) == (size, likely)
    assert found.reason == ("wrong_dpi" if likely else "unusual_size" if size[0] == "u" else "good")


def test_values_for_the_record_are_numbers_and_words():
    page, sheet = _on_bed()
    found = _measure(page, Known(angle_microdeg=10, sheet=sheet, streaks_px=(5,), show_through=9))
    assert all(type(value) in (int, float, str) for value in found.values.values())
    assert "likely_dpi" not in found.values


@given(
    height=st.integers(1, 140),
    width=st.integers(1, 140),
    dpi=st.sampled_from((50, 300, 1200)),
    fill=st.sampled_from((0, 128, 255, None)),
    colour=st.booleans(),
)
def test_any_raster_can_be_measured(height, width, dpi, fill, colour):
    shape = (height, width, 3) if colour else (height, width)
    rng = np.random.default_rng(height)
    pixels = rng.integers(0, 256, shape) if fill is None else np.full(shape, fill)
    found = _measure(pixels.astype(np.uint8), dpi=dpi)
    assert found.reason
    assert 0 <= found.clipped_dark_permille <= 1000


@settings(max_examples=25)
@given(
    height=st.integers(1, 40),
    width=st.integers(1, 40),
    colour=st.booleans(),
    degrees=st.sampled_from((0.0, 4.0)),
    paper_from=st.integers(1, 255),
)
def test_what_is_counted_equals_the_slow_answer(height, width, colour, degrees, paper_from):
    rng = np.random.default_rng(height * width)
    pixels = rng.choice((0, 90, 250, 255), (height, width, 3 if colour else 1)).astype(np.uint8)
    raster = Raster(pixels if colour else pixels[..., 0].copy(), 300)
    half = first_pass(raster).half
    turn = np.radians(degrees)
    region = Region(np.cos(turn), np.sin(turn), (1.3, 2.3, width - 1.7, height - 0.7))
    rows = region.rows((height, width))
    inside = (np.arange(half.shape[1]) >= rows[:, :1]) & (np.arange(half.shape[1]) < rows[:, 1:])
    counts = np.zeros((4, 256), np.int64)
    found = quality.counted(pixels, half, rows, paper_from, counts)
    wanted, totals = reference.capture_counts(pixels, half, inside, paper_from)
    assert np.array_equal(counts, wanted)
    assert found == totals


@settings(max_examples=40)
@given(seed=st.integers(0, 1000), height=st.integers(2, 32), width=st.integers(2, 32))
def test_the_sharpest_rise_equals_the_slow_answer(seed, height, width):
    luma = np.random.default_rng(seed).choice((20, 90, 91, 240), (height, width)).astype(np.uint8)
    found = np.zeros((1, 2), np.int64)
    focus.rises(luma, np.zeros((1, 2), np.int64), 3, 40, found)
    assert found[0, 0] == reference.sharpest_rise(luma, 3, 40)
    # Along columns the first of equal steps is another one than in the image turned over.
    flipped = np.zeros((1, 2), np.int64)
    unique = np.arange(height * width).reshape(height, width) ** 2 % 251
    unique = np.ascontiguousarray(unique.T, np.uint8)
    focus.rises(unique, np.zeros((1, 2), np.int64), 3, 1, flipped)
    assert flipped[0, 1] > 0


@given(seed=st.integers(0, 1000))
def test_inked_cells_are_those_whose_corners_lie_in_the_region(seed):
    rng = np.random.default_rng(seed)
    down, across = rng.integers(1, 6, 2)
    cells = rng.integers(0, 3, (down, across, 2), np.uint8)
    rows = np.sort(rng.integers(0, 16 * across + 17, (16 * down - rng.integers(0, 16), 2)), axis=1)
    rows = rows.astype(np.int32)
    found = np.empty((down * across, 2), np.int64)
    count = focus.inked_cells(cells, rows, 1, found)
    wanted = [
        (32 * y, 32 * x)
        for y in range(down)
        for x in range(across)
        if cells[y, x, 0] >= 1
        and all(
            rows[min(line, len(rows) - 1), 0] < 16 * x
            and 16 * x + 16 < rows[min(line, len(rows) - 1), 1]
            for line in (16 * y, 16 * y + 15)
        )
    ]
    assert [tuple(one) for one in found[:count]] == wanted
