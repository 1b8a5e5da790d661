"""Start a carrier with a program in it, and see how the program ends."""

import json
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.feeder.umockdev.stack import Stack

ROOT: Final = Path(__file__).parents[3]
SYSTEM_PYTHON: Final = "/usr/bin/python3"
"""The interpreter that has the introspection of umockdev; ours, in its environment, has not."""
_LIMIT_S: Final = 60


@dataclass(frozen=True, slots=True)
class Ended:
    """How a program ended, and what it said."""

    status: int
    out: str
    err: str


def run(
    stack: Stack,
    command: Sequence[str],
    environment: Mapping[str, str] = {},
    limit_s: float = _LIMIT_S,
) -> Ended:
    """Run a command beside a scanner; raises TimeoutExpired when it hangs."""
    carrier = subprocess.Popen(
        [
            SYSTEM_PYTHON,
            "-m",
            "tests.feeder.umockdev.carrier",
            json.dumps(stack.to_json()),
            *command,
        ],
        cwd=ROOT,
        env={**os.environ, **environment, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,  # the program in it ends with it
    )
    with carrier:
        try:
            out, err = carrier.communicate(timeout=limit_s)
        except BaseException:
            os.killpg(carrier.pid, signal.SIGKILL)
            raise
    return Ended(carrier.returncode, out, err)
