"""Marks: every connected piece of ink, measured as the slow answer measures it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernels import connected
from kernels.blank import ink, marks
from kernels.raster import Raster
from tests import reference


def blotted(height, width, density, seed):
    """A map of random ink, some of it excluded."""
    rng = np.random.default_rng(seed)
    pixels = np.full((height, width, 3), 230, np.uint8)
    inked = rng.random((height, width)) < density
    pixels[inked] = rng.integers(0, 256, (int(inked.sum()), 3))
    excluded = np.where(rng.random((height, width)) < 0.1, 255, 0).astype(np.uint8)
    return ink.ink_map(Raster(pixels, 150)), excluded


@settings(max_examples=60)
@given(
    height=st.integers(1, 40),
    width=st.integers(1, 40),
    density=st.sampled_from([0.0, 0.05, 0.3, 0.6]),
    seed=st.integers(0, 1000),
)
def test_they_equal_the_slow_answer(height, width, density, seed):
    page, excluded = blotted(height, width, density, seed)
    found = marks.marks(page, excluded)
    wanted = reference.components(page.ink, excluded, page.threshold)
    assert len(found) == len(wanted)
    for i, pixels in enumerate(wanted):
        ys, xs = (np.array(side) for side in zip(*pixels, strict=True))
        values = page.ink[ys, xs].astype(int)
        steps = np.array([reference.steepest(page.ink, excluded, y, x) for y, x in pixels])
        beside = [
            excluded[ny, nx]
            for y, x in pixels
            for ny, nx in ((y, x - 1), (y, x + 1), (y - 1, x), (y + 1, x))
            if 0 <= ny < height and 0 <= nx < width
        ]
        assert sorted(zip(*found.pixels(i), strict=True)) == pixels
        box = (xs.min(), ys.min(), np.ptp(xs) + 1, np.ptp(ys) + 1)
        assert tuple(found.box[i]) == box
        assert (found.area[i], found.peak[i], found.mass[i]) == (
            len(pixels),
            values.max(),
            values.sum(),
        )
        assert found.edge[i] == steps.max()
        assert found.colour[i] == page.spread[ys, xs].max()
        assert found.cut[i] == any(beside)
        assert found.core[i] == max(reference.square(page.ink, excluded, y, x) for y, x in pixels)
        spot = reference.thickness(xs, ys, values)
        assert found.thickness[i] == pytest.approx(spot, abs=1e-6)
        assert found.roughness[i] == np.sqrt((steps**2).sum() / (values**2).sum())


@given(seed=st.integers(0, 1000), level=st.integers(1, 255))
def test_boxes_are_those_of_the_marks_of_so_much_ink(seed, level):
    page, excluded = blotted(30, 33, 0.2, seed)
    wanted = []
    for pixels in reference.components(page.ink, excluded, level):
        ys, xs = zip(*pixels, strict=True)
        wanted.append((min(xs), min(ys), max(xs) - min(xs) + 1, max(ys) - min(ys) + 1))
    found = connected.inked(page.ink, excluded, level).box
    assert [tuple(int(v) for v in box) for box in found] == wanted


@given(
    height=st.integers(1, 20),
    width=st.one_of(st.integers(1, 20), st.sampled_from([63, 64, 65, 127, 130])),
    level=st.integers(0, 255),
    seed=st.integers(0, 1000),
)
def test_pieces_darker_than_a_level_equal_the_slow_answer(height, width, level, seed):
    luma = np.random.default_rng(seed).integers(0, 256, (height, width), np.uint8)
    wanted = []
    for pixels in reference.components(np.uint8(luma < level), np.zeros_like(luma), 1):
        ys, xs = zip(*pixels, strict=True)
        wanted.append((min(xs), min(ys), max(xs) - min(xs) + 1, max(ys) - min(ys) + 1))
    found = connected.below(luma, level)
    assert [tuple(int(v) for v in box) for box in found.box] == wanted
    assert sum(last - first + 1 for _, first, last in found.runs) == np.count_nonzero(luma < level)
