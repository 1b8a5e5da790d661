"""A filing hall with a real ledger and server, a bare client, and a certificate authority."""

import datetime
import ipaddress
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import grpc
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from daemon.config import validate
from daemon.errors import InputError
from daemon.page import Blob, Fate, Page, Position, Role, Step
from daemon.rpc import pages_pb2 as pb
from daemon.rpc.pages_pb2_grpc import ApplianceServiceStub, DossierServiceStub, PageServiceStub
from daemon.spool.chain import Chain
from daemon.spool.ledger import Ledger
from daemon.stream.appliance import Controls, StatusFacts
from daemon.stream.codec import Origin, encode
from daemon.stream.server import StreamServer
from tests.court import feed


def _name(text):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


@dataclass
class Authority:
    folder: Path
    name: str = "court CA"
    issuer: "Authority | None" = None

    def __post_init__(self):
        self.key = ec.generate_private_key(ec.SECP256R1())
        constraints = x509.BasicConstraints(ca=True, path_length=None)
        issuer = self.issuer or self
        self.certificate = issuer._sign(self.name, self.key, constraints, critical=True)
        self.file = self.folder / f"{self.name}.pem"
        self.file.write_bytes(self.certificate.public_bytes(Encoding.PEM))

    def _sign(self, name, key, *extensions, critical=False, valid_s=(-3600, 3600)):
        now = datetime.datetime.now(datetime.UTC)
        begin, end = (now + datetime.timedelta(seconds=offset_s) for offset_s in valid_s)
        builder = (
            x509.CertificateBuilder()
            .subject_name(_name(name))
            .issuer_name(_name(self.name))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(begin)
            .not_valid_after(end)
        )
        for extension in extensions:
            builder = builder.add_extension(extension, critical=critical)
        return builder.sign(self.key, hashes.SHA256())

    def issue(self, common_name, *, uris=(), addresses=(), usages=(), valid_s=(-3600, 3600)):
        """Return (certificate, key) files of a leaf; `valid_s` counts from now."""
        key = ec.generate_private_key(ec.SECP256R1())
        names = [x509.UniformResourceIdentifier(uri) for uri in uris]
        names += [x509.IPAddress(ipaddress.ip_address(a)) for a in addresses]
        extensions = [x509.SubjectAlternativeName(names)] if names else []
        extensions += [x509.ExtendedKeyUsage(usages)] if usages else []
        leaf = self._sign(common_name, key, *extensions, valid_s=valid_s)
        serial = f"{leaf.serial_number:x}"
        certificate_file = self.folder / f"{serial}.pem"
        key_file = self.folder / f"{serial}.key"
        certificate_file.write_bytes(leaf.public_bytes(Encoding.PEM))
        key_file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        return certificate_file, key_file

    def subordinate(self, folder, name):
        """Return an authority that this one has issued."""
        return Authority(folder, name, self)

    def equip(self, folder, **rest):
        """Put server.pem, server.key and clients-ca.pem into a folder, over older ones."""
        folder.mkdir(exist_ok=True)
        certificate, key = self.issue("appliance", addresses=["127.0.0.1"], **rest)
        new = {"server.pem": certificate, "server.key": key, "clients-ca.pem": self.file}
        for name, source in new.items():
            fresh = folder / f"{name}.new"
            fresh.write_bytes(source.read_bytes())
            fresh.replace(folder / name)
        return folder


@pytest.fixture(scope="session")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="session")
def stranger(tmp_path_factory):
    """An authority nobody trusts."""
    return Authority(tmp_path_factory.mktemp("other-ca"), "somebody else")


CASE = "(2018)吉01民初129号"


def page(data, *, volume="main", case=CASE, number=1, extra=()):
    """A kept face: a maker that takes its page id."""

    def make(page_id):
        return Page(
            page_id=page_id,
            fate=Fate.PAGE,
            virtual=True,
            captured_at=1_770_000_000.25,
            position=Position(
                case_number=case,
                case_key=case,
                stage="LA",
                volume=volume,
                material="111",
                party="Y01",
                instance=1,
                page=number,
            ),
            width_px=2480,
            height_px=3508,
            dpi=300,
            blobs=(Blob(Role.PAGE, "image/jpeg", data), *extra),
            steps=(
                Step(
                    "skew", "1", "cpu", {"angle_deg": 0.25, "streaks": 2, "trusted": True, "w": "x"}
                ),
            ),
            warnings=("streak suspected",),
        )

    return make


def blank(evidence=b"evidence", whole=b"whole"):
    """A removed face with its evidence and its whole image."""

    def make(page_id):
        return Page(
            page_id=page_id,
            fate=Fate.BLANK,
            virtual=True,
            captured_at=1_770_000_001.0,
            position=Position(case_number=CASE, case_key=CASE, stage="LA", volume="main"),
            blobs=(
                Blob(Role.PAGE, "image/jpeg", whole),
                Blob(Role.EVIDENCE, "image/jpeg", evidence),
            ),
            reason="surely blank",
        )

    return make


