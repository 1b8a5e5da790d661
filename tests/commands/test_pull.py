"""`suian pull`: what a person and a script are told, and how it ends."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest
from typer.testing import CliRunner

from daemon.__main__ import build
from daemon.dossier import verifier
from daemon.errors import ConfigError, ContractError, EpochChanged
from daemon.stream.court import fleet
from daemon.stream.court.dial import Appliance
from daemon.stream.court.puller import Puller
from tests import court
from tests.object_store import ENVIRONMENT, Server

ABSENT = "127.0.0.1:1"


@pytest.fixture
def make_hall(tmp_path):
    halls = []

    def make():
        halls.append(court.Hall(tmp_path / f"appliance-{len(halls)}"))
        return halls[-1]

    yield make
    for hall in halls:
        hall.close()


@pytest.fixture
def hall(make_hall):
    hall = make_hall()
    hall.feed(court.stack())
    return hall


def target(hall):
    return f"127.0.0.1:{hall.server.port}"


@pytest.fixture
def suian():
    """Call the command in this process; its signal handlers do not stay."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def call(*words):
        return CliRunner().invoke(build(["pull"]), ["pull", *map(str, words)])

    yield call
    for number, handler in before.items():
        signal.signal(number, handler)


def test_one_appliance_is_pulled_into_a_folder(suian, hall, tmp_path):
    done = suian(target(hall), "-o", tmp_path / "court")
    assert done.exit_code == 0, done.output
    assert "pulled 25 entries, 12 files" in done.stdout
    assert "2 manifest(s) written" in done.stdout
    assert verifier.verify(tmp_path / "court").problems == ()


def test_a_script_reads_one_line_of_json(suian, hall, tmp_path):
    told = json.loads(suian(target(hall), "-o", tmp_path / "court", "--json").stdout)
    assert (told["name"], told["error"], told["entries"]) == (target(hall), None, 25)
    assert sorted(told["manifests"]) == sorted([court.CASE.key, court.OTHER_CASE.key])


def test_an_error_of_the_only_appliance_is_the_error_of_the_command(
    suian, hall, make_hall, tmp_path, monkeypatch
):
    monkeypatch.setattr(fleet, "_GIVE_UP_S", 0.2)
    suian(target(hall), "-o", tmp_path / "court")
    done = suian(target(make_hall()), "-o", tmp_path / "court", "--json")
    assert isinstance(done.exception, EpochChanged)
    assert json.loads(done.stdout)["error"]["label"] == "epoch_changed"
    done = suian(ABSENT, "-o", tmp_path / "other")
    assert isinstance(done.exception, ContractError)
    assert "does not answer" in str(done.exception)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ((), "HOST:PORT"),
        (("127.0.0.1:1",), "-o DIR"),
        (("192.0.2.1:7443", "-o", "x"), "--cert"),
        (("--appliances", "list.toml", "-o", "x"), "stands in the file"),
        (("127.0.0.1:1", "--appliances", "list.toml"), "stands in the file"),
    ],
)
def test_a_command_line_that_cannot_be_meant_is_refused(suian, words, says):
    done = suian(*words)
    assert done.exit_code == 2
    assert says in done.output


def test_pdfs_are_written_outside_of_the_pulled_folder(suian, hall, tmp_path):
    folder = tmp_path / "court"
    done = suian(target(hall), "-o", folder, "--pdf", folder / "pdf")
    assert isinstance(done.exception, ConfigError)
    done = suian(target(hall), "-o", folder, "--pdf", tmp_path / "pdf")
    assert done.exit_code == 0
    assert "without a PDF: " in done.stdout  # the pages of this stack are no pictures
    assert verifier.verify(folder).problems == ()


def test_pages_go_into_a_bucket_and_what_was_downloaded_from_it_is_verified(
    suian, hall, tmp_path, monkeypatch
):
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    server = Server(tmp_path / "s3")
    try:
        url = f"{server.url}/dossiers"
        done = suian(target(hall), "-o", tmp_path / "state", "--s3", url)
        assert done.exit_code == 0, done.output
        for name, data in server.objects("dossiers").items():
            path = tmp_path / "downloaded" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        database = (tmp_path / "state" / ".suian.db").read_bytes()
        (tmp_path / "downloaded" / ".suian.db").write_bytes(database)
        findings = verifier.verify(tmp_path / "downloaded")
        assert (findings.problems, findings.files) == ((), 12)
        monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
        done = suian(target(hall), "-o", tmp_path / "state", "--s3", url)
        assert isinstance(done.exception, ConfigError)
    finally:
        server.stop()


def listed(path, **targets):
    rows = "".join(
        f'[[appliance]]\nname = "{name}"\naddress = "{address}"\n'
        for name, address in targets.items()
    )
    path.write_text(f'output = "pulled"\n{rows}')
    return path


def test_of_many_appliances_each_has_a_line_and_the_first_error_counts(
    suian, hall, make_hall, tmp_path, monkeypatch
):
    monkeypatch.setattr(fleet, "_GIVE_UP_S", 0.2)
    other = make_hall()
    other.feed([court.kept(b"one", page=1), court.kept(b"two", page=2)])
    replaced = make_hall()
    Puller(Appliance(target(other), "court"), tmp_path / "pulled" / "replaced").run()
    Puller(Appliance(target(hall), "mirror"), tmp_path / "pulled" / "mirror").run()
    list_file = listed(
        tmp_path / "list.toml",
        a=target(hall),
        replaced=target(replaced),
        absent=ABSENT,
        b=target(other),
        mirror="127.0.0.1:2",
    )
    done = suian("--appliances", list_file)
    assert done.exit_code == EpochChanged.exit_status
    first, second, third, fourth, fifth = done.stdout.splitlines()
    assert first.startswith("a: pulled 25 entries")
    assert second.startswith("replaced: FAILED (epoch_changed)")
    assert third.startswith("absent: FAILED (contract)")
    assert fourth.startswith("b: pulled 3 entries")
    assert fifth.startswith("mirror: FAILED (config)")
    assert "absent: the appliance does not answer" in done.stderr

    lines = suian("--appliances", list_file, "--json").stdout.splitlines()
    told = [json.loads(line) for line in lines]
    assert [one["name"] for one in told] == ["a", "replaced", "absent", "b", "mirror"]
    assert [one["error"] and one["error"]["label"] for one in told] == [
        None, "epoch_changed", "contract", None, "config",
    ]  # fmt: skip


def test_when_all_is_here_the_status_is_0(suian, hall, tmp_path):
    assert suian("--appliances", listed(tmp_path / "list.toml", a=target(hall))).exit_code == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_following_ends_in_peace_when_it_is_told_to(hall, tmp_path, number):
    list_file = listed(tmp_path / "list.toml", a=target(hall), absent=ABSENT)
    words = ["pull", "--appliances", str(list_file), "--follow"]
    child = subprocess.Popen(
        [sys.executable, "-m", "daemon", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
    )
    until = time.monotonic() + 30
    while not any(c.acknowledged == 25 for c in hall.ledger.consumers()):
        assert child.poll() is None
        assert time.monotonic() < until
        time.sleep(0.02)
    child.send_signal(number)
    stdout, stderr = child.communicate(timeout=30)
    assert child.returncode == 0, stderr
    assert stdout.splitlines()[0].startswith("a: pulled 25 entries")
    assert verifier.verify(tmp_path / "pulled" / "a").problems == ()
