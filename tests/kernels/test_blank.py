"""Blank: light content is never removed, blanks nearly always are, and the evidence is said."""

import csv
from pathlib import Path

import cv2
import numpy as np
import pytest

from kernels import blank
from kernels.blank import Level
from kernels.first_pass import first_pass
from kernels.raster import Raster

FONT = cv2.FontFace("uni")
DPI = 300
W, H = 1240, 1754
TEXT = "经审理查明原告与被告签订借款合同约定期限为十二个月被告未按约偿还"
GRAY, RED, BLUE = (1.0, 1.0, 1.0), (0.9, 1.0, 0.25), (0.3, 0.9, 1.0)
YELLOW = (1.0, 0.4, 0.1)
WHITE = (238, 238, 239)
BROWN = (152, 190, 208)
PAGES = Path(__file__).parents[2] / "../shared/data/pages"


class Sheet:
    """A small sheet of paper to draw on; ink is subtracted, softened as a scanner softens it."""

    def __init__(self, rng, paper=WHITE, noise=1.8):
        self.rng = rng
        self.paper = np.array(paper, np.float32)
        self.noise = noise
        self.ink = np.zeros((H, W, 3), np.float32)

    def add(self, draw, contrast, colour=GRAY, blur=0.8, mirrored=False):
        mask = np.zeros((H, W), np.uint8)
        draw(mask)
        if mirrored:
            mask = cv2.flip(mask, 1)
        x, y, w, h = cv2.boundingRect(mask)
        reach = int(4 * blur) + 2
        place = np.s_[max(y - reach, 0) : y + h + reach, max(x - reach, 0) : x + w + reach]
        soft = cv2.GaussianBlur(mask[place], (0, 0), blur).astype(np.float32) / 255
        # Ink lets through what other ink lies under it, so both count.
        taken = soft[..., None] * np.array(colour, np.float32) * contrast
        self.ink[place] += taken * (1 - self.ink[place] / 240)

    def text(self, words, x, y, size, contrast, colour=GRAY):
        self.add(lambda m: cv2.putText(m, words, (x, y), 255, FONT, size), contrast, colour)

    def somewhere(self, margin=160):
        return int(self.rng.integers(margin, W - margin)), int(
            self.rng.integers(margin, H - margin)
        )

    def raster(self, angle=0.0, bed=32) -> Raster:
        page = self.paper - self.ink
        page += 3 * np.cos(np.linspace(-2, 2, W, dtype=np.float32))[None, :, None]
        if angle:
            turn = cv2.getRotationMatrix2D((W / 2, H / 2), angle, 1)
            page = cv2.warpAffine(page, turn, (W, H), borderValue=(bed,) * 3)
        noise = self.rng.normal(0, self.noise, (H // 4, W, 3)).astype(np.float32)
        page += np.tile(noise, (5, 1, 1))[:H]
        coded = cv2.imencode(".jpg", np.clip(page, 0, 255).astype(np.uint8))[1]
        return Raster(cv2.imdecode(coded, cv2.IMREAD_COLOR), DPI)


def dust(sheet, many):
    def draw(mask):
        for _ in range(many):
            cv2.circle(mask, sheet.somewhere(30), int(sheet.rng.integers(1, 3)), 255, -1)

    sheet.add(draw, 200, blur=0.7)


def staple(sheet, x=110):
    y = int(sheet.rng.integers(120, 260))
    sheet.add(lambda m: cv2.line(m, (x, y), (x + 95, y + 4), 255, 4, cv2.LINE_AA), 125)


def holes(sheet):
    def draw(mask):
        for y in (500, 1100):
            cv2.circle(mask, (90, y), 34, 255, -1, cv2.LINE_AA)

    sheet.add(draw, 200)


def signature(sheet, contrast, colour=BLUE):
    points = [np.array(sheet.somewhere(300))]
    for _ in range(12):
        points.append(points[-1] + sheet.rng.integers((-15, -40), (45, 40)))
    points = [np.array(points, np.int32)]
    sheet.add(lambda m: cv2.polylines(m, points, False, 255, 2, cv2.LINE_AA), contrast, colour)


def thumbprint(sheet, contrast, blur=0.8):
    centre = sheet.somewhere(200)

    def draw(mask):
        for k in range(1, 12):
            cv2.ellipse(mask, centre, (6 * k, 8 * k), 0, 0, 360, 255, 2, cv2.LINE_AA)

    sheet.add(draw, contrast, RED, blur)


def seal(sheet, contrast, blur=0.9, centre=None):
    centre = centre or sheet.somewhere(280)
    worn = sheet.rng.random((H, W)) > 0.15

    def draw(mask):
        cv2.circle(mask, centre, 240, 255, 10, cv2.LINE_AA)
        turns = np.arange(5) * 4 * np.pi / 5 - np.pi / 2
        star = np.column_stack([np.cos(turns), np.sin(turns)]) * 80 + centre
        cv2.fillPoly(mask, [star.astype(np.int32)], 255)
        mask *= worn

    sheet.add(draw, contrast, RED, blur)


def body(mask):
    for k in range(9):
        cv2.putText(mask, TEXT[k : k + 15], (120, 300 + 130 * k), 255, FONT, 56)


def table(mask):
    for y in range(300, 1300, 90):
        cv2.line(mask, (120, y), (1120, y), 255, 3)
    for x in range(120, 1121, 250):
        cv2.line(mask, (x, 300), (x, 1290), 255, 3)


def ring(mask):
    cv2.circle(mask, (700, 900), 240, 255, 10, cv2.LINE_AA)
    cv2.circle(mask, (700, 900), 80, 255, -1, cv2.LINE_AA)


def show_through(sheet, strength, blur=2.6, what=body, shift=(0, 0)):
    def shifted(mask):
        what(mask)
        mask[:] = np.roll(mask, shift, (0, 1))

    sheet.add(shifted, 235 * strength, blur=blur, mirrored=True)


def small_mark(sheet):
    """At least 0.5 mm, at least 22/255: a dot, a bar, a stroke, in gray, red or yellow."""
    x, y = sheet.somewhere(200)
    size = int(sheet.rng.integers(7, 20))
    shape = sheet.rng.integers(0, 4)
    colour = (GRAY, RED, YELLOW)[sheet.rng.integers(0, 3)]

    def draw(mask):
        if shape == 0:
            cv2.rectangle(mask, (x, y), (x + size, y + size), 255, -1)
        elif shape == 1:
            cv2.circle(mask, (x, y), max(size // 2, 4), 255, -1, cv2.LINE_AA)
        elif shape == 2:
            cv2.line(mask, (x, y), (x + 2 * size, y + size // 2), 255, 3, cv2.LINE_AA)
        else:
            cv2.line(mask, (x, y), (x, y + size), 255, 2, cv2.LINE_AA)

    sheet.add(draw, int(sheet.rng.integers(22, 60)), colour, blur=0.6)


LIGHT = {
    "pencil": lambda s: s.text(TEXT[:9], 200, 700, 60, s.rng.integers(24, 60)),
    "a lone signature": lambda s: signature(s, s.rng.integers(60, 180)),
    "a page number": lambda s: s.text("86", 600, 1690, 30, s.rng.integers(60, 200)),
    "a dashed page number": lambda s: s.text("- 3 -", 560, 1690, 36, 150),
    "a written 一 at the upper right": lambda s: s.text("一", 1080, 150, 60, 150),
    "a faint seal": lambda s: seal(s, s.rng.integers(25, 70)),
    "a thumbprint": lambda s: thumbprint(s, s.rng.integers(30, 150)),
    "thermal print at 190": lambda s: s.text("合计 ¥128.00", 300, 600, 44, 48),
    "以下空白": lambda s: s.text("以下空白", 500, 300, 56, s.rng.integers(40, 220)),
    "leader dots": lambda s: s.text("......", 500, 900, 44, 180),
    "a tick": lambda s: s.text("√", 500, 900, 40, s.rng.integers(30, 120), BLUE),
    "a mark of half a millimetre": small_mark,
}
BLANK = {
    "clean": lambda s: None,
    "holes": holes,
    "dust": lambda s: dust(s, 15),
    "faint show-through": lambda s: show_through(s, s.rng.uniform(0.03, 0.05), blur=4.0),
    "a seal showing through": lambda s: seal(s, 200 * s.rng.uniform(0.05, 0.06), blur=4.5),
}


def verdict(raster, other=None):
    seen = blank.measure(raster, first_pass(raster))
    back = None if other is None else blank.measure(other, first_pass(other))
    return blank.decide(seen, back)


def drawn(what, seed):
    rng = np.random.default_rng(seed)
    sheet = Sheet(rng, BROWN if seed % 5 == 4 else WHITE, rng.uniform(1.0, 3.0))
    what(sheet)
    if seed % 2:
        dust(sheet, int(rng.integers(2, 9)))
    return sheet.raster(angle=0.0 if seed % 3 == 0 else float(rng.uniform(-4, 4)))


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("what", LIGHT)
def test_light_content_is_never_surely_blank(what, seed):
    assert verdict(drawn(LIGHT[what], seed)).level is not Level.SURE


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("what", BLANK)
def test_a_blank_face_is_surely_blank(what, seed):
    found = verdict(drawn(BLANK[what], seed))
    assert found.level is Level.SURE, found


@pytest.mark.parametrize("contrast", [20, 24, 40, 90, 200])
def test_a_bar_of_half_a_millimetre_is_never_surely_blank(contrast):
    sheet = Sheet(np.random.default_rng(contrast))
    sheet.add(lambda m: cv2.rectangle(m, (600, 800), (611, 805), 255, -1), contrast, blur=0.5)
    assert verdict(sheet.raster()).level is not Level.SURE


def test_show_through_is_told_by_the_other_side_mirrored():
    front, back = Sheet(np.random.default_rng(1)), Sheet(np.random.default_rng(2))
    front.add(body, 210)
    show_through(back, 0.18)
    printed, faint = front.raster(), back.raster()
    alone, beside = verdict(faint), verdict(faint, printed)
    assert alone.level is Level.LIKELY  # too dark to believe without proof
    assert beside.level is Level.SURE
    assert beside.values["shine_correlation"] > 0.9
    assert beside.values["shine_share"] == pytest.approx(0.18 * 235 / 210, abs=0.03)
    assert verdict(printed, faint).level is Level.NO


def test_soft_marks_that_the_other_side_does_not_explain_are_kept():
    back = Sheet(np.random.default_rng(2))
    show_through(back, 0.13)
    faint = back.raster()
    other = Sheet(np.random.default_rng(3))
    other.add(lambda m: cv2.putText(m, TEXT[:5], (200, 1600), 255, FONT, 56), 210)
    assert verdict(faint).level is Level.LIKELY
    assert verdict(faint, other.raster()).level is Level.NO


@pytest.fixture(scope="module")
def printed():
    """Faces that shine through: text, a table, a seal."""
    fronts = {}
    for what, colour in ((body, GRAY), (table, GRAY), (ring, RED)):
        sheet = Sheet(np.random.default_rng(1))
        sheet.add(what, 210, colour)
        fronts[what] = sheet.raster()
    return fronts


@pytest.mark.parametrize("strength", [0.05, 0.1, 0.15])
@pytest.mark.parametrize("what", [body, table, ring])
def test_what_shines_through_is_blank_beside_its_other_side(printed, what, strength):
    """The two windows of the scanner do not look at quite the same place."""
    sheet = Sheet(np.random.default_rng(int(1000 * strength)))
    shift = tuple(int(v) for v in sheet.rng.integers(-30, 31, 2))
    show_through(sheet, strength, float(sheet.rng.uniform(2.5, 5)), what, shift)
    dust(sheet, 5)
    found = verdict(sheet.raster(), printed[what])
    assert found.level is Level.SURE, found


@pytest.mark.parametrize("what", LIGHT)
def test_light_content_on_show_through_is_never_surely_blank(printed, what):
    seed = 1000 + list(LIGHT).index(what)
    sheet = Sheet(np.random.default_rng(seed))
    under = (body, table, ring)[seed % 3]
    show_through(sheet, float(sheet.rng.uniform(0.05, 0.15)), 3.0, under, (12, -7))
    LIGHT[what](sheet)
    faint = sheet.raster()
    assert verdict(faint).level is not Level.SURE
    assert verdict(faint, printed[under]).level is not Level.SURE


def test_a_sharp_copy_of_the_other_side_is_not_show_through(printed):
    """A form that is printed on both sides alike, faintly on this one."""
    sheet = Sheet(np.random.default_rng(3))
    show_through(sheet, 0.13, 0.5, table)
    assert verdict(sheet.raster(), printed[table]).level is not Level.SURE


@pytest.mark.parametrize("strength", [0.22, 0.28])
def test_show_through_too_dark_to_see_a_mark_on_is_not_believed(printed, strength):
    sheet = Sheet(np.random.default_rng(4))
    show_through(sheet, strength)
    found = verdict(sheet.raster(), printed[body])
    assert (found.level, found.reason) == (Level.LIKELY, "shine_unproven")


def test_no_paper_lets_most_of_a_faint_print_shine_through():
    """A copy as dark as its faint original is print on both sides."""
    front, back = Sheet(np.random.default_rng(5)), Sheet(np.random.default_rng(6))
    front.add(body, 50)
    show_through(back, 0.14)
    assert verdict(back.raster(), front.raster()).level is not Level.SURE


def test_holes_must_go_through_the_sheet():
    sheet, through = Sheet(np.random.default_rng(6)), Sheet(np.random.default_rng(7))
    holes(sheet)
    through.add(lambda m: [cv2.circle(m, (W - 90, y), 34, 255, -1) for y in (505, 1105)], 200)
    punched, empty = sheet.raster(), Sheet(np.random.default_rng(8)).raster()
    assert verdict(punched).level is Level.SURE
    assert verdict(punched, through.raster()).level is Level.SURE
    found = verdict(punched, empty)
    assert (found.level, found.reason) == (Level.LIKELY, "fastening_on_one_side")


def test_a_staple_must_go_through_the_sheet_where_its_other_side_is_known():
    sheet, through = Sheet(np.random.default_rng(6)), Sheet(np.random.default_rng(6))
    staple(sheet)
    staple(through, x=W - 110 - 95)
    ours, empty = sheet.raster(), Sheet(np.random.default_rng(7)).raster()
    found = verdict(ours, empty)
    assert (found.level, found.reason) == (Level.LIKELY, "fastening_on_one_side")
    assert verdict(ours, through.raster()).level is Level.SURE


@pytest.mark.parametrize("crooked_px", [0, 2])
def test_a_staple_alone_is_believed_only_if_no_hand_draws_it(crooked_px):
    sheet = Sheet(np.random.default_rng(6))
    points = [(150, 200), (180, 200 + crooked_px), (215, 200 - crooked_px), (245, 200)]
    sheet.add(lambda m: cv2.polylines(m, [np.array(points)], False, 255, 4, cv2.LINE_AA), 125)
    found = verdict(sheet.raster())
    assert (found.level is Level.SURE) == (not crooked_px), found


def test_a_soft_coloured_mark_on_a_sheet_with_an_empty_back_is_kept():
    sheet = Sheet(np.random.default_rng(4))
    seal(sheet, 22, blur=2.6)
    empty = Sheet(np.random.default_rng(5)).raster()
    assert verdict(sheet.raster(), empty).level is Level.NO


def test_a_staple_at_the_upper_right_needs_its_other_end():
    back, front = Sheet(np.random.default_rng(6)), Sheet(np.random.default_rng(6))
    staple(back, x=W - 110 - 95)
    staple(front)
    ours, empty = back.raster(), Sheet(np.random.default_rng(7)).raster()
    assert verdict(ours).level is Level.NO
    assert verdict(ours, front.raster()).level is Level.SURE
    assert verdict(ours, empty).level is not Level.SURE


def test_a_streak_over_the_whole_image_is_not_content_and_a_ruled_line_is():
    streaked, ruled = Sheet(np.random.default_rng(7)), Sheet(np.random.default_rng(7))
    streaked.add(lambda m: cv2.line(m, (700, 0), (706, H), 255, 2), 80)
    ruled.add(lambda m: cv2.line(m, (700, 160), (706, H - 160), 255, 2), 80)
    found = verdict(streaked.raster())
    assert found.level is Level.SURE
    assert found.values["streaks"] == 1
    assert verdict(ruled.raster()).level is Level.NO


def test_a_red_dot_of_the_size_of_a_hole_is_content():
    for colour, level in ((GRAY, Level.SURE), (RED, Level.NO)):
        sheet = Sheet(np.random.default_rng(8))
        sheet.add(lambda m: cv2.circle(m, (90, 700), 34, 255, -1, cv2.LINE_AA), 190, colour)
        assert verdict(sheet.raster()).level is level


@pytest.mark.parametrize("paper", [WHITE, BROWN])
def test_a_faint_blue_tick_is_content_on_any_paper(paper):
    sheet = Sheet(np.random.default_rng(9), paper)
    sheet.text("√", 500, 900, 40, 30, BLUE)
    assert verdict(sheet.raster()).level is Level.NO


def test_a_lone_faint_stroke_is_not_explained_by_a_full_page_on_the_other_side():
    """The colour of JPEG is soft: a faint red stroke looks as if it shone through."""
    front = Sheet(np.random.default_rng(1))
    front.add(body, 210)
    printed = front.raster()
    for seed in range(6):
        sheet = Sheet(np.random.default_rng(seed), noise=3.0)
        at = sheet.somewhere(300)
        end = (at[0] + 14, at[1] + 4)
        sheet.add(lambda m, a=at, b=end: cv2.line(m, a, b, 255, 5), 26, RED, blur=1.0)
        assert verdict(sheet.raster(), printed).level is not Level.SURE


@pytest.mark.parametrize("ink", [RED, YELLOW])
def test_a_lone_faint_mark_of_colour_is_kept_though_jpeg_makes_it_soft(ink):
    front = Sheet(np.random.default_rng(1))
    front.add(body, 210)
    printed = front.raster()
    for seed in range(6):
        sheet = Sheet(np.random.default_rng(seed))
        x, y = sheet.somewhere(300)
        spot = (x, y), (x + 16, y + 16)
        sheet.add(lambda m, at=spot: cv2.rectangle(m, *at, 255, -1), 27, ink)
        faint = sheet.raster(angle=3.0)
        assert verdict(faint).level is not Level.SURE
        assert verdict(faint, printed).level is not Level.SURE


def test_an_empty_printed_frame_is_content():
    sheet = Sheet(np.random.default_rng(8))
    sheet.add(lambda m: cv2.rectangle(m, (120, 120), (W - 120, H - 120), 255, 3), 80)
    assert verdict(sheet.raster()).level is Level.NO


def test_a_gray_panel_is_content():
    sheet = Sheet(np.random.default_rng(9))
    sheet.add(lambda m: cv2.rectangle(m, (0, 900), (W, H), 255, -1), 40, blur=25)
    assert verdict(sheet.raster()).level is not Level.SURE


def test_noise_in_which_a_mark_could_hide_is_never_sure():
    assert verdict(Sheet(np.random.default_rng(10), noise=14.0).raster()).level is not Level.SURE


def test_five_holes_are_not_punch_holes():
    sheet = Sheet(np.random.default_rng(11))

    def draw(mask):
        for y in range(200, 1200, 200):
            cv2.circle(mask, (90, y), 34, 255, -1, cv2.LINE_AA)

    sheet.add(draw, 200)
    assert verdict(sheet.raster()).level is Level.NO


def test_a_gray_raster_is_judged_like_a_colour_one():
    sheet = Sheet(np.random.default_rng(12))
    assert verdict(_gray(sheet.raster())).level is Level.SURE
    sheet.text("86", 600, 1690, 30, 60)
    assert verdict(_gray(sheet.raster())).level is Level.NO


def _gray(raster):
    return Raster(cv2.cvtColor(raster.pixels, cv2.COLOR_BGR2GRAY), raster.dpi)


@pytest.mark.parametrize("shape", [(1, 1), (3, 700), (64, 64), (700, 200)])
def test_a_scrap_too_small_to_judge_is_kept(shape):
    found = verdict(Raster(np.full((*shape, 3), 240, np.uint8), DPI))
    assert (found.level, found.reason) == (Level.NO, "too_small")


@pytest.mark.parametrize("dpi", [100, 150, 200, 400, 600])
def test_the_resolution_does_not_change_the_verdict(dpi):
    for what, level in ((lambda s: None, Level.SURE), (LIGHT["pencil"], Level.NO)):
        page = drawn(what, 0)
        scale = dpi / DPI
        pixels = cv2.resize(page.pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        assert verdict(Raster(pixels, dpi)).level is level


@pytest.mark.skipif(not PAGES.is_dir(), reason="the folder ../shared/data/pages is not here")
def test_of_the_shared_pages_no_content_is_removed_and_no_blank_is_missed():
    false, missed, blanks = [], [], 0
    for row in csv.DictReader((PAGES / "truth.csv").read_text().splitlines()):
        page = cv2.imread(str(PAGES / row["file"]), cv2.IMREAD_COLOR)
        sure = verdict(Raster(page, DPI)).level is Level.SURE
        blanks += row["blank"] == "1"
        if sure and row["blank"] == "0":
            false.append(row["file"])
        if not sure and row["blank"] == "1":
            missed.append(row["file"])
    assert not false
    assert not missed
    assert blanks == 7
