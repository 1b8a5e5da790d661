"""Skew: right where it is trusted, and not trusted where it is wrong."""

import csv

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernels import first_pass, rotate, skew
from kernels.buffers import Buffers
from kernels.raster import Raster, empty
from kernels.skew import curve, shears, streaks, trust
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
    assert len(errors) >= 9  # of 18: the others are photographs, writing, seals, next to nothing
    assert np.mean(errors) < 0.02


def test_a_corrected_page_is_straight(shared_data):
    page = load(shared_data / "pages" / "063_form.jpg")
    turned = rotate.rotate(page, -estimate(page).angle_microdeg)
    assert abs(estimate(turned).angle_microdeg) < 30_000


@pytest.mark.parametrize(
    "name", ["leptonica__feyn.tif", "leptonica__lucasta.150.jpg", "leptonica__patent.png"]
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


def drawn(height, width, seed, angle_microdeg=0):
    """Words on lines, as marks of ink on gray paper."""
    rng = np.random.default_rng(seed)
    page = np.full((height, width), 240, np.uint8)
    for top in range(height // 12, height - height // 12, 24):
        marks = rng.integers(0, 2, (1, width * 5 // 6 // 9), dtype=np.uint8) * 190
        page[top : top + 9, width // 12 :][:, : marks.size * 9] -= np.kron(
            marks, np.ones((9, 9), np.uint8)
        )
    return rotate.rotate(Raster(page, 300), angle_microdeg, 240)


@pytest.mark.parametrize(
    ("height", "width", "angle_microdeg"),
    [
        (1000, 700, -2_340_000),  # strips of 8
        (700, 1500, 9_950_000),  # of 16; near the last angle
        (2400, 1000, 180_000),  # of 32
        (2300, 900, -10_400_000),  # beyond the last angle
    ],
)
def test_the_estimate_equals_the_slow_answer(height, width, angle_microdeg):
    first = first_pass.first_pass(drawn(height, width, 7, angle_microdeg))
    found = skew.estimate(first, 300)
    rows, columns = first.rows.astype(int), first.columns.astype(int)
    clockwise_deg, *values = reference.skew(rows, columns, first.strip_px)
    assert found.streaks_px == ()
    assert abs(found.angle_microdeg + 1e6 * clockwise_deg) <= 1
    assert list(found.values.values())[:3] == pytest.approx(values, abs=1e-4)


def test_shears_are_the_rounded_tangents():
    for scale in (32, 16, 8, 4):
        for middle in range(-10_000_000, 10_000_001, 250_000):
            degrees = (middle + np.arange(-20, 21) * 20_000) / 1e6
            expected = np.round(np.tan(np.radians(degrees)) * scale * 65_536)
            assert np.array_equal(curve.steps_of(middle, 20_000, 20, float(scale)), expected)


@given(st.lists(st.integers(0, 10**6), min_size=41, max_size=41))
def test_the_vertex_is_that_of_the_least_squares_parabola(values):
    curve = np.sqrt(np.array(values, float))
    top = int(np.convolve(curve, np.ones(5), "valid").argmax()) + 2
    near = np.arange(max(0, top - 5), min(40, top + 5) + 1)
    a, b, _ = np.polyfit(near - top, curve[near], 2)
    if abs(a) > 1e-9:
        shift = np.clip(-b / (2 * a), -5, 5) if a < 0 else 0
        assert trust.vertex(curve) == pytest.approx(top + shift, abs=1e-6)


@given(
    count=st.integers(0, 12),
    width=st.integers(1, 200),
    dirt=st.lists(st.integers(0, 199), max_size=3),
    seed=st.integers(0, 1000),
)
def test_streaks_are_taken_away_as_in_the_slow_answer(count, width, dirt, seed):
    rng = np.random.default_rng(seed)
    columns = rng.integers(0, 40, (count, width)).astype(np.uint16)
    for x in dirt:
        columns[:, x : x + 3] += rng.integers(0, 200, (count, 1)).astype(np.uint16)
    strips = shears.padded(columns, 1000, shears.Room(Buffers(), "columns", 0))
    clean, found = reference.without_streaks(columns, 8 * 40 // 16, 8)
    assert list(streaks.take_out(strips, 8 * 40 // 16, 8)) == found
    assert np.array_equal(strips.inner, clean)


def test_the_first_pass_is_left_as_it_was():
    page = drawn(1000, 700, 1)
    page.pixels[:, 20:23] = 60
    first = first_pass.first_pass(page)
    columns = first.columns.copy()
    assert skew.estimate(first, 300).streaks_px
    assert np.array_equal(first.columns, columns)


def test_the_worker_s_buffers_carry_nothing_from_one_page_to_the_next():
    buffers = Buffers()
    firsts = [
        first_pass.first_pass(drawn(*page))
        for page in ((2300, 900, 1, 500_000), (1000, 700, 2, -500_000), (2300, 900, 3, 0))
    ]
    alone = [skew.estimate(first, 300) for first in firsts]
    assert [skew.estimate(first, 300, buffers) for first in firsts] == alone
    assert all(one.trusted for one in alone)
