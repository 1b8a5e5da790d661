"""A fault planted in our own kernels is caught: a race, a barrier some miss, one row too many."""

import shutil

import numpy as np
import pytest

from kernels import crop as on_cpu
from kernels import gpu
from kernels.cuda import jpeg, rotate
from kernels.cuda.slot import Slot
from kernels.cuda.turns import Turns
from kernels.gpu import DeviceFailed
from kernels.jpeg import turbo
from kernels.raster import Box, Raster
from tests.emulator import cards
from tests.emulator.build import build

pytestmark = pytest.mark.cxx

SOURCES = cards.PAGE.parent / "cuda"
PAGE = Raster(np.random.default_rng(5).integers(0, 256, (61, 147, 3), dtype=np.uint8), 300)
BOX = Box(1, 2, 141, 60)


def slots(folder, files, fault):
    """Give a slot in each order, with a copy of some kernels in which a line was changed."""
    name, line, planted = fault
    shutil.copytree(
        SOURCES, folder / "cuda", ignore=lambda _, names: [n for n in names if ".py" in n]
    )
    text = (SOURCES / name).read_text()
    assert text.count(line) == 1
    (folder / "cuda" / name).write_text(text.replace(line, planted))
    page = folder / "page.cu"
    page.write_text("".join(f'#include "cuda/{one}.cuh"\n' for one in files))
    binaries = cards.as_binaries(build(page, folder / "built"))
    for order in ("forward", "reverse", "shuffled"):
        card = gpu.Card(cards.cupy_on_cpu(order), binaries)
        yield Slot(card, Turns(card))


JPEG = ("rotate", "jpeg_transform", "jpeg_entropy", "jpeg_stuff")


def test_a_race_gives_other_bytes_in_some_order(tmp_path):
    barrier = "transformed_row(samples);\n  __syncwarp();"
    fault = "jpeg_transform.cuh", barrier, barrier.replace("__syncwarp();", "")
    given = [jpeg.encode(PAGE, 85, "420", slot) for slot in slots(tmp_path, JPEG, fault)]
    wanted = turbo.encode(PAGE, 85, "420")
    assert any(one != wanted for one in given)


def test_a_barrier_that_some_threads_miss_is_named(tmp_path):
    barrier = "[threadIdx.x];\n  __syncthreads();"
    missed = barrier.replace("__sync", "if (threadIdx.x < 100) __sync")
    fault = "jpeg_entropy.cuh", barrier, missed
    for slot in slots(tmp_path, JPEG, fault):
        with pytest.raises(DeviceFailed, match=r"jpeg_sizes.*(only some|of 256)"):
            jpeg.encode(PAGE, 85, "420", slot)


def test_one_row_too_many_is_named(tmp_path):
    bound = "x >= out_bytes || row >= out_rows"
    fault = "rotate.cuh", bound, bound.replace("row >=", "row >")
    for slot in slots(tmp_path, ("rotate",), fault):
        with pytest.raises(DeviceFailed, match="crop"):
            assert np.array_equal(
                rotate.crop(PAGE, BOX, slot).pixels, on_cpu.apply(PAGE, BOX).pixels
            )
