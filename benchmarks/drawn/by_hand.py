"""Light content left by a pen, a pencil, an eraser or a brush."""

import numpy as np

from benchmarks.drawn.paper import Ink, Sheet
from benchmarks.drawn.placing import (
    BLUE,
    GRAY,
    GREEN,
    PINK,
    RED,
    VIOLET,
    YELLOW,
    between,
    faint,
    pick,
    psf,
    put,
)
from benchmarks.drawn.strokes import Pad, signed, written


def pencil_note(sheet: Sheet) -> None:
    pad = written(
        sheet, int(sheet.rng.integers(2, 12)), between(sheet, 3.5, 8), between(sheet, 0.3, 0.6)
    )
    put(sheet, pad, Ink(faint(sheet, 70), GRAY, psf(sheet), "pencil"))


def signature(sheet: Sheet) -> None:
    area, wide = sheet.rng.uniform(30, 150), sheet.rng.uniform(1.5, 5)
    width = float(np.sqrt(area * wide))
    pad = signed(sheet, width, float(area / width), between(sheet, 0.3, 0.7))
    ink = Ink(faint(sheet, 190), pick(sheet, GRAY, BLUE, BLUE), psf(sheet), "pen")
    put(sheet, pad, ink, turn_deg=float(sheet.rng.normal(0, 8)))


def carbon_copy(sheet: Sheet) -> None:
    """Draw writing through carbon paper: soft, blue and without any clear edge."""
    pad = written(
        sheet, int(sheet.rng.integers(3, 14)), between(sheet, 4, 8), between(sheet, 0.4, 0.7)
    )
    soft = float(sheet.rng.uniform(0.10, 0.16)) * sheet.px(1)
    put(sheet, pad, Ink(faint(sheet, 80, 24), pick(sheet, BLUE, VIOLET, GRAY), soft, "carbon"))


def tick(sheet: Sheet) -> None:
    rng, size = sheet.rng, between(sheet, 3, 9)
    pad = Pad(sheet, size, size)
    shapes = (
        [[(0, 0.55), (0.3, 0.95), (1, 0)]],
        [[(0, 0), (1, 1)], [(1, 0.05), (0, 0.95)]],
        [[(0.1, 0.5), (0.9, 0.45)]],
    )
    for points in shapes[int(rng.integers(0, 3))]:
        jitter = rng.normal(0, 0.04, (len(points), 2))
        pad.lines((np.array(points) + jitter) * size, between(sheet, 0.3, 0.7))
    put(sheet, pad, Ink(faint(sheet, 150), pick(sheet, GRAY, BLUE, RED), psf(sheet), "pen"))


def written_one(sheet: Sheet) -> None:
    """Draw a single 一 by hand: the whole content of many an upper right corner."""
    rng, size = sheet.rng, between(sheet, 4, 9)
    pad, pen = Pad(sheet, size, 0.4 * size), between(sheet, 0.35, 0.9)
    rise = float(rng.uniform(-0.05, 0.15)) * size
    points = [(0, 0.2 * size + rise), (0.5 * size, 0.2 * size), (size, 0.2 * size - rise)]
    pad.lines(points, pen)
    pad.disk(*points[2], 0.7 * pen)
    texture = ("pen", "pencil")[int(rng.integers(0, 2))]
    zone = ("corner", "")[int(rng.integers(0, 2))]
    put(sheet, pad, Ink(faint(sheet, 180), pick(sheet, GRAY, BLUE), psf(sheet), texture), zone)


def gutter_writing(sheet: Sheet) -> None:
    pen = between(sheet, 0.3, 0.6)
    pad = written(sheet, int(sheet.rng.integers(2, 9)), between(sheet, 3.5, 6), pen, upright=True)
    ink = Ink(faint(sheet, 120), pick(sheet, GRAY, BLUE), psf(sheet), "pencil")
    put(sheet, pad, ink, "gutter")


def initials(sheet: Sheet) -> None:
    pad = signed(sheet, between(sheet, 3, 6), between(sheet, 2.5, 5), between(sheet, 0.25, 0.5))
    put(sheet, pad, Ink(faint(sheet, 180), pick(sheet, GRAY, BLUE), psf(sheet), "pen"))


