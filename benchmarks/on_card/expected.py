"""What each kernel is to make of a page: its results by name, as short texts to be compared.

The numba twins made `benchmarks/results/gpu-expected.json`: a list of names, and for each page of
the test data the texts in that order. Numbers stand there as they are, all else as the first 64
bits of a SHA-256.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.on_card.hands import Hands
from benchmarks.on_card.pages import Page
from kernels.blank.ink import InkMap
from kernels.raster import Box, Raster

FILE: Final = Path(__file__).parents[1] / "results" / "gpu-expected.json"
PIXELS: Final = "pixels"
_ANGLE_MICRODEG: Final = 1_234_567
_DIGITS: Final = 16

Facts = Mapping[str, str]
"""Results by their names."""


def facts(page: Page, hands: Hands) -> dict[str, str]:
    """Return what those hands make of a page."""
    return dict(_facts(page.raster, hands))


def _facts(raster: Raster, hands: Hands) -> Iterator[tuple[str, str]]:
    yield PIXELS, digest(raster.pixels)
    first = hands.first_pass(raster)
    yield "levels", f"{first.threshold} {first.paper} {first.ink_clamp} {first.strip_px}"
    for name in ("luma", "half", "rows", "columns", "cells"):
        yield name, digest(getattr(first, name))
    found = hands.skew(first, raster.dpi)
    yield "skew", f"{found.angle_microdeg} {'trusted' if found.trusted else 'not trusted'}"
    yield "skew, values", digest(repr((found.confidence, found.values, found.streaks_px)))
    yield "ink map", _of_ink(hands.ink_map(raster))
    yield "crop", digest(hands.crop(raster, _part(raster)).pixels)
    yield "rotate", digest(hands.rotate(raster, _ANGLE_MICRODEG).pixels)
    gray = Raster(first.luma, raster.dpi)
    yield "rotate gray", digest(hands.rotate(gray, _ANGLE_MICRODEG).pixels)
    straight = hands.rotate(raster, -found.angle_microdeg)
    yield "rotate by skew", digest(straight.pixels)
    yield "jpeg gray", digest(hands.jpeg(gray, "420"))
    if raster.is_colour:
        yield "jpeg 420", digest(hands.jpeg(straight, "420"))
        yield "jpeg 444", digest(hands.jpeg(straight, "444"))
    yield "is_bilevel", str(hands.is_bilevel(gray))
    black = hands.bilevel(gray)
    yield "bilevel", f"{hands.is_bilevel(black)} {digest(hands.g4(black))}"
    yield "bilevel, pixels", digest(black.pixels)
    yield "whole page", digest(hands.straight_jpeg(raster))


def _part(raster: Raster) -> Box:
    width, height = raster.width_px, raster.height_px
    return Box(width // 7, height // 9, width - width // 5, height - height // 11)


def _of_ink(ink: InkMap) -> str:
    return digest(repr([_of_field(getattr(ink, one.name)) for one in fields(InkMap)]))


def _of_field(value: Any) -> str:
    return digest(value) if isinstance(value, np.ndarray) else repr(value)


def digest(value: NDArray[Any] | bytes | str) -> str:
    """Return the first 64 bits of a SHA-256, of an array with its shape and type."""
    if isinstance(value, str):
        return hashlib.sha256(value.encode()).hexdigest()[:_DIGITS]
    if isinstance(value, bytes):
        return hashlib.sha256(value).hexdigest()[:_DIGITS]
    whole = hashlib.sha256(f"{value.dtype.str} {value.shape}".encode())
    whole.update(np.ascontiguousarray(value).data)
    return whole.hexdigest()[:_DIGITS]


def write(path: Path, made: Mapping[str, Facts]) -> None:
    """Write the facts of pages by their names, a page a line."""
    names = list(dict.fromkeys(name for found in made.values() for name in found))
    rows = ",\n".join(
        f"  {json.dumps(page, ensure_ascii=False)}: "
        f"{json.dumps([found.get(name) for name in names], separators=(',', ':'))}"
        for page, found in sorted(made.items())
    )
    path.write_text(
        f'{{\n "results": {json.dumps(names)},\n "pages": {{\n{rows}\n }}\n}}\n', encoding="utf-8"
    )


def read(path: Path = FILE) -> dict[str, Facts]:
    """Return the facts of pages by their names; none if there is no file."""
    if not path.exists():
        return {}
    told = json.loads(path.read_text(encoding="utf-8"))
    return {page: _named(told["results"], texts) for page, texts in told["pages"].items()}


def _named(names: Sequence[str], texts: Sequence[str | None]) -> Facts:
    pairs = zip(names, texts, strict=True)
    return {name: text for name, text in pairs if text is not None}
