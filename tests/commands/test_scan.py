"""`suian scan`: one batch to files."""

import subprocess
import sys

import pytest

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