def separator(page_id):
    """One face of a separator sheet."""
    return Page(
        page_id=page_id,
        fate=Fate.SEPARATOR,
        virtual=True,
        captured_at=1_770_000_002.0,
        separator="0011-2233",
        blobs=(Blob(Role.PAGE, "image/jpeg", b"the separator"),),
    )


class Hall:
    """A filing hall: a real ledger, a real server on loopback, and a clerk who feeds paper."""

    def __init__(self, folder, *, credentials_dir=None, chain="sha256"):
        self.folder = folder
        self.chain = Chain(chain)
        self.counted = []
        self.asked = []
        self.facts = StatusFacts(state="IDLE")
        self.manifests = {}
        self.tls = {} if credentials_dir is None else {"credentials_dir": str(credentials_dir)}
        self.open("127.0.0.1:0")

    def open(self, listen):
        origin = Origin("hall-1", station="立案大厅 1 号", rule_set="2026", profile="standard")
        self.ledger = Ledger(
            self.folder / "spool",
            lambda entry: encode(entry, origin),
            allow_unsafe_disk=True,
            chain=self.chain,
        )
        self.ledger.start()
        self.config = validate(
            {
                "appliance": {"name": "hall-1"},
                "stream": {
                    "listen": listen,
                    "control_socket": str(self.folder / "control.sock"),
                    **self.tls,
                },
                "consumer": [
                    {"name": "court", "secondary_volume": True, "decides": True},
                    {"name": "mirror", "required": False},
                ],
            },
            "test",
        )
        self.controls = Controls(
            status=lambda: self.facts,
            pause=lambda: self.asked.append("pause"),
            resume=lambda: self.asked.append("resume"),
            manifest=self.manifest,
            count=self.counted.append,
            close_batch=self.ledger.close_batch,
        )
        self.server = StreamServer(self.config, self.ledger, self.controls)
        self.server.start()
        self.target = f"127.0.0.1:{self.server.port}"

    def manifest(self, case):
        if case not in self.manifests:
            raise InputError("no such case", case=case)
        return self.manifests[case]

    def close(self):
        self.server.stop(0.2)
        self.ledger.close()

    def restart(self):
        """Close everything and open it again on the same port."""
        target = self.target
        self.close()
        self.open(target)

    def feed(self, *faces):
        """Feed one batch, two faces a sheet; returns the page ids in the order of the paper."""
        return feed(self.ledger, faces)


class Court:
    """A client of the bare contract, for what the puller would never do."""

    def __init__(self, hall, *, target=None, credentials=None, name="court"):
        self.hall = hall
        self.name = name
        where = target or hall.target
        self.channel = (
            grpc.insecure_channel(where)
            if credentials is None
            else grpc.secure_channel(where, credentials)
        )
        self.pages = PageServiceStub(self.channel)
        self.dossier = DossierServiceStub(self.channel)
        self.appliance = ApplianceServiceStub(self.channel)
        self.calls = []

    def pull(self, after=0, *, instance=1, **rest):
        epoch = rest.pop("epoch", self.hall.ledger.epoch)
        call = self.pages.Pull(
            pb.PullRequest(
                consumer=self.name, instance=instance, epoch=epoch, after_sequence=after, **rest
            ),
            timeout=20,
        )
        self.calls.append(call)
        return call

    def acknowledge(self, sequence, entry_hash=None, *, instance=1, **rest):
        if entry_hash is None:
            entry_hash = self.hall.ledger.entry_hash(sequence)
        values = {"consumer": self.name, "epoch": self.hall.ledger.epoch, **rest}
        return self.pages.Acknowledge(
            pb.AcknowledgeRequest(
                instance=instance, sequence=sequence, entry_hash=entry_hash, **values
            ),
            timeout=20,
        )

    def read_blob(self, page_id, role, offset=0):
        return list(
            self.pages.ReadBlob(
                pb.ReadBlobRequest(
                    consumer=self.name, page_id=str(page_id), role=role, offset_bytes=offset
                ),
                timeout=20,
            )
        )

    def close(self):
        for call in self.calls:
            call.cancel()
        self.channel.close()


@pytest.fixture
def hall(tmp_path):
    hall = Hall(tmp_path / "hall")
    yield hall
    hall.close()


@pytest.fixture
def court(hall):
    court = Court(hall)
    yield court
    court.close()


@pytest.fixture
def paper():
    """How faces are made: page(data), blank(), separator."""
    return SimpleNamespace(page=page, blank=blank, separator=separator, CASE=CASE)


@pytest.fixture
def make_hall(tmp_path):
    """More halls, with other settings; closed at the end."""
    halls = []

    def make(**settings):
        halls.append(Hall(tmp_path / f"hall-{len(halls)}", **settings))
        return halls[-1]

    yield make
    for hall in halls:
        hall.close()


@pytest.fixture
def make_court():
    """More clients; closed at the end."""
    courts = []

    def make(*args, **settings):
        courts.append(Court(*args, **settings))
        return courts[-1]

    yield make
    for court in courts:
        court.close()
