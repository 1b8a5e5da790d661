"""`suian verify`: what a person and a script are told, and how it ends."""

import json
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from daemon.__main__ import build
from daemon.errors import ConfigError, VerificationFailed
from tests import court


@pytest.fixture
def folder(tmp_path):
    hall = court.Hall(tmp_path / "hall")
    try:
        hall.feed(court.stack())
        hall.pull(tmp_path / "court")
    finally:
        hall.close()
    return tmp_path / "court"


def flip(folder):
    """Flip one bit of one page; returns its name."""
    file = next(p for p in folder.rglob("*.jpg") if p.read_bytes() == b"claim 1")
    file.write_bytes(b"claim 0")
    return file.relative_to(folder).as_posix()


def suian(*words):
    return CliRunner().invoke(build(["verify"]), ["verify", *map(str, words)])


def test_a_whole_folder_is_verified(folder):
    done = suian(folder)
    assert done.exit_code == 0, done.output
    *ends, last = done.stdout.splitlines()
    assert last == "verified: 2 case(s), 8 pages, 12 files, 25 journal entries"
    assert [line.split(":")[0] for line in ends] == [
        f"end of {key}" for key in sorted([court.CASE.key, court.OTHER_CASE.key])
    ]


def test_a_flipped_byte_is_named_and_fails(folder):
    name = flip(folder)
    done = suian(folder)
    assert isinstance(done.exception, VerificationFailed)
    assert f"altered: {name}: " in done.stdout


def test_a_pull_that_did_not_end_is_told_from_a_wrong_one(folder):
    for manifest in folder.rglob("manifest.json"):
        manifest.unlink()
    done = suian(folder)
    assert isinstance(done.exception, VerificationFailed)
    assert "pull again into this folder" in str(done.exception)
    flip(folder)
    assert "into another one" in str(suian(folder).exception)


def test_a_script_reads_json(folder):
    assert json.loads(suian(folder, "--json").stdout)["verified"] is True
    name = flip(folder)
    told = json.loads(suian(folder, "--json").stdout)
    assert (told["verified"], told["pages"]) == (False, 8)
    assert [(p["kind"], p["name"]) for p in told["problems"]] == [("altered", name)]


def test_what_is_no_pulled_folder_is_a_wrong_command_line(tmp_path):
    done = suian(tmp_path)
    assert isinstance(done.exception, ConfigError)
    assert "suian pull" in str(done.exception)


def test_the_process_ends_with_the_status_of_the_error(folder, tmp_path):
    def status(where):
        words = [sys.executable, "-m", "daemon", "verify", str(where)]
        return subprocess.run(words, capture_output=True, check=False).returncode

    assert status(folder) == 0
    flip(folder)
    assert status(folder) == 8
    assert status(tmp_path / "absent") == 2
