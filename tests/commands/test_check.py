"""`suian check`: a configuration is right, or every wrong key is named; and every key explained."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from daemon import config
from daemon.commands.check import explain
from daemon.errors import ConfigError

ROOT = Path(__file__).parents[2]


def check(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "daemon", "check", *map(str, arguments)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_right_file_is_right(tmp_path):
    file = tmp_path / "suian.toml"
    file.write_text('[appliance]\nname = "hall-9"\n[[consumer]]\nname = "court"\n')
    done = check("-c", file)
    assert done.returncode == 0, done.stderr
    assert "right" in done.stdout
    assert "hall-9" in done.stdout
    assert "1 consumer" in done.stdout


def test_the_sample_that_is_installed_is_right():
    assert check("-c", ROOT / "systemd" / "suian.toml").returncode == 0


def test_every_wrong_key_is_named_with_the_exit_status(tmp_path):
    file = tmp_path / "suian.toml"
    file.write_text("[feeder]\ndpi = 1\ncolour = 2\n[door]\n")
    done = check("-c", file)
    assert done.returncode == ConfigError.exit_status
    assert [key for key in ("feeder.dpi", "feeder.colour", "door") if key not in done.stderr] == []
    assert "Traceback" not in done.stderr


def test_neither_a_file_nor_keys_is_a_wrong_command_line():
    done = check()
    assert done.returncode == 2
    assert "--keys" in done.stderr


def sections():
    for name, field in config.Config.model_fields.items():
        yield name, config.Consumer if name == "consumer" else field.annotation


def test_every_key_is_explained():
    printed = explain()
    for name, section in sections():
        for key, field in section.model_fields.items():
            assert re.search(rf"^#{key} = .*    # {re.escape(field.description)}", printed, re.M), (
                name,
                key,
            )


def test_the_explained_file_without_its_marks_is_the_configuration_of_the_defaults():
    lines = [line.removeprefix("#") for line in explain().splitlines() if line[:2] != "# "]
    given = [line for line in lines if "= ..." not in line]
    tree = tomllib.loads("\n".join(given))
    assert len(tree) == len(config.Config.model_fields)
    del tree["consumer"]  # a consumer has no default name
    assert config.validate(tree, "test") == config.Config()
    numbers = (tree["feeder"]["dpi"], tree["spool"]["hold_hours"], tree["imaging"]["jpeg_quality"])
    assert [type(number) for number in numbers] == [int, int, int]
    assert tree["spool"]["allow_unsafe_disk"] is False


@pytest.mark.parametrize(
    ("key", "said"),
    [("mode", "One of colour, gray."), ("dpi", "From 200 to 600."), ("station", "")],
)
def test_choices_and_bounds_are_told(key, said):
    line = next(line for line in explain().splitlines() if line.startswith(f"#{key} "))
    assert line.endswith(said)
