"""Certificates in PEM files, and the name that one carries."""

import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

from cryptography import x509
from cryptography.x509.oid import NameOID

from daemon.errors import ConfigError


def read(file: Path) -> bytes:
    """Return the bytes of a TLS file; raises ConfigError."""
    try:
        return file.read_bytes()
    except OSError as error:
        raise ConfigError(f"cannot read a TLS file: {error.strerror}", file=file) from error


def certificates(pem: bytes, file: Path) -> list[x509.Certificate]:
    """Return the certificates in PEM bytes that came from a file; raises ConfigError."""
    try:
        return x509.load_pem_x509_certificates(pem)
    except ValueError as error:
        raise ConfigError(f"not a PEM certificate: {error}", file=file) from error


def name_in(certificate: x509.Certificate) -> str:
    """Return the name a certificate carries: the end of its one URI, else its common name.

    "" when it bears none, two, or one that cannot be read: TLS itself is more lenient.
    """
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        uris = names.get_values_for_type(x509.UniformResourceIdentifier)
    except x509.ExtensionNotFound:
        uris = []
    except (ValueError, x509.DuplicateExtension, x509.UnsupportedGeneralNameType):
        return ""
    if len(uris) > 1:
        return ""
    if uris:
        return unquote(re.split("[/:]", urlsplit(uris[0]).path)[-1])
    common = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(common[0].value) if len(common) == 1 else ""
