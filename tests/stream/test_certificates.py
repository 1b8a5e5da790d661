"""Mutual TLS at a port that serves: who comes in, under which name, and what a reload changes."""

import re
import shutil
import subprocess
from contextlib import ExitStack
from pathlib import Path
from urllib.request import urlopen

import grpc
import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID
from PIL import Image

from daemon.config import validate
from daemon.rpc import pages_pb2 as pb
from daemon.service import Service
from daemon.service.source import scanner_of
from daemon.stream import server as doors
from daemon.stream.credentials import caller_name, client_credentials

URI = "suian://court.example/consumer/{}"


def refused(call, *args, **rest):
    with pytest.raises(grpc.RpcError) as caught:
        call(*args, **rest)
    return caught.value


def opened(court, **rest):
    return next(iter(court.pull(**rest))).HasField("opened")


@pytest.fixture
def folder(authority, tmp_path):
    return authority.equip(tmp_path / "tls")


@pytest.fixture
def hall(make_hall, folder):
    return make_hall(credentials_dir=folder)


@pytest.fixture
def caller(hall, make_court, authority, stranger, tmp_path):
    """A client with a certificate: caller("mirror"), or with other particulars.

    It trusts the stranger's appliances too, so that a refusal is the server's own.
    """
    trusted = tmp_path / "both.pem"
    trusted.write_bytes(authority.file.read_bytes() + stranger.file.read_bytes())

    def make(name, *, issuer=authority, **rest):
        particulars = {"uris": [URI.format(name)], **rest}
        credentials = client_credentials(trusted, *issuer.issue("anything", **particulars))
        return make_court(hall, credentials=credentials, name=name)

    return make


def test_the_uri_of_a_certificate_gives_the_rights_of_its_consumer(hall, caller, paper):
    (page_id, *_) = hall.feed(paper.page(b"for few eyes", volume="secondary"), paper.separator)
    contents = {}
    for name in ("court", "mirror"):
        call = iter(caller(name).pull())
        assert next(call).HasField("opened")
        contents[name] = next(call).entry.WhichOneof("content")
    assert contents["court"] == "record"
    assert contents["mirror"] != "record"
    (piece,) = caller("court").read_blob(page_id, pb.BLOB_ROLE_PAGE)
    assert piece.data == b"for few eyes"
    denied = refused(caller("mirror").read_blob, page_id, pb.BLOB_ROLE_PAGE)
    assert denied.code() is grpc.StatusCode.PERMISSION_DENIED


def test_an_unknown_consumer_is_told_what_to_do(caller):
    denied = refused(opened, caller("archive"))
    assert denied.code() is grpc.StatusCode.PERMISSION_DENIED
    assert "[[consumer]]" in denied.details()
    assert "consumer=archive" in denied.details()


@pytest.mark.parametrize(
    "uris", [[URI.format("court"), URI.format("mirror")], [URI.format("")]], ids=["two", "empty"]
)
def test_two_names_or_an_empty_one_are_no_name(caller, uris):
    denied = refused(opened, caller("court", uris=uris))
    assert denied.code() is grpc.StatusCode.PERMISSION_DENIED
    denied = refused(caller("", uris=uris).appliance.GetStatus, pb.GetStatusRequest())
    assert denied.code() is grpc.StatusCode.PERMISSION_DENIED
    assert "one URI" in denied.details()


@pytest.mark.parametrize(
    "wrong",
    [
        {"valid_s": (-7200, -60)},
        {"valid_s": (600, 7200)},
        {"usages": [ExtendedKeyUsageOID.SERVER_AUTH]},
    ],
    ids=["expired", "not yet valid", "for servers only"],
)
def test_a_certificate_that_is_not_good_today_is_refused(hall, caller, wrong):
    assert refused(opened, caller("court", **wrong)).code() is grpc.StatusCode.UNAVAILABLE
    usages = wrong.get("usages") and [ExtendedKeyUsageOID.CLIENT_AUTH]
    assert opened(caller("court", usages=usages or ()))


@pytest.mark.parametrize(
    "wrong",
    [
        {"valid_s": (-7200, -60)},
        {"valid_s": (600, 7200)},
        {"usages": [ExtendedKeyUsageOID.CLIENT_AUTH]},
    ],
    ids=["expired", "not yet valid", "for clients only"],
)
def test_a_client_does_not_trust_an_appliance_without_a_good_certificate(
    make_hall, make_court, authority, tmp_path, wrong
):
    hall = make_hall(credentials_dir=authority.equip(tmp_path / "bad", **wrong))
    credentials = client_credentials(authority.file, *authority.issue("court"))
    court = make_court(hall, credentials=credentials)
    assert refused(opened, court).code() is grpc.StatusCode.UNAVAILABLE


def test_a_stream_goes_on_while_certificate_and_authority_are_replaced(
    hall, folder, caller, stranger, paper
):
    stream = iter(caller("court").pull())
    assert next(stream).HasField("opened")

    stranger.equip(folder)
    assert opened(caller("mirror", issuer=stranger))
    assert refused(opened, caller("court")).code() is grpc.StatusCode.UNAVAILABLE

    hall.feed(paper.page(b"after the reload"), paper.separator)
    chunks = (message.blob_chunk for message in stream)
    assert next(chunk.data for chunk in chunks if chunk.data) == b"after the reload"


