"""Separators as the scanner sees them: askew, upside down, stained, at half scale."""

import itertools
import time
from dataclasses import replace

import cv2
import numpy as np
import pypdfium2
import pytest
import zxingcpp

from daemon.dossier import catalogue, payload, sheet
from daemon.dossier.case_number import parse
from daemon.dossier.sheet import Wanted, compose, draw, pdf
from daemon.errors import RuleError

KEY = bytes(range(32))
RULES = catalogue.load()
CASE = parse("(2018)吉01民初129号")
MATERIAL = Wanted("M", CASE, "TQ", "132", "B01", 2, 12)
EVERY = (
    MATERIAL,
    Wanted("C", CASE),
    Wanted("P", CASE, "TQ", "132", "S01", 1),
    Wanted("G", None, "LA", "121", "Y01"),
    Wanted("E"),
)
CORNERS = ((0, 0), (0, 1), (1, 0), (1, 1))
STAIN_MM = 58


def signed(wanted):
    return payload.sign(compose(wanted, "K1", "7KQ2M9XA"), KEY)


@pytest.fixture(scope="module", params=EVERY, ids=lambda wanted: wanted.kind)
def wanted(request):
    return request.param


@pytest.fixture(scope="module")
def drawn(wanted):
    return draw(signed(wanted), wanted, RULES)


def fed(picture, angle_deg):
    """The face in an A4 window, turned about its middle, on a dark bed."""
    height, width = picture.shape[:2]
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), angle_deg, 1)
    return cv2.warpAffine(picture, turn, (width, height), borderValue=(70, 70, 70))


def stained(picture, corner):
    """The same with something dark over a corner and its code."""
    picture = picture.copy()
    side = round(STAIN_MM * sheet.DPI / 25.4)
    y, x = (slice(-side, None) if far else slice(0, side) for far in corner)
    picture[y, x] = (60, 90, 110)
    return picture


