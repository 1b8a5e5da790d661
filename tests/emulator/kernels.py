"""Kernels out of a library of `build`: checked as a card would, and more, then run by threads."""

import ctypes
import functools
import itertools
import math
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Final

import numpy as np

from tests.emulator.errors import error
from tests.emulator.memory import open_up, reserve

ORDERS: Final = ("forward", "reverse", "shuffled")
MOST_THREADS: Final = 1024
MOST_BLOCKS: Final = (2**31 - 1, 65535, 65535)
LONGEST_BLOCK: Final = (1024, 1024, 64)
ENDLESS_S: Final = 120
STACK_BYTES: Final = 64 << 10  # as fibers.h has it, below each as much that is not there
MEANINGS: Final = {
    signal.SIGFPE: "divides by zero",
    signal.SIGVTALRM: f"has not ended after {ENDLESS_S} s",
}
# What the traps of build.TRAPS look for.
TRAPPED: Final = (
    "uses an address that is not aligned, an index outside of an array, a shift by too many bits, "
    "a number too large for its type, or divides by zero"
)


class _Request(ctypes.Structure):
    _fields_ = (
        ("grid", ctypes.c_uint * 3),
        ("block", ctypes.c_uint * 3),
        ("arguments", ctypes.POINTER(ctypes.c_void_p)),
        ("stacks", ctypes.c_void_p),
        ("seed", ctypes.c_uint64),
        ("order", ctypes.c_uint),
        ("seconds", ctypes.c_uint),
    )


class _Fault(ctypes.Structure):
    _fields_ = (
        ("what", ctypes.c_char * 512),
        ("address", ctypes.c_uint64),
        ("instruction", ctypes.c_uint64),
        ("block", ctypes.c_uint * 3),
        ("thread", ctypes.c_uint * 3),
        ("signal", ctypes.c_int),
    )


class _Parameter(ctypes.Structure):
    _fields_ = (("bytes", ctypes.c_uint), ("kind", ctypes.c_char))


@functools.cache
def _stacks():
    """One set for every library: they take turns, and an address space has only so many parts."""
    first = reserve(2 * STACK_BYTES * MOST_THREADS)
    for thread in range(MOST_THREADS):
        open_up(first + (2 * thread + 1) * STACK_BYTES, STACK_BYTES)
    return first


class RawModule:
    """As `cupy.RawModule(path=...)`: read at the first kernel that is asked for."""

    def __init__(self, card, *, path):
        self._card = card
        self._path = Path(path)

    @functools.cached_property
    def _library(self):
        if not self._path.exists():
            raise error("file", f"{self._path} is absent", driver=True)
        try:
            return ctypes.CDLL(str(self._path.resolve()))
        except OSError as refused:
            raise error("image", str(refused), driver=True) from refused

    def get_function(self, name):
        if not hasattr(self._library, f"launch_{name}"):
            raise error("name", f"no kernel is called {name}", driver=True)
        return Kernel(self._card, self._library, self._path, name)


class Kernel:
    """As `cupy.RawKernel`: called with grid, block and NumPy scalars, of the right types only."""

    def __init__(self, card, library, path, name):
        self.name = name
        self._card = card
        self._path = path
        self._launch = getattr(library, f"launch_{name}")
        self._most_threads = getattr(library, f"most_threads_of_{name}")()
        describe = getattr(library, f"parameters_of_{name}")
        self._parameters = (_Parameter * describe(None, 0))()
        describe(self._parameters, len(self._parameters))

    def __call__(self, grid, block, args):
        grid, block = _three(grid), _three(block)
        self._check_arguments(args)
        self._card.fate.call(driver=True)
        self._check_shape(grid, block)
        values = [value.tobytes() for value in args]  # as they are now
        pointers = [
            int(value)
            for value, parameter in zip(args, self._parameters, strict=True)
            if parameter.kind == b"p" and value
        ]
        stream = self._card.streams.current()
        stream.append(functools.partial(self._run, grid, block, values, pointers))

    def _check_arguments(self, args):
        if len(args) != len(self._parameters):
            raise TypeError(f"{self.name} takes {len(self._parameters)} arguments, not {len(args)}")
        kinds = {b"p": "u", b"f": "f", b"i": "iu"}
        for number, value, parameter in zip(
            itertools.count(), args, self._parameters, strict=False
        ):
            if not isinstance(value, np.generic):
                raise TypeError(f"argument {number} of {self.name} is no NumPy scalar: {value!r}")
            if value.itemsize != parameter.bytes or value.dtype.kind not in kinds[parameter.kind]:
                raise TypeError(
                    f"argument {number} of {self.name} is {value.dtype}: the kernel takes "
                    f"{parameter.bytes} bytes of kind {parameter.kind.decode()}"
                )

    def _check_shape(self, grid, block):
        threads = math.prod(block)
        if threads > min(self._most_threads, MOST_THREADS):
            most = f"{threads} threads, {self._most_threads} are its launch bounds"
            raise error("invalid", f"{self.name} with {most}", driver=True)
        limits = zip((*grid, *block), (*MOST_BLOCKS, *LONGEST_BLOCK), strict=True)
        if any(not 1 <= size <= most for size, most in limits):
            raise error("invalid", f"{self.name} on {grid} blocks of {block}", driver=True)

    def _run(self, grid, block, values, pointers):
        for pointer in pointers:
            region = self._card.regions.around(pointer)
            if region is None or not region.is_live:
                what = region or "memory that is not the card's"
                self._card.break_down(f"{self.name} is given a pointer to {what}")
        boxes = [ctypes.create_string_buffer(value, len(value)) for value in values]
        request = _Request(
            (ctypes.c_uint * 3)(*grid),
            (ctypes.c_uint * 3)(*block),
            (ctypes.c_void_p * len(boxes))(*map(ctypes.addressof, boxes)),
            _stacks(),
            self._card.next_seed(),
            ORDERS.index(self._card.order),
            ENDLESS_S,
        )
        fault = _Fault()
        if self._launch(ctypes.byref(request), ctypes.byref(fault)):
            self._card.break_down(self._told(fault))
        damage = self._card.regions.damage()
        if damage:
            self._card.break_down(f"{self.name} has written {damage}")

    def _told(self, fault):
        where = f"{self.name}, block {tuple(fault.block)}, thread {tuple(fault.thread)}"
        if not fault.signal:
            return f"{where}: {fault.what.decode()}"
        if fault.signal in (signal.SIGSEGV, signal.SIGBUS):
            what = f"touches {self._place_of(fault.address)}"
        else:
            what = MEANINGS.get(fault.signal, TRAPPED)
        return f"{where}: {what}{self._line_of(fault.instruction)}"

    def _place_of(self, address):
        if 0 <= address - _stacks() < 2 * STACK_BYTES * MOST_THREADS:
            return "more stack than a thread has"
        region = self._card.regions.nearest(address)
        return f"address {address:#x}" if region is None else region.place_of(address)

    def _line_of(self, instruction):
        """The source line of an instruction, where the binutils can say it."""
        if not instruction or shutil.which("addr2line") is None:
            return ""
        done = subprocess.run(
            ["addr2line", "-e", str(self._path), f"{instruction:#x}"],
            capture_output=True,
            text=True,
            check=False,
        )
        line = done.stdout.strip().split(" ")[0]
        return "" if not line or "?" in line else f" at {'/'.join(line.split('/')[-2:])}"


def _three(sizes):
    return tuple(int(size) for size in (*sizes, 1, 1)[:3])
