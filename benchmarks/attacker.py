"""What an attacker works with: connections to one port of this machine, and the account of it all.

Rule 1: an attack goes to the port it is given, on this machine, and nowhere else.
Rule 2: what comes of it is counted by outcome: a status, "closed", or what the attack names.
"""

import socket
import ssl
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import grpc

from benchmarks.besieged import BAD, CLIENT
from daemon.stream.credentials import client_credentials

ANSWER_S: Final = 5.0
PAUSE_S: Final = 0.05
CLOSED: Final = "closed"


def files(tls: Path, caller: str) -> tuple[Path, Path, Path]:
    """Return CA, certificate and key of a caller."""
    authority, certificate, key = (tls / caller / name for name in CLIENT)
    return authority, certificate, key


@dataclass(slots=True)
class Attacker:
    """Where to, what came of it, and when to stop."""

    port: int
    tls: Path
    account: Counter[str] = field(default_factory=Counter)
    over: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def channel(self, caller: str = BAD) -> Iterator[grpc.Channel]:
        """Lend a channel with the certificate of a caller."""
        options = (("grpc.use_local_subchannel_pool", 1), ("grpc.enable_retries", 0))
        credentials = client_credentials(*files(self.tls, caller))
        target = f"127.0.0.1:{self.port}"
        with grpc.secure_channel(target, credentials, options) as channel:
            yield channel

    def connection(self) -> socket.socket:
        """Connect and say nothing."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=ANSWER_S)

    def tls_connection(self) -> ssl.SSLSocket:
        """Shake hands as a consumer does."""
        authority, certificate, key = files(self.tls, BAD)
        context = ssl.create_default_context(cafile=authority)
        context.load_cert_chain(certificate, key)
        context.set_alpn_protocols(["h2"])
        return context.wrap_socket(self.connection(), server_hostname="127.0.0.1")

    def count(self, call: Callable[[], object], what: str = "") -> None:
        """Make a call that should be refused and count its status."""
        try:
            call()
            outcome = "OK"
        except grpc.RpcError as error:
            outcome = error.code().name
        self.account[f"{what}: {outcome}" if what else outcome] += 1

    def watch(self, calls: Sequence[Any]) -> None:
        """Count calls as they end, until the attack is over; then let them go."""
        waiting = list(calls)
        while not self.over.wait(PAUSE_S):
            self.account.update(call.code().name for call in waiting if call.done())
            waiting = [call for call in waiting if not call.done()]
        for call in waiting:
            call.cancel()
