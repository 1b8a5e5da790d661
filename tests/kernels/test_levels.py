"""The levels of a page are those of its sample, in exact integers."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from kernels import levels
from kernels.raster import Raster
from tests import reference

sides = st.one_of(st.integers(1, 12), st.sampled_from([26, 27, 58, 59, 66, 90]))


@given(height=sides, width=sides, colour=st.booleans(), seed=st.integers(0, 1000))
def test_every_8th_pixel_of_every_8th_row_is_counted(height, width, colour, seed):
    shape = (height, width, 3) if colour else (height, width)
    pixels = np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)
    gray = reference.luma(pixels) if colour else pixels
    assert np.array_equal(levels.histogram(Raster(pixels, 300)), reference.sampled(gray))


@settings(max_examples=40)
@given(arrays(np.int64, 256, elements=st.integers(0, 50), fill=st.sampled_from([0, 1])))
def test_the_threshold_is_otsus_exactly(counts):
    assert levels.otsu_of(counts) == reference.otsu(counts)


def test_of_equal_splits_the_first_is_taken():
    counts = np.zeros(256, np.int64)
    counts[[10, 100, 190]] = 7
    assert levels.otsu_of(counts) == 10


def test_equal_splits_are_equal_though_doubles_would_prefer_the_second():
    counts = np.zeros(256, np.int64)
    counts[[0, 70, 100]] = np.array([1, 6, 21]) * 309_457
    assert levels.otsu_of(counts) == reference.otsu(counts) == 0


def test_one_sample_in_66_million_decides():
    counts = np.zeros(256, np.int64)
    counts[[10, 100, 190]] = 22_000_000
    counts[191] = 1
    assert levels.otsu_of(counts) == reference.otsu(counts) == 100


@pytest.mark.parametrize("level", [0, 128, 255])
def test_a_page_of_one_level_is_not_split(level):
    counts = np.zeros(256, np.int64)
    counts[level] = 1000
    assert levels.otsu_of(counts) == 128


@pytest.mark.parametrize(
    ("lighter", "paper"), [([200, 240], 200), ([200, 240, 240], 240), ([180, 200, 240, 250], 200)]
)
def test_the_paper_is_the_lower_median_of_what_is_light(lighter, paper):
    pixels = np.full((8, 64), 10, np.uint8)
    pixels[2, 2::8] = [10] * (8 - len(lighter)) + lighter
    assert levels.measure(Raster(pixels, 300)).paper == paper


@given(
    dark=st.integers(0, 255),
    light=st.integers(0, 255),
    inked=st.integers(0, 64),
    dpi=st.sampled_from([50, 300, 1200]),
)
def test_ink_begins_a_quarter_of_the_way_to_the_paper(dark, light, inked, dpi):
    pixels = np.full((64, 64), light, np.uint8)
    pixels[:inked] = dark
    found = levels.measure(Raster(pixels, dpi))
    counts = reference.sampled(pixels)
    otsu = reference.otsu(counts)
    paper = reference.paper(counts, otsu)
    assert found.paper == paper
    assert found.threshold == min(otsu + (paper - otsu) // 4, paper * 3 // 4)
    assert found.ink_clamp == min(max(found.threshold // 2, 8), 96)
