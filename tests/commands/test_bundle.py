"""`suian bundle`: key, export, import and receipt through the command line."""

import json
import stat
import subprocess
import sys

import pytest
from cryptography import x509
from typer.testing import CliRunner

from daemon.__main__ import build
from daemon.dossier import verifier
from daemon.errors import ConfigError, SpoolError, VerificationFailed
from daemon.stream.authority import TrialAuthority
from tests.court import CASE, OTHER_CASE, stack
from tests.stream.bundle import pki
from tests.stream.bundle.village import Village

ALL = len(stack()) + 1


def suian(*words):
    """Run a command; an error is raised as it is."""
    done = CliRunner().invoke(build(["bundle"]), ["bundle", *map(str, words)])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done


class Issuer:
    """The trial authority, as a village wants it."""

    def __init__(self, folder):
        self.folder = folder
        self.trial = TrialAuthority.make(2)
        self.file = folder / "ca.pem"
        self.file.write_bytes(self.trial.pair.certificate)

    def issue(self, name, *, addresses):
        return self.write(self.trial.appliance([name, *addresses], 1), "appliance")

    def consumer(self, name):
        return self.write(self.trial.consumer(name, 1), name)

    def write(self, pair, name):
        files = self.folder / f"{name}.pem", self.folder / f"{name}.key"
        files[0].write_bytes(pair.certificate)
        files[1].write_bytes(pair.key)
        return files


@pytest.fixture
def issuer(tmp_path):
    return Issuer(tmp_path)


@pytest.fixture
def village(tmp_path, issuer):
    village = Village(tmp_path / "village", issuer)
    village.file.write_text(
        f'[appliance]\nname = "hall-1"\n[spool]\ndir = "{tmp_path / "village" / "spool"}"\n'
        f'[stream]\ncontrol_socket = "{tmp_path / "village" / "c.sock"}"\n'
        f'credentials_dir = "{village.keys}"\n'
        '[[consumer]]\nname = "court"\nsecondary_volume = true\n'
    )
    village.feed(stack())
    yield village
    village.close()


@pytest.fixture
def key(tmp_path):
    """The court's key file and its recipient."""
    file = tmp_path / "court.age"
    return file, suian("key", "-o", file).stdout.splitlines()[0]


@pytest.fixture
def takes(tmp_path, issuer, key):
    """What the court says to every import."""
    certificate, secret = issuer.consumer("court")
    return (
        "--key", key[0], "--ca", issuer.file, "-o", tmp_path / "pulled",
        "--cert", certificate, "--secret", secret,
    )  # fmt: skip


