"""A court's certificate authority, made for one test session."""

import datetime
import ipaddress
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID


def _name(text):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


@dataclass
class Authority:
    folder: Path
    name: str = "court CA"

    def __post_init__(self):
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.certificate = self._sign(
            self.name, self.key, x509.BasicConstraints(ca=True, path_length=None), critical=True
        )
        self.file = self.folder / f"{self.name}.pem"
        self.file.write_bytes(self.certificate.public_bytes(Encoding.PEM))

    def _sign(self, name, key, *extensions, critical=False):
        now = datetime.datetime.now(datetime.UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(_name(name))
            .issuer_name(_name(self.name))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(hours=1))
            .not_valid_after(now + datetime.timedelta(hours=1))
        )
        for extension in extensions:
            builder = builder.add_extension(extension, critical=critical)
        return builder.sign(self.key, hashes.SHA256())

    def issue(self, common_name, *, uris=(), addresses=()):
        """Return (certificate, key) files of a leaf."""
        key = ec.generate_private_key(ec.SECP256R1())
        names = [x509.UniformResourceIdentifier(uri) for uri in uris]
        names += [x509.IPAddress(ipaddress.ip_address(a)) for a in addresses]
        alternative = [x509.SubjectAlternativeName(names)] if names else []
        leaf = self._sign(common_name, key, *alternative)
        serial = f"{leaf.serial_number:x}"
        certificate_file = self.folder / f"{serial}.pem"
        key_file = self.folder / f"{serial}.key"
        certificate_file.write_bytes(leaf.public_bytes(Encoding.PEM))
        key_file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        return certificate_file, key_file

    def equip(self, folder):
        """Put server.pem, server.key and clients-ca.pem into a folder."""
        folder.mkdir(exist_ok=True)
        certificate, key = self.issue("appliance", addresses=["127.0.0.1"])
        (folder / "server.pem").write_bytes(certificate.read_bytes())
        (folder / "server.key").write_bytes(key.read_bytes())
        (folder / "clients-ca.pem").write_bytes(self.file.read_bytes())
        return folder


@pytest.fixture(scope="session")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="session")
def stranger(tmp_path_factory):
    """An authority nobody trusts."""
    return Authority(tmp_path_factory.mktemp("other-ca"), "somebody else")
