"""`suian demo`: what a newcomer sees, and that its verdict can be no."""

import re
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing

import cv2
import pytest

from daemon.commands.demo.reckoning import reckon
from daemon.demo import mark
from daemon.demo.stack import Stack
from daemon.page import Side
from tests import line
from tests.service.conftest import write_paper


def command(*arguments):
    return [sys.executable, "-m", "daemon", "demo", *map(str, arguments)]


def demo(*arguments):
    return subprocess.run(
        command(*arguments), capture_output=True, text=True, check=False, timeout=300
    )


def figures(printed):
    """The table as name -> first number of its value."""
    return {
        name.strip(): value
        for name, value in re.findall(r"^([a-z ]+?)\s{2,}(.*)$", printed, re.MULTILINE)
    }


def pages_in_order(folder):
    with closing(sqlite3.connect(folder / ".suian.db")) as court:
        return court.execute(
            "SELECT e.page_id, f.path FROM entry e JOIN file f ON f.page_id = e.page_id"
            " WHERE e.kind = 'page' AND f.role = 'page' ORDER BY e.sequence"
        ).fetchall()


def _plain(wish):
    return line.WHITE


def test_every_drawn_sheet_arrives_once_in_order_through_double_feed_and_jam(tmp_path):
    folder = tmp_path / "pulled"
    done = demo("-o", folder)
    assert done.returncode == 0, done.stdout + done.stderr
    table = figures(done.stdout)
    stack = Stack(_plain)
    truths = [stack.truth(index) for index in range(len(stack))]
    assert len(truths) >= 30
    separators = sum(truth.is_separator for truth in truths)
    assert int(table["sheets fed"]) == len(truths) + 2  # the two that were fed again
    assert table["separator"] == str(2 * separators)
    assert (table["superseded"], table["lost"], table["quarantined"]) == ("4", "0", "0")
    assert table["cleared"] == "double_feed, paper_jam"
    assert table["sum"] == table["faces"]
    assert table["manifest"] == "verified"

    drawn = [
        (truth.number, side)
        for truth in truths
        if not truth.is_separator
        for side in ((Side.FRONT,) if truth.back_is_blank else (Side.FRONT, Side.BACK))
    ]
    seen = []
    for page_id, path in pages_in_order(folder):
        read = mark.read(cv2.imread(str(folder / path)), 300)
        if read is not None:
            assert str(page_id).endswith(read.side.value)
            seen.append((read.number, read.side))
    assert seen == drawn


def test_a_folder_of_pages_is_fed_behind_two_separators(tmp_path):
    write_paper(tmp_path / "paper", [(line.page(1), line.WHITE), (line.page(2), line.page(3))])
    done = demo("--paper", tmp_path / "paper", "-o", tmp_path / "pulled")
    assert done.returncode == 0, done.stderr
    table = figures(done.stdout)
    assert (table["sheets fed"], table["page"], table["blank"]) == ("4", "3", "1")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--paper", "nowhere"), "nowhere"),
        (("--paper", ".", "--sheets", "3"), "--sheets"),
        (("--serve", "0.0.0.0:7443"), "credentials_dir"),
        (("--serve", "7443"), "listen"),
    ],
)
def test_what_cannot_be_done_is_said_without_a_traceback(arguments, says):
    done = demo(*arguments)
    assert done.returncode not in (0, 1)
    assert says in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("end_by", [signal.SIGINT, signal.SIGTERM])
def test_serve_lays_a_fresh_stack_when_the_court_has_everything(tmp_path, end_by):
    in_background = ["sh", "-c", 'trap "" INT; exec "$@"', "sh"]  # as a shell's & starts it
    serving = subprocess.Popen(
        [*in_background, *command("--sheets", "3", "--serve", "127.0.0.1:0")],
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        target = ""
        while not target:
            found = re.search(r"at (127\.0\.0\.1:\d+)", serving.stderr.readline())
            target = found[1] if found else ""
        pull = [sys.executable, "-m", "daemon", "pull", target, "-o", str(tmp_path / "pulled")]
        end = time.monotonic() + 120
        batches = set()
        while len(batches) < 2 and time.monotonic() < end:
            subprocess.run(pull, check=True, capture_output=True, timeout=60)
            batches = {page_id.split("-")[1] for page_id, _ in pages_in_order(tmp_path / "pulled")}
        assert len(batches) >= 2
    finally:
        serving.send_signal(end_by)
        try:
            serving.communicate(timeout=60)
        finally:
            serving.kill()
            serving.communicate()
    assert serving.returncode == 0


def test_the_verdict_is_no_when_a_page_at_the_court_is_another(line_at_court):
    spool, court = line_at_court
    assert reckon(spool, court, "court").problems == ()
    _, path = pages_in_order(court)[0]
    data = bytearray((court / path).read_bytes())
    data[-100] ^= 1
    (court / path).write_bytes(data)
    assert any("other bytes" in problem for problem in reckon(spool, court, "court").problems)


def test_the_verdict_is_no_when_a_page_is_missing_at_the_court(line_at_court):
    spool, court = line_at_court
    _, path = pages_in_order(court)[0]
    (court / path).unlink()
    assert any("is missing" in problem for problem in reckon(spool, court, "court").problems)
