"""A test that does not run is named, and in CI it fails the run, unless it needs a GPU."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CONFTEST = Path(__file__).with_name("conftest.py")
RUNS = "def test_runs():\n    pass\n"
SKIPS = "def test_absent():\n    pytest.skip('a tool is absent')\n"
MODULE = "pytest.skip('a whole file is left out', allow_module_level=True)\n"
GPU = "@pytest.mark.gpu\ndef test_gpu():\n    pytest.skip('no GPU here')\n"
FAILS = "def test_fails():\n    assert False\n"


@pytest.fixture
def run(tmp_path):
    def run(body, *options, ci):
        folder = tmp_path / "a" / "tests"
        folder.mkdir(parents=True)
        shutil.copy(CONFTEST, folder)
        (folder / "pytest.ini").write_text("[pytest]\nmarkers =\n    gpu: needs one\n")
        (folder / "test_some.py").write_text(f"import pytest\n\n{RUNS}\n\n{body}")
        (folder / "test_other.py").write_text(RUNS)
        return subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options, "."],
            cwd=folder,
            env={**os.environ, "CI": ci},
            capture_output=True,
            text=True,
            check=False,
        )

    return run


@pytest.mark.parametrize("options", [(), ("-n", "2")], ids=["one-process", "two-processes"])
@pytest.mark.parametrize(
    ("body", "ci", "status", "said"),
    [
        ("", "true", 0, "left out: nothing"),
        (SKIPS, "true", 1, "left out: 1 tests: Skipped: a tool is absent"),
        (SKIPS, "", 0, "left out: 1 tests: Skipped: a tool is absent"),
        (MODULE, "true", 1, "a whole file is left out"),
        (MODULE, "false", 0, "a whole file is left out"),
        (GPU, "true", 0, "left out: 1 tests: Skipped: no "),
        (GPU + "\n\n" + SKIPS, "true", 1, "a tool is absent"),
        (FAILS, "", 1, "1 failed"),
    ],
)
def test_only_the_gpu_may_be_left_out_in_ci_and_everything_is_named(
    run, options, body, ci, status, said
):
    done = run(body, *options, ci=ci)
    assert done.returncode == status, done.stdout + done.stderr
    assert said in done.stdout
    assert ("this run has failed" in done.stdout) is (status == 1 and body != FAILS)
