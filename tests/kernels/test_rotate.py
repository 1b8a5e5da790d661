"""Turning a page follows the written definition to the bit."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernels import rotate
from kernels.raster import Raster, RasterError
from tests import reference


@given(
    height=st.integers(1, 24),
    width=st.integers(1, 24),
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
