"""Our kernels as one worker has them: each with that worker's buffers, compiled beforehand."""

import inspect
from collections.abc import Callable
from dataclasses import fields, is_dataclass, replace
from functools import partial
from typing import Any, TypeVar

from daemon.page import Scan
from daemon.pipeline import face, pixels
from daemon.pipeline.bench import Bench
from daemon.pipeline.profile import Profile
from kernels.backend import Backend
from kernels.buffers import Buffers
from kernels.raster import Raster

Group = TypeVar("Group")
Result = TypeVar("Result")


class Own:
    """One worker.

    Attributes
    ----------
    kernels
        Every kernel of the backend; those that take buffers have this worker's.
    backend
        The same with new memory at every call: for what must hold while the worker goes on.
    """

    def __init__(self, backend: Backend) -> None:
        self.backend = backend
        self._bench = Bench(backend, Profile())
        self.buffers = Buffers()
        self.kernels = self._held(backend)

    def with_buffers(self, kernel: Callable[..., Result]) -> Callable[..., Result]:
        """Return a kernel that works in this worker's buffers, if it takes any."""
        takes = "buffers" in inspect.signature(kernel).parameters
        return partial(kernel, buffers=self.buffers) if takes else kernel

    def _held(self, group: Group) -> Group:
        """Return a set of kernels, and the sets inside it, with buffers."""
        changes: dict[str, Any] = {}
        for field in fields(group):  # type: ignore[arg-type]
            value = getattr(group, field.name)
            if is_dataclass(value):
                changes[field.name] = self._held(value)
            elif callable(value):
                changes[field.name] = self.with_buffers(value)
        return replace(group, **changes)  # type: ignore[type-var]

    def raster(self, scan: Scan) -> Raster:
        """Return a scan as a raster."""
        return self.with_buffers(pixels.raster_of)(scan)

    def face(self, raster: Raster) -> face.Face:
        """Return what the whole pipeline makes of one face."""
        (done,) = face.process_on([self._bench], [raster])
        return done


def worker() -> Own:
    """Return a worker on the processor, its kernels compiled."""
    return Own(face.kernels("cpu"))
