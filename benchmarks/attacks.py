"""What a hostile client may try, each attack until it is told to stop.

    python -m benchmarks.attacks NAME PORT TLS_DIR

Rule 1: an attack goes to the port it is given, on this machine, and nowhere else.
Rule 2: it counts what came of it by an outcome: a status, "closed", or "cancelled".
"""

import argparse
import json
import os
import resource
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import grpc

from benchmarks.attacker import ANSWER_S, CLOSED, PAUSE_S, Attacker
from benchmarks.besieged import GOOD, STRANGER
from daemon.rpc import pages_pb2 as pb
from daemon.rpc.pages_pb2_grpc import ApplianceServiceStub, PageServiceStub

MOST_CONNECTIONS: Final = 3000
_PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes((0, 0, 0, 4, 0, 0, 0, 0, 0))
_CALLS: Final = 200
_CALLS_A_CHANNEL: Final = 25
_GARBAGE_BYTES: Final = 16 << 10
_HUGE_BYTES: Final = 1 << 20


def _pull() -> pb.PullRequest:
    """Return a request that no earlier attack has overtaken."""
    return pb.PullRequest(instance=time.time_ns())


def silent_connections(attacker: Attacker) -> None:
    """Open 3000 connections and say nothing; when they are closed, they are not opened again."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    count = min(MOST_CONNECTIONS, hard - 100)
    with ExitStack() as stack:
        held = [stack.enter_context(attacker.connection()) for _ in range(count)]
        attacker.account["opened"] = count
        for one in held:
            one.setblocking(False)
        while not attacker.over.wait(PAUSE_S):
            still = [one for one in held if not _is_closed(one)]
            attacker.account[CLOSED] += len(held) - len(still)
            held = still


def _is_closed(connection: socket.socket) -> bool:
    try:
        return not connection.recv(65536)
    except BlockingIOError:
        return False
    except OSError:
        return True


def idle_connections(attacker: Attacker) -> None:
    """Hold 300 connections of a consumer, shaken hands and greeted, that never call."""
    with ExitStack() as stack:
        for _ in range(300):
            try:
                one = stack.enter_context(attacker.tls_connection())
                one.sendall(_PREFACE)
                attacker.account["opened"] += 1
            except OSError:
                attacker.account[CLOSED] += 1
        attacker.over.wait()


def slow_readers(attacker: Attacker) -> None:
    """Open Pull again and again and never read."""
    with ExitStack() as stack:
        calls = []
        for _ in range(8):
            pages = PageServiceStub(stack.enter_context(attacker.channel()))
            calls.append(pages.Pull(_pull()))
        attacker.watch(calls)


def garbage(attacker: Attacker, begin: bytes = b"") -> None:
    """Send bytes that are no TLS, wait for the end of the connection, and again."""
    while not attacker.over.is_set():
        with attacker.connection() as one:
            _until_closed(attacker, one, begin + os.urandom(_GARBAGE_BYTES))


def garbage_inside(attacker: Attacker) -> None:
    """Shake hands as a consumer, then send bytes that are no HTTP/2."""
    while not attacker.over.is_set():
        with attacker.tls_connection() as one:
            _until_closed(attacker, one, os.urandom(_GARBAGE_BYTES))


def _until_closed(attacker: Attacker, connection: socket.socket, data: bytes) -> None:
    try:
        connection.sendall(data)
        while connection.recv(65536):
            pass
        attacker.account[CLOSED] += 1
    except TimeoutError:
        attacker.account["left open"] += 1
    except OSError:
        attacker.account[CLOSED] += 1


def huge_requests(attacker: Attacker) -> None:
    """Send requests of a megabyte, plain and packed."""
    with attacker.channel() as channel:
        call = channel.unary_unary("/suian.pages.v1.ApplianceService/GetStatus")
        while not attacker.over.is_set():
            for packed in (grpc.Compression.NoCompression, grpc.Compression.Gzip):
                attacker.count(
                    partial(call, bytes(_HUGE_BYTES), timeout=ANSWER_S, compression=packed)
                )


def strangers(attacker: Attacker) -> None:
    """Come with the certificate of another authority."""
    while not attacker.over.is_set():
        with attacker.channel(STRANGER) as channel:
            status = ApplianceServiceStub(channel).GetStatus
            attacker.count(partial(status, pb.GetStatusRequest(), timeout=ANSWER_S))


def stale_instances(attacker: Attacker) -> None:
    """Pull as an instance that was overtaken."""
    with attacker.channel() as channel:
        pages = PageServiceStub(channel)
        newest = _pull()
        next(iter(pages.Pull(newest, timeout=ANSWER_S)))
        stale = pb.PullRequest(instance=newest.instance - 1)
        while not attacker.over.is_set():
            old = pages.Pull(stale, timeout=ANSWER_S)
            attacker.count(partial(next, iter(old)))


def forged_acknowledgements(attacker: Attacker) -> None:
    """Acknowledge what was never received, under all false colours."""
    with attacker.channel() as channel:
        pages = PageServiceStub(channel)
        ours = _pull()
        call = pages.Pull(ours, timeout=ANSWER_S)
        epoch = next(iter(call)).opened.epoch
        call.cancel()
        true: dict[str, Any] = {"instance": ours.instance, "epoch": epoch, "sequence": 1}
        forged: Mapping[str, dict[str, Any]] = {
            "wrong hash": {"entry_hash": bytes(32)},
            "no hash": {},
            "ahead": {"sequence": 1 << 40},
            "far ahead": {"sequence": (1 << 64) - 1},
            "another's name": {"consumer": GOOD},
            "another epoch": {"epoch": "00000000-0000-4000-8000-000000000000"},
            "stale": {"instance": 0},
        }
        while not attacker.over.is_set():
            for what, change in forged.items():
                request = pb.AcknowledgeRequest(**true | change)
                attacker.count(partial(pages.Acknowledge, request, timeout=ANSWER_S), what)


def absurd_reads(attacker: Attacker) -> None:
    """Ask for blobs that cannot be."""
    with attacker.channel() as channel:
        pages = PageServiceStub(channel)
        call = iter(pages.Pull(_pull(), timeout=ANSWER_S))
        entry = next(message.entry for message in call if message.HasField("entry"))
        page_id = pb.JournalEntry.FromString(entry.record).page.page_id
        true: dict[str, Any] = {"page_id": page_id, "role": pb.BLOB_ROLE_PAGE}
        absurd: Mapping[str, dict[str, Any]] = {
            "behind the end": {"offset_bytes": 1 << 63},
            "far behind": {"offset_bytes": (1 << 64) - 1},
            "a path": {"page_id": "../../ledger.db"},
            "nothing": {"page_id": ""},
            "a long word": {"page_id": "x" * 60_000},
            "no such page": {"page_id": page_id[:9] + "999999-9999-F"},
            "no such role": {"role": 99},
        }
        while not attacker.over.is_set():
            for what, change in absurd.items():
                read = pages.ReadBlob(pb.ReadBlobRequest(**true | change), timeout=ANSWER_S)
                attacker.count(partial(list, read), what)


def many_pulls(attacker: Attacker) -> None:
    """Open 200 Pulls at once."""
    with ExitStack() as stack:
        calls = []
        for _ in range(_CALLS // _CALLS_A_CHANNEL):
            pages = PageServiceStub(stack.enter_context(attacker.channel()))
            calls += [pages.Pull(_pull()) for _ in range(_CALLS_A_CHANNEL)]
        attacker.watch(calls)


def heads_only(attacker: Attacker) -> None:
    """Begin 200 calls at once and never send what they ask."""

    def never() -> Iterator[bytes]:
        attacker.over.wait()
        yield from ()

    with ExitStack() as stack:
        calls = []
        for _ in range(_CALLS // _CALLS_A_CHANNEL):
            channel = stack.enter_context(attacker.channel())
            call = channel.stream_unary("/suian.pages.v1.PageService/Acknowledge")
            calls += [call.future(never()) for _ in range(_CALLS_A_CHANNEL)]
        attacker.watch(calls)


def hasty_pulls(attacker: Attacker) -> None:
    """Open Pull and leave at once, again and again."""
    with attacker.channel() as channel:
        pages = PageServiceStub(channel)
        while not attacker.over.is_set():
            pages.Pull(_pull()).cancel()
            attacker.account["cancelled"] += 1


@dataclass(frozen=True, slots=True)
class Attack:
    """An attack and the outcomes it may have; all of `must` are seen sooner or later."""

    run: Callable[[Attacker], None]
    must: frozenset[str]
    may: frozenset[str] = frozenset()


def _outcomes(*outcomes: str) -> frozenset[str]:
    return frozenset(outcomes)


_EXHAUSTED: Final = "RESOURCE_EXHAUSTED"
ATTACKS: Final[Mapping[str, Attack]] = {
    "3000 silent connections": Attack(silent_connections, _outcomes("opened", CLOSED)),
    "300 idle connections": Attack(idle_connections, _outcomes("opened", CLOSED)),
    "slow readers": Attack(slow_readers, _outcomes(_EXHAUSTED), _outcomes("ABORTED")),
    "garbage": Attack(garbage, _outcomes(CLOSED)),
    "garbage as a TLS record": Attack(
        partial(garbage, begin=b"\x16\x03\x01\x40\x00\x01"), _outcomes(CLOSED)
    ),
    "garbage inside TLS": Attack(garbage_inside, _outcomes(CLOSED)),
    "huge requests": Attack(huge_requests, _outcomes(_EXHAUSTED)),
    "another authority's certificate": Attack(strangers, _outcomes("UNAVAILABLE")),
    "a stale instance": Attack(stale_instances, _outcomes("ABORTED")),
    "forged acknowledgements": Attack(
        forged_acknowledgements,
        _outcomes(
            "wrong hash: FAILED_PRECONDITION",
            "no hash: FAILED_PRECONDITION",
            "ahead: OUT_OF_RANGE",
            "far ahead: OUT_OF_RANGE",
            "another's name: PERMISSION_DENIED",
            "another epoch: FAILED_PRECONDITION",
            "stale: ABORTED",
        ),
    ),
    "absurd reads": Attack(
        absurd_reads,
        _outcomes(
            "behind the end: OUT_OF_RANGE",
            "far behind: OUT_OF_RANGE",
            "a path: INVALID_ARGUMENT",
            "nothing: INVALID_ARGUMENT",
            "a long word: INVALID_ARGUMENT",
            "no such page: NOT_FOUND",
            "no such role: INVALID_ARGUMENT",
        ),
    ),
    "200 pulls at once": Attack(many_pulls, _outcomes(_EXHAUSTED), _outcomes("ABORTED")),
    "200 heads without a request": Attack(
        heads_only, _outcomes(_EXHAUSTED), _outcomes("CANCELLED")
    ),
    "hasty pulls": Attack(hasty_pulls, _outcomes("cancelled")),
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Attack; answer each line of the input with the account, stop when the input ends."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=ATTACKS)
    parser.add_argument("port", type=int)
    parser.add_argument("tls", type=Path)
    asked = parser.parse_args(arguments)
    attacker = Attacker(asked.port, asked.tls)
    thread = threading.Thread(target=ATTACKS[asked.name].run, args=(attacker,), daemon=True)
    thread.start()
    for _ in sys.stdin:
        print(json.dumps(dict(attacker.account)), flush=True)
    attacker.over.set()
    thread.join(ANSWER_S)


if __name__ == "__main__":
    main()
