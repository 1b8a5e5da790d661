"""One sheet's faces through the kernels: pure. Also behind `suian process`.

    look:    first pass · what speaks for and against a blank          (each side by itself)
    finish:  blank, by both sides · skew · find the sheet · turn into it · stand · quality · encode

Rule 1: in this order, and what each step does is in `steps`.
Rule 2: a face that is blank or nearly so is never turned; nor is one whose skew is not trusted, or
is below 0.05 degree. When in doubt the page is left alone.
Rule 3: every step is recorded with its values, so that the page can be derived again from RAW.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from daemon.errors import ConfigError
from daemon.page import Step
from daemon.pipeline import steps
from daemon.pipeline.bench import Bench
from daemon.pipeline.profile import Profile
from daemon.pipeline.standby import Standby
from kernels.backend import Backend, BackendUnavailable
from kernels.blank import BlankMeasures, Level, Verdict
from kernels.buffers import Buffers
from kernels.choice import choose, warm
from kernels.first_pass import FirstPass
from kernels.jpeg import Encoder
from kernels.quality import Known
from kernels.raster import Raster

__all__ = ["Face", "Level", "Look", "Profile", "Raster", "finish", "kernels", "look", "process"]

Source = Callable[[Buffers], Raster]
"""Makes the raster of a face, in the memory it is given: that is work for a thread, too."""


@dataclass(frozen=True, slots=True)
class Look:
    """What one face shows by itself."""

    first: FirstPass
    measures: BlankMeasures


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
        The result; it lies in the buffers of the bench.
    media_type, data
        The encoded result.
    evidence
        Gray JPEG of at least 100 dpi, of a removed face only.
    half
        Half-scale luma before any turn, for the reading of separators; in the buffers, too.
    quality
        Numbers about the capture, and `reason`, one word for what is worst.
    streaks_mm
        Where streaks of dirt run, from the left border of the scan.
    redone
        Whether it was begun on a card that failed, and done again on the CPU.
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
    streaks_mm: tuple[float, ...]
    steps: tuple[Step, ...]
    warnings: tuple[str, ...]
    redone: bool
    ms: Mapping[str, float]


def kernels(
    name: Literal["auto", "cpu", "gpu"], encoder: Encoder = "turbo", *, warmed: bool = True
) -> Backend:
    """Return the kernels of that name, compiled; `encoder` writes their JPEG.

    An encoder that does not give the library's bytes on this machine is not used: the library is.

    Raises
    ------
    ConfigError
        If they cannot run on this machine.
    """
    try:
        backend = choose(name, encoder)
    except BackendUnavailable as error:
        raise ConfigError(str(error), backend=name) from error
    if warmed:
        warm(backend)
    return backend


def process(
    front: Raster, back: Raster | None, backend: Backend, profile: Profile
) -> tuple[Face, ...]:
    """Return one face for each raster given; two rasters are the two sides of one sheet."""
    rasters = (front,) if back is None else (front, back)
    standby = Standby(backend)
    return process_on([Bench(standby, profile) for _ in rasters], rasters)


def process_on(benches: Sequence[Bench], rasters: Sequence[Raster]) -> tuple[Face, ...]:
    """Do the same on benches that are there: one side after the other, on this thread."""
    looks = [
        look(bench, lambda _, raster=raster: raster)  # type: ignore[misc]
        for bench, raster in zip(benches, rasters, strict=False)
    ]
    return tuple(
        finish(benches[i], looks[i], looks[1 - i].measures if len(looks) == 2 else None)
        for i in range(len(looks))
    )


def look(bench: Bench, source: Source) -> Look:
    """Lay a face on a bench and see what it shows."""
    bench.take_kernels()

    def work() -> Look:
        return _look(bench, source(bench.buffers))

    return bench.surely(work, again=work)


def _look(bench: Bench, raster: Raster) -> Look:
    bench.begin(raster)
    with bench.timed("first_pass"):
        first = bench.backend.first_pass(raster, bench.buffers)
    with bench.timed("blank"):
        measures = bench.backend.blank.measure(raster, first, bench.buffers)
    return Look(first, measures)


def finish(
    bench: Bench, seen: Look, other: BlankMeasures | None, *, upside_down: bool = False
) -> Face:
    """Take the face on a bench from its look to its bytes.

    Parameters
    ----------
    seen
        What `look` saw on this bench.
    other
        What the other side of the sheet shows; None when it was not captured.
    upside_down
        The separators of its stack were fed upside down.
    """

    def work(own: Look) -> Face:
        return _finish(bench, own, other, upside_down=upside_down)

    done = bench.surely(lambda: work(seen), again=lambda: work(_look(bench, bench.raster)))
    bench.done()
    return done


def _finish(bench: Bench, seen: Look, other: BlankMeasures | None, *, upside_down: bool) -> Face:
    first = seen.first
    verdict = steps.blank(bench, first, seen.measures, other)
    # A likely blank is measured for the record, but neither turned nor cropped.
    skew = None if verdict.level is Level.SURE else steps.skew(bench, first)
    sound = skew if verdict.level is Level.NO and skew is not None and skew.trusted else None
    turn = steps.turn(bench, sound)
    sheet = steps.sheet(bench, first, sound, turn)
    captured = steps.without_chroma(bench.raster, first)
    page = steps.with_room(bench, captured, first, turn, sheet)
    # The sheet of a page that was made larger reaches over the image: there is nothing to cut.
    box = sheet.box if sheet is not None and sheet.worth_cutting and page is captured else None
    straight = steps.straighten(bench, page, turn, box)
    result = steps.stand(bench, straight, first, sound, stack_upside_down=upside_down)
    quality = steps.quality(
        bench,
        first,
        Known(
            angle_microdeg=None if sound is None else sound.angle_microdeg,
            turned=turn != 0,
            sheet=sheet,
            streaks_px=() if skew is None else skew.streaks_px,
        ),
    )
    data, media_type = steps.encode(bench, result, first, verdict)
    removed = verdict.level is Level.SURE and bench.profile.blank == "remove"
    evidence = steps.evidence(bench, first) if removed else None
    ms = {name: round(value, 3) for name, value in bench.ms.items()}
    return Face(
        blank=verdict,
        removed=removed,
        marked=verdict.level is not Level.NO and not removed and bench.profile.blank != "keep",
        angle_deg=None if skew is None else skew.angle_microdeg / 1e6,
        confidence=0.0 if skew is None else skew.confidence,
        skew_corrected=turn != 0,
        crop_px=None if box is None else (box.left, box.top, box.right, box.bottom),
        pixels=result,
        media_type=media_type,
        data=data,
        evidence=evidence,
        half=first.half,
        quality=quality.values,
        streaks_mm=quality.streaks_mm,
        steps=tuple(bench.steps),
        warnings=tuple(bench.warnings),
        redone=bench.redone,
        ms=ms | {"total": round(sum(ms.values()), 3)},
    )
