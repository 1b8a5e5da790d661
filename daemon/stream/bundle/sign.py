"""Who made a bundle or a receipt: signatures by a TLS key pair, and the CA that answers for it.

Rule 1: there is no second kind of key. The appliance signs with the pair it serves with, the court
with the pair it dials with.
Rule 2: what is signed begins with what it is for, so that no signature serves twice, nor in TLS.
Rule 3: a certificate must be valid when its signature is checked, by the clock of who checks. When
it was signed is the signer's word, and a key that leaked later could say anything. Nothing is lost
by it: until the receipt is back the appliance keeps everything, and can export again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path
from typing import Final, TypeVar

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID
from cryptography.x509.verification import (
    Criticality,
    ExtensionPolicy,
    PolicyBuilder,
    Store,
    VerificationError,
)

from daemon.errors import ConfigError, VerificationFailed
from daemon.stream import pem

LEAST_RSA_BITS: Final = 2048
_T = TypeVar("_T", bound=x509.ExtensionType)
_HASH: Final = hashes.SHA256()
_PADDING: Final = padding.PSS(padding.MGF1(_HASH), padding.PSS.DIGEST_LENGTH)
_KINDS: Final = "an EC key, or an RSA key of 2048 bits or more"


class Purpose(Enum):
    """What is signed, and what the certificate has to be for."""

    BUNDLE = (b"suian bundle block 1\0", ExtendedKeyUsageOID.SERVER_AUTH)
    RECEIPT = (b"suian receipt 1\0", ExtendedKeyUsageOID.CLIENT_AUTH)

    def message(self, digest: bytes) -> bytes:
        """Return what is signed for a digest."""
        return self.value[0] + digest


@dataclass(frozen=True, slots=True)
class Signer:
    """A key pair that signs.

    Attributes
    ----------
    certificates_pem
        The certificate, and behind it those between it and the CA.
    expires_at
        End of the certificate.
    """

    certificates_pem: bytes
    expires_at: datetime
    key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey

    @classmethod
    def read(cls, certificate: Path, key: Path) -> "Signer":
        """Read a pair of PEM files.

        Raises
        ------
        ConfigError
            If one cannot be read or used, or they do not belong together.
        """
        chain = pem.certificates(pem.read(certificate), certificate)
        try:
            secret = load_pem_private_key(pem.read(key), password=None)
        except (ValueError, TypeError, UnsupportedAlgorithm) as error:
            raise ConfigError("the key is not an unencrypted PEM private key", file=key) from error
        if not isinstance(secret, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) or (
            _public_key(secret.public_key()) is None
        ):
            raise ConfigError(f"this key cannot sign: it takes {_KINDS}", file=key)
        if secret.public_key() != chain[0].public_key():
            raise ConfigError("the key does not belong to the certificate", file=certificate)
        chained = b"".join(one.public_bytes(Encoding.PEM) for one in chain)
        return cls(chained, chain[0].not_valid_after_utc, secret)

    @property
    def name(self) -> str:
        """The name in the certificate."""
        return pem.name_in(x509.load_pem_x509_certificate(self.certificates_pem))

    def sign(self, purpose: Purpose, digest: bytes) -> bytes:
        """Sign a digest."""
        message = purpose.message(digest)
        if isinstance(self.key, rsa.RSAPrivateKey):
            return self.key.sign(message, _PADDING, _HASH)
        return self.key.sign(message, ec.ECDSA(_HASH))


@dataclass(frozen=True, slots=True)
class Signatory:
    """Who signed, as a trusted CA says.

    Attributes
    ----------
    name
        As `credentials.caller_name` reads it.
    names
        All by which it may be called: `name`, and the hosts it may be dialled as.
    """

    name: str
    names: frozenset[str]
    purpose: Purpose
    key: ec.EllipticCurvePublicKey | rsa.RSAPublicKey

    def verify(self, digest: bytes, signature: bytes) -> None:
        """Verify the signature of a digest; raises VerificationFailed."""
        message = self.purpose.message(digest)
        try:
            if isinstance(self.key, rsa.RSAPublicKey):
                self.key.verify(signature, message, _PADDING, _HASH)
            else:
                self.key.verify(signature, message, ec.ECDSA(_HASH))
        except InvalidSignature as error:
            raise VerificationFailed(
                "the signature is wrong: this was not made by the one it names, or was changed",
                signed_by=self.name,
            ) from error


class Trust:
    """The CA whose certificates count.

    Parameters
    ----------
    authority
        PEM file of one or more CA certificates.

    Raises
    ------
    ConfigError
        If it cannot be read.
    """

    def __init__(self, authority: Path) -> None:
        self._file = authority
        self._store = Store(pem.certificates(pem.read(authority), authority))

    def signatory(
        self, certificates_pem: bytes, purpose: Purpose, now: datetime | None = None
    ) -> Signatory:
        """Return who a certificate names, after the CA and everything between was checked.

        Raises
        ------
        VerificationFailed
            If the CA does not answer for it now, or not for this purpose.
        """
        now = datetime.now(UTC) if now is None else now
        try:
            leaf, *between = x509.load_pem_x509_certificates(certificates_pem)
            _check_time(leaf, now)
            self._check_chain(leaf, between, now)
            _check_use(leaf, purpose)
            key = _public_key(leaf.public_key())
            if key is None:
                raise VerificationFailed(
                    f"the key of the signer does not count: it takes {_KINDS}",
                    signer=pem.name_in(leaf),
                )
            return Signatory(pem.name_in(leaf), _names(leaf), purpose, key)
        except (ValueError, x509.DuplicateExtension, x509.UnsupportedGeneralNameType) as error:
            raise VerificationFailed(f"the certificate cannot be read: {error}") from error

    def _check_chain(
        self, leaf: x509.Certificate, between: Sequence[x509.Certificate], now: datetime
    ) -> None:
        # As in TLS, less the rules of the public web: a court's own CA does not follow those.
        authorities = ExtensionPolicy.permit_all().require_present(
            x509.BasicConstraints, Criticality.AGNOSTIC, None
        )
        verifier = (
            PolicyBuilder()
            .store(self._store)
            .time(now)
            .extension_policies(ca_policy=authorities, ee_policy=ExtensionPolicy.permit_all())
            .build_client_verifier()
        )
        try:
            verifier.verify(leaf, list(between))
        except VerificationError as error:
            raise VerificationFailed(
                "the certificate of the signer is not from the CA that is trusted here",
                trusted=self._file,
                signer=pem.name_in(leaf),
                said=error,
            ) from error


def _check_time(leaf: x509.Certificate, now: datetime) -> None:
    if not leaf.not_valid_before_utc <= now <= leaf.not_valid_after_utc:
        raise VerificationFailed(
            "the certificate of the signer is not valid now: check the clock here, else let its"
            " owner renew it and make this file again; nothing is lost by it",
            signer=pem.name_in(leaf),
            valid_from=leaf.not_valid_before_utc,
            valid_to=leaf.not_valid_after_utc,
            now=now,
        )


def _check_use(leaf: x509.Certificate, purpose: Purpose) -> None:
    """Refuse a certificate that says it is for something else; one that says nothing will do."""
    usage = _extension(leaf, x509.KeyUsage)
    extended = _extension(leaf, x509.ExtendedKeyUsage)
    wanted = {purpose.value[1], ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE}
    if (usage is not None and not usage.digital_signature) or (
        extended is not None and not wanted & set(extended)
    ):
        raise VerificationFailed(
            "the certificate of the signer is not for this: a bundle is signed by a server's, a"
            " receipt by a client's",
            signer=pem.name_in(leaf),
        )


def _extension(leaf: x509.Certificate, kind: type[_T]) -> _T | None:
    try:
        return leaf.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def _public_key(key: object) -> ec.EllipticCurvePublicKey | rsa.RSAPublicKey | None:
    """Return a key whose signatures count, None for another."""
    if isinstance(key, ec.EllipticCurvePublicKey):
        return key
    if isinstance(key, rsa.RSAPublicKey) and key.key_size >= LEAST_RSA_BITS:
        return key
    return None


def _names(leaf: x509.Certificate) -> frozenset[str]:
    alternative = _extension(leaf, x509.SubjectAlternativeName)
    hosts: list[str] = []
    if alternative is not None:
        hosts += alternative.get_values_for_type(x509.DNSName)
        hosts += map(str, alternative.get_values_for_type(x509.IPAddress))
    return frozenset({pem.name_in(leaf), *hosts} - {""})
