"""Memory that is exact: it ends where memory may not be touched, and what lies around it is known.

Rule 1: an allocation ends, rounded up to 16 bytes, at memory that nobody may touch.
Rule 2: what is around it up to such memory is a canary, looked at after every launch.
Rule 3: an address is never given twice, so a late use of freed memory is found.
"""

import bisect
import ctypes
import mmap
import threading
import weakref
from typing import Final

POISON: Final = 0xA5
CANARY: Final = 0xC9
ROUNDED_TO: Final = 16
PAGE: Final = mmap.PAGESIZE
# Addresses alone: so wide that a row too far is still told by the allocation it missed.
GUARD: Final = 1 << 20

_libc = ctypes.CDLL(None, use_errno=True)
_libc.mmap.restype = ctypes.c_void_p
_libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long]
_libc.mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
_libc.madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
_READ_WRITE: Final = mmap.PROT_READ | mmap.PROT_WRITE


def reserve(nbytes):
    """Addresses behind which there is nothing yet."""
    found = _libc.mmap(None, nbytes, 0, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, -1, 0)
    if found in (None, ctypes.c_void_p(-1).value):
        raise MemoryError(f"no room for {nbytes} bytes")
    return found


def open_up(address, nbytes):
    if _libc.mprotect(address, nbytes, _READ_WRITE):
        raise MemoryError(f"no room for {nbytes} bytes")


class Region:
    """One allocation and what lies around it."""

    def __init__(self, nbytes, what):
        self.nbytes = nbytes
        self.what = what
        rounded = -(-nbytes // ROUNDED_TO) * ROUNDED_TO
        self._room = max(-(-rounded // PAGE) * PAGE, PAGE)
        self._first = reserve(self._room + 2 * GUARD) + GUARD
        open_up(self._first, self._room)
        self.start = self._first + self._room - rounded
        self.end = self.start + nbytes
        self._around = (
            (self._first, self.start - self._first),
            (self.end, rounded - nbytes),
        )
        self.is_live = True
        for address, length in self._around:
            ctypes.memset(address, CANARY, length)
        ctypes.memset(self.start, POISON, nbytes)

    def free(self):
        """Give the memory back and keep its addresses."""
        self.is_live = False
        _libc.mprotect(self._first, self._room, 0)
        _libc.madvise(self._first, self._room, mmap.MADV_DONTNEED)

    def damage(self):
        """Say what was written beside the allocation, or nothing."""
        for (address, length), side in zip(self._around, ("before", "behind"), strict=True):
            found = ctypes.string_at(address, length)
            if found.count(CANARY) != length:
                at = next(i for i, byte in enumerate(found) if byte != CANARY)
                distance = length - at if side == "before" else at
                return f"{distance} bytes {side} {self}"
        return ""

    def place_of(self, address):
        if address < self.start:
            return f"{self.start - address} bytes before {self}"
        if address >= self.end:
            return f"{address - self.end} bytes behind {self}"
        return f"{address - self.start} bytes into {self}"

    def __str__(self):
        state = "" if self.is_live else "freed "
        return f"{state}{self.what} memory of {self.nbytes} bytes"


class Regions:
    """Every allocation there ever was on one card."""

    def __init__(self):
        self._lock = threading.RLock()  # a finalizer may come in the middle of anything
        self._starts = []
        self._by_start = {}

    def add(self, nbytes, what):
        region = Region(nbytes, what)
        with self._lock:
            bisect.insort(self._starts, region.start)
            self._by_start[region.start] = region
        return region

    def nearest(self, address):
        """The allocation that an address belongs to or is closest to; None: nowhere near one."""
        with self._lock:
            at = bisect.bisect_right(self._starts, address)
            near = [self._by_start[start] for start in self._starts[max(at - 1, 0) : at + 1]]
        near = [r for r in near if r.start - GUARD <= address < r.end + GUARD]
        return min(near, key=lambda r: max(r.start - address, address - r.end, 0), default=None)

    def around(self, address):
        """The allocation that an address lies in, or at whose end."""
        region = self.nearest(address)
        return region if region is not None and region.start <= address <= region.end else None

    def free(self, region):
        with self._lock:  # not while somebody looks at its canaries
            region.free()

    def damage(self):
        with self._lock:
            every = list(self._by_start.values())
            return "; ".join(filter(None, (one.damage() for one in every if one.is_live)))


class Memory:
    """As `cupy.cuda.Memory`: `ptr` and `size`, freed with the object."""

    def __init__(self, regions, nbytes):
        region = regions.add(nbytes, "card")
        self.ptr = region.start
        self.size = region.nbytes
        weakref.finalize(self, regions.free, region).atexit = False


def pinned(regions, nbytes):
    """As `cupy.cuda.alloc_pinned_memory` gives it: a buffer that NumPy can lie on."""
    region = regions.add(nbytes, "pinned")
    # Only arrays of ctypes can lend foreign memory to NumPy and be watched as well.
    array = (ctypes.c_ubyte * region.nbytes).from_address(region.start)
    array.ptr = region.start
    weakref.finalize(array, regions.free, region).atexit = False
    return array
