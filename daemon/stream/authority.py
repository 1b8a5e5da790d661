"""A certificate authority for trying things out. Never for a court, and its name says so.

Rule 1: every certificate it gives is short-lived, and none outlives the authority itself.
Rule 2: what it issues has the shape that CERTIFICATES.md asks of a court's own authority.
"""

import datetime
import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from daemon.errors import ConfigError

NAME: Final = "Suian trial CA, not for a court"
_CLOCKS_DIFFER: Final = datetime.timedelta(minutes=10)
_DNS_NAME: Final = re.compile(r"(?=.{1,253}$)[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63})*")


@dataclass(frozen=True, slots=True)
class Pair:
    """A certificate and its private key, both PEM; the key is not encrypted."""

    certificate: bytes
    key: bytes


class TrialAuthority:
    """Issues certificates to one appliance and its consumers.

    Parameters
    ----------
    certificate, key
        Its own; see `make` and `load`.
    """

    def __init__(self, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> None:
        self._certificate = certificate
        self._key = key

    @classmethod
    def make(cls, days: int) -> "TrialAuthority":
        """Return a new authority that lives so many days."""
        key = ec.generate_private_key(ec.SECP256R1())
        builder = (
            _builder(NAME, NAME, key.public_key(), _now() + datetime.timedelta(days=days))
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_key_usage(signs_certificates=True), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
        )
        return cls(builder.sign(key, hashes.SHA256()), key)

    @classmethod
    def load(cls, pair: Pair) -> "TrialAuthority":
        """Return the authority that was kept.

        Raises
        ------
        ConfigError
            If it is not one of ours, its key is another's, or it has expired.
        """
        try:
            certificate = x509.load_pem_x509_certificate(pair.certificate)
            key = load_pem_private_key(pair.key, password=None)
        except (ValueError, TypeError, UnsupportedAlgorithm) as error:
            raise ConfigError(f"the authority's files cannot be read: {error}") from error
        if certificate.subject != _name(NAME) or not isinstance(key, ec.EllipticCurvePrivateKey):
            raise ConfigError("this is no trial authority: take another folder")
        if key.public_key() != certificate.public_key():
            raise ConfigError("the authority's key does not belong to its certificate")
        if certificate.not_valid_after_utc <= _now():
            raise ConfigError("the trial authority has expired: begin in a new folder")
        return cls(certificate, key)

    @property
    def pair(self) -> Pair:
        """Its own certificate and key."""
        return _pair(self._certificate, self._key)

    def appliance(self, hosts: Sequence[str], days: int) -> Pair:
        """Return a server's pair for the names and addresses it is dialled by.

        Raises
        ------
        ConfigError
            If one is neither a DNS name nor an IP address.
        """
        names = x509.SubjectAlternativeName([_host(host) for host in hosts])
        return self._issue(hosts[0], names, ExtendedKeyUsageOID.SERVER_AUTH, days)

    def consumer(self, name: str, days: int) -> Pair:
        """Return a client's pair; `name` is that of the configured consumer."""
        uri = x509.UniformResourceIdentifier(f"suian://trial/consumer/{name}")
        names = x509.SubjectAlternativeName([uri])
        return self._issue(name, names, ExtendedKeyUsageOID.CLIENT_AUTH, days)

    def _issue(
        self, name: str, names: x509.SubjectAlternativeName, usage: x509.ObjectIdentifier, days: int
    ) -> Pair:
        key = ec.generate_private_key(ec.SECP256R1())
        end = min(_now() + datetime.timedelta(days=days), self._certificate.not_valid_after_utc)
        issuer_key = self._certificate.public_key()
        builder = (
            _builder(name[:64], NAME, key.public_key(), end)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_key_usage(signs_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
            .add_extension(names, critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key),  # type: ignore[arg-type]
                critical=False,
            )
        )
        return _pair(builder.sign(self._key, hashes.SHA256()), key)


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _builder(
    name: str, issuer: str, key: ec.EllipticCurvePublicKey, end: datetime.datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(_name(name))
        .issuer_name(_name(issuer))
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(_now() - _CLOCKS_DIFFER)
        .not_valid_after(end)
    )


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _pair(certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> Pair:
    return Pair(
        certificate.public_bytes(Encoding.PEM),
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
    )


def _host(text: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(text.strip("[]")))
    except ValueError:
        pass
    if not _DNS_NAME.fullmatch(text):
        raise ConfigError("a host is a DNS name or an IP address, without a port", host=text)
    return x509.DNSName(text)
