"""The energies of sheared strips equal the slow answer, however long, many or full they are."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kernels.buffers import Buffers
from kernels.raster import RasterError
from kernels.skew import shears
from tests import reference

BANDS = 8


def padded(strips, most, steepest):
    # What lies in the buffer from before must not matter.
    buffers = Buffers()
    buffers.take("strips", (2 * strips.size + 4 * strips.shape[0] * 4000,), np.uint16)[:] = 999
    return shears.padded(strips, most, shears.Room(buffers, "strips", steepest))


@given(
    count=st.integers(1, 60),
    lines=st.one_of(st.integers(1, 60), st.sampled_from([127, 128, 505, 513, 640])),
    halves=st.lists(st.integers(-40, 40), min_size=1, max_size=4),
    most=st.sampled_from([1, 1000, 3072, 40_000, 65_535]),
    full=st.booleans(),
    seed=st.integers(0, 1000),
)
@example(count=60, lines=505, halves=[0], most=65_535, full=True, seed=0)
@example(count=60, lines=9, halves=[-40, 40], most=3072, full=True, seed=0)
def test_the_energies_equal_the_slow_answer(count, lines, halves, most, full, seed):
    rng = np.random.default_rng(seed)
    levels = np.array([0, most]) if full else np.arange(most + 1)
    strips = rng.choice(levels, (count, lines)).astype(np.uint16)
    sheared = np.array(halves, np.int64) * 32_768  # so that offsets end in a half as well
    found = shears.energies(padded(strips, most, 40 * 32_768), sheared, BANDS)
    assert np.array_equal(found, reference.energies(strips, sheared, BANDS))


@given(
    count=st.integers(1, 40),
    lines=st.one_of(st.integers(1, 60), st.sampled_from([127, 128, 505, 640])),
    angles=st.tuples(st.integers(-300_000, 300_000), st.integers(0, 20_000)),
    shears_=st.integers(11, 41),
    most=st.sampled_from([1, 3072, 16_384, 65_535]),
    seed=st.integers(0, 1000),
)
@example(count=40, lines=640, angles=(-300_000, 900), shears_=41, most=3072, seed=0)
@example(count=40, lines=640, angles=(0, 20_000), shears_=41, most=3072, seed=0)
@example(count=39, lines=640, angles=(0, 0), shears_=12, most=16_384, seed=0)
def test_under_many_shears_that_hardly_differ_they_do_too(
    count, lines, angles, shears_, most, seed
):
    """Neighbours are then added in advance, where that pays."""
    strips = np.random.default_rng(seed).integers(0, most + 1, (count, lines)).astype(np.uint16)
    sheared = angles[0] + angles[1] * np.arange(shears_, dtype=np.int64)
    found = shears.energies(padded(strips, most, 1_200_000), sheared, BANDS)
    assert np.array_equal(found, reference.energies(strips, sheared, BANDS))


@given(
    count=st.integers(1, 5),
    lines=st.integers(1, 300),
    by=st.sampled_from([2, 4]),
    seed=st.integers(0, 1000),
)
def test_pooled_lines_are_means_rounded_down_between_zeros(count, lines, by, seed):
    strips = np.random.default_rng(seed).integers(0, 16_384, (count, lines)).astype(np.uint16)
    source = padded(strips, 16_383, 200_000)
    small = shears.pooled(source, by, shears.Room(Buffers(), "small", 200_000 // by))
    whole = strips[:, : lines // by * by].reshape(count, lines // by, by)
    assert np.array_equal(small.inner, whole.astype(int).sum(axis=2) // by)
    assert small.items.sum() == small.inner.sum()


def test_a_shear_without_room_is_refused():
    strips = padded(np.ones((9, 400), np.uint16), 1, 65_536)
    with pytest.raises(RasterError, match="room"):
        shears.energies(strips, np.array([10 * 65_536]), BANDS)


@pytest.mark.parametrize(("most", "by"), [(16_384, 4), (32_768, 2), (1, 3)])
def test_pooling_what_does_not_fit_is_refused(most, by):
    strips = padded(np.ones((2, 8), np.uint16), most, 0)
    with pytest.raises(RasterError, match="16 bits"):
        shears.pooled(strips, by, shears.Room(Buffers(), "small", 0))
