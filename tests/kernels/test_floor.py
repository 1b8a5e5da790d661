"""The floor of the blank decision: no face with a mark of half a millimetre at 20/255 is SURE.

`kernels.blank` states it with its exceptions. Every mark lies somewhere on an otherwise blank face,
as near as half a millimetre to the border, in ink of any colour, on paper of any colour, with or
without dust and fibres beside it. Contrast is what the raster shows in the channel that the ink
darkens most.
"""

import cv2
import numpy as np
import pytest

from kernels import blank
from kernels.blank import Level
from kernels.first_pass import first_pass
from kernels.raster import Raster

DPI = 300
H, W = 620, 740
HALF_MM = 6
NEAREST = 6 + HALF_MM
"""Half a millimetre from the border to a mark of a millimetre."""
FINE = 8
PAPERS = {"white": (238, 238, 239), "cream": (218, 232, 236), "brown": (152, 190, 208)}
INKS = {
    "gray": (1, 1, 1),
    "red": (0.9, 1, 0.25),
    "blue": (0.3, 0.9, 1),
    "yellow": (1, 0.3, 0.05),
    "green": (0.9, 0.3, 1),
}
R = HALF_MM / 2
SHAPES = {
    "square": [[(-R, -R), (R, -R), (R, R), (-R, R)]],
    "triangle": [[(0, -5), (4.5, 3.5), (-4.5, 3.5)]],
    "bar": [[(-6, -R), (6, -R), (6, R), (-6, R)]],
    "stroke": [[(-12, -1.8), (12, -1.8), (12, 1.8), (-12, 1.8)]],
    "cross": [
        [(-6, -1.8), (6, -1.8), (6, 1.8), (-6, 1.8)],
        [(-1.8, -6), (1.8, -6), (1.8, 6), (-1.8, 6)],
    ],
    "angle": [
        [(-6, -6), (-2, -6), (-2, 6), (-6, 6)],
        [(-6, 2), (6, 2), (6, 6), (-6, 6)],
    ],
    "disk": None,
    "ring": None,
}
DISK_PX = 3.25  # radius: 0.55 mm, what is not dust


def coverage(shape, rng):
    """A mark turned and shifted by any part of a pixel: how much of each of 64 x 64 it covers."""
    fine = np.zeros((64 * FINE, 64 * FINE), np.uint8)
    centre = 32 * FINE + rng.uniform(-FINE / 2, FINE / 2, 2)
    if SHAPES[shape] is None:
        at = tuple(int(v) for v in np.rint(centre))
        disk = round(DISK_PX * FINE), cv2.FILLED
        size = disk if shape == "disk" else (HALF_MM * FINE, 3 * FINE)
        cv2.circle(fine, at, size[0], 255, size[1])
    else:
        turn = rng.uniform(0, 2 * np.pi)
        rotation = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
        for polygon in SHAPES[shape]:
            points = np.array(polygon) * FINE @ rotation + centre
            cv2.fillPoly(fine, [np.rint(points).astype(np.int32)], 255)
    soft = cv2.resize(fine, (64, 64), interpolation=cv2.INTER_AREA).astype(np.float32)
    blur = rng.choice((0.0, 0.5, 0.8))
    if blur:
        soft = cv2.GaussianBlur(soft, (0, 0), blur)
    return soft[..., None] / soft.max()


