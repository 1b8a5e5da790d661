"""Milliseconds of each step and of a whole face, beside OpenCV and memcpy in the same run.

    python -m benchmarks.speed > benchmarks/results/speed.jsonl

One thread, A4 in colour at 300 dpi: a printed face turned by so much, and a blank one; medians.
`ratio` is ours over the peer's: below 1 we are faster.
"""

import statistics
import time
from collections.abc import Callable, Iterator
from typing import Final

import cv2
import numpy as np

from benchmarks.accuracy import bare, scanned
from benchmarks.record import line
from daemon.demo.stack import Stack
from daemon.page import Side
from daemon.pipeline import face

REPEATS: Final = 9
ANGLES_DEG: Final = (1.0, 3.0, 5.5)
PRINTED_SHEET: Final = 3
BLANK_BACK_SHEET: Final = 4
JPEG: Final = [
    cv2.IMWRITE_JPEG_QUALITY,
    85,
    cv2.IMWRITE_JPEG_SAMPLING_FACTOR,
    cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420,
]


def median_ms(work: Callable[[], object]) -> float:
    work()
    times = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        work()
        times.append((time.perf_counter() - start) * 1e3)
    return round(statistics.median(times), 2)


def peers(raster: face.Raster, angle_deg: float) -> dict[str, tuple[str, Callable[[], object]]]:
    """Return for each step what does most nearly the same in OpenCV."""
    pixels = raster.pixels
    height, width = pixels.shape[:2]
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), -angle_deg, 1)

    def gray_and_half() -> None:
        gray = cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY)
        cv2.resize(gray, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)

    return {
        "first_pass": ("cv2.cvtColor + cv2.resize", gray_and_half),
        "rotate": ("cv2.warpAffine", lambda: cv2.warpAffine(pixels, turn, (width, height))),
        "encode": ("cv2.imencode", lambda: cv2.imencode(".jpg", pixels, JPEG)),
    }


def cases(kernels: face.Backend) -> Iterator[tuple[str, face.Raster, float]]:
    """Give the name of each case, its face, and how that is turned."""
    stack = Stack(bare, sheets=BLANK_BACK_SHEET + 1)
    printed = scanned(stack, PRINTED_SHEET, Side.FRONT)
    (done,) = face.process(printed, None, kernels, face.Profile())
    for angle_deg in ANGLES_DEG:
        tilted = kernels.rotate(done.pixels, round(angle_deg * 1e6))
        yield f"printed, {angle_deg} degrees", tilted, angle_deg
    yield "blank", scanned(stack, BLANK_BACK_SHEET, Side.BACK), 0.0


def main() -> None:
    cv2.setNumThreads(1)
    kernels = face.kernels("cpu")
    for case, raster, angle_deg in cases(kernels):
        target = np.empty_like(raster.pixels)
        copy_ms = median_ms(lambda to=target, pixels=raster.pixels: np.copyto(to, pixels))
        print(line(f"{case}: memcpy", bytes=raster.pixels.nbytes, ms=copy_ms))
        runs = [face.process(raster, None, kernels, face.Profile())[0].ms for _ in range(REPEATS)]
        beside = peers(raster, angle_deg)
        for step in runs[0]:
            ms = round(statistics.median(run[step] for run in runs), 2)
            figures = {"ms": ms, "memcpy_ratio": round(ms / copy_ms, 1)}
            if step in beside:
                name, work = beside[step]
                peer_ms = median_ms(work)
                figures |= {"peer": name, "peer_ms": peer_ms, "ratio": round(ms / peer_ms, 2)}
            print(line(f"{case}: {step}", **figures))


if __name__ == "__main__":
    main()
