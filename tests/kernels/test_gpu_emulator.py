"""The CPU that plays a card catches what a card would only do wrong on some days.

Each planted mistake must be caught, and its right version pass, or the emulator is worth nothing.
"""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from tests.emulator import kernels
from tests.emulator.bench import HEAD, Bench
from tests.emulator.build import DoesNotCompile, build
from tests.emulator.errors import CUDADriverError, CUDARuntimeError
from tests.emulator.kernels import ORDERS

pytestmark = pytest.mark.cxx

# Each sums its block's numbers, or turns them round, by way of shared memory and of warps.
TURN = """
turn(const int* from, int* to) {
  __shared__ int held[256];
  held[threadIdx.x] = from[threadIdx.x];
  BARRIER
  to[threadIdx.x] = held[255 - threadIdx.x];
}
"""
SUM = """
sum(const int* from, int* to) {
  int value = from[threadIdx.x];
  for (int by = 16; by; by >>= 1) value += __shfl_xor_sync(0xFFFFFFFFu, value, by);
  __shared__ int warps[8], spare[8];
  if (threadIdx.x % 32 == 0) warps[threadIdx.x / 32] = value;
  __syncthreads();
  if (threadIdx.x < 32) {
    int part = threadIdx.x < 8 ? warps[threadIdx.x] : 0;
    for (int by = 4; by; by >>= 1) part += __shfl_down_sync(0xFFFFFFFFu, part, by);
    if (threadIdx.x == 0) *to = part + (spare[0] & SPARE);
  }
}
"""
COPY = """
copy(const unsigned char* from, unsigned char* to, int count) {
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < count) to[i] = from[i];
}
"""


@pytest.fixture(scope="session")
def built(tmp_path_factory):
    folder = tmp_path_factory.mktemp("kernels")

    def built(body, **options):
        source = folder / "planted.cu"
        source.write_text(HEAD + body.strip())
        return build(source, folder, **options)

    return built


@pytest.fixture(scope="session")
def mistaken(built):
    """All mistakes in one library: a compiler's start costs more than a kernel."""
    texts = (
        f"{name}(const int* from, int* to) {{ {body} }}" for name, (body, _) in MISTAKES.items()
    )
    return built(f"\n{HEAD}".join(texts))


def planted(body, **words):
    for word, meaning in words.items():
        body = body.replace(word, str(meaning))
    return body


NUMBERS = np.arange(256, dtype=np.int32) * 7 + 1


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("flags", [(), ("-DCUDA_ON_CPU_PORTABLE",)], ids=["by-hand", "portable"])
def test_right_kernels_give_the_same_in_every_order(built, order, flags):
    texts = (
        planted(TURN, BARRIER="__syncthreads();"),
        planted(SUM, SPARE=0),
        COPY,
    )
    library = built(f"\n{HEAD}".join(texts), flags=flags)
    bench = Bench(library, order)
    assert np.array_equal(bench.through("turn", NUMBERS, NUMBERS.nbytes), NUMBERS[::-1])
    assert bench.through("sum", NUMBERS, 4) == NUMBERS.sum()
    for count in (1, 15, 16, 1000):
        some = np.arange(count).astype(np.uint8)
        size = np.int32(count)
        assert np.array_equal(bench.through("copy", some, count, grid=(4,), numbers=(size,)), some)


def test_forgotten_barrier_shows_as_an_order_of_threads(built):
    library = built(planted(TURN, BARRIER=""))
    results = [
        Bench(library, order).through("turn", NUMBERS, NUMBERS.nbytes).tobytes() for order in ORDERS
    ]
    assert len(set(results)) == 3


def test_blocks_that_wait_for_earlier_ones_show_as_an_order_of_blocks(built):
    library = built(
        "chain(const int* from, int* to) {"
        "  if (threadIdx.x == 0) to[blockIdx.x] = blockIdx.x ? to[blockIdx.x - 1] + 1 : from[0];"
        "}"
    )
    results = [
        Bench(library, order).through("chain", NUMBERS[:1], 40, grid=(10,)) for order in ORDERS
    ]
    assert np.array_equal(results[0], np.arange(1, 11))
    assert not np.array_equal(results[1], results[0])
    assert not np.array_equal(results[2], results[0])


