"""What hands and copiers leave on drawn pages: writing, seals, cards, photographs, glued slips."""

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.drawn import layouts
from benchmarks.drawn.canvas import Colour, Place, Sheet
from benchmarks.drawn.setting import Setting
from daemon.demo import hand, photo
from daemon.demo.draw import BLUE, PENCIL, Box, Canvas

_INKS: Final[tuple[Colour, ...]] = (BLUE, (50, 45, 45), PENCIL, (90, 60, 40))
_CARD_MM: Final = (85.6, 54.0)


def scrawl(
    sheet: Sheet, page: Setting, box: Box, em_mm: float, *, colour: Colour, slope: float = 0.0
) -> None:
    """Write characters of random strokes; each line climbs by `slope` and by its own mood."""
    rng = page.rng
    base = box.top_mm + em_mm
    while base < box.top_mm + box.height_mm:
        lean, x = slope + float(rng.normal(0, 0.012)), box.left_mm + float(rng.uniform(0, 6))
        end = box.left_mm + box.width_mm * (1 if rng.random() < 0.7 else float(rng.uniform(0.2, 1)))
        while x < end:
            y = base - lean * (x - box.left_mm) + float(rng.normal(0, 0.35))
            if rng.random() > 0.08:
                _character(sheet, rng, (x, y), em_mm * float(rng.uniform(0.8, 1.1)), colour)
            x += em_mm * float(rng.uniform(0.85, 1.15))
        base += em_mm * float(rng.uniform(1.5, 1.9))


def _character(
    sheet: Sheet, rng: np.random.Generator, at: Place, em: float, colour: Colour
) -> None:
    for _ in range(int(rng.integers(2, 8))):
        way = rng.random()
        x, y = rng.uniform(0.05, 0.8, 2)
        if way < 0.45:
            points = [(x * 0.4, y), (x * 0.4 + 0.3, y - 0.05), (x * 0.4 + 0.55, y - 0.08)]
        elif way < 0.75:
            points = [(x, y * 0.4), (x - 0.02, y * 0.4 + 0.3), (x - 0.06, y * 0.4 + 0.55)]
        else:
            points = [(x, y * 0.5), (x - 0.2, y * 0.5 + 0.25), (x - 0.35, y * 0.5 + 0.4)]
        bent = np.array(points) + rng.normal(0, 0.035, (3, 2))
        place = [(at[0] + em * px, at[1] + em * (py - 0.85)) for px, py in bent.tolist()]
        sheet.curve(place, float(rng.choice((0.25, 0.4, 0.6))), colour)


def handwritten(sheet: Sheet, page: Setting) -> None:
    """Write a page by hand on blank paper; some hands climb all the way."""
    rng, box = page.rng, page.body(sheet)
    slope = float(rng.choice((0.0, rng.normal(0, 0.015))))
    em = float(rng.uniform(5, 9))
    share = float(rng.choice((1.0, rng.uniform(0.2, 0.9))))
    place = Box(box.left_mm, box.top_mm, box.width_mm, box.height_mm * share)
    scrawl(sheet, page, place, em, colour=_ink(page), slope=slope)


def handwritten_ruled(sheet: Sheet, page: Setting) -> None:
    """Write by hand on ruled paper; the rulings are printed, so they say how the sheet lies."""
    box, em = page.body(sheet), float(page.rng.uniform(5, 8))
    tone = int(page.rng.integers(120, 215))
    y = box.top_mm + 1.6 * em
    while y < box.top_mm + box.height_mm:
        sheet.rule((box.left_mm, y), (box.left_mm + box.width_mm, y), 0.18, (tone, tone, tone))
        y += 1.6 * em
    handwritten(sheet, page)


def signed(sheet: Sheet, page: Setting) -> None:
    """Print a title, and sign."""
    page.title(sheet, page.label(5), sheet.size_mm[1] * 0.2, 1.8)
    at = (sheet.size_mm[0] * 0.5, sheet.size_mm[1] * float(page.rng.uniform(0.4, 0.8)))
    sheet.press(_signature(page), at)


