"""One kernel source on an emulated card, with numbers that go up to it and come back."""

import numpy as np

from tests.emulator.cupy_on_cpu import TO_DEVICE, TO_HOST, CupyOnCpu

HEAD = 'extern "C" __global__ void __launch_bounds__(256) '


class Bench:
    """One source, run on numbers that were copied to the card and back."""

    def __init__(self, library, order):
        self.cupy = CupyOnCpu(order)
        self.module = self.cupy.RawModule(path=str(library))
        self.stream = self.cupy.cuda.Stream(non_blocking=True)
        self.runtime = self.cupy.cuda.runtime

    def up(self, array):
        held = self.cupy.cuda.alloc_pinned_memory(array.nbytes)
        np.frombuffer(held, array.dtype)[:] = array
        memory = self.cupy.cuda.Memory(array.nbytes)
        self.runtime.memcpyAsync(memory.ptr, held.ptr, array.nbytes, TO_DEVICE, self.stream.ptr)
        self.stream.synchronize()
        return memory

    def down(self, memory, dtype=np.int32):
        held = self.cupy.cuda.alloc_pinned_memory(memory.size)
        self.runtime.memcpyAsync(held.ptr, memory.ptr, memory.size, TO_HOST, self.stream.ptr)
        self.stream.synchronize()
        return np.frombuffer(held, dtype)

    def run(self, name, grid, block, *args):
        with self.stream:
            self.module.get_function(name)(grid, block, args)
        self.stream.synchronize()

    def through(self, name, array, out_bytes, *, grid=(1,), block=(256,), numbers=()):
        source, to = self.up(array), self.cupy.cuda.Memory(out_bytes)
        self.run(name, grid, block, np.uint64(source.ptr), np.uint64(to.ptr), *numbers)
        return self.down(to, array.dtype)
