"""A stand-in for the module `cupy`: as much of it as `kernels/gpu.py` uses, and no card.

What a real card does late is late here too: copies and kernels are queued, and happen at the next
`synchronize`. After a fault the card is broken, as a real one, and every call raises.
It says nothing about speed, about memory that is seen late by others, or about caches.
"""

import ctypes
import functools
import random
from types import SimpleNamespace

from tests.emulator.errors import CUDADriverError, CUDARuntimeError, Fate, OutOfMemoryError, error
from tests.emulator.kernels import ORDERS, RawModule
from tests.emulator.memory import Memory, Regions, pinned
from tests.emulator.streams import Event, Stream, Streams, elapsed_ms

TO_DEVICE, TO_HOST, ON_DEVICE = 1, 2, 3


class CupyOnCpu:
    """In the place of `import cupy`; each object is a machine of its own.

    `order` is the order of threads and blocks, for launches from then on; a right kernel gives the
    same in all three. `calls` counts the calls that a card could fail.
    """

    def __init__(self, order="forward", capability="75", devices=1):
        if order not in ORDERS:
            raise ValueError(f"{order} is not one of {ORDERS}")
        self.order = order
        self.fate = Fate()
        self.regions = Regions()
        self.streams = Streams(self.fate)
        self._capability = capability
        self._devices = devices
        self._dice = random.Random(1)
        self.RawModule = functools.partial(RawModule, self)
        self.cuda = SimpleNamespace(
            Device=self._device,
            Event=functools.partial(Event, self.streams),
            Memory=self._memory,
            Stream=functools.partial(Stream, self.streams),
            alloc_pinned_memory=self._pinned,
            driver=SimpleNamespace(CUDADriverError=CUDADriverError),
            get_elapsed_time=elapsed_ms,
            memory=SimpleNamespace(OutOfMemoryError=OutOfMemoryError),
            runtime=SimpleNamespace(
                CUDARuntimeError=CUDARuntimeError,
                getDeviceCount=self._device_count,
                getDeviceProperties=self._properties,
                memcpyAsync=self._copy,
                memcpyDeviceToDevice=ON_DEVICE,
                memcpyDeviceToHost=TO_HOST,
                memcpyHostToDevice=TO_DEVICE,
                memsetAsync=self._set,
            ),
        )

    @property
    def calls(self):
        return self.fate.calls

    def fail(self, at, error="launch"):
        """Let the at-th call from now on fail: "launch", "memory", "pool", or "lost" for good.

        "memory" is what a card says to `cuda.Memory`, "pool" what CuPy's own pool makes of it.
        """
        self.fate.fail(at, error)

    def break_down(self, text):
        self.fate.break_for_good("fault", text)
        raise error("fault", text)

    def next_seed(self):
        return self._dice.getrandbits(63)

    def _device_count(self):
        if not self._devices:
            raise error("none")
        return self._devices

    def _check_device(self, number):
        if not 0 <= number < self._devices:
            raise error("device")

    def _properties(self, number):
        self._check_device(number)
        major, minor = int(self._capability[:-1]), int(self._capability[-1])
        return {"name": b"CPU that plays a card", "major": major, "minor": minor}

    def _device(self, number=0):
        self._check_device(number)
        return SimpleNamespace(id=number, compute_capability=self._capability)

    def _memory(self, nbytes):
        self.fate.call()
        return Memory(self.regions, nbytes)

    def _pinned(self, nbytes):
        self.fate.call()
        return pinned(self.regions, nbytes)

    def _copy(self, to, source, nbytes, kind, stream):
        self.fate.call()
        queue = self.streams.by_number(stream)
        self._check_range(to, nbytes, on_card=kind != TO_HOST)
        self._check_range(source, nbytes, on_card=kind != TO_DEVICE)

        def happen():
            self._check_range(to, nbytes, on_card=kind != TO_HOST)
            self._check_range(source, nbytes, on_card=kind != TO_DEVICE)
            ctypes.memmove(to, source, nbytes)

        queue.append(happen)

    def _set(self, to, value, nbytes, stream):
        self.fate.call()
        queue = self.streams.by_number(stream)
        self._check_range(to, nbytes, on_card=True)

        def happen():
            self._check_range(to, nbytes, on_card=True)
            ctypes.memset(to, value, nbytes)

        queue.append(happen)

    def _check_range(self, address, nbytes, *, on_card):
        region = self.regions.around(address)
        if region is None:
            if on_card:
                raise error("invalid", f"{address:#x} is not the card's memory")
            return  # memory of the host that nobody pinned: slow on a card, and allowed
        if not region.is_live or address + nbytes > region.end:
            raise error("invalid", f"{nbytes} bytes at {region.place_of(address)}")
        if on_card != (region.what == "card"):
            raise error("invalid", f"a copy in the other direction: {region}")
