"""The page as ink on paper, made on the card. Twin of `kernels.blank.ink.ink_map`."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from kernels.blank.ink import InkMap, factor_of, threshold_above
from kernels.cuda import ground
from kernels.cuda.slot import Placed, Slot
from kernels.gpu import Memory
from kernels.raster import Raster

_THREADS: Final = 256
_BLOCK: Final = (32, 8)
_SAMPLE_PX: Final = 16
_COUNT_BYTES: Final = 4 * 256 * 4
_LEVEL_BYTES: Final = 5 * 4


@dataclass(frozen=True, slots=True)
class _Reduced:
    """A page reduced on the card; of a gray one there is no spread, and nothing in `levels`."""

    dark: Placed
    spread: Placed | None
    levels: Memory


@dataclass(frozen=True, slots=True)
class MapThere:
    """A page as ink on paper, on the card: reduced, and measured against its paper."""

    reduced: _Reduced
    ground: ground.GroundThere


def ink_map(raster: Raster, slot: Slot) -> InkMap:
    """Return the ink of a page; see `kernels.blank.ink.ink_map`.

    Raises
    ------
    DeviceFailed
        If the card does.
    """
    factor = factor_of(raster)
    with slot.turn():
        made = enqueue(slot.lay(raster), factor, slot)
        seen = ground.download(made.ground, "ink.ink", slot)
        planes = _download(made.reduced, slot)
    found = seen()
    dark, spread, paper_spread, tint = planes()
    return InkMap(
        ink=found.ink,
        dark=dark,
        spread=spread,
        levels=found.levels,
        paper=found.paper,
        paper_spread=paper_spread,
        tint=tint,
        noise=found.noise,
        threshold=threshold_above(found.noise),
        dpi=raster.dpi / factor,
        factor=factor,
    )


def enqueue(page: Placed, factor: int, slot: Slot) -> MapThere:
    """Have a page on the card made ink on paper; so many of its pixels, squared, are one there."""
    reduced = _reduce(page, factor, slot)
    return MapThere(reduced, ground.enqueue(reduced.dark, slot))


def _reduce(page: Placed, factor: int, slot: Slot) -> _Reduced:
    shape = page.height_px // factor, page.width_px // factor
    size = shape[0] * shape[1]
    dark = Placed(slot.scratch("ink.dark", size), shape, shape[1])
    spread = None
    counts, levels = (
        slot.scratch("ink.counts", _COUNT_BYTES),
        slot.scratch("ink.levels", _LEVEL_BYTES),
    )
    if page.channels == 3:
        spread = Placed(slot.scratch("ink.spread", size), shape, shape[1])
        slot.stream.clear(counts, _COUNT_BYTES)
        _balance(page, factor, counts, levels, slot)
    slot.stream.launch(
        "reduce_page",
        (-(-shape[1] // _BLOCK[0]), -(-shape[0] // _BLOCK[1])),
        _BLOCK,
        page.memory,
        np.int32(page.channels),
        np.int32(page.pitch),
        np.int32(factor),
        levels,
        np.int32(shape[0]),
        np.int32(shape[1]),
        dark.memory,
        (spread or dark).memory,
        counts,
    )
    if spread is not None:
        slot.stream.launch("ink_spread", (1,), (_THREADS,), counts, levels)
    return _Reduced(dark, spread, levels)


def _balance(page: Placed, factor: int, counts: Memory, levels: Memory, slot: Slot) -> None:
    """Have it found out by what to multiply each channel so that the paper is neutral."""
    down, across = (-(-(s // factor) // _SAMPLE_PX) for s in (page.height_px, page.width_px))
    top, left = down // 10, across // 10  # a tenth from each side is not in the middle
    down, across = down - 2 * top, across - 2 * left
    slot.stream.launch(
        "count_white",
        (-(-down * across // _THREADS),),
        (_THREADS,),
        page.memory,
        np.int32(page.pitch),
        np.int32(factor),
        np.int32(left),
        np.int32(top),
        np.int32(across),
        np.int32(down * across),
        counts,
    )
    slot.stream.launch("ink_gains", (1,), (_THREADS,), counts, levels)


def _download(
    reduced: _Reduced, slot: Slot
) -> Callable[[], tuple[NDArray[np.uint8], NDArray[np.uint8], int, int]]:
    """Have the planes copied to this side: dark, spread, the spread of the paper and its tint."""
    dark = slot.pinned("ink.dark", reduced.dark.shape)
    slot.stream.download(dark, reduced.dark.memory)
    spread = slot.pinned("ink.spread", reduced.dark.shape)
    if reduced.spread is None:
        spread.fill(0)
        return lambda: (dark, spread, 0, 0)
    slot.stream.download(spread, reduced.spread.memory)
    levels = slot.pinned("ink.levels", (5,), np.int32)
    slot.stream.download(levels, reduced.levels)
    return lambda: (dark, spread, int(levels[4]), int(levels[3]))
