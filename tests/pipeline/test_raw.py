"""RAW gives back every sample."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.errors import SpoolCorrupt
from daemon.page import PageId, SampleOrder, Scan, Side
from daemon.pipeline import raw


@given(
    height=st.integers(1, 9),
    width=st.integers(1, 9),
    colour=st.booleans(),
    seed=st.integers(0, 2**32 - 1),
)
def test_a_raw_raster_unpacks_to_the_same_samples(height, width, colour, seed):
    shape = (height, width, 3) if colour else (height, width)
    samples = np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)
    order = SampleOrder.RGB_INVERTED if colour else SampleOrder.GRAY
    scan = Scan(PageId("0123abcd", 1, 1, Side.FRONT), samples, order, 300, 0.0)
    back, back_order, dpi = raw.unpack(raw.pack(scan))
    assert np.array_equal(back, samples)
    assert (back_order, dpi) == (order, 300)


def test_line_art_unpacks_to_the_same_bits():
    samples = np.random.default_rng(4).integers(0, 256, (7, 5), dtype=np.uint8)
    scan = Scan(PageId("0123abcd", 1, 1, Side.FRONT), samples, SampleOrder.BITS, 200, 0.0)
    back, order, dpi = raw.unpack(raw.pack(scan))
    assert np.array_equal(back, samples)
    assert (order, dpi) == (SampleOrder.BITS, 200)


@pytest.mark.parametrize("data", [b"", b"{}\n", b'{"shape":[2,2],"order":"gray","dpi":300}\nzz'])
def test_foreign_bytes_are_refused(data):
    with pytest.raises(SpoolCorrupt):
        raw.unpack(data)
