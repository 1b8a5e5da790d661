"""Time that may be spent: measuring goes on until it is, so a run ends when it was told to."""

import time
from collections.abc import Iterator

import numpy as np

_LEAST = 3
_MOST = 200


class Budget:
    """Seconds from now on.

    Parameters
    ----------
    seconds
        How many.
    """

    def __init__(self, seconds: float) -> None:
        self._ends = time.monotonic() + seconds
        self._all_s = seconds

    @property
    def left_s(self) -> float:
        """What is left; not below 0."""
        return max(self._ends - time.monotonic(), 0.0)

    @property
    def is_spent(self) -> bool:
        """Whether nothing is left."""
        return self.left_s <= 0

    def part(self, share: float) -> "Budget":
        """Return a budget of a share of the whole, but of no more than is left."""
        return Budget(min(self._all_s * share, self.left_s))

    def rounds(self, least: int = _LEAST, most: int = _MOST) -> Iterator[int]:
        """Count rounds until the time is spent; a few in any case, never very many."""
        for number in range(most):
            if number >= least and self.is_spent:
                return
            yield number


def median(values: list[float]) -> float:
    """Return the median."""
    return float(np.median(values))


def in_turn(budget: Budget, count: int, least: int = _LEAST) -> Iterator[int]:
    """Give 0 to `count` - 1 again and again until the time is spent."""
    for number in budget.rounds(least=least * count, most=_MOST * count):
        yield number % count
