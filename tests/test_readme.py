"""The README is true: every command, option, path and make target it names is there."""

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from daemon.__main__ import COMMANDS, build

ROOT = Path(__file__).parents[1]
READMES = ("README.md", "README.zh.md")


def text_of(name):
    return (ROOT / name).read_text(encoding="utf-8")


def test_every_command_of_the_program_is_in_the_readme():
    said = text_of("README.md")
    assert [name for name in COMMANDS if f"suian {name}" not in said] == []


@pytest.mark.parametrize("readme", READMES)
def test_every_command_and_option_in_the_readme_is_one_of_the_program(readme):
    app = build(list(COMMANDS))
    named = re.findall(r"\bsuian ([a-z]+(?: [a-z]+)?)([^\n`|]*)", text_of(readme))
    named = [(words, rest) for words, rest in named if words.split()[0] in COMMANDS]
    assert named
    for words, rest in named:
        path = words.split()
        if path[0] != "separators":
            path = path[:1]
        shown = CliRunner().invoke(app, [*path, "--help"], env={"COLUMNS": "200", "TERM": "dumb"})
        assert shown.exit_code == 0, words
        wanted = re.findall(r"(?<![\w-])(--[a-z][a-z-]+|-[a-z])\b", rest)
        missing = [option for option in wanted if option not in shown.output]
        assert missing == [], (words, rest)


@pytest.mark.parametrize("readme", READMES)
def test_every_path_in_the_readme_is_there(readme):
    paths = re.findall(
        r"(?<![\w/])(?:daemon|kernels|proto|systemd|benchmarks|tests)/[\w./-]*", text_of(readme)
    )
    assert [path for path in paths if not (ROOT / path.rstrip(".")).exists()] == []


@pytest.mark.parametrize("readme", READMES)
def test_every_make_target_in_the_readme_is_in_the_makefile(readme):
    makefile = text_of("Makefile")
    targets = re.findall(r"\bmake ([a-z-]+)", text_of(readme))
    assert targets
    assert [t for t in targets if not re.search(rf"^{t}:", makefile, re.MULTILINE)] == []
