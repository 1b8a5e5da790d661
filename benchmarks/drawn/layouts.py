"""What is printed on drawn pages: one function for each kind, straight, to be turned once later."""

from itertools import pairwise
from typing import Final

import cv2
import numpy as np

from benchmarks.drawn.canvas import Colour, Sheet
from benchmarks.drawn.setting import Setting
from daemon.demo.draw import RED, Box

_ROSE: Final[Colour] = (120, 110, 190)


def text(sheet: Sheet, page: Setting) -> None:
    """Print running text, perhaps under a heading."""
    box = page.body(sheet)
    if page.rng.random() < 0.4:
        page.title(sheet, page.label(8), box.top_mm + page.em_mm)
        box = Box(box.left_mm, box.top_mm + 14, box.width_mm, box.height_mm - 14)
    page.paragraphs(sheet, box, float(page.rng.choice((1.0, 1.0, page.rng.uniform(0.15, 0.9)))))


def columns(sheet: Sheet, page: Setting) -> None:
    """Print two columns of small text whose lines do not stand level."""
    box, gap = page.body(sheet), 8.0
    width = (box.width_mm - gap) / 2
    for left in (box.left_mm, box.left_mm + width + gap):
        top = box.top_mm + float(page.rng.uniform(0, page.leading_mm))
        page.paragraphs(sheet, Box(left, top, width, box.height_mm))


def vertical(sheet: Sheet, page: Setting) -> None:
    """Print Chinese from top to bottom, columns from right to left, with or without rulings."""
    box, rng = page.body(sheet), page.rng
    ruled, step = rng.random() < 0.4, page.em_mm * float(rng.uniform(1.05, 1.25))
    rows = int(box.height_mm / step)
    colour = RED if rng.random() < 0.5 else page.ink
    for column in range(int(box.width_mm / page.leading_mm)):
        right = box.left_mm + box.width_mm - column * page.leading_mm
        if ruled:
            sheet.rule((right, box.top_mm), (right, box.top_mm + box.height_mm), 0.2, colour)
        left = right - (page.leading_mm + page.em_mm) / 2
        full = rows if rng.random() < 0.8 else int(rng.integers(3, rows + 3))
        for row, letter in enumerate(page.prose(rows)[: min(full, rows)]):
            shift = 0.5 * page.em_mm if letter in "，。、" else 0.0
            page.line(sheet, letter, (left + shift, box.top_mm + (row + 1) * step - shift))


def table(sheet: Sheet, page: Setting) -> None:
    """Rule a full grid and fill it in part."""
    box, rng = page.body(sheet), page.rng
    page.title(sheet, page.label(6), box.top_mm + page.em_mm, 1.4)
    columns_, height = int(rng.integers(2, 8)), page.leading_mm * float(rng.uniform(1.0, 1.8))
    rows = int((box.height_mm - 12) * float(rng.uniform(0.4, 1.0)) / height)
    edges = np.cumsum([0.0, *rng.dirichlet(np.full(columns_, 6.0))]) * box.width_mm + box.left_mm
    top, thick = box.top_mm + 12, float(rng.choice((0.12, 0.2, 0.35)))
    for edge in edges:
        sheet.rule((edge, top), (edge, top + rows * height), thick, page.ink)
    for row in range(rows + 1):
        y = top + row * height
        sheet.rule((edges[0], y), (edges[-1], y), thick, page.ink)
        for left, right in pairwise(edges):
            if row < rows and rng.random() < 0.7:
                at = (left + 1, y + (height + page.em_mm) / 2 - 0.5)
                cell = page.amount() if rng.random() < 0.5 else page.label(5)
                page.line(sheet, cell, at, size=0.85, room_mm=right - left - 4)


def ledger(sheet: Sheet, page: Setting) -> None:
    """Print numbers in columns without a single ruling."""
    box = page.body(sheet)
    lefts = np.linspace(box.left_mm, box.left_mm + box.width_mm, int(page.rng.integers(3, 7)))
    for row in range(int(box.height_mm / page.leading_mm)):
        for left, right in pairwise(lefts):
            if page.rng.random() < 0.8:
                at = (left, box.top_mm + row * page.leading_mm + page.em_mm)
                page.line(sheet, page.amount(), at, size=0.9, room_mm=right - left - 3)


