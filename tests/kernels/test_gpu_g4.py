"""Group 4 on the card: the CPU's bytes, and libtiff reads back the page."""

import itertools

import cv2
import numpy as np
import pytest

from kernels import g4 as twin
from kernels.cuda import g4, rotate
from kernels.cuda.slot import OnCard
from kernels.raster import Box, Raster, RasterError

pytestmark = pytest.mark.cxx

SIZES = ((1, 1), (1, 700), (70, 1), (2, 31), (3, 32), (5, 33), (64, 63), (65, 65), (33, 258))


def drawn(seed, height, width):
    """Draw bars and dots: rows like the one above, long runs, short runs."""
    rng = np.random.default_rng(seed)
    pixels = np.full((height, width), 255, np.uint8)
    for _ in range(rng.integers(0, 12)):
        top, left = rng.integers(0, height), rng.integers(0, width)
        down, across = rng.integers(1, height + 1), rng.integers(1, width + 1)
        pixels[top : top + down, left : left + across] ^= 255
    pixels[rng.random(pixels.shape) < rng.choice([0, 0.002, 0.03])] ^= 255
    return pixels


def coded(pixels, slot):
    """Return the file, once it has the CPU's bytes and reads as the page."""
    slot.begin()
    raster = Raster(pixels, 300)
    file = g4.file(raster, slot)
    assert file == twin.file(raster), pixels.shape
    seen = cv2.imdecode(np.frombuffer(file, np.uint8), cv2.IMREAD_GRAYSCALE)
    assert np.array_equal(seen, np.where(pixels < 128, 0, 255))
    return file


def on_card(raster, slot):
    slot.begin()
    return OnCard(slot.lay(raster), raster.dpi, slot)


def test_bars_and_dots_have_the_bytes_of_the_cpu(slot):
    for size, seed in itertools.product(SIZES, range(4)):
        coded(drawn(seed, *size), slot)


def test_noise_of_every_density_has_the_bytes_of_the_cpu(slot):
    rng = np.random.default_rng(1)
    for size, density in itertools.product(SIZES, (0.003, 0.02, 0.2, 0.5, 0.9)):
        coded(np.where(rng.random(size) < density, 0, 255).astype(np.uint8), slot)


def test_plain_and_alternating_pages_have_the_bytes_of_the_cpu(slot):
    for width in (1, 31, 32, 33, 64, 257, 2623, 2624, 2625):
        y, x = np.mgrid[0:5, 0:width]
        for black in (x < 0, x >= 0, x % 2 == 0, (x + y) % 2 == 0, (x + y // 2) % 2 == 0):
            coded(np.where(black, 0, 255).astype(np.uint8), slot)


def test_runs_longer_than_the_longest_code_have_the_bytes_of_the_cpu(slot):
    for width in (2560, 5120, 5121, 5247, 5248, 8000):
        pixels = np.full((6, width), 255, np.uint8)
        pixels[1] = 0
        pixels[2, 1:] = 0
        pixels[3, : width - 1] = 0
        pixels[4, width // 2] = 0
        coded(pixels, slot)


def test_the_longest_codes_stay_within_the_room_of_a_row(slot):
    # Three to the right, three to the left, in turn; and runs that are never where they were.
    for width in (64, 999):
        pixels = np.full((12, width), 255, np.uint8)
        pixels[::2, ::2] = 0
        pixels[1::2, 1::2] = 0
        pixels[::3] = 255
        coded(pixels, slot)


def test_smooth_shapes_have_the_bytes_of_the_cpu(slot):
    y, x = np.mgrid[0:120, 0:151]
    rings = ((x - 75) ** 2 + (y - 60) ** 2) // 700 % 2
    assert len(coded(np.where(rings == 0, 0, 255).astype(np.uint8), slot)) < 120 * 151 // 8


def test_more_rows_than_are_summed_at_once_have_the_bytes_of_the_cpu(slot):
    coded(drawn(5, 2500, 40), slot)


def test_gray_samples_are_black_below_128(slot):
    coded(np.random.default_rng(2).integers(0, 256, (40, 75), dtype=np.uint8), slot)


def test_a_small_page_after_a_large_one_finds_nothing_of_it(slot):
    for seed, height, width in ((1, 90, 700), (2, 30, 33), (3, 31, 1400), (4, 1, 1)):
        coded(drawn(seed, height, width), slot)


def test_a_page_that_was_made_on_the_card_is_coded_there(slot, monkeypatch):
    raster = Raster(drawn(3, 50, 80), 200)
    cut = rotate.crop(raster, Box(5, 4, 66, 48), slot)  # 61 px across: the rows are padded there
    wanted = Raster(np.ascontiguousarray(raster.pixels[4:48, 5:66]), 200)
    monkeypatch.setattr(OnCard, "pixels", property(lambda _: pytest.fail("it was fetched")))
    assert g4.is_bilevel(cut)
    assert g4.file(cut, slot) == twin.file(wanted)


@pytest.mark.parametrize("size", [(1, 1), (50, 203)])
def test_only_pure_black_and_white_gray_is_bilevel(slot, size):
    pixels = drawn(1, *size)
    assert g4.is_bilevel(on_card(Raster(pixels, 300), slot))
    assert not g4.is_bilevel(on_card(Raster(np.dstack([pixels] * 3), 300), slot))
    for place in {0, pixels.size // 2, pixels.size - 1}:
        for other in (1, 254):
            gray = pixels.copy()
            gray.reshape(-1)[place] = other
            assert not g4.is_bilevel(on_card(Raster(gray, 300), slot))


def test_what_lies_beside_a_row_says_nothing(slot):
    gray = np.full((9, 24), 99, np.uint8)
    gray[:, 3:16] = 255
    slot.begin()
    assert g4.is_bilevel(rotate.crop(Raster(gray, 300), Box(3, 0, 16, 9), slot))


@pytest.mark.parametrize("size", [(1, 1), (33, 1030)])
def test_a_gray_page_becomes_black_and_white_as_on_the_cpu(slot, size):
    raster = Raster(np.random.default_rng(4).integers(0, 256, size, dtype=np.uint8), 300)
    slot.begin()
    assert np.array_equal(g4.bilevel(raster, slot).pixels, twin.bilevel(raster).pixels)
    for level in (0, 1, 200, 255, 256):
        made = g4.threshold(raster, level, slot)
        assert np.array_equal(made.pixels, np.where(raster.pixels < level, 0, 255)), level


def test_a_turned_page_made_black_and_white_again_is_coded_in_one_go(slot):
    turned = rotate.rotate(Raster(drawn(3, 60, 77), 300), 3_000_000, 255, slot)
    assert not g4.is_bilevel(turned)
    made = g4.bilevel(turned, slot)
    assert g4.is_bilevel(made)
    assert g4.file(made, slot) == twin.file(twin.bilevel(Raster(turned.pixels, 300)))


@pytest.mark.parametrize("asked", [g4.file, g4.bilevel])
def test_colour_is_refused(forward_slot, asked):
    with pytest.raises(RasterError):
        asked(Raster(np.zeros((2, 2, 3), np.uint8), 300), forward_slot)
