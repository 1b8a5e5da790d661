"""The first pass equals the slow answer on any raster."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernels import first_pass
from kernels.raster import Raster, RasterError, empty
from tests import reference


def raster(height, width, colour, seed, kind="noise"):
    pixels = empty((height, width, 3) if colour else (height, width))
    rng = np.random.default_rng(seed)
    if kind == "noise":
        pixels[...] = rng.integers(0, 256, pixels.shape, dtype=np.uint8)
    else:
        pixels[...] = {"black": 0, "white": 255}[kind]
    return Raster(pixels, 300)


@given(
    height=st.integers(1, 80),
    width=st.integers(1, 80),
    colour=st.booleans(),
    seed=st.integers(0, 1000),
    kind=st.sampled_from(["noise", "black", "white"]),
)
def test_it_equals_the_slow_answer(height, width, colour, seed, kind):
    page = raster(height, width, colour, seed, kind)
    first = first_pass.first_pass(page)
    gray = reference.luma(page.pixels) if colour else page.pixels
    spread = np.ptp(page.pixels, axis=2) if colour else np.zeros_like(gray)
    levels = first.threshold, first.ink_clamp
    assert np.array_equal(first.luma, gray)
    assert np.array_equal(first.half, reference.half(gray))
    assert np.array_equal(first.rows, reference.row_strips(gray, *levels, first.strip_px))
    assert np.array_equal(first.columns, reference.row_strips(gray.T, *levels, first.strip_px))
    assert np.array_equal(first.cells, reference.cells(gray, spread, *levels))


@given(st.lists(st.integers(0, 50), min_size=256, max_size=256))
def test_the_exact_threshold_is_otsus(counts):
    bins = np.array(counts)
    exact, paper = first_pass.levels(bins)
    assert exact == reference.otsu(bins)
    assert exact < paper or paper == 255


def test_luma_is_that_of_libjpeg():
    cv2 = pytest.importorskip("cv2")
    page = raster(64, 64, True, 1)
    expected = cv2.cvtColor(page.pixels, cv2.COLOR_BGR2GRAY)
    difference = np.abs(first_pass.first_pass(page).luma.astype(int) - expected)
    assert difference.max() <= 1


@pytest.mark.parametrize(
    "pixels",
    [
        np.zeros((4, 4), np.uint16),
        np.zeros((4, 4, 4), np.uint8),
        np.zeros((4, 8), np.uint8)[:, ::2],
        np.zeros((0, 4), np.uint8),
    ],
)
def test_a_raster_that_breaks_the_contract_is_refused(pixels):
    with pytest.raises(RasterError):
        Raster(pixels, 300)


def test_a_resolution_that_cannot_be_is_refused():
    with pytest.raises(RasterError, match="dpi"):
        Raster(np.zeros((4, 4), np.uint8), 7)
