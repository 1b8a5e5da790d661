"""The first pass on the card equals the numba kernel and the slow answer."""

import numpy as np
import pytest

from kernels import first_pass as twin
from kernels import levels
from kernels.cuda.first_pass import download, enqueue, first_pass
from kernels.cuda.slot import Placed
from kernels.raster import Raster
from tests import reference

pytestmark = pytest.mark.cxx

ARRAYS = ("luma", "half", "rows", "columns", "cells")
NUMBERS = ("threshold", "paper", "ink_clamp", "strip_px")
KINDS = ("noise", "faint", "print", "black", "white")
SIZES = [
    (1, 1),
    (1, 2),
    (2, 1),
    (1, 65),
    (33, 1),
    (2, 2),
    (3, 3),
    (7, 9),
    (31, 33),
    (32, 32),
    (33, 31),
    (64, 63),
    (65, 97),
]


def page(height, width, colour, kind="noise", seed=0):
    shape = (height, width, 3) if colour else (height, width)
    rng = np.random.default_rng(seed)
    if kind == "text":
        pixels = rng.integers(225, 250, shape, dtype=np.uint8)
        for top in range(4, height - 8, 24):
            for left in rng.choice(width, width // 16, replace=False):
                pixels[top : top + 9, left : left + 4] = rng.integers(0, 90, shape[2:])
        return Raster(pixels, 300)
    pixels = {
        "noise": lambda: rng.integers(0, 256, shape, dtype=np.uint8),
        "faint": lambda: rng.integers(225, 256, shape, dtype=np.uint8),
        "print": lambda: rng.choice(np.array([20, 240], np.uint8), shape),
        "black": lambda: np.zeros(shape, np.uint8),
        "white": lambda: np.full(shape, 255, np.uint8),
    }[kind]()
    return Raster(pixels, 300)


def differing(one, other):
    """Names of what two first passes differ in."""
    return [
        name
        for name in ARRAYS
        if getattr(one, name).dtype != getattr(other, name).dtype
        or not np.array_equal(getattr(one, name), getattr(other, name))
    ] + [name for name in NUMBERS if getattr(one, name) != getattr(other, name)]


@pytest.mark.parametrize("colour", [False, True])
def test_pages_of_any_size_equal_the_twin(slot, colour):
    for seed, (height, width) in enumerate(SIZES):
        raster = page(height, width, colour, seed=seed)
        found = first_pass(raster, slot)
        assert differing(found, twin.first_pass(raster)) == [], (height, width)


@pytest.mark.parametrize("kind", KINDS)
def test_pages_of_any_kind_equal_the_twin_and_the_slow_answer(slot, kind):
    raster = page(67, 45, True, kind)
    found = first_pass(raster, slot)
    assert differing(found, twin.first_pass(raster)) == []
    gray, ink = reference.luma(raster.pixels), (found.threshold, found.ink_clamp)
    counts = reference.sampled(gray)
    assert found.paper == reference.paper(counts, reference.otsu(counts))
    assert np.array_equal(found.luma, gray)
    assert np.array_equal(found.half, reference.half(gray))
    assert np.array_equal(found.rows, reference.row_strips(gray, *ink, 8))
    assert np.array_equal(found.columns, reference.row_strips(gray.T, *ink, 8))
    spread = np.ptp(raster.pixels, axis=2)
    assert np.array_equal(found.cells, reference.cells(gray, spread, *ink))


def test_luma_halfway_between_two_levels_is_the_upper(forward_slot):
    shades = np.add(np.arange(72).reshape(8, 9, 1), (0, 132, 184))  # all end in a half
    raster = Raster(shades.astype(np.uint8), 300)
    assert differing(first_pass(raster, forward_slot), twin.first_pass(raster)) == []


@pytest.mark.parametrize("colour", [False, True])
@pytest.mark.parametrize(
    ("height", "width", "strip"),
    [(1100, 45, 8), (39, 1101, 16), (2200, 33, 16), (2201, 66, 32), (70, 2207, 32)],
)
def test_strips_of_each_width_equal_the_twin(forward_slot, height, width, strip, colour):
    raster = page(height, width, colour, "text", seed=height)
    found = first_pass(raster, forward_slot)
    assert found.strip_px == strip
    assert differing(found, twin.first_pass(raster)) == []


def test_the_most_ink_there_can_be_fits_the_sums(forward_slot):
    raster = page(2240, 64, colour=False, kind="black")
    raster.pixels[2::8, 2::8], raster.pixels[2::16, 2::8] = 254, 255  # all that the sample sees
    found = first_pass(raster, forward_slot)
    assert found.rows.max() == 32 * 95
    assert differing(found, twin.first_pass(raster)) == []


def test_a_slot_carries_nothing_from_one_page_to_the_next(slot):
    for seed, (height, width, colour) in enumerate(
        [(1111, 40, True), (90, 95, False), (90, 95, True), (1, 3, True), (1111, 40, False)]
    ):
        raster = page(height, width, colour, "print", seed)
        assert differing(first_pass(raster, slot), twin.first_pass(raster)) == []


def counted(slot, counts):
    """Levels of a sample with these counts, as the card finds them."""
    there, out = slot.there("test.counts", 1024), slot.pinned("test.levels", (3,), np.int32)
    up = slot.pinned("test.counts", (256,), np.uint32)
    up[:] = counts
    levels_there = slot.there("test.levels", 12)
    with slot.turn() as stream:
        stream.upload(there, up)
        stream.launch("levels_of", (1,), (256,), there, levels_there)
        stream.download(out, levels_there)
    return tuple(int(level) for level in out)


def expected(counts):
    seen = levels.of_sample(counts)
    return seen.threshold, seen.paper, seen.ink_clamp


def sparse(**levels_):
    counts = np.zeros(256, np.int64)
    for level, count in levels_.items():
        counts[int(level[1:])] = count
    return counts


HARD_COUNTS = [
    sparse(),
    sparse(_0=1000),
    sparse(_128=1),
    sparse(_255=1000),
    sparse(_0=1, _255=1),
    sparse(_254=5, _255=1),
    sparse(_10=7, _100=7, _190=7),
    sparse(_0=309_457, _70=6 * 309_457, _100=21 * 309_457),  # doubles prefer the second of equals
    sparse(_0=1_854_601, _70=6 * 1_854_601, _100=21 * 1_854_601),  # equal, if 128 bits carry
    sparse(_10=22_000_000, _100=22_000_000, _190=22_000_000, _191=1),
    sparse(_0=1 << 25, _255=1 << 25),  # the largest page
    sparse(_0=(1 << 26) - 1, _255=1),
    np.full(256, 1 << 18),
]


@pytest.mark.parametrize("counts", HARD_COUNTS, ids=range(len(HARD_COUNTS)))
def test_the_levels_of_a_sample_are_exact(slot, counts):
    assert counted(slot, counts) == expected(counts)


def test_the_levels_of_random_samples_are_exact(forward_slot):
    rng = np.random.default_rng(1)
    for _ in range(60):
        few = rng.random(256) < rng.choice([0.02, 0.2, 1])
        counts = np.where(few, rng.integers(0, rng.choice([2, 50, 200_000]), 256), 0)
        assert counted(forward_slot, counts) == expected(counts)


@pytest.mark.parametrize("colour", [False, True])
def test_a_raster_made_of_the_luma_is_found_on_the_card(forward_slot, colour):
    raster = page(40, 41, colour)
    first = first_pass(raster, forward_slot)
    calls = forward_slot._card.cupy.calls
    placed = forward_slot.lay(Raster(first.luma, 300))
    assert forward_slot._card.cupy.calls == calls
    assert (placed.shape, placed.pitch) == ((40, 41), 41)


def test_the_luma_of_a_gray_page_is_the_page(forward_slot):
    raster = page(40, 40, colour=False)
    assert first_pass(raster, forward_slot).luma is raster.pixels


@pytest.mark.parametrize("colour", [False, True])
def test_a_page_whose_rows_are_padded_equals_the_twin(slot, colour):
    raster = page(37, 35, colour, seed=5)
    rows = raster.pixels.reshape(37, -1)
    pitch = -(-rows.shape[1] // 4) * 4 + 4
    padded = slot.pinned("test.padded", (37, pitch))
    padded[:] = 0
    padded[:, : rows.shape[1]] = rows
    memory = slot.there("test.padded", padded.nbytes)
    with slot.turn() as stream:
        stream.upload(memory, padded)
        read = enqueue(Placed(memory, raster.pixels.shape, pitch), slot)
        result = download(read, slot)
    assert differing(result(), twin.first_pass(raster)) == []
