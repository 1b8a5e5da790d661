"""A card for a test: the product's own kernels and launchers over the stand-in for cupy."""

import functools
import os
import shutil
from pathlib import Path

from kernels import gpu
from tests.emulator.build import build
from tests.emulator.cupy_on_cpu import CupyOnCpu

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "kernels" / "page.cu"
BUILT = ROOT / "build" / "emulated"


def cupy_on_cpu(order="forward", capability="75"):
    """Return a machine with one card."""
    return CupyOnCpu(order=order, capability=capability)


def card(emulated=None, *, order="forward", capability="75", sanitize=False):
    """Return the card of a machine, or of a new one, with the kernels of `page.cu`."""
    return gpu.Card(emulated or cupy_on_cpu(order, capability), binaries(sanitize))


@functools.cache
def binaries(sanitize=False):
    """Return a folder in which the kernels are what a card of any generation would load."""
    return as_binaries(build(PAGE, BUILT, sanitize=sanitize))


def as_binaries(library):
    """Return a folder beside a library, in which it has the name that a card looks for."""
    folder = library.with_suffix("")
    if not folder.exists():
        made = library.with_suffix(f".{os.getpid()}")
        made.mkdir()
        shutil.copy(library, made / "page.compute_75.ptx")
        try:
            made.rename(folder)
        except OSError:  # another process was faster
            shutil.rmtree(made)
    return folder
