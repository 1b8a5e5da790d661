"""What the scanner adds to a sheet: bed, streaks, shadows at the edges, light that falls off."""

from dataclasses import dataclass
from functools import partial
from typing import Final

import numpy as np

from benchmarks.drawn.paper import Box, Ink, Sheet
from benchmarks.drawn.placing import GRAY

_BAND_PX: Final = 64


def bordered(sheet: Sheet) -> None:
    """Let the bed show on some sides of a sheet that lies a little askew, on both its faces."""
    rng = sheet.rng
    slope = float(np.tan(np.deg2rad(rng.uniform(-2.5, 2.5))))
    margins = [float(rng.uniform(0.5, 9)) if rng.random() < 0.75 else -30.0 for _ in range(4)]
    dark = rng.random() < 0.75
    level = float(rng.uniform(18, 60)) if dark else float(rng.uniform(225, 253))
    shade = 0.0 if dark else float(rng.uniform(10, 60))
    _lay(sheet, margins, slope, (level, shade))
    if sheet.back is not None:
        (left, top, right, bottom), (dx, dy) = margins, sheet.slip_mm
        mirrored = [right + dx, top + dy, left - dx, bottom - dy]
        _lay(sheet.back, mirrored, -slope, (level, shade))


@dataclass(frozen=True, slots=True)
class _Edge:
    """An edge of the sheet: how far from the border at the border's two ends; where it is seen."""

    near: float
    far: float
    starts: float
    stops: float


def _lay(sheet: Sheet, margins: list[float], slope: float, tone: tuple[float, float]) -> None:
    """Lay the bed over four sides (left, top, right, bottom), once all else is drawn."""
    w, h = sheet.form.width_px, sheet.form.height_px
    lines = []
    for side, margin in enumerate(margins):
        lean = (slope if side in (0, 3) else -slope) * (h, w)[side % 2] / 2
        lines.append((sheet.px(margin) + lean, sheet.px(margin) - lean))
    box = [0, 0, w, h]
    for side, (near, far) in enumerate(lines):
        if max(near, far) <= 0:
            continue
        deep = int(np.ceil(max(near, far))) + 3
        box[side] = deep if side < 2 else (w, h)[side % 2] - deep
        # It ends where the two neighbouring edges cross it.
        before, after = lines[(side + 1) % 2], lines[(side + 1) % 2 + 2]
        end = 0 if side < 2 else 1
        starts, stops = max(before[end], 0.0), (h, w)[side % 2] - max(after[end], 0.0)
        edge = _Edge(near, far, starts, stops)
        sheet.last.append(partial(_bed, sheet, side, edge, tone))
    sheet.inside = Box(*box)


def _bed(sheet: Sheet, side: int, edge: _Edge, tone: tuple[float, float]) -> None:
    """Lay the bed over one side, from the border to the sheet's edge.

    A light bed shows the shadow of the edge.
    """
    level, shade = tone
    page, deep = sheet.pixels, int(np.ceil(max(edge.near, edge.far))) + 11
    strip = (
        page[:, :deep],
        page[:deep].swapaxes(0, 1),
        page[:, -deep:][:, ::-1],
        page[-deep:][::-1].swapaxes(0, 1),
    )[side]
    length = strip.shape[0]
    runs = np.linspace(edge.near, edge.far, length, dtype=np.float32)
    along = np.arange(length)
    shades = np.where((along >= edge.starts) & (along <= edge.stops), np.float32(shade), 0)
    for top in range(0, length, _BAND_PX):
        band, run = strip[top : top + _BAND_PX], runs[top : top + _BAND_PX, None]
        stop = max(min(int(run.max()) + 5, band.shape[1]), 0)
        start = min(max(int(run.min() - sheet.px(2.0)), 0), stop)
        grain = sheet.rng.integers(0, 4, (band.shape[0], start, 1), np.uint8)
        band[:, :start] = (grain + round(level - 1.5)).reshape(*grain.shape[: band.ndim])
        column = np.arange(start, stop, dtype=np.float32)[None, :]
        share = 1 / (1 + np.exp(np.clip((column - run) / 0.45, -30, 30)))
        fall = np.exp(-np.maximum(run - column, 0) / sheet.px(0.35))
        bed = level - shades[top : top + _BAND_PX, None] * fall
        bed = bed + 1.2 * sheet.rng.standard_normal(bed.shape, np.float32)
        if strip.ndim == 3:
            share, bed = share[..., None], bed[..., None]
        part = band[:, start:stop]
        part[...] = np.clip(np.rint(part * (1 - share) + bed * share), 0, 255)


def streaked(sheet: Sheet) -> None:
    """Put dirt on the glass: one or two thin lines through the whole image."""
    rng, form = sheet.rng, sheet.form
    for _ in range(int(rng.choice((1, 1, 1, 2)))):
        wide = float(rng.uniform(0.08, 0.5))
        cover = np.zeros((form.height_px, int(sheet.px(wide)) + 8), np.uint8)
        cover[:, 4:-4] = 255
        x = int(rng.uniform(0.08, 0.92) * form.width_px)
        sheet.take(sheet.drop(cover, Ink(float(rng.uniform(15, 90)), GRAY, 0.6)), x, 0)


def edge_shadow(sheet: Sheet) -> None:
    """Shade one or two sides: the sheet rises from the glass there."""
    rng = sheet.rng
    for side in rng.permutation(4)[: int(rng.integers(1, 3))]:
        deep, wide = float(rng.uniform(10, 50)), sheet.px(float(rng.uniform(0.3, 1.2)))
        reach = min(int(wide * 6) + 1, *sheet.pixels.shape[:2])
        fall = np.rint(deep * np.exp(-np.arange(reach) / wide)).astype(np.uint8)
        page = sheet.pixels
        strip = (page[:, :reach], page[:reach], page[:, -reach:], page[-reach:])[side]
        fall = fall if side < 2 else fall[::-1]
        line = fall[None, :] if side % 2 == 0 else fall[:, None]
        if page.ndim == 3:
            line = line[..., None]
        strip[...] = np.where(strip > line, strip - line, 0)


def lamp(sheet: Sheet) -> None:
    """Let the light fall off towards the sides by a few levels."""
    rng, width = sheet.rng, sheet.form.width_px
    middle = float(rng.uniform(0.3, 0.7))
    fall = float(rng.uniform(2, 9)) * (np.linspace(0, 1, width) - middle) ** 2 / 0.25
    row = np.rint(fall).astype(np.uint8)
    if not sheet.form.gray:
        row = np.repeat(row, 3)
    flat = sheet.pixels.reshape(sheet.form.height_px, -1)
    np.subtract(flat, row, out=flat)