def form(sheet: Sheet, page: Setting) -> None:
    """Print a form of few lines: labels, and rulings to write on."""
    box, rng = page.body(sheet), page.rng
    page.title(sheet, page.label(7), box.top_mm + page.em_mm)
    fields = int(rng.integers(4, 10))
    for field in range(fields):
        y = box.top_mm + 20 + (box.height_mm - 24) * field / fields
        page.line(sheet, page.label(4) + ":", (box.left_mm, y))
        left = box.left_mm + 6 * page.em_mm
        right = box.left_mm + box.width_mm * float(rng.uniform(0.6, 1))
        sheet.rule((left, y + 1), (right, y + 1), 0.2, page.ink)


def title_only(sheet: Sheet, page: Setting) -> None:
    """Print a cover: one large line, a smaller one, perhaps a frame."""
    height = sheet.size_mm[1]
    page.title(sheet, page.label(int(page.rng.integers(3, 8))), height * 0.35, 2.2)
    if page.rng.random() < 0.6:
        page.title(sheet, page.label(7), height * 0.8, 1.0)
    if page.rng.random() < 0.3:
        sheet.frame(page.body(sheet), 0.4, page.ink)


def few_lines(sheet: Sheet, page: Setting) -> None:
    """Print one to five short lines somewhere on the page."""
    box, rng = page.body(sheet), page.rng
    top = box.top_mm + box.height_mm * float(rng.uniform(0, 0.7))
    for row in range(int(rng.integers(1, 6))):
        base = top + page.em_mm + row * page.leading_mm
        if base > box.top_mm + box.height_mm:
            break
        left = box.left_mm + float(rng.uniform(0, 0.3)) * box.width_mm
        page.line(sheet, page.label(int(rng.integers(4, 16))), (left, base))


def letterhead(sheet: Sheet, page: Setting) -> None:
    """Print an office's red head and rule, and some text below."""
    box = page.body(sheet)
    head, thick = page.label(7), float(page.rng.uniform(0.4, 1.2))
    width = page.face.width_em(head) * page.em_mm * 2.2
    at = ((sheet.size_mm[0] - width) / 2, box.top_mm + 2.2 * page.em_mm)
    sheet.write(head, at, page.em_mm * 2.2, page.face, RED)
    y = at[1] + 8
    sheet.rule((box.left_mm, y), (box.left_mm + box.width_mm, y), thick, RED)
    below = Box(box.left_mm, y + 8, box.width_mm, box.height_mm - y + box.top_mm - 8)
    page.paragraphs(sheet, below, float(page.rng.uniform(0.2, 1)))


def receipt(sheet: Sheet, page: Setting) -> None:
    """Print a till slip: short lines, sums at the right, dashes, perhaps bars."""
    box, rng = page.body(sheet), page.rng
    base = box.top_mm + page.em_mm
    while base < box.top_mm + box.height_mm - page.em_mm:
        choice = rng.random()
        if choice < 0.12:
            sheet.write("-" * 60, (box.left_mm, base), page.em_mm * 0.5, page.face, page.ink)
        elif choice < 0.2 and base + 12 < box.top_mm + box.height_mm:
            _bars(sheet, page, Box(box.left_mm + 4, base - page.em_mm, box.width_mm * 0.6, 8))
            base += 8
        else:
            page.line(sheet, page.label(7), (box.left_mm, base), room_mm=box.width_mm * 0.55)
            at = (box.left_mm + box.width_mm * 0.62, base)
            page.line(sheet, page.amount(), at, size=0.9, room_mm=box.width_mm * 0.3)
        base += page.leading_mm