MISTAKES = {
    "barrier_in_a_branch": (
        "if (threadIdx.x < 100) __syncthreads(); to[0] = from[0];",
        r"__syncthreads at .*planted.cu:1 is not reached by all threads .*\(100 of 256\)",
    ),
    "barrier_after_some_have_left": (
        "if (threadIdx.x > 99) return; __syncthreads(); to[0] = from[0];",
        r"is not reached by all threads .*\(100 of 256\)",
    ),
    "two_barriers_for_one": (
        "if (threadIdx.x < 64) __syncthreads(); else __syncthreads();",
        "is not the barrier at which other threads wait",
    ),
    "shuffle_in_a_branch": (
        "if (threadIdx.x < 8) to[0] = __shfl_sync(~0u, from[0], 0); __syncwarp();",
        "is met by lanes of its warp in another warp operation",
    ),
    "vote_that_some_skip_for_a_barrier": (
        "if (threadIdx.x < 8) to[0] = __any_sync(~0u, from[0]); __syncthreads();",
        r"__any_sync at .* is reached by only some live lanes \(8 of 32\)",
    ),
    "value_of_a_lane_that_has_left": (
        "if (threadIdx.x > 7) return; to[0] = __shfl_sync(~0u, from[0], 8);",
        "reads from a lane that is not there",
    ),
    "part_of_a_warp": (
        "if (threadIdx.x < 8) to[0] = __ballot_sync(255u, 1);",
        "mask 0x000000ff",
    ),
    "read_behind": ("to[0] = from[256];", "touches 0 bytes behind card memory of 1024 bytes"),
    "read_before": ("to[0] = from[-2000];", "touches [0-9]+ bytes before card memory of 1024"),
    "null_pointer": ("to[0] = *(const int*)(unsigned long long)(from[0] - 1);", "touches address"),
    "write_behind": ("to[4 + from[0]] = 0;", "has written 3 bytes behind card memory of 17 bytes"),
    "write_before": ("to[-from[0]] = 0;", "has written 4 bytes before card memory of 17 bytes"),
    "word_at_an_odd_place": ("*(int*)((char*)to + from[0]) = 0;", "not aligned"),
    "index_past_an_array": (
        "__shared__ int some[8]; some[7 + from[0]] = 1; to[0] = some[0];",
        "index outside of an array",
    ),
    "shift_by_too_much": ("to[0] = 1u << (from[0] + 31);", "shift by too many"),
    "division_by_zero": ("to[0] = from[0] / (from[0] - 1);", "divides by zero"),
    "too_much_stack": ("int many[20000]; many[from[0]] = 1; to[0] = many[from[1] - 7];", "stack"),
}


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("name", MISTAKES)
def test_mistake_ends_the_launch_and_says_where(mistaken, order, name):
    bench = Bench(mistaken, order)
    with pytest.raises(CUDARuntimeError, match=MISTAKES[name][1]) as caught:
        bench.through(name, NUMBERS, 17)
    assert name in str(caught.value)


def test_shared_memory_nobody_wrote_to_is_poison(built):
    for spare, is_right in ((0, True), (-1, False)):
        bench = Bench(built(planted(SUM, SPARE=spare)), "forward")
        assert (bench.through("sum", NUMBERS, 4)[0] == NUMBERS.sum()) == is_right


def test_poison_comes_back_with_every_block(built):
    body = (
        "left(const int* from, int* to) { __shared__ int held[4];"
        "  if (threadIdx.x == 0) { to[blockIdx.x] = held[from[0]]; held[from[0]] = 1; } }"
    )
    first = np.zeros(1, np.int32)
    seen = Bench(built(body), "forward").through("left", first, 20, grid=(5,))
    assert seen.view(np.uint32).tolist() == [0xA5A5A5A5] * 5


def test_launch_after_a_fault_on_another_card_is_right(mistaken, built):
    with pytest.raises(CUDARuntimeError):
        Bench(mistaken, "forward").through("barrier_in_a_branch", NUMBERS, 17)
    bench = Bench(built(planted(TURN, BARRIER="__syncthreads();")), "shuffled")
    assert np.array_equal(bench.through("turn", NUMBERS, NUMBERS.nbytes), NUMBERS[::-1])


