"""Servers that know nothing but files, for the stream to be measured beside.

    python -m benchmarks.plain_servers tcp|http|grpc DIR     serves the files of DIR on loopback

TCP: `sendfile` into a socket, nothing else. HTTP: the threading server of the standard library, no
delay. gRPC: the library alone, with the messages of our contract and an entry before each file; no
ledger, no check of the bytes, no window. What it does not reach, the library does not give.
"""

import argparse
import socket
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Final

import grpc

from daemon.rpc import pages_pb2 as pb
from daemon.rpc.pages_pb2_grpc import PageServiceServicer, add_PageServiceServicer_to_server
from daemon.stream.pull import DEFAULT_PIECE

_RECORD: Final = bytes(700)  # about what an entry has


def files_of(folder: Path) -> list[Path]:
    """Return the files in the order in which all servers give them."""
    return sorted(folder.iterdir())


def serve_tcp(folder: Path) -> None:
    """Send every file to whoever connects, then hang up."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=_accept, args=(listening, folder), daemon=True).start()
        _serving(listening.getsockname()[1])


def _accept(listening: socket.socket, folder: Path) -> None:
    while True:
        connection, _ = listening.accept()
        with connection:
            for path in files_of(folder):
                with path.open("rb") as file:
                    connection.sendfile(file)


class _Quiet(SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def serve_http(folder: Path) -> None:
    """Serve the folder, a GET a file."""
    handler = partial(_Quiet, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        _serving(server.server_port)
        server.shutdown()


class _Pages(PageServiceServicer):
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def Pull(  # noqa: N802 (named by the contract)
        self, request: pb.PullRequest, context: grpc.ServicerContext
    ) -> Iterator[pb.PullResponse]:
        """Send every file behind an entry, in pieces of our size."""
        for sequence, path in enumerate(files_of(self._folder), start=1):
            yield pb.PullResponse(entry=pb.Entry(sequence=sequence, record=_RECORD))
            with path.open("rb", buffering=0) as file:
                offset = 0
                while data := file.read(DEFAULT_PIECE):
                    chunk = pb.BlobChunk(page_id=path.name, offset_bytes=offset, data=data)
                    yield pb.PullResponse(blob_chunk=chunk)
                    offset += len(data)


def serve_grpc(folder: Path) -> None:
    """Serve Pull with every file, to whoever calls."""
    server = grpc.server(ThreadPoolExecutor(2))
    add_PageServiceServicer_to_server(_Pages(folder), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    _serving(port)
    server.stop(0).wait()


def _serving(port: int) -> None:
    """Say where, and go on until the input ends."""
    print(f"127.0.0.1:{port}", flush=True)
    sys.stdin.read()


SERVERS: Final = {"tcp": serve_tcp, "http": serve_http, "grpc": serve_grpc}


def main() -> None:
    """Be one of the servers."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", choices=SERVERS)
    parser.add_argument("folder", type=Path)
    asked = parser.parse_args()
    SERVERS[asked.kind](asked.folder)


if __name__ == "__main__":
    main()
