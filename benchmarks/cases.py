"""What is measured on one thread, kernel by kernel: a table of cases."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

import numpy as np
import zstandard
from numpy.typing import NDArray

from benchmarks.case import NOTHING, Case, Entry, Figures, Work, ours, peer
from benchmarks.faithful import psnr_db
from benchmarks.own import Own
from benchmarks.peers import libtiff, opencv
from benchmarks.peers.leptonica import Leptonica
from benchmarks.sheets import Sheet
from daemon.pipeline import raw
from kernels import g4, jpeg, quality
from kernels.raster import Box, Raster

QUALITY: Final = 85


def _colour(sheet: Sheet) -> Raster:
    return sheet.colour


def _gray(sheet: Sheet) -> Raster:
    return sheet.gray


_KINDS: Final[Mapping[str, Callable[[Sheet], Raster]]] = {"colour": _colour, "gray": _gray}


def _first_pass(kind: str) -> Case:
    which = _KINDS[kind]
    return Case(
        f"first pass, {kind}",
        ("text",),
        (
            ours(lambda own, sheet: partial(own.kernels.first_pass, which(sheet))),
            peer(
                "cv2.cvtColor + cv2.resize INTER_AREA",
                "opencv",
                lambda _, sheet: partial(opencv.gray_and_half, which(sheet).pixels),
                "luma and half luma only: no strips, no statistics of cells",
            ),
        ),
        reads=lambda sheet: which(sheet).pixels,
        rounds=25,
    )


def _wire(_: Any, sheet: Sheet) -> Work:
    out = np.empty_like(sheet.colour.pixels)
    return partial(opencv.from_wire, sheet.wire.samples, out)


def _our_skew(own: Own, sheet: Sheet) -> Work:
    def work() -> float:
        first = own.kernels.first_pass(sheet.gray)
        return own.kernels.skew(first, sheet.gray.dpi).angle_microdeg / 1e6

    return work


def _our_estimate(own: Own, sheet: Sheet) -> Work:
    first = own.backend.first_pass(sheet.gray)
    return lambda: own.kernels.skew(first, sheet.gray.dpi).angle_microdeg / 1e6


def _skew_by(bits: str) -> Callable[[Leptonica, Sheet], Work]:
    def prepare(lept: Leptonica, sheet: Sheet) -> Work:
        gray = lept.pix(sheet.gray.pixels, sheet.gray.width_px, 8)
        return lambda: lept.skew_deg(getattr(lept, bits)(gray))

    return prepare


def _skew_of_bits(lept: Leptonica, sheet: Sheet) -> Work:
    return partial(lept.skew_deg, lept.pix(sheet.packed, sheet.bilevel.width_px, 1))


def _gray_samples(sheet: Sheet) -> NDArray[np.uint8]:
    return sheet.gray.pixels


def _size(_: Sheet, data: bytes) -> Figures:
    return {"out_bytes": len(data)}


def off_by(sheet: Sheet, angle_deg: float) -> Figures:
    """Return the angle that was found, and how wrong it is."""
    return {"angle_deg": round(angle_deg, 4), "error_deg": round(angle_deg - sheet.angle_deg, 4)}


def _rotation(kind: str, angle_deg: float) -> Case:
    which = _KINDS[kind]
    microdeg = round(angle_deg * 1e6)

    def in_opencv(_: Any, sheet: Sheet) -> Work:
        out = np.empty_like(which(sheet).pixels)
        return partial(opencv.turned, which(sheet).pixels, angle_deg, out)

    def judge(sheet: Sheet, result: Any) -> Figures:
        turned = result.pixels if isinstance(result, Raster) else result
        return {"psnr_db": psnr_db(which(sheet).pixels, turned, angle_deg)}

    return Case(
        f"rotate, {kind}, {angle_deg:+g} degrees",
        ("text",),
        (
            ours(lambda own, sheet: partial(own.kernels.rotate, which(sheet), microdeg)),
            peer("cv2.warpAffine INTER_LINEAR", "opencv", in_opencv),
        ),
        judge,
        lambda sheet: which(sheet).pixels,
    )


def _our_blank(own: Own, sheet: Sheet) -> Work:
    first = own.backend.first_pass(sheet.colour)

    def work() -> str:
        blank = own.kernels.blank
        return blank.decide(blank.measure(sheet.colour, first), None).level.value

    return work


def _blank(key: str, name: str) -> Case:
    return Case(
        f"blank, {name}",
        (key,),
        (ours(_our_blank, does="after the first pass"),),
        lambda _, level: {"verdict": level},
    )


def _our_crop(own: Own, sheet: Sheet) -> Work:
    first = own.backend.first_pass(sheet.colour)
    whole = Box(0, 0, sheet.colour.width_px, sheet.colour.height_px)
    microdeg = round(sheet.angle_deg * 1e6)

    def work() -> bool:
        found = own.kernels.crop.locate(first, microdeg, sheet.colour.dpi)
        cut = found is not None and found.worth_cutting
        own.kernels.crop.apply(sheet.colour, found.box if cut else whole)
        return cut

    return work


def _our_quality(own: Own, sheet: Sheet) -> Work:
    first = own.backend.first_pass(sheet.colour)
    measure = own.with_buffers(quality.measure)
    return lambda: measure(first, sheet.colour).reason


def _jpeg(kind: str) -> Case:
    which = _KINDS[kind]

    def with_encoder(name: jpeg.Encoder) -> Callable[[Own, Sheet], Work]:
        return lambda own, sheet: partial(
            own.with_buffers(jpeg.ENCODERS[name]), which(sheet), QUALITY, "420"
        )

    def floor(_: Any, sheet: Sheet) -> Work:
        pixels = which(sheet).pixels
        return partial(opencv.floor, pixels, np.empty_like(pixels))

    return Case(
        f"JPEG quality 85 4:2:0, {kind}",
        ("text",),
        (
            ours(with_encoder("turbo"), "turbo"),
            ours(with_encoder("numba"), "numba"),
            Entry("libjpeg-turbo + memcpy", "floor", "opencv", floor),
        ),
        _size,
        lambda sheet: which(sheet).pixels,
    )


def _zstd(_: Any, sheet: Sheet) -> Work:
    return lambda: zstandard.ZstdCompressor(level=1).compress(sheet.wire.samples.data)


def _by_libtiff(found: libtiff.Libtiff, sheet: Sheet) -> Work:
    file = libtiff.Memory(2 * sheet.packed.nbytes + (1 << 16))
    return partial(found.g4, sheet.packed, sheet.bilevel.width_px, file)


def _our_g4(own: Own, sheet: Sheet) -> Work:
    width, height, dpi = sheet.bilevel.width_px, sheet.bilevel.height_px, sheet.bilevel.dpi
    encode = own.with_buffers(g4.encode)
    return lambda: g4.tiff(encode(sheet.packed, width), width, height, dpi)


CASES: Final[tuple[Case, ...]] = (
    Case(
        "wire conversion, inverted RGB to BGR",
        ("text",),
        (
            ours(lambda own, sheet: partial(own.raster, sheet.wire)),
            peer("cv2.cvtColor + cv2.bitwise_not", "opencv", _wire),
        ),
        rounds=25,
    ),
    *(_first_pass(kind) for kind in _KINDS),
    Case(
        "skew from gray",
        ("text", "form", "dense"),
        (
            ours(_our_skew, does="first pass on gray, estimate"),
            ours(_our_estimate, "estimate", "the estimate alone, after the first pass"),
            peer("pixFindSkew", "leptonica", _skew_by("bits"), "its fixed threshold of 130 first"),
            peer("pixFindSkew after Otsu", "leptonica", _skew_by("bits_by_otsu")),
            peer("pixFindSkew from bits", "leptonica", _skew_of_bits, "handed bits"),
        ),
        off_by,
        _gray_samples,
    ),
    Case(
        "skew from gray, by spectrum",
        ("text",),
        (
            ours(_our_skew, does="first pass on gray, estimate"),
            peer("jdeskew", "jdeskew", lambda find, sheet: lambda: -find(sheet.gray.pixels)),
        ),
        off_by,
        _gray_samples,
        rounds=5,
    ),
    *(_rotation(kind, sign * deg) for kind in _KINDS for deg in (1, 3, 8) for sign in (1, -1)),
    _blank("text", "a printed page"),
    _blank("blank", "a blank page"),
    Case(
        "crop",
        ("bed",),
        (ours(_our_crop, does="edges in the half luma, cut"),),
        lambda _, found: {"sheet_found": found},
    ),
    Case(
        "quality",
        ("text",),
        (ours(_our_quality, does="after the first pass"),),
        lambda _, reason: {"reason": reason},
    ),
    *(_jpeg(kind) for kind in _KINDS),
    Case(
        "RAW of a page, as the scanner sends it",
        ("text",),
        (
            ours(lambda _, sheet: partial(raw.pack, sheet.wire), does="filter, zstd level 1"),
            peer("zstd level 1", NOTHING, _zstd, "without a filter"),
        ),
        _size,
        rounds=9,
    ),
    Case(
        "G4 file from packed rows",
        ("text", "form", "dense"),
        (
            ours(_our_g4),
            peer("libtiff", "libtiff", _by_libtiff, "TIFFWriteEncodedStrip into memory"),
            peer(
                "Pillow",
                "pillow",
                lambda pillow, sheet: partial(pillow.g4, sheet.packed, sheet.bilevel.width_px),
            ),
        ),
        _size,
        lambda sheet: sheet.packed,
    ),
    Case(
        "G4 file from gray 0 and 255",
        ("text",),
        (ours(lambda own, sheet: partial(own.kernels.g4.file, sheet.bilevel)),),
        _size,
        _gray_samples,
    ),
)
