"""The graphics card: its memory, its streams, its kernels by name. The only file that imports cupy.

    memory    on the card, by its size          pinned    on this side, where the card can reach it
    stream    copies and launches in order, while this thread goes on; `wait` is where it stands

Rule 1: nothing but CuPy knows CUDA, and nothing but this file knows CuPy. What runs the kernels on
the CPU for the tests is handed in in CuPy's place, and this file cannot tell.
Rule 2: whatever the card or its driver says no to leaves here as `DeviceFailed`.
Rule 3: nothing is compiled at run time: the driver is all that an appliance needs. So only calls
that CuPy's own wheel can answer are made, no ufunc and no elementwise kernel.
"""

import importlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

BINARIES: Final = Path(__file__).parent / "binaries"
"""Where `make cubins` puts the compiled kernels."""
_CUBIN: Final = re.compile(r"page\.sm_(\d+)\.cubin")
_PTX: Final = "page.compute_75.ptx"
_OLDEST: Final = (7, 5)

Argument = "Memory | np.generic"


class DeviceUnavailable(RuntimeError):
    """No card that could run the kernels is here, or they were not built."""


class DeviceFailed(RuntimeError):
    """The card failed at what it was asked: what it had in hand is to be done again elsewhere."""


class Memory:
    """A piece of the card's memory.

    Attributes
    ----------
    address, pointer
        On the card: as a number, and as a kernel takes it.
    size_bytes
        How large it is.
    """

    __slots__ = ("_held", "address", "pointer", "size_bytes")

    def __init__(self, held: Any, size_bytes: int) -> None:
        self._held = held
        self.address = int(held.ptr)
        self.pointer = np.uint64(self.address)
        self.size_bytes = size_bytes


class Stream:
    """Work for the card, done in the order in which it is asked for.

    Between an asking and `wait`, no array that takes part may be changed or read here.
    """

    def __init__(self, card: "Card") -> None:
        self._card = card
        with card.guarded():
            self._stream = card.cupy.cuda.Stream(non_blocking=True)

    def upload(self, target: Memory, source: NDArray[Any]) -> None:
        """Copy a C-order array to the beginning of the card's memory."""
        runtime = self._card.cupy.cuda.runtime
        self._copy(target.address, source.ctypes.data, source.nbytes, runtime.memcpyHostToDevice)

    def download(self, target: NDArray[Any], source: Memory) -> None:
        """Copy the beginning of the card's memory into a C-order array."""
        runtime = self._card.cupy.cuda.runtime
        self._copy(target.ctypes.data, source.address, target.nbytes, runtime.memcpyDeviceToHost)

    def _copy(self, target: int, source: int, size_bytes: int, way: int) -> None:
        try:
            self._card.cupy.cuda.runtime.memcpyAsync(
                target, source, size_bytes, way, self._stream.ptr
            )
        except self._card.errors as error:
            raise self._card.failed(error) from error

    def clear(self, target: Memory, size_bytes: int) -> None:
        """Fill so many bytes with zeros."""
        try:
            self._card.cupy.cuda.runtime.memsetAsync(
                target.address, 0, size_bytes, self._stream.ptr
            )
        except self._card.errors as error:
            raise self._card.failed(error) from error

    def launch(
        self,
        kernel: str,
        grid: tuple[int, ...],
        block: tuple[int, ...],
        *arguments: "Memory | np.generic",
    ) -> None:
        """Run a kernel of `page.cu`: so many blocks of so many threads each.

        Parameters
        ----------
        arguments
            Memory for a pointer; numbers as NumPy scalars of the very type the kernel takes.
        """
        values = tuple([one.pointer if isinstance(one, Memory) else one for one in arguments])
        try:
            with self._stream:
                self._card.kernel(kernel)(grid, block, values)
        except self._card.errors as error:
            raise self._card.failed(error) from error

    def mark(self) -> Any:
        """Return a mark in time: reached when all that was asked for until now is done."""
        with self._card.guarded():
            event = self._card.cupy.cuda.Event()
            event.record(self._stream)
        return event

    def wait(self) -> None:
        """Stand until all that was asked for is done."""
        with self._card.guarded():
            self._stream.synchronize()


