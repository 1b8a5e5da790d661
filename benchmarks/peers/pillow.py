"""Pillow's way to the libtiff inside it."""

import io
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.peers.peer import imported


class Pillow:
    """Pillow's modules that the cases need."""

    def __init__(self) -> None:
        self._image = imported("PIL.Image", "pillow")
        self.features = imported("PIL.features", "pillow")

    def g4(self, packed: NDArray[np.uint8], width_px: int) -> bytes:
        """Return packed rows, 1 is black, as a Group 4 file."""
        file = io.BytesIO()
        size = (width_px, packed.shape[0])
        image = self._image.frombytes("1", size, packed.tobytes(), "raw", "1;I")
        image.save(file, "TIFF", compression="group4")
        return file.getvalue()


def find() -> Pillow:
    """Return Pillow; raises NotInstalledError."""
    return Pillow()


def versions(found: Any) -> Mapping[str, str]:
    """Return the versions of Pillow and of its libtiff."""
    inside = {"libtiff in pillow": str(found.features.version("libtiff"))}
    return {"pillow": str(found.features.version("pil"))} | inside
