import itertools

import numpy as np
import pytest

from daemon.errors import (
    CoverOpen,
    DeviceError,
    DoubleFeed,
    HardwareFault,
    LinkLost,
    LinkStall,
    LinkTimeout,
    OperatorError,
    PaperJam,
    PaperRefused,
    ProtocolError,
    StoppedByOperator,
)
from daemon.page import Blob, Fate, Role, SampleOrder, Scan, SheetId, Side
from daemon.pipeline.unread import Unread, Where, pages, where

SHEET = SheetId("0123abcd", 1, 37)
BEFORE = [CoverOpen, StoppedByOperator, PaperRefused]
MOVED = [PaperJam, DoubleFeed]
DEVICE = [DeviceError, LinkLost, LinkTimeout, LinkStall, ProtocolError, HardwareFault]
BOTH = [False, True]


def unread(error, reading=False, asked=True):
    return Unread(SHEET, "cause", error, asked=asked, reading=reading)


@pytest.mark.parametrize("error", [*BEFORE, *MOVED, *DEVICE, OperatorError, None])
@pytest.mark.parametrize(("reading", "kept_power"), list(itertools.product(BOTH, BOTH)))
def test_what_the_sensor_sees_is_outside_the_hopper(error, reading, kept_power):
    assert where(unread(error, reading), in_path=True, kept_power=kept_power) is Where.OUTSIDE


@pytest.mark.parametrize("error", [*BEFORE, *MOVED, *DEVICE])
@pytest.mark.parametrize("kept_power", BOTH)
def test_what_was_in_place_once_is_outside_the_hopper(error, kept_power):
    assert where(unread(error, True), in_path=False, kept_power=kept_power) is Where.OUTSIDE


@pytest.mark.parametrize("error", [*BEFORE, *DEVICE])
def test_an_empty_path_under_our_eyes_means_the_hopper(error):
    assert where(unread(error), in_path=False, kept_power=True) is Where.IN_HOPPER


@pytest.mark.parametrize("error", MOVED)
def test_a_cause_that_paper_makes_means_that_paper_moved(error):
    assert where(unread(error), in_path=False, kept_power=True) is Where.OUTSIDE


@pytest.mark.parametrize("error", [*BEFORE, *MOVED, *DEVICE])
def test_nothing_is_proven_of_a_scanner_that_was_out_of_sight(error):
    assert where(unread(error), in_path=False, kept_power=False) is Where.UNKNOWN


@pytest.mark.parametrize("error", [*BEFORE, *MOVED, *DEVICE])
@pytest.mark.parametrize("kept_power", BOTH)
def test_a_sheet_that_the_scanner_was_not_told_to_feed_is_in_the_hopper(error, kept_power):
    flying = unread(error, asked=False)
    assert where(flying, in_path=False, kept_power=kept_power) is Where.IN_HOPPER


@pytest.mark.parametrize("kept_power", BOTH)
def test_nothing_but_the_sensor_proves_anything_after_a_crash(kept_power):
    assert where(unread(None), in_path=False, kept_power=kept_power) is Where.UNKNOWN


def test_both_faces_are_named_and_what_came_is_their_evidence():
    samples = np.full((20, 30), 200, np.uint8)
    scan = Scan(SHEET.face(Side.FRONT), samples, SampleOrder.GRAY, 200, captured_at=5.0)
    flying = Unread(SHEET, "paper_jam", PaperJam, reading=True, remains=(scan,))
    picture = Blob(Role.EVIDENCE, "image/jpeg", b"small")
    front, back = pages(flying, Fate.SUPERSEDED, lambda _: picture, virtual=True)
    assert (front.page_id.side, back.page_id.side) == (Side.FRONT, Side.BACK)
    assert {front.fate, back.fate} == {Fate.SUPERSEDED}
    assert {front.reason, back.reason} == {"paper_jam"}
    assert (front.blobs, back.blobs) == ((picture,), ())
    assert front.captured_at == 5.0
    assert front.virtual
    assert back.virtual