def test_endless_kernel_is_ended(built, monkeypatch):
    monkeypatch.setattr(kernels, "ENDLESS_S", 1)
    library = built(
        "wait(const int* from, int* to) { while (*(volatile int*)to != from[0]) {} to[1] = 1; }"
    )
    with pytest.raises(CUDARuntimeError, match="has not ended after"):
        Bench(library, "forward").through("wait", NUMBERS, 8)


@pytest.mark.parametrize("block", [(257,), (16, 17), (1, 1, 65), (0,), (2048,)])
def test_block_larger_than_its_bounds_is_refused(built, block):
    bench = Bench(built(planted(TURN, BARRIER="__syncthreads();")), "forward")
    with pytest.raises(CUDADriverError, match="INVALID_VALUE: turn"):
        bench.through("turn", NUMBERS, NUMBERS.nbytes, block=block)


@pytest.mark.parametrize(
    "args",
    [
        (np.uint64, np.uint64),
        (np.uint64, np.uint64, np.int64),
        (np.uint64, np.uint64, np.float32),
        (np.uint64, np.uint64, int),
        (np.int64, np.uint64, np.int32),
        (np.uint32, np.uint64, np.int32),
        (np.uint64, np.uint64, np.int32, np.int32),
    ],
)
def test_argument_of_another_type_is_refused(built, args):
    bench = Bench(built(COPY), "forward")
    with pytest.raises(TypeError, match="copy"):
        bench.run("copy", (1,), (32,), *(kind(0) for kind in args))


SANITIZED = """
import sys
import numpy as np
from tests.emulator.bench import Bench
numbers = np.array([int(sys.argv[2])], np.int32)
print(Bench(sys.argv[1], "forward").through("more", numbers, 4, block=(1,))[0])
"""


@pytest.mark.parametrize(
    ("value", "printed", "said"),
    [(41, "42\n", ""), (2**31 - 1, "", "planted.cu:2:29: runtime error: signed integer overflow")],
)
def test_sanitized_library_ends_its_process_at_an_overflow(built, value, printed, said):
    library = built(
        "more(const int* from, int* to) {\n  to[threadIdx.x] = from[0] + 1;\n}", sanitize=True
    )
    done = subprocess.run(
        [sys.executable, "-c", SANITIZED, str(library), str(value)],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == printed
    assert said in done.stderr
    assert (done.returncode == 0) is (said == "")


def test_kernels_of_included_files_are_found_and_rebuilt_when_those_change(tmp_path):
    (tmp_path / "cuda").mkdir()
    included = tmp_path / "cuda" / "one.cuh"
    source = tmp_path / "all.cu"
    source.write_text('#include "cuda/one.cuh"\n// __global__ void absent(int)\n')
    included.write_text(
        f"#define MOST 64\n{HEAD.replace('256', 'MOST')}one(int* to) {{ *to = 1; }}"
    )
    first = build(source, tmp_path)
    bench = Bench(first, "forward")
    assert bench.module.get_function("one")._most_threads == 64
    with pytest.raises(CUDADriverError, match="absent"):
        bench.module.get_function("absent")
    assert build(source, tmp_path) == first
    included.write_text(included.read_text().replace("= 1", "= 2"))
    assert build(source, tmp_path) != first


def test_library_that_two_build_at_once_is_whole(tmp_path):
    source = tmp_path / "planted.cu"
    source.write_text(HEAD + planted(TURN, BARRIER="__syncthreads();").strip())
    with ThreadPoolExecutor(2) as pool:
        libraries = set(pool.map(lambda _: build(source, tmp_path / "built"), range(2)))
    assert len(libraries) == 1
    assert list((tmp_path / "built").iterdir()) == [*libraries]
    bench = Bench(libraries.pop(), "forward")
    assert np.array_equal(bench.through("turn", NUMBERS, NUMBERS.nbytes), NUMBERS[::-1])


def test_source_that_does_not_compile_says_why(tmp_path):
    source = tmp_path / "planted.cu"
    source.write_text(HEAD + "wrong(float* to) { atomicAdd(to, 1.0f); }")
    with pytest.raises(DoesNotCompile, match="atomics are of int, unsigned and unsigned long long"):
        build(source, tmp_path)
