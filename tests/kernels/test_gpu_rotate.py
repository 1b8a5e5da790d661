"""Turning and cutting on the card gives the CPU's pixels, from every kind of page."""

import numpy as np
import pytest

from kernels import crop as on_cpu
from kernels import rotate as twin
from kernels.cuda import rotate
from kernels.raster import Box, Raster, RasterError
from tests import reference

pytestmark = pytest.mark.cxx

ANGLES = (0, 1, -7_000, 950_000, -3_000_000, 8_000_000, -15_000_000, 15_000_000)
SIZES = ((1, 1), (1, 40), (40, 1), (2, 2), (31, 33), (64, 65), (75, 130))


def page(height, width, *, colour, seed=0):
    shape = (height, width, 3) if colour else (height, width)
    return Raster(np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8), 300)


@pytest.mark.parametrize("colour", [False, True])
@pytest.mark.parametrize("size", SIZES)
def test_it_equals_the_definition(slot, size, colour):
    raster = page(*size, colour=colour)
    for angle in ANGLES:
        slot.begin()
        turned = rotate.rotate(raster, angle, 201, slot)
        assert np.array_equal(turned.pixels, reference.rotated(raster.pixels, angle, 201)), angle


@pytest.mark.parametrize("colour", [False, True])
def test_a_part_is_that_part_of_the_whole(slot, colour):
    raster = page(70, 61, colour=colour)
    for box in (Box(0, 0, 61, 70), Box(3, 5, 40, 69), Box(60, 69, 61, 70), Box(7, 0, 8, 70)):
        slot.begin()
        part = rotate.rotate(raster, 2_345_678, 7, slot, box)
        assert np.array_equal(part.pixels, twin.rotate(raster, 2_345_678, 7, None, box).pixels)
        assert (part.height_px, part.width_px, part.is_colour) == (
            box.height_px, box.width_px, colour,
        )  # fmt: skip


@pytest.mark.parametrize("colour", [False, True])
def test_a_cut_is_the_cut(slot, colour):
    raster = page(50, 47, colour=colour)
    for box in (Box(0, 0, 47, 50), Box(1, 2, 46, 49), Box(46, 49, 47, 50)):
        slot.begin()
        assert np.array_equal(
            rotate.crop(raster, box, slot).pixels, on_cpu.apply(raster, box).pixels
        )


@pytest.mark.parametrize("colour", [False, True])
def test_a_cut_begins_at_any_byte_of_a_word(slot, colour):
    raster = page(9, 701, colour=colour)  # more than a lane's words are apart
    for left in range(4):
        for right in range(601, 605):
            box = Box(left, 1, right, 9)
            slot.begin()
            assert np.array_equal(
                rotate.crop(raster, box, slot).pixels, on_cpu.apply(raster, box).pixels
            )


def test_a_whole_page_is_cut_out_of_memory_that_ends_with_it(forward_slot):
    stream, card = forward_slot.stream, forward_slot._card
    pixels = page(4, 704, colour=False).pixels
    there, to = card.memory(pixels.nbytes), card.memory(pixels.nbytes)
    stream.upload(there, pixels)
    sizes = (np.int32(value) for value in (704, 0, 0, 704, 4, 704))
    stream.launch("crop", rotate.crop_grid(704, 4), rotate.BLOCK, there, *sizes, to)
    back = forward_slot.pinned("back", pixels.shape)
    stream.download(back, to)
    stream.wait()
    assert np.array_equal(back, pixels)


def test_what_was_made_on_the_card_is_turned_and_cut_again(slot):
    raster = page(66, 45, colour=True)
    box = Box(2, 3, 41, 60)
    cut = rotate.crop(raster, box, slot)  # its rows are padded there
    turned = rotate.rotate(cut, -4_000_000, 255, slot)
    wanted = twin.rotate(on_cpu.apply(raster, box), -4_000_000)
    assert np.array_equal(turned.pixels, wanted.pixels)


@pytest.mark.parametrize("angle", [-15_000_000, 15_000_000])
def test_the_longest_side_does_not_wrap_into_the_page(forward_slot, angle):
    longest = twin.MAX_TURNED_SIDE_PX
    for shape in ((3, longest), (longest, 3), (1, longest), (longest, 1)):
        raster = Raster(np.random.default_rng(4).integers(0, 256, shape, dtype=np.uint8), 300)
        forward_slot.begin()
        turned = rotate.rotate(raster, angle, 99, forward_slot)
        assert np.array_equal(turned.pixels, twin.rotate(raster, angle, 99).pixels)


def test_a_whole_page_equals_the_twins(forward_slot):
    raster = page(3508, 2480, colour=True)
    turned = rotate.rotate(raster, 1_234_567, 255, forward_slot, Box(40, 50, 2400, 3400))
    wanted = twin.rotate(raster, 1_234_567, 255, None, Box(40, 50, 2400, 3400))
    assert np.array_equal(turned.pixels, wanted.pixels)


def test_what_is_wrong_is_refused_before_the_card_is_asked(slot):
    raster = page(20, 30, colour=False)
    with pytest.raises(RasterError, match="15 degrees"):
        rotate.rotate(raster, 15_000_001, 255, slot)
    with pytest.raises(RasterError, match="outside"):
        rotate.crop(raster, Box(0, 0, 31, 20), slot)


def test_pixels_of_the_card_cannot_be_written(slot):
    turned = rotate.rotate(page(20, 30, colour=False), 10, 255, slot)
    with pytest.raises(ValueError, match="read-only"):
        turned.pixels[0, 0] = 1
