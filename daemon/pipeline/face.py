"""One sheet's faces through the kernels: pure. Also behind `suian process`.

Rule 1: first pass, blank (with the other side), skew, rotate, crop, encode, in this order.
Rule 2: a face that is blank or nearly so is never turned; nor is one whose skew is not trusted, or
is below 0.05 degree. When in doubt the page is left alone.
Rule 3: every step is recorded with its values, so that the page can be derived again from RAW.
"""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from daemon.errors import ConfigError, InputError
from daemon.page import SampleOrder, Scan, Step
from kernels.backend import Backend, BackendUnavailable, choose, warm
from kernels.blank import BlankMeasures, Level, Verdict
from kernels.crop import CropBox
from kernels.first_pass import FirstPass
from kernels.raster import Raster, empty
from kernels.skew import Skew

__all__ = [
    "Face",
    "Level",
    "Profile",
    "Raster",
    "kernels",
    "process",
    "raster_from",
    "raster_of",
]

EVIDENCE_BYTES: Final = 20_000
_NOT_WORTH_TURNING_MICRODEG: Final = 50_000
_LONGEST_SIDE_TURNED_PX: Final = 32_767
_LONGEST_SIDE_PX: Final = 65_500
_SEAL_MM2: Final = (12.0, 1500.0)
_COLOURED_CELL: Final = 90
_INK_SHARE: Final = 0.3
"""Of a cell that a seal touches, about this much is its ink."""
_DARK_PAPER: Final = 120
_BAND_ROWS: Final = 64
_VERSION: Final = "1"
_PIXELS_PER_BYTE: Final = 8
_INVERTED: Final = frozenset(
    {SampleOrder.RGB_INVERTED, SampleOrder.BGR_INVERTED, SampleOrder.GRAY_INVERTED}
)


@dataclass(frozen=True, slots=True)
class Profile:
    """What may be done to a face.

    Attributes
    ----------
    blank
        "remove" a face that is surely blank and mark a likely one; "mark" both; or "keep" all.
    jpeg_quality
        As libjpeg counts.
    """

    blank: Literal["remove", "mark", "keep"] = "remove"
    jpeg_quality: int = 85


@dataclass(frozen=True, slots=True)
class Face:
    """One face as it leaves the kernels.

    Attributes
    ----------
    blank
        The verdict with its reason and values.
    removed, marked
        What the profile makes of the verdict. A removed face has its evidence beside the full
        image.
    angle_deg
        How the content was turned, counter-clockwise positive; None where blank or unknown.
    confidence
        Of the angle, 0 to 1.
    crop_px
        left, top, right, bottom in the turned page, or None.
    pixels
        The result.
    media_type, data
        The encoded result.
    evidence
        Gray JPEG of at least 100 dpi, of a removed face only.
    half
        Half-scale luma before any turn, for the reading of separators.
    quality
        Numbers about the capture.
    ms
        Milliseconds of each step, and `total`.
    """

    blank: Verdict
    removed: bool
    marked: bool
    angle_deg: float | None
    confidence: float
    skew_corrected: bool
    crop_px: tuple[int, int, int, int] | None
    pixels: Raster
    media_type: str
    data: bytes
    evidence: bytes | None
    half: NDArray[np.uint8]
    quality: Mapping[str, float | str]
    steps: tuple[Step, ...]
    warnings: tuple[str, ...]
    ms: Mapping[str, float]


@dataclass(slots=True)
class _Bench:
    """One face while it is worked on, and the record of it."""

    backend: Backend
    profile: Profile
    raster: Raster
    steps: list[Step] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    ms: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def timed(self, name: str) -> Iterator[None]:
        """Add the time of a block to its step."""
        start = time.perf_counter()
        yield
        self.ms[name] = self.ms.get(name, 0.0) + (time.perf_counter() - start) * 1e3

    def record(self, name: str, values: Mapping[str, float | int | str | bool]) -> None:
        """Add a step."""
        self.steps.append(Step(name, _VERSION, self.backend.name, values))


def kernels(name: Literal["auto", "cpu", "gpu"], *, warmed: bool = True) -> Backend:
    """Return the kernels of that name, compiled.

    Raises
    ------
    ConfigError
        If they cannot run on this machine.
    """
    try:
        backend = choose(name)
    except BackendUnavailable as error:
        raise ConfigError(str(error), backend=name) from error
    if warmed:
        warm(backend)
    return backend


