"""The first pass equals the slow answer on any raster."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kernels import first_pass, levels
from kernels.buffers import Buffers
from kernels.raster import Raster, RasterError
from tests import reference

ROOT = Path(__file__).parents[2]
FIELDS = ("luma", "half", "rows", "columns", "cells")

sides = st.one_of(st.integers(1, 70), st.sampled_from([31, 32, 33, 63, 64, 65, 95, 96, 97]))


def raster(height, width, colour, seed=0, kind="noise", dpi=300):
    """A page in an array without slack: nothing after its end may be read."""
    shape = (height, width, 3) if colour else (height, width)
    rng = np.random.default_rng(seed)
    pixels = {
        "noise": lambda: rng.integers(0, 256, shape, dtype=np.uint8),
        "faint": lambda: rng.integers(225, 256, shape, dtype=np.uint8),
        "print": lambda: rng.choice(np.array([20, 240], np.uint8), shape),
        "black": lambda: np.zeros(shape, np.uint8),
        "white": lambda: np.full(shape, 255, np.uint8),
    }[kind]()
    return Raster(pixels, dpi)


def slow(page):
    """What the first pass gives, apart from the levels it works with."""
    gray = reference.luma(page.pixels) if page.is_colour else page.pixels
    spread = np.ptp(page.pixels, axis=2) if page.is_colour else np.zeros_like(gray)
    seen = levels.measure(page)
    ink, strip = (seen.threshold, seen.ink_clamp), first_pass.strip_of(*gray.shape)
    return {
        "luma": gray,
        "half": reference.half(gray),
        "rows": reference.row_strips(gray, *ink, strip),
        "columns": reference.row_strips(gray.T, *ink, strip),
        "cells": reference.cells(gray, spread, *ink),
    }


def differing(first, answers):
    return [name for name in FIELDS if not np.array_equal(getattr(first, name), answers[name])]


@given(
    height=sides,
    width=sides,
    colour=st.booleans(),
    seed=st.integers(0, 1000),
    kind=st.sampled_from(["noise", "faint", "print", "black", "white"]),
    dpi=st.sampled_from([50, 300, 1200]),
)
@example(height=1, width=1, colour=True, seed=0, kind="noise", dpi=300)
@example(height=33, width=1, colour=False, seed=0, kind="noise", dpi=300)
@example(height=1, width=65, colour=True, seed=0, kind="noise", dpi=300)
def test_it_equals_the_slow_answer(height, width, colour, seed, kind, dpi):
    page = raster(height, width, colour, seed, kind, dpi)
    assert differing(first_pass.first_pass(page), slow(page)) == []


@pytest.mark.parametrize("colour", [False, True])
@pytest.mark.parametrize(
    ("height", "width", "strip"),
    [
        (1100, 45, 8),
        (39, 1101, 16),
        (1101, 47, 16),
        (2200, 33, 16),
        (2201, 66, 32),
        (70, 2207, 32),
        (2304, 96, 32),
        (65, 4097, 32),
    ],
)
def test_strips_of_each_width_equal_the_slow_answer(height, width, strip, colour):
    page = raster(height, width, colour, seed=height)
    first = first_pass.first_pass(page)
    assert first.strip_px == strip
    assert differing(first, slow(page)) == []


def test_the_most_ink_there_can_be_fits_the_sums():
    page = raster(2240, 64, colour=False, kind="black")
    page.pixels[2::8, 2::8], page.pixels[2::16, 2::8] = 254, 255  # all that the sample sees
    first = first_pass.first_pass(page)
    assert first.rows.max() == 32 * 95
    assert differing(first, slow(page)) == []


def test_luma_is_that_of_libjpeg():
    levels_ = np.arange(0, 256, 3, dtype=np.uint8)
    page = np.stack(np.meshgrid(levels_, levels_, levels_), axis=-1).reshape(-1, 86, 3)
    found = first_pass.first_pass(Raster(page, 300)).luma
    assert np.array_equal(found, reference.luma(page))


BEFORE_A_GUARD_PAGE = """
import ctypes, math, mmap
import numpy as np
from kernels.first_pass import first_pass
from kernels.raster import Raster

for shape in [(1, 1), (1, 1, 3), (40, 37), (37, 40, 3), (65, 3, 3), (64, 64, 3), (2203, 65, 3)]:
    size = math.prod(shape)
    start = -size % mmap.PAGESIZE
    area = mmap.mmap(-1, start + size + mmap.PAGESIZE)
    end = ctypes.addressof(ctypes.c_char.from_buffer(area)) + start + size
    assert not ctypes.CDLL(None).mprotect(ctypes.c_void_p(end), mmap.PAGESIZE, 0)
    first_pass(Raster(np.frombuffer(area, np.uint8, size, start).reshape(shape), 300))
"""


def test_nothing_is_read_after_the_end_of_a_raster():
    done = subprocess.run(
        [sys.executable, "-c", BEFORE_A_GUARD_PAGE], cwd=ROOT, check=False, capture_output=True
    )
    assert done.returncode == 0, done.stderr.decode()


def test_the_worker_s_buffers_carry_nothing_from_one_page_to_the_next():
    buffers = Buffers()
    pages = [
        raster(2240, 97, colour=True, seed=1),
        raster(90, 95, colour=False, seed=2),
        raster(90, 95, colour=True, seed=3, kind="print"),
        raster(2240, 97, colour=True, seed=4, kind="faint"),
    ]
    for page in pages:
        assert differing(first_pass.first_pass(page, buffers), slow(page)) == []


def test_a_second_page_of_one_size_takes_no_more_memory():
    buffers = Buffers()
    one = first_pass.first_pass(raster(300, 200, colour=True), buffers)
    held = buffers.held_bytes
    other = first_pass.first_pass(raster(300, 200, colour=True, seed=1), buffers)
    assert buffers.held_bytes == held
    assert all(
        np.shares_memory(getattr(one, name), getattr(other, name))
        for name in FIELDS
        if getattr(one, name).size
    )


def test_the_luma_of_a_gray_page_is_the_page():
    page = raster(40, 40, colour=False)
    assert first_pass.first_pass(page).luma is page.pixels


@pytest.mark.parametrize(
    "pixels",
    [
        np.zeros((4, 4), np.uint16),
        np.zeros((4, 4, 4), np.uint8),
        np.zeros((4, 8), np.uint8)[:, ::2],
        np.zeros((0, 4), np.uint8),
    ],
)
def test_a_raster_that_breaks_the_contract_is_refused(pixels):
    with pytest.raises(RasterError):
        Raster(pixels, 300)


def test_a_resolution_that_cannot_be_is_refused():
    with pytest.raises(RasterError, match="dpi"):
        Raster(np.zeros((4, 4), np.uint8), 7)
