"""The small functions and warp operations of CUDA C give what the programming guide says."""

import numpy as np
import pytest

from tests.emulator.bench import HEAD, Bench
from tests.emulator.build import build
from tests.emulator.kernels import ORDERS

pytestmark = pytest.mark.cxx

# Each is of one lane, whose number is `lane`; the numbers are those of 32 lanes, or of all.
CASES = {
    "__popc(0xF0F00001u)": 9,
    "__popcll(~0ull >> 3)": 61,
    "__clz(1)": 31,
    "__clz(0)": 32,
    "__clz(-1)": 0,
    "__clzll(1ll << 40)": 23,
    "__clzll(0)": 64,
    "__ffs(0)": 0,
    "__ffs(8)": 4,
    "__ffsll(1ll << 40)": 41,
    "__brev(1u)": -(2**31),
    "(int)(__brevll(6) >> 48)": 0x6000,
    "__byte_perm(0x33221100, 0x77665544, 0x7040)": 0x77004400,
    "__byte_perm(0x332211F0, 0, 0xB8A0) & 0xFF00FFFF": 0x000000F0,
    "__funnelshift_l(0x80000000u, 1, 1)": 3,
    "__funnelshift_r(1, 3, 1)": -(2**31),
    "__dp2a_lo(0xFFFF0002u, 0x0605FF03u, 9u)": 0xFFFF * 0xFF + 2 * 3 + 9,
    "__dp2a_hi(0xFFFF0002u, 0xFF030605u, 9u)": 0xFFFF * 0xFF + 2 * 3 + 9,
    "__umulhi(0x80000000u, 6)": 3,
    "__mulhi(-1, 1)": -1,
    "(int)__umul64hi(1ull << 63, 6)": 3,
    "min(-1, 1u) == 1u && max(-1, 1u) == ~0u": 1,
    "max(3, 5ll) == 5 && min((unsigned char)3, 5) == 3": 1,
    "__double2int_rn(2.5) + 10 * __double2int_rz(-2.9)": -18,
    "(int)rint(3.5) + (int)floor(-0.5) + (int)fabs(-2.0) + (int)sqrt(9.0) + abs(-4)": 12,
    "(int)sizeof(uint4) * 100 + (int)alignof(uint4)": 1616,
    "(int)sizeof(uchar3) * 100 + (int)alignof(ushort4)": 308,
    "__shfl_sync(~0u, lane, 5)": [5] * 32,
    "__shfl_sync(~0u, lane, 33)": [1] * 32,
    "__shfl_sync(~0u, lane, 3, 8)": [lane // 8 * 8 + 3 for lane in range(32)],
    "__shfl_up_sync(~0u, lane, 3)": [lane - 3 if lane >= 3 else lane for lane in range(32)],
    "__shfl_up_sync(~0u, lane, 3, 8)": [lane - 3 if lane % 8 >= 3 else lane for lane in range(32)],
    "__shfl_down_sync(~0u, lane, 30)": [30, 31, *range(2, 32)],
    "__shfl_down_sync(~0u, lane, 3, 8)": [lane + 3 if lane % 8 < 5 else lane for lane in range(32)],
    "__shfl_xor_sync(~0u, lane, 17)": [lane ^ 17 for lane in range(32)],
    "(int)(__shfl_sync(~0u, (unsigned long long)lane << 40, 7) >> 40)": [7] * 32,
    "(int)(10 * __shfl_sync(~0u, lane / 10.0, 7))": [7] * 32,
    "(int)__ballot_sync(~0u, lane % 2)": [-0x55555556] * 32,
    "__any_sync(~0u, lane == 40) + 2 * __any_sync(~0u, lane == 4)": [2] * 32,
    "__all_sync(~0u, lane < 31) + 2 * __all_sync(~0u, lane < 32)": [2] * 32,
    "__syncthreads_count(lane < 9)": [9] * 32,
    "__syncthreads_or(lane == 9) + 2 * __syncthreads_or(lane == 99)": [1] * 32,
    "__syncthreads_and(lane == 9) + 2 * __syncthreads_and(lane < 99)": [2] * 32,
}


@pytest.fixture(scope="session")
def answers(tmp_path_factory):
    folder = tmp_path_factory.mktemp("arithmetic")
    lines = "\n".join(f"*to++ = {expression};" for expression in CASES)
    (folder / "answers.cu").write_text(
        f"{HEAD}answers(const int*, int* to) {{ int lane = threadIdx.x; to += {len(CASES)} * lane;"
        f"\n{lines}\n}}\n"
        f"{HEAD}atomics(const int* from, int* to) {{ unsigned* u = (unsigned*)(to + 4);"
        " atomicAdd(to, from[threadIdx.x]); atomicMax(to + 1, -from[threadIdx.x]);"
        " atomicMin(to + 2, from[threadIdx.x]); atomicExch(to + 3, 5);"
        " atomicOr(u, 1u << threadIdx.x); atomicAnd(u + 1, ~(1u << threadIdx.x));"
        " atomicXor(u + 2, 1u << threadIdx.x); atomicCAS(u + 3, 0xA5A5A5A5u, 9u);"
        " atomicSub(u + 4, 1u); atomicAdd(u + 5, 0x10000000u); }"
    )
    return build(folder / "answers.cu", folder)


@pytest.mark.parametrize("order", ORDERS)
def test_functions_answer_as_the_guide_has_it(answers, order):
    some = np.zeros(1, np.int32)
    out = Bench(answers, order).through("answers", some, 4 * 32 * len(CASES), block=(32,))
    for column, (expression, expected) in zip(out.reshape(32, -1).T, CASES.items(), strict=True):
        assert column.tolist() == (expected if isinstance(expected, list) else [expected] * 32), (
            expression
        )


@pytest.mark.parametrize("order", ORDERS)
def test_atomics_change_what_was_there(answers, order):
    some = np.arange(1, 33, dtype=np.int32)
    out = Bench(answers, order).through("atomics", some, 40, block=(32,)).view(np.uint32)
    old = 0xA5A5A5A5
    assert out.tolist() == [
        (old + some.sum()) % 2**32,
        2**32 - 1,
        old,  # less than zero
        5,
        2**32 - 1,
        0,
        old ^ 0xFFFFFFFF,
        9,
        old - 32,
        (old + 32 * 0x10000000) % 2**32,
    ]
