"""The stand-in for CuPy is as late, as strict and as mortal as a card."""

import gc

import numpy as np
import pytest

from tests.emulator.bench import HEAD, Bench
from tests.emulator.build import build
from tests.emulator.cupy_on_cpu import ON_DEVICE, TO_DEVICE, TO_HOST, CupyOnCpu
from tests.emulator.errors import CUDADriverError, CUDARuntimeError, OutOfMemoryError


@pytest.fixture
def cupy():
    return CupyOnCpu()


@pytest.fixture
def stream(cupy):
    return cupy.cuda.Stream(non_blocking=True)


def pinned(cupy, values):
    held = cupy.cuda.alloc_pinned_memory(len(values))
    np.frombuffer(held, np.uint8)[:] = list(values)
    return held


def test_copy_happens_when_it_is_waited_for_and_not_before(cupy, stream):
    copy = cupy.cuda.runtime.memcpyAsync
    source, back = pinned(cupy, b"early"), pinned(cupy, b"-----")
    memory = cupy.cuda.Memory(5)
    copy(memory.ptr, source.ptr, 5, TO_DEVICE, stream.ptr)
    np.frombuffer(source, np.uint8)[:] = list(b"late!")
    copy(back.ptr, memory.ptr, 5, TO_HOST, stream.ptr)
    assert bytes(back) == b"-----"
    stream.synchronize()
    assert bytes(back) == b"late!"


def test_streams_do_not_wait_for_each_other(cupy, stream):
    other = cupy.cuda.Stream(non_blocking=True)
    memory, back = cupy.cuda.Memory(3), pinned(cupy, b"---")
    cupy.cuda.runtime.memsetAsync(memory.ptr, 7, 3, stream.ptr)
    cupy.cuda.runtime.memcpyAsync(back.ptr, memory.ptr, 3, TO_HOST, other.ptr)
    other.synchronize()
    assert bytes(back) == b"\xa5\xa5\xa5"
    stream.synchronize()
    cupy.cuda.runtime.memcpyAsync(back.ptr, memory.ptr, 3, TO_HOST, other.ptr)
    other.synchronize()
    assert bytes(back) == b"\7\7\7"


def test_event_waits_for_what_stands_before_it_only(cupy, stream):
    start, end = cupy.cuda.Event(), cupy.cuda.Event()
    memory, back = cupy.cuda.Memory(1), pinned(cupy, b"-")
    start.record(stream)
    cupy.cuda.runtime.memsetAsync(memory.ptr, 1, 1, stream.ptr)
    cupy.cuda.runtime.memcpyAsync(back.ptr, memory.ptr, 1, TO_HOST, stream.ptr)
    with stream:
        end.record()
    cupy.cuda.runtime.memsetAsync(memory.ptr, 2, 1, stream.ptr)
    cupy.cuda.runtime.memcpyAsync(back.ptr, memory.ptr, 1, TO_HOST, stream.ptr)
    with pytest.raises(CUDARuntimeError, match="cudaErrorNotReady"):
        cupy.cuda.get_elapsed_time(start, end)
    end.synchronize()
    assert bytes(back) == b"\1"
    assert cupy.cuda.get_elapsed_time(start, end) >= 0
    stream.synchronize()
    assert bytes(back) == b"\2"


def test_new_memory_is_poison(cupy, stream):
    memory, back = cupy.cuda.Memory(100), cupy.cuda.alloc_pinned_memory(100)
    assert bytes(back) == b"\xa5" * 100
    np.frombuffer(back, np.uint8)[:] = 0
    cupy.cuda.runtime.memcpyAsync(back.ptr, memory.ptr, 100, TO_HOST, stream.ptr)
    stream.synchronize()
    assert bytes(back) == b"\xa5" * 100


def test_numpy_keeps_pinned_memory_alive(cupy):
    array = np.frombuffer(pinned(cupy, b"kept"), np.uint8)
    gc.collect()
    assert array.tobytes() == b"kept"


def test_memory_is_freed_with_its_object_and_its_late_use_is_found(cupy, stream):
    memory, back = cupy.cuda.Memory(5), pinned(cupy, b"-----")
    cupy.cuda.runtime.memcpyAsync(back.ptr, memory.ptr, 5, TO_HOST, stream.ptr)
    del memory
    with pytest.raises(CUDARuntimeError, match="freed card memory of 5 bytes"):
        stream.synchronize()


