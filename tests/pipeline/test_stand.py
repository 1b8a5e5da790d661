"""A stack fed upside down: turned where stack and page say so, flagged where one of them does."""

import cv2
import numpy as np
import pytest
from prometheus_client import CollectorRegistry

from daemon.dossier.scope import Scope
from daemon.metrics import Metrics
from daemon.page import PageId, Role, SampleOrder, Scan, Side
from daemon.pipeline.profile import Profile
from daemon.pipeline.sheet import SeparatorRules, Workshop
from daemon.pipeline.workers import Workers
from tests import line

DPI = 200
SIZE = (1654, 2339)
FONT = cv2.FontFace("uni")
TEXT = "经审理查明，原告与被告签订合同，约定期限一年。被告未付款，应当返还。"


def text_page():
    picture = np.full((2339, 1654, 3), 244, np.uint8)
    for k in range(30):
        shifted = (TEXT * 2)[k % 7 :][:30]
        cv2.putText(picture, shifted, (180, 220 + 66 * k), (40, 36, 30), FONT, 40)
    return picture


PAGE = text_page()
C = line.separator("C", "stand-c")
M = line.separator("M", "stand-m", stage="LA", material="111", party="Y01")


@pytest.fixture
def hall(kernels):
    with Workers(kernels, Profile(), threads=2) as workers:
        rules = SeparatorRules(line.RULES, line.KEYS, lambda _sheet_id: None, "stop")
        yield Workshop(workers, rules, Metrics(CollectorRegistry()))


def fed(workshop, *pictures):
    """Feed sheets with bare backs; return what the last one became, and the scope behind it."""
    scope = ""
    for number, picture in enumerate(pictures, start=1):
        faces = []
        for side, seen in ((Side.FRONT, picture), (Side.BACK, np.full_like(PAGE, 244))):
            size = SIZE if seen.shape[0] > seen.shape[1] else SIZE[::-1]
            small = cv2.resize(seen, size, interpolation=cv2.INTER_AREA)
            page_id = PageId("0123abcd", 1, number, side)
            faces.append(Scan(page_id, small, SampleOrder.BGR, DPI, captured_at=0.0))
        result = workshop.sheet(tuple(faces), scope)
        scope = result.scope
    return result.pages[0], Scope.parse(scope)


def turned(picture):
    return np.ascontiguousarray(picture[::-1, ::-1])


def on_its_side(picture):
    return np.ascontiguousarray(np.rot90(picture))


def turned_deg(page):
    (step,) = [step for step in page.steps if step.name == "stand"]
    return step.values["turned_deg"]


def seen(page):
    (blob,) = [blob for blob in page.blobs if blob.role is Role.PAGE]
    return cv2.imdecode(np.frombuffer(blob.data, np.uint8), cv2.IMREAD_GRAYSCALE)


def test_a_page_that_stands_on_its_head_in_a_stack_that_does_is_turned(hall):
    page, scope = fed(hall, turned(C), turned(M), turned(PAGE))
    upright, _ = fed(hall, C, M, PAGE)
    assert scope.stands == "upside_down"
    assert turned_deg(page) == 180
    assert not {"perhaps_upside_down", "stack_upside_down", "stack_sideways"} & set(page.warnings)
    assert np.abs(seen(page).astype(int) - seen(upright)).mean() < 1.5


@pytest.mark.parametrize(
    ("sheets", "warning"),
    [
        ((C, M, turned(PAGE)), "perhaps_upside_down"),
        ((turned(C), turned(M), PAGE), "stack_upside_down"),
        ((C, turned(M), turned(PAGE)), "perhaps_upside_down"),
        ((turned(C), M, turned(PAGE)), "perhaps_upside_down"),
        ((turned(PAGE),), "perhaps_upside_down"),
    ],
    ids=["a page alone", "the separators alone", "mixed", "mixed too", "no separator"],
)
def test_one_of_them_alone_is_flagged_and_nothing_is_turned(hall, sheets, warning):
    page, _ = fed(hall, *sheets)
    assert turned_deg(page) == 0
    assert warning in page.warnings


def test_a_page_of_a_stack_fed_sideways_is_flagged_and_left_as_it_lies(hall):
    page, scope = fed(hall, on_its_side(C), on_its_side(M), on_its_side(PAGE))
    assert scope.stands == "sideways"
    assert turned_deg(page) == 0
    assert "stack_sideways" in page.warnings
    assert seen(page).shape == (SIZE[0], SIZE[1])


def test_an_upright_stack_has_nothing_to_say(hall):
    page, scope = fed(hall, C, M, PAGE)
    assert scope.stands == "upright"
    assert turned_deg(page) == 0
    assert not {"perhaps_upside_down", "stack_upside_down", "stack_sideways"} & set(page.warnings)
