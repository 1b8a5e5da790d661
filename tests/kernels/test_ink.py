"""The ink map equals the slow answer, and shows ink of any colour on paper of any colour."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from kernels.blank import ink
from kernels.blank.ground import CELL_PX
from kernels.buffers import Buffers
from kernels.raster import Raster
from tests import reference


def page(height, width, colour, seed):
    """Paper of some tint with a gradient and noise, and blots of any colour on it."""
    rng = np.random.default_rng(seed)
    shape = (height, width, 3) if colour else (height, width)
    paper = rng.integers(90, 250, shape[2:]) + rng.normal(0, rng.uniform(0, 6), shape)
    paper = paper + np.linspace(-20, 20, width).reshape(1, width, *([1] * (len(shape) - 2)))
    for _ in range(int(rng.integers(0, 12))):
        y, x = rng.integers(0, height), rng.integers(0, width)
        paper[y : y + rng.integers(1, 40), x : x + rng.integers(1, 60)] = rng.integers(
            0, 256, shape[2:]
        )
    return np.clip(paper, 0, 255).astype(np.uint8)


@settings(max_examples=30)
@given(
    height=st.integers(1, 400),
    width=st.integers(1, 400),
    dpi=st.sampled_from([100, 150, 300, 450, 600]),
    colour=st.booleans(),
    seed=st.integers(0, 1000),
)
@example(height=1, width=1, dpi=100, colour=True, seed=0)
def test_it_equals_the_slow_answer(height, width, dpi, colour, seed):
    pixels = page(height, width, colour, seed)
    found = ink.ink_map(Raster(pixels, dpi))
    small = reference.reduced(pixels, min(max(round(dpi / 150), 1), height, width))
    even = reference.balanced(small)
    dark = even.min(axis=2)
    levels = reference.cell_medians(dark, CELL_PX)
    local = reference.between_centres(reference.held(levels), dark.shape, CELL_PX)
    assert np.array_equal(found.dark, dark)
    assert np.array_equal(found.spread, np.ptp(even, axis=2))
    assert np.array_equal(found.levels, levels)
    assert np.array_equal(found.ink, np.maximum(local - dark, 0))
    assert found.noise == reference.noise(local - dark, CELL_PX)
    assert found.threshold == max(7, found.noise * 4 // 256 + 2)
    assert found.paper == reference.of_the_page(levels)


@settings(max_examples=30)
@given(
    height=st.integers(1, 400),
    width=st.integers(1, 400),
    seed=st.integers(0, 1000),
)
def test_beside_what_is_no_paper_it_equals_the_slow_answer(height, width, seed):
    rng = np.random.default_rng(seed)
    buffers = Buffers()
    first = ink.ink_map(Raster(page(height, width, True, seed), 150), buffers)
    hidden = np.zeros((height, width), np.uint8)
    for _ in range(int(rng.integers(0, 4))):
        y, x = rng.integers(0, height), rng.integers(0, width)
        hidden[y : y + rng.integers(1, 200), x : x + rng.integers(1, 200)] = 255
    found = ink.ink_beside(first, hidden, buffers)
    levels = reference.nearest_known(first.levels, reference.hidden_cells(hidden, CELL_PX))
    paper = reference.of_the_page(first.levels)
    local = reference.between_centres(reference.held(levels, paper), hidden.shape, CELL_PX)
    assert np.array_equal(found.ink, np.maximum(local - first.dark, 0))


@pytest.mark.parametrize("paper", [(238, 238, 239), (218, 232, 236), (152, 190, 208)])
@pytest.mark.parametrize("pen", [(1.0, 1.0, 1.0), (0.9, 1.0, 0.25), (0.3, 0.9, 1.0), (1.0, 0.3, 0)])
def test_ink_of_any_colour_keeps_its_contrast_on_paper_of_any_colour(paper, pen):
    pixels = np.empty((400, 400, 3), np.uint8)
    pixels[:] = paper
    pixels[200:206, 200:206] = np.array(paper) - 40 * np.array(pen)
    found = ink.ink_map(Raster(pixels, 300))
    assert found.ink.max() >= 39
    assert found.ink[:90].max() == 0


def test_gray_dust_on_brown_paper_is_not_taken_for_coloured():
    pixels = np.empty((400, 400, 3), np.uint8)
    pixels[:] = (152, 190, 208)
    pixels[200:206, 200:206] = 90
    found = ink.ink_map(Raster(pixels, 300))
    assert found.coloured_ink < found.spread.max() < found.coloured_object
