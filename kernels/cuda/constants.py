"""Tables on the card that no page changes: there once, for whoever works on it.

Rule 1: one that is asked for the first time is waited for: no other stream may read half of it.
"""

import threading
from collections.abc import Callable
from typing import Any

from numpy.typing import NDArray

from kernels.gpu import Card, Memory


class Constants:
    """Tables of one card, by name.

    Parameters
    ----------
    card
        Where they lie.
    """

    def __init__(self, card: Card) -> None:
        self._card = card
        self._lock = threading.Lock()
        self._held: dict[str, Memory] = {}

    def take(self, name: str, make: Callable[[], NDArray[Any]]) -> Memory:
        """Return the table of that name; `make` makes it on this side, should it not be there yet.

        Raises
        ------
        DeviceFailed
            If the card does.
        """
        held = self._held.get(name)
        if held is None:
            with self._lock:
                held = self._held.get(name) or self._uploaded(make())
                self._held[name] = held
        return held

    def _uploaded(self, table: NDArray[Any]) -> Memory:
        memory, stream = self._card.memory(table.nbytes), self._card.stream()
        stream.upload(memory, table)
        stream.wait()
        return memory
