"""Group 4: what we write, libtiff and pdfium read back bit for bit, and libtiff writes the same."""

import io

import img2pdf
import numpy as np
import pypdfium2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from kernels import g4
from kernels.buffers import Buffers
from kernels.raster import Raster, RasterError, empty


def _decoded(data: bytes) -> tuple[np.ndarray, tuple[float, float]]:
    with Image.open(io.BytesIO(data)) as image:
        assert image.mode == "1"
        return np.where(np.array(image), 255, 0).astype(np.uint8), image.info["dpi"]


def _file(pixels: np.ndarray, dpi: int = 300) -> bytes:
    height, width = pixels.shape
    return g4.tiff(g4.encode(g4.pack(Raster(pixels, dpi)), width), width, height, dpi)


def _by_libtiff(pixels: np.ndarray) -> bytes:
    """Return the only strip libtiff writes of the same page."""
    file = io.BytesIO()
    Image.fromarray(pixels == 0).save(
        file, "TIFF", compression="group4", tiffinfo={278: pixels.shape[0]}
    )
    tags = Image.open(io.BytesIO(file.getvalue())).tag_v2
    return file.getvalue()[tags[273][0] :][: tags[279][0]]


def _drawn(seed: int, height: int, width: int) -> np.ndarray:
    """Draw bars and dots: rows like the one above, long runs, short runs."""
    rng = np.random.default_rng(seed)
    pixels = np.full((height, width), 255, np.uint8)
    for _ in range(rng.integers(0, 12)):
        top, left = rng.integers(0, height), rng.integers(0, width)
        down, across = rng.integers(1, height + 1), rng.integers(1, width + 1)
        pixels[top : top + down, left : left + across] ^= 255
    pixels[rng.random(pixels.shape) < rng.choice([0, 0.002, 0.03])] ^= 255
    return pixels


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 200), st.integers(1, 600))
def test_the_code_is_the_one_libtiff_writes(seed, height, width):
    pixels = _drawn(seed, height, width)
    assert g4.encode(g4.pack(Raster(pixels, 300)), width) == _by_libtiff(pixels)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(4, 200), st.integers(4, 200))
def test_pdfium_shows_the_same_page(seed, height, width):
    pixels = _drawn(seed, height, width)
    code = g4.encode(g4.pack(Raster(pixels, 72)), width)
    pdf = img2pdf.convert(g4.tiff(code, width, height, 72))
    assert code in pdf
    document = pypdfium2.PdfDocument(pdf)
    shown = document[0].render(scale=1, grayscale=True).to_numpy()
    assert np.array_equal(shown.reshape(shown.shape[:2]), pixels)
    document.close()


@pytest.mark.parametrize("width", [1, 7, 8, 63, 64, 65, 255, 256, 257, 2623, 2624, 2625])
@pytest.mark.parametrize("kind", ["white", "black", "alternating", "checkered"])
def test_plain_and_alternating_pages_decode_equal(width, kind):
    y, x = np.mgrid[0:5, 0:width]
    black = {
        "white": x < 0,
        "black": x >= 0,
        "alternating": x % 2 == 0,
        "checkered": (x + y) % 2 == 0,
    }
    pixels = np.where(black[kind], 0, 255).astype(np.uint8)
    assert np.array_equal(_decoded(_file(pixels))[0], pixels)


def test_a_smaller_page_in_used_buffers_gives_the_same_code():
    buffers = Buffers()
    for seed, height, width in ((1, 90, 700), (2, 30, 33), (3, 31, 1400), (4, 1, 1)):
        page = Raster(_drawn(seed, height, width), 300)
        rows = g4.pack(page, buffers)
        assert np.array_equal(rows, g4.pack(page))
        assert g4.encode(rows, width, buffers) == g4.encode(g4.pack(page), width)


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
    for place in (0, 127, 128, 4321, pixels.size - 1):
        for other in (1, 127, 254):
            gray = pixels.copy()
            gray.reshape(-1)[place] = other
            assert not g4.is_bilevel(Raster(gray, 300))


def test_colour_cannot_be_packed():
    with pytest.raises(RasterError):
        g4.pack(Raster(np.zeros((2, 2, 3), np.uint8), 300))


@given(height=st.integers(1, 200), width=st.integers(1, 200), seed=st.integers(0, 1000))
def test_packed_rows_equal_those_numpy_packs(height, width, seed):
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width), dtype=np.uint8)
    with_slack = empty(pixels.shape)
    with_slack[:] = pixels
    packed = np.packbits(pixels < 128, axis=1)
    assert np.array_equal(g4.pack(Raster(pixels, 300)), packed)
    assert np.array_equal(g4.pack(Raster(with_slack, 300)), packed)
