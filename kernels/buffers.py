"""The memory of one worker, used again for every page.

A page of 26 MB that is allocated anew costs the kernel's zeroing of 6,400 memory pages: as long as
copying it. So a worker owns its buffers, and each kernel takes those it names.

Rule 1: what a kernel returns lies in the worker's buffers and holds until that worker's next page.
Rule 2: buffers belong to one worker; no two threads share them.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from kernels.raster import SLACK_BYTES


class Buffers:
    """Named arrays, made when first taken and again only when a larger page comes."""

    def __init__(self) -> None:
        self._held: dict[str, NDArray[np.uint8]] = {}

    def take(self, name: str, shape: tuple[int, ...], kind: DTypeLike = np.uint8) -> NDArray[Any]:
        """Return a C-order array of that name, uninitialised, with slack after its end.

        Parameters
        ----------
        name
            The taker and what it is for, for example "rotate.out".
        shape, kind
            Of the array.
        """
        dtype = np.dtype(kind)
        size = math.prod(shape) * dtype.itemsize
        held = self._held.get(name)
        if held is None or held.size < size + SLACK_BYTES:
            held = self._held[name] = np.empty(size + SLACK_BYTES, np.uint8)
        return held[:size].view(dtype).reshape(shape)

    def page(self, name: str, shape: tuple[int, ...]) -> NDArray[np.uint8]:
        """Return memory for a page that comes in; a worker with a card has it where that reads."""
        return self.take(name, shape)

    def zeros(self, name: str, shape: tuple[int, ...], kind: DTypeLike = np.uint8) -> NDArray[Any]:
        """Return the same, filled with zeros."""
        array = self.take(name, shape, kind)
        array.fill(0)
        return array

    @property
    def held_bytes(self) -> int:
        """Return how much memory is held."""
        return sum(held.nbytes for held in self._held.values())
