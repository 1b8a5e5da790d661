"""Group 4: what we write, libtiff reads back bit for bit."""

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from kernels import g4
from kernels.raster import Raster, RasterError


def _decoded(data: bytes) -> tuple[np.ndarray, tuple[float, float]]:
    with Image.open(io.BytesIO(data)) as image:
        assert image.mode == "1"
        return np.where(np.array(image), 255, 0).astype(np.uint8), image.info["dpi"]


def _file(pixels: np.ndarray, dpi: int = 300) -> bytes:
    height, width = pixels.shape
    return g4.tiff(g4.encode(g4.pack(Raster(pixels, dpi)), width), width, height, dpi)


@settings(max_examples=150, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    height=st.integers(1, 24),
    width=st.integers(1, 300),
    density=st.sampled_from((0.0, 0.003, 0.02, 0.2, 0.5, 0.9, 1.0)),
)
def test_noise_of_every_width_and_density_decodes_equal(seed, height, width, density):
    rng = np.random.default_rng(seed)
    pixels = np.where(rng.random((height, width)) < density, 0, 255).astype(np.uint8)
    assert np.array_equal(_decoded(_file(pixels))[0], pixels)


@pytest.mark.parametrize("width", [2559, 2560, 2561, 5120, 7000])
def test_runs_longer_than_the_longest_code_decode_equal(width):
    pixels = np.full((6, width), 255, np.uint8)
    pixels[1] = 0
    pixels[2, 1:] = 0
    pixels[3, : width - 1] = 0
    pixels[4, width // 2] = 0
    assert np.array_equal(_decoded(_file(pixels))[0], pixels)


def test_alternating_pixels_do_not_outgrow_the_buffer():
    pixels = np.full((40, 999), 255, np.uint8)
    pixels[::2, ::2] = 0
    pixels[1::2, 1::2] = 0
    pixels[::3] = 255
    assert np.array_equal(_decoded(_file(pixels))[0], pixels)


def test_smooth_shapes_use_vertical_and_pass_modes_and_decode_equal():
    y, x = np.mgrid[0:400, 0:501]
    pixels = np.where(((x - 250) ** 2 + (y - 200) ** 2) // 3000 % 2 == 0, 0, 255).astype(np.uint8)
    data = _file(pixels)
    assert np.array_equal(_decoded(data)[0], pixels)
    assert len(data) < pixels.size // 8 // 2


def test_the_container_carries_the_resolution():
    assert _decoded(_file(np.full((3, 9), 255, np.uint8), 200))[1] == (200.0, 200.0)


def test_padding_bits_after_the_width_are_ignored():
    clean = np.zeros((4, 2), np.uint8)
    dirty = clean.copy()
    dirty[:, 1] |= 0b0000_0111
    assert g4.encode(dirty, 13) == g4.encode(clean, 13)


@pytest.mark.parametrize(("shape", "width"), [((4, 2), 17), ((4, 2), 8), ((0, 1), 8), ((4, 1), 0)])
def test_rows_that_do_not_fit_the_width_are_refused(shape, width):
    with pytest.raises(RasterError):
        g4.encode(np.zeros(shape, np.uint8), width)


def test_only_pure_black_and_white_gray_is_bilevel():
    pixels = np.full((50, 200), 255, np.uint8)
    pixels[10:20] = 0
    assert g4.is_bilevel(Raster(pixels, 300))
    assert not g4.is_bilevel(Raster(np.dstack([pixels] * 3), 300))
    pixels[-1, -1] = 254
    assert not g4.is_bilevel(Raster(pixels, 300))


def test_colour_cannot_be_packed():
    with pytest.raises(RasterError):
        g4.pack(Raster(np.zeros((2, 2, 3), np.uint8), 300))


@given(height=st.integers(1, 9), width=st.integers(1, 70), seed=st.integers(0, 1000))
def test_packed_rows_equal_those_numpy_packs(height, width, seed):
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width), dtype=np.uint8)
    assert np.array_equal(g4.pack(Raster(pixels, 300)), np.packbits(pixels < 128, axis=1))
