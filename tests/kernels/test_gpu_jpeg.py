"""JPEG on the card: its bytes are the library's and the CPU twin's, for every page and quality."""

import itertools

import cv2
import numpy as np
import pytest

from kernels import jpeg as on_cpu
from kernels.cuda import jpeg, rotate
from kernels.cuda.slot import OnCard
from kernels.jpeg import integer, tables, turbo
from kernels.jpeg.transform import divisors
from kernels.raster import Box, Raster, RasterError

pytestmark = pytest.mark.cxx

MODES = ("gray", "420", "444")
KINDS = ("noise", "extremes", "checkered", "text", "black", "white")


def drawn(kind, size, seed=0):
    """Noise; black and white noise; alternating pixels; bars on paper; one tone."""
    rng = np.random.default_rng(seed)
    noise = rng.integers(0, 256, size, np.uint8)
    y, x = np.indices(size[:2])
    if kind == "text":
        pixels = np.full(size, 238, np.uint8)
        for _ in range(12):
            top, left = rng.integers(0, size[0]), rng.integers(0, size[1])
            pixels[top : top + 3, left : left + 15] = rng.integers(0, 120, size[2:])
        return pixels
    return {
        "noise": noise,
        "extremes": np.where(noise < 128, 0, 255),
        "checkered": ((x + y) % 2 * 255).reshape(*size[:2], *(1,) * (len(size) - 2))
        * np.ones(size, int),
        "black": np.zeros(size),
        "white": np.full(size, 255),
    }[kind].astype(np.uint8)


def page(kind, height, width, mode, seed=0):
    size = (height, width) if mode == "gray" else (height, width, 3)
    return Raster(np.ascontiguousarray(drawn(kind, size, seed)), 300)


def sampling(mode):
    return "444" if mode == "444" else "420"


def equal(raster, quality, mode, slot):
    slot.begin()
    ours = jpeg.encode(raster, quality, sampling(mode), slot)
    return (
        ours
        == integer.encode(raster, quality, sampling(mode))
        == turbo.encode(raster, quality, sampling(mode))
    )


def test_the_pictures_of_the_self_test_have_the_bytes_of_the_library(slot):
    def on_card(raster, quality, subsampling="420", buffers=None):
        slot.begin()
        return jpeg.encode(raster, quality, subsampling, slot)

    on_cpu.selftest([turbo.encode, integer.encode, on_card])


@pytest.mark.parametrize("mode", MODES)
def test_every_height_and_width_around_an_mcu_has_the_bytes_of_the_library(forward_slot, mode):
    differ = [
        size
        for size in itertools.product((1, 2, 8, 9, 16, 17, 24, 26), repeat=2)
        if not equal(page("noise", *size, mode), 85, mode, forward_slot)
    ]
    assert differ == []


def test_every_quality_has_the_bytes_of_the_library(forward_slot):
    raster = page("noise", 29, 19, "420", 3)
    differ = [q for q in range(1, 101) if not equal(raster, q, "420", forward_slot)]
    assert differ == []


