"""Run a program on a machine whose only USB device is the emulated scanner.

    PYTHONPATH=. /usr/bin/python3 -m tests.feeder.umockdev.carrier STACK COMMAND ...

STACK is the JSON of `stack.Stack`. The exit status is the program's. Hands are at the socket that
EMULATOR_HANDS names in the program's environment; who starts the carrier may choose it there.

Needs umockdev's library and its introspection, and nothing else beyond the standard library.
Everything it makes lies in a folder of its own, so that several may run at once.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tests.feeder.umockdev.bus import Bus
from tests.feeder.umockdev.hands import SOCKET_VARIABLE, Hands, HandsServer
from tests.feeder.umockdev.stack import Stack

_PRELOAD: Final = "libumockdev-preload.so.0"


def carry(stack: Stack, command: Sequence[str], folder: str) -> int:
    """Run a command beside the scanner; return its exit status."""
    os.environ["TMPDIR"] = folder  # umockdev leaves its testbed behind
    emulator, hopper = stack.build()
    bus = Bus(emulator)
    socket = Path(os.environ.get(SOCKET_VARIABLE, f"{folder}/hands"))
    server = HandsServer(Hands(emulator, hopper, bus.alone), socket)
    try:
        environment = {
            **os.environ,
            "UMOCKDEV_DIR": bus.folder,
            "LD_PRELOAD": _PRELOAD,
            SOCKET_VARIABLE: str(socket),
        }
        return subprocess.run(command, env=environment, check=False).returncode
    finally:
        server.close()


def main() -> int:
    """Do as the command line says."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # leave by way of `finally`
    with tempfile.TemporaryDirectory(prefix="carrier-") as folder:
        return carry(Stack.from_json(json.loads(sys.argv[1])), sys.argv[2:], folder)


if __name__ == "__main__":
    sys.exit(main())
