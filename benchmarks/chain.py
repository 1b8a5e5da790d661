"""The whole way of a page, from pixels in memory to the bytes that are kept, beside other ways.

    python -m benchmarks.chain > benchmarks/results/chain.jsonl

Every page is turned. The floor is libjpeg-turbo's encoding of the straight page at 4:2:0, and
copying it once: nobody who keeps JPEG can go below. Where ours keeps full chroma for a seal, its
whole way is measured against that floor all the same; the bare kernels encode 4:2:0 like all.
See `benchmarks.run` for what a line says.
"""

from functools import partial
from typing import Any, Final

import cv2
import numpy as np

from benchmarks import sheets
from benchmarks.case import Case, Entry, Figures, Work, ours, peer
from benchmarks.cases import QUALITY, off_by
from benchmarks.own import Own
from benchmarks.peers import opencv, programs
from benchmarks.peers.leptonica import Leptonica
from benchmarks.run import Found, lines
from benchmarks.sheets import Sheet
from daemon.pipeline.face import Face
from kernels.raster import Raster

_PAGES: Final = ("text", "dense", "form", "table", "seal")
# Only straightening, none of unpaper's cleaning: its shortest way.
_NO_CLEANING: Final = (
    *("--no-blackfilter", "--no-noisefilter", "--no-blurfilter", "--no-grayfilter"),
    *("--no-mask-center", "--no-border-scan", "--no-border-align", "--no-wipe"),
)


def bare(own: Own, raster: Raster) -> tuple[float, bytes]:
    """Take a page through the kernels alone: no record, no choice of format."""
    kernels = own.kernels
    first = kernels.first_pass(raster)
    kernels.blank.decide(kernels.blank.measure(raster, first), None)
    skew = kernels.skew(first, raster.dpi)
    sheet = kernels.crop.locate(first, skew.angle_microdeg, raster.dpi)
    box = sheet.box if sheet is not None and sheet.worth_cutting else None
    result = kernels.rotate(raster, -skew.angle_microdeg, box=box)
    return skew.angle_microdeg / 1e6, kernels.jpeg.encode(result, QUALITY, "420")


def by_leptonica(lept: Leptonica, sheet: Sheet) -> tuple[float, bytes]:
    """Take leptonica's angle and OpenCV's turn; handing over the luma is counted."""
    gray = np.asarray(cv2.cvtColor(sheet.colour.pixels, cv2.COLOR_BGR2GRAY), np.uint8)
    angle_deg = lept.skew_deg(lept.bits(lept.pix(gray, sheet.gray.width_px, 8)))
    return angle_deg, opencv.encoded(opencv.turned(sheet.colour.pixels, -angle_deg))


def floor(_: Any, sheet: Sheet) -> Work:
    straight = opencv.turned(sheet.colour.pixels, -sheet.angle_deg)
    return partial(opencv.floor, straight, np.empty_like(straight))


def judge(sheet: Sheet, result: Any) -> Figures:
    """Say what became of a page."""
    if isinstance(result, bytes):
        return {"out_bytes": len(result)}
    if isinstance(result, Face):
        return off_by(sheet, result.angle_deg or 0.0) | {
            "turned": result.skew_corrected,
            "media_type": result.media_type,
            "sampling": _sampling(result),
            "out_bytes": len(result.data),
        }
    angle_deg, data = result
    return off_by(sheet, angle_deg) | {"out_bytes": len(data)}


def _sampling(done: Face) -> str:
    (sampling,) = (
        step.values.get("subsampling", "") for step in done.steps if step.name == "encode"
    )
    return str(sampling)


def _script_from_wire(_: Any, sheet: Sheet) -> Work:
    out = np.empty_like(sheet.colour.pixels)
    return lambda: opencv.script_of_the_box(opencv.from_wire(sheet.wire.samples, out))


def program(backend: str, needs: str, run: Any, does: str) -> Entry:
    """Return a peer that is a whole program."""

    def prepare(found: programs.Program, sheet: Sheet) -> Work:
        return partial(run, found, programs.Desk(sheet.colour.pixels))

    return Entry(backend, "peer", needs, prepare, does, whole_program=True)


_WHOLE: Final = ours(lambda own, sheet: partial(own.face, sheet.colour), does="face.process")
_FLOOR: Final = Entry("libjpeg-turbo + memcpy", "floor", "opencv", floor)

CHAIN: Final[tuple[Case, ...]] = (
    Case(
        "chain, colour page to bytes",
        _PAGES,
        (
            _WHOLE,
            ours(
                lambda own, sheet: partial(bare, own, sheet.colour),
                "bare kernels",
                "first pass, blank, skew, rotate, crop, JPEG",
            ),
            _FLOOR,
            peer(
                "OpenCV script, box",
                "opencv",
                lambda _, sheet: partial(opencv.script_of_the_box, sheet.colour.pixels),
                "luma, half, Otsu, minAreaRect of all ink, warpAffine, JPEG",
            ),
            peer(
                "OpenCV script, lines",
                "opencv",
                lambda _, sheet: partial(opencv.script_of_lines, sheet.colour.pixels),
                "luma, quarter, Otsu, Canny, HoughLinesP, warpAffine, JPEG",
            ),
            peer(
                "leptonica + OpenCV",
                "leptonica",
                lambda lept, sheet: partial(by_leptonica, lept, sheet),
                "luma, fixed threshold, pixFindSkew, warpAffine, JPEG",
            ),
        ),
        judge,
        rounds=7,
    ),
    Case(
        "chain, scanner's samples to bytes",
        _PAGES,
        (
            ours(
                lambda own, sheet: lambda: own.face(own.raster(sheet.wire)),
                does="inverted RGB to BGR, face.process",
            ),
            _FLOOR,
            peer(
                "OpenCV script, box",
                "opencv",
                _script_from_wire,
                "cvtColor and bitwise_not before the script",
            ),
        ),
        judge,
        rounds=7,
    ),
    Case(
        "chain, whole programs",
        ("text",),
        (
            _WHOLE,
            _FLOOR,
            program(
                "ImageMagick -deskew 40%",
                "imagemagick",
                programs.imagemagick,
                "started, reads PPM from a disk in memory, writes JPEG",
            ),
            program(
                "unpaper + img2pdf",
                "unpaper",
                programs.unpaper,
                "unpaper as it comes: it cleans as well",
            ),
            program(
                "unpaper without cleaning + img2pdf",
                "unpaper",
                lambda found, desk: programs.unpaper(found, desk, *_NO_CLEANING),
                "straightening only",
            ),
            program(
                "OCRmyPDF --deskew",
                "ocrmypdf",
                programs.ocrmypdf,
                "no text is read, nothing optimised",
            ),
        ),
        judge,
        rounds=3,
    ),
)


def main() -> None:
    cv2.setNumThreads(1)
    found, shelf = Found(), sheets.lazily()
    for case in CHAIN:
        for one in lines(case, found, shelf):
            print(one, flush=True)


if __name__ == "__main__":
    main()
