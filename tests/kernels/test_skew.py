"""Skew: right where it is trusted, and not trusted where it is wrong."""

import csv

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernels import first_pass, rotate, skew
from kernels.raster import Raster, empty
from tests import reference


def load(path):
    pixels = cv2.imread(str(path))
    page = empty(pixels.shape)
    page[...] = pixels
    return Raster(page, 300)


def estimate(page):
    return skew.estimate(first_pass.first_pass(page), page.dpi)


@pytest.fixture(scope="module")
def truth(shared_data):
    folder = shared_data / "pages"
    with (folder / "truth.csv").open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["blank"] == "0"]
    return [(estimate(load(folder / row["file"])), float(row["angle"])) for row in rows]


def test_every_trusted_angle_is_within_a_tenth_of_a_degree(truth):
    wrong = [(s.angle_microdeg / 1e6, true) for s, true in truth if s.trusted]
    assert wrong
    assert [pair for pair in wrong if abs(pair[0] - pair[1]) > 0.1] == []


def test_most_pages_with_text_are_trusted_and_their_mean_error_is_small(truth):
    errors = [abs(s.angle_microdeg / 1e6 - true) for s, true in truth if s.trusted]
    assert len(errors) >= 10
    assert np.mean(errors) < 0.02


def test_a_corrected_page_is_straight(shared_data):
    page = load(shared_data / "pages" / "063_form.jpg")
    turned = rotate.rotate(page, -estimate(page).angle_microdeg)
    assert abs(estimate(turned).angle_microdeg) < 30_000


@pytest.mark.parametrize(
    "name", ["leptonica__feyn.tif", "leptonica__brothers.150.jpg", "leptonica__patent.png"]
)
def test_a_real_scan_gives_the_same_answer_however_it_is_turned(shared_data, name):
    page = load(shared_data / "scans" / name)
    angles = []
    for turn in (0, 2_000_000, -1_500_000):
        found = estimate(rotate.rotate(page, turn) if turn else page)
        if found.trusted:
            angles.append(found.angle_microdeg - turn)
    assert len(angles) >= 2
    assert np.ptp(angles) < 100_000


@pytest.mark.parametrize("shape", [(1, 1), (3, 400), (400, 3), (200, 200), (1000, 700)])
@pytest.mark.parametrize("level", [0, 128, 255])
def test_an_empty_page_has_no_angle(shape, level):
    page = Raster(np.full(shape, level, np.uint8), 300)
    assert not estimate(page).trusted


def test_a_dirty_glass_streak_is_named_and_does_not_tilt_the_page():
    page = np.full((1600, 1200), 245, np.uint8)
    for top in range(100, 1500, 40):
        page[top : top + 14, 100:1100] = (
            np.random.default_rng(top).integers(0, 2, (14, 1000), dtype=np.uint8) * 255
        )
    page = rotate.rotate(Raster(page, 200), 3_000_000, 245).pixels
    page[:, 57:60] = 60
    found = estimate(Raster(page, 200))
    assert found.trusted
    assert abs(found.angle_microdeg - 3_000_000) < 50_000
    assert any(abs(x - 58) <= 3 for x in found.streaks_px)


@given(
    count=st.integers(2, 9),
    lines=st.integers(skew.BANDS + 1, 60),
    halves=st.lists(st.integers(-24, 24), min_size=1, max_size=5),
    seed=st.integers(0, 1000),
)
def test_the_energies_equal_the_slow_answer(count, lines, halves, seed):
    strips = np.random.default_rng(seed).integers(0, 3072, (2, count, lines)).astype(np.int32)
    shears = np.array(halves, np.int64) * 32_768  # so that offsets end in a half as well
    found = skew._energies(strips[0], strips[1], shears)
    assert np.array_equal(found[:, : skew.BANDS], reference.energies(strips[0], shears, skew.BANDS))
    assert np.array_equal(
        found[:, skew.BANDS :], reference.energies(strips[1], -shears, skew.BANDS)
    )
