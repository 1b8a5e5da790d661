"""jdeskew: the angle of a page from its spectrum."""

import importlib.metadata
from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.peers.peer import imported

_NAME: Final = "jdeskew"
Estimator = Callable[[NDArray[np.uint8]], float]


def find() -> Estimator:
    """Return its function; raises NotInstalledError."""
    estimate: Estimator = imported(f"{_NAME}.estimator", _NAME).get_angle
    return estimate


def versions(_: Any) -> Mapping[str, str]:
    """Return its version."""
    return {_NAME: importlib.metadata.version(_NAME)}
