import shutil
import stat
import subprocess

import pytest
from cryptography import x509
from typer.testing import CliRunner

from daemon.__main__ import build
from daemon.errors import ConfigError
from daemon.stream import authority
from daemon.stream.authority import NAME, TrialAuthority
from daemon.stream.credentials import ServerCredentials, caller_name, client_credentials


@pytest.fixture
def run(tmp_path):
    """Run `suian certificates` in a folder; returns the folder and what was said."""

    def run(*options):
        command = ["certificates", str(tmp_path / "tls"), *options]
        done = CliRunner().invoke(build(["certificates"]), command, catch_exceptions=False)
        assert done.exit_code == 0, done.output
        return tmp_path / "tls", done.output

    return run


def contents(folder):
    return {str(f.relative_to(folder)): f.read_bytes() for f in folder.rglob("*") if f.is_file()}


def test_one_run_equips_an_appliance_and_a_consumer(run):
    folder, said = run("--host", "127.0.0.1", "--host", "hall.example", "--consumer", "court")
    assert set(contents(folder)) == {
        "ca.pem", "ca.key",
        "appliance/server.pem", "appliance/server.key", "appliance/clients-ca.pem",
        "court/ca.pem", "court/client.pem", "court/client.key",
    }  # fmt: skip
    assert set(ServerCredentials(folder / "appliance").expiries()) == {"server", "clients_ca"}
    client = folder / "court"
    assert client_credentials(*(client / n for n in ("ca.pem", "client.pem", "client.key")))
    assert caller_name({"x509_pem_cert": [(client / "client.pem").read_bytes()]}) == "court"
    assert "credentials_dir" in said
    assert "not for a court" in said


def test_keys_are_for_their_owner_only(run):
    folder, _ = run("--host", "127.0.0.1", "--consumer", "court")
    keys = [file for file in folder.rglob("*") if file.suffix == ".key"]
    assert len(keys) == 3
    assert {stat.S_IMODE(key.stat().st_mode) for key in keys} == {0o600}


@pytest.mark.parametrize(
    ("purpose", "file", "other"),
    [
        ("sslserver", "appliance/server.pem", "sslclient"),
        ("sslclient", "court/client.pem", "sslserver"),
    ],
)
def test_each_certificate_is_good_for_its_one_purpose(run, purpose, file, other):
    if shutil.which("openssl") is None:
        pytest.skip("openssl is absent: install openssl")
    folder, _ = run("--host", "hall.example", "--consumer", "court")

    def verifies(purpose):
        done = subprocess.run(
            ["openssl", "verify", "-x509_strict", "-CAfile", folder / "ca.pem",
             "-purpose", purpose, folder / file],
            check=False, capture_output=True, text=True,
        )  # fmt: skip
        return done.returncode == 0, done.stdout + done.stderr

    assert verifies(purpose)[0], verifies(purpose)[1]
    assert not verifies(other)[0]


def test_the_authority_says_that_it_is_for_trying_only_and_signs_nothing_below(run):
    folder, _ = run("--consumer", "court")
    certificate = x509.load_pem_x509_certificate((folder / "ca.pem").read_bytes())
    assert certificate.subject.rfc4514_string().replace("\\", "") == f"CN={NAME}"
    basic = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
    assert (basic.ca, basic.path_length) == (True, 0)


def test_a_second_run_adds_a_consumer_of_the_same_authority_and_touches_nothing(run):
    folder, _ = run("--host", "127.0.0.1", "--consumer", "court")
    before = contents(folder)
    run("--consumer", "mirror")
    after = contents(folder)
    assert {name: after[name] for name in before} == before
    assert {name for name in after if name not in before} == {
        f"mirror/{name}" for name in ("ca.pem", "client.pem", "client.key")
    }
    assert after["mirror/ca.pem"] == before["appliance/clients-ca.pem"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--consumer", "court"], "not overwritten"),
        (["--consumer", "mirror", "--consumer", "court"], "not overwritten"),
        (["--host", "127.0.0.1"], "not overwritten"),
        ([], "say for whom"),
        (["--consumer", "../court"], "no consumer can have this name"),
        (["--consumer", "appliance"], "name is taken"),
        (["--consumer", "ca.key"], "name is taken"),
    ],
)
def test_what_cannot_be_made_is_said_and_nothing_is_written(run, options, said):
    folder, _ = run("--host", "127.0.0.1", "--consumer", "court")
    before = contents(folder)
    with pytest.raises(ConfigError, match=said):
        run(*options)
    assert contents(folder) == before


def test_a_host_with_a_port_is_refused_before_anything_is_made(run, tmp_path):
    with pytest.raises(ConfigError, match="without a port"):
        run("--host", "hall.example:7443")
    assert not (tmp_path / "tls").exists()


@pytest.mark.parametrize("missing", ["ca.pem", "ca.key"])
def test_half_an_authority_is_none(run, missing):
    folder, _ = run("--consumer", "court")
    (folder / missing).unlink()
    with pytest.raises(ConfigError, match="half of the authority"):
        run("--consumer", "mirror")


def test_another_authority_is_not_taken_for_ours(run, monkeypatch):
    folder, _ = run("--consumer", "court")
    monkeypatch.setattr(authority, "NAME", "The court's real CA")
    pair = TrialAuthority.make(1).pair
    monkeypatch.undo()
    (folder / "ca.pem").write_bytes(pair.certificate)
    (folder / "ca.key").write_bytes(pair.key)
    with pytest.raises(ConfigError, match="no trial authority"):
        run("--consumer", "mirror")


def test_no_certificate_outlives_the_authority(run):
    folder, _ = run("--consumer", "court", "--days", "2")
    run("--consumer", "mirror", "--days", "300")
    ends = [
        x509.load_pem_x509_certificate((folder / file).read_bytes()).not_valid_after_utc
        for file in ("ca.pem", "mirror/client.pem")
    ]
    assert ends[0] == ends[1]
