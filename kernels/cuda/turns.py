"""Who may work on the card now: a few at a time, in the order in which they asked.

More pages at a time than keep both directions of the link and the card busy would only make each
of them later; and without an order, a feeder that asks often would be served before one that asks
rarely.

Rule 1: whoever has a turn has a desk, too: memory on the card for what nobody needs after the turn.
So however many feeders there are, there is scratch memory for a few pages only.
"""

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from kernels.cuda.constants import Constants
from kernels.gpu import Card, Memory

AT_A_TIME: Final = 4
"""One page on its way up, one on its way down, two between."""
_ROOM: Final = 256
"""After the end of each piece of memory: words of a vector load may reach over it."""


class Pieces:
    """Memory on the card by name, made when first taken and again only when a larger one is asked.

    Parameters
    ----------
    card
        Whose memory.
    """

    def __init__(self, card: Card) -> None:
        self._card = card
        self._held: dict[str, Memory] = {}

    def take(self, name: str, size_bytes: int) -> Memory:
        """Return the piece of that name, uninitialised, at least so large.

        Raises
        ------
        DeviceFailed
            If the card has no such room.
        """
        held = self._held.get(name)
        if held is None or held.size_bytes < size_bytes + _ROOM:
            self._held.pop(name, None)  # before a larger one: both may not fit
            held = self._held[name] = self._card.memory(size_bytes + _ROOM)
        return held


class Turns:
    """Turns on one card, for any number of threads.

    Parameters
    ----------
    card
        The card.
    at_a_time
        How many may work at a time.

    Attributes
    ----------
    constants
        Tables that all of them use.
    """

    def __init__(self, card: Card, at_a_time: int = AT_A_TIME) -> None:
        self.constants = Constants(card)
        self._free = [Pieces(card) for _ in range(at_a_time)]
        self._lock = threading.Lock()
        self._waiting: deque[_Waiting] = deque()

    @contextmanager
    def one(self) -> Iterator[Pieces]:
        """Wait for a turn, and give it on at the end; what it gives is the desk of the turn."""
        desk = self._take()
        try:
            yield desk
        finally:
            self._give(desk)

    def _take(self) -> Pieces:
        with self._lock:
            if self._free:
                return self._free.pop()
            waiting = _Waiting()
            self._waiting.append(waiting)
        return waiting.desk()

    def _give(self, desk: Pieces) -> None:
        with self._lock:
            if self._waiting:
                self._waiting.popleft().call(desk)  # handed on, never up for grabs
            else:
                self._free.append(desk)


class _Waiting:
    """One who waits for a turn."""

    def __init__(self) -> None:
        self._called = threading.Event()
        self._desk: Pieces

    def call(self, desk: Pieces) -> None:
        self._desk = desk
        self._called.set()

    def desk(self) -> Pieces:
        self._called.wait()
        return self._desk