def last_page(sheet: Sheet, page: Setting) -> None:
    """Print the end of a text; add a date, a signature and a seal."""
    box = page.body(sheet)
    end = page.paragraphs(sheet, box, float(page.rng.uniform(0.05, 0.5)))
    right = box.left_mm + box.width_mm * 0.5
    for row in range(2):
        base = end + (3 + 1.5 * row) * page.leading_mm
        page.line(sheet, page.label(7), (right, base), room_mm=box.width_mm * 0.45)
    sheet.press(_signature(page), (right + 10, end + page.leading_mm))
    sheet.press(_seal(page), (right, end + page.leading_mm))


def sealed(sheet: Sheet, page: Setting) -> None:
    """Press one or two seals or a thumbprint and nothing else but a word."""
    for _ in range(int(page.rng.integers(1, 3))):
        at = page.rng.uniform(0.05, 0.6, 2) * sheet.size_mm
        sheet.press(_seal(page) if page.rng.random() < 0.7 else _thumb(page), (at[0], at[1]))
    if page.rng.random() < 0.5:
        page.line(sheet, page.label(4), (sheet.size_mm[0] * 0.4, sheet.size_mm[1] * 0.7))


def photographs(sheet: Sheet, page: Setting) -> None:
    """Show photographs with captions, pasted by hand or printed straight."""
    box, rng = page.body(sheet), page.rng
    askew = rng.random() < 0.3
    high = box.height_mm / 2 - 16
    for k in range(int(rng.integers(1, 3))):
        picture = photo.scene(rng, (800, 560))
        dpi = round(800 * 25.4 / min(box.width_mm * 0.9, high / 0.7))
        at = (box.left_mm + 4, box.top_mm + k * (box.height_mm / 2) + 2)
        _laid(sheet, picture, at, float(rng.normal(0, 1.5)) if askew else 0.0, dpi)
        if rng.random() < 0.7:
            below = at[1] + 560 * 25.4 / dpi + 2 + page.em_mm
            page.line(sheet, page.label(12), (box.left_mm + 10, below))


def card_copy(sheet: Sheet, page: Setting) -> None:
    """Copy both sides of an identity card; who copies it may lay it askew."""
    rng = page.rng
    askew = rng.random() < 0.35
    left = max(2.0, (sheet.size_mm[0] - _CARD_MM[0]) / 2 + float(rng.normal(0, 8)))
    for k in range(int(rng.integers(1, 3))):
        canvas = Canvas(_CARD_MM)
        canvas.paste(photo.card(rng, portrait=k == 0), (0, 0))
        for row in range(4):
            canvas.text(page.story.facts["agent"] + " 1975 06 04", (5, 10 + 9 * row), 3.5)
        at = (left, sheet.size_mm[1] * (0.15 + 0.35 * k))
        _laid(sheet, canvas.ink, at, float(rng.normal(0, 2.5)) if askew else 0.0, 300)
    if rng.random() < 0.5:
        sheet.press(_signature(page), (left, sheet.size_mm[1] * 0.82))


