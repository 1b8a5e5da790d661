"""`suian status` and `suian batches`: from the daemon, from the ledger alone, without case data."""

import json
import socket
import subprocess
import sys

import grpc
import pytest

from daemon.commands import status
from daemon.errors import ConfigError, ContractError, InputError, VerificationFailed
from daemon.stream.appliance import StatusFacts
from tests import court

FACES = len(court.stack())
# What the stack of the test says about cases: numbers, keys, file names, materials, sheet ids.
CASE_DATA = (
    court.CASE.text,
    court.CASE.key,
    court.OTHER_CASE.text,
    court.OTHER_CASE.key,
    "129",
    "吉",
    "起诉状",
    "AAAAAAAA",
    "Y01",
)


def test_the_running_daemon_is_asked(office):
    said = json.loads(office.run("status", "--json"))
    assert said["running"]
    assert (said["appliance"], said["epoch"]) == ("hall-1", office.ledger.epoch)
    assert (said["state"], said["cause"]) == ("BLOCKED", "double_feed")
    assert (said["batch"], said["refeed_from_sheet"], said["paused"]) == (7, 3, True)
    assert (said["scanner"], said["spool_free_bytes"]) == ("fi-7160 0042", 123_400_000_000)
    assert said["last_sequence"] == office.ledger.last()[0]
    assert said["open_batches"] == [2]
    assert said["counts"] == {f.value: n for f, n in office.ledger.totals().items()}
    assert said["consumers"] == [
        {"consumer": "court", "required": True, "acknowledged_sequence": 4},
        {"consumer": "mirror", "required": False, "acknowledged_sequence": 0},
    ]


def test_a_person_reads_what_to_do_and_a_sum_that_closes(office):
    said = office.run("status")
    assert "fi-7160 0042: BLOCKED, double_feed" in said
    assert "feed again from sheet 3 of batch 7, then press Scan" in said
    assert "paused" in said
    assert "123.4 GB free" in said
    line = next(line for line in said.splitlines() if line.startswith("faces"))
    total, _, sums = line.removeprefix("faces").partition("=")
    counted = {word.split()[1]: int(word.split()[0]) for word in sums.split(" + ")}
    assert counted == {f.value: n for f, n in office.ledger.totals().items()}
    assert int(total) == sum(counted.values())
    office.facts = StatusFacts(state="ABSENT")
    said = office.run("status")
    assert "none: ABSENT\n" in said
    assert "feed again" not in said
    assert "paused" not in said


def test_with_the_daemon_down_the_ledger_says_the_same_sums(office):
    running = json.loads(office.run("status", "--json"))
    office.server.stop(0)
    office.ledger.close()
    down = json.loads(office.run("status", "--json"))
    assert not down["running"]
    for key in ("epoch", "last_sequence", "open_batches", "counts", "consumers"):
        assert down[key] == running[key], key
    assert "not running" in office.run("status")


def test_a_socket_nobody_listens_at_means_that_the_daemon_is_down(office):
    office.server.stop(0)
    office.ledger.close()
    path = office.folder / "c.sock"
    path.unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
    assert "not running" in office.run("status")


def test_a_daemon_that_hangs_is_not_called_down(office, monkeypatch):
    office.server.stop(0)
    monkeypatch.setattr(status, "ANSWER_S", 0.3)
    path = office.folder / "c.sock"
    path.unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX) as mute:
        mute.bind(str(path))
        mute.listen()
        with pytest.raises(ContractError, match="does not answer") as caught:
            office.run("status")
    assert caught.value.facts["status"] == grpc.StatusCode.DEADLINE_EXCEEDED.name


@pytest.mark.parametrize("running", [True, False])
@pytest.mark.parametrize(
    "command", [["status"], ["status", "--json"], ["batches"], ["batches", "1"],
                ["batches", "2", "--json"], ["batches", "--json"]],
    ids=" ".join,
)  # fmt: skip
def test_no_case_data_is_printed(office, command, running):
    if not running:
        office.server.stop(0)
        office.ledger.close()
    said = office.run(*command).replace(office.epoch, "").replace(office.epoch[:8], "")
    assert said
    assert [word for word in CASE_DATA if word in said] == []


def test_batches_come_newest_first_and_each_sum_closes(office):
    newest, oldest = office.run("batches").splitlines()
    assert newest.startswith("batch 2, ")
    assert ", electronic, open: 1 faces = 1 page" in newest
    assert oldest.startswith("batch 1, ")
    assert f", {FACES // 2} sheets, virtual, closed: {FACES} faces = " in oldest
    sums = oldest.partition(" = ")[2]
    assert sum(int(word.split()[0]) for word in sums.split(" + ")) == FACES
    assert office.run("batches", "--limit", "1").splitlines() == [newest]


def test_an_open_face_is_in_the_sum(office):
    number = office.ledger.open_batch(virtual=True).number
    office.ledger.request_feed(number)
    assert ", 1 sheets, virtual, open: 2 faces = 0 + 2 open" in office.run("batches", str(number))
    assert office.run("batches", str(number)).count("  open\n") == 2


def test_one_batch_names_every_face_with_its_fate_and_why(office):
    lines = office.run("batches", "1").splitlines()
    account = office.ledger.batch_account(1)
    assert [line.split() for line in lines[1:]] == [
        [str(face.page_id), face.fate.value, *face.reason.split()] for face in account.faces
    ]
    tree = json.loads(office.run("batches", "1", "--json"))
    assert (tree["batch"], tree["sheets"], tree["open_faces"]) == (1, FACES // 2, 0)
    assert [face["page_id"] for face in tree["faces"]] == [str(f.page_id) for f in account.faces]
    assert tree["counts"] == {fate.value: n for fate, n in account.counts.items()}


def test_an_unknown_batch_is_an_input_error(office):
    with pytest.raises(InputError, match="no such batch"):
        office.run("batches", "99")


@pytest.mark.parametrize("command", ["status", "batches"])
def test_without_daemon_and_spool_it_is_said_what_to_do_with_the_exit_status(tmp_path, command):
    file = tmp_path / "suian.toml"
    file.write_text(
        f'[spool]\ndir = "{tmp_path / "none"}"\n[stream]\ncontrol_socket = "{tmp_path / "s"}"\n'
    )
    done = subprocess.run(
        [sys.executable, "-m", "daemon", command, "-c", str(file)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == ConfigError.exit_status
    assert "say which configuration with -c" in done.stderr
    assert done.stdout == ""


def test_verify_reads_everything_and_says_that_it_holds(office):
    said = json.loads(office.run("status", "--verify", "--json"))["audit"]
    assert said["problems"] == []
    assert said["entries"] == office.ledger.last()[0]
    assert said["files"] > 0
    assert "every law holds" in office.run("status", "--verify")


def test_verify_names_what_does_not_hold_and_fails(office):
    name = sorted(path.name for path in (office.folder / "spool" / "pages").iterdir())[0]
    (office.folder / "spool" / "pages" / name).write_bytes(b"flipped")
    with pytest.raises(VerificationFailed, match="keep this disk as it is"):
        office.run("status", "--verify")


def test_undecided_faces_are_pointed_out(office):
    assert json.loads(office.run("status", "--json"))["undecided_faces"] == 2
    assert "suian exceptions list" in office.run("status")
