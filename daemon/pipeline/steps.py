"""The steps of a face, in their order: what each does, when it does nothing, what it records."""

import math
from typing import Final

from daemon.pipeline import format as formats
from daemon.pipeline.bench import Bench, Value
from daemon.pipeline.format import Captured, Seen
from kernels import clean_text, orientation, room
from kernels.blank import BlankMeasures, Verdict
from kernels.crop import Sheet
from kernels.first_pass import FirstPass
from kernels.orientation import Stands
from kernels.quality import Known, Quality
from kernels.raster import Box, Raster
from kernels.skew import Skew

EVIDENCE_BYTES: Final = 20_000
_NOT_WORTH_TURNING_MICRODEG: Final = 50_000
_LONGEST_SIDE_TURNED_PX: Final = 32_767


def blank(
    bench: Bench, first: FirstPass, measures: BlankMeasures, other: BlankMeasures | None
) -> Verdict:
    """Say whether the face is blank; `other` is what the other side of the sheet shows."""
    with bench.timed("blank"):
        verdict = bench.backend.blank.decide(measures, other)
    bench.record(
        "first_pass",
        {"threshold": first.threshold, "paper": first.paper, "ink_clamp": first.ink_clamp},
    )
    bench.record(
        "blank", {"level": verdict.level.value, "reason": verdict.reason, **verdict.values}
    )
    return verdict


def skew(bench: Bench, first: FirstPass) -> Skew:
    """Measure how the content is turned."""
    with bench.timed("skew"):
        found = bench.backend.skew(first, bench.raster.dpi, bench.buffers)
    bench.record(
        "skew",
        {
            "angle_microdeg": found.angle_microdeg,
            "confidence": found.confidence,
            "trusted": found.trusted,
            **found.values,
        },
    )
    if not found.trusted:
        bench.warnings.append("skew_not_trusted")
    return found


def without_chroma(raster: Raster, first: FirstPass) -> Raster:
    """Return the luma of a colour raster in which no pixel has any colour, else the raster."""
    if raster.is_colour and not first.cells[..., 1].any():
        return Raster(first.luma, raster.dpi)
    return raster


def turn(bench: Bench, sound: Skew | None) -> int:
    """Return by how much the page is to be turned: 0 where that is not sound or not worth it."""
    if sound is None or abs(sound.angle_microdeg) < _NOT_WORTH_TURNING_MICRODEG:
        return 0
    # With the room that the turn may need, see `with_room`.
    sides = bench.raster.width_px, bench.raster.height_px
    room_px = min(sides) * abs(math.sin(math.radians(sound.angle_microdeg / 1e6))) + 2
    if max(sides) + room_px > _LONGEST_SIDE_TURNED_PX:
        bench.warnings.append("too_large_to_turn")
        return 0
    return -sound.angle_microdeg


def sheet(bench: Bench, first: FirstPass, sound: Skew | None, turn_microdeg: int) -> Sheet | None:
    """Find the sheet on its bed. Without a sound skew nothing says how its edges should lie."""
    if sound is None:
        return None
    with bench.timed("crop"):
        return bench.backend.crop.locate(first, -turn_microdeg, bench.raster.dpi, bench.buffers)


def with_room(
    bench: Bench, raster: Raster, first: FirstPass, turn_microdeg: int, found: Sheet | None
) -> Raster:
    """Return the page, made larger where ink would leave it over its border by the turn."""
    if not turn_microdeg:
        return raster
    with bench.timed("rotate"):
        if not room.is_needed(first, -turn_microdeg, raster.dpi, found):
            return raster
        bench.warnings.append("page_made_larger")
        return room.around(raster, turn_microdeg, bench.buffers)


def straighten(bench: Bench, raster: Raster, turn_microdeg: int, box: Box | None) -> Raster:
    """Turn the content level and cut away the bed, in one go. Bilevel stays bilevel."""
    if turn_microdeg:
        with bench.timed("rotate"):
            bilevel = bench.backend.g4.is_bilevel(raster)
            result = bench.backend.rotate(raster, turn_microdeg, 255, bench.buffers, box)
            if bilevel:
                result = bench.backend.g4.bilevel(result, bench.buffers)
        bench.record(
            "rotate",
            {
                "angle_microdeg": turn_microdeg,
                "fill": 255,
                "width_px": raster.width_px,
                "height_px": raster.height_px,
            },
        )
    elif box is not None:
        with bench.timed("crop"):
            result = bench.backend.crop.apply(raster, box, bench.buffers)
    else:
        result = raster
    if box is not None:
        bench.record(
            "crop", {"left": box.left, "top": box.top, "right": box.right, "bottom": box.bottom}
        )
    return result


