"""Light content printed on paper, or stuck on it."""

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
    place,
    psf,
    put,
    words,
    zone_of,
)
from benchmarks.drawn.strokes import Pad, printed, width_em


def page_number(sheet: Sheet) -> None:
    number = str(int(sheet.rng.integers(1, 400)))
    _printed(sheet, number, between(sheet, 2.6, 4.6), 210, zone="foot")


def dashed_page_number(sheet: Sheet) -> None:
    number = int(sheet.rng.integers(1, 90))
    _printed(sheet, f"- {number} -", between(sheet, 3.0, 5.0), 210, zone="foot")


def thermal_print(sheet: Sheet) -> None:
    em, lines = between(sheet, 2.6, 3.6), int(sheet.rng.integers(1, 6))
    pad = Pad(sheet, 14 * em, lines * 1.5 * em)
    for k in range(lines):
        text = f"{words(sheet, 4)}  ¥{int(sheet.rng.integers(10, 9999))}.00"
        pad.text(text, 0, (1.5 * k + 1) * em, em, 400)
    dots = max(round(pad.scale / 8), 2)  # eight dots to the millimetre
    pad.mask[::dots] = (pad.mask[::dots] * 0.6).astype(np.uint8)
    put(sheet, pad, Ink(faint(sheet, 50), pick(sheet, GRAY, GRAY, VIOLET), psf(sheet), "print"))


def form_lines(sheet: Sheet) -> None:
    """Draw the empty, lightly printed lines of a form."""
    rng = sheet.rng
    width, rows = float(rng.uniform(40, 90)), int(rng.integers(2, 8))
    pitch, pen = float(rng.uniform(6, 10)), float(rng.uniform(0.2, 0.4))
    rows = min(rows, int(0.8 * sheet.form.height_mm / pitch))  # a line from end to end is a streak
    pad = Pad(sheet, width, rows * pitch)
    for k in range(rows + 1):
        pad.lines([(0, k * pitch), (width, k * pitch)], pen)
    for x in np.linspace(0, width, int(rng.integers(0, 4)) + 2)[:: int(rng.integers(1, 3))]:
        pad.lines([(x, 0), (x, rows * pitch)], pen)
    ink = Ink(faint(sheet, 110), pick(sheet, GRAY, BLUE, GREEN, RED), psf(sheet), "print")
    put(sheet, pad, ink, turn_deg=0.0)


def watermark(sheet: Sheet) -> None:
    em = between(sheet, 9, 16)
    text = ("复印无效", "副本", "内部资料", "样张")[int(sheet.rng.integers(0, 4))]
    pad = printed(sheet, text, em, int(sheet.rng.integers(300, 700)))
    ink = Ink(float(sheet.rng.uniform(21, 34)), pick(sheet, GRAY, BLUE, RED), psf(sheet), "print")
    put(sheet, pad, ink, "anywhere", float(sheet.rng.uniform(-45, 45)))


def blank_below(sheet: Sheet) -> None:
    if sheet.rng.random() < 0.5:
        _printed(sheet, "以下空白", between(sheet, 3.5, 6), 220)
    else:
        pad = printed(sheet, "以下空白", between(sheet, 5, 7), 600)
        ink = Ink(faint(sheet, 150), pick(sheet, BLUE, RED, VIOLET), psf(sheet), "stamp")
        put(sheet, pad, ink, turn_deg=float(sheet.rng.normal(0, 5)))


def leader_dots(sheet: Sheet) -> None:
    rng, many = sheet.rng, int(sheet.rng.integers(5, 40))
    pitch, radius = float(rng.uniform(1.4, 2.6)), float(rng.uniform(0.27, 0.42))
    pad = Pad(sheet, many * pitch, 2 * radius)
    for k in range(many):
        pad.disk((k + 0.5) * pitch, radius, radius)
    put(sheet, pad, Ink(faint(sheet, 200, 30), GRAY, psf(sheet), "print"), turn_deg=0.0)


