"""How much the strips of a page jump under each angle, on the card. Twin of `kernels.skew.shears`.

Rule 1: energies are added to zeros that somebody wrote before: all kernels of a skew share them.
"""

from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np

from kernels.cuda.slot import Slot
from kernels.gpu import Memory

ENERGY_BYTES: Final = 8
_ITEM_BYTES: Final = 2
_LANES: Final = 32
_JUMPS_A_WARP: Final = 2 * _LANES - 1
_ANGLES_A_BLOCK: Final = 4


@dataclass(frozen=True, slots=True)
class Strips:
    """Strips of one way on the card: uint16 (count, lines)."""

    memory: Memory
    count: int
    lines: int

    def pooled(self, name: str, by: int, slot: Slot) -> "Strips":
        """Return room for the same with `by` lines made one."""
        lines = self.lines // by
        return Strips(slot.scratch(name, _ITEM_BYTES * self.count * lines), self.count, lines)

    @property
    def arguments(self) -> tuple[Memory, np.int32, np.int32]:
        """As kernels take them."""
        return self.memory, np.int32(self.count), np.int32(self.lines)


class Sheared(NamedTuple):
    """What to measure energies of, and how."""

    strips: tuple[Strips, Strips]
    shears: Memory
    angles: int
    parts: int
    halves: int = 1


@dataclass(frozen=True, slots=True)
class Zeros:
    """Memory on the card for so many uint64, which energies will be added to."""

    memory: Memory
    count: int

    def at(self, first: int) -> np.uint64:
        """Return where the zeros from a number on are, as kernels take it."""
        return np.uint64(self.memory.address + ENERGY_BYTES * first)


def add_energies(sheared: Sheared, out: np.uint64, slot: Slot) -> None:
    """Add the energies to what lies on the card at `out`, uint64 (half, way, part, angle)."""
    strips, shears, angles, parts, halves = sheared
    longest = max(one.lines for one in strips)
    slot.stream.launch(
        "skew_energies",
        (-(-(longest - 1) // _JUMPS_A_WARP), -(-angles // _ANGLES_A_BLOCK), 2 * halves),
        (_LANES, _ANGLES_A_BLOCK),
        *strips[0].arguments,
        *strips[1].arguments,
        shears,
        np.int32(angles),
        np.int32(parts),
        out,
    )