def raster_of(scan: Scan) -> Raster:
    """Return a scan as BGR or gray with 255 as white, in a new buffer with slack.

    One pass over the samples: each band of rows is reordered and inverted while it is in cache.
    """
    if scan.order is SampleOrder.BITS:
        return _unpacked(scan)
    out = empty(scan.samples.shape)
    swap = scan.order in (SampleOrder.RGB, SampleOrder.RGB_INVERTED)
    invert = scan.order in _INVERTED
    for top in range(0, out.shape[0], _BAND_ROWS):
        source, band = scan.samples[top : top + _BAND_ROWS], out[top : top + _BAND_ROWS]
        if swap:
            cv2.cvtColor(source, cv2.COLOR_RGB2BGR, dst=band)
            source = band
        if invert:
            cv2.bitwise_not(source, dst=band)
        elif not swap:
            np.copyto(band, source)
    return Raster(out, scan.dpi)


def _unpacked(scan: Scan) -> Raster:
    """Return line-art as gray: 0 where a bit says black, else 255."""
    height, row_bytes = scan.samples.shape
    out = empty((height, row_bytes * _PIXELS_PER_BYTE))
    for top in range(0, height, _BAND_ROWS):
        bits = np.unpackbits(scan.samples[top : top + _BAND_ROWS], axis=1)
        np.subtract(bits, 1, out=out[top : top + _BAND_ROWS])  # modulo 256: 0 becomes 255
    return Raster(out, scan.dpi)


def raster_from(pixels: NDArray[np.uint8], dpi: int) -> Raster:
    """Return decoded pixels as a raster in a buffer with slack.

    Raises
    ------
    InputError
        If a side is longer than JPEG can be.
    """
    if max(pixels.shape[:2]) > _LONGEST_SIDE_PX:
        raise InputError("the image is too long", limit_px=_LONGEST_SIDE_PX)
    out = empty(pixels.shape)
    np.copyto(out, pixels)
    return Raster(out, dpi)


def process(
    front: Raster, back: Raster | None, backend: Backend, profile: Profile
) -> tuple[Face, ...]:
    """Return one face for each raster given; two rasters are the two sides of one sheet."""
    rasters = (front,) if back is None else (front, back)
    benches = [_Bench(backend, profile, raster) for raster in rasters]
    seen = [_look(bench) for bench in benches]
    faces = []
    for i, bench in enumerate(benches):
        first, measures = seen[i]
        other = seen[1 - i][1] if len(seen) == 2 else None
        with bench.timed("blank"):
            verdict = backend.blank.decide(measures, other)
        faces.append(_finish(bench, first, verdict))
    return tuple(faces)


def _look(bench: _Bench) -> tuple[FirstPass, BlankMeasures]:
    with bench.timed("first_pass"):
        first = bench.backend.first_pass(bench.raster)
    with bench.timed("blank"):
        measures = bench.backend.blank.measure(bench.raster, first)
    return first, measures


def _finish(bench: _Bench, first: FirstPass, verdict: Verdict) -> Face:
    """Take one face from its blank verdict to its bytes."""
    bench.record(
        "first_pass",
        {"threshold": first.threshold, "paper": first.paper, "ink_clamp": first.ink_clamp},
    )
    bench.record(
        "blank", {"level": verdict.level.value, "reason": verdict.reason, **verdict.values}
    )
    plain = _without_chroma(bench.raster, first)
    # A likely blank is measured for the record, but neither turned nor cropped.
    skew = None if verdict.level is Level.SURE else _skew(bench, first)
    sound = skew if verdict.level is Level.NO and skew is not None and skew.trusted else None
    turned, corrected = _rotate(bench, plain, sound)
    result, box = _crop(bench, turned, first, sound, corrected)
    data, media_type = _encode(bench, result, _subsampling(first, verdict, bench.raster.dpi))
    removed = verdict.level is Level.SURE and bench.profile.blank == "remove"
    evidence = None
    if removed:
        with bench.timed("evidence"):
            evidence = bench.backend.jpeg.evidence(bench.raster, EVIDENCE_BYTES)
    ms = {name: round(value, 3) for name, value in bench.ms.items()}
    return Face(
        blank=verdict,
        removed=removed,
        marked=verdict.level is not Level.NO and not removed and bench.profile.blank != "keep",
        angle_deg=None if skew is None else skew.angle_microdeg / 1e6,
        confidence=0.0 if skew is None else skew.confidence,
        skew_corrected=corrected,
        crop_px=None if box is None else (box.left, box.top, box.right, box.bottom),
        pixels=result,
        media_type=media_type,
        data=data,
        evidence=evidence,
        half=first.half,
        quality=_quality(bench, first, skew),
        steps=tuple(bench.steps),
        warnings=tuple(bench.warnings),
        ms=ms | {"total": round(sum(ms.values()), 3)},
    )


