"""Keys and separator sheets through the command line."""

import stat
import subprocess
import sys

import cv2
import pypdfium2
import pytest
import zxingcpp
from typer.testing import CliRunner

from daemon.__main__ import build
from daemon.dossier import payload
from daemon.errors import ConfigError, RuleError

CASE = "(2018)吉01民初129号"
PLACE = ("--stage", "TQ", "--material", "132", "--party", "B01")


def suian(*words):
    """Run a command; an error is raised as it is."""
    done = CliRunner().invoke(build(["separators"]), ["separators", *map(str, words)])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done


@pytest.fixture
def key_file(tmp_path):
    file = tmp_path / "separators.key"
    assert suian("key", "-o", file).exit_code == 0
    return file


def sheets(pdf, key_file):
    """What the codes of every page say, after their check."""
    keys = payload.keys_from(key_file.read_bytes())
    read = []
    with pypdfium2.PdfDocument(pdf) as document:
        for page in document:
            face = page.render(scale=150 / 72).to_numpy()[:, :, :3].copy()
            page.close()
            gray = cv2.cvtColor(face, cv2.COLOR_BGR2GRAY)
            texts = {code.text for code in zxingcpp.read_barcodes(gray)}
            assert len(texts) == 1
            read.append(payload.read(texts.pop(), keys))
    assert read[0::2] == read[1::2]
    return read[0::2]


def test_a_key_file_is_for_its_owner_only_and_is_never_overwritten(key_file):
    assert stat.S_IMODE(key_file.stat().st_mode) == 0o600
    before = key_file.read_bytes()
    with pytest.raises(ConfigError, match="exists"):
        suian("key", "-o", key_file)
    assert key_file.read_bytes() == before


def test_the_key_itself_is_never_shown(tmp_path):
    done = suian("key", "-o", tmp_path / "k", "--id", "K7")
    secret = payload.keys_from((tmp_path / "k").read_bytes())["K7"].hex()
    assert secret not in done.output


def test_a_printed_material_separator_is_ours_and_says_what_was_asked(tmp_path, key_file):
    out = tmp_path / "m.pdf"
    asked = ("--kind", "M", "--case", CASE, *PLACE, "--instance", "2", "--declared", "12")
    done = suian("print", "--key", key_file, *asked, "-o", out)
    assert "1 sheet(s), 2 pages" in done.output
    (read,) = sheets(out, key_file)
    assert (read.kind, read.court, read.year, read.sequence) == ("M", "JL0100", "2018", "00000129")
    assert (read.stage, read.material, read.party) == ("TQ", "132", "B01")
    assert (read.instance, read.argument, read.key_id) == ("002", "000012", "K1")


def test_several_sheets_of_one_wish_have_ids_of_their_own(tmp_path, key_file):
    out = tmp_path / "g.pdf"
    suian("print", "--key", key_file, "--kind", "G", *PLACE, "--count", 3, "-o", out)
    ids = {read.sheet_id for read in sheets(out, key_file)}
    assert len(ids) == 3


def test_a_plan_is_printed_in_its_order_and_signed_by_the_newest_key(tmp_path, key_file):
    key_file.write_bytes(key_file.read_bytes() + payload.new_key_file("K2"))
    plan, out = tmp_path / "plan.toml", tmp_path / "plan.pdf"
    plan.write_text(
        f'case = "{CASE}"\n'
        '[[sheet]]\nkind = "C"\n'
        '[[sheet]]\nkind = "M"\nstage = "LA"\nmaterial = "111"\nparty = "Y01"\ncount = 2\n'
        '[[sheet]]\nkind = "G"\nstage = "LA"\nmaterial = "121"\n'
        '[[sheet]]\nkind = "E"\n',
        encoding="utf-8",
    )
    suian("print", "--key", key_file, "--plan", plan, "-o", out)
    read = sheets(out, key_file)
    assert [one.kind for one in read] == ["C", "M", "M", "G", "E"]
    assert {one.key_id for one in read} == {"K2"}
    assert [one.instance for one in read] == ["000", "001", "001", "000", "000"]


def test_an_unknown_court_is_printed_and_said(tmp_path, key_file):
    asked = ("--kind", "C", "--case", "(2018)吉0199民初1号")
    done = suian("print", "--key", key_file, *asked, "-o", tmp_path / "c.pdf")
    assert "check its digits" in done.output


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ((), "kind"),
        (("--kind", "C"), "needs a case number"),
        (("--kind", "C", "--case", "129"), "not a case number"),
        (("--kind", "C", "--case", "(9999)吉01民初1号"), "year"),
        (("--kind", "C", "--case", "(2098)吉01民初1号"), "year"),
        (("--kind", "C", "--case", CASE, "--stage", "LA"), "has no stage"),
        (("--kind", "M", "--case", CASE, "--stage", "TQ"), "needs the material"),
        (("--kind", "M", "--case", CASE, "--stage", "TQ", "--material", "191"), "191"),
        (("--kind", "G", "--case", CASE, *PLACE), "no case number"),
    ],
)
def test_a_wrong_wish_is_refused_and_leaves_no_file(tmp_path, key_file, asked, says):
    out = tmp_path / "x.pdf"
    with pytest.raises(RuleError, match=says):
        suian("print", "--key", key_file, *asked, "-o", out)
    assert not out.exists()


@pytest.mark.parametrize(
    ("plan", "says"),
    [
        ("sheet = []", "sheet"),
        ("[[sheet]]\nkind = 1", "sheet.0.kind"),
        ('[[sheet]]\nkind = "C"\ncolour = "red"', "colour"),
        ("[[sheet", "not a TOML file"),
        ('[[sheet]]\nkind = "E"\n[[sheet]]\nkind = "C"', "sheet=2"),
        ('[[sheet]]\nkind = "E"\ncount = 400\n' * 2, "too many"),
    ],
)
def test_a_wrong_plan_is_refused_and_the_place_is_named(tmp_path, key_file, plan, says):
    file = tmp_path / "plan.toml"
    file.write_text(plan, encoding="utf-8")
    with pytest.raises(ConfigError, match=says):
        suian("print", "--key", key_file, "--plan", file, "-o", tmp_path / "x.pdf")


def test_a_plan_and_a_single_wish_together_are_refused(tmp_path, key_file):
    with pytest.raises(ConfigError, match="plan only"):
        suian("print", "--key", key_file, "--plan", key_file, "--kind", "C", "-o", tmp_path / "x")


def test_files_that_cannot_be_read_or_written_are_named(tmp_path, key_file):
    wish = ("--kind", "E", "-o", tmp_path / "x.pdf")
    with pytest.raises(ConfigError, match="cannot read the key file"):
        suian("print", "--key", tmp_path / "none", *wish)
    with pytest.raises(ConfigError, match="not a key file"):
        (tmp_path / "bad").write_bytes(b"\xff")
        suian("print", "--key", tmp_path / "bad", *wish)
    with pytest.raises(ConfigError, match="cannot write"):
        suian("print", "--key", key_file, "--kind", "E", "-o", tmp_path)
    with pytest.raises(ConfigError, match="cannot make"):
        suian("key", "-o", tmp_path / "no" / "k")
    with pytest.raises(ConfigError, match="cannot read the plan"):
        suian("print", "--key", key_file, "--plan", tmp_path / "none", "-o", tmp_path / "x.pdf")


def test_a_wrong_wish_ends_the_real_command_with_the_status_of_a_wrong_command_line(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "daemon", "separators", "print", "--key", "none", "-o", "x.pdf"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == ConfigError.exit_status
    assert done.stderr.startswith("suian: cannot read the key file")
    assert "Traceback" not in done.stderr
