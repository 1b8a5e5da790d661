"""Samples from the wire become what NumPy makes of them, and nothing beside them is touched."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernels import wire
from kernels.raster import RasterError

SIDES = st.integers(1, 90)
BEYOND = 80


def _random(seed, *shape):
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def _target(shape):
    """Return an array to write to, and the bytes after its end."""
    size = int(np.prod(shape))
    held = np.full(size + BEYOND, 99, np.uint8)
    return held[:size].reshape(shape), held[size:]


@given(SIDES, SIDES, st.booleans(), st.booleans(), st.booleans(), st.integers(0, 1000))
def test_samples_become_blue_green_red_and_white_255(height, width, colour, swap, invert, seed):
    samples = _random(seed, height, width, 3) if colour else _random(seed, height, width)
    swap &= colour
    out, beyond = _target(samples.shape)
    wire.from_wire(samples, swap=swap, invert=invert, out=out)
    wanted = samples[..., ::-1] if swap else samples
    assert np.array_equal(out, 255 - wanted if invert else wanted)
    assert (beyond == 99).all()


@given(SIDES, SIDES, st.integers(0, 1000))
def test_a_bit_that_is_1_becomes_black(height, row_bytes, seed):
    samples = _random(seed, height, row_bytes)
    out, beyond = _target((height, row_bytes * 8))
    wire.unpack_bits(samples, out)
    assert np.array_equal(out, np.where(np.unpackbits(samples, axis=1), 0, 255))
    assert (beyond == 99).all()


@given(SIDES, SIDES, st.booleans(), st.integers(0, 1000))
def test_differences_are_to_the_pixel_on_the_left_and_can_be_undone(height, width, colour, seed):
    samples = _random(seed, height, width, 3) if colour else _random(seed, height, width)
    out, beyond = _target(samples.shape)
    wire.left_differences(samples, out)
    assert np.array_equal(out[:, :1], samples[:, :1])
    assert np.array_equal(out[:, 1:], samples[:, 1:] - samples[:, :-1])
    wire.undo_left_differences(out)
    assert np.array_equal(out, samples)
    assert (beyond == 99).all()


def test_samples_that_cannot_be_written_are_read():
    samples = _random(1, 20, 30, 3)
    samples.setflags(write=False)
    out = np.empty_like(samples)
    wire.from_wire(samples, swap=True, invert=True, out=out)
    assert np.array_equal(out, 255 - samples[..., ::-1])
    wire.left_differences(samples, out)
    wire.undo_left_differences(out)
    assert np.array_equal(out, samples)
    with pytest.raises(RasterError, match="cannot be written"):
        wire.undo_left_differences(samples)


@pytest.mark.parametrize(
    ("samples", "out"),
    [
        (np.zeros((4, 5), np.uint8), np.zeros((4, 6), np.uint8)),
        (np.zeros((4, 5, 3), np.uint8), np.zeros((4, 5), np.uint8)),
        (np.zeros((4, 5, 4), np.uint8), np.zeros((4, 5, 4), np.uint8)),
        (np.zeros((4, 5), np.uint16), np.zeros((4, 5), np.uint8)),
        (np.zeros((4, 5), np.uint8), np.zeros((4, 5), np.int8)),
        (np.zeros((4, 10), np.uint8)[:, ::2], np.zeros((4, 5), np.uint8)),
        (np.zeros((4, 5), np.uint8), np.zeros((4, 10), np.uint8)[:, ::2]),
    ],
)
def test_arrays_that_do_not_fit_are_refused(samples, out):
    with pytest.raises(RasterError):
        wire.from_wire(samples, swap=False, invert=True, out=out)
    with pytest.raises(RasterError):
        wire.left_differences(samples, out)


def test_gray_cannot_be_swapped():
    with pytest.raises(RasterError, match="colour"):
        wire.from_wire(_random(1, 4, 5), swap=True, invert=False, out=np.zeros((4, 5), np.uint8))


@pytest.mark.parametrize("shape", [(4, 5), (4, 40, 3), (3, 40)])
def test_bits_need_eight_pixels_each(shape):
    with pytest.raises(RasterError):
        wire.unpack_bits(np.zeros((4, 5), np.uint8), np.zeros(shape, np.uint8))
    with pytest.raises(RasterError):
        wire.unpack_bits(np.zeros((4, 5, 3), np.uint8), np.zeros((4, 40), np.uint8))


def test_samples_are_not_written_onto_themselves():
    samples = _random(1, 9, 9)
    with pytest.raises(RasterError, match="onto themselves"):
        wire.from_wire(samples, swap=False, invert=True, out=samples)
    with pytest.raises(RasterError, match="onto themselves"):
        wire.left_differences(samples, samples)
