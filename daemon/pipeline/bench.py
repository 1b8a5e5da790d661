"""One worker's place: its kernels, its memory, and the record of the face it works on.

Rule 1: a bench works one face at a time; what it made holds until it begins the next.
Rule 2: where a card fails, the face is done again from its beginning on the CPU: see `standby`.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Final, TypeVar

from daemon.page import Step
from daemon.pipeline.profile import Profile
from daemon.pipeline.standby import Standby
from kernels.backend import Backend
from kernels.buffers import Buffers
from kernels.gpu import DeviceFailed
from kernels.raster import Raster

_VERSION: Final = "2"

Value = float | int | str | bool
Result = TypeVar("Result")


class Bench:
    """Where faces are worked, one after the other.

    Parameters
    ----------
    kernels
        A backend, or the standby that all benches share.
    profile
        What the kernels may do.

    Attributes
    ----------
    backend
        The kernels of the face at hand.
    raster
        The face at hand, as captured.
    redone
        Whether it was begun again on the CPU.
    steps, warnings, ms
        What was done to it, what is odd about it, and the milliseconds of each step.
    """

    def __init__(self, kernels: Backend | Standby, profile: Profile) -> None:
        self._standby = Standby(kernels) if isinstance(kernels, Backend) else kernels
        self.profile = profile
        self.backend = self._standby.backend
        self._memory: dict[str, Buffers] = {}
        self.raster: Raster
        self._clear()

    @property
    def buffers(self) -> Buffers:
        """Return the memory that every face uses again, of the kernels at hand."""
        found = self._memory.get(self.backend.name)
        if found is None:
            found = self._memory[self.backend.name] = self.backend.buffers()
        return found

    def take_kernels(self) -> None:
        """Take the kernels for the next face."""
        self.backend = self._standby.backend
        self.redone = False

    def begin(self, raster: Raster) -> None:
        """Lay the next face on the bench."""
        self.raster = raster
        self._clear()

    def surely(self, work: Callable[[], Result], again: Callable[[], Result]) -> Result:
        """Return what a piece of work gives; where the card fails at it, it is done on the CPU.

        Parameters
        ----------
        work
            On the kernels at hand.
        again
            The same on the CPU's, from what was captured.
        """
        try:
            return work()
        except DeviceFailed as error:
            spare = self.backend.spare
            if spare is None:
                raise
            self._standby.failed(error)
            self.backend, self.redone = spare, True
            self._clear()
            return again()

    def done(self) -> None:
        """Say that the face at hand is finished: half of one says nothing for the card."""
        self._standby.worked(self.backend)

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