def table_rule(sheet: Sheet) -> None:
    """Draw one faint rule, not over the whole sheet."""
    rng = sheet.rng
    length, pen = float(rng.uniform(12, 85)), float(rng.uniform(0.25, 0.6))
    upright = rng.random() < 0.5
    length = min(length, 0.8 * (sheet.form.height_mm if upright else sheet.form.width_mm))
    pad = Pad(sheet, *((pen, length) if upright else (length, pen)))
    pad.lines(
        [(pen / 2, 0), (pen / 2, length)] if upright else [(0, pen / 2), (length, pen / 2)], pen
    )
    ink = Ink(faint(sheet, 90), pick(sheet, GRAY, GRAY, RED, BLUE), psf(sheet), "print")
    put(sheet, pad, ink, turn_deg=float(rng.normal(0, 0.4)))


def barcode(sheet: Sheet) -> None:
    rng, width, height = sheet.rng, between(sheet, 22, 45), between(sheet, 5, 10)
    pad = Pad(sheet, width, height + 4)
    x = 0.0
    while x < width - 1.5:
        bar = 0.3 * float(rng.integers(1, 4))
        pad.shape([(x, 0), (x + bar, 0), (x + bar, height), (x, height)])
        x += bar + 0.3 * float(rng.integers(1, 4))
    pad.text(f"{int(rng.integers(10**9, 10**10))}", 2, height + 3.2, 2.8, 400)
    put(sheet, pad, Ink(faint(sheet, 200), GRAY, psf(sheet), "print"))


def header_line(sheet: Sheet) -> None:
    em = between(sheet, 2.6, 3.6)
    text = words(sheet, int(sheet.rng.integers(5, 15)))
    width = width_em(text) * em
    pad = Pad(sheet, width, 2 * em)
    pad.text(text, 0, em, em, 400)
    if sheet.rng.random() < 0.6:
        pad.lines([(0, 1.6 * em), (width, 1.6 * em)], 0.25)
    put(sheet, pad, Ink(faint(sheet, 130), GRAY, psf(sheet), "print"), "head", 0.0)


def fax_header(sheet: Sheet) -> None:
    rng = sheet.rng
    month, minute, page = (int(rng.integers(*span)) for span in ((1, 13), (10, 60), (1, 9)))
    text = f"2026-{month:02d}-05 09:{minute} FAX P.{page}"
    _printed(sheet, text, between(sheet, 2.4, 3.2), 200, zone="head")


def footer(sheet: Sheet) -> None:
    page = int(sheet.rng.integers(1, 9))
    _printed(sheet, f"第 {page} 页 共 9 页", between(sheet, 2.6, 4), 180, zone="foot")


def small_code(sheet: Sheet) -> None:
    """Draw a small square code in light print."""
    rng, module = sheet.rng, float(sheet.rng.uniform(0.5, 0.9))
    bits = rng.integers(0, 2, (13, 13))
    pad = Pad(sheet, 13 * module, 13 * module)
    for row, column in np.argwhere(bits):
        x, y = column * module, row * module
        pad.shape([(x, y), (x + module, y), (x + module, y + module), (x, y + module)])
    put(sheet, pad, Ink(faint(sheet, 120), GRAY, psf(sheet), "print"))


def sticky_note(sheet: Sheet) -> None:
    """Draw a note of coloured paper with the shadow of its edge."""
    rng = sheet.rng
    width, height = float(rng.uniform(15, 50)), float(rng.uniform(10, 50))
    corners = [(0, 0), (width, 0), (width, height), (0, height)]
    pad, rim = Pad(sheet, width, height), Pad(sheet, width, height)
    pad.shape(corners)
    rim.lines(corners[int(rng.integers(0, 3)) :][:2], 0.5)
    turn, softness = float(rng.normal(0, 6)), psf(sheet)
    cover = pad.cover(turn)
    x, y = place(sheet, cover.shape, zone_of(sheet))
    sheet.ink(cover, x, y, Ink(faint(sheet, 110), pick(sheet, YELLOW, PINK, BLUE), softness))
    cover = rim.cover(turn)
    sheet.ink(cover, x, y, Ink(float(rng.uniform(10, 40)), GRAY, softness))


def _printed(sheet: Sheet, text: str, em_mm: float, top: float, zone: str = "") -> None:
    pad = printed(sheet, text, em_mm, int(sheet.rng.integers(300, 650)))
    put(sheet, pad, Ink(faint(sheet, top), GRAY, psf(sheet), "print"), zone, 0.0)
