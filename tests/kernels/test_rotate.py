"""Turning a page follows the written definition to the bit."""

import math

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernels import rotate
from kernels.buffers import Buffers
from kernels.raster import Box, Raster, RasterError, empty
from tests import reference


@given(
    height=st.integers(1, 90),
    width=st.integers(1, 90),
    colour=st.booleans(),
    angle=st.integers(-rotate.MAX_MICRODEG, rotate.MAX_MICRODEG),
    fill=st.integers(0, 255),
    seed=st.integers(0, 1000),
)
def test_it_equals_the_definition(height, width, colour, angle, fill, seed):
    shape = (height, width, 3) if colour else (height, width)
    pixels = np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)
    turned = rotate.rotate(Raster(pixels, 300), angle, fill)
    assert np.array_equal(turned.pixels, reference.rotated(pixels, angle, fill))


@given(
    sides=st.tuples(*[st.integers(1, 90)] * 4),
    corner=st.tuples(st.integers(0, 60), st.integers(0, 60)),
    colour=st.booleans(),
    angle=st.integers(-rotate.MAX_MICRODEG, rotate.MAX_MICRODEG),
    seed=st.integers(0, 1000),
)
def test_a_part_is_that_part_of_the_whole(sides, corner, colour, angle, seed):
    left, top = corner
    box = Box(left, top, left + sides[0], top + sides[1])
    height, width = box.bottom + sides[2] - 1, box.right + sides[3] - 1
    shape = (height, width, 3) if colour else (height, width)
    page = Raster(np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8), 300)
    whole = rotate.rotate(page, angle, 7).pixels
    part = rotate.rotate(page, angle, 7, None, box).pixels
    assert np.array_equal(part, whole[box.top : box.bottom, box.left : box.right])


def test_a_part_that_reaches_outside_of_the_page_is_refused():
    with pytest.raises(RasterError, match="outside"):
        rotate.rotate(Raster(np.zeros((40, 50), np.uint8), 300), 0, 255, None, Box(0, 0, 40, 50))


@pytest.mark.parametrize("angle", [0, 1, -7_000, 950_000, -3_000_000, 8_000_000, -15_000_000])
@pytest.mark.parametrize("shape", [(3508, 2480, 3), (3508, 2480)])
def test_a_whole_page_equals_the_definition(shape, angle):
    page = empty(shape)
    page[:] = np.random.default_rng(2).integers(0, 256, shape, dtype=np.uint8)
    turned = rotate.rotate(Raster(page, 300), angle, 200)
    assert np.array_equal(turned.pixels, reference.rotated(page, angle, 200))


@pytest.mark.parametrize("shape", [(1, 9000), (2, 9000), (9000, 1), (9000, 2), (5, 7001, 3)])
@pytest.mark.parametrize("angle", [3, -70_000, 15_000_000])
def test_a_strip_equals_the_definition(shape, angle):
    strip = np.random.default_rng(3).integers(0, 256, shape, dtype=np.uint8)
    turned = rotate.rotate(Raster(strip, 300), angle)
    assert np.array_equal(turned.pixels, reference.rotated(strip, angle, 255))


@pytest.mark.parametrize("angle_deg", [0.3, -1, 3, -8])
def test_it_is_as_near_to_exact_interpolation_as_eight_bits_allow(angle_deg):
    page = np.full((900, 700), 240, np.uint8)
    for y in range(40, 880, 45):
        cv2.putText(page, f"{y} court record of", (30, y), cv2.FONT_HERSHEY_SIMPLEX, 1.1, 30, 3)
    page = cv2.GaussianBlur(page, (0, 0), 1) + np.random.default_rng(4).integers(0, 9, page.shape)
    page = page.astype(np.uint8)
    turned = rotate.rotate(Raster(page, 300), round(angle_deg * 1e6)).pixels
    exact = reference.turned_exactly(page, round(angle_deg * 1e6))
    assert 10 * math.log10(255**2 / np.nanmean((turned - exact) ** 2)) >= 58.5


def test_a_smaller_page_in_used_buffers_equals_one_in_new_ones():
    buffers = Buffers()
    rng = np.random.default_rng(5)
    for shape in ((300, 200, 3), (90, 101), (91, 40, 3)):
        page = Raster(rng.integers(0, 256, shape, dtype=np.uint8), 300)
        turned = rotate.rotate(page, -2_500_000, 7, buffers)
        assert np.array_equal(turned.pixels, rotate.rotate(page, -2_500_000, 7).pixels)
        assert turned.pixels.base is buffers.take("rotate.out", shape).base


def test_a_page_is_never_turned_onto_itself():
    buffers = Buffers()
    turned = rotate.rotate(Raster(np.zeros((40, 40), np.uint8), 300), 1_000_000, 255, buffers)
    with pytest.raises(RasterError, match="onto itself"):
        rotate.rotate(turned, 1_000_000, 255, buffers)


@given(st.integers(-rotate.MAX_MICRODEG, rotate.MAX_MICRODEG))
def test_the_polynomial_is_the_mathematics_librarys_sine_and_cosine(angle):
    c, s, _, _ = rotate.coefficients(100, 100, angle)
    assert c == round(math.cos(math.radians(angle / 1e6)) * 65536)
    assert s == round(-math.sin(math.radians(angle / 1e6)) * 65536)


def test_counter_clockwise_is_positive():
    page = np.full((101, 101), 255, np.uint8)
    page[50, 50:95] = 0  # from the centre to the right
    turned = rotate.rotate(Raster(page, 300), 10_000_000).pixels
    rows, _ = np.nonzero(turned[:, 85:] < 200)
    assert rows.max() < 50  # its end has gone up


def test_no_angle_changes_nothing_but_the_border():
    page = np.random.default_rng(1).integers(0, 256, (40, 40), dtype=np.uint8)
    turned = rotate.rotate(Raster(page, 300), 0).pixels
    assert np.array_equal(turned[:-1, :-1], page[:-1, :-1])


@pytest.mark.parametrize("angle", [15_000_001, -15_000_001])
def test_a_large_angle_is_refused(angle):
    with pytest.raises(RasterError, match="15 degrees"):
        rotate.rotate(Raster(np.zeros((4, 4), np.uint8), 300), angle)


def test_a_side_too_long_for_the_coordinates_is_refused():
    with pytest.raises(RasterError, match="32767"):
        rotate.rotate(Raster(np.zeros((1, 32_768), np.uint8), 300), 0)
