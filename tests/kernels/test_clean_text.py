"""Clean black text: what may become black and white when a site asks for it, and what never may."""

import cv2
import numpy as np
import pytest

from kernels.clean_text import black_and_white, judge
from kernels.raster import Raster

DPI = 300
SIZE = (1500, 1100)
FONT = cv2.FontFace("uni")
LINE = "经审理查明事实清楚证据确实充分"


def printed(paper=238, ink=35):
    page = np.full((*SIZE, 3), paper, np.uint8)
    for k in range(12):
        cv2.putText(page, LINE, (120, 180 + 100 * k), (ink,) * 3, FONT, 50)
    return page


def noisy(page, seed=1):
    noise = np.random.default_rng(seed).normal(0, 1.5, page.shape)
    return np.clip(cv2.GaussianBlur(page, (0, 0), 0.7) + noise, 0, 255).astype(np.uint8)


def pencil(page):
    cv2.line(page, (200, 1410), (420, 1430), (165, 165, 165), 4)


def dark_pencil(page):
    cv2.line(page, (200, 1410), (420, 1430), (120, 120, 120), 5)


def seal(page):
    cv2.circle(page, (800, 1100), 200, (90, 90, 225), 9)


def faint_seal(page):
    cv2.circle(page, (800, 1390), 60, (216, 216, 236), 9)


def blue_tick(page):
    cv2.line(page, (930, 1400), (960, 1440), (150, 60, 40), 5)


def photo(page):
    y, x = np.indices((300, 400))
    page[900:1200, 500:900] = (60 + 80 * np.sin(x / 9) * np.sin(y / 7) + 60)[..., None]


def dark_photo(page):
    page[1000:1300, 500:900] = 60


def stain(page):
    cv2.circle(page, (800, 1380), 90, (214, 222, 226), -1)


def show_through(page):
    soft = np.full(SIZE, 238, np.uint8)
    cv2.putText(soft, LINE[:6], (120, 1440), 214, FONT, 80)
    np.minimum(page, cv2.GaussianBlur(soft[:, ::-1], (0, 0), 5)[..., None], out=page)


def streak(page):
    page[:, 1000:1003] -= 40


def tint(page):
    page[..., 0] = np.minimum(page[..., 0], 212)


def punch_hole(page):
    cv2.circle(page, (60, 750), 34, (30, 30, 30), -1)


def test_black_print_on_white_paper_is_clean_text():
    assert judge(Raster(noisy(printed()), DPI)).reason == ""


@pytest.mark.parametrize("dpi", [200, 600])
def test_so_it_is_at_other_resolutions(dpi):
    page = cv2.resize(printed(), None, fx=dpi / DPI, fy=dpi / DPI, interpolation=cv2.INTER_AREA)
    assert judge(Raster(noisy(page), dpi)).reason == ""


@pytest.mark.parametrize(
    ("spoil", "reasons"),
    [
        (pencil, {"soft_mark"}),
        (dark_pencil, {"gray_mark", "soft_mark"}),
        (seal, {"colour"}),
        (faint_seal, {"colour"}),
        (blue_tick, {"colour"}),
        (photo, {"solid", "soft_mark"}),
        (dark_photo, {"solid"}),
        (stain, {"colour", "soft_mark", "solid"}),
        (show_through, {"soft_mark"}),
        (streak, {"streak"}),
        (tint, {"tinted_paper"}),
        (punch_hole, {"solid"}),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_one_other_thing_on_the_page_and_it_is_not(spoil, reasons):
    page = printed()
    spoil(page)
    assert judge(Raster(noisy(page), DPI)).reason in reasons


def test_a_gray_capture_never_is():
    gray = np.ascontiguousarray(noisy(printed())[..., 0])
    assert judge(Raster(gray, DPI)).reason == "gray_capture"


def test_a_blank_page_never_is():
    blank = noisy(np.full((*SIZE, 3), 238, np.uint8))
    assert judge(Raster(blank, DPI)).reason == "no_black"


@pytest.mark.parametrize("size", [(1, 1), (3, 400), (400, 3), (40, 40)])
def test_a_strip_of_anything_is_judged_without_an_error(size):
    pixels = np.random.default_rng(1).integers(0, 256, (*size, 3), np.uint8)
    assert judge(Raster(pixels, 50)).reason


def test_made_black_and_white_every_stroke_stays():
    page = noisy(printed())
    found = judge(Raster(page, DPI))
    made = black_and_white(Raster(page, DPI), found.level).pixels
    assert set(np.unique(made)) == {0, 255}
    inked = printed()[..., 0] < 100
    assert np.count_nonzero(made[inked]) == 0
    far = cv2.dilate((printed()[..., 0] < 238).astype(np.uint8), np.ones((7, 7), np.uint8)) == 0
    assert np.all(made[far] == 255)


def test_the_level_itself_is_white_and_what_is_darker_black():
    gray = np.arange(256, dtype=np.uint8).reshape(16, 16)
    made = black_and_white(Raster(gray, DPI), 178).pixels.reshape(-1)
    assert np.flatnonzero(made == 255).tolist() == list(range(178, 256))


@pytest.mark.parametrize(
    "name", ["065_last_seal", "066_photo", "067_idcard", "125_pencil", "126_sign_only",
             "128_blank_below", "129_thumb", "133_b_coffee"],
)  # fmt: skip
def test_no_seal_photo_card_pencil_signature_or_stain_of_the_test_pages_is(shared_data, name):
    page = cv2.imread(str(shared_data / "pages" / f"{name}.jpg"))
    assert judge(Raster(page, DPI)).reason
