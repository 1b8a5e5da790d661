"""One JSON line a case: its figures, and what they were measured with."""

import importlib.metadata
import json
import os
import platform
from typing import Any, Final

LIBRARIES: Final = ("numpy", "numba", "opencv-python-headless", "opencv-python")


def line(case: str, **figures: Any) -> str:
    """Return the line of a case; it never names a path or a host."""
    return json.dumps({"case": case, **figures, "versions": versions(), "machine": machine()})


def versions() -> dict[str, str]:
    """Return the versions of Suian, Python and the libraries that touch pixels."""
    found = {"suian": importlib.metadata.version("suian"), "python": platform.python_version()}
    for name in LIBRARIES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def machine() -> str:
    """Return architecture and number of cores."""
    return f"{platform.machine()}, {os.cpu_count()} cores"
