"""Show-through: found where the other side has ink, taken off no further than that explains."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernels.blank import register, shine, soften
from kernels.blank.ink import ink_map
from kernels.buffers import Buffers
from kernels.raster import Raster, empty
from tests import reference

DPI = 150
H, W = 420, 560


def slack(array):
    out = empty(array.shape)
    out[:] = array
    return out


def blots(rng, height=H, width=W, many=120):
    """Ink of the other side: bars of a millimetre here and there."""
    ink = np.zeros((height, width), np.uint8)
    for _ in range(many):
        y, x = rng.integers(20, height - 30), rng.integers(20, width - 40)
        ink[y : y + rng.integers(3, 8), x : x + rng.integers(3, 30)] = 200
    return ink


def page_of(ink, noise=1.0, seed=0):
    rng = np.random.default_rng(seed)
    return np.clip(np.rint(238 - ink + rng.normal(0, noise, ink.shape)), 0, 255).astype(np.uint8)


def sheet(seed, share=0.12, shift=(5, -8), deviation=1.7, content=None):
    """The two sides of a sheet: what shines through of the back, and the back itself."""
    rng = np.random.default_rng(seed)
    behind = blots(rng)
    soft = reference.softened(np.pad(behind, 20), soften.TAPS[deviation])[20:-20, 20:-20]
    through = share * np.roll(soft[:, ::-1], shift, (0, 1))
    if content is not None:
        through = through + content
    front = ink_map(Raster(page_of(through, seed=1), DPI), Buffers())
    return front, ink_map(Raster(page_of(behind, seed=2), DPI), Buffers())


def taken_off(front, back):
    return shine.take_off(front, np.zeros(front.ink.shape, np.uint8), back, Buffers())


@given(
    height=st.integers(24, 60),
    width=st.integers(24, 90),
    deviation=st.sampled_from(list(soften.TAPS)),
    seed=st.integers(0, 1000),
)
def test_softening_equals_the_slow_answer(height, width, deviation, seed):
    taps = soften.TAPS[deviation]
    assert taps[0] + 2 * sum(taps[1:]) == 256
    reach = len(taps) - 1
    plane = np.random.default_rng(seed).integers(0, 256, (height, width)).astype(np.uint8)
    plane[:reach] = plane[-reach:] = 0
    plane[:, :reach] = plane[:, -reach:] = 0
    found = soften.soften(slack(plane), deviation, "out", Buffers())
    inner = np.s_[reach:-reach, reach:-reach]
    assert np.array_equal(found[inner], reference.softened(plane, taps)[inner])


@given(
    height=st.integers(8, 50),
    width=st.integers(8, 150),
    shift=st.tuples(st.integers(-6, 6), st.integers(-6, 6)),
    seed=st.integers(0, 1000),
)
def test_agreement_equals_the_slow_answer(height, width, shift, seed):
    rng = np.random.default_rng(seed)
    ink = rng.integers(0, 256, (height, width)).astype(np.uint8)
    excluded = (rng.random(ink.shape) < 0.2).astype(np.uint8)
    buffers = Buffers()
    one = register.near(ink, excluded, "near", buffers)[0]
    other = np.pad(rng.integers(0, 256, ink.shape).astype(np.uint8), 8)
    found = register.agreement(one, register.Far(slack(other), 8), shift)
    moved = np.roll(other, shift, (0, 1))[8:-8, 8:-8]
    correlation, share = reference.agreement(ink, excluded == 0, moved)
    assert found.correlation == pytest.approx(correlation, abs=1e-9)
    assert found.share == pytest.approx(share, abs=1e-9)


@pytest.mark.parametrize("shift", [(0, 0), (5, -8), (-27, 26)])
def test_the_shift_between_the_two_windows_is_found(shift):
    front, back = sheet(1, shift=shift)
    off = taken_off(front, back)
    assert tuple(round(mm * DPI / 25.4) for mm in off.shift_mm) == shift


@pytest.mark.parametrize("share", [0.05, 0.12])
@pytest.mark.parametrize("deviation", [1.2, 1.7, 2.4])
def test_how_much_shines_through_and_how_softly_is_found(share, deviation):
    off = taken_off(*sheet(2, share, deviation=deviation))
    assert off.share == pytest.approx(share, rel=0.2)
    assert off.softness_mm * DPI / 25.4 == pytest.approx(deviation, rel=0.3)


def test_all_that_shines_through_is_taken_off():
    front, back = sheet(3)
    assert front.ink.max() >= 3 * front.threshold // 2
    assert taken_off(front, back).rest.max() < front.threshold + 4


@pytest.mark.parametrize("contrast", [20, 40])
def test_a_mark_stays_wherever_it_lies(contrast):
    for x in range(100, 400, 61):
        content = np.zeros((H, W))
        content[200:203, x : x + 3] = contrast
        off = taken_off(*sheet(4, content=content))
        assert off.rest[200:203, x : x + 3].max() >= contrast - 8


def test_a_large_mark_does_not_explain_itself():
    """It would, if the strength were measured where the mark lies."""
    content = np.zeros((H, W))
    content[150:260, 200:320] = 24
    off = taken_off(*sheet(5, content=content))
    assert (off.rest[150:260, 200:320] >= 12).mean() > 0.7


def test_without_ink_on_the_other_side_nothing_is_explained():
    front, _ = sheet(6)
    empty_back = ink_map(Raster(page_of(np.zeros((H, W))), DPI), Buffers())
    off = taken_off(front, empty_back)
    assert off.strongest == 0
    assert np.array_equal(off.rest, front.ink)


def test_another_page_explains_little():
    front, _ = sheet(7)
    _, back = sheet(8)
    off = taken_off(front, back)
    assert off.correlation < 0.3
    assert off.rest.max() >= front.ink.max() - 8


def test_ink_as_sharp_as_the_other_sides_print_has_no_softness():
    assert taken_off(*sheet(9, deviation=0.4)).softness_mm == 0


def test_the_bed_of_the_other_side_explains_nothing():
    front, back = sheet(10)
    ink = 238 - back.dark.astype(np.int64)
    ink[:, -40:] = 200
    beside = ink_map(Raster(page_of(ink), DPI), Buffers())
    content = np.zeros((H, W))
    content[200:206, 10:16] = 20
    marked = ink_map(
        Raster(page_of(238 - front.dark.astype(np.int64) + content, 0), DPI), Buffers()
    )
    assert taken_off(marked, beside).rest[200:206, 10:16].max() >= 14