def found(picture):
    half = cv2.resize(picture, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    gray = cv2.cvtColor(half, cv2.COLOR_BGR2GRAY)
    return [code.text for code in zxingcpp.read_barcodes(gray, zxingcpp.BarcodeFormat.QRCode)]


def test_a_face_is_a4_at_300_dpi_and_surely_not_blank(drawn):
    assert drawn.shape == (3508, 2480, 3)
    assert drawn.dtype == np.uint8
    assert (drawn < 128).mean() > 0.05


@pytest.mark.parametrize("upside_down", [False, True])
@pytest.mark.parametrize("angle_deg", [-6.0, 0.0, 6.0])
def test_a_face_fed_askew_or_upside_down_shows_all_four_codes(
    wanted, drawn, angle_deg, upside_down
):
    seen = fed(drawn, angle_deg)
    if upside_down:
        seen = cv2.rotate(seen, cv2.ROTATE_180)
    assert found(seen) == [signed(wanted)] * 4


@pytest.mark.parametrize("angle_deg", [-6.0, 6.0])
def test_a_face_with_one_stained_corner_shows_the_other_three(wanted, drawn, angle_deg):
    for corner in CORNERS:
        assert found(fed(stained(drawn, corner), angle_deg)) == [signed(wanted)] * 3


def test_every_code_lies_at_least_12_mm_inside_and_has_its_quiet_zone(drawn):
    module_px = 11
    ink = np.argwhere(drawn[:, :, 0] < 128)
    nearest = min(*ink.min(axis=0), *(np.array(drawn.shape[:2]) - 1 - ink.max(axis=0)))
    assert (nearest - 4 * module_px) * 25.4 / sheet.DPI > 12
    side, margin = 37 * module_px, round(18 * sheet.DPI / 25.4)
    for y, x in itertools.product((margin, 3508 - margin - side), (margin, 2480 - margin - side)):
        around = drawn[y - 44 : y + side + 44, x - 44 : x + side + 44, 0].copy()
        around[44:-44, 44:-44] = 255
        assert (around == 255).all()


def test_a_sheet_that_would_say_other_than_its_codes_is_not_drawn():
    text = signed(MATERIAL)
    for other in (replace(MATERIAL, party="B02"), replace(MATERIAL, argument=0), EVERY[1]):
        with pytest.raises(ValueError, match="something else"):
            draw(text, other, RULES)
    with pytest.raises(ValueError, match="something else"):
        draw("DZ1:", MATERIAL, RULES)


def test_the_text_a_clerk_reads_changes_with_every_field():
    def middle(wanted):
        face = draw(signed(wanted), wanted, RULES)
        return face[800:2700].tobytes()

    changes = (
        {"stage": "LA"},
        {"material": "133"},
        {"party": "B02"},
        {"instance": 3},
        {"argument": 13},
        {"case": parse("(2018)吉01民初130号")},
    )
    faces = {middle(MATERIAL), *(middle(replace(MATERIAL, **change)) for change in changes)}
    assert len(faces) == 1 + len(changes)


def test_the_longest_text_stays_between_the_margins():
    wanted = Wanted(
        "M", parse("(2019)最高法0101知民诉前调12345678号"), "LA", "124", "B99", 999, 999_999
    )
    ink = np.argwhere(draw(signed(wanted), wanted, RULES)[:, :, 0] < 128)
    margin = round(15 * sheet.DPI / 25.4)
    assert ink[:, 1].min() > margin
    assert ink[:, 1].max() < 2480 - margin


@pytest.mark.parametrize(
    ("wanted", "says"),
    [
        (Wanted("C"), "needs a case number"),
        (Wanted("G", CASE, "TQ", "132", "B01"), "has no case number"),
        (Wanted("E", CASE), "has no case number"),
        (Wanted("C", CASE, stage="LA"), "has no stage"),
        (Wanted("C", CASE, argument=3), "has no argument"),
        (Wanted("G", None, "TQ", "132", "B01", instance=1), "has no instance"),
        (Wanted("M", CASE, "TQ", "", "B01", 1), "needs the material"),
        (Wanted("M", CASE, "", "132", "B01", 1), "needs the stage"),
        (Wanted("M", CASE, "TQ", "132", "B01"), "needs the instance"),
        (Wanted("M", CASE, "TQ", "13", "B01", 1), "cannot have this material"),
        (Wanted("M", CASE, "TQ", "132", "B01", 1000), "0 to 999"),
        (Wanted("M", CASE, "TQ", "132", "B01", 1, -1), "0 to 999999"),
        (Wanted("P", CASE, "TQ", "132", "", 1), "needs the party"),
        (Wanted("C", parse("(2015)长民三初字第129号")), "9001|旧存"),
        (Wanted("S", CASE, "TQ", "132", "B01", 1), "C, M, P, G, E"),
        (Wanted("", CASE), "C, M, P, G, E"),
    ],
)
def test_a_wish_that_makes_no_separator_says_what_is_wrong(wanted, says):
    with pytest.raises(RuleError, match=says):
        compose(wanted, "K1", "7KQ2M9XA")


@pytest.mark.parametrize("change", [{"stage": "QQ"}, {"material": "191"}, {"party": "Z01"}])
def test_a_code_that_the_rules_do_not_have_is_never_printed(change):
    wanted = replace(MATERIAL, **change)
    with pytest.raises(RuleError):
        draw(signed(wanted), wanted, RULES)


def test_the_same_sheets_give_the_same_file_a_second_later():
    pictures = [draw(signed(EVERY[0]), EVERY[0], RULES)]
    first = pdf(pictures)
    time.sleep(1.1)
    assert pdf(pictures) == first


def test_a_pdf_has_two_equal_a4_pages_a_sheet_and_its_codes_read():
    pictures = [draw(signed(wanted), wanted, RULES) for wanted in EVERY[:2]]
    data = pdf(pictures)
    with pypdfium2.PdfDocument(data) as document:
        assert len(document) == 4
        rendered = []
        for page in document:
            assert page.get_size() == pytest.approx((595.28, 841.89), abs=0.01)
            rendered.append(page.render(scale=300 / 72).to_numpy()[:, :, :3].copy())
            page.close()
    assert (rendered[0] == rendered[1]).all()
    texts = [found(face) for face in rendered]
    assert texts == [[signed(wanted)] * 4 for wanted in EVERY[:2] for _ in range(2)]
    assert len(data) < 300_000