def _without_chroma(raster: Raster, first: FirstPass) -> Raster:
    """Return the luma of a colour raster in which no pixel has any colour, else the raster."""
    if raster.is_colour and not first.cells[..., 1].any():
        return Raster(first.luma, raster.dpi)
    return raster


def _skew(bench: _Bench, first: FirstPass) -> Skew:
    with bench.timed("skew"):
        skew = bench.backend.skew(first, bench.raster.dpi)
    bench.record(
        "skew",
        {
            "angle_microdeg": skew.angle_microdeg,
            "confidence": skew.confidence,
            "trusted": skew.trusted,
            **skew.values,
        },
    )
    if not skew.trusted:
        bench.warnings.append("skew_not_trusted")
    if skew.streaks_px:
        bench.warnings.append("streaks")
    return skew


def _rotate(bench: _Bench, raster: Raster, skew: Skew | None) -> tuple[Raster, bool]:
    """Turn the content upright if that is worth it. Bilevel stays bilevel."""
    if skew is None or abs(skew.angle_microdeg) < _NOT_WORTH_TURNING_MICRODEG:
        return raster, False
    if max(raster.width_px, raster.height_px) > _LONGEST_SIDE_TURNED_PX:
        bench.warnings.append("too_large_to_turn")
        return raster, False
    with bench.timed("rotate"):
        bilevel = bench.backend.g4.is_bilevel(raster)
        turned = bench.backend.rotate(raster, -skew.angle_microdeg)
        if bilevel:
            cv2.threshold(turned.pixels, 127, 255, cv2.THRESH_BINARY, dst=turned.pixels)
    bench.record("rotate", {"angle_microdeg": -skew.angle_microdeg, "fill": 255})
    return turned, True


def _crop(
    bench: _Bench, turned: Raster, first: FirstPass, skew: Skew | None, corrected: bool
) -> tuple[Raster, CropBox | None]:
    """Cut away the bed. Without a trusted skew nothing says how the edges should lie."""
    if skew is None:
        return turned, None
    with bench.timed("crop"):
        angle = skew.angle_microdeg if corrected else 0
        box = bench.backend.crop.find_sheet(first, angle, turned.dpi)
        if box is None:
            return turned, None
        cut = bench.backend.crop.apply(turned, box)
    bench.record(
        "crop", {"left": box.left, "top": box.top, "right": box.right, "bottom": box.bottom}
    )
    return cut, box


def _subsampling(first: FirstPass, verdict: Verdict, dpi: int) -> Literal["420", "444"]:
    """Keep the edges of seals: full chroma where there is strong colour, but no photograph."""
    cells = int(np.count_nonzero(first.cells[..., 1] >= _COLOURED_CELL))
    cell_mm2 = (32 * 25.4 / dpi) ** 2
    area = verdict.values.get("colour_mm2", cells * cell_mm2 * _INK_SHARE)
    return "444" if _SEAL_MM2[0] <= area <= _SEAL_MM2[1] else "420"


def _encode(bench: _Bench, raster: Raster, subsampling: Literal["420", "444"]) -> tuple[bytes, str]:
    with bench.timed("encode"):
        if bench.backend.g4.is_bilevel(raster):
            data, media_type = bench.backend.g4.file(raster), "image/tiff"
            values: dict[str, float | int | str | bool] = {"format": "g4"}
        else:
            data = bench.backend.jpeg.encode(raster, bench.profile.jpeg_quality, subsampling)
            media_type = "image/jpeg"
            values = {
                "format": "jpeg",
                "quality": bench.profile.jpeg_quality,
                "subsampling": subsampling if raster.is_colour else "gray",
            }
    bench.record("encode", values)
    return data, media_type


def _quality(bench: _Bench, first: FirstPass, skew: Skew | None) -> dict[str, float | str]:
    """Return numbers about the capture, and one word for what is worst."""
    streaks = 0 if skew is None else len(skew.streaks_px)
    contrast = first.paper - first.threshold
    reason = "good"
    if streaks:
        reason = "streaks"
    elif first.paper < _DARK_PAPER:
        reason = "dark_paper"
    return {
        "paper": first.paper,
        "contrast": contrast,
        "streaks": streaks,
        "dpi": bench.raster.dpi,
        "reason": reason,
    }
