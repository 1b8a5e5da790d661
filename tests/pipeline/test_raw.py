"""RAW gives back every sample."""

import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from daemon.errors import SpoolCorrupt
from daemon.metrics import Metrics
from daemon.page import Blob, Fate, Page, PageId, Role, SampleOrder, Scan, Side
from daemon.pipeline import raw
from daemon.pipeline.raw_writer import RawWriter
from daemon.spool.ledger import Ledger


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


@pytest.mark.parametrize(("full", "outcome"), [(False, "kept"), (True, "skipped")])
def test_on_a_full_disk_a_raster_is_let_go_and_nothing_else_happens(tmp_path, full, outcome):
    ledger = Ledger(
        tmp_path, lambda _: b"an entry", allow_unsafe_disk=True, ballast_bytes=64 * 1024
    )
    ledger.start()
    face = ledger.request_feed(ledger.open_batch(virtual=False).number).face(Side.FRONT)
    page = Page(face, Fate.PAGE, False, 1.0, blobs=(Blob(Role.PAGE, "image/jpeg", b"page"),))
    ledger.commit([page])
    if full:
        ledger._disk._give_up()  # what a full disk does to the ballast
    metrics = Metrics(CollectorRegistry())
    writer = RawWriter(ledger, metrics, "all")
    writer.offer(page, Scan(face, np.zeros((4, 4), np.uint8), SampleOrder.GRAY, 300, 0.0))
    writer.stop()
    packing = threading.Thread(target=writer.run, args=(lambda: None,))  # it lowers its priority
    packing.start()
    packing.join()
    assert metrics.registry.get_sample_value("suian_raw_faces_total", {"outcome": outcome}) == 1
    assert [ref.role for ref in ledger.face(face).blobs] == [Role.PAGE, *[Role.RAW] * (not full)]
    ledger.close()
