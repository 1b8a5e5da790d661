"""Crop: to the sheet plus 2 mm, never to content, nothing without edges."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernels import crop
from kernels.crop import CropBox
from kernels.first_pass import first_pass
from kernels.raster import Raster, RasterError
from kernels.rotate import rotate
from tests import reference

DPI = 300
BED = 32
W, H = 1500, 2000
SHEET = (150, 200, 1350, 1750)  # left, top, right, bottom before it is turned


def _page(angle_deg: float, bed: int = BED, sheet=SHEET, ink=True) -> Raster:
    """A sheet with a few words, turned about the middle of the image, as a scanner sees it."""
    page = np.full((H, W), bed, np.uint8)
    left, top, right, bottom = sheet
    page[top:bottom, left:right] = 238
    if ink:
        for y in range(top + 200, bottom - 200, 80):
            page[y : y + 20, left + 300 : right - 300 : 3] = 40
    turn = cv2.getRotationMatrix2D(((W - 1) / 2, (H - 1) / 2), angle_deg, 1)
    turned = cv2.warpAffine(page, turn, (W, H), flags=cv2.INTER_LINEAR, borderValue=bed)
    noise = np.random.default_rng(3).integers(-3, 4, turned.shape)
    return Raster(np.clip(turned + noise, 0, 255).astype(np.uint8), DPI)


def _find(raster: Raster, angle_deg: float) -> CropBox | None:
    return crop.find_sheet(first_pass(raster), round(angle_deg * 1e6), DPI)


@pytest.mark.parametrize("angle", [0.0, 0.8, -0.8, 2.6, -2.6, 6.0, -6.0])
def test_the_box_is_the_sheet_and_two_millimetres_whatever_the_angle(angle):
    box = _find(_page(angle), angle)
    assert box is not None
    margin = 2 * DPI / 25.4
    wanted = (SHEET[0] - margin, SHEET[1] - margin, SHEET[2] + margin, SHEET[3] + margin)
    assert (box.left, box.top, box.right, box.bottom) == pytest.approx(wanted, abs=6)


@pytest.mark.parametrize("angle", [1.7, -4.0])
def test_the_turned_page_holds_the_whole_sheet_inside_the_box(angle):
    raster = _page(angle)
    box = _find(raster, angle)
    upright = rotate(raster, -round(angle * 1e6)).pixels
    cut = upright[box.top : box.bottom, box.left : box.right]
    assert (cut[40:-40, 40:-40] > 35).mean() > 0.999  # no bed left beyond the margin
    assert cut[4:-4, :8].mean() < 60  # and some of it in the margin


def test_a_white_bed_gives_no_box():
    assert _find(_page(1.0, bed=236), 1.0) is None


def test_edges_that_disagree_with_the_skew_give_no_box():
    assert _find(_page(2.0), 0.0) is None
    assert _find(_page(2.0), 3.0) is None


def test_a_side_without_bed_is_left_at_the_border():
    box = _find(_page(0.0, sheet=(150, 0, W, H)), 0.0)
    assert box is not None
    assert (box.top, box.right, box.bottom) == (0, W, H)
    assert box.left == pytest.approx(150 - 24, abs=6)


def test_a_dark_photograph_at_the_border_is_not_bed():
    page = _page(0.0, sheet=(0, 0, W, H)).pixels.copy()
    rng = np.random.default_rng(8)
    page[300:1100, :700] = rng.integers(0, 90, (800, 700))
    assert _find(Raster(page, DPI), 0.0) is None


def test_a_torn_edge_gives_no_box():
    page = _page(0.0).pixels.copy()
    page[600:1200, 150:320] = BED
    page[300:500, 60:160] = 238
    assert _find(Raster(page, DPI), 0.0) is None


def test_an_empty_sheet_is_cropped_to_the_sheet_not_to_nothing():
    full = _find(_page(0.0), 0.0)
    assert _find(_page(0.0, ink=False), 0.0) == full


def test_nothing_but_bed_gives_no_box():
    assert _find(Raster(np.full((H, W), BED, np.uint8), DPI), 0.0) is None


def test_cutting_keeps_every_pixel_of_the_box_and_leaves_slack():
    raster = Raster(np.arange(60 * 50 * 3, dtype=np.uint8).reshape(60, 50, 3).copy(), DPI)
    cut = crop.apply(raster, CropBox(5, 7, 45, 50))
    assert np.array_equal(cut.pixels, raster.pixels[7:50, 5:45])
    assert cut.pixels.base.size >= cut.pixels.size + 64


def test_a_box_outside_the_raster_is_refused():
    raster = Raster(np.zeros((10, 10), np.uint8), DPI)
    with pytest.raises(RasterError):
        crop.apply(raster, CropBox(0, 0, 11, 10))
    with pytest.raises(RasterError):
        CropBox(5, 0, 5, 10)


@given(height=st.integers(1, 30), width=st.integers(1, 40), seed=st.integers(0, 1000))
def test_where_the_bed_ends_equals_the_slow_answer(height, width, seed):
    gray = np.random.default_rng(seed).choice((30, 200), (height, width), p=(0.6, 0.4))
    ends = np.empty(-(-height // 4), np.int32)
    crop._bed_ends(gray.astype(np.uint8), 110, 4, ends)
    assert np.array_equal(ends, reference.bed_ends(gray, 110, 4))
