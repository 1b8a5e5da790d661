"""What is not paper: left out where geometry proves it, and nowhere else."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernels.blank import bed, ink
from kernels.raster import Raster
from tests import reference

DPI = 150
H, W = 900, 640


def paper():
    rng = np.random.default_rng(5)
    return np.clip(rng.normal(238, 1.5, (H, W, 3)), 0, 255).astype(np.uint8)


def exclude(pixels):
    return bed.exclude(ink.ink_map(Raster(pixels, DPI)))


@given(
    height=st.integers(1, 40),
    width=st.integers(1, 75),
    coloured=st.integers(0, 256),
    seed=st.integers(0, 1000),
)
def test_the_brightest_of_a_block_equals_the_slow_answer(height, width, coloured, seed):
    dark, spread = np.random.default_rng(seed).integers(0, 256, (2, height, width), np.uint8)
    found = np.empty((-(-height // bed._BLOCK_PX), -(-width // bed._BLOCK_PX)), np.uint8)
    bed._brightest((dark.reshape(-1), spread.reshape(-1)), (height, width), coloured, found)
    assert np.array_equal(found, reference.brightest(dark, spread, coloured, bed._BLOCK_PX))


def test_plain_paper_is_all_judged():
    found = exclude(paper())
    assert not found.mask.any()
    assert (found.bed_fraction, found.edges, found.streaks_px) == (0.0, 0, ())


def test_a_dark_bed_is_left_out_and_little_of_the_paper_with_it():
    pixels = paper()
    pixels[:, :60] = 35
    found = exclude(pixels)
    assert found.mask[:, :60].all()
    assert not found.mask[:, 60 + 12 :].any()  # 2 mm
    assert found.bed_fraction == pytest.approx(60 / W, abs=0.02)


def test_dark_ink_that_touches_no_border_is_judged():
    pixels = paper()
    pixels[300:500, 200:400] = 35
    assert not exclude(pixels).mask.any()


def test_dark_colour_at_the_border_is_judged():
    pixels = paper()
    pixels[300:500, :200] = (30, 20, 120)
    assert not exclude(pixels).mask[300:500, :200].any()


def test_a_dark_picture_at_the_border_is_judged():
    pixels = paper()
    tones = np.random.default_rng(1).integers(0, 90, (10, 10)).astype(np.uint8)
    pixels[300:500, :200] = np.kron(tones, np.ones((20, 20), np.uint8))[..., None]
    assert not exclude(pixels).mask[300:500, :200].any()


def on_a_light_bed():
    """A sheet whose left edge runs down from 50 to 70 px; a shadow lies along it."""
    pixels = paper()
    for y in range(H):
        edge = 50 + y * 20 // H
        pixels[y, :edge] += np.uint8(8)
        pixels[y, edge : edge + 3] -= np.uint8(40)
    return pixels


def test_a_sheet_on_a_light_bed_is_judged_inside_its_edges():
    found = exclude(on_a_light_bed())
    assert found.edges == 1
    assert found.mask[:, :50].all()
    assert not found.mask[:, 85:].any()


def test_a_note_beyond_a_line_says_that_it_is_a_fold_and_no_edge():
    pixels = on_a_light_bed()
    pixels[400:404, 20:32] -= np.uint8(60)
    found = exclude(pixels)
    assert found.edges == 0
    assert not found.mask[380:420, 10:40].any()


def test_a_streak_is_left_out_with_half_a_millimetre_around_it():
    pixels = paper()
    pixels[:, 300:302] -= np.uint8(60)
    found = exclude(pixels)
    assert len(found.streaks_px) == 1
    assert abs(found.streaks_px[0] - 300) <= 2
    assert found.mask[:, 298:304].all()
    assert not found.mask[:, 310:].any()


@pytest.mark.parametrize("gap", [0.1, 0.3])
def test_a_line_with_gaps_is_judged(gap):
    pixels = paper()
    pixels[: int(H * (1 - gap)), 300:302] -= np.uint8(60)
    assert exclude(pixels).streaks_px == ()


def test_a_few_dots_on_one_line_of_a_small_sheet_are_judged():
    pixels = paper()[:300]
    pixels[10::32, 300:304] = 120
    pixels[11::32, 300:304] = 120
    assert exclude(pixels).streaks_px == ()


def test_two_columns_of_text_are_no_streaks():
    pixels = paper()
    for top in range(20, H - 20, 24):
        pixels[top : top + 12, 100:300:2] -= np.uint8(150)
        pixels[top : top + 12, 340:600:2] -= np.uint8(150)
    found = exclude(pixels)
    assert found.streaks_px == ()
    assert not found.mask.any()


def test_a_bed_lighter_than_any_paper_is_left_out():
    pixels = paper() - np.uint8(30)
    pixels[:, :60] = 250
    found = exclude(pixels)
    assert found.mask[:300, :60].all()
    assert not found.mask[:, 60 + 12 :].any()


def test_a_white_label_at_the_border_is_judged():
    pixels = paper() - np.uint8(30)
    pixels[300:500, :160] = 250
    for left in range(10, 140, 24):
        pixels[380:400, left : left + 12] = 90
    assert not exclude(pixels).mask[300:500, :160].any()


def test_a_bed_that_narrows_to_nothing_is_left_out_to_its_tip():
    """Its last columns are no whole block."""
    pixels = np.ascontiguousarray(paper()[:, : W - 1])
    for y in range(H):
        pixels[y, W - 1 - 40 * (H - y) // H :] = 35
    found = exclude(pixels)
    page = ink.ink_map(Raster(pixels, DPI))
    left = (page.ink >= 60) & (found.mask == 0)
    assert left.sum() <= 80
    assert not found.mask[:, : W - 60].any()


def shaded(depth, reach_px):
    """A sheet that rises from the glass along its left side."""
    pixels = paper().astype(np.int64)
    pixels -= np.rint(depth * np.exp(-np.arange(W) / reach_px)).astype(np.int64)[None, :, None]
    return pixels.astype(np.uint8)


def test_the_shadow_of_an_edge_is_left_out_and_what_is_darker_is_judged():
    pixels = shaded(40, 6)
    pixels[300:312, 4:16] -= np.uint8(60)
    found = exclude(pixels)
    page = ink.ink_map(Raster(pixels, DPI))
    clear = found.mask == 0
    clear[295:320] = False
    assert not (page.ink[clear] >= page.threshold).any()
    assert not found.mask[300:312, 4:16].any()


def test_in_a_corner_two_shadows_add_up():
    across = 238 - shaded(45, 6).astype(np.int64)
    pixels = paper().astype(np.int64) - np.maximum(across, 0)
    down = np.rint(50 * np.exp(-np.arange(H) / 5)).astype(np.int64)
    pixels = np.clip(pixels - down[:, None, None], 0, 255).astype(np.uint8)
    found = exclude(pixels)
    page = ink.ink_map(Raster(pixels, DPI))
    assert not (page.ink[(found.mask == 0)] >= 2 * page.threshold).any()


def test_faint_ink_in_a_corner_of_the_sheet_is_not_hidden_by_a_bed_beside_it():
    """The paper's level is what most cells around hold: in a corner most of them are bed."""
    pixels = paper()
    right, bottom = W - 80, H - 90
    pixels[:bottom, right:] = pixels[bottom:] = 30
    mark = np.s_[bottom - 14 : bottom - 8, right - 14 : right - 8]
    pixels[mark] -= np.uint8(22)
    seen, out = bed.take_away(ink.ink_map(Raster(pixels, DPI)))
    assert out.beyond[:bottom, W - 60 :].all()
    assert not out.mask[mark].any()
    assert seen.ink[mark].min() >= 14


def test_a_line_along_the_border_is_no_shadow():
    pixels = paper()
    pixels[100:800, 6:9] -= np.uint8(60)
    assert not exclude(pixels).mask[100:800, 6:9].any()


def test_half_a_seal_at_the_border_is_judged():
    pixels = paper()
    y, x = np.ogrid[:H, :W]
    reach = np.hypot(y - 400, x + 40)
    pixels[(reach > 110) & (reach < 118)] = (190, 180, 235)
    found = exclude(pixels)
    assert not found.mask[280:520, :100].any()


def test_a_streak_is_found_among_what_shines_through():
    rng = np.random.default_rng(2)
    pixels = paper()
    for top in range(10, H - 20, 18):
        for left in range(4, W - 30, 26):
            pixels[top : top + 12, left : left + rng.integers(4, 18)] -= np.uint8(12)
    pixels[:, 300:302] -= np.uint8(50)
    assert len(exclude(pixels).streaks_px) == 1
