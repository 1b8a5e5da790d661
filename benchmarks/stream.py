"""How fast blobs leave the appliance, beside raw TCP, plain HTTP and bare gRPC, and what it costs.

    python -m benchmarks.stream > benchmarks/results/stream.jsonl

Each server is a process of its own on loopback, with bytes from the same disk; the client reads and
drops them. Ours hashes every blob before it sends it, and is acknowledged every 16 entries or half
of the window. The others: see plain_servers. They take turns in every round; `tcp_ratio`,
`http_ratio` and `grpc_ratio` are the MB/s over theirs of the same round, medians of the rounds.
`server_cpu_s_per_gb` is processor time of the server process, system calls included.

The allocator's settings are those of the unit: without them each chunk is given back and fetched
anew.
"""

import argparse
import http.client
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

import grpc

from benchmarks import appliance
from benchmarks.plain_servers import files_of
from benchmarks.record import line
from daemon.rpc import pages_pb2 as pb
from daemon.rpc.pages_pb2_grpc import PageServiceStub
from daemon.spool.reader import PAGES
from daemon.stream.authority import TrialAuthority
from daemon.stream.credentials import client_credentials
from daemon.stream.pull import DEFAULT_BYTES

SIZES: Final = (200_000, 1_000_000, 5_000_000, 26_000_000)
_TOTAL_BYTES: Final = 400_000_000
_ROUNDS: Final = 3
_ACKNOWLEDGE_EVERY: Final = 16
_AT_ONCE: Final = 1 << 20
_ALLOCATOR: Final = {
    "MALLOC_MMAP_THRESHOLD_": "268435456",
    "MALLOC_TRIM_THRESHOLD_": "536870912",
}
_TICK_S: Final = 1 / os.sysconf("SC_CLK_TCK")

_LIBRARIES: Final = ("grpcio", "protobuf")
Reader = Callable[[], int]
"""Reads everything once; returns the bytes."""


@dataclass(frozen=True, slots=True)
class Server:
    """A server process and how to read all of it."""

    process: "subprocess.Popen[str]"
    read: Reader
    age: Callable[[], object] = lambda: None
    """Makes it forget which bytes it has checked: in a court every page leaves once."""

    def cpu_s(self) -> float:
        """Processor time of the server so far, its threads included."""
        stat = Path(f"/proc/{self.process.pid}/stat").read_text(encoding="ascii")
        user, system = stat.rpartition(")")[2].split()[11:13]
        return (int(user) + int(system)) * _TICK_S


