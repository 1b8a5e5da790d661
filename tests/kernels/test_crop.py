"""Crop: to the sheet plus 2 mm, never to content, nothing without edges."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import crop as campaign
from benchmarks import laid
from kernels import crop, paper
from kernels.buffers import Buffers
from kernels.first_pass import first_pass
from kernels.raster import Box, Raster, RasterError
from kernels.rotate import rotate

DPI = 150
MM = DPI / 25.4
A4, A5, A6, RECEIPT = (210, 297), (148, 210), (105, 148), (80, 190)
BEDS = {"dark": 34, "gray": 128, "light": 216}


def _sheet(size_mm=A5, tone=238, lines=True):
    """A sheet with a few words, and where it is paper."""
    height, width = (round(side * MM) for side in size_mm[::-1])
    sheet = np.full((height, width), tone, np.uint8)
    if lines:
        for y in range(height // 6, height * 5 // 6, 24):
            sheet[y : y + 6, width // 5 : width * 4 // 5 : 3] = 40
    return sheet, np.full((height, width), 255, np.uint8)


def _laid(sheet, whole, angle=0.0, bed=34, around_mm=8.0, seed=3):
    """Lay a sheet on a bed in a window that is larger all around, as a scanner sees it."""
    height, width = sheet.shape[:2]
    rows, columns = height + round(2 * around_mm * MM), width + round(2 * around_mm * MM)
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), angle, 1)
    turn[:, 2] += (columns - width) / 2, (rows - height) / 2
    # Sheet and bed are mixed by how much of each is under a pixel.
    mixed = cv2.warpAffine(sheet, turn, (columns, rows), borderMode=cv2.BORDER_REPLICATE)
    share = cv2.warpAffine(whole, turn, (columns, rows)).astype(np.float32) / 255
    share = share.reshape(share.shape + (1,) * (sheet.ndim - 2))
    seen = mixed * share + bed * (1 - share)
    noise = np.random.default_rng(seed).normal(0, 1.5, seen.shape[:2])
    seen += noise.reshape(noise.shape + (1,) * (sheet.ndim - 2))
    return np.clip(seen, 0, 255).astype(np.uint8)


def _locate(pixels, angle=0.0):
    return crop.locate(first_pass(Raster(pixels, DPI)), round(angle * 1e6), DPI)


def _find(pixels, angle=0.0):
    return crop.find_sheet(first_pass(Raster(pixels, DPI)), round(angle * 1e6), DPI)


def _is_sheet(box, pixels, size_mm, wide_mm=0.6):
    """Whether a box is a sheet in the middle of the window, and 2 mm around it."""
    height, width = pixels.shape[:2]
    half_w, half_h = (side * MM / 2 + 2 * MM for side in size_mm)
    wanted = width / 2 - half_w, height / 2 - half_h, width / 2 + half_w, height / 2 + half_h
    return (box.left, box.top, box.right, box.bottom) == pytest.approx(wanted, abs=wide_mm * MM)


@pytest.mark.parametrize("angle", [0.0, 0.8, -0.8, 2.6, -2.6, 5.0, -5.0])
def test_the_box_is_the_sheet_and_two_millimetres_whatever_the_angle(angle):
    pixels = _laid(*_sheet(), angle)
    assert _is_sheet(_find(pixels, angle), pixels, A5)


@pytest.mark.parametrize("bed", list(BEDS.values()), ids=list(BEDS))
@pytest.mark.parametrize("size", [A4, A5, A6, RECEIPT])
def test_sheets_of_any_size_are_found_on_dark_gray_and_light_beds(bed, size):
    pixels = _laid(*_sheet(size), 0.7, bed)
    assert _is_sheet(_find(pixels, 0.7), pixels, size)


@pytest.mark.parametrize("bed", laid.BEDS)
def test_no_content_of_generated_sheets_is_cut(bed):
    one, every = campaign.Tally(), campaign.Tally()
    for seed in range(6):
        campaign.weigh(laid.draw(seed, bed, dpi=120), str(seed), (one, every), 0.02)
    assert one.content_px_cut == 0
    assert one.pages == 6
    assert one.cropped >= {"dark": 3, "gray": 1, "light": 2, "white": 0, "brighter": 1}[bed]
    assert min(one.errors_mm, default=0.0) > -0.3


@pytest.mark.parametrize("angle", [1.7, -4.0])
def test_the_turned_page_holds_the_whole_sheet_inside_the_box(angle):
    raster = Raster(_laid(*_sheet(), angle), DPI)
    box = _find(raster.pixels, angle)
    upright = rotate(raster, -round(angle * 1e6)).pixels
    cut = upright[box.top : box.bottom, box.left : box.right]
    assert (cut[20:-20, 20:-20] > 35).mean() > 0.999  # no bed left beyond the margin
    assert cut[30:-30, :5].mean() < 60  # and some of it in the margin


def test_edges_that_disagree_with_the_skew_give_no_box():
    pixels = _laid(*_sheet(), 2.0)
    assert _find(pixels, 2.0) is not None
    assert _find(pixels, 0.0) is None
    assert _find(pixels, 3.0) is None


def test_one_edge_that_disagrees_is_enough_for_no_box():
    sheet, whole = _sheet()
    height = whole.shape[0]
    cv2.fillPoly(whole, [np.array(((0, height), (0, 0), (round(6 * MM), height)))], 0)
    assert _find(_laid(sheet, whole)) is None


def test_a_side_without_bed_is_left_at_the_border():
    pixels = _laid(*_sheet())
    cut = np.ascontiguousarray(pixels[round(10 * MM) :, round(10 * MM) :])
    box = _find(cut)
    assert (box.left, box.top) == (0, 0)
    assert box.right == pytest.approx(cut.shape[1] - 6 * MM, abs=4)
    assert box.bottom == pytest.approx(cut.shape[0] - 6 * MM, abs=4)


def test_a_sheet_that_fills_the_window_gains_nothing():
    pixels = _laid(*_sheet(), around_mm=0.0)
    assert _find(pixels) is None
    pixels = _laid(*_sheet(), around_mm=1.5)
    assert _find(pixels) is None
    assert _locate(pixels) is not None


def test_an_empty_sheet_is_cropped_to_the_sheet_not_to_nothing():
    assert _find(_laid(*_sheet(lines=False))) == _find(_laid(*_sheet()))


def test_nothing_but_bed_gives_no_box():
    assert _find(np.full((900, 700), 34, np.uint8)) is None
    assert _find(_laid(*_sheet(tone=34, lines=False))) is None


@pytest.mark.parametrize("wide", [3, 9])
@pytest.mark.parametrize("bed", [232, 238, 244])
def test_a_bed_like_the_paper_gives_no_box_though_a_frame_is_printed(bed, wide):
    sheet, whole = _sheet(lines=False)
    cv2.rectangle(sheet, (200, 250), (680, 900), 30, wide)
    assert _find(_laid(sheet, whole, bed=bed)) is None


def test_a_picture_on_white_paper_is_not_taken_for_a_sheet():
    sheet, whole = _sheet(A4, tone=240, lines=False)
    rows, columns = (slice(side // 4, side * 3 // 4) for side in sheet.shape)
    sheet[rows, columns] = 190
    assert _find(_laid(sheet, whole, bed=240)) is None


def test_a_known_size_is_found_on_a_bed_brighter_than_the_sheet_and_no_other():
    pixels = _laid(*_sheet(A5, tone=185), bed=247)
    assert _is_sheet(_find(pixels), pixels, A5)
    assert _find(_laid(*_sheet((130, 210), tone=185), bed=247)) is None


def test_writing_beside_what_looks_like_a_sheet_on_a_gray_bed_gives_no_box():
    """A copied card on a page of gray haze looks like a card on a gray bed."""
    pixels = _laid(*_sheet(A6), bed=150, around_mm=30.0)
    assert _find(pixels) is not None
    cv2.putText(pixels, "see p. 7", (40, 60), cv2.FONT_HERSHEY_SIMPLEX, 0.6, 60, 1)
    assert _find(pixels) is None


def test_a_faint_stroke_beside_a_sheet_on_a_light_bed_gives_no_box():
    pixels = _laid(*_sheet(A6), bed=214, around_mm=30.0)
    assert _find(pixels) is not None
    pixels[60:90, 40:42] = 190
    assert _find(pixels) is None


def test_a_tab_that_stands_out_gives_no_box():
    pixels = _laid(*_sheet())
    assert _find(pixels) is not None
    left = round(8 * MM)
    pixels[300 : 300 + round(9 * MM), left - round(6 * MM) : left] = 225
    assert _find(pixels) is None


def test_a_coloured_tab_as_dark_as_the_bed_gives_no_box():
    gray = _laid(*_sheet(A6), bed=76, around_mm=30.0)
    pixels = np.repeat(gray[..., None], 3, axis=2)
    assert _find(pixels) is not None
    pixels[100:180, 20:100] = (0, 0, 255)  # luma 76
    assert _find(pixels) is None


def test_dust_hairs_and_a_streak_on_a_dark_bed_do_not_matter():
    pixels = _laid(*_sheet(A6), bed=30, around_mm=30.0)
    rng = np.random.default_rng(5)
    for x, y in rng.integers(20, 170, (20, 2)):
        cv2.circle(pixels, (int(x), int(y)), 2, 170, -1)
    cv2.line(pixels, (40, 200), (90, 240), 140, 1)
    pixels[:, 500] = np.minimum(pixels[:, 500] + 60, 255)
    assert _is_sheet(_find(pixels), pixels, A6)


def test_dust_on_a_light_bed_does_not_matter():
    pixels = _laid(*_sheet(A6), bed=214, around_mm=30.0)
    for x, y in np.random.default_rng(5).integers(20, 170, (12, 2)):
        pixels[y : y + 3, x : x + 3] = 120
    assert _is_sheet(_find(pixels), pixels, A6)


def test_a_shadow_beside_the_sheet_widens_the_box_and_never_narrows_it():
    sheet, whole = _sheet()
    pixels = _laid(sheet, whole, bed=128)
    plain = _find(pixels)
    right = pixels.shape[1] - round(8 * MM)
    pixels[60:-60, right : right + round(1.5 * MM)] = 90
    shaded = _find(pixels)
    assert 0 <= shaded.right - plain.right <= 1.7 * MM
    assert (shaded.left, shaded.top, shaded.bottom) == (plain.left, plain.top, plain.bottom)


def test_torn_corners_and_holes_do_not_move_the_edges():
    sheet, whole = _sheet()
    height = whole.shape[0]
    a, b = round(22 * MM), round(14 * MM)
    cv2.fillPoly(whole, [np.array(((0, 0), (a, 0), (0, b)))], 0)
    for y in (height // 3, height // 2):
        cv2.circle(whole, (2, y), round(3 * MM), 0, -1)
    pixels = _laid(sheet, whole, 1.3)
    found = _locate(pixels, 1.3)
    assert _is_sheet(found.box, pixels, A5)
    assert found.outline.corners_mm == pytest.approx((14, 0, 0, 0), abs=1.5)


@pytest.mark.parametrize("corner", range(4))
@pytest.mark.parametrize("angle", [0.0, -2.0])
def test_it_is_said_which_corner_is_missing(corner, angle):
    sheet, whole = _sheet()
    at = ((0, 0), (1, 0), (1, 1), (0, 1))[corner]
    end = np.array(at) * np.array(whole.shape[::-1])
    inward = 1 - 2 * np.array(at)
    legs = end + inward * (round(12 * MM), 0), end + inward * (0, round(12 * MM))
    cv2.fillPoly(whole, [np.array((end, *legs), np.int32)], 0)
    found = _locate(_laid(sheet, whole, angle), angle)
    wanted = [12.0 if k == corner else 0.0 for k in range(4)]
    assert found.outline.corners_mm == pytest.approx(wanted, abs=1.5)


def test_an_edge_torn_all_along_gives_no_box():
    sheet, whole = _sheet()
    depth = np.random.default_rng(4).integers(0, round(9 * MM), whole.shape[0] // 20 + 1)
    for k, deep in enumerate(depth):
        whole[20 * k : 20 * k + 20, :deep] = 0
    assert _find(_laid(sheet, whole)) is None


def test_an_edge_most_of_which_is_torn_away_gives_no_box():
    sheet, whole = _sheet()
    height = whole.shape[0]
    whole[height // 4 : height * 7 // 8, : round(11 * MM)] = 0
    assert _find(_laid(sheet, whole)) is None
    whole[height // 2 :, : round(11 * MM)] = 255
    assert _find(_laid(sheet, whole)) is not None


@pytest.mark.parametrize("inked", [(0,), (0, 1), (0, 1, 2, 3)])
@pytest.mark.parametrize("size", [A4, A5])
def test_a_printed_border_as_dark_as_the_bed_is_not_cut_into(inked, size):
    sheet, whole = _sheet(size)
    for side in inked:
        np.rot90(sheet, side)[:, : round(9 * MM)] = 34
    assert _find(_laid(sheet, whole, bed=34)) is None


def _banded(tone, grain, wide_mm):
    """A slip with a band printed to its upper edge, that hardly differs from the bed of 34."""
    sheet, whole = _sheet(RECEIPT)
    wide = round(wide_mm * MM)
    noise = np.random.default_rng(6).normal(tone, grain, (wide, sheet.shape[1]))
    sheet[:wide] = np.rint(noise)
    return _laid(sheet, whole, around_mm=10.0)


@pytest.mark.parametrize("wide_mm", [3, 9, 25])
@pytest.mark.parametrize("tone", [29, 31, 37, 40])
def test_a_band_nearly_as_dark_as_the_bed_belongs_to_the_sheet(tone, wide_mm):
    """Nothing tells the size of a slip: only that the mean of the bed steps."""
    plain, banded = _find(_banded(238, 0, wide_mm)), _find(_banded(tone, 0, wide_mm))
    assert banded is not None
    assert -0.3 * MM <= plain.top - banded.top <= MM
    assert (plain.right, plain.bottom) == pytest.approx((banded.right, banded.bottom), abs=2)


def test_a_band_as_dark_as_the_bed_but_of_another_grain_gives_no_box():
    assert _find(_banded(34, 4.0, 25)) is None


def test_a_bed_that_grows_lighter_across_the_window_is_one_surface():
    pixels = _laid(*_sheet(), around_mm=12.0)
    ramp = np.linspace(0, 6, pixels.shape[1]) + np.linspace(0, 5, pixels.shape[0])[:, None]
    assert _find(np.minimum(pixels + ramp, 255).astype(np.uint8)) is not None


def test_a_printed_border_unlike_the_bed_is_part_of_the_sheet():
    sheet, whole = _sheet()
    for side in range(4):
        np.rot90(sheet, side)[:, : round(7 * MM)] = 12
    pixels = _laid(sheet, whole, bed=44)
    assert _is_sheet(_find(pixels), pixels, A5)


def test_a_dark_picture_to_the_edges_does_not_hide_them():
    sheet, whole = _sheet()
    rng = np.random.default_rng(8)
    sheet[:300, :400] = cv2.resize(rng.integers(30, 140, (5, 6)).astype(np.uint8), (400, 300))
    pixels = _laid(sheet, whole, 0.5)
    assert _is_sheet(_find(pixels, 0.5), pixels, A5)


def test_a_dark_picture_at_the_border_is_not_bed():
    page = np.full((900, 700), 238, np.uint8)
    page[100:600, :300] = np.random.default_rng(8).integers(0, 90, (500, 300))
    assert _find(page) is None


def test_below_75_dpi_nothing_is_looked_for():
    small = cv2.resize(_laid(*_sheet(A4)), None, fx=0.4, fy=0.4, interpolation=cv2.INTER_AREA)
    assert crop.locate(first_pass(Raster(small, 60)), 0, 60) is None


def test_buffers_used_again_change_nothing():
    buffers = Buffers()
    pages = [_laid(*_sheet(size), bed=bed) for size, bed in ((A5, 34), (A6, 128), (A5, 216))]
    for page in pages * 2:
        first = first_pass(Raster(page, DPI))
        assert crop.find_sheet(first, 0, DPI, buffers) == crop.find_sheet(first, 0, DPI)


def test_cutting_keeps_every_pixel_of_the_box_and_leaves_slack():
    raster = Raster(np.arange(60 * 50 * 3, dtype=np.uint8).reshape(60, 50, 3).copy(), DPI)
    cut = crop.apply(raster, Box(5, 7, 45, 50), Buffers())
    assert np.array_equal(cut.pixels, raster.pixels[7:50, 5:45])
    assert cut.pixels.base.size >= cut.pixels.size + 64


def test_a_box_outside_the_raster_is_refused():
    raster = Raster(np.zeros((10, 10), np.uint8), DPI)
    with pytest.raises(RasterError):
        crop.apply(raster, Box(0, 0, 11, 10))
    with pytest.raises(RasterError):
        Box(5, 0, 5, 10)


@given(
    height=st.integers(1, 90),
    width=st.integers(1, 90),
    seed=st.integers(0, 1000),
    micro=st.sampled_from((0, 49_999, -700_000, 10_000_000)),
    dpi=st.sampled_from((50, 75, 150, 1200)),
)
def test_any_raster_gives_a_box_inside_it_or_none(height, width, seed, micro, dpi):
    rng = np.random.default_rng(seed)
    gray = rng.choice((0, 30, 250, 255), (height, width)).astype(np.uint8)
    gray[: height // 2] = rng.integers(0, 256)
    box = crop.find_sheet(first_pass(Raster(gray, dpi)), micro, dpi)
    assert box is None or (box.right <= width and box.bottom <= height)


def test_sizes_are_told_upright_and_lying():
    assert paper.name_of(209, 298, 3) == "A4"
    assert paper.name_of(298, 209, 3) == "A4"
    assert paper.name_of(186, 259, 3) == "16K"
    assert paper.name_of(80, 190, 3) == ""


@pytest.mark.parametrize(
    ("size", "part"),
    [
        ((200, 287), True),  # A4 less 5 mm all around
        ((210, 250), True),  # A4 less a band
        ((210, 297), False),
        ((80, 190), False),
        ((57, 120), False),
        ((214, 302), False),  # larger than A4
    ],
)
def test_a_rectangle_a_little_smaller_than_a_known_size_may_be_part_of_it(size, part):
    assert paper.may_be_part_of(*size, 3.0) is part
