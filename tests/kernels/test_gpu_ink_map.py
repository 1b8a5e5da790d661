"""The ink map made on the card equals the numba kernel and the slow answer."""

from dataclasses import fields

import numpy as np
import pytest

from kernels.blank import ink
from kernels.cuda.ink_map import ink_map
from kernels.raster import Raster
from tests import reference

pytestmark = pytest.mark.cxx

SIZES = [
    (1, 1),
    (1, 40),
    (40, 1),
    (2, 3),
    (15, 16),
    (17, 15),
    (31, 33),
    (33, 48),
    (47, 49),
    (65, 64),
    (161, 163),
]
"""From five cells a side on, cells are cleaned by their neighbours."""


def page(height, width, colour, seed):
    """Paper of some tint with a gradient and noise, and blots of any colour on it."""
    rng = np.random.default_rng(seed)
    shape = (height, width, 3) if colour else (height, width)
    across = np.linspace(-20, 20, width).reshape(1, width, *([1] * (len(shape) - 2)))
    paper = rng.integers(90, 250, shape[2:]) + rng.normal(0, rng.uniform(0, 6), shape) + across
    for _ in range(int(rng.integers(0, 12))):
        y, x = rng.integers(0, height), rng.integers(0, width)
        paper[y : y + rng.integers(1, 60), x : x + rng.integers(1, 90)] = rng.integers(
            0, 256, shape[2:]
        )
    return np.clip(paper, 0, 255).astype(np.uint8)


def differing(one, other):
    """Names of what two maps differ in."""
    return [
        field.name
        for field in fields(ink.InkMap)
        if not np.array_equal(getattr(one, field.name), getattr(other, field.name))
    ]


@pytest.mark.parametrize("colour", [False, True])
def test_maps_of_any_size_equal_the_twin(slot, colour):
    for seed, (height, width) in enumerate(SIZES):
        raster = Raster(page(height, width, colour, seed), 150)
        assert differing(ink_map(raster, slot), ink.ink_map(raster)) == [], (height, width)


@pytest.mark.parametrize("colour", [False, True])
@pytest.mark.parametrize("dpi", [100, 300, 450, 600, 1200])
def test_pages_of_any_resolution_equal_the_twin(slot, dpi, colour):
    for seed, (height, width) in enumerate([(3, 4), (70, 67), (131, 113)]):
        raster = Raster(page(height, width, colour, seed), dpi)
        assert differing(ink_map(raster, slot), ink.ink_map(raster)) == [], (height, width)


@pytest.mark.parametrize("height", [160, 330])
@pytest.mark.parametrize("seed", range(3))
def test_pages_of_many_cells_equal_the_slow_answer(forward_slot, height, seed):
    pixels = page(height, 355, True, seed)
    found = ink_map(Raster(pixels, 150), forward_slot)
    even = reference.balanced(reference.reduced(pixels, 1))
    dark = even.min(axis=2)
    levels = reference.cell_medians(dark, 32)
    local = reference.between_centres(reference.held(levels), dark.shape, 32)
    assert np.array_equal(found.dark, dark)
    assert np.array_equal(found.spread, np.ptp(even, axis=2))
    assert np.array_equal(found.levels, levels)
    assert np.array_equal(found.ink, np.maximum(local - dark, 0))
    assert found.noise == reference.noise(local - dark, 32)
    assert found.paper == reference.of_the_page(levels)


def with_bed():
    """Gray paper between two strips of a lighter bed, and a dark corner."""
    pixels = np.full((300, 340), 180, np.uint8)
    pixels[:, :50] = pixels[:, 310:] = 250
    pixels[:60, :80] = 20
    return pixels


def nearly_black():
    """Black where the sample of the paper looks, but for a mark of some colour."""
    pixels = np.zeros((100, 100, 3), np.uint8)
    pixels[5:9, 5:9] = 200, 100, 50
    return pixels


def noisy():
    """Paper so rough that hardly any deviation is small."""
    return np.random.default_rng(3).integers(0, 256, (200, 190, 3)).astype(np.uint8)


@pytest.mark.parametrize(
    "pixels",
    [
        with_bed(),
        nearly_black(),
        noisy(),
        np.zeros((170, 170), np.uint8),
        np.full((170, 170, 3), 255, np.uint8),
        np.full((70, 70, 3), (0, 10, 255), np.uint8),  # as far from neutral as gains reach
        np.indices((96, 96)).sum(axis=0).astype(np.uint8) % 2 * 255,  # no small deviation at all
    ],
    ids=["bed", "nearly black", "noisy", "black", "white", "coloured", "chequered"],
)
def test_odd_pages_equal_the_twin(slot, pixels):
    raster = Raster(np.ascontiguousarray(pixels), 150)
    assert differing(ink_map(raster, slot), ink.ink_map(raster)) == []


def test_noise_above_the_least_equals_the_twin(forward_slot):
    rng = np.random.default_rng(4)
    for deviation in (1, 3, 6):
        pixels = np.clip(rng.normal(200, deviation, (230, 260)), 0, 255).astype(np.uint8)
        found = ink_map(Raster(pixels, 150), forward_slot)
        assert differing(found, ink.ink_map(Raster(pixels, 150))) == []
        assert found.noise == pytest.approx(deviation * 256, rel=0.3)


def test_a_slot_carries_nothing_from_one_map_to_the_next(slot):
    for seed, (height, width, colour) in enumerate(
        [(170, 165, True), (90, 95, False), (33, 40, True), (170, 165, False)]
    ):
        slot.begin()
        raster = Raster(page(height, width, colour, seed), 150)
        assert differing(ink_map(raster, slot), ink.ink_map(raster)) == []


def test_a_page_that_lies_on_the_card_is_not_uploaded_again(forward_slot):
    raster = Raster(page(40, 41, True, 1), 150)
    with forward_slot.turn():
        placed = forward_slot.lay(raster)
    ink_map(raster, forward_slot)
    assert forward_slot.lay(raster) is placed