def test_the_key_is_for_its_owner_only_is_never_shown_and_never_overwritten(tmp_path):
    file = tmp_path / "court.age"
    done = suian("key", "-o", file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    before = file.read_text()
    assert done.stdout.startswith("age1")
    assert done.stdout.strip() in before
    assert "AGE-SECRET-KEY" not in done.output
    with pytest.raises(ConfigError, match="exists"):
        suian("key", "-o", file)
    assert file.read_text() == before


def test_the_whole_way_of_a_bundle_and_its_receipt(village, key, takes, tmp_path):
    file = tmp_path / "hall-1.bundle"
    asked = ("export", "-c", village.file, "--consumer", "court", "--to", key[1], "-o", file)
    said = suian(*asked).stdout
    assert f"{ALL} entries, 1 to {ALL}, 2 manifest(s)" in said
    assert "signed as hall-1" in said
    said = suian("import", file, *takes).stdout
    assert f"hall-1: {ALL} entries" in said
    assert f"{file}.receipt: the receipt for everything up to {ALL}" in said
    assert not verifier.verify(tmp_path / "pulled").found
    receipt = file.with_name(f"{file.name}.receipt")
    assert f"court: acknowledged 0 -> {ALL}" in suian("receipt", receipt, "-c", village.file).stdout
    assert village.cursor() == ALL
    assert "nothing new" in suian("receipt", receipt, "-c", village.file).stdout
    with pytest.raises(ConfigError, match="nothing to export"):
        suian(*asked)


def test_a_script_reads_numbers(village, key, takes, tmp_path):
    file, receipt = tmp_path / "a.bundle", tmp_path / "a.receipt"
    exported = json.loads(
        suian(
            "export", "-c", village.file, "--consumer", "court", "--to", key[1], "-o", file,
            "--after", 3, "--json",
        ).stdout
    )  # fmt: skip
    assert (exported["first_sequence"], exported["entries"]) == (4, ALL - 3)
    assert exported["size_bytes"] == file.stat().st_size
    suian("export", "-c", village.file, "--consumer", "court", "--to", key[1], "-o", f"{file}.0")
    imported = json.loads(suian("import", f"{file}.0", *takes, "--json").stdout)
    assert (imported["entries"], imported["sequence"]) == (ALL, ALL)
    again = json.loads(suian("import", file, *takes, "--receipt", receipt, "--json").stdout)
    assert (again["entries"], again["known"], again["receipt"]) == (0, ALL - 3, str(receipt))
    settled = json.loads(suian("receipt", receipt, "-c", village.file, "--json").stdout)
    assert settled["acknowledged_sequence"] == ALL


def test_on_the_appliance_nothing_is_said_of_a_case(village, key, tmp_path, takes):
    file = tmp_path / "hall-1.bundle"
    ask = ("-c", village.file, "--consumer", "court", "--to", key[1])
    said = suian("export", *ask, "-o", file).output
    said += suian("export", *ask, "-o", f"{file}.json", "--json").output
    suian("import", file, *takes)
    said += suian("receipt", f"{file}.receipt", "-c", village.file).output
    for word in (CASE.text, CASE.key, OTHER_CASE.key, "129", "吉"):
        assert word not in said


def test_without_certificates_there_is_no_bundle_and_no_receipt(village, key, tmp_path):
    text = village.file.read_text()
    village.file.write_text("\n".join(x for x in text.splitlines() if "credentials" not in x))
    with pytest.raises(ConfigError, match=r"set stream\.credentials_dir"):
        suian(
            "export", "-c", village.file, "--consumer", "court", "--to", key[1],
            "-o", tmp_path / "a.bundle",
        )  # fmt: skip
    with pytest.raises(ConfigError, match=r"set stream\.credentials_dir"):
        suian("receipt", tmp_path / "a.receipt", "-c", village.file)


def test_a_certificate_without_a_name_takes_no_bundle(issuer, tmp_path, takes):
    names = x509.SubjectAlternativeName(
        [x509.UniformResourceIdentifier(f"suian://court/consumer/{n}") for n in ("a", "b")]
    )
    certificate = pki.certify(pki.EC, "somebody", pki.EC, names)
    nameless = pki.pair(tmp_path, pki.EC, certificate)
    words = [*takes[:-4], "--cert", nameless[0], "--secret", nameless[1]]
    with pytest.raises(ConfigError, match="bears no name"):
        suian("import", tmp_path / "a.bundle", *words)


def test_the_receipt_of_a_strangers_court_is_refused(village, key, takes, tmp_path):
    file = tmp_path / "hall-1.bundle"
    suian("export", "-c", village.file, "--consumer", "court", "--to", key[1], "-o", file)
    suian("import", file, *takes)
    (tmp_path / "else").mkdir()
    stranger = Issuer(tmp_path / "else")
    (village.keys / "clients-ca.pem").write_bytes(stranger.file.read_bytes())
    with pytest.raises(VerificationFailed, match="not from the CA"):
        suian("receipt", f"{file}.receipt", "-c", village.file)
    assert village.cursor() == 0


def test_errors_go_to_stderr_with_the_status_of_their_class(village, key, takes, tmp_path):
    (tmp_path / "letter").write_bytes(b"Dear court")
    done = subprocess.run(
        [sys.executable, "-m", "daemon", "bundle", "import", tmp_path / "letter", *takes],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 7
    assert "this is no bundle" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_daemon_must_run(village, key, tmp_path):
    village.server.stop(0)
    with pytest.raises(SpoolError, match="no daemon answers"):
        suian(
            "export", "-c", village.file, "--consumer", "court", "--to", key[1],
            "-o", tmp_path / "a.bundle",
        )  # fmt: skip
