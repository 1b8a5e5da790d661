"""The power fails at block level: what the spool has promised is there, on four file systems.

Each right spool must keep everything; each broken one must be caught, or the test is worth nothing.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.spool.power.broken import BROKEN

ROOT = Path(__file__).parents[2]
MODULE = "tests.spool.power.campaign"
# A broken spool that one cut in twenty catches is missed by so many once in five million times.
MOST_CUTS = 300
PATIENCE_S = 240.0

pytestmark = pytest.mark.root


@pytest.fixture
def start(tmp_path):
    def start(*options, **pipes):
        return subprocess.Popen(
            [sys.executable, "-m", MODULE, *map(str, options)],
            cwd=ROOT,
            env=os.environ | {"TMPDIR": str(tmp_path)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            **pipes,
        )

    return start


@pytest.fixture
def campaign(start):
    def campaign(*options):
        with start(*options) as process:
            try:
                said, faults = process.communicate(timeout=PATIENCE_S)
            except subprocess.TimeoutExpired:
                process.kill()
                raise
        assert process.returncode == 0, faults
        return json.loads(said), faults

    return campaign


@pytest.mark.parametrize(
    ("file_system", "cuts"), [("ext4", 40), ("writeback", 20), ("xfs", 20), ("btrfs", 20)]
)
def test_after_a_power_cut_everything_that_was_promised_is_there(campaign, file_system, cuts):
    line, faults = campaign("--fs", file_system, "--cuts", cuts)
    assert line["failures"] == 0, faults
    assert line["cuts"] == cuts
    assert {mode: count["cuts"] for mode, count in line["modes"].items()} == dict.fromkeys(
        ("none", "all", "subset", "sectors", "late"), cuts // 5
    )
    assert line["entries"] > 200


@pytest.mark.parametrize("spool", BROKEN)
def test_a_spool_that_is_broken_in_one_place_is_caught(campaign, tmp_path, spool):
    kept = tmp_path / "kept"
    line, faults = campaign("--cuts", MOST_CUTS, "--spool", spool, "--until-caught", "--keep", kept)
    assert line["failures"] > 0
    assert faults
    image, claims = sorted(kept.iterdir(), key=lambda path: path.suffix, reverse=True)
    assert (image.suffix, claims.suffix) == (".img", ".claims")
    assert all(json.loads(claim) for claim in claims.read_text().splitlines())


def loop_devices_of(folder):
    """Return the files under a folder that loop devices show, whoever's mounts they lie in."""
    found = []
    for backing in Path("/sys/block").glob("loop*/loop/backing_file"):
        with contextlib.suppress(OSError):  # it was let go in between
            found.append(backing.read_text().strip())
    return [name for name in found if folder.name in name]


def processes_of(folder):
    found = []
    for command in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            found.append(command.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
    return [name for name in found if str(folder) in name and "recorder" in name]


def wait_until(reached):
    until_s = time.monotonic() + 60.0
    while not reached():
        assert time.monotonic() < until_s, "this never happened"
        time.sleep(0.01)


def test_a_campaign_that_is_killed_leaves_no_mount_no_loop_device_and_no_process(start, tmp_path):
    with start("--cuts", 1) as process:
        wait_until(lambda: loop_devices_of(tmp_path) and processes_of(tmp_path))
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=PATIENCE_S)
    wait_until(lambda: not loop_devices_of(tmp_path) and not processes_of(tmp_path))
    assert str(tmp_path) not in Path("/proc/self/mountinfo").read_text(encoding="utf-8")
