"""Killed at any moment, on a failing disk, a full one, and with the link cut: nothing is lost.

Sheet by sheet and entry by entry, `verdict.py` says what holds when all is healed.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SEPARATORS = 2
PATIENCE_S = 600.0


@pytest.fixture
def besieged(tmp_path_factory):
    """Besiege for one round; returns its line."""
    # Short: a socket lies in it.
    folder = tmp_path_factory.mktemp("s")

    def besieged(kills, sheets, *options):
        numbers = map(str, ("--kills", kills, "--kills-a-round", kills, "--sheets", sheets))
        with subprocess.Popen(
            [sys.executable, "-m", "tests.service.siege", *numbers, *options],
            cwd=ROOT,
            env=os.environ | {"TMPDIR": str(folder)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            try:
                said, faults = process.communicate(timeout=PATIENCE_S)
            except subprocess.TimeoutExpired:
                process.kill()
                raise
        *rounds, whole = map(json.loads, said.splitlines())
        assert [one["failures"] for one in rounds] == [[]], faults
        assert (process.returncode, whole["failures"]) == (0, 0), faults
        return rounds[0]

    return besieged


def check(one, kills, sheets):
    """Check that as much happened as was asked for, and every face is accounted for."""
    kills_of = one["kills"]
    assert kills_of.keys() == {"daemon", "puller"}
    assert sum(kills_of.values()) >= kills
    assert min(kills_of.values()) >= kills // 3
    fates = one["faces"]
    assert fates["separator"] == 2 * SEPARATORS
    assert fates["page"] == fates["blank"] == sheets
    assert fates.keys() <= {"page", "blank", "separator", "superseded", "lost"}
    assert one["entries"] > sum(fates.values())


def test_killed_at_any_moment_the_court_holds_every_page_once_and_in_order(besieged):
    check(besieged(8, 4, "--open"), 8, 4)


@pytest.mark.root
def test_kills_a_failing_sync_a_full_disk_and_a_cut_link_together_lose_nothing(besieged):
    one = besieged(12, 8, "--eio", "1", "--full", "1", "--partitions", "1")
    check(one, 12, 8)
    assert sum(one["eio"].values()) == one["full_disks"] == one["partitions"] == 1
