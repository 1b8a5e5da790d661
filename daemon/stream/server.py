"""The gRPC server: one port for the court, one unix socket for local commands, same services.

Rule 1: off loopback only with mutual TLS. Rule 2: a drain ends the running streams cleanly before
the port closes. Rule 3: more calls than threads are refused, never left to starve.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import grpc

from daemon.config import Config
from daemon.errors import ConfigError
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
from daemon.stream.pages import PageService
from daemon.stream.paperwork import DossierService
from daemon.stream.pull import Pull
from daemon.stream.refusals import Refusals
from daemon.stream.streams import Streams

_SOCKET_MODE: Final = 0o660
_SPARE_THREADS: Final = 8  # acknowledgements, status, reads
_THREADS_A_CONSUMER: Final = 2  # its stream, and the older one that is just ending
_OPTIONS: Final = (
    ("grpc.so_reuseport", 0),
    # 3000 silent connections once ate every descriptor and stopped the spool too.
    ("grpc.server_handshake_timeout_ms", 3000),
    ("grpc.max_allowed_incoming_connections", 256),
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
    """Serves PageService, DossierService and ApplianceService.

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
        threads = _SPARE_THREADS + _THREADS_A_CONSUMER * len(consumers)
        self._pool = ThreadPoolExecutor(threads, "stream")
        self._server = grpc.server(
            self._pool,
            interceptors=[Refusals(controls.count)],
            options=_OPTIONS,
            maximum_concurrent_rpcs=threads,
        )
        add_PageServiceServicer_to_server(
            PageService(ledger, access, pull, blobs, self._streams), self._server
        )
        add_DossierServiceServicer_to_server(
            DossierService(ledger, access, controls.manifest), self._server
        )
        add_ApplianceServiceServicer_to_server(
            ApplianceService(name, ledger, access, controls), self._server
        )
        stream = config.stream
        self.port = self._listen(stream.listen, stream.credentials_dir)
        self._open_socket(stream.control_socket)

    def start(self) -> None:
        """Answer calls."""
        self._server.start()

    def drain(self) -> None:
        """Take no new stream and end the running ones in peace; other calls are still answered."""
        self._streams.drain()

    def stop(self, grace_s: float = 2.0) -> None:
        """Drain, close the ports, and wait for the calls at hand."""
        self.drain()
        self._server.stop(grace_s).wait()
        self._pool.shutdown()

    def _listen(self, address: str, credentials_dir: Path | None) -> int:
        if credentials_dir is not None:
            credentials = ServerCredentials(credentials_dir).for_server()
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
