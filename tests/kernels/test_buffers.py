"""A worker's memory: the same again for every page, with slack, never too small."""

import numpy as np

from kernels.buffers import Buffers
from kernels.raster import SLACK_BYTES


def test_the_same_memory_is_given_again():
    buffers = Buffers()
    first = buffers.take("a", (30, 40, 3))
    first[:] = 7
    again = buffers.take("a", (20, 50))
    assert np.shares_memory(first, again)
    assert buffers.held_bytes == 3600 + SLACK_BYTES


def test_names_do_not_share():
    buffers = Buffers()
    assert not np.shares_memory(buffers.take("a", (9, 9)), buffers.take("b", (9, 9)))


def test_a_larger_page_gets_more():
    buffers = Buffers()
    buffers.take("a", (3, 3))
    larger = buffers.take("a", (300, 300), np.uint16)
    assert larger.shape == (300, 300)
    assert larger.dtype == np.uint16
    assert larger.flags.c_contiguous
    assert larger.base.nbytes >= larger.nbytes + SLACK_BYTES


def test_zeros_are_zeros_although_the_memory_was_used():
    buffers = Buffers()
    buffers.take("a", (64,), np.int32)[:] = -1
    assert not buffers.zeros("a", (64,), np.int32).any()
