"""A raster without slack may begin and end where readable memory does."""

import subprocess
import sys

import pytest

PROGRAM = """
import ctypes, itertools, mmap
import numpy as np
from kernels import g4, rotate, wire
from kernels.raster import Raster

libc = ctypes.CDLL(None, use_errno=True)

def guarded(shape, seed):
    # Between two memory pages that may not be read, at the first or at the last.
    size, side = int(np.prod(shape)), mmap.PAGESIZE
    room = -(-size // side) * side
    held = np.frombuffer(mmap.mmap(-1, room + 2 * side), np.uint8)
    for guard in (0, side + room):
        assert libc.mprotect(ctypes.c_void_p(held.ctypes.data + guard), side, 0) == 0
    first = side + (room - size if at_the_end else 0)
    array = held[first : first + size].reshape(shape)
    array[:] = np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)
    return array

SHAPES = ((1, 1), (3, 5), (40, 31), (41, 70), (200, 300))
for at_the_end, shape in itertools.product((True, False), SHAPES):
    for kind in (shape, (*shape, 3)):
        page = Raster(guarded(kind, 1), 300)
        for angle in (0, 400_000, -400_000, 15_000_000, -15_000_000):
            rotate.rotate(page, angle)
        out, other = guarded(kind, 2), guarded(kind, 3)
        for swap in {False, page.is_colour}:
            wire.from_wire(page.pixels, swap=swap, invert=True, out=out)
        wire.left_differences(page.pixels, other)
        wire.undo_left_differences(other)
        assert np.array_equal(other, page.pixels)
    gray = Raster(guarded(shape, 4), 300)
    gray.pixels[:] = (gray.pixels > 99) * np.uint8(255)
    assert g4.is_bilevel(gray)
    g4.pack(gray)
    bits = guarded(shape, 5)
    g4.encode(bits, shape[1] * 8)
    bits[:] = bits[:1]  # each row like the one above
    g4.encode(bits, shape[1] * 8)
    wire.unpack_bits(bits, guarded((shape[0], shape[1] * 8), 6))
print("held")
"""


@pytest.mark.skipif(sys.platform == "win32", reason="mprotect is POSIX")
def test_no_kernel_reads_or_writes_beside_an_array_without_slack():
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False
    )
    assert done.stdout == "held\n", f"ended with {done.returncode}: {done.stderr[-2000:]}"
