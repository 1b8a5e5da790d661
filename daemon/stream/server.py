"""The gRPC server: one port for the court, one unix socket for local commands, same services.

Rule 1: off loopback only with mutual TLS. Rule 2: a drain ends the running streams cleanly before
the port closes. Rule 3: more calls than threads are refused, never left to starve: the turnstile
says who may hold how many.
"""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import grpc
from grpc_health.v1.health_pb2_grpc import add_HealthServicer_to_server

from daemon.config import Config
from daemon.errors import ConfigError
from daemon.rpc import pages_pb2
from daemon.rpc.pages_pb2_grpc import (
    add_ApplianceServiceServicer_to_server,
    add_DossierServiceServicer_to_server,
    add_PageServiceServicer_to_server,
)
from daemon.spool.ledger import Ledger
from daemon.stream.access import Access
from daemon.stream.appliance import ApplianceService, Controls
from daemon.stream.blob_source import BlobSource
from daemon.stream.credentials import ServerCredentials, is_loopback
from daemon.stream.health import Health
from daemon.stream.pages import PageService
from daemon.stream.paperwork import DossierService
from daemon.stream.pull import Pull
from daemon.stream.refusals import Refusals
from daemon.stream.streams import Streams
from daemon.stream.turnstile import Turnstile

_SOCKET_MODE: Final = 0o660
_SERVICES: Final = tuple(s.full_name for s in pages_pb2.DESCRIPTOR.services_by_name.values())
_OPTIONS: Final = (
    ("grpc.so_reuseport", 0),
    # 3000 silent connections once ate every descriptor and stopped the spool too.
    ("grpc.server_handshake_timeout_ms", 3000),
    ("grpc.max_allowed_incoming_connections", 256),  # for the port, and again for the socket
    ("grpc.max_concurrent_streams", 64),  # of one connection
    ("grpc.max_connection_idle_ms", 60_000),
    ("grpc.max_receive_message_length", 64 << 10),  # requests are tiny
    ("grpc.max_metadata_size", 8 << 10),
    ("grpc.keepalive_time_ms", 10_000),
    ("grpc.keepalive_timeout_ms", 5_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.min_ping_interval_without_data_ms", 1_000),  # the client pings every 3 s
    ("grpc.http2.max_ping_strikes", 10),
    ("grpc.max_connection_age_ms", 3_600_000),  # a withdrawn certificate works an hour at most
    ("grpc.max_connection_age_grace_ms", 60_000),
)


class StreamServer:
    """Serves PageService, DossierService, ApplianceService and their health.

    Parameters
    ----------
    config
        The sections appliance, stream and consumer are read.
    ledger
        Started; its consumers are registered here.
    controls
        What may be asked of the rest of the daemon.

    Raises
    ------
    ConfigError
        If plaintext would leave this machine, a TLS file is unusable, or a port is taken.
    """

    def __init__(self, config: Config, ledger: Ledger, controls: Controls) -> None:
        consumers = config.consumer
        for consumer in consumers:
            ledger.register_consumer(consumer.name, consumer.required)
        name = config.appliance.name
        access = Access(consumers)
        self._streams = Streams()
        blobs = BlobSource(ledger)
        pull = Pull(name, ledger, blobs, self._streams, controls)
        turnstile = Turnstile([consumer.name for consumer in consumers], controls.count)
        self._pool = ThreadPoolExecutor(turnstile.threads, "stream")
        self._server = grpc.server(
            self._pool,
            interceptors=[turnstile, Refusals(controls.count)],
            options=_OPTIONS,
            maximum_concurrent_rpcs=turnstile.threads,
        )
        self._health = Health(_SERVICES)
        add_HealthServicer_to_server(self._health, self._server)
        add_PageServiceServicer_to_server(
            PageService(ledger, access, pull, blobs, self._streams), self._server
        )
        add_DossierServiceServicer_to_server(DossierService(ledger, access, controls), self._server)
        add_ApplianceServiceServicer_to_server(
            ApplianceService(name, ledger, access, controls), self._server
        )
        stream = config.stream
        self._credentials = (
            ServerCredentials(stream.credentials_dir) if stream.credentials_dir else None
        )
        self.port = self._listen(stream.listen)
        self._open_socket(stream.control_socket)

    def start(self) -> None:
        """Answer calls."""
        self._server.start()
        self._health.serve()

    def drain(self) -> None:
        """Say NOT_SERVING, take no new stream and end the running ones in peace.

        Other calls are still answered.
        """
        self._health.drain()
        self._streams.drain()

    def stop(self, grace_s: float = 2.0) -> None:
        """Drain, close the ports, and wait for the calls at hand."""
        self.drain()
        self._server.stop(grace_s).wait()
        self._pool.shutdown()

    def certificate_expiries(self) -> Mapping[str, float]:
        """Return when which certificate expires, in UNIX time; nothing without TLS."""
        return {} if self._credentials is None else self._credentials.expiries()

    def _listen(self, address: str) -> int:
        if self._credentials is not None:
            credentials = self._credentials.for_server()
            return _bound(lambda: self._server.add_secure_port(address, credentials), address)
        if not is_loopback(address):
            raise ConfigError(
                "plaintext is for loopback only: set stream.credentials_dir", listen=address
            )
        return _bound(lambda: self._server.add_insecure_port(address), address)

    def _open_socket(self, path: Path) -> None:
        address = f"unix:{path}"
        _bound(lambda: self._server.add_insecure_port(address), address)
        try:
            path.chmod(_SOCKET_MODE)
        except OSError as error:
            raise ConfigError(f"cannot open the control socket: {error}", path=path) from error


def _bound(bind: Callable[[], int], address: str) -> int:
    try:
        return bind()
    except RuntimeError as error:
        raise ConfigError(
            "cannot listen here: is the port taken, or the folder missing?", address=address
        ) from error
