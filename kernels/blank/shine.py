"""What shines through from the other side of the sheet, taken off the ink of this one.

Rule 1: show-through is the other side's ink, mirrored, softened by the paper and made faint, the
same everywhere on the sheet. What is darker than that says something and stays.
Rule 2: no ink is explained that the paper would let shine more strongly than elsewhere; where the
other side bears nothing, nothing is explained.

The strength is measured: over the sheet as a whole, then in cells of 5 mm as the median of their
neighbourhood, so that a mark cannot raise it where it lies.
"""

from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np
from numba import njit
from numpy.typing import NDArray

from kernels.blank import register
from kernels.blank.ground import CELL_PX, ground
from kernels.blank.ink import InkMap
from kernels.blank.soften import TAPS, soften
from kernels.buffers import Buffers
from kernels.vector import Emit, block

_LEAST_INK: Final = 16
_MOST_SHARE: Final = 0.4
"""No paper lets more of the other side's ink shine through."""
_BED_INK: Final = 100
_RING: Final = 2
"""Beyond the image everything is bed."""
_SHIFT_MM: Final = 5.0
_TILE_SHIFT_PX: Final = 3
_MAP_SCALE: Final = 4
"""Ink is multiplied by so much for the looking: show-through is faint, means of it are fainter."""
_SOFTNESS_PX: Final = (0.4, 0.6, 0.85, 1.2, 1.7)
"""At half the scale; the first is as sharp as print."""
_LANES: Final = 32
_GAIN_ONE: Final = 64
_MOST_GAIN: Final = 96
"""In 64ths of the sheet's strength: a cell may shine half as strong again."""
_CALM_CELL: Final = CELL_PX * CELL_PX * 2
_BESIDE: Final = 77
"""In 256ths: so much of the strongest neighbour is explained besides."""


@dataclass(frozen=True, slots=True)
class Shine:
    """What is left of a face when show-through is taken off, and how it was found.

    Attributes
    ----------
    rest
        uint8 (h, w): ink that the other side does not explain.
    correlation
        Of this side's ink with the other's, softened, at the best shift.
    share
        How much of the other side's ink shines through.
    softness_mm
        Standard deviation of the paper's softening; 0 if the ink is as sharp as print.
    shift_mm
        How far the two sides' images lie apart, down and right.
    strongest
        The most ink that was explained.
    allowed
        uint8 (h, w): what of the ink was taken off besides, so as not to see every unevenness.
    """

    rest: NDArray[np.uint8]
    allowed: NDArray[np.uint8]
    correlation: float
    share: float
    softness_mm: float
    shift_mm: tuple[float, float]
    strongest: int