def invoice(sheet: Sheet, page: Setting) -> None:
    """Print a coloured form with a grid and few words."""
    box = page.body(sheet)
    height = min(box.height_mm, 90.0)
    grid = Box(box.left_mm, box.top_mm + 14, box.width_mm, height - 14)
    sheet.frame(grid, 0.25, _ROSE)
    for k in range(1, 5):
        y = grid.top_mm + grid.height_mm * k / 5
        sheet.rule((grid.left_mm, y), (grid.left_mm + grid.width_mm, y), 0.15, _ROSE)
        x = grid.left_mm + grid.width_mm * k / 5
        sheet.rule((x, grid.top_mm), (x, grid.top_mm + grid.height_mm * 0.8), 0.15, _ROSE)
        page.line(sheet, page.amount(), (grid.left_mm + 2, y - 2), size=0.8)
    page.title(sheet, page.label(7), box.top_mm + 8, 1.3)


def barcode_sheet(sheet: Sheet, page: Setting) -> None:
    """Print modules in black and white, as a separator has them, and one line of text."""
    side = int(page.rng.integers(21, 45))
    modules = page.rng.integers(0, 2, (side, side), np.uint8) * 255
    wide = min(sheet.size_mm) * float(page.rng.uniform(0.2, 0.5))
    dots = cv2.resize(modules, None, fx=12, fy=12, interpolation=cv2.INTER_NEAREST)
    picture = cv2.cvtColor(dots, cv2.COLOR_GRAY2BGR)
    at = ((sheet.size_mm[0] - wide) / 2, sheet.size_mm[1] * 0.3)
    sheet.paste(np.asarray(picture, np.uint8), at, dpi=round(picture.shape[1] * 25.4 / wide))
    page.title(sheet, page.label(8), sheet.size_mm[1] * 0.8)


def newspaper(sheet: Sheet, page: Setting) -> None:
    """Print three narrow columns with a photograph and a large heading."""
    box = page.body(sheet)
    page.title(sheet, page.label(8), box.top_mm + 12, 2.4)
    width = (box.width_mm - 12) / 3
    for k in range(3):
        top = box.top_mm + (20 if k else 20 + width)
        left = box.left_mm + k * (width + 6)
        page.paragraphs(sheet, Box(left, top, width, box.height_mm - top + box.top_mm))
    sheet.fill(Box(box.left_mm, box.top_mm + 18, width, width - 4), (150, 140, 130))


def envelope(sheet: Sheet, page: Setting) -> None:
    """Print six red boxes for the postcode, and rulings for the address."""
    box = page.body(sheet)
    for k in range(6):
        sheet.frame(Box(box.left_mm + 9 * k, box.top_mm, 7, 8), 0.3, RED)
    for k in range(3):
        y = box.top_mm + box.height_mm * (0.4 + 0.15 * k)
        sheet.rule((box.left_mm + 20, y), (box.left_mm + box.width_mm * 0.8, y), 0.2, page.ink)
    if page.rng.random() < 0.6:
        page.line(sheet, page.label(10), (box.left_mm + 22, box.top_mm + box.height_mm * 0.38))


def chart(sheet: Sheet, page: Setting) -> None:
    """Draw two axes, a curve that runs askew, and labels."""
    box, rng = page.body(sheet), page.rng
    left, bottom = box.left_mm + 12, box.top_mm + box.height_mm * 0.6
    sheet.rule((left, box.top_mm), (left, bottom), 0.3, page.ink)
    sheet.rule((left, bottom), (left + box.width_mm * 0.85, bottom), 0.3, page.ink)
    rise = np.cumsum(rng.normal(0.6, 1.0, 40))
    span = max(float(np.ptp(rise)), 1.0)
    points = [
        (left + box.width_mm * 0.8 * k / 39, bottom - (y - rise.min()) / span * box.height_mm * 0.5)
        for k, y in enumerate(rise.tolist())
    ]
    sheet.curve(points, 0.4, page.ink)
    for k in range(5):
        page.line(sheet, str(20 * k), (box.left_mm, bottom - k * box.height_mm * 0.12), size=0.8)
    page.title(sheet, page.label(8), bottom + 16, 1.0)


def _bars(sheet: Sheet, page: Setting, box: Box) -> None:
    x = box.left_mm
    while x < box.left_mm + box.width_mm:
        thick = float(page.rng.choice((0.3, 0.6, 0.9)))
        sheet.fill(Box(x, box.top_mm, thick, box.height_mm), page.ink)
        x += thick + float(page.rng.choice((0.3, 0.6, 0.9)))
