"""The number of a drawn sheet as black and white modules: a test finds every sheet again.

Our own simple code, not a QR: it can never be taken for a separator. A rail 32 modules long, a gap
of one module, then 32 teeth three modules high::

    ################################     rail: finds the code, its angle and its module
                                         gap
    ### .  24 bits, most significant .   teeth: 1110, data, checksum, 0101
    ### .  first                     .
    ### .                            .

Data: one bit for the side (1 = back), 15 for the number, 8 for CRC-8 (polynomial 07). The start and
the end differ and the teeth lie on one side of the rail, so an upside-down code reads as well, and
a mirrored one (ink that shines through the paper) reads as nothing.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from daemon.demo.draw import Box, Canvas
from daemon.page import Side

MODULE_MM: Final = 1.0
MODULES: Final = 32
WIDTH_MM: Final = MODULES * MODULE_MM
HEIGHT_MM: Final = 5 * MODULE_MM
MAX_NUMBER: Final = 0x7FFF
_START: Final = (1, 1, 1, 0)
_END: Final = (0, 1, 0, 1)
_INK: Final = (30, 30, 30)


@dataclass(frozen=True, slots=True)
class Mark:
    """Which sheet of the stack, and which of its faces."""

    number: int
    side: Side

    def __post_init__(self) -> None:
        if not 0 <= self.number <= MAX_NUMBER or self.side not in (Side.FRONT, Side.BACK):
            raise ValueError(f"no mark for sheet {self.number}, side {self.side}")


def draw(canvas: Canvas, mark: Mark, at_mm: tuple[float, float]) -> None:
    """Draw a mark with its top left corner at `at_mm`."""
    left_mm, top_mm = at_mm
    canvas.fill(Box(left_mm, top_mm, WIDTH_MM, MODULE_MM), _INK)
    for place, tooth in enumerate(_teeth(mark)):
        if tooth:
            box = Box(left_mm + place * MODULE_MM, top_mm + 2 * MODULE_MM, MODULE_MM, 3 * MODULE_MM)
            canvas.fill(box, _INK)


def read(pixels: NDArray[np.uint8], dpi: int) -> Mark | None:
    """Find the mark of a face, gray or colour, turned by up to 15 degrees or upside down.

    Returns None where there is no mark, or where two marks contradict each other.
    """
    gray = pixels
    if pixels.ndim == 3:
        gray = cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY).astype(np.uint8, copy=False)
    found = {mark for rail in _rails(gray, dpi) for mark in _at(gray, rail)}
    return found.pop() if len(found) == 1 else None


def _teeth(mark: Mark) -> tuple[int, ...]:
    data = (mark.side is Side.BACK) << 15 | mark.number
    bits = data << 8 | _crc8(data.to_bytes(2, "big"))
    return (*_START, *(bits >> k & 1 for k in range(23, -1, -1)), *_END)


def _mark(teeth: tuple[int, ...]) -> Mark | None:
    bits = int("".join(map(str, teeth[4:-4])), 2)
    mark = Mark(bits >> 8 & MAX_NUMBER, Side.BACK if bits >> 23 else Side.FRONT)
    return mark if teeth == _teeth(mark) else None


def _crc8(data: bytes) -> int:
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc << 1 ^ (0x07 if crc & 0x80 else 0)) & 0xFF
    return crc


@dataclass(frozen=True, slots=True)
class _Rail:
    """A long thin bar: its middle, the direction along it, and its length in pixels."""

    x: float
    y: float
    along_x: float
    along_y: float
    length_px: float


def _rails(gray: NDArray[np.uint8], dpi: int) -> Iterator[_Rail]:
    expected_px = WIDTH_MM * dpi / 25.4
    block = int(expected_px / 3) | 1
    ink = cv2.adaptiveThreshold(
        gray, 1, cv2.ADAPTIVE_THRESH_MEAN_C, cv2.THRESH_BINARY_INV, block, 30
    )
    _, labels, stats, _ = cv2.connectedComponentsWithStats(ink, connectivity=4)
    width, height = stats[:, cv2.CC_STAT_WIDTH], stats[:, cv2.CC_STAT_HEIGHT]
    area = stats[:, cv2.CC_STAT_AREA] / (expected_px**2 / MODULES)
    near = (0.9 * expected_px < width) & (width < 1.1 * expected_px)
    for label in np.flatnonzero(near & (height < 0.35 * width) & (abs(area - 1) < 0.4)):
        left, top = stats[label, cv2.CC_STAT_LEFT], stats[label, cv2.CC_STAT_TOP]
        window = labels[top : top + height[label], left : left + width[label]] == label
        points = np.argwhere(window)[:, ::-1].astype(np.float32)
        dx, dy, _, _ = cv2.fitLine(points, cv2.DIST_L2, 0, 0.01, 0.01).ravel()
        along = points @ np.array((dx, dy), np.float32)
        x, y = points.mean(axis=0)
        length = float(along.max() - along.min()) + 1
        yield _Rail(float(left + x), float(top + y), float(dx), float(dy), length)


def _at(gray: NDArray[np.uint8], rail: _Rail) -> Iterator[Mark]:
    """Read the teeth below the rail, and those above it as an upside-down code."""
    module = rail.length_px / MODULES
    black = _level(gray, rail, 0, 0)
    for sign in (1, -1):
        turned = _Rail(rail.x, rail.y, sign * rail.along_x, sign * rail.along_y, rail.length_px)
        white = _level(gray, turned, 0, 1.05 * module)
        if white - black < 40:
            continue
        places = (np.arange(MODULES) - (MODULES - 1) / 2) * module
        dark = [_level(gray, turned, place, 3 * module) < (black + white) / 2 for place in places]
        mark = _mark(tuple(int(tooth) for tooth in dark))
        if mark is not None:
            yield mark


def _level(gray: NDArray[np.uint8], rail: _Rail, along_px: float, down_px: float) -> float:
    """Return the mean gray of a spot, given along the rail and perpendicular to it."""
    x = rail.x + along_px * rail.along_x - down_px * rail.along_y
    y = rail.y + along_px * rail.along_y + down_px * rail.along_x
    reach = max(1, round(rail.length_px / MODULES / 5))
    left, top = round(x) - reach, round(y) - reach
    spot = gray[max(0, top) : top + 2 * reach + 1, max(0, left) : left + 2 * reach + 1]
    return float(spot.mean()) if spot.size else 0.0
