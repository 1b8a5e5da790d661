"""The skew on the card is that of the CPU, by `==`: number by number, and every value it trusts."""

import math
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks.drawn.pages import KINDS, Press
from kernels import first_pass, rotate
from kernels import skew as twin
from kernels.buffers import Buffers
from kernels.cuda import first_pass as reading
from kernels.cuda import skew, skew_energies
from kernels.cuda.skew import Inked
from kernels.cuda.skew_energies import Strips
from kernels.raster import Raster
from kernels.skew import curve, shears, trust
from tests import reference

pytestmark = pytest.mark.cxx

SOURCES = Path(skew.__file__).parent
MOST = 3072
ZEROS = 30_001  # more than there are threads where strips are few


def random_strips(count, lines, seed):
    return np.random.default_rng(seed).integers(0, MOST + 1, (count, lines)).astype(np.uint16)


def laid(name, strips, slot):
    there = slot.there(name, strips.nbytes)
    slot.stream.upload(there, strips)
    return Strips(there, *strips.shape)


def fetched(there, shape, kind, slot):
    """What lies on the card once all that was asked for is done."""
    here = np.empty(shape, kind)
    slot.stream.download(here, there)
    slot.stream.wait()
    return here


# Energies


def of_cpu(strips, sheared, parts):
    room = shears.Room(Buffers(), "strips", int(np.abs(sheared).max()))
    return shears.energies(shears.padded(strips, MOST, room), sheared, parts)


def of_card(both, sheared, parts, halves, slot):
    with slot.turn():
        return energies_of(both, sheared, parts, halves, slot)


