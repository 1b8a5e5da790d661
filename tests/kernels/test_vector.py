"""The same words give the same numbers on every processor.

`KERNELS` names what is compared between this processor and the plainest of its kind, by SHA-256: a
kernel joins by its name and a function that gives all of its results on a few pages.
"""

import hashlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import llvmlite.binding as llvm
import numpy as np
import pytest
from llvmlite import ir

from kernels import first_pass, skew
from kernels.buffers import Buffers
from kernels.raster import Raster
from kernels.skew import fours, shears, streaks
from kernels.vector import Emit

ROOT: Final = Path(__file__).parents[2]
PLAINEST: Final = {"NUMBA_CPU_NAME": "generic", "NUMBA_CPU_FEATURES": ""}
WIDE: Final = re.compile(r"%[yz]mm")


def pages() -> Iterator[Raster]:
    """Faces of each size of strip, in colour and gray, printed and of nothing but noise."""
    for seed, (height, width) in enumerate([(2203, 513), (1301, 750), (700, 491), (37, 33)]):
        rng = np.random.default_rng(seed)
        noise = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
        printed = rng.integers(230, 250, (height, width, 3), dtype=np.uint8)
        tilt = (np.arange(width) * (seed - 1) // 40)[None, :] + np.arange(height)[:, None]
        printed[(tilt % 40 < 12) & (noise[..., 0] < 200)] //= 4
        yield Raster(noise, 300)
        yield Raster(printed, 300)
        yield Raster(printed[..., 1].copy(), 300)


def of_first_pass() -> Iterator[bytes]:
    for page in pages():
        first = first_pass.first_pass(page)
        for array in (first.luma, first.half, first.rows, first.columns, first.cells):
            yield array.tobytes()


def of_skew() -> Iterator[bytes]:
    buffers = Buffers()
    for page in pages():
        found = skew.estimate(first_pass.first_pass(page), page.dpi, buffers)
        yield repr(found).encode()


KERNELS: Final[dict[str, Callable[[], Iterator[bytes]]]] = {
    "first_pass": of_first_pass,
    "skew": of_skew,
}


def digests() -> dict[str, str]:
    found = {}
    for name, results in KERNELS.items():
        sha = hashlib.sha256()
        for result in results():
            sha.update(result)
        found[name] = sha.hexdigest()
    return found


def code() -> str:
    """Return what LLVM made of the inner loops here."""
    loops = first_pass._weigh, first_pass._add_ink, shears._measure
    return "\n".join(text for loop in loops for text in loop.inspect_asm().values())


@pytest.fixture(scope="module")
def plainest(tmp_path_factory):
    """What a process gives that compiles for the plainest processor of this kind."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.kernels.test_vector"],
        cwd=ROOT,
        env=os.environ | PLAINEST | {"NUMBA_CACHE_DIR": str(tmp_path_factory.mktemp("numba"))},
        capture_output=True,
        check=True,
        text=True,
    )
    return json.loads(done.stdout)


def test_every_kernel_gives_the_same_bits_on_the_plainest_processor(plainest):
    assert plainest["digests"] == digests()


def test_the_plainest_processor_has_no_wide_registers(plainest):
    assert not plainest["is_wide"]


BYTES, WORDS = (ir.IntType(bits).as_pointer() for bits in (8, 16))
NUMBER: Final = ir.IntType(64)


def assembly(block, kinds, triple):
    """Return one block alone for another processor; a tuple of kinds is a tuple of arguments."""
    flat = [kind for each in kinds for kind in (each if isinstance(each, tuple) else [each])]
    module = ir.Module()
    function = ir.Function(module, ir.FunctionType(ir.VoidType(), flat), "block")
    builder = ir.IRBuilder(function.append_basic_block())
    values = iter(function.args)
    given = [
        [next(values) for _ in each] if isinstance(each, tuple) else next(values) for each in kinds
    ]
    block.emit(Emit(builder), *given)
    builder.ret_void()
    machine = llvm.Target.from_triple(triple).create_target_machine(opt=3)
    parsed = llvm.parse_assembly(str(module))
    parsed.triple, parsed.data_layout = triple, str(machine.target_data)
    parsed.verify()
    return machine.emit_assembly(parsed)


@pytest.mark.parametrize(
    ("block", "kinds", "instruction"),
    [
        # Luma: products of bytes in 16 bits.
        (
            first_pass._weigh_block,
            (BYTES, NUMBER, (BYTES, NUMBER), BYTES, NUMBER),
            r"\bumlal2?\s+v\d+\.8h, v\d+\.(8|16)b",
        ),
        # Streaks: which columns have ink enough.
        (
            streaks._inked_block,
            (WORDS, (NUMBER,) * 3, NUMBER, WORDS, NUMBER),
            r"\bcmh[is]\s.*\.8h",
        ),
        # Sums of strips: eight sums of 16 bits at once.
        (
            fours._add_block,
            (WORDS, (NUMBER, NUMBER), WORDS, NUMBER),
            r"\badd\s+v\d+\.8h",
        ),
    ],
)
def test_the_blocks_become_neon_on_arm(block, kinds, instruction):
    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    text = assembly(block, kinds, "aarch64-unknown-linux-gnu")
    assert re.search(instruction, text), text


if __name__ == "__main__":
    sys.stdout.write(json.dumps({"digests": digests(), "is_wide": bool(WIDE.search(code()))}))