def specks(ink, rng):
    """A few at corners of the squares that hold the fibres: they do not touch."""
    for _ in range(5):
        at = int(rng.integers(1, W // 80)) * 80 + 10, int(rng.integers(1, H // 80)) * 80 + 10
        cv2.circle(ink, at, int(rng.integers(1, 3)), (150, 150, 150), cv2.FILLED)


def fibres(ink, rng):
    """One in every square of 7 mm."""
    for top in range(10, H - 80, 80):
        for left in range(10, W - 80, 80):
            x, y = left + rng.integers(20, 60), top + rng.integers(20, 60)
            turn, length = rng.uniform(0, np.pi), rng.uniform(5, 12)
            end = int(x + length * np.cos(turn)), int(y + length * np.sin(turn))
            cv2.line(ink, (int(x), int(y)), end, (45, 45, 45), 1, cv2.LINE_AA)


def face(rng, paper, add, noises=(0.8, 1.5, 3.0, 6.0)):
    """A face with noise and a gradient; `add` draws on its ink."""
    ink = np.zeros((H, W, 3), np.float32)
    add(ink)
    page = np.array(PAPERS[paper], np.float32) - ink
    page += 3 * np.cos(np.linspace(-2, 2, W, dtype=np.float32))[None, :, None]
    noise = rng.normal(0, rng.choice(noises), (H // 4, W, 3)).astype(np.float32)
    page += np.concatenate([np.roll(noise, rng.integers(0, W), axis=1) for _ in range(4)])
    return Raster(np.clip(page + 0.5, 0, 255).astype(np.uint8), DPI)


def verdict(raster):
    return blank.decide(blank.measure(raster, first_pass(raster)))


def put(canvas, mark, x, y):
    """Lay a mark with its middle at a place, cut off by the border."""
    wide = np.zeros((H + 64, W + 64, 3), np.float32)
    wide[y : y + 64, x : x + 64] = mark
    np.maximum(canvas, wide[32:-32, 32:-32], out=canvas)


def marked(shape, ink, rng):
    """A face with one mark, what it was drawn with, and its verdict."""
    paper = str(rng.choice(list(PAPERS)))
    contrast = float(rng.choice((20, 22, 26, 32, 45, 60, 90, 130)))
    others = [draw for draw in (specks, fibres) if rng.random() < 0.4]
    near = int(rng.integers(NEAREST, 32))
    # Anywhere, and within 2.5 mm of the border, or in a corner, as often as not.
    x, y = (
        int(rng.choice((near, side - near, rng.integers(32, side - 32)), p=(0.2, 0.2, 0.6)))
        for side in (W, H)
    )

    def add(canvas):
        for draw in others:
            draw(canvas, rng)
        canvas[:] = cv2.GaussianBlur(canvas, (0, 0), 0.7)
        put(canvas, coverage(shape, rng) * np.array(INKS[ink], np.float32) * contrast, x, y)

    drawn = (paper, contrast, [draw.__name__ for draw in others], (x, y))
    return drawn, verdict(face(rng, paper, add))


@pytest.mark.parametrize("ink", INKS)
@pytest.mark.parametrize("shape", SHAPES)
def test_a_mark_of_half_a_millimetre_is_never_surely_blank(shape, ink):
    rng = np.random.default_rng([list(SHAPES).index(shape), list(INKS).index(ink)])
    for _ in range(12):
        drawn, found = marked(shape, ink, rng)
        assert found.level is not Level.SURE, (drawn, found)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("others", [(), (specks,), (fibres,), (specks, fibres)])
def test_the_same_face_without_the_mark_is_surely_blank(others, seed):
    rng = np.random.default_rng(seed)

    def add(canvas):
        for draw in others:
            draw(canvas, rng)
        canvas[:] = cv2.GaussianBlur(canvas, (0, 0), 0.7)

    paper = "brown" if fibres in others else ("white", "cream", "brown")[seed % 3]
    found = verdict(face(rng, paper, add, noises=(0.8, 1.5)))
    assert found.level is Level.SURE, found


@pytest.mark.parametrize("seed", range(25))
def test_a_faint_dot_is_not_taken_for_the_grain_of_noisy_paper(seed):
    rng = np.random.default_rng(seed)
    x, y = int(rng.integers(40, W - 40)), int(rng.integers(40, H - 40))

    def add(canvas):
        place = canvas[y - 32 : y + 32, x - 32 : x + 32]
        place[:] = coverage("square", rng) * 20

    assert verdict(face(rng, "white", add, noises=(7.0, 8.0))).level is not Level.SURE


@pytest.mark.parametrize("seed", range(6))
def test_a_lone_faint_mark_is_not_believed_for_its_softness(seed):
    """Noise and a lens that is out of focus make a stroke of 20/255 as soft as show-through."""
    rng = np.random.default_rng(seed)

    def add(canvas):
        stroke = np.array(INKS["green"], np.float32) * 20 * coverage("stroke", rng)
        put(canvas, cv2.GaussianBlur(stroke, (0, 0), 2.0), W - 40, H - 40)
        canvas *= 20 / canvas.max()

    assert verdict(face(rng, "white", add, noises=(5.0,))).level is not Level.SURE


@pytest.mark.parametrize("seed", range(8))
def test_dust_on_a_faint_bar_does_not_hide_it(seed):
    """What is left of a bar of a millimetre around a speck is less than half a millimetre."""
    rng = np.random.default_rng(seed)
    x, y = int(rng.integers(60, W - 60)), int(rng.integers(60, H - 60))

    def add(canvas):
        canvas[y - 3 : y + 3, x - 7 : x + 7] = 22
        cv2.circle(canvas, (x, y), 2, (150, 150, 150), cv2.FILLED)
        canvas[:] = cv2.GaussianBlur(canvas, (0, 0), 0.7)

    found = verdict(face(rng, "white", add, noises=(0.8, 1.5)))
    assert found.level is not Level.SURE, found


@pytest.mark.parametrize("shape", ["triangle", "square"])
def test_a_blot_on_a_fibre_is_not_taken_for_two_fibres_crossed(shape):
    rng = np.random.default_rng(3)

    def add(canvas):
        fibres(canvas, rng)
        canvas[:] = cv2.GaussianBlur(canvas, (0, 0), 0.7)
        inner = canvas[100:-100, 100:-100, 0]
        y, x = rng.choice(np.argwhere(inner > 0.7 * inner.max()))
        put(canvas, coverage(shape, rng) * 32, int(x) + 100, int(y) + 100)

    for _ in range(12):
        found = verdict(face(rng, "brown", add, noises=(0.8, 1.5)))
        assert found.level is not Level.SURE, found


@pytest.mark.parametrize("seed", range(4))
def test_a_few_thin_strokes_are_not_the_fibres_of_the_paper(seed):
    rng = np.random.default_rng(seed)

    def add(canvas):
        fibres(canvas, rng)
        squares = [(y, x) for y in range(10, H - 80, 80) for x in range(10, W - 80, 80)]
        for k, (y, x) in enumerate(squares):
            if k % 5:  # some are left in all quarters of the page
                canvas[y : y + 80, x : x + 80] = 0
        canvas[:] = cv2.GaussianBlur(canvas, (0, 0), 0.7)

    assert verdict(face(rng, "brown", add, noises=(0.8,))).level is not Level.SURE
