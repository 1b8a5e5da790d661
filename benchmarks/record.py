"""One JSON line a case: its figures, and what they were measured with."""

import importlib.metadata
import json
import os
import platform
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

LIBRARIES: Final = (
    "numpy",
    "numba",
    "llvmlite",
    "opencv-python-headless",
    "opencv-python",
    "zstandard",
)
_CPU_FACTS: Final = Path("/proc/cpuinfo")
_VECTORS: Final = ("avx512bw", "avx2", "sse4_1", "asimd")


def line(
    case: str,
    *,
    also: Mapping[str, str] | None = None,
    libraries: Sequence[str] = LIBRARIES,
    **figures: Any,
) -> str:
    """Return the line of a case; it never names a path or a host.

    Parameters
    ----------
    also
        Versions of what else took part: the peers.
    libraries
        The distributions that took part.
    """
    measured_with = {"versions": versions(libraries) | dict(also or {}), "machine": machine()}
    return json.dumps({"case": case, **figures, **measured_with}, ensure_ascii=False)


def versions(libraries: Sequence[str] = LIBRARIES) -> dict[str, str]:
    """Return the versions of Suian, Python and these libraries."""
    found = {"suian": "not installed", "python": platform.python_version()}
    for name in ("suian", *libraries):
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def machine() -> str:
    """Return architecture, number of cores, and where the system tells them processor and lanes."""
    facts = [platform.machine(), f"{os.cpu_count()} cores"]
    if _CPU_FACTS.exists():
        rows = [row.partition(":") for row in _CPU_FACTS.read_text(encoding="utf-8").splitlines()]
        told = {name.strip(): value.strip() for name, _, value in reversed(rows)}
        flags = (told.get("flags") or told.get("Features") or "").split()
        facts += [told["model name"]] if "model name" in told else []
        facts += [name for name in _VECTORS if name in flags][:1]
    return ", ".join(facts)
