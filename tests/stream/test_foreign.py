"""Clients in other languages, from the contract alone: one in JavaScript, and buf."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet
from grpc_health.v1 import health_pb2

from daemon.page import PageId
from daemon.rpc import pages_pb2 as pb
from daemon.stream.codec import ROLE_OF, blobs_behind

HERE = Path(__file__).with_name("foreign")
PROTO = Path(__file__).parents[2] / "proto"
BUF = Path(sys.executable).with_name("buf")
FIRST_SHARE = 5


@pytest.fixture(scope="session")
def client(tmp_path_factory):
    """The JavaScript client with its modules, which come from the registry npm is set to."""
    folder = tmp_path_factory.mktemp("foreign")
    for name in ("package.json", "package-lock.json", "pull.mjs"):
        shutil.copy(HERE / name, folder)
    done = subprocess.run(
        ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline",
         "--fetch-retry-mintimeout=1000", "--fetch-retry-maxtimeout=5000"],
        cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        pytest.skip(f"npm cannot get the client's modules: {done.stderr.strip().splitlines()[:1]}")
    return folder / "pull.mjs"


@pytest.fixture
def chain():
    """Algorithm of the journal's chain."""
    return "sha256"


@pytest.fixture
def hall(make_hall, authority, tmp_path, chain):
    return make_hall(credentials_dir=authority.equip(tmp_path / "tls"), chain=chain)


@pytest.fixture
def files(authority, tmp_path):
    """The files of a caller with a certificate."""

    def files(name):
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        uri = f"suian://court.example/consumer/{name}"
        certificate, key = authority.issue("anything", uris=[uri])
        shutil.copy(authority.file, folder / "ca.pem")
        shutil.copy(certificate, folder / "client.pem")
        shutil.copy(key, folder / "client.key")
        return folder

    return files