@contextmanager
def started(module: str, *words: str) -> Iterator[tuple["subprocess.Popen[str]", str]]:
    """Run a server until the block ends; lends it and the address it printed."""
    process = subprocess.Popen(
        [sys.executable, "-m", module, *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | _ALLOCATOR,
    )
    try:
        yield process, (process.stdout.readline().strip() if process.stdout else "")
    finally:
        if process.stdin:
            process.stdin.close()
        process.wait()
        if process.stdout:
            process.stdout.close()


@contextmanager
def ours(folder: Path, faces: int, size: int, *, tls: bool) -> Iterator[Server]:
    """Run our server with so many faces."""
    folder.mkdir()
    words = [str(folder), "--faces", str(faces), "--bytes", str(size)]
    credentials = _trial(folder / "tls") if tls else None
    if tls:
        words += ["--tls", str(folder / "tls")]
    with started("benchmarks.appliance", *words) as (process, target):
        yield Server(process, partial(_pull, target, credentials), partial(_touch, folder))


def _touch(folder: Path) -> None:
    for path in (folder / "spool" / PAGES).iterdir():
        path.touch()


def _trial(folder: Path) -> grpc.ChannelCredentials | None:
    folder.mkdir()
    authority = TrialAuthority.make(1)
    for name, pair in (
        ("server", authority.appliance(["127.0.0.1"], 1)),
        ("client", authority.consumer(appliance.CONSUMER, 1)),
    ):
        (folder / f"{name}.pem").write_bytes(pair.certificate)
        (folder / f"{name}.key").write_bytes(pair.key)
    ca = folder / "clients-ca.pem"
    ca.write_bytes(authority.pair.certificate)
    return client_credentials(ca, folder / "client.pem", folder / "client.key")


def _pull(target: str, credentials: grpc.ChannelCredentials | None) -> int:
    """Pull the whole journal from its beginning; acknowledge as a puller does."""
    got = entries = owed = 0
    with _channel(target, credentials) as channel:
        pages = PageServiceStub(channel)
        instance = time.time_ns()
        call = pages.Pull(pb.PullRequest(consumer=appliance.CONSUMER, instance=instance))
        opened = next(call).opened
        last = pb.Entry()
        for message in call:
            if message.HasField("entry"):
                last = message.entry
                entries += 1
            got += len(message.blob_chunk.data)
            owed += len(message.blob_chunk.data)
            whole = message.blob_chunk.last
            done = last.sequence == opened.last_sequence  # the account of the batch: no bytes
            enough = entries >= _ACKNOWLEDGE_EVERY or owed > DEFAULT_BYTES // 2
            if done or (whole and enough):
                pages.Acknowledge(
                    pb.AcknowledgeRequest(
                        consumer=appliance.CONSUMER,
                        instance=instance,
                        epoch=opened.epoch,
                        sequence=last.sequence,
                        entry_hash=last.entry_hash,
                    )
                )
                entries = owed = 0
            if done:
                break
        call.cancel()
    return got


def _channel(target: str, credentials: grpc.ChannelCredentials | None) -> grpc.Channel:
    if credentials is None:
        return grpc.insecure_channel(target)
    return grpc.secure_channel(target, credentials)


@contextmanager
def plain(kind: str, folder: Path) -> Iterator[Server]:
    """Run a server that knows nothing but files: "tcp", "http" or "grpc"."""
    with started("benchmarks.plain_servers", kind, str(folder)) as (process, address):
        reads: Mapping[str, Reader] = {
            "tcp": partial(_read_tcp, address),
            "http": partial(_read_http, address, folder),
            "grpc": partial(_read_grpc, address),
        }
        yield Server(process, reads[kind])


def _read_tcp(address: str) -> int:
    got, into = 0, bytearray(_AT_ONCE)
    host, _, port = address.partition(":")
    with socket.create_connection((host, int(port))) as connection:
        while count := connection.recv_into(into):
            got += count
    return got


def _read_http(address: str, folder: Path) -> int:
    got = 0
    connection = http.client.HTTPConnection(address)
    for path in files_of(folder):
        connection.request("GET", f"/{path.name}")
        answer = connection.getresponse()
        while data := answer.read(_AT_ONCE):
            got += len(data)
    connection.close()
    return got


def _read_grpc(address: str) -> int:
    with grpc.insecure_channel(address) as channel:
        return sum(
            len(one.blob_chunk.data) for one in PageServiceStub(channel).Pull(pb.PullRequest())
        )


@dataclass(frozen=True, slots=True)
class Turn:
    """One reading of everything."""

    mb_per_s: float
    cpu_s_per_gb: float


def turn(server: Server, expected: int) -> Turn:
    """Read all of a server once."""
    server.age()
    cpu, start = server.cpu_s(), time.perf_counter()
    got = server.read()
    took_s = time.perf_counter() - start
    if got != expected:
        raise ValueError(f"{got} bytes came, not {expected}")
    return Turn(got / took_s / 1e6, (server.cpu_s() - cpu) / (got / 1e9))


def lines(total: int = _TOTAL_BYTES, rounds: int = _ROUNDS) -> Iterator[str]:
    """Yield a line for every size and server."""
    for size in SIZES:
        faces = max(2, total // size // 2 * 2)
        with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
            folder = Path(name)
            files = folder / "files"
            files.mkdir()
            for number in range(faces):
                (files / f"{number:06}").write_bytes(appliance.noise(size))
            servers = {
                "suian": stack.enter_context(ours(folder / "plain", faces, size, tls=False)),
                "suian, mTLS": stack.enter_context(ours(folder / "mtls", faces, size, tls=True)),
                "TCP": stack.enter_context(plain("tcp", files)),
                "HTTP": stack.enter_context(plain("http", files)),
                "gRPC": stack.enter_context(plain("grpc", files)),
            }
            turns: dict[str, list[Turn]] = {who: [] for who in servers}
            for number in range(rounds + 1):
                for who, server in servers.items():
                    found = turn(server, faces * size)
                    if number:  # the first round warms the page cache
                        turns[who].append(found)
        for who, found_turns in turns.items():
            yield line(
                f"stream, {who}",
                libraries=_LIBRARIES,
                blob_bytes=size,
                blobs=faces,
                mb_per_s=round(statistics.median(t.mb_per_s for t in found_turns)),
                tcp_ratio=_ratio(found_turns, turns["TCP"]),
                http_ratio=_ratio(found_turns, turns["HTTP"]),
                grpc_ratio=_ratio(found_turns, turns["gRPC"]),
                server_cpu_s_per_gb=round(
                    statistics.median(t.cpu_s_per_gb for t in found_turns), 2
                ),
            )


def _ratio(ones: Sequence[Turn], others: Sequence[Turn]) -> float:
    pairs = zip(ones, others, strict=True)
    return round(statistics.median(one.mb_per_s / other.mb_per_s for one, other in pairs), 3)


def main() -> None:
    """Print the lines."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mb", type=int, default=_TOTAL_BYTES // 1_000_000, help="For each size.")
    for text in lines(parser.parse_args().mb * 1_000_000):
        print(text, flush=True)


if __name__ == "__main__":
    main()