def cross_out(sheet: Sheet) -> None:
    """Draw a pencil stroke over an empty part of the page: it says that nothing follows."""
    rng = sheet.rng
    width, height = float(rng.uniform(20, 90)), float(rng.uniform(20, 120))
    inside = sheet.inside
    width = min(width, sheet.mm(inside.right - inside.left) * 0.7)
    height = min(height, sheet.mm(inside.bottom - inside.top) * 0.7)
    pad, pen = Pad(sheet, width, height), between(sheet, 0.3, 0.6)
    t = np.linspace(0, 1, 20)
    wave = 0.04 * np.sin(2 * np.pi * t * rng.uniform(0.3, 4))
    points = np.column_stack([t, t + wave])
    pad.lines(points * (width, height), pen)
    if rng.random() < 0.4:
        pad.lines((points * (-1, 1) + (1, 0)) * (width, height), pen)
    put(sheet, pad, Ink(faint(sheet, 70), GRAY, psf(sheet), "pencil"), turn_deg=0.0)


def pen_dash(sheet: Sheet) -> None:
    """Draw a short stroke, such as a pen leaves that was put down."""
    rng, length = sheet.rng, between(sheet, 2.6, 9)
    turn = float(rng.uniform(0, np.pi))
    reach = np.array([np.cos(turn), np.sin(turn)]) * length
    size = np.abs(reach)
    pad = Pad(sheet, *size)
    start = np.where(reach > 0, 0, size)
    bend = start + reach / 2 + rng.normal(0, 0.04 * length, 2)
    pad.lines([tuple(start), tuple(bend), tuple(start + reach)], between(sheet, 0.3, 0.7))
    put(sheet, pad, Ink(faint(sheet, 170), pick(sheet, GRAY, BLUE, RED), psf(sheet), "pen"))


def ink_blot(sheet: Sheet) -> None:
    """Draw a dot that is too large or too coloured for dust."""
    radius = between(sheet, 0.45, 1.4)
    pad = Pad(sheet, 2 * radius, 2 * radius)
    pad.disk(radius, radius, radius)
    put(sheet, pad, Ink(faint(sheet, 200), pick(sheet, BLUE, RED, GREEN), psf(sheet), "pen"))


def erased_pencil(sheet: Sheet) -> None:
    """Draw what an eraser left: the pressed strokes, hardly above the floor."""
    pad = written(
        sheet, int(sheet.rng.integers(2, 9)), between(sheet, 4, 8), between(sheet, 0.35, 0.6)
    )
    put(sheet, pad, Ink(float(sheet.rng.uniform(23, 32)), GRAY, psf(sheet), "worn"))


def circled_number(sheet: Sheet) -> None:
    size = between(sheet, 5, 10)
    pad, pen = Pad(sheet, size, size), between(sheet, 0.3, 0.6)
    pad.ring(size / 2, size / 2, size / 2 - 0.3, pen)
    pad.text(str(int(sheet.rng.integers(1, 10))), 0.33 * size, 0.72 * size, 0.62 * size, 300)
    ink = Ink(faint(sheet, 90), pick(sheet, GRAY, RED, BLUE), psf(sheet), "pencil")
    put(sheet, pad, ink, "corner")


def correction_fluid(sheet: Sheet) -> None:
    """Draw a dab of white with the shadow of its raised rim, and a letter below that it missed."""
    rng, size = sheet.rng, between(sheet, 4, 9)
    pad = Pad(sheet, size, 0.6 * size)
    turns = np.linspace(0, np.pi, 12) + float(rng.uniform(0, 6))
    rim = np.column_stack([np.cos(turns) * size / 2, np.sin(turns) * 0.3 * size])
    pad.lines(rim + np.array((size / 2, 0.3 * size)), between(sheet, 0.3, 0.5))
    put(sheet, pad, Ink(faint(sheet, 45), GRAY, psf(sheet), "pencil"))


def highlighter(sheet: Sheet) -> None:
    rng = sheet.rng
    width, height = float(rng.uniform(12, 70)), float(rng.uniform(3, 6))
    pad = Pad(sheet, width, height)
    top = np.column_stack([np.linspace(0, width, 12), rng.normal(0.2, 0.12, 12)])
    below = np.column_stack([np.linspace(width, 0, 12), height - rng.normal(0.2, 0.12, 12)])
    pad.shape(np.concatenate([top, below]))
    ink = Ink(faint(sheet, 130), pick(sheet, YELLOW, YELLOW, PINK, GREEN), psf(sheet), "carbon")
    put(sheet, pad, ink)
