"""`suian scan`: one batch to files."""

import subprocess
import sys

import cv2
import numpy as np
import pytest

from daemon.demo import mark
from tests import line
from tests.service.conftest import write_paper


@pytest.fixture
def scan(tmp_path):
    def run(*arguments):
        return subprocess.run(
            [sys.executable, "-m", "daemon", "scan", *map(str, arguments)],
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    return run


@pytest.fixture
def configured(tmp_path):
    write_paper(tmp_path / "paper", [(line.page(1), line.WHITE), (line.page(2), line.WHITE)])
    file = tmp_path / "suian.toml"
    file.write_text(
        f'[feeder]\ndevice = "emulator"\npaper = "{tmp_path / "paper"}"\ndpi = 200\nmode = "gray"\n'
    )
    return file


def test_every_face_of_the_batch_becomes_a_file_blank_ones_too(scan, configured, tmp_path):
    done = scan("-c", configured, "-o", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert names == ["0001-B.jpg", "0001-F.jpg", "0002-B.jpg", "0002-F.jpg"]
    assert "2 sheet(s), 4 face(s)" in done.stdout
    assert "0001-B.jpg: blank" in done.stdout


def test_in_simplex_only_fronts_become_files(scan, configured, tmp_path):
    done = scan("-c", configured, "--simplex", "-o", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "0001-F.jpg",
        "0002-F.jpg",
    ]
    assert "2 sheet(s), 2 face(s)" in done.stdout


def test_line_art_becomes_g4_files(scan, configured, tmp_path):
    done = scan("-c", configured, "--mode", "lineart", "-o", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    out = sorted((tmp_path / "out").iterdir())
    assert [path.name for path in out] == ["0001-B.tif", "0001-F.tif", "0002-B.tif", "0002-F.tif"]
    page = cv2.imread(str(out[1]), cv2.IMREAD_UNCHANGED)
    assert set(np.unique(page)) == {0, 255}
    assert 0.001 < (page == 0).mean() < 0.2
    assert mark.read(page, 200).number == 1


def test_what_passed_is_recorded_on_demand_and_replays(scan, configured, tmp_path):
    record = tmp_path / "session.jsonl"
    done = scan("-c", configured, "-o", tmp_path / "out", "--record", record)
    assert done.returncode == 0, done.stderr
    again = subprocess.run(
        [sys.executable, "-m", "daemon", "replay", str(record)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert again.returncode == 0, again.stderr
    assert "the driver does what it did then" in again.stdout


def test_a_record_never_replaces_a_file(scan, configured, tmp_path):
    record = tmp_path / "session.jsonl"
    record.write_text("mine")
    done = scan("-c", configured, "-o", tmp_path / "out", "--record", record)
    assert done.returncode == 2
    assert "choose another" in done.stderr
    assert record.read_text() == "mine"
    assert list((tmp_path / "out").iterdir()) == []


def test_with_overscan_more_is_seen_than_the_paper(scan, configured, tmp_path):
    seen = []
    for options in ([], ["--overscan"]):
        out = tmp_path / f"out{len(seen)}"
        done = scan("-c", configured, *options, "-o", out)
        assert done.returncode == 0, done.stderr
        seen.append(cv2.imread(str(out / "0001-B.jpg"), cv2.IMREAD_GRAYSCALE).shape)
    assert seen[1] > seen[0]
    assert seen[1][1] > seen[0][1]


def test_a_mode_that_is_none_is_refused(scan, tmp_path):
    done = scan("--mode", "halftone", "-o", tmp_path / "out")
    assert done.returncode == 2
    assert "lineart" in done.stderr


def test_a_folder_with_files_in_it_is_refused_untouched(scan, configured, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "0001-F.jpg").write_bytes(b"mine")
    done = scan("-c", configured, "-o", tmp_path / "out")
    assert done.returncode == 2
    assert "choose a new one" in done.stderr
    assert (tmp_path / "out" / "0001-F.jpg").read_bytes() == b"mine"


def test_without_a_scanner_it_says_so(scan, tmp_path):
    done = scan("-o", tmp_path / "out")
    assert done.returncode == 4
    assert "scanner" in done.stderr
    assert "Traceback" not in done.stderr
