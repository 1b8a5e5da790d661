"""Crop on generated sheets: whether any content is cut, how often there is a crop, how exact.

    python -m benchmarks.crop [--pages 1000] > benchmarks/results/crop.jsonl

One line a kind of bed, one for all, and one for the time. `content_px_cut` counts pixels of print,
seals and pictures outside of the box. `margin_error_mm` is how far the box is from 2 mm outside of
the sheet, tightest and widest. `made_larger` counts pages that get room for their turn, and are not
cropped; `lost_in_the_turn` those whose content the turn moved out of the image all the same.

The angle handed to the crop is the true one with an error as the gate of the skew lets through.
"""

import argparse
import math
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks import laid
from benchmarks.record import line
from kernels import crop, room
from kernels.buffers import Buffers
from kernels.first_pass import first_pass
from kernels.raster import Box, Raster

_ERROR_DEG: Final = 0.03
_WORST_DEG: Final = 0.1
_NOT_TURNED_DEG: Final = 0.05
_MARGIN_MM: Final = 2.0
_REPEATS: Final = 15


@dataclass(slots=True)
class Tally:
    """What became of the pages of one kind."""

    pages: int = 0
    cropped: int = 0
    content_px_cut: int = 0
    pages_cut: list[str] = field(default_factory=list)
    errors_mm: list[float] = field(default_factory=list)
    made_larger: int = 0
    lost_in_the_turn: int = 0

    def figures(self) -> dict[str, object]:
        """Return the numbers of the line."""
        return {
            "pages": self.pages,
            "cropped": self.cropped,
            "cropped_share": round(self.cropped / max(self.pages, 1), 3),
            "content_px_cut": self.content_px_cut,
            "pages_cut": self.pages_cut,
            "margin_error_mm": [
                round(min(self.errors_mm, default=0.0), 2),
                round(max(self.errors_mm, default=0.0), 2),
            ],
            "made_larger": self.made_larger,
            "lost_in_the_turn": self.lost_in_the_turn,
        }


def upright(face: laid.Face, points: NDArray[np.float64], turned_deg: float) -> NDArray[np.float64]:
    """Return where points x, y of a face lie after its turn."""
    height, width = face.pixels.shape[:2]
    turn = math.radians(turned_deg)
    off = points - (width / 2, height / 2)
    x = off[:, 0] * math.cos(turn) - off[:, 1] * math.sin(turn)
    y = off[:, 0] * math.sin(turn) + off[:, 1] * math.cos(turn)
    return np.stack((x + width / 2, y + height / 2), axis=1)


def margin_errors(face: laid.Face, box: Box, turned_deg: float) -> list[float]:
    """Return for each side that was cut how many mm more than 2 mm of bed are left."""
    height, width = face.pixels.shape[:2]
    x, y = upright(face, face.corners, turned_deg).T
    gaps = (
        (x.min() - box.left, box.left > 0),
        (y.min() - box.top, box.top > 0),
        (box.right - x.max(), box.right < width),
        (box.bottom - y.max(), box.bottom < height),
    )
    return [float(gap) * 25.4 / face.dpi - _MARGIN_MM for gap, cut in gaps if cut]


def weigh(face: laid.Face, name: str, tallies: tuple[Tally, Tally], error_deg: float) -> None:
    """Crop a face and count what happened in both tallies."""
    estimate = face.angle_deg + error_deg
    turned = estimate if abs(estimate) >= _NOT_TURNED_DEG else 0.0
    first = first_pass(Raster(face.pixels, face.dpi))
    micro = round(turned * 1e6)
    sheet = crop.locate(first, micro, face.dpi)
    larger = micro != 0 and room.is_needed(first, micro, face.dpi, sheet)
    box = None if larger or sheet is None or not sheet.worth_cutting else sheet.box
    rows, columns = np.nonzero(face.content)
    places = upright(face, np.stack((columns, rows), axis=1) + 0.5, turned)
    height, width = face.pixels.shape[:2]
    in_image = ((places >= 0) & (places <= (width, height))).all(axis=1)
    cut = 0
    if box is not None:
        low, high = (box.left, box.top), (box.right, box.bottom)
        kept = ((places >= low) & (places <= high)).all(axis=1)
        cut = int((in_image & ~kept).sum())
    for tally in tallies:
        tally.pages += 1
        tally.made_larger += larger
        tally.lost_in_the_turn += not larger and not in_image.all()
        if box is not None:
            tally.cropped += 1
            tally.content_px_cut += cut
            tally.errors_mm += margin_errors(face, box, turned)
            if cut:
                tally.pages_cut.append(f"{name}: {', '.join(face.case)}")


def median_ms(work: Callable[[], object]) -> float:
    times = []
    for _ in range(_REPEATS):
        start = time.thread_time()
        work()
        times.append((time.thread_time() - start) * 1e3)
    return statistics.median(times)


def speed() -> str:
    """Return the line of the time on A4 in colour at 300 dpi with an overscan."""
    pixels = np.full((3626, 2591, 3), 36, np.uint8)
    pixels[60:3566, 56:2535] = 238
    pixels[400:3200:60, 300:2300] = 40
    raster = Raster(pixels, 300)
    first, buffers = first_pass(raster), Buffers()
    target = np.empty_like(pixels)
    box = crop.find_sheet(first, 0, 300, buffers)
    if box is None:
        raise RuntimeError("the sheet of the timing was not found")
    works: dict[str, Callable[[], object]] = {
        "memcpy_ms": lambda: np.copyto(target, pixels),
        "find_ms": lambda: crop.find_sheet(first, 0, 300, buffers),
        "apply_ms": lambda: crop.apply(raster, box, buffers),
    }
    for work in works.values():
        work()
    found = {name: round(median_ms(work), 2) for name, work in works.items()}
    both = found["find_ms"] + found["apply_ms"]
    return line("crop: A4 300 dpi", **found, memcpy_ratio=round(both / found["memcpy_ms"], 2))


def main() -> None:
    parser = argparse.ArgumentParser(description="Crop on generated sheets.")
    parser.add_argument("--pages", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    cv2.setNumThreads(1)
    kinds = {bed: Tally() for bed in laid.BEDS}
    every = Tally()
    for k in range(options.pages):
        bed, seed = laid.BEDS[k % len(laid.BEDS)], options.seed * 1_000_000 + k
        rng = np.random.default_rng((seed, 99))
        error = float(np.clip(rng.normal(0, _ERROR_DEG), -_WORST_DEG, _WORST_DEG))
        weigh(laid.draw(seed, bed), f"{bed} {seed}", (kinds[bed], every), error)
        if k % 100 == 99:
            print(f"{k + 1} pages, {every.content_px_cut} px cut", file=sys.stderr)
    for bed, tally in kinds.items():
        print(line(f"crop: {bed} bed", **tally.figures()))
    print(line("crop: all", **every.figures()))
    print(speed())


if __name__ == "__main__":
    main()
