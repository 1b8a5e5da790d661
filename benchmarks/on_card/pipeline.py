"""Pages a second as the product works them, from pixels in memory to bytes, by so many threads.

    first pass, blank, skew, sheet, turn or cut, quality, JPEG, by a backend

Rule 1: before anything is timed, both backends work every page, and their bytes are compared.
"""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Final

from benchmarks.on_card.budget import Budget
from benchmarks.on_card.hands import FILL, QUALITY
from benchmarks.on_card.pages import Page
from benchmarks.on_card.rates import Hand, by, fill, rate, seconds_of, threads
from benchmarks.on_card.table import Row, digits, left_out
from kernels.backend import Backend
from kernels.blank import Level
from kernels.buffers import Buffers
from kernels.cuda import backend as cuda
from kernels.gpu import Card, DeviceFailed
from kernels.quality import Known
from kernels.raster import Raster

PRODUCT: Final = "whole colour pages, as the product works them"
_NOT_WORTH_TURNING_MICRODEG: Final = 50_000


def product(
    card: Card, on_cpu: Backend, pages: Sequence[Page], budget: Budget, *, small: bool
) -> Iterator[Row]:
    """Give a row for each backend and number of threads: as the product works a page.

    Parameters
    ----------
    on_cpu
        The other backend.
    pages
        See `pinned`.
    """
    backends = cuda.backend(card, on_cpu), on_cpu
    unlike = _unlike(backends, pages)
    beside = f"DIFFERS: {', '.join(unlike)}" if unlike else "the bytes of both backends are equal"
    figures = {"differs": unlike} if unlike else {}
    yield Row(PRODUCT, "equal", float(len(pages) - len(unlike)), "pages", beside, "", figures)
    counts = threads()[:2] if small else threads()
    left = len(counts) * len(backends)
    best: dict[str, float] = {}
    for backend in backends:
        hands: list[Hand] = []
        for count in counts:
            what = f"{backend.name}, {by(count)}"
            if budget.is_spent and not small:
                yield left_out(PRODUCT, what, "no time")
                continue
            try:
                fill(hands, count, partial(_worker, backend), pages[0].raster)
                found = rate(hands, pages, seconds_of(budget, left, small=small))
            except DeviceFailed as error:
                yield left_out(PRODUCT, what, str(error))
                continue
            left -= 1
            best[backend.name] = max(best.get(backend.name, 0.0), found)
            yield Row(PRODUCT, what, digits(found), "pages/s", "", "", {"threads": count})
    if len(best) == len(backends):
        ratio = digits(best["gpu"] / best["cpu"], 3)
        yield Row(PRODUCT, "gpu over cpu, the best of each", ratio, "x")


def _unlike(backends: Sequence[Backend], pages: Sequence[Page]) -> list[str]:
    """Return the names of the pages of which the backends make different files."""
    workers = [_worker(backend) for backend in backends]
    return [page.name for page in pages if len({work(page.raster) for work in workers}) > 1]


def _worker(backend: Backend) -> Hand:
    buffers = backend.buffers()
    return lambda raster: as_the_product(backend, raster, buffers)


def as_the_product(backend: Backend, raster: Raster, buffers: Buffers) -> bytes:
    """Take a page through every kernel, in the product's order, to the bytes that are kept."""
    dpi = raster.dpi
    first = backend.first_pass(raster, buffers)
    verdict = backend.blank.decide(backend.blank.measure(raster, first, buffers), None)
    found = backend.skew(first, dpi, buffers)
    sound = found.trusted and verdict.level is Level.NO
    angle = found.angle_microdeg if sound else 0
    sheet = backend.crop.locate(first, angle, dpi, buffers) if sound else None
    box = sheet.box if sheet is not None and sheet.worth_cutting else None
    result = raster
    if abs(angle) >= _NOT_WORTH_TURNING_MICRODEG:
        result = backend.rotate(raster, -angle, FILL, buffers, box)
    elif box is not None:
        result = backend.crop.apply(raster, box, buffers)
    backend.quality(first, raster, Known(angle, angle != 0, sheet, found.streaks_px))
    return backend.jpeg.encode(result, QUALITY, "420", buffers)
