"""No kernel does what C++ leaves open: all of them run once under the sanitizer."""

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.cxx

# A child, because the sanitizer ends the process that it finds something in.
EVERY_KERNEL = """
import numpy as np
from kernels.choice import choose, tiny_pages
from kernels.cuda import backend, chain
from kernels.cuda.proof import prove
from kernels.raster import Raster
from tests.emulator import cards

launched = set()
card = cards.card(order="{order}", sanitize=True)
known = card.kernel
card.kernel = lambda name: launched.add(name) or known(name)
on_cpu = choose("cpu")
found = backend.backend(card, on_cpu)
noise = np.random.default_rng(3).integers(0, 256, (211, 157, 3), dtype=np.uint8)
prove(found, on_cpu, [*tiny_pages(), Raster(noise, 300)])
chain.straight_jpeg(next(tiny_pages()), found.buffers())
print(" ".join(sorted(launched)))
"""


@pytest.mark.parametrize("order", ["forward", "shuffled"])
def test_every_kernel_is_clean_under_the_sanitizer(order):
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", EVERY_KERNEL.format(order=order)],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert "runtime error" not in done.stderr
    text = "".join(path.read_text() for path in (root / "kernels" / "cuda").glob("*.cuh"))
    for name in done.stdout.split():
        assert f" {name}(" in text
    assert len(done.stdout.split()) == text.count('extern "C" __global__')