def take_off(page: InkMap, excluded: NDArray[np.uint8], other: InkMap, buffers: Buffers) -> Shine:
    """Take off the ink of `page` what shines through from `other`, the map of the other side.

    Cost: about 30 ms for A4. Integers, but for the few numbers that are weighed.

    Parameters
    ----------
    page, excluded
        This side, and what of it is not paper.
    other
        The other side, as captured (not mirrored), of the same size and resolution.
    """
    reach = round(page.px(_SHIFT_MM))
    margin = -(-(reach + _TILE_SHIFT_PX + len(TAPS[2.4]) + 8) // 4) * 4
    behind = _mirrored(other.ink, page.ink.shape, margin, buffers)
    table = np.minimum(np.arange(256) * _MAP_SCALE, 255).astype(np.uint8)
    found = register.near(table[page.ink], excluded, "shine.near", buffers)
    within = register.far(behind, margin, "shine.far", buffers)
    _clear_bed(within)
    shift = register.shift(found, within, reach)
    best, softness = _softness(found[1], within[0], shift, buffers)
    strength = round(best.share * 65536 / _MAP_SCALE)
    if strength <= 0 or best.share > _MOST_SHARE * _MAP_SCALE:
        nothing = buffers.zeros("shine.allowed", page.ink.shape)
        return Shine(page.ink, nothing, max(best.correlation, 0.0), 0.0, 0.0, (0.0, 0.0), 0)
    soft = soften(behind, _twice(softness), "shine.soft0", buffers)
    tiles = register.tile_shifts(found[0], register.Far(behind, margin), shift, _TILE_SHIFT_PX)
    expected = _expected(page, (soft, margin), tiles, strength, buffers)
    gains, strength = _gains(page.ink, found[0].valid, expected, strength)
    rest = buffers.take("shine.rest", page.ink.shape)
    allowed = buffers.take("shine.allowed", page.ink.shape)
    strongest = _subtract_expected(page.ink, expected, gains, (rest, allowed))
    return Shine(
        rest=rest,
        allowed=allowed,
        correlation=best.correlation,
        share=strength / 65536,
        softness_mm=0.0 if softness == _SOFTNESS_PX[0] else page.mm(2 * softness),
        shift_mm=(page.mm(shift[0]), page.mm(shift[1])),
        strongest=int(strongest),
    )


def _softness(
    found: register.Near, behind: register.Far, shift: tuple[int, int], buffers: Buffers
) -> tuple[register.Agreement, float]:
    """Return at half the scale how the planes agree best, and softened by how much.

    The odd pixel of a shift is taken before the scale is halved: lying half a pixel off looks like
    being soft.
    """
    odd = shift[0] & 1, shift[1] & 1
    even = (shift[0] - odd[0]) // 2, (shift[1] - odd[1]) // 2
    rows, columns = behind.ink.shape
    moved = buffers.zeros("shine.moved", behind.ink.shape)
    moved[odd[0] :, odd[1] :] = behind.ink[: rows - odd[0], : columns - odd[1]]
    half = register.halved(moved, "shine.half", buffers)
    best, softness = register.Agreement(-1.0, 0.0), _SOFTNESS_PX[0]
    for deviation in _SOFTNESS_PX:
        soft = soften(half, deviation, "shine.soft1", buffers)
        seen = register.agreement(found, register.Far(soft, behind.margin_px // 2), even)
        if seen.correlation > best.correlation:
            best, softness = seen, deviation
    return best, softness


def _twice(softness_px: float) -> float:
    """Return the weights' name for twice a deviation."""
    return min(TAPS, key=lambda one: abs(one - 2 * softness_px))


def _mirrored(
    ink: NDArray[np.uint8], shape: tuple[int, ...], margin: int, buffers: Buffers
) -> NDArray[np.uint8]:
    """Return the other side's ink, mirrored, in the size of this side with a margin of zeros."""
    height, width = (min(a, b) for a, b in zip(ink.shape, shape, strict=True))
    out = buffers.zeros("shine.behind", (shape[0] + 2 * margin, shape[1] + 2 * margin))
    place = out[margin : margin + height, margin + shape[1] - width : margin + shape[1]]
    np.copyto(place, cv2.flip(ink[:height, :width], 1))
    place[place < _LEAST_INK] = 0
    return out


def _clear_bed(within: tuple[register.Far, ...]) -> None:
    """Clear what is dark, 2 mm thick and joined to the border of the other side: the bed.

    If it is ink after all, what shines through of it is not explained, and the face is kept.
    """
    coarse = within[2]
    m = coarse.margin_px
    rows, columns = coarse.ink.shape
    inner = coarse.ink[m - _RING : rows - m + _RING, m - _RING : columns - m + _RING]
    dark = (inner >= _BED_INK).astype(np.uint8)
    dark[:_RING] = dark[-_RING:] = 1
    dark[:, :_RING] = dark[:, -_RING:] = 1
    thick = cv2.morphologyEx(dark, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    _, labels = cv2.connectedComponents(np.asarray(thick, np.uint8), connectivity=4)
    bed = (labels == labels[0, 0]).astype(np.uint8)
    bed[:_RING] = bed[-_RING:] = 0
    bed[:, :_RING] = bed[:, -_RING:] = 0
    if not bed.any():
        return
    bed = np.asarray(cv2.dilate(bed, np.ones((3, 3), np.uint8)), np.uint8)
    for k in range(3):
        scale, margin = 4 >> k, within[k].margin_px
        wide = bed.repeat(scale, axis=0).repeat(scale, axis=1)
        start = margin - _RING * scale
        plane = within[k].ink[start : start + wide.shape[0], start : start + wide.shape[1]]
        plane[wide[: plane.shape[0], : plane.shape[1]] != 0] = 0


def _expected(
    page: InkMap,
    soft: tuple[NDArray[np.uint8], int],
    tiles: NDArray[np.int64],
    strength: int,
    buffers: Buffers,
) -> NDArray[np.uint8]:
    """Return the ink that would be seen on clean paper: measured against its own local level."""
    plane = buffers.take("shine.plane", page.ink.shape)
    shown = soft[0].reshape(-1), soft[0].shape[1], soft[1]
    _shine_on(shown, tiles, (page.paper, strength), plane)
    return ground(plane, "shine.expected", buffers).ink


@njit(nogil=True, cache=True)
def _shine_on(shown, tiles, levels, out):  # type: ignore[no-untyped-def]
    soft, stride, margin = shown
    height, width = out.shape
    flat = out.reshape(-1)
    for y in range(height):
        for x in range(0, width, _LANES):
            down, right = tiles[y // register.TILE_PX, x // register.TILE_PX]
            i = (y + margin - down) * stride + x + margin - right
            _shine_block(soft, i, levels, flat, y * width + x)


@block()
def _shine_block(e: Emit, soft: Any, i: Any, levels: Any, out: Any, at: Any) -> None:
    paper, strength = levels
    ink = e.widen(e.load(soft, i, _LANES), 32)
    faint = e.down(e.add(e.mul(ink, e.all(strength, 32, _LANES)), 32768), 16)
    e.store(e.less(e.all(paper, 8, _LANES), e.narrow(faint, 8)), out, at)


def _gains(
    ink: NDArray[np.uint8], valid: NDArray[np.uint8], expected: NDArray[np.uint8], strength: int
) -> tuple[NDArray[np.uint8], int]:
    """Return how strongly each cell shines, in 64ths of what is expected, and the strength."""
    rows, columns = (-(-side // CELL_PX) for side in ink.shape)
    sums = np.zeros((2, rows, columns), np.int64)
    _cell_sums(ink, valid, expected, sums)
    both, squares = sums
    whole = max(int(squares.sum()), 1)
    usual = _GAIN_ONE * int(both.sum()) // whole
    each = np.where(squares >= _CALM_CELL, _GAIN_ONE * both // np.maximum(squares, 1), usual)
    each = np.clip(each, 0, 255).astype(np.uint8)
    if min(each.shape) >= 5:
        each = np.asarray(cv2.medianBlur(each, 5), np.uint8)
    most = min(usual * _MOST_GAIN // _GAIN_ONE, 255)
    return np.minimum(each, np.uint8(most)), strength * usual // _GAIN_ONE


@njit(nogil=True, cache=True)
def _cell_sums(ink, valid, expected, out):  # type: ignore[no-untyped-def]
    height, width = ink.shape
    for y in range(height):
        for x in range(width):
            if expected[y, x] and valid[y, x]:
                q = np.int64(expected[y, x])
                out[0, y // CELL_PX, x // CELL_PX] += q * ink[y, x]
                out[1, y // CELL_PX, x // CELL_PX] += q * q


@njit(nogil=True, cache=True)
def _subtract_expected(ink, expected, gains, out):  # type: ignore[no-untyped-def]
    """Write what is darker than expected, with a tolerance; return the most that was expected."""
    rest, allowed = out
    height, width = ink.shape
    strongest = np.int64(0)
    for y in range(height):
        top, bottom = max(y - 1, 0), min(y + 2, height)
        for x in range(width):
            rest[y, x] = allowed[y, x] = 0
            if not ink[y, x]:
                continue
            near = np.int64(0)
            for ny in range(top, bottom):
                for nx in range(max(x - 1, 0), min(x + 2, width)):
                    near = max(near, np.int64(expected[ny, nx]))
            gain = np.int64(gains[y // CELL_PX, x // CELL_PX])
            shines = gain * expected[y, x] // _GAIN_ONE
            strongest = max(strongest, shines)
            besides = gain * near * _BESIDE // (_GAIN_ONE * 256)
            allowed[y, x] = min(besides, 255)
            rest[y, x] = max(np.int64(ink[y, x]) - shines - besides, 0)
    return strongest
