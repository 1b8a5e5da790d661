"""A slice of the campaign of benchmarks/blank.py: faces with little on them, and with nothing.

python -m benchmarks.blank --light 3000    # the longer test, by hand
"""

import itertools

import cv2
import numpy as np
import pytest

from benchmarks.blank import Bench
from benchmarks.drawn import faces
from benchmarks.drawn.faces import BLANK, blank_face, light_face
from benchmarks.drawn.light import LIGHT
from benchmarks.drawn.paper import FLOOR_CONTRAST, FLOOR_MM, Ink, Sheet
from benchmarks.drawn.ream import STOCKS, Form, Ream
from kernels.blank import Level

SEED = 4
EACH = 4
CLEAN = ("clean", "clean, both sides", "brown", "punched", "dusty", "streaked")


@pytest.fixture(scope="module")
def ream():
    return Ream(SEED)


@pytest.fixture(scope="module")
def bench():
    return Bench()


@pytest.mark.parametrize("kind", LIGHT)
def test_a_face_with_light_content_is_never_surely_blank(ream, bench, kind):
    for number in range(EACH):
        face = light_face(ream, number * len(LIGHT) + list(LIGHT).index(kind), kind)
        assert face.facts["extent_mm"] >= FLOOR_MM
        assert face.facts["peak"] >= FLOOR_CONTRAST
        assert bench.judge(face)[0].level is not Level.SURE, (face.number, face.facts)


def test_clean_blanks_are_surely_blank(ream, bench):
    kept = _kept(ream, bench, CLEAN, 4)
    assert not kept


def test_nine_of_ten_blanks_with_the_other_side_shining_through_are_surely_blank(ream, bench):
    kinds = [kind for kind, (group, _) in BLANK.items() if group == "bleed"]
    kept = _kept(ream, bench, kinds, 3)
    assert len(kept) * 10 <= len(kinds) * 3, kept


def _kept(ream, bench, kinds, each):
    """Draw faces and return those which are not surely blank."""
    kept = []
    for number, kind in itertools.product(range(each), kinds):
        face = blank_face(ream, number, kind)
        found = bench.judge(face)[0]
        if found.level is not Level.SURE:
            kept.append((kind, number, found.reason))
    return kept


@pytest.mark.parametrize("draw", [light_face, blank_face])
def test_a_face_is_drawn_from_its_seed_and_number_alone(ream, draw):
    first = [draw(ream, number).raster.pixels.copy() for number in (3, 40)]
    fresh = Ream(SEED)
    again = [draw(fresh, number).raster.pixels.copy() for number in (40, 3)][::-1]
    assert all(np.array_equal(one, other) for one, other in zip(first, again, strict=True))


@pytest.mark.parametrize("quality", [0, 75])
def test_what_is_said_to_be_shown_is_what_content_takes_from_the_paper(quality):
    rng = np.random.default_rng(1)
    sheet = Sheet(Ream(SEED), rng, Form("slip", 200, 60, 40), STOCKS[0])
    sheet.jpeg_quality = quality
    cover = np.zeros((20, 40), np.uint8)
    cover[5:15, 5:35] = 255
    without = _coded(sheet)
    sheet.ink(cover, 100, 50, Ink(22.0, (0.3, 0.8, 1.0), 0.5))
    shown = sheet.shown()
    sheet.finish()
    taken = cv2.subtract(without, sheet.raster().pixels).max(axis=2)
    columns = np.flatnonzero((taken >= FLOOR_CONTRAST).any(axis=0))
    assert shown.counts
    assert shown.extent_mm == pytest.approx((np.ptp(columns) + 1) * 25.4 / 200, abs=0.01)
    assert shown.peak == int(taken.max())


def _coded(sheet):
    if not sheet.jpeg_quality:
        return sheet.pixels.copy()
    quality = (cv2.IMWRITE_JPEG_QUALITY, sheet.jpeg_quality)
    return cv2.imdecode(cv2.imencode(".jpg", sheet.pixels, quality)[1], cv2.IMREAD_COLOR)


def test_content_too_faint_to_count_gets_more_ink(ream, monkeypatch):
    def whisper(sheet):
        sheet.ink(np.full((30, 30), 255, np.uint8), 200, 100, Ink(4.0, (1.0, 1.0, 1.0), 0.5))

    monkeypatch.setitem(LIGHT, "whisper", whisper)
    face = light_face(ream, 1, "whisper")
    assert face.facts["gain"] > 1
    assert face.facts["peak"] >= FLOOR_CONTRAST
    monkeypatch.setitem(LIGHT, "nothing", lambda sheet: None)
    with pytest.raises(faces.NothingShown):
        light_face(ream, 1, "nothing")
