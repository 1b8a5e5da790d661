"""Results whose length only the card knows.

Rule 1: with the length comes as much as the last one of the slot had, and some more: of pages that
are alike the whole result is there after one wait. Only the rest of a longer one takes a second.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from kernels.cuda.slot import Slot
from kernels.gpu import Memory

_STEP: Final = 1 << 18
"""Memory of this side is taken in such steps: to pin it takes longer than to fill it."""
_MORE: Final = 8
"""An eighth more than the last one is asked for."""


@dataclass(frozen=True, slots=True)
class Sized:
    """A result that is on its way.

    Attributes
    ----------
    name
        What it is, for its memory.
    there
        uint8, on the card.
    length
        uint64 (1): how long it is, valid once the slot's stream was waited for; counted in bits, or
        in bytes.
    bits
        Of what is counted.
    here
        uint8: as much of it as comes with the length.
    """

    name: str
    there: Memory
    length: NDArray[np.uint64]
    bits: int
    here: NDArray[np.uint8]


def ask(name: str, there: Memory, length: Memory, bits: int, slot: Slot) -> Sized:
    """Ask for a result and its length, and do not wait for it; see `Sized`."""
    last = slot.lengths.get(name, 0)
    here = _room(name, min(last + last // _MORE, there.size_bytes), slot)
    counted = slot.pinned(f"{name}.length", (1,), np.uint64)
    slot.stream.download(counted, length)
    if here.size:
        slot.stream.download(here, there)
    return Sized(name, there, counted, bits, here)


def take(sized: Sized, slot: Slot) -> NDArray[np.uint8]:
    """Return the result, in the turn in which it was asked for; it holds until the next one.

    Raises
    ------
    DeviceFailed
        If the card does.
    """
    slot.stream.wait()
    size = (int(sized.length[0]) * sized.bits + 7) // 8
    slot.lengths[sized.name] = size
    if size <= sized.here.size:
        return sized.here[:size]
    whole = _room(sized.name, size, slot)
    slot.stream.download(whole, sized.there)
    slot.stream.wait()
    return whole


def _room(name: str, size: int, slot: Slot) -> NDArray[np.uint8]:
    return slot.pinned(name, (-(-size // _STEP) * _STEP,))[:size]
