"""The edges of a sheet and what lies outside: each loop equals the slow answer."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernels.buffers import Buffers
from kernels.crop import bed, line, outside, sides, surface
from kernels.crop.outside import Region
from kernels.crop.views import are_within, total, views
from tests import reference_crop as reference


@given(height=st.integers(1, 30), width=st.integers(1, 40), step=st.integers(1, 5))
def test_each_view_is_rows_of_the_image_turned_by_a_quarter_more(height, width, step):
    image = np.random.default_rng(height).integers(0, 256, (height, width), np.uint8)
    for turn, view in enumerate(views(image, step, Buffers())):
        assert np.array_equal(_rows(view), np.rot90(image, turn)[view.at])
        assert np.array_equal(np.diff(view.at), np.full(view.at.size - 1, step))


def _rows(view):
    origin, down, across, depth = view.place
    return view.flat[origin + down * np.arange(view.at.size)[:, None] + across * np.arange(depth)]


@given(
    height=st.integers(1, 30),
    width=st.integers(1, 240),
    turn=st.sampled_from((0, 0, 1, 2, 3)),
    run=st.integers(1, 5),
    dirt=st.sampled_from((0.0, 0.0, 0.02, 0.3)),
    slope=st.sampled_from((0.02, 0.05, 0.08)),
)
def test_where_the_bed_ends_equals_the_slow_answer(height, width, turn, run, dirt, slope):
    rng = np.random.default_rng(height * width)
    gray = np.clip(rng.normal(29 + np.arange(width) * slope, 0.7, (height, width)), 0, 255)
    gray[rng.random((height, width)) < dirt] = 200
    gray[:, width * 3 // 4 :] = 238
    view = views(gray.astype(np.uint8), 3, Buffers())[turn]
    ends = np.empty(view.at.size, np.int32)
    bed.bed_ends(view.flat, view.place, (30, 3), run, ends)
    assert np.array_equal(ends, reference.bed_ends(_rows(view), 30, 3, run))


@given(seed=st.integers(0, 1000), count=st.integers(2, 60))
def test_the_line_with_most_votes_equals_the_slow_answer(seed, count):
    rng = np.random.default_rng(seed)
    rows = np.sort(rng.choice(400, count, replace=False)).astype(np.int64)
    ends = rng.integers(0, 300, count).astype(np.int32)
    slopes = np.linspace(-0.02, 0.03, 7)
    votes, offset, slope = line.voted(rows, ends, slopes, 3.0)
    assert votes == reference.line_votes(rows, ends, slopes, 3.0)
    near = np.abs(ends - offset - slope * rows) <= 3.0
    assert near.sum() >= 0.6 * votes


def test_of_two_lines_the_outer_one_is_meant_if_it_has_most_of_the_votes():
    rows = np.arange(100, dtype=np.int64)
    ends = np.where(rows % 5 < 2, 40, 90).astype(np.int32)
    assert line.voted(rows, ends, np.zeros(1), 2.0)[1] == pytest.approx(40, abs=2)
    ends = np.where(rows % 5 < 1, 40, 90).astype(np.int32)
    assert line.voted(rows, ends, np.zeros(1), 2.0)[1] == pytest.approx(90, abs=2)


@given(seed=st.integers(0, 1000), count=st.integers(3, 60))
def test_the_line_of_least_squares_equals_polyfit(seed, count):
    rng = np.random.default_rng(seed)
    rows = np.sort(rng.choice(400, count, replace=False)).astype(np.int64)
    ends = (50 + rows // 50 + rng.integers(-2, 3, count)).astype(np.int32)
    found, offset, slope = line.drawn(rows, ends, (52.0, 0.02), 20.0)
    wanted = np.polyfit(rows, ends, 1)
    assert found == count
    assert (slope, offset) == pytest.approx(tuple(wanted), abs=1e-6)


@given(seed=st.integers(0, 1000), turn=st.integers(0, 3))
def test_levels_behind_and_before_an_edge_equal_the_slow_answer(seed, turn):
    rng = np.random.default_rng(seed)
    gray = rng.integers(0, 256, (30, 40), np.uint8)
    view = views(gray, 3, Buffers())[turn]
    ends = rng.integers(0, view.depth + 1, view.at.size).astype(np.int32)
    line = 15.0, 0.1, 9.0
    level = sides.behind(view.flat, view.place, (view.at, ends), line, (2, 6))
    sums = np.zeros((9, 2), np.int64)
    sides.before(view.flat, view.place, (view.at, ends), line, (120, 70), sums)
    seen = np.rot90(gray, turn)
    counts = reference.levels_behind(seen, view.at, ends, line, (2, 6))
    sorted_levels = np.repeat(np.arange(256), counts)
    middle = (sorted_levels.size + 1) // 2 - 1
    assert level == (sorted_levels[middle] if sorted_levels.size else -1)
    wanted = reference.levels_before(seen, view.at, ends, line, (120, 70), 9)
    assert np.array_equal(sums, wanted)


@given(seed=st.integers(0, 1000))
def test_the_points_where_the_bed_ends_equal_the_slow_answer(seed):
    rng = np.random.default_rng(seed)
    at, ends = 3 * np.arange(50), rng.integers(0, 40, 50).astype(np.int32)
    points = np.full(50, -1), np.full(50, -1, np.int32)
    rows, count = sides.met(at, ends, (2.0, 30.5), points)
    inside = ends < 30.5
    seen = inside & (ends > 2)
    assert (rows, count) == (inside.sum(), seen.sum())
    assert np.array_equal(points[0][:count], at[seen])
    assert np.array_equal(points[1][:count], ends[seen])


@settings(max_examples=30)
@given(seed=st.integers(0, 1000), deep=st.integers(2, 6))
def test_the_levels_of_the_border_equal_the_slow_answer(seed, deep):
    rng = np.random.default_rng(seed)
    height, width = rng.integers(4 * deep, 50, 2)
    half = rng.integers(0, 256, (height, width), np.uint8)
    counts = np.zeros(256, np.int64)
    bed.count_border(half, deep, counts)
    lines = half[1:deep, ::2], half[-deep:-1, ::2], half[::2, 1:deep], half[::2, -deep:-1]
    wanted = np.concatenate([one.ravel() for one in lines])
    assert np.array_equal(counts, np.bincount(wanted, minlength=256))


@settings(max_examples=30)
@given(
    box=st.tuples(*[st.integers(0, 40)] * 2, *[st.integers(3, 40)] * 2),
    degrees=st.sampled_from((0.0, 1.0, -3.0, 9.0)),
    side=st.integers(1, 5),
)
def test_what_lies_outside_of_a_box_equals_the_slow_answer(box, degrees, side):
    rng = np.random.default_rng(side)
    box = box[0] + 0.3, box[1] + 0.3, box[0] + box[2] + 0.7, box[1] + box[3] + 0.7
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    rows = Region(cos, sin, box).rows((61, 74))
    inside = reference.turned_inside((61, 74), cos, sin, box)
    columns = np.arange(37)
    assert np.array_equal((columns >= rows[:, :1]) & (columns < rows[:, 1:]), inside)
    half = rng.choice((20, 30, 39, 60), (30, 37)).astype(np.uint8)
    blocks = np.zeros((-(-30 // side), -(-37 // side)), np.uint8)
    total = outside.strange(half, rows, (30, 9), side, blocks)
    wanted = reference.strange_blocks(half, inside, 30, 9, side)
    assert np.array_equal(blocks, wanted)
    assert total == wanted.sum()
    cells = rng.integers(0, 100, (2, 3, 2)).astype(np.uint8)
    assert outside.tinted(cells, rows, 48) == reference.tinted_cells(
        cells, rows[:, 0], rows[:, 1], 48
    )


@given(level=st.integers(0, 255), low=st.integers(0, 255), high=st.integers(0, 255))
def test_thirty_two_samples_are_within_limits_or_not(level, low, high):
    flat = np.full(70, 7, np.uint8)
    flat[20:52] = np.random.default_rng(level).integers(max(level - 3, 0), level + 1, 32)
    assert are_within(flat, 20, low, high) == ((flat[20:52] >= low) & (flat[20:52] <= high)).all()
    assert total(flat, 20) == int(flat[20:52].sum())


@given(height=st.integers(8, 40), width=st.integers(8, 40), side=st.integers(2, 5))
def test_levels_and_grain_of_blocks_equal_the_slow_answer(height, width, side):
    rng = np.random.default_rng(height * width)
    half = rng.integers(0, 256, (height, width), np.uint8)
    kept = Region(1.0, 0.0, (20.3, 20.3, width + 9.7, height + 9.7)).rows((2 * height, 2 * width))
    near = Region(1.0, 0.0, (9.3, 9.3, width + 19.7, height + 19.7)).rows((2 * height, 2 * width))
    rows = np.hstack((kept, near))
    sums = np.zeros((2, height // side, width // side), np.int64)
    surface.blocks(half, rows, side, 1, sums)
    assert np.array_equal(sums, reference.bed_blocks(half, rows, side, 1))
