"""What is installed on an appliance: the unit, the udev rule, the user and the sample agree."""

import re
import shlex
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

from daemon import config
from daemon.feeder import models

ROOT = Path(__file__).parents[1]
UNIT = ROOT / "systemd" / "suian.service"
RULES = ROOT / "systemd" / "60-suian.rules"
USER = ROOT / "systemd" / "suian.sysusers"
SAMPLE = ROOT / "systemd" / "suian.toml"
PROGRAM = "/opt/suian/.venv/bin/suian"
# 16 means 1.6 of 10; the rest is what numba and the scanner need.
MOST_EXPOSED = 30


def settings():
    """Return every setting of the unit; a name that stands twice has several values."""
    found: dict[str, list[str]] = {}
    for line in UNIT.read_text(encoding="utf-8").splitlines():
        name, equals, value = line.partition("=")
        if equals and not line.startswith("#"):
            found.setdefault(name, []).append(value)
    return found


def environment():
    words = [word for line in settings()["Environment"] for word in shlex.split(line)]
    return dict(word.split("=", 1) for word in words)


def analyzed(folder, text, *arguments):
    """Run systemd-analyze on a unit of this text whose program is there."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is absent (Debian: systemd)")
    assert PROGRAM in text
    unit = folder / UNIT.name
    unit.write_text(text.replace(PROGRAM, "/bin/true"), encoding="utf-8")
    return subprocess.run(
        ["systemd-analyze", *arguments, str(unit)], capture_output=True, text=True, check=False
    )


def complaints(folder, text):
    # The exit status misleads: an unknown key is only printed.
    done = analyzed(folder, text, "verify", "--man=no")
    return [line for line in done.stderr.splitlines() if UNIT.name in line]


def test_systemd_finds_nothing_wrong_with_the_unit(tmp_path):
    assert complaints(tmp_path, UNIT.read_text(encoding="utf-8")) == []


def test_a_misspelt_key_would_be_found(tmp_path):
    text = UNIT.read_text(encoding="utf-8").replace("ProtectHome=", "ProtectHouse=")
    assert complaints(tmp_path, text)


def test_the_unit_is_closed_as_far_as_numba_and_the_scanner_let_it(tmp_path):
    command = ["security", "--offline=true", f"--threshold={MOST_EXPOSED}"]
    done = analyzed(tmp_path, UNIT.read_text(encoding="utf-8"), *command)
    assert done.returncode == 0, done.stdout
    bare = f"[Service]\nExecStart={PROGRAM}\n"
    assert analyzed(tmp_path, bare, *command).returncode != 0


def test_the_unit_starts_what_the_readme_installs():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert settings()["ExecStart"] == [f"{PROGRAM} run -c /etc/suian/suian.toml"]
    folder = PROGRAM.removesuffix("/.venv/bin/suian")
    assert f"{folder} && cd {folder}" in readme
    assert "python3 -m venv .venv" in readme
    # The key is made by root and read by the daemon.
    assert "chgrp suian /etc/suian/separator.key && chmod 640" in readme
    for path in (UNIT, RULES, USER, SAMPLE):
        assert f"systemd/{path.name}" in readme, path.name


def test_the_folders_of_the_unit_are_those_of_the_configuration_and_of_numba():
    found = settings()
    default = config.Config()
    assert str(default.spool.dir) == f"/var/lib/{found['StateDirectory'][0]}"
    assert str(default.stream.control_socket.parent) == f"/run/{found['RuntimeDirectory'][0]}"
    assert environment()["NUMBA_CACHE_DIR"] == f"/var/cache/{found['CacheDirectory'][0]}"
    assert "MemoryDenyWriteExecute" not in found  # numba writes code and executes it
    assert int(found["WatchdogSec"][0]) > 90  # a thread may be silent for so long


def test_the_user_of_the_unit_is_made_and_the_scanner_is_its_groups():
    found = settings()
    user = USER.read_text(encoding="utf-8").split()[1]
    assert (found["User"], found["Group"]) == ([user], [user])
    assert f'GROUP="{user}"' in RULES.read_text(encoding="utf-8")
    assert "char-usb_device rw" in found["DeviceAllow"]


def test_every_scanner_the_driver_knows_gets_its_rights_and_stays_awake():
    (rule,) = [
        line for line in RULES.read_text(encoding="utf-8").splitlines() if line[:1] not in ("#", "")
    ]
    words = [word.strip() for word in rule.split(",")]
    shape = re.compile(r'[A-Z]+(\{[\w/]+\})?(==|=)"[^"]+"')
    assert [word for word in words if not shape.fullmatch(word)] == []
    assert f'ATTR{{idVendor}}=="{models.load().vendor_id:04x}"' in words
    assert 'ENV{DEVTYPE}=="usb_device"' in words
    assert 'MODE="0660"' in words
    assert 'ATTR{power/control}="on"' in words


def test_the_sample_starts_on_this_machine_and_its_other_lines_are_right_too():
    text = SAMPLE.read_text(encoding="utf-8")
    loaded = config.load(SAMPLE)
    assert loaded.stream.listen.startswith("127.0.0.1:")
    assert loaded.consumer
    opened = re.sub(r"^listen = .*\n# (listen.*)\n# (cred.*)$", r"\1\n\2", text, flags=re.M)
    assert opened != text
    beyond = config.validate(tomllib.loads(opened), "test")
    assert beyond.stream.listen.startswith("0.0.0.0:")
    assert beyond.stream.credentials_dir is not None