@pytest.fixture
def pull(client, hall, files, tmp_path):
    """Run the client once; returns how many entries it says it has pulled."""

    def pull(name="court", *, stop_after="", status=0):
        done = subprocess.run(
            ["node", "--no-deprecation", client, PROTO, hall.target, name, files(name),
             tmp_path / f"{name}-store", stop_after],
            capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip
        assert done.returncode == status, done.stderr
        return done.stdout.strip() or done.stderr

    return pull


def kept_lines(folder):
    text = (folder / "entries.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def journal_of(hall):
    return hall.ledger.entries_after(0, 1000)


def blobs_of(hall):
    """Return every blob that the stream brings, as the spool has it."""
    return {
        f"{page_id}-{pb.BlobRole.Name(ref.role)}": hall.ledger.read_blob(
            page_id, ROLE_OF[ref.role], 0, ref.size_bytes
        )
        for page_id, ref in inline_refs(hall)
    }


def inline_refs(hall):

    for stored in journal_of(hall):
        record = pb.JournalEntry.FromString(stored.record)
        for ref in blobs_behind(record):
            yield PageId.parse(record.page.page_id), ref


def stack(paper):
    large = bytes(range(256)) * 3000  # three pieces
    return [
        paper.page(large, number=1),
        paper.page(b"two", number=2),
        paper.separator,
        paper.separator,
        paper.page(b"three", number=3),
        paper.blank(),
        paper.page(b"for few eyes", volume="secondary"),
        paper.page(b"", number=4),
    ]


@pytest.mark.foreign
@pytest.mark.parametrize("chain", ["sha256", "sm3"])
def test_a_foreign_client_holds_the_journal_after_it_was_stopped_midway(
    hall, pull, paper, tmp_path
):
    hall.feed(*stack(paper))
    store = tmp_path / "court-store"
    pull(stop_after=str(FIRST_SHARE))
    assert len(kept_lines(store)) == FIRST_SHARE
    assert int(pull()) == len(journal_of(hall)) - FIRST_SHARE
    hall.feed(paper.page(b"fed later"), paper.blank())
    assert int(pull()) == 3

    journal = journal_of(hall)
    lines = kept_lines(store)
    assert [line["sequence"] for line in lines] == [entry.sequence for entry in journal]
    assert [line["entry_hash"] for line in lines] == [entry.entry_hash.hex() for entry in journal]
    blobs = {f.name: f.read_bytes() for f in store.iterdir() if "-BLOB_ROLE_" in f.name}
    assert blobs == blobs_of(hall)
    assert b"fed later" in blobs.values()
    cursors = {one.name: one.acknowledged for one in hall.ledger.consumers()}
    assert cursors["court"] == len(journal)


@pytest.mark.foreign
def test_a_foreign_client_without_the_right_follows_the_chain_over_what_it_may_not_see(
    hall, pull, paper, tmp_path
):
    hall.feed(*stack(paper))
    assert int(pull("mirror")) == len(journal_of(hall))
    lines = kept_lines(tmp_path / "mirror-store")
    assert [line["kind"] for line in lines].count("redacted") == 1
    assert lines[-1]["entry_hash"] == journal_of(hall)[-1].entry_hash.hex()
    held = {f.read_bytes() for f in (tmp_path / "mirror-store").iterdir()}
    assert b"for few eyes" not in held


@pytest.mark.foreign
def test_a_foreign_client_stops_when_what_it_holds_is_of_another_chain(hall, pull, paper, tmp_path):
    hall.feed(*stack(paper))
    pull(stop_after=str(FIRST_SHARE))
    cursor = tmp_path / "court-store" / "cursor.json"
    held = json.loads(cursor.read_text(encoding="utf-8"))
    cursor.write_text(json.dumps(held | {"entry_hash": "00" * 32}), encoding="utf-8")
    assert "another predecessor" in pull(status=1)


@pytest.mark.foreign
def test_a_foreign_client_is_told_why_it_is_not_let_in(pull):
    said = pull("archive", status=1)
    assert said.startswith("7 ")
    assert "[[consumer]]" in said


def test_the_modules_of_the_client_are_locked_by_their_hashes_and_no_host():
    text = (HERE / "package-lock.json").read_text(encoding="utf-8")
    assert "://" not in text
    modules = {name: one for name, one in json.loads(text)["packages"].items() if name}
    assert modules
    assert [name for name, one in modules.items() if "integrity" not in one] == []


@pytest.fixture
def curl(hall, files, tmp_path):
    """Run `buf curl`; returns the answer."""
    environment = {**os.environ, "HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path)}

    def curl(method, *words, schema=PROTO, socket=None):
        folder = files("court")
        over = (
            ["--cacert", folder / "ca.pem", "--cert", folder / "client.pem",
             "--key", folder / "client.key", f"https://{hall.target}/{method}"]
            if socket is None
            else ["--unix-socket", socket, "--http2-prior-knowledge", f"http://localhost/{method}"]
        )  # fmt: skip
        done = subprocess.run(
            [BUF, "curl", "--protocol", "grpc", "--schema", schema, *words, *over],
            capture_output=True, text=True, check=False, timeout=60, env=environment,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return curl


STATUS = "suian.pages.v1.ApplianceService/GetStatus"
CHECK = "grpc.health.v1.Health/Check"


@pytest.fixture
def health_schema(tmp_path):
    """The descriptor of the standard health service."""
    file = FileDescriptorProto()
    health_pb2.DESCRIPTOR.CopyToProto(file)
    path = tmp_path / "health.binpb"
    path.write_bytes(FileDescriptorSet(file=[file]).SerializeToString())
    return path


@pytest.mark.parametrize("local", [False, True], ids=["mutual TLS", "unix socket"])
def test_buf_reads_the_status_with_the_schema_of_the_repository(hall, curl, paper, local):
    hall.feed(paper.page(b"one"), paper.blank())
    got = curl(STATUS, socket=hall.folder / "control.sock" if local else None)
    assert (got["appliance"], got["epoch"]) == ("hall-1", hall.ledger.epoch)
    assert int(got["lastSequence"]) == len(journal_of(hall))


@pytest.mark.parametrize("local", [False, True], ids=["mutual TLS", "unix socket"])
def test_buf_probes_the_health_of_a_service_until_the_drain(hall, curl, health_schema, local):
    socket = hall.folder / "control.sock" if local else None
    asked = ("-d", '{"service": "suian.pages.v1.PageService"}')
    assert curl(CHECK, *asked, schema=health_schema, socket=socket) == {"status": "SERVING"}
    hall.server.drain()
    assert curl(CHECK, *asked, schema=health_schema, socket=socket) == {"status": "NOT_SERVING"}