class Card:
    """The first graphics card of this machine.

    Parameters
    ----------
    cupy
        CuPy, or what stands in for it.
    binaries
        The folder of compiled kernels.

    Attributes
    ----------
    name, capability
        As its maker calls it, and its compute capability, for example (8, 6).
    errors
        What CuPy raises when the card or its driver says no.

    Raises
    ------
    DeviceUnavailable
        If there is no card, or none that the kernels were built for.
    """

    def __init__(self, cupy: Any, binaries: Path = BINARIES) -> None:
        self.cupy = cupy
        self.errors = (
            cupy.cuda.runtime.CUDARuntimeError,
            cupy.cuda.driver.CUDADriverError,
            cupy.cuda.memory.OutOfMemoryError,
        )
        try:
            if not cupy.cuda.runtime.getDeviceCount():
                raise DeviceUnavailable("this machine has no NVIDIA card")
            capability = str(cupy.cuda.Device(0).compute_capability)
            self.name = cupy.cuda.runtime.getDeviceProperties(0)["name"].decode()
            self.capability = int(capability[:-1]), int(capability[-1])
            path = binary_for(self.capability, binaries)
            self._module = cupy.RawModule(path=str(path))
            self._kernels: dict[str, Any] = {}
            self.kernel("crop")  # loads the module: a file for another card is found out here
        except self.errors as error:
            raise DeviceUnavailable(f"the NVIDIA driver refused: {error}") from error

    def kernel(self, name: str) -> Any:
        """Return a kernel by its name in `page.cu`."""
        found = self._kernels.get(name)
        if found is None:
            found = self._kernels[name] = self._module.get_function(name)
        return found

    def memory(self, size_bytes: int) -> Memory:
        """Return a new piece of the card's memory, uninitialised; it is given back when let go."""
        with self.guarded():
            return Memory(self.cupy.cuda.Memory(max(size_bytes, 1)), size_bytes)

    def pinned(self, size_bytes: int) -> NDArray[np.uint8]:
        """Return memory of this side that the card reads and writes by itself, uninitialised."""
        with self.guarded():
            held = self.cupy.cuda.alloc_pinned_memory(max(size_bytes, 1))
        return np.frombuffer(held, np.uint8, size_bytes)

    def stream(self) -> Stream:
        """Return a new stream."""
        return Stream(self)

    def ms_between(self, one: Any, other: Any) -> float:
        """Return the milliseconds that the card took from a mark to a later one, both reached."""
        with self.guarded():
            return float(self.cupy.cuda.get_elapsed_time(one, other))

    @contextmanager
    def guarded(self) -> Iterator[None]:
        """Let what the card says no to leave as `DeviceFailed`."""
        try:
            yield
        except self.errors as error:
            raise self.failed(error) from error

    def failed(self, error: BaseException) -> DeviceFailed:
        """Return what the card said no to as `DeviceFailed`."""
        return DeviceFailed(f"{self.name}: {error}")


def binary_for(capability: tuple[int, int], folder: Path = BINARIES) -> Path:
    """Return the file of kernels that runs on a card of that compute capability.

    A binary runs on cards of its own generation that are as new or newer; for generations to come
    there is PTX, which the driver translates.

    Raises
    ------
    DeviceUnavailable
        If the card is older than the kernels need, or they were not built.
    """
    if capability < _OLDEST:
        raise DeviceUnavailable(
            f"compute capability {capability[0]}.{capability[1]} is too old: 7.5 is needed"
        )
    best: tuple[int, Path] | None = None
    for path in sorted(folder.glob("page.sm_*.cubin")):
        number = _CUBIN.fullmatch(path.name)
        if number is None:
            continue
        major, minor = divmod(int(number[1]), 10)
        fits = major == capability[0] and minor <= capability[1]
        if fits and (best is None or minor > best[0]):
            best = minor, path
    if best is not None:
        return best[1]
    if (folder / _PTX).exists():
        return folder / _PTX
    raise DeviceUnavailable(f"no compiled kernels in {folder}: build them with `make cubins`")


def first_card() -> Card:
    """Return the first card of this machine.

    Raises
    ------
    DeviceUnavailable
        If CuPy is not installed, or there is no card, or none that the kernels were built for.
    """
    try:
        cupy = importlib.import_module("cupy")
    except ImportError as error:
        raise DeviceUnavailable(
            "CuPy is not installed: install cupy-cuda12x, or cupy-cuda13x for a driver of CUDA 13"
        ) from error
    return Card(cupy)
