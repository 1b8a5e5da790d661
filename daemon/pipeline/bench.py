"""One worker's place: its kernels, its memory, and the record of the face it works on.

Rule 1: a bench works one face at a time; what it made holds until it begins the next.
"""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from daemon.page import Step
from daemon.pipeline.profile import Profile
from kernels.backend import Backend
from kernels.buffers import Buffers
from kernels.raster import Raster

_VERSION: Final = "2"

Value = float | int | str | bool


class Bench:
    """Where faces are worked, one after the other.

    Parameters
    ----------
    backend, profile
        The kernels and what they may do.

    Attributes
    ----------
    buffers
        The memory that every face uses again.
    raster
        The face at hand, as captured.
    steps, warnings, ms
        What was done to it, what is odd about it, and the milliseconds of each step.
    """

    def __init__(self, backend: Backend, profile: Profile) -> None:
        self.backend = backend
        self.profile = profile
        self.buffers = Buffers()
        self.raster: Raster
        self._clear()

    def begin(self, raster: Raster) -> None:
        """Lay the next face on the bench."""
        self.raster = raster
        self._clear()

    def _clear(self) -> None:
        self.steps: list[Step] = []
        self.warnings: list[str] = []
        self.ms: dict[str, float] = {}

    @contextmanager
    def timed(self, name: str) -> Iterator[None]:
        """Add the time of a block to its step."""
        start = time.perf_counter()
        yield
        self.ms[name] = self.ms.get(name, 0.0) + (time.perf_counter() - start) * 1e3

    def record(self, name: str, values: Mapping[str, Value]) -> None:
        """Add a step."""
        self.steps.append(Step(name, _VERSION, self.backend.name, values))