def stand(
    bench: Bench,
    raster: Raster,
    first: FirstPass,
    sound: Skew | None,
    *,
    stack_upside_down: bool,
) -> Raster:
    """Stand a page on its feet if both its stack and its own punctuation say it is on its head.

    One of them alone is only flagged: a clerk may lay one separator the wrong way, and a page may
    have been printed so.
    """
    if sound is None:
        return raster
    with bench.timed("stand"):
        found = orientation.orientation(first, sound.angle_microdeg, bench.raster.dpi)
        on_its_head = found.stands is Stands.UPSIDE_DOWN
        if on_its_head and stack_upside_down:
            raster = orientation.half_turn(raster, bench.buffers)
    bench.record(
        "stand",
        {
            "stands": found.stands.value,
            "marks_upright": found.upright,
            "marks_upside_down": found.upside_down,
            "stack_upside_down": stack_upside_down,
            "turned_deg": 180 if on_its_head and stack_upside_down else 0,
        },
    )
    if on_its_head and not stack_upside_down:
        bench.warnings.append("perhaps_upside_down")
    elif stack_upside_down and not on_its_head:
        bench.warnings.append("stack_upside_down")
    return raster


def quality(bench: Bench, first: FirstPass, known: Known) -> Quality:
    """Measure how well the face was captured."""
    with bench.timed("quality"):
        found = bench.backend.quality(first, bench.raster, known)
    bench.record("quality", found.values)
    if found.streaks_mm:
        bench.warnings.append("streaks")
    return found


def encode(bench: Bench, raster: Raster, first: FirstPass, verdict: Verdict) -> tuple[bytes, str]:
    """Write the page in the format that the table of `format` gives it."""
    with bench.timed("encode"):
        seen, level = _seen(bench, raster, first, verdict)
        chosen = formats.choose(seen, bench.profile)
        if chosen.reason == "clean_text":
            raster = clean_text.black_and_white(raster, level)
        if chosen.kind == "g4":
            data, media_type = bench.backend.g4.file(raster, bench.buffers), formats.TIFF
        else:
            data = bench.backend.jpeg.encode(
                raster, bench.profile.jpeg_quality, chosen.subsampling, bench.buffers
            )
            media_type = formats.JPEG
        if bench.profile.container == "pdf":
            data, media_type = formats.wrap_pdf(data, media_type, raster.dpi), formats.PDF
    values: dict[str, Value] = {
        "format": chosen.kind,
        "reason": chosen.reason,
        "container": bench.profile.container,
    }
    if chosen.kind == "jpeg":
        values |= {
            "quality": bench.profile.jpeg_quality,
            "subsampling": chosen.sampling,
            "encoder": bench.backend.jpeg.name,
        }
    elif chosen.reason == "clean_text":
        values["black_below"] = level
    bench.record("encode", values)
    return data, media_type


def _seen(bench: Bench, raster: Raster, first: FirstPass, verdict: Verdict) -> tuple[Seen, int]:
    """Return what decides the format, and the level below which clean text is black."""
    captured: Captured = "colour" if bench.raster.is_colour else "gray"
    if captured == "gray" and bench.backend.g4.is_bilevel(raster):
        captured = "bilevel"
    spreads = first.cells[..., 1]
    strong_mm2 = verdict.values.get("colour_mm2")
    if strong_mm2 is None:
        strong_mm2 = formats.strong_colour_mm2(spreads, bench.raster.dpi)
    asked = bench.profile.clean_text == "bilevel" and captured == "colour"
    text = clean_text.judge(bench.raster) if asked else None
    seen = Seen(captured, bool(spreads.any()), strong_mm2, is_clean_text=bool(text))
    return seen, text.level if text else 0


def evidence(bench: Bench, first: FirstPass) -> bytes:
    """Return the small picture that stays of a removed face."""
    with bench.timed("evidence"):
        luma = Raster(first.luma, bench.raster.dpi)
        return bench.backend.jpeg.evidence(luma, EVIDENCE_BYTES)
