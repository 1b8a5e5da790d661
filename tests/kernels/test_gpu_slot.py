"""A worker's memory on both sides: what is the same on both, and for how long."""

import numpy as np
import pytest

from kernels.cuda import rotate
from kernels.cuda.slot import OnCard, Slot
from kernels.cuda.turns import Turns
from kernels.gpu import DeviceFailed
from kernels.raster import SLACK_BYTES, Box, Raster, RasterError
from tests.emulator import cards

pytestmark = pytest.mark.cxx


def page(seed=0, shape=(40, 30)):
    return Raster(np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8), 300)


def uploads(slot, emulated, raster):
    before = emulated.calls
    with slot.turn():
        slot.lay(raster)
    return emulated.calls - before


def test_a_page_is_uploaded_once_until_the_next_one_begins():
    emulated = cards.cupy_on_cpu()
    card = cards.card(emulated)
    slot, raster = Slot(card, Turns(card)), page()
    first = uploads(slot, emulated, raster)
    again = uploads(slot, emulated, raster)
    assert again < first
    slot.begin()
    assert uploads(slot, emulated, raster) > again


def test_a_page_of_another_shape_at_the_same_place_is_another_page(slot):
    pixels = np.arange(600, dtype=np.uint8)
    for shape in ((20, 30), (30, 20)):
        raster = Raster(pixels.reshape(shape), 300)
        cut = rotate.crop(raster, Box(0, 0, shape[1], shape[0]), slot)
        assert np.array_equal(cut.pixels, raster.pixels)


def test_what_lies_on_the_card_is_fetched_once(slot):
    cut = rotate.crop(page(1), Box(1, 1, 29, 39), slot)
    assert isinstance(cut, OnCard)
    assert (cut.height_px, cut.width_px, cut.is_colour, cut.dpi) == (38, 28, False, 300)
    assert cut.pixels is cut.pixels


def test_scratch_is_refused_outside_of_a_turn(slot):
    with pytest.raises(RasterError, match="outside of a turn"):
        slot.scratch("anything", 10)
    with slot.turn():
        assert slot.scratch("anything", 10).size_bytes >= 10


def test_a_turn_within_a_turn_is_refused_instead_of_waited_for(slot):
    with slot.turn(), pytest.raises(RasterError, match="within a turn"), slot.turn():
        pass
    with slot.turn():
        pass


def test_many_workers_share_the_scratch_memory_of_a_few_turns():
    card = cards.card()
    turns = Turns(card, 2)
    seen = set()
    for _ in range(12):
        with Slot(card, turns).turn():
            pass
        slot = Slot(card, turns)
        with slot.turn():
            seen.add(slot.scratch("jpeg.words", 5000).address)
    assert len(seen) <= 2


def test_memory_for_a_page_that_comes_in_has_slack(slot):
    pixels = slot.page("raster", (7, 5))
    assert pixels.shape == (7, 5)
    assert slot._pinned["raster"].nbytes >= pixels.nbytes + SLACK_BYTES
    assert slot.page("raster", (7, 5)).ctypes.data == pixels.ctypes.data


def test_a_table_goes_up_once_for_all_workers():
    emulated = cards.cupy_on_cpu()
    card = cards.card(emulated)
    turns = Turns(card)
    made = []

    def make():
        made.append(np.arange(10, dtype=np.uint32))
        return made[-1]

    seen = {Slot(card, turns).constant("a table", make).address for _ in range(3)}
    assert len(seen) == len(made) == 1
    slot, here = Slot(card, turns), np.zeros(10, np.uint32)
    slot.stream.download(here, slot.constant("a table", make))
    slot.stream.wait()
    assert np.array_equal(here, made[0])


def test_a_table_that_could_not_be_uploaded_is_tried_again():
    emulated = cards.cupy_on_cpu()
    card = cards.card(emulated)
    slot = Slot(card, Turns(card))
    emulated.fail(1, "memory")
    with pytest.raises(DeviceFailed):
        slot.constant("a table", lambda: np.arange(4))
    assert slot.constant("a table", lambda: np.arange(4)).size_bytes == 32
