"""Page values: text forms and invariants."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.page import Blob, Fate, Page, PageId, Role, SampleOrder, Scan, SheetId, Side

ID = PageId("0123abcd", 12, 3, Side.BACK)


@given(
    epoch=st.text("0123456789abcdef", min_size=8, max_size=8),
    batch=st.integers(1, 999_999),
    sheet=st.integers(1, 9_999),
    side=st.sampled_from(Side),
)
def test_a_page_id_reads_back_from_its_text(epoch, batch, sheet, side):
    page_id = PageId(epoch, batch, sheet, side)
    assert PageId.parse(str(page_id)) == page_id


def test_the_text_of_a_page_id_is_fixed():
    assert str(ID) == "0123abcd-000012-0003-B"


@pytest.mark.parametrize("text", ["", "0123abcd-000012-0003-X", "0123abcd-12-3-B", "../x"])
def test_other_texts_are_no_page_ids(text):
    with pytest.raises(ValueError, match="not a page id"):
        PageId.parse(text)


@pytest.mark.parametrize(("batch", "sheet"), [(0, 1), (1, 0), (1_000_000, 1), (1, 10_000)])
def test_a_sheet_outside_the_numbering_is_refused(batch, sheet):
    with pytest.raises(ValueError, match="out of range"):
        SheetId("0123abcd", batch, sheet)


def test_a_scan_cannot_be_written_to():
    samples = np.zeros((2, 2), np.uint8)
    scan = Scan(ID, samples, SampleOrder.GRAY, 300, 0.0)
    with pytest.raises(ValueError, match="read-only"):
        scan.samples[0, 0] = 1


def test_a_scan_whose_shape_is_not_its_order_is_refused():
    with pytest.raises(ValueError, match="are not rgb"):
        Scan(ID, np.zeros((2, 2), np.uint8), SampleOrder.RGB, 300, 0.0)
    for order in SampleOrder:
        wrong = (2, 2) if order.colour else (2, 2, 3)
        with pytest.raises(ValueError, match=f"are not {order}"):
            Scan(ID, np.zeros(wrong, np.uint8), order, 300, 0.0)


def test_a_page_needs_bytes():
    with pytest.raises(ValueError, match="without bytes"):
        Page(ID, Fate.PAGE, virtual=True, captured_at=0.0)


def test_a_refused_face_leaves_no_image():
    blob = Blob(Role.EVIDENCE, "image/jpeg", b"x")
    with pytest.raises(ValueError, match="must leave no image"):
        Page(ID, Fate.REFUSED, virtual=True, captured_at=0.0, blobs=(blob,))


def test_two_blobs_of_one_role_are_refused():
    blob = Blob(Role.PAGE, "image/jpeg", b"x")
    with pytest.raises(ValueError, match="two blobs"):
        Page(ID, Fate.PAGE, virtual=True, captured_at=0.0, blobs=(blob, blob))
