"""Certificates of every make: other key types, between a CA and a leaf, of other use."""

import datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

SERVER = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
CLIENT = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH])
EC = ec.generate_private_key(ec.SECP256R1())
KEYS = {
    "EC P-256": EC,
    "EC P-384": ec.generate_private_key(ec.SECP384R1()),
    "RSA 2048": rsa.generate_private_key(65537, 2048),
}
WEAK = {
    "RSA 1024": rsa.generate_private_key(65537, 1024),  # noqa: S505
    "Ed25519": ed25519.Ed25519PrivateKey.generate(),
}


def usage(*, sign):
    """A key usage that allows to sign, or not."""
    return x509.KeyUsage(sign, False, not sign, False, False, False, False, False, False)


def name(text):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def certify(key, issuer, issuer_key, *extensions, subject="hall-1", ca=False, hours=(-1, 1)):
    """Return a certificate."""
    now = datetime.datetime.now(datetime.UTC)
    begin, end = (now + datetime.timedelta(hours=offset) for offset in hours)
    builder = (
        x509.CertificateBuilder()
        .subject_name(name(subject))
        .issuer_name(name(issuer))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(end)
    )
    if ca:
        extensions = (x509.BasicConstraints(ca=True, path_length=None), *extensions)
    for extension in extensions:
        builder = builder.add_extension(extension, critical=True)
    return builder.sign(issuer_key, hashes.SHA256())


def pem(*certificates):
    return b"".join(one.public_bytes(Encoding.PEM) for one in certificates)


def pem_key(key):
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def pair(folder, key, *certificates):
    """Write certificate and key files; returns both paths."""
    files = folder / "pair.pem", folder / "pair.key"
    files[0].write_bytes(pem(*certificates))
    files[1].write_bytes(pem_key(key))
    return files
