"""Light content pressed on paper: seals, stamps and thumbs."""

import numpy as np

from benchmarks.drawn.paper import Ink, Sheet
from benchmarks.drawn.placing import (
    BLUE,
    GRAY,
    PINK,
    RED,
    VIOLET,
    between,
    faint,
    pick,
    place,
    psf,
    put,
    words,
)
from benchmarks.drawn.strokes import Pad, printed, star, width_em


def stamped_page_number(sheet: Sheet) -> None:
    pad = printed(sheet, f"{int(sheet.rng.integers(1, 999)):03d}", between(sheet, 4, 6), 600)
    ink = Ink(faint(sheet, 160), pick(sheet, GRAY, BLUE, RED), psf(sheet), "stamp")
    put(sheet, pad, ink, "corner")


def faint_seal(sheet: Sheet) -> None:
    put(sheet, _seal(sheet), _seal_ink(sheet), turn_deg=float(sheet.rng.uniform(-40, 40)))


def half_seal(sheet: Sheet) -> None:
    """Draw what a seal across the edges of all sheets leaves on one of them."""
    pad, inside = _seal(sheet), sheet.inside
    cover = pad.cover(float(sheet.rng.uniform(0, 360)))
    radius = sheet.px(pad.width_mm / 2)
    seen = sheet.px(float(sheet.rng.uniform(4, 14)))
    x, y = (v + cover.shape[0] / 2 for v in place(sheet, cover.shape, "anywhere"))
    side = int(sheet.rng.integers(0, 4))
    x = (inside.left + seen - radius, inside.right - seen + radius, x, x)[side]
    y = (y, y, inside.top + seen - radius, inside.bottom - seen + radius)[side]
    left, top = (
        round(v - side_px / 2) for v, side_px in zip((x, y), cover.shape[1::-1], strict=True)
    )
    sheet.ink(cover, left, top, _seal_ink(sheet))


def name_seal(sheet: Sheet) -> None:
    """Draw a private seal: two to four characters in a square."""
    em = between(sheet, 4.5, 7.5)
    pad = Pad(sheet, 2.6 * em, 2.6 * em)
    pad.lines([(0, 0), (2.6 * em, 0), (2.6 * em, 2.6 * em), (0, 2.6 * em)], 0.5, closed=True)
    for k, letter in enumerate(words(sheet, 4)):
        pad.text(letter, (0.25 + 1.1 * (k % 2)) * em, (1.15 + 1.1 * (k // 2)) * em, em, 600)
    put(sheet, pad, _seal_ink(sheet))


def thumbprint(sheet: Sheet) -> None:
    rng = sheet.rng
    width, height = float(rng.uniform(11, 16)), float(rng.uniform(15, 22))
    pad = Pad(sheet, width, height)
    turns = np.linspace(0, 2 * np.pi, 48)
    for k in np.arange(0.6, width / 2, float(rng.uniform(0.85, 1.1))):
        reach = k * (1 + 0.03 * np.sin(3 * turns + rng.uniform(0, 6)))
        points = np.column_stack([np.cos(turns) * reach, np.sin(turns) * reach * height / width])
        start, end = np.sort(rng.integers(0, 48, 2))
        for part in (points[: start + 2], points[end:]):
            pad.lines(part + np.array((width / 2, height / 2)), float(rng.uniform(0.35, 0.5)))
    ink = Ink(faint(sheet, 150), pick(sheet, RED, RED, RED, GRAY), psf(sheet), "worn")
    put(sheet, pad, ink, turn_deg=float(rng.uniform(-60, 60)))


def date_stamp(sheet: Sheet) -> None:
    rng, em = sheet.rng, between(sheet, 3, 5)
    text = f"2026.{int(rng.integers(1, 13)):02d}.{int(rng.integers(1, 29)):02d}"
    width = width_em(text) * em
    pad = Pad(sheet, width + 2, 2 * em)
    pad.text(text, 1, 1.4 * em, em, 500)
    if rng.random() < 0.5:
        edge = [(0, 0), (width + 2, 0), (width + 2, 2 * em), (0, 2 * em)]
        pad.lines(edge, 0.35, closed=True)
    ink = Ink(faint(sheet, 110), pick(sheet, BLUE, RED, VIOLET, GRAY), psf(sheet), "worn")
    put(sheet, pad, ink, turn_deg=float(rng.normal(0, 8)))


def receipt_stamp(sheet: Sheet) -> None:
    """Draw a round stamp of the office that took the letter in."""
    radius = between(sheet, 9, 15)
    pad = Pad(sheet, 2 * radius, 2 * radius)
    pad.ring(radius, radius, radius - 0.4, 0.6)
    pad.text("收", 0.6 * radius, 0.85 * radius, 0.8 * radius, 600)
    pad.text("2026.3", 0.35 * radius, 1.5 * radius, 0.38 * radius, 500)
    ink = Ink(faint(sheet, 130), pick(sheet, BLUE, VIOLET), psf(sheet), "worn")
    put(sheet, pad, ink, turn_deg=float(sheet.rng.normal(0, 25)))


def _seal(sheet: Sheet) -> Pad:
    radius = between(sheet, 14, 21)
    pad = Pad(sheet, 2 * radius, 2 * radius)
    pad.ring(radius, radius, radius - 0.7, float(sheet.rng.uniform(0.8, 1.3)))
    pad.shape(star(radius, radius, radius / 3, 0.0))
    for k, letter in enumerate(words(sheet, 9)):
        turn = np.pi * (0.85 + 1.3 * k / 8)
        x, y = (radius * (1 + 0.74 * v) for v in (np.cos(turn), np.sin(turn)))
        pad.text(letter, x - 0.13 * radius, y + 0.12 * radius, 0.26 * radius, 600)
    return pad


def _seal_ink(sheet: Sheet) -> Ink:
    texture = ("stamp", "worn")[int(sheet.rng.integers(0, 2))]
    return Ink(faint(sheet, 90), pick(sheet, RED, RED, PINK), psf(sheet), texture)
