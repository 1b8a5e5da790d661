"""The paper under a plane and the ink on it, on the card. Twin of `kernels.blank.ground.ground`.

Rule 1: the level and the noise of the page are counted and found on the card.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from kernels.blank.ground import CELL_PX, Ground
from kernels.cuda.slot import Placed, Slot
from kernels.gpu import Memory

_THREADS: Final = 256
_BLOCK: Final = (32, 8)
_COUNT_BYTES: Final = (256 + 4816) * 4
_LEVEL_BYTES: Final = 2 * 4


@dataclass(frozen=True, slots=True)
class GroundThere:
    """What a plane on the card shows against its own paper.

    Attributes
    ----------
    ink, medians
        As `ink` and `levels` in `Ground`, without a gap between rows.
    levels
        Two int32: paper, noise.
    """

    ink: Placed
    medians: Placed
    levels: Memory


def enqueue(plane: Placed, slot: Slot) -> GroundThere:
    """Have the ink of a plane found; its pitch is its width."""
    height, width = np.int32(plane.height_px), np.int32(plane.width_px)
    shape = -(-plane.height_px // CELL_PX), -(-plane.width_px // CELL_PX)
    rows, columns = (np.int32(side) for side in shape)
    cells = shape[0] * shape[1]
    medians, held = (slot.scratch(f"ground.{name}", cells) for name in ("medians", "held"))
    ink = slot.scratch("ground.ink", plane.height_px * plane.width_px)
    levels = slot.scratch("ground.levels", _LEVEL_BYTES)
    counts = slot.scratch("ground.counts", _COUNT_BYTES)
    stream = slot.stream
    stream.clear(counts, _COUNT_BYTES)
    stream.launch(
        "ground_medians",
        (-(-shape[1] // _BLOCK[1]), shape[0]),
        _BLOCK,
        *(plane.memory, height, width, rows, columns, medians, counts),
    )
    stream.launch(
        "ground_hold",
        (-(-cells // _THREADS),),
        (_THREADS,),
        *(medians, rows, columns, counts, held, levels),
    )
    stream.launch(
        "ground_ink",
        ((plane.width_px + CELL_PX // 2 - 1) // CELL_PX + 1, shape[0]),
        _BLOCK,
        *(plane.memory, height, width, held, rows, columns, ink, counts),
    )
    stream.launch("ground_noise", (1,), (_THREADS,), counts, levels)
    return GroundThere(
        Placed(ink, plane.shape, plane.width_px), Placed(medians, shape, shape[1]), levels
    )


def download(seen: GroundThere, name: str, slot: Slot) -> Callable[[], Ground]:
    """Have it copied to this side; what is returned gives it, once that was waited for.

    Parameters
    ----------
    name
        Of the ink among the slot's pinned memory.
    """
    ink = slot.pinned(name, seen.ink.shape)
    medians = slot.pinned(f"{name}.medians", seen.medians.shape)
    levels = slot.pinned(f"{name}.levels", (2,), np.int32)
    slot.stream.download(ink, seen.ink.memory)
    slot.stream.download(medians, seen.medians.memory)
    slot.stream.download(levels, seen.levels)
    return lambda: Ground(ink, medians, int(levels[0]), int(levels[1]))