@pytest.mark.parametrize(
    ("kind", "nbytes"), [(TO_DEVICE, 5), (TO_HOST, 4), (ON_DEVICE, 4), (TO_DEVICE, 17)]
)
def test_copy_beyond_memory_or_the_other_way_round_is_refused(cupy, stream, kind, nbytes):
    memory, source = cupy.cuda.Memory(4), pinned(cupy, bytes(17))
    with pytest.raises(CUDARuntimeError, match="cudaErrorInvalidValue"):
        cupy.cuda.runtime.memcpyAsync(memory.ptr, source.ptr, nbytes, kind, stream.ptr)


def test_no_stream_but_a_non_blocking_one_is_to_be_had(cupy):
    with pytest.raises(RuntimeError, match="blocking"):
        cupy.cuda.Stream()
    memory = cupy.cuda.Memory(1)
    with pytest.raises(CUDARuntimeError, match="InvalidResourceHandle"):
        cupy.cuda.runtime.memsetAsync(memory.ptr, 0, 1, 0)


def test_machine_says_what_card_it_has():
    cupy = CupyOnCpu(capability="120")
    assert cupy.cuda.runtime.getDeviceCount() == 1
    assert isinstance(cupy.cuda.runtime.getDeviceProperties(0)["name"], bytes)
    assert cupy.cuda.Device(0).compute_capability == "120"
    with pytest.raises(CUDARuntimeError, match="InvalidDevice"):
        cupy.cuda.Device(1)
    with pytest.raises(CUDARuntimeError, match="NoDevice"):
        CupyOnCpu(devices=0).cuda.runtime.getDeviceCount()


def test_module_is_read_at_its_first_kernel(cupy, tmp_path):
    absent = cupy.RawModule(path=str(tmp_path / "absent.cubin"))
    with pytest.raises(CUDADriverError, match="FILE_NOT_FOUND"):
        absent.get_function("any")
    (tmp_path / "other.cubin").write_bytes(b"not a library")
    with pytest.raises(CUDADriverError, match="INVALID_IMAGE"):
        cupy.RawModule(path=str(tmp_path / "other.cubin")).get_function("any")


class Errand:
    """What a worker does with a card, call by call."""

    CALLS = 6

    def __init__(self, library):
        self.bench = Bench(library, "forward")
        self.cupy = self.bench.cupy

    def run(self):
        memory = self.cupy.cuda.Memory(4)
        back = self.cupy.cuda.alloc_pinned_memory(4)
        self.cupy.cuda.runtime.memsetAsync(memory.ptr, 0, 4, self.bench.stream.ptr)
        with self.bench.stream:
            self.bench.module.get_function("count")((3,), (2,), (np.uint64(memory.ptr),))
        self.cupy.cuda.runtime.memcpyAsync(back.ptr, memory.ptr, 4, TO_HOST, self.bench.stream.ptr)
        self.bench.stream.synchronize()
        return np.frombuffer(back, np.uint32)[0]


@pytest.fixture(scope="session")
def errand(tmp_path_factory):
    folder = tmp_path_factory.mktemp("errand")
    (folder / "count.cu").write_text(HEAD + "count(unsigned* to) { atomicAdd(to, 1); }")
    library = build(folder / "count.cu", folder)
    return lambda: Errand(library)


@pytest.mark.cxx
@pytest.mark.parametrize("at", range(1, Errand.CALLS + 1))
def test_each_call_can_be_told_to_fail(errand, at):
    run = errand()
    assert (run.run(), run.cupy.calls) == (6, Errand.CALLS)
    for error in ("launch", "memory"):
        run.cupy.fail(at, error)
        with pytest.raises(CUDADriverError if at == 4 else CUDARuntimeError) as caught:
            run.run()
        assert caught.value.status == {"launch": 719, "memory": 2}[error]
        run.bench.stream.synchronize()
        assert run.run() == 6  # once, and not for good
    run.cupy.fail(at, "pool")
    with pytest.raises(OutOfMemoryError):
        run.run()
    run.cupy.fail(at, "lost")
    for _ in range(2):
        with pytest.raises((CUDADriverError, CUDARuntimeError), match="unknown error"):
            run.run()


@pytest.mark.cxx
def test_card_is_broken_after_a_fault(errand):
    run = errand()
    count = run.bench.module.get_function("count")
    elsewhere = np.zeros(1, np.uint32)
    with run.bench.stream:
        count((1,), (1,), (np.uint64(elsewhere.ctypes.data),))
    with pytest.raises(CUDARuntimeError, match="not the card's"):
        run.bench.stream.synchronize()
    with pytest.raises(CUDARuntimeError, match="not the card's"):
        run.run()


@pytest.mark.cxx
def test_kernel_outside_of_a_stream_is_refused(errand):
    run = errand()
    memory = run.cupy.cuda.Memory(4)
    with pytest.raises(RuntimeError, match="outside of"):
        run.bench.module.get_function("count")((1,), (1,), (np.uint64(memory.ptr),))
