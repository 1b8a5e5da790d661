"""Killed anywhere on the way of a file, the inbox takes it exactly once after all."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
AT_REST = [".claimed"]

# Kills itself at the n-th step that the disk or the ledger would remember; a fresh copy of this
# process for every n, made before there is any thread.
DOOMED = """
import os, signal, sys
from pathlib import Path
from prometheus_client import CollectorRegistry
from daemon.dossier import catalogue
from daemon.inbox import Inbox
from daemon.metrics import Metrics
from daemon.spool.ledger import Ledger
from daemon.stream.codec import Origin, encode

WRITES = {"mkdir", "rename", "unlink", "rmdir", "fsync"}
CALLS = {f.__code__ for f in (Ledger.open_batch, Ledger.commit, Ledger.close_batch)}

def work(root, left):
    def count(frame, event, called):
        nonlocal left
        written = event == "c_call" and called.__name__ in WRITES
        if written or (event in ("call", "return") and frame.f_code in CALLS):
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    ledger = Ledger(
        root / "spool",
        lambda entry: encode(entry, Origin("hall-1")),
        allow_unsafe_disk=True,
        ballast_bytes=65536,
    )
    ledger.start()
    clock = iter(range(0, 100, 2))
    inbox = Inbox(
        root / "inbox", ledger, catalogue.load(), Metrics(CollectorRegistry()),
        min_free_bytes=0, clock=lambda: next(clock),
    )
    inbox._folder.prepare()
    sys.setprofile(count)
    inbox.look()
    inbox.look()
    sys.setprofile(None)
    ledger.close()

for n, root in enumerate(map(Path, sys.argv[1:]), 1):
    child = os.fork()
    if child == 0:
        work(root, n)
        os._exit(0)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    print(status, flush=True)
    if status == 0:
        break
"""
MOST_STEPS = 40


@pytest.fixture
def killed(make_station, tmp_path):
    """Kill an inbox at each step in turn; returns the folders, one for each kill."""

    def kill(*documents):
        roots = [tmp_path / f"{n:02d}" for n in range(1, MOST_STEPS)]
        for root in roots:
            (root / "inbox").mkdir(parents=True)
            for name, data, sidecar in documents:
                (root / "inbox" / name).write_bytes(data)
                (root / "inbox" / f"{name}.toml").write_text(sidecar, encoding="utf-8")
        done = subprocess.run(
            [sys.executable, "-c", DOOMED, *map(str, roots)],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        statuses = [int(line) for line in done.stdout.split()]
        assert statuses[-1] == 0, done.stderr
        assert set(statuses[:-1]) == {-signal.SIGKILL}, done.stderr
        return roots[: len(statuses)]

    return kill


def test_a_file_is_taken_exactly_once_wherever_the_process_was_killed(
    killed, make_station, pdf, sidecar
):
    roots = killed(("a.pdf", pdf, sidecar))
    assert len(roots) > 18
    for root in roots:
        station = make_station(root)
        station.look(3)
        assert [(page.file_name, data) for page, data in station.pages()] == [("a.pdf", pdf)], root
        assert station.lying() == AT_REST, root
        assert station.rejected() == [], root
        assert station.ledger.open_batches() == [], root
        assert station.ledger.batch_numbers(9) == [1], root
        station.close()


def test_a_bad_file_is_put_aside_wherever_the_process_was_killed(killed, make_station, pdf):
    roots = killed(("a.pdf", pdf, 'case = "x"\n'))
    assert len(roots) > 4
    for root in roots:
        station = make_station(root)
        station.look(3)
        assert [names for names, _ in station.rejected()] == [["a.pdf", "a.pdf.toml"]], root
        assert station.lying() == AT_REST, root
        assert station.pages() == [], root
        station.close()


def claim(station, name, *files):
    """Put files where a claim of this name lies."""
    folder = station.folder / ".claimed" / name
    folder.mkdir(parents=True)
    for file, data in files:
        (folder / file).write_bytes(data)


def test_a_claim_under_the_epoch_of_another_ledger_is_taken_and_not_thrown_away(
    station, pdf, sidecar
):
    files = [("a.pdf", pdf), ("a.pdf.toml", sidecar.encode())]
    claim(station, "0badcafe-000001-0001-E", *files)
    station.look(1)
    ((page, data),) = station.pages()
    assert (page.page_id, data) == (f"{station.ledger.epoch8}-000001-0001-E", pdf)
    assert station.lying() == AT_REST


def test_a_sidecar_that_was_claimed_alone_goes_back_to_its_document(station, pdf, sidecar):
    station.drop("a.pdf", sidecar=None)
    claim(station, "20260101T000000", ("a.pdf.toml", sidecar.encode()))
    station.look(1)
    assert station.lying() == [*AT_REST, "a.pdf", "a.pdf.toml"]
    station.look()
    assert [data for _, data in station.pages()] == [pdf]


def test_a_sidecar_that_was_claimed_alone_never_replaces_a_newer_one(station, sidecar):
    station.drop("a.pdf", sidecar=sidecar.replace("Y01", "B01"))
    claim(station, "20260101T000000", ("a.pdf.toml", sidecar.encode()))
    station.look()
    assert [page.position.party for page, _ in station.pages()] == ["B01"]
    ((names, reason),) = station.rejected()
    assert names == ["a.pdf.toml"]
    assert "newer" in reason


def test_a_claim_that_lost_its_document_is_put_aside(station, sidecar):
    name = f"{station.ledger.epoch8}-000009-0001-E"
    claim(station, name, ("a.pdf.toml", sidecar.encode()))
    claim(station, "20260101T000000")
    station.look(1)
    ((names, reason),) = station.rejected()
    assert names == ["a.pdf.toml"]
    assert "the document is gone" in reason
    assert station.lying() == AT_REST
