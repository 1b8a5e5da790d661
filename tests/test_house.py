"""The house itself: what may stand where, and that every key and lock is what it says."""

import importlib.metadata
import re
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import BaseModel

from daemon import config

ROOT = Path(__file__).parents[1]
TOP_LEVEL = {
    "LICENSE",
    "Makefile",
    "README.md",
    "README.zh.md",
    "benchmarks",
    "daemon",
    "kernels",
    "proto",
    "pyproject.toml",
    "requirements-dev.lock",
    "requirements-gpu.lock",
    "requirements.lock",
    "systemd",
    "tests",
}


def tracked() -> list[str]:
    done = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [name for name in done.stdout.splitlines() if (ROOT / name).exists()]


def test_nothing_stands_beside_the_named_rooms():
    names = {name.split("/")[0] for name in tracked()}
    assert {name for name in names if not name.startswith(".")} == TOP_LEVEL


def test_no_file_is_named_after_nothing():
    vague = re.compile(r"(^|/)(utils|helpers|common|misc|manager)[^/]*\.py$")
    assert [name for name in tracked() if vague.search(name)] == []


def test_no_file_passes_the_hard_limit_of_500_lines():
    long = [
        name
        for name in tracked()
        if name.endswith(".py")
        and not name.startswith("daemon/rpc/")
        and len((ROOT / name).read_text(encoding="utf-8").splitlines()) > 500
    ]
    assert long == []


def test_only_the_file_of_the_card_knows_cupy():
    knows = re.compile(r"^\s*(import|from)\s+cupy|import_module\(.cupy", re.MULTILINE)
    assert [
        name
        for name in tracked()
        if name.startswith(("daemon/", "kernels/"))
        and name.endswith(".py")
        and knows.search((ROOT / name).read_text(encoding="utf-8"))
    ] == ["kernels/gpu.py"]


def test_no_other_distribution_owns_our_names():
    owners = importlib.metadata.packages_distributions()
    assert set(owners.get("daemon", ["suian"])) == {"suian"}
    assert set(owners.get("kernels", ["suian"])) == {"suian"}


@pytest.mark.parametrize("lock", sorted(name for name in TOP_LEVEL if name.endswith(".lock")))
def test_locks_carry_hashes_and_no_hosts(lock):
    text = (ROOT / lock).read_text(encoding="utf-8")
    assert "://" not in text
    assert "index-url" not in text.replace("--no-emit-index-url", "")
    pins = re.findall(r"^\S+==", text, re.MULTILINE)
    assert pins
    assert text.count("--hash=sha256:") >= len(pins)


def sections() -> dict[str, type[BaseModel]]:
    found: dict[str, type[BaseModel]] = {}
    for name, field in config.Config.model_fields.items():
        section = config.Consumer if name == "consumer" else field.annotation
        assert isinstance(section, type)
        assert issubclass(section, BaseModel)
        found[name] = section
    return found


def unused_keys(tree: dict[str, type[BaseModel]], code: str) -> list[str]:
    return [
        f"{name}.{key}"
        for name, section in tree.items()
        for key in section.model_fields
        if not re.search(rf"\.{key}\b", code)
    ]


def code_outside_config() -> str:
    return "\n".join(
        path.read_text(encoding="utf-8")
        for path in (ROOT / "daemon").rglob("*.py")
        if path.name != "config.py" and "rpc" not in path.parts
    )


def test_every_configuration_key_is_used():
    assert unused_keys(sections(), code_outside_config()) == []


def test_a_planted_unused_key_is_found():
    class Planted(config.Spool):
        colour_of_the_door: str = ""

    tree = sections() | {"spool": Planted}
    assert unused_keys(tree, code_outside_config()) == ["spool.colour_of_the_door"]


def test_there_are_at_most_30_keys():
    assert sum(len(section.model_fields) for section in sections().values()) <= 30


def lint_imports(root: Path) -> subprocess.CompletedProcess[str]:
    linter = Path(sys.executable).with_name("lint-imports")
    return subprocess.run(
        [linter, "--no-cache"],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
        env={"PYTHONPATH": str(root), "PATH": "/usr/bin:/bin"},
    )


@pytest.fixture
def copy_of_the_house(tmp_path):
    for name in tracked():
        if name.startswith(("daemon/", "kernels/", "pyproject.toml")) and name.endswith(
            (".py", ".toml")
        ):
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    return tmp_path


@pytest.mark.parametrize(
    ("planted", "text"),
    [
        ("daemon/utils.py", '"""A room without a name."""\n'),
        ("daemon/spool/upward.py", '"""Upward."""\n\nimport daemon.stream\n'),
        ("daemon/spool/stubs.py", '"""Protected."""\n\nimport daemon.rpc.pages_pb2\n'),
        ("daemon/feeder/pixels.py", '"""Protected."""\n\nimport kernels.rotate\n'),
        ("daemon/dossier/upward.py", '"""The dossier knows little."""\n\nimport daemon.config\n'),
    ],
)
def test_a_planted_breach_breaks_the_contracts(copy_of_the_house, planted, text):
    (copy_of_the_house / planted).write_text(text, encoding="utf-8")
    done = lint_imports(copy_of_the_house)
    assert done.returncode != 0, done.stdout


def test_the_house_as_it_stands_keeps_its_contracts(copy_of_the_house):
    done = lint_imports(copy_of_the_house)
    assert done.returncode == 0, done.stdout