def test_a_product_is_the_quotient_of_every_coefficient():
    # As `quantised` in jpeg_transform.cuh. 64 samples add up to 2 ** 13.
    coefficients = np.arange(-(2**14), 2**14 + 1)
    seen = set()
    for quality in range(1, 101):
        halves = divisors(quality)[:, 0].astype(int)
        reciprocals = jpeg._tables(quality)["quantisers"][0, ..., 0].astype(int)
        seen |= set(zip(halves.flat, reciprocals.flat, strict=True))
    assert {4, 64, 512, 4 * 255} < {half for half, _ in seen}  # powers of two have no remainder
    for half, reciprocal in seen:
        products = (coefficients * reciprocal + 2**31) >> 32
        quotients = np.sign(coefficients) * ((np.abs(coefficients) + half) // (2 * half))
        assert np.array_equal(products, quotients), half


@pytest.mark.parametrize("mode", MODES)
def test_pages_of_many_tiles_have_the_bytes_of_the_library(slot, mode):
    for kind, quality in itertools.product(KINDS, (50, 100)):
        assert equal(page(kind, 131, 197, mode, 7), quality, mode, slot), (kind, quality)


def test_where_blocks_of_threads_are_few_each_takes_many_tiles(slot, monkeypatch):
    monkeypatch.setattr(jpeg, "_AT_ONCE", 3)
    raster = page("extremes", 200, 210, "gray")
    assert equal(raster, 100, "gray", slot)
    assert len(turbo.encode(raster, 100)) > 10 * 4096


def test_zeros_are_stuffed_wherever_a_tile_ends(slot):
    # From block to block the DC leaps by all it can: a byte of three is 255.
    leaps = np.kron(np.indices((4, 449)).sum(axis=0) % 2 * 255, np.ones((8, 8), int))
    for tone, at in ((128, 4095), (115, 4096)):
        pixels = leaps.astype(np.uint8)
        pixels[:8, :32] = tone
        raster = Raster(np.ascontiguousarray(pixels), 300)
        scan = turbo.encode(raster, 100).partition(b"\xff\xda\x00\x08")[2][6:-2]
        assert scan.replace(b"\xff\x00", b"\xff")[at] == 255
        assert equal(raster, 100, "gray", slot)


@pytest.mark.parametrize("size", [(1, 65_500), (65_500, 1)])
def test_the_longest_pages_have_the_bytes_of_the_library(forward_slot, size):
    assert equal(page("noise", *size, "gray"), 50, "gray", forward_slot)


def test_a_small_page_after_a_large_one_finds_nothing_of_it(slot):
    for mode, size in (("444", (90, 101)), ("gray", (3, 5)), ("420", (33, 35)), ("gray", (64, 65))):
        assert equal(page("noise", *size, mode), 92, mode, slot)


@pytest.mark.parametrize("mode", MODES)
def test_a_page_that_was_made_on_the_card_is_encoded_there(slot, mode, monkeypatch):
    raster = page("noise", 60, 71, mode)
    box = Box(3, 2, 50, 57)  # 47 px across: the rows are padded there
    cut = rotate.crop(raster, box, slot)
    wanted = Raster(np.ascontiguousarray(raster.pixels[2:57, 3:50]), 300)
    monkeypatch.setattr(OnCard, "pixels", property(lambda _: pytest.fail("it was fetched")))
    assert jpeg.encode(cut, 75, sampling(mode), slot) == turbo.encode(wanted, 75, sampling(mode))


def test_opencv_shows_the_page(forward_slot):
    pixels = cv2.GaussianBlur(drawn("extremes", (75, 93, 3), 5), (0, 0), 4)
    data = jpeg.encode(Raster(pixels, 300), 95, "444", forward_slot)
    seen = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    assert np.abs(seen.astype(int) - pixels).mean() < 2


@pytest.mark.parametrize("quality", [0, 101])
def test_a_quality_out_of_range_is_refused(forward_slot, quality):
    with pytest.raises(RasterError):
        jpeg.encode(page("white", 8, 8, "gray"), quality, "420", forward_slot)


def test_a_page_too_long_is_refused(forward_slot):
    with pytest.raises(RasterError, match="65500"):
        jpeg.encode(page("white", 1, 65_501, "gray"), 50, "420", forward_slot)


@pytest.mark.parametrize("component", [0, 1])
def test_no_block_needs_more_than_is_taken_for_it(component):
    # Any weight of energy against bits gives a bound; this one is near the lowest. A value of n
    # bits has an energy of 4 ** (n - 1) or more; all together have what 64 samples have, and the
    # error of each coefficient is below 1.
    weight = 2e-4
    bits = tables.CODES[2 * component + 1] & 255
    gains = [
        (run + 1, int(bits[run << 4 | size]) + size - weight * 4.0 ** (size - 1))
        for run in range(16)
        for size in range(1, 11)
    ]
    gains.append((16, float(bits[0xF0])))
    best = [0.0] * 64
    for k in range(1, 64):
        best[k] = max(best[k - length] + gain for length, gain in gains if length <= k)
    most = max(best[:63]) + bits[0], best[63]
    dc = max(int(tables.CODES[2 * component, size] & 255) + size for size in range(12))
    assert dc + max(most) + weight * (64 * 128**2) * (1 + 8 / 1024) ** 2 < 8 * jpeg._MOST_BYTES
