"""An appliance without paper: ledger and stream as the daemon has them, and faces of made-up bytes.

python -m benchmarks.appliance DIR --faces N --bytes N [--tls DIR]    a filled one that serves
"""

import argparse
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from daemon.config import validate
from daemon.page import Blob, Fate, Page, PageId, Position, Role, SheetId, Side
from daemon.spool.ledger import Ledger
from daemon.stream.appliance import Controls, StatusFacts
from daemon.stream.codec import Origin, encode
from daemon.stream.server import StreamServer

CONSUMER: Final = "court"
SIDES: Final = (Side.FRONT, Side.BACK)
_ORIGIN: Final = Origin("benchmark")


def noise(size_bytes: int) -> bytes:
    """Return bytes that no layer can make smaller."""
    return os.urandom(size_bytes)


def face(page_id: PageId, data: bytes) -> Page:
    """Return a kept face with these bytes."""
    return Page(
        page_id=page_id,
        fate=Fate.PAGE,
        virtual=True,
        captured_at=1.0,
        position=Position("(2026)吉01民初1号", "benchmark", "LA", "main", "111", "Y01", 1, 1),
        blobs=(Blob(Role.PAGE, "image/jpeg", data),),
        width_px=2480,
        height_px=3508,
        dpi=300,
    )


def sheet(sheet_id: SheetId, data: bytes) -> list[Page]:
    """Return both faces of a sheet."""
    return [face(sheet_id.face(side), data) for side in SIDES]


@contextmanager
def ledger(folder: Path) -> Iterator[Ledger]:
    """Lend a started ledger in a folder."""
    found = Ledger(folder, lambda entry: encode(entry, _ORIGIN), allow_unsafe_disk=True)
    found.start()
    try:
        yield found
    finally:
        found.close()


@contextmanager
def served(found: Ledger, folder: Path, credentials_dir: Path | None) -> Iterator[str]:
    """Serve a ledger on loopback; lends HOST:PORT."""
    stream: dict[str, Any] = {
        "listen": "127.0.0.1:0",
        "control_socket": str(folder / "control.sock"),
    }
    if credentials_dir is not None:
        stream["credentials_dir"] = str(credentials_dir)
    config = validate({"stream": stream, "consumer": [{"name": CONSUMER}]}, "benchmark")
    controls = Controls(
        status=StatusFacts,
        pause=lambda: None,
        resume=lambda: None,
        manifest=lambda _: b"",
        count=lambda _: None,
        close_batch=found.close_batch,
    )
    server = StreamServer(config, found, controls)
    server.start()
    try:
        yield f"127.0.0.1:{server.port}"
    finally:
        server.stop(0.2)


def fill(found: Ledger, faces: int, data: bytes) -> None:
    """Commit one closed batch of faces with the same bytes; an even number of them."""
    number = found.open_batch(virtual=True).number
    for _ in range(faces // 2):
        found.commit(sheet(found.request_feed(number), data))
    found.close_batch(number)


def main(arguments: Sequence[str] | None = None) -> None:
    """Fill a ledger, say where it is served and that it is ready, serve until the input ends."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--faces", type=int, required=True)
    parser.add_argument("--bytes", type=int, required=True)
    parser.add_argument("--tls", type=Path)
    asked = parser.parse_args(arguments)
    with ledger(asked.folder / "spool") as found:
        fill(found, asked.faces, noise(asked.bytes))
        with served(found, asked.folder, asked.tls) as target:
            print(target, flush=True)
            sys.stdin.read()


if __name__ == "__main__":
    main()