def energies_of(both, sheared, parts, halves, slot):
    strips = tuple(laid(f"way {way}", one, slot) for way, one in enumerate(both))
    there = slot.there("shears", 4 * len(sheared))
    here = sheared.astype(np.int32)
    slot.stream.upload(there, here)
    shape = halves, 2, parts, len(sheared)
    size_bytes = 8 * math.prod(shape)
    wanted = skew_energies.Sheared(strips, there, len(sheared), parts, halves)
    zeros = skew_energies.Zeros(slot.there("energies", size_bytes), size_bytes // 8)
    slot.stream.clear(zeros.memory, size_bytes)
    skew_energies.add_energies(wanted, zeros.at(0), slot)
    return fetched(zeros.memory, shape, np.int64, slot)


@pytest.mark.parametrize("parts", [1, 8, 64])
@pytest.mark.parametrize(
    ("rows", "columns"),
    [
        ((1, 2), (3, 31)),
        ((4, 32), (5, 33)),
        ((16, 249), (9, 250)),
        ((2, 65), (40, 505)),
        ((18, 64), (17, 64)),  # all lines of a warp lie in the strips but the one before them
        ((16, 127), (33, 127)),  # or the one after them
    ],
)
def test_energies_are_those_of_the_cpu(rows, columns, parts, slot):
    both = random_strips(*rows, 1), random_strips(*columns, 2)
    sheared = np.array([0, 1, -32_768, 65_536, -384_000, 381_111, 12_345], np.int64)
    found = of_card(both, sheared, parts, 1, slot)[0]
    assert np.array_equal(found[0], of_cpu(both[0], sheared, parts))
    assert np.array_equal(found[1], of_cpu(both[1], -sheared, parts))
    assert np.array_equal(found[1], reference.energies(both[1], -sheared, parts))


def test_full_strips_jump_by_more_than_32_bits_hold(slot):
    full = np.zeros((300, 70), np.uint16)
    full[:, 35:] = 65_535
    found = of_card((full, full), np.array([0]), 1, 1, slot)
    assert found.tolist() == [[[[(300 * 65_535) ** 2]], [[(300 * 65_535) ** 2]]]]


def test_the_halves_of_a_page_are_measured_each_alone(slot):
    both = random_strips(7, 140, 3), random_strips(4, 99, 4)
    sheared = np.array([-200_000, 0, 65_536], np.int64)
    found = of_card(both, sheared, 8, 2, slot)
    for way, sign in ((0, 1), (1, -1)):
        middle = len(both[way]) // 2
        for half, strips in enumerate((both[way][:middle], both[way][middle:])):
            assert np.array_equal(found[half, way], of_cpu(strips, sign * sheared, 8))


# Streaks and pools


def made_ready(rows, columns, widths, slot):
    """Bits of streaks, the columns without them, rows and columns pooled."""
    with slot.turn():
        return ready(rows, columns, widths, slot)


def ready(rows, columns, widths, slot):
    dpi, by = widths
    height, width = rows.shape[1], columns.shape[1]
    levels = np.array([200, 240, 40], np.int32)
    there = slot.there("levels", levels.nbytes)
    slot.stream.upload(there, levels)
    inked = Inked(laid("rows", rows, slot), laid("columns", columns, slot), there, 8)
    dirty = slot.there("dirty", 4 * (-(-width // 32)))
    clean = skew.without_streaks(inked, dpi, dirty, slot)
    zeros = skew_energies.Zeros(slot.there("energies", 8 * ZEROS + 8), ZEROS)
    ones = np.full(ZEROS + 1, -1)
    slot.stream.upload(zeros.memory, ones)
    widths = twin.streak_width_px(dpi), by
    small = skew.pooled((inked.rows, clean), dirty, widths, zeros, slot)
    written = fetched(zeros.memory, (ZEROS + 1,), np.int64, slot)
    assert written.tolist() == [0] * ZEROS + [-1]
    assert np.array_equal(fetched(inked.columns.memory, columns.shape, np.uint16, slot), columns)
    return (
        skew.first_columns(fetched(dirty, (4 * (-(-width // 32)),), np.uint8, slot)).tolist(),
        fetched(clean.memory, columns.shape, np.uint16, slot),
        fetched(small[0].memory, (len(rows), height // by), np.uint16, slot),
        fetched(small[1].memory, (len(columns), width // by), np.uint16, slot),
    )


def means(strips, by):
    lines = strips.shape[1] // by
    return strips[:, : lines * by].reshape(len(strips), lines, by).astype(int).sum(axis=2) // by


@pytest.mark.parametrize(
    ("count", "width", "dpi", "dirt"),
    [
        (16, 128, 300, ()),
        (16, 129, 300, (8, 64, 119)),
        (5, 161, 75, (5, 31, 32, 154)),
        (9, 200, 150, (40, 48, 100, 108)),  # one fills what fills the next
        (131, 64, 300, (30,)),
    ],
)
@pytest.mark.parametrize("by", [2, 4])
def test_streaks_are_filled_and_lines_pooled_as_in_the_slow_answer(
    count, width, dpi, dirt, by, slot
):
    rng = np.random.default_rng(count * width)
    columns = rng.integers(0, 22, (count, width)).astype(np.uint16)
    for x in dirt:
        columns[:, x : x + 2] += rng.integers(10, 200, (count, 1)).astype(np.uint16)
    rows = random_strips(3, 133, 5)
    expected, firsts = reference.without_streaks(columns, 8 * 40 // 16, twin.streak_width_px(dpi))
    assert bool(firsts) == bool(dirt)
    found = made_ready(rows, columns, (dpi, by), slot)
    assert found[0] == firsts
    for one, wanted in zip(
        found[1:], (expected, means(rows, by), means(expected, by)), strict=True
    ):
        assert np.array_equal(one, wanted)


def test_just_not_enough_ink_is_no_streak(forward_slot):
    columns = np.zeros((6, 200), np.uint16)
    columns[:, 20] = columns[:4, 60] = columns[:3, 100] = columns[:, 140] = columns[:, 180] = 20
    columns[:2, [20 - 8, 140 + 8]] = 20  # a third, on one side or the other
    columns[0, 180 + 8] = columns[:, 30] = 19
    expected, firsts = reference.without_streaks(columns, 20, 8)
    found = made_ready(columns, columns, (300, 2), forward_slot)
    assert found[0] == firsts == [60, 180]
    assert np.array_equal(found[1], expected)


# Whole pages


def text(height, width, seed, angle_microdeg=0, colour=False):
    """Words on lines, as marks of ink on gray paper."""
    rng = np.random.default_rng(seed)
    page = np.full((height, width), 240, np.uint8)
    for top in range(height // 12, height - height // 12, 24):
        marks = rng.integers(0, 2, (1, width * 5 // 6 // 9), dtype=np.uint8) * 190
        page[top : top + 9, width // 12 :][:, : marks.size * 9] -= np.kron(
            marks, np.ones((9, 9), np.uint8)
        )
    if colour:
        page = np.dstack((page, page, np.minimum(page, 230)))
    return rotate.rotate(Raster(page, 300), angle_microdeg, 240).pixels.copy()


def streaked():
    page = text(700, 500, 8, 3_000_000)
    page[:, 57:60] = 60
    page[:, 430:432] = 40
    return page


def two_columns_that_lean():
    return np.hstack((text(600, 400, 9, 400_000), text(600, 401, 10, -300_000)))


def noise(height, width, levels=256):
    return np.random.default_rng(11).integers(0, levels, (height, width)).astype(np.uint8)


PAGES = {
    "text": lambda: text(700, 500, 1, -2_340_000),
    "text in colour on a broad page": lambda: text(500, 701, 2, 1_230_000, colour=True),
    "text near the last angle": lambda: text(640, 480, 3, 9_950_000),
    "text beyond the last angle": lambda: text(640, 480, 4, -10_400_000),
    "text at the other end": lambda: text(480, 640, 5, -10_000_000),
    "streaks": streaked,
    "two columns that lean": two_columns_that_lean,
    "the least size": lambda: text(128, 128, 6),
    "a narrow page": lambda: text(1101, 129, 7, 500_000),  # strips of 16
    "noise": lambda: noise(333, 222),
    "faint noise": lambda: 250 + noise(200, 301, 4),
    "white": lambda: np.full((200, 150), 255, np.uint8),
    "black": lambda: np.zeros((150, 200), np.uint8),
    "an edge": lambda: np.repeat(np.uint8([10, 240]), 100 * 190).reshape(200, 190),
}


def first_of(pixels):
    return first_pass.first_pass(Raster(pixels, 300))


def test_the_estimate_is_that_of_the_cpu_page_after_page(slot):
    for name, made in PAGES.items():
        first = first_of(made())
        assert (name, skew.estimate(first, 300, slot)) == (name, twin.estimate(first, 300))


def test_at_few_dpi_a_streak_is_narrower(forward_slot):
    first = first_of(streaked())
    found = skew.estimate(first, 75, forward_slot)
    assert found == twin.estimate(first, 75)
    assert found.streaks_px


def test_what_is_on_the_pages_is_seen():
    """So that the test above compares more than nothings."""
    found = {name: twin.estimate(first_of(made()), 300) for name, made in PAGES.items()}
    assert found["text"].trusted
    assert found["text at the other end"].angle_microdeg == pytest.approx(-10_000_000, abs=5e4)
    assert len(found["streaks"].streaks_px) >= 2
    assert found["two columns that lean"].values["halves_off"] > 0.05
    assert {one.trusted for one in found.values()} == {True, False}


@pytest.mark.parametrize(
    ("seed", "kind"), [(3, "columns"), (4, "vertical"), (3, "card_copy"), (3, "last_page")]
)
def test_the_estimate_of_a_drawn_page_is_that_of_the_cpu(seed, kind, forward_slot):
    page = Press(seed, installed=False, dpis=(150,)).page(KINDS.index(kind), kind)
    first = first_pass.first_pass(Raster(page.pixels, page.dpi))
    assert skew.estimate(first, page.dpi, forward_slot) == twin.estimate(first, page.dpi)


def test_the_estimate_of_an_a4_page_at_300_dpi_is_that_of_the_cpu(forward_slot):
    first = first_of(text(3508, 2480, 12, 1_870_000))
    found = skew.estimate(first, 300, forward_slot)
    assert found.trusted
    assert found == twin.estimate(first, 300)


# The angle on the card


@pytest.mark.parametrize("name", ["text", "text in colour on a broad page"])
def test_a_page_that_was_read_on_the_card_has_the_same_skew(name, slot):
    raster = Raster(PAGES[name](), 300)
    with slot.turn():
        read = reading.enqueue(slot.lay(raster), slot)
        found = skew.download(skew.enqueue(read, 300, slot), slot)
    assert found() == twin.estimate(first_pass.first_pass(raster), 300)


def seen_on_cpu(first):
    """Every number, before it is rounded for the record."""
    strip, most = first.strip_px, first.strip_px * first.ink_clamp
    buffers = Buffers()
    page = strip, most, twin.pool_of(strip)
    laid_out = curve.places(first.rows, first.columns, page, buffers)
    rooms = shears.sums_of(laid_out.rows, buffers), shears.sums_of(laid_out.columns, buffers)
    streak = most // 16, twin.streak_width_px(300)
    seen, _ = curve.measure((first.rows, first.columns), laid_out, rooms, streak)
    return seen


def test_every_double_is_that_of_the_cpu(forward_slot):
    for name, made in PAGES.items():
        first = first_of(made())
        coarse, at_the_end, alone, bands, support, halves_off = seen_on_cpu(first)
        expected = [coarse, at_the_end, alone, bands, *support, halves_off]
        with forward_slot.turn():
            found = there_of(first, forward_slot)
            numbers = fetched(found.seen, (len(expected),), np.float64, forward_slot)
        assert (name, numbers.tolist()) == (name, expected)


def there_of(first, slot):
    height, width = first.luma.shape
    levels = np.array([first.threshold, first.paper, first.ink_clamp], np.int32)
    there = slot.there("levels", levels.nbytes)
    slot.stream.upload(there, levels)
    strips = laid("rows", first.rows, slot), laid("columns", first.columns, slot)
    inked = Inked(
        replace(strips[0], lines=height), replace(strips[1], lines=width), there, first.strip_px
    )
    return skew.measured(inked, 300, slot)


def on_card(first, slot):
    with slot.turn():
        found = there_of(first, slot)
        said = skew.download(found, slot)
        angle, turn = (fetched(one, (1,), np.int32, slot)[0] for one in (found.angle, found.turn))
    return said(), angle, turn


def test_the_angle_lies_on_the_card_for_the_next_kernel(forward_slot):
    for name in ("text", "text beyond the last angle", "noise"):
        said, angle, turn = on_card(first_of(PAGES[name]()), forward_slot)
        assert angle == said.angle_microdeg != 0
        assert turn == -angle


@pytest.mark.parametrize("shape", [(1, 1), (127, 400), (300, 127), (3, 200)])
def test_a_page_that_is_too_small_has_no_angle(shape, forward_slot):
    first = first_of(noise(*shape))
    assert on_card(first, forward_slot) == (twin.estimate(first, 300), 0, 0)
    assert skew.estimate(first, 300, forward_slot) == twin.estimate(first, 300)


# What is written down twice


def test_the_constants_are_the_twin_s():
    text = "".join(path.read_text() for path in sorted(SOURCES.glob("skew*.cuh")))
    said = dict(re.findall(r"^#define (\w+) ([\d.e+-]+)", text, re.MULTILINE))
    for name, value in {
        "SKEW_BANDS": curve.BANDS,
        "SKEW_SLICES": trust.SLICES,
        "SKEW_TINY": trust.TINY,
        "COARSE_STEP_MICRODEG": curve.COARSE_STEP_MICRODEG,
        "COARSE_HALF": curve.COARSE_HALF,
        "FINE_STEP_MICRODEG": curve.FINE_STEP_MICRODEG,
        "FINE_HALF": curve.FINE_HALF,
        "HALVES_HALF": curve.HALVES_HALF,
        "FAR_STEPS": curve.FAR_STEPS,
        "MOST_ALONE": curve.MOST_ALONE,
        "VERTEX_WINDOW": trust.WINDOW,
        "LEAST_SAY": trust.LEAST_SAY,
        "STREAK_REACH": twin.streak_width_px(10_000),
    }.items():
        assert (name, float(said[name])) == (name, value)
