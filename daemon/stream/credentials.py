"""Who is at the door: mutual TLS that reloads by itself, and the name a certificate carries.

Rule 1: plaintext is for loopback and the unix socket; there the name is what the caller says.
Rule 2: with TLS the name comes from the certificate alone: the last segment of its one URI (SAN),
else its common name. What the request says must agree.
Rule 3: the files are replaced while the daemon runs. Running streams go on, the next handshake uses
the new files. See CERTIFICATES.md.
"""

import ipaddress
import logging
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import grpc
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
)

from daemon.errors import ConfigError
from daemon.stream import pem

SERVER_CERTIFICATE: Final = "server.pem"
SERVER_KEY: Final = "server.key"
CLIENTS_CA: Final = "clients-ca.pem"

_log = logging.getLogger(__name__)


def is_loopback(address: str) -> bool:
    """Tell whether HOST:PORT can be reached from this machine only."""
    host = address.rpartition(":")[0].strip("[]")
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


_Stamp = tuple[tuple[int, int, int], ...]


@dataclass(frozen=True, slots=True)
class _Read:
    """The files as they were read together."""

    stamp: _Stamp
    configuration: Any
    expiries: Mapping[str, float]


class ServerCredentials:
    """The server's key pair and the CA of its clients, read again when the files change.

    Parameters
    ----------
    directory
        Holds server.pem, server.key and clients-ca.pem.

    Raises
    ------
    ConfigError
        If a file is missing, unreadable, or the key is not the certificate's.
    """

    def __init__(self, directory: Path) -> None:
        self._files = tuple(directory / n for n in (SERVER_CERTIFICATE, SERVER_KEY, CLIENTS_CA))
        self._lock = threading.Lock()
        self._newest = self._served = self._read(self._stamp())
        self._complaint = ""

    def for_server(self) -> grpc.ServerCredentials:
        """Return credentials that every handshake checks for newer files."""
        return grpc.dynamic_ssl_server_credentials(
            self._served.configuration, self._newer, require_client_authentication=True
        )

    def expiries(self) -> Mapping[str, float]:
        """Return when "server" and "clients_ca" expire, in UNIX time; of a bundle the earliest.

        The files are looked at first, so that a replaced certificate shows before any handshake.
        """
        with self._lock:
            self._look()
            return self._newest.expiries

    def _newer(self) -> Any:
        """Return the new configuration, or None: nothing changed, or not yet a matching pair."""
        with self._lock:
            self._look()
            if self._newest is self._served:
                return None
            self._served = self._newest
            return self._served.configuration

    def _look(self) -> None:
        try:
            stamp = self._stamp()
            if stamp != self._newest.stamp:
                self._newest = self._read(stamp)
            self._complaint = ""
        except ConfigError as error:
            # Files are replaced one after the other: until they match, the old pair serves.
            if str(error) != self._complaint:
                _log.warning("new TLS files are not usable, the old ones stay: %s", error)
            self._complaint = str(error)

    def _stamp(self) -> _Stamp:
        try:
            stats = [file.stat() for file in self._files]
        except OSError as error:
            raise ConfigError(
                f"cannot read a TLS file: {error.strerror}", file=error.filename
            ) from error
        return tuple((s.st_mtime_ns, s.st_size, s.st_ino) for s in stats)

    def _read(self, stamp: _Stamp) -> _Read:
        certificate, key, authority = (pem.read(file) for file in self._files)
        _check_pair(certificate, key, self._files[0])
        expiries = {
            "server": _expiry(pem.certificates(certificate, self._files[0])),
            "clients_ca": _expiry(pem.certificates(authority, self._files[2])),
        }
        configuration = grpc.ssl_server_certificate_configuration([(key, certificate)], authority)
        return _Read(stamp, configuration, expiries)


def client_credentials(
    authority: Path | None, certificate: Path | None, key: Path | None
) -> grpc.ChannelCredentials | None:
    """Return a client's credentials, or None when no file is given (plaintext on loopback).

    Raises
    ------
    ConfigError
        If only some of the three are given, or one cannot be used.
    """
    if authority is None and certificate is None and key is None:
        return None
    if authority is None or certificate is None or key is None:
        raise ConfigError("mutual TLS needs all three: --ca, --cert and --key")
    chain, secret, root = pem.read(certificate), pem.read(key), pem.read(authority)
    _check_pair(chain, secret, certificate)
    pem.certificates(root, authority)
    return grpc.ssl_channel_credentials(root, secret, chain)


def caller_name(auth_context: Mapping[str, Any]) -> str | None:
    """Return the name in the caller's certificate; None without TLS, "" when it bears no name."""
    certificate = next(iter(auth_context.get("x509_pem_cert", ())), None)
    if certificate is None:
        return None
    try:
        return pem.name_in(x509.load_pem_x509_certificate(certificate))
    except ValueError:
        return ""  # the TLS library is more lenient; a name we cannot read is no name


def _expiry(certificates: Sequence[x509.Certificate]) -> float:
    return min(one.not_valid_after_utc.timestamp() for one in certificates)


def _check_pair(certificate: bytes, key: bytes, file: Path) -> None:
    leaf = pem.certificates(certificate, file)[0]
    try:
        secret = load_pem_private_key(key, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise ConfigError("the key is not an unencrypted PEM private key", file=file) from error
    form = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    if secret.public_key().public_bytes(*form) != leaf.public_key().public_bytes(*form):
        raise ConfigError("the key does not belong to the certificate", file=file)
