"""Punctuation tells which way up a page is, and nothing else is taken for it."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernels.buffers import Buffers
from kernels.first_pass import first_pass
from kernels.orientation import Orientation, Stands, half_turn, orientation
from kernels.raster import Raster
from kernels.skew import estimate

DPI = 200
W, H = 1300, 1700
FONT = cv2.FontFace("uni")
CHINESE = "经审理查明，原告与被告签订合同，约定期限一年。被告未付款，应当返还。"
LATIN = "Costs, then. Time, too. Proof, first. "
QUOTED = "“原告”“被告”“合同”“借款”“期限”“返还”“利息”“清楚”“充分”"
BARE = "经审理查明原告与被告签订合同约定期限一年被告未付款应当返还借款本金"


def page(text, *, size=32, lines=22):
    pixels = np.full((H, W), 240, np.uint8)
    for k in range(lines):
        shifted = (text * 2)[k % 7 :]
        cv2.putText(
            pixels,
            shifted[: 1100 // size * (1 + (text is LATIN))],
            (100, 160 + 66 * k),
            30,
            FONT,
            size,
        )
    return pixels


def vertical():
    return np.ascontiguousarray(np.rot90(page(CHINESE)))


def turned(pixels, degrees):
    turn = cv2.getRotationMatrix2D((W / 2, H / 2), degrees, 1)
    return cv2.warpAffine(pixels, turn, (W, H), borderValue=240)


def stands(pixels):
    first = first_pass(Raster(np.ascontiguousarray(pixels), DPI))
    return orientation(first, estimate(first, DPI).angle_microdeg, DPI)


@pytest.mark.parametrize("angle", [0.0, 2.5, -4.0])
@pytest.mark.parametrize(("text", "size"), [(CHINESE, 32), (LATIN, 44)])
def test_a_page_of_text_says_how_it_stands(text, size, angle):
    pixels = turned(page(text, size=size), angle)
    up = stands(pixels)
    down = stands(pixels[::-1, ::-1])
    assert up.stands is Stands.UPRIGHT, up
    assert down.stands is Stands.UPSIDE_DOWN, down


@pytest.mark.parametrize("turn", [0, 2])
@pytest.mark.parametrize(
    "pixels", [page(QUOTED), page(BARE), vertical(), page(CHINESE, lines=3)],
    ids=["quotation marks", "no punctuation", "vertical", "three lines"],
)  # fmt: skip
def test_what_says_nothing_is_unknown(pixels, turn):
    assert stands(np.rot90(pixels, turn)).stands is Stands.UNKNOWN


def test_no_test_page_is_taken_for_the_other_way_up(shared_data):
    files = sorted((shared_data / "pages").glob("0*.jpg"))
    assert files
    known = 0
    for file in files:
        half = cv2.imread(str(file), cv2.IMREAD_REDUCED_GRAYSCALE_2)
        first = first_pass(Raster(half, 150))
        angle = estimate(first, 150).angle_microdeg
        assert orientation(first, angle, 150).stands is not Stands.UPSIDE_DOWN, file.name
        reverse = first_pass(Raster(np.ascontiguousarray(half[::-1, ::-1]), 150))
        found = orientation(reverse, angle, 150).stands
        assert found is not Stands.UPRIGHT, file.name
        known += found is Stands.UPSIDE_DOWN
    assert known >= 1


@given(height=st.integers(1, 300), width=st.integers(1, 300), seed=st.integers(0, 99))
def test_any_raster_has_an_answer(height, width, seed):
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width), np.uint8)
    assert isinstance(orientation(first_pass(Raster(pixels, 300)), 0, 300), Orientation)


@given(st.integers(1, 40), st.integers(1, 40), st.booleans())
def test_a_half_turn_reverses_every_pixel(height, width, colour):
    shape = (height, width, 3) if colour else (height, width)
    pixels = np.random.default_rng(5).integers(0, 256, shape, np.uint8)
    out = half_turn(Raster(pixels, 300), Buffers()).pixels
    assert np.array_equal(out, pixels[::-1, ::-1])