def glued(sheet: Sheet, page: Setting) -> None:
    """Glue slips on a sheet, each a little askew, perhaps under a printed heading."""
    rng, box = page.rng, page.body(sheet)
    for k in range(int(rng.integers(1, 5))):
        width, height = float(rng.uniform(50, 90)), float(rng.uniform(60, 110))
        slip = Sheet((width, height), 200, colour=True)
        slip.ink[:] = rng.integers(215, 250, 3).astype(np.uint8)
        small = Setting(rng, page.story, page.face, page.ink, 2.8, 4.2, 4.0)
        (layouts.receipt if rng.random() < 0.7 else layouts.invoice)(slip, small)
        slip.frame(Box(0, 0, width - 0.2, height - 0.2), 0.2, (170, 170, 170))
        at = (
            box.left_mm + (k % 2) * box.width_mm / 2,
            box.top_mm + 15 + (k // 2) * box.height_mm / 2,
        )
        _laid(sheet, slip.ink, at, float(rng.normal(0, 1.2)), 200)
    if rng.random() < 0.5:
        page.title(sheet, page.label(6), box.top_mm + page.em_mm, 1.4)


def sketch(sheet: Sheet, page: Setting) -> None:
    """Sketch an accident: streets drawn with a ruler, in no direction of the sheet's."""
    rng, box = page.rng, page.body(sheet)
    lean, colour = float(rng.uniform(-0.35, 0.35)), _ink(page)
    middle = np.array((box.left_mm + box.width_mm / 2, box.top_mm + box.height_mm / 2))
    along = np.array((np.cos(lean), np.sin(lean))) * box.width_mm * 0.4
    for off in (-12.0, 12.0):
        across = np.array((-np.sin(lean), np.cos(lean))) * off
        for way in (along, along[::-1] * (-1, 1)):
            ends = (middle + across - way, middle + across + way)
            sheet.rule((ends[0][0], ends[0][1]), (ends[1][0], ends[1][1]), 0.4, colour)
    for _ in range(int(rng.integers(2, 9))):
        at = middle + rng.uniform(-60, 60, 2)
        place = Box(float(at[0]), float(at[1]), 26, 6)
        scrawl(sheet, page, place, 5.0, colour=colour, slope=float(rng.normal(0, 0.05)))


def annotated(sheet: Sheet, page: Setting) -> None:
    """Print text, with writing over it and in its margin."""
    layouts.text(sheet, page)
    box = page.body(sheet)
    for _ in range(int(page.rng.integers(1, 4))):
        top = box.top_mm + float(page.rng.uniform(0, 0.8)) * box.height_mm
        left = box.left_mm + float(page.rng.uniform(0, 0.5)) * box.width_mm
        place = Box(left, top, box.width_mm * 0.45, 20)
        slope = float(page.rng.normal(0, 0.06))
        scrawl(sheet, page, place, 7.0, colour=_ink(page), slope=slope)


def filled_form(sheet: Sheet, page: Setting) -> None:
    """Fill a printed form or table in by hand."""
    printed: Callable[[Sheet, Setting], None] = (
        layouts.form if page.rng.random() < 0.5 else layouts.table
    )
    printed(sheet, page)
    box = page.body(sheet)
    place = Box(box.left_mm + 25, box.top_mm + 16, box.width_mm - 30, box.height_mm - 30)
    scrawl(sheet, page, place, 6.0, colour=_ink(page))


def _ink(page: Setting) -> Colour:
    return _INKS[int(page.rng.integers(len(_INKS)))]


def _laid(
    sheet: Sheet, picture: NDArray[np.uint8], at_mm: Place, angle_deg: float, dpi: int
) -> None:
    if angle_deg:
        sheet.paste_askew(picture, at_mm, angle_deg, dpi=dpi)
    else:
        sheet.paste(picture, at_mm, dpi=dpi)


def _signature(page: Setting) -> NDArray[np.uint8]:
    canvas = Canvas((60, 22))
    hand.sign(canvas, page.story.facts["claimant"], (2, 2), page.rng)
    return canvas.ink


def _seal(page: Setting) -> NDArray[np.uint8]:
    canvas = Canvas((46, 46))
    owner = page.story.facts["seal_claimant" if page.rng.random() < 0.5 else "seal_respondent"]
    hand.seal(canvas, owner, (23, 23), page.rng)
    return canvas.ink


def _thumb(page: Setting) -> NDArray[np.uint8]:
    canvas = Canvas((19, 24))
    hand.thumbprint(canvas, (2, 2), page.rng)
    return canvas.ink