@pytest.fixture
def soon_of_age(monkeypatch):
    """Let connections live for half a second only."""
    aged = [(name, 500 if "connection_age" in name else v) for name, v in doors._OPTIONS]
    monkeypatch.setattr(doors, "_OPTIONS", aged)


@pytest.mark.usefixtures("soon_of_age")
def test_a_withdrawn_certificate_is_out_when_its_connection_is_of_age(caller, folder, stranger):
    court = caller("court")
    stream = iter(court.pull())
    assert next(stream).HasField("opened")
    stranger.equip(folder)
    ended = refused(lambda: [None for _ in stream])
    assert ended.code() is not grpc.StatusCode.DEADLINE_EXCEEDED
    assert refused(opened, court).code() is grpc.StatusCode.UNAVAILABLE


@pytest.fixture
def scrape(tmp_path):
    """A daemon that does not feed; returns a function that scrapes the expiries."""
    paper = tmp_path / "paper"
    paper.mkdir()
    Image.new("L", (200, 280), 255).save(paper / "sheet.png")
    with ExitStack() as stack:

        def start(**stream):
            tree = {
                "feeder": {"device": "emulator", "paper": str(paper)},
                "spool": {"dir": str(tmp_path / "spool"), "allow_unsafe_disk": True},
                "stream": {
                    "listen": "127.0.0.1:0",
                    "control_socket": str(tmp_path / "control.sock"),
                    **stream,
                },
                "metrics": {"listen": "127.0.0.1:0"},
            }
            config = validate(tree, "test")
            service = Service(config, scanner_of(config.feeder))
            stack.callback(service.stop)
            service.flow.pause()
            service.start()

            def read():
                with urlopen(f"http://127.0.0.1:{service.metrics_port}/metrics") as answer:
                    text = answer.read().decode()
                found = re.findall(r'^suian_certificate_expiry_.*"(\w+)"} (\S+)$', text, re.M)
                return {name: float(value) for name, value in found}

            return read

        yield start


def ends_s(file):
    return x509.load_pem_x509_certificate(file.read_bytes()).not_valid_after_utc.timestamp()


def test_the_expiry_of_the_certificates_is_a_metric_and_follows_a_reload(scrape, folder, authority):
    read = scrape(credentials_dir=str(folder))
    files = {"server": folder / "server.pem", "clients_ca": folder / "clients-ca.pem"}
    for valid_s in (3600, 86400):
        authority.equip(folder, valid_s=(-60, valid_s))
        assert read() == {name: ends_s(file) for name, file in files.items()}


def test_without_tls_there_is_no_expiry(scrape):
    assert scrape()() == {}


GUIDE = Path(doors.__file__).with_name("CERTIFICATES.md").read_text(encoding="utf-8")


def commands(heading):
    """Return the shell commands under a heading of the guide."""
    section = re.search(rf"^## {heading}$(.*?)(?=^## |\Z)", GUIDE, re.M | re.S)
    return "\n".join(re.findall(r"^```sh\n(.*?)^```$", section[1], re.M | re.S))


def shell(script, folder):
    if shutil.which("openssl") is None:
        pytest.skip("openssl is absent: install openssl")
    done = subprocess.run(
        ["sh", "-ec", script], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def equip(folder, made):
    folder.mkdir(exist_ok=True)
    for name, source in (
        ("server.pem", "server.pem"),
        ("server.key", "server.key"),
        ("clients-ca.pem", "consumers-ca.pem"),
    ):
        shutil.copy(made / source, folder / name)
    return folder


def test_the_commands_of_the_guide_make_certificates_that_work(make_hall, make_court, tmp_path):
    said = shell(commands("Making them with openssl"), tmp_path)
    assert "server.pem: OK" in said
    assert "URI:suian://court.example/consumer/court" in said
    hall = make_hall(credentials_dir=equip(tmp_path / "appliance", tmp_path))
    credentials = client_credentials(
        *(tmp_path / name for name in ("appliances-ca.pem", "client.pem", "client.key"))
    )
    assert opened(make_court(hall, credentials=credentials))


def test_the_names_in_the_guide_are_all_the_same_consumer(authority):
    uris = re.findall(r"^    ((?:suian|spiffe|urn):\S+)$", GUIDE, re.M)
    assert len(uris) == 3
    for uri in uris:
        certificate, _ = authority.issue("anything", uris=[uri])
        assert caller_name({"x509_pem_cert": [certificate.read_bytes()]}) == "archive"


def test_an_issuing_authority_without_its_root_lets_in_only_its_own(
    hall, folder, caller, tmp_path_factory, authority
):
    issuing = authority.subordinate(tmp_path_factory.mktemp("issuing"), "consumers only")
    (folder / "clients-ca.pem").write_bytes(issuing.file.read_bytes())
    assert opened(caller("court", issuer=issuing))
    assert refused(opened, caller("court")).code() is grpc.StatusCode.UNAVAILABLE


def test_a_pair_is_replaced_as_the_guide_says(hall, folder, caller, authority, tmp_path):
    certificate, key = authority.issue("appliance", addresses=["127.0.0.1"])
    shutil.copy(certificate, folder / "server.pem.new")
    shutil.copy(key, folder / "server.key.new")
    shell(commands("Replacing one, without a stop"), folder)
    assert opened(caller("court"))
    assert hall.server.certificate_expiries()["server"] == ends_s(certificate)
