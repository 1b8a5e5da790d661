import json
import time

import pytest
from typer.testing import CliRunner

from daemon.__main__ import build
from daemon.errors import InputError, LinkLost, LinkTimeout, VerificationFailed
from daemon.feeder import session as session_module
from daemon.feeder.capture import file as capture_file
from daemon.feeder.capture import replay
from daemon.feeder.emulator import Fault, FaultKind, LinkFault, LinkFaultKind
from tests.feeder.bench import sheet_id
from tests.feeder.recorded import (
    Recorded,
    jammed_batch,
    lines_of,
    replayed,
    session,
    written,
)

KIB = 1024


@pytest.fixture(scope="module")
def make():
    made = []

    def recorded(*args, **kwargs):
        made.append(Recorded(*args, **kwargs))
        return made[-1]

    yield recorded
    for each in made:
        each.scanner.close()


@pytest.fixture
def jammed():
    return jammed_batch()


# -- the same --------------------------------------------------------------------------------


def test_a_batch_with_a_jam_comes_out_as_it_did(jammed, tmp_path):
    operations = replayed(written(tmp_path / "c", jammed))
    assert [(each.name, each.outcome.result) for each in operations] == [
        ("poll", "sensors"),
        ("arm", "done"),
        ("feed", "yes"),
        ("read_sheet", "sheet"),
        ("feed", "yes"),
        ("read_sheet", "paper_jam"),
        ("cleared", "done"),
        ("arm", "done"),
        ("feed", "yes"),
        ("read_sheet", "sheet"),
        ("feed", "yes"),
        ("read_sheet", "sheet"),
        ("feed", "no"),
        ("finish", "done"),
        ("close", "done"),
    ]


@pytest.mark.parametrize("command", [9, 30, 38, 44, 50])
@pytest.mark.parametrize("kind", LinkFaultKind)
def test_whatever_happens_to_the_link_comes_out_as_it_did(make, tmp_path, kind, command):
    r = make(sheets=2, links=[LinkFault(kind, command=command)])
    session(r)
    assert r.emulator.fired
    replayed(r.dumped(tmp_path / "c"))


@pytest.mark.parametrize("kind", FaultKind)
def test_whatever_happens_to_the_paper_comes_out_as_it_did(make, tmp_path, kind):
    when = "feed" if kind is FaultKind.EMPTY else "read"
    r = make(sheets=2, faults=[Fault(1, kind, when)])
    session(r)
    replayed(r.dumped(tmp_path / "c"))


@pytest.mark.parametrize("sheets", [5, 6, 7])
def test_what_is_left_when_sheets_were_dropped_comes_out_as_it_did(make, tmp_path, sheets):
    r = make(sheets=sheets, limit_bytes=64 * KIB)
    for _ in range(3):
        session(r)
        r.hopper.take_back(sheets)
        r.scanner.poll()
    operations = replayed(r.dumped(tmp_path / "c"))
    assert sum(each.dropped for each in operations) > 10
    assert operations[-1].name == "poll"


@pytest.mark.parametrize("reset_before", range(5))
def test_a_sheet_that_was_set_up_for_anew_is_not_where_the_rest_begins(
    make, tmp_path, reset_before
):
    r = make(sheets=6, limit_bytes=64 * KIB)
    r.start()
    for number in range(6):
        if number == reset_before:
            r.emulator.reset()
            r.scanner.poll()  # hears of it
        r.scanner.feed()
        r.scanner.read_sheet(sheet_id(number + 1))
    assert any(each.dropped for each in replayed(r.dumped(tmp_path / "c")))


@pytest.mark.parametrize("kind", [LinkFaultKind.UNPLUG, LinkFaultKind.POWER_CYCLE])
def test_what_is_left_when_a_connection_was_dropped_comes_out_as_it_did(make, tmp_path, kind):
    r = make(sheets=7, limit_bytes=64 * KIB, links=[LinkFault(kind, command=60)])
    session(r)
    operations = replayed(r.dumped(tmp_path / "c"))
    assert operations[0].name == "recover"
    assert operations[0].dropped


def test_a_recorded_wait_is_not_waited_for_and_a_recorded_reset_is_not_done(make, tmp_path):
    r = make(sheets=1)
    r.start()
    r.deaf_once("in", 2)
    with pytest.raises(LinkTimeout):
        r.rest()
    r.scanner.recover()
    operations = replayed(r.dumped(tmp_path / "c"))
    assert [each.name for each in operations] == ["poll", "arm", "feed", "recover"]


def test_a_patience_that_came_to_its_end_comes_to_it_again_at_once(make, tmp_path, monkeypatch):
    monkeypatch.setattr(session_module, "BUSY_LIMIT_S", 0.55)
    (armed := make(sheets=1)).start()
    storm = LinkFault(LinkFaultKind.BUSY_STORM, command=armed.emulator.commands, count=500)
    r = make(sheets=1, links=[storm])
    r.start()
    time.sleep(0.6)  # patience begins when the operation does, not when something last passed
    with pytest.raises(LinkTimeout, match="stays busy"):
        r.scanner.feed()
    file = r.dumped(tmp_path / "c")
    monkeypatch.setattr("time.sleep", lambda _seconds: pytest.fail("waits"))
    *_, last = replayed(file)
    assert last.outcome.result == "link_timeout"
    assert sum(event.kind == "out" for event in last.events) > 5


def test_a_scanner_that_another_program_holds_is_held_again(make, tmp_path):
    r = make(sheets=1)
    other = Recorded(1)
    other.emulator = r.emulator
    other.scanner.poll()
    with pytest.raises(LinkLost):
        r.scanner.poll()
    other.scanner.close()
    r.scanner.recover()
    operations = replayed(r.dumped(tmp_path / "c"))
    assert [(each.name, each.outcome.result) for each in operations] == [
        ("poll", "link_lost"),
        ("recover", "sensors"),
    ]


def test_pages_that_were_kept_come_back_and_others_are_white(make, tmp_path):
    for images in (True, False):
        r = make(sheets=1, images=images)
        r.start().feed()
        scanned = r.scanner.read_sheet(sheet_id(1))
        recording = capture_file.read(r.dumped(tmp_path / f"{images}"))
        came = []
        factory = keeping(came)
        assert all(step.is_same for step in replay.run(recording, factory))
        (again,) = came
        for then, now in zip(scanned, again, strict=True):
            assert then.samples.shape == now.samples.shape
            assert (now.samples == (then.samples if images else 0)).all()


def keeping(came):
    """Return a factory of drivers that keep what they read."""

    class Keeping(replay.Scanner):
        def read_sheet(self, sheet):
            came.append(super().read_sheet(sheet))
            return came[-1]

    return lambda backend, serial, how: Keeping(lambda: backend, serial=serial, settings=how)


def test_a_recording_that_ends_within_an_operation_is_replayed_up_to_it(jammed, tmp_path):
    last = lines_of(jammed, "ended")[-2]
    *done, left = replay.replay(written(tmp_path / "c", jammed[: last - 2]))
    assert all(step.now is not None for step in done)
    assert left.recorded.outcome is None
    assert left.is_same


# -- another ---------------------------------------------------------------------------------


def flipped(line, at):
    """Flip a bit of one byte of the data in a line."""
    fields = json.loads(line)
    data = bytearray.fromhex(fields["data"])
    data[at] ^= 1
    return json.dumps(fields | {"data": data.hex(" ")}), bytes(data)


@pytest.mark.parametrize("number", [0, 5, 30, 60])
def test_a_flipped_byte_of_what_was_sent_is_found_where_it_is(jammed, tmp_path, number):
    lines = list(jammed)
    at = lines_of(lines, "out")[number]
    lines[at], data = flipped(lines[at], 3)
    *before, last = replay.replay(written(tmp_path / "c", lines))
    assert all(step.is_same for step in before)
    assert not last.is_same
    assert f"line={at + 1}" in last.difference
    assert f"then={len(data)} bytes, from byte 3: {data[3:11].hex(' ')}" in last.difference
    assert "now=" in last.difference


def test_a_flipped_bit_of_the_sensors_comes_out_as_another_outcome(jammed, tmp_path):
    lines = list(jammed)
    first_end = lines_of(lines, "ended")[0]
    lines[first_end - 2], _ = flipped(lines[first_end - 2], 4)
    (step,) = replay.replay(written(tmp_path / "c", lines))
    assert not step.is_same
    assert (step.recorded.outcome.said, step.now.said) == (
        "hopper_loaded",
        "hopper_loaded, button_pressed",
    )


def without(lines, what, number):
    at = lines_of(lines, what)[number]
    return [*lines[:at], *lines[at + 1 :]]


@pytest.mark.parametrize("what", ["in", "out", "image"])
def test_a_transfer_that_is_missing_is_found(jammed, tmp_path, what):
    steps = replay.replay(written(tmp_path / "c", without(jammed, what, 10)))
    assert steps[-1].difference
    assert not steps[-1].is_same


def test_a_driver_that_does_less_than_then_is_found(jammed, tmp_path):
    lines = list(jammed)
    first_end = lines_of(lines, "ended")[0]
    lines[first_end:first_end] = lines[first_end - 3 : first_end]
    (step,) = replay.replay(written(tmp_path / "c", lines))
    assert "now=nothing more" in step.difference


def test_another_error_than_then_is_found(jammed, tmp_path):
    lines = [line.replace('"paper_jam"', '"double_feed"') for line in jammed]
    *_, last = replay.replay(written(tmp_path / "c", lines))
    assert last.recorded.outcome.result == "double_feed"
    assert last.now.result == "paper_jam"
    assert not last.is_same


def test_an_operation_out_of_turn_is_a_difference(jammed, tmp_path):
    begin = lines_of(jammed, "begin")[1]
    end = lines_of(jammed, "ended")[1]
    *_, last = replay.replay(written(tmp_path / "c", [*jammed[:begin], *jammed[end + 1 :]]))
    assert last.recorded.name == "feed"
    assert (last.now.result, last.now.said) == (
        "ValueError",
        "the paper path is idle: feed cannot happen",
    )


# -- the command -----------------------------------------------------------------------------


def called(file):
    return CliRunner().invoke(build(["replay"]), ["replay", str(file)])


def test_a_technician_sees_what_was_recorded_and_that_nothing_differs(jammed, tmp_path):
    done = called(written(tmp_path / "c", jammed))
    assert done.exit_code == 0
    said = done.output.splitlines()
    assert said[0].endswith("poll: sensors: hopper_loaded")
    assert said[1].strip() == "USB 04c5:132e, pipes 02 out and 81 in"
    assert any("read_sheet: paper_jam: " in line for line in said)
    assert said[-1] == "15 operation(s): the driver does what it did then"
    assert "NOW" not in done.output


def test_a_technician_sees_where_it_differs(jammed, tmp_path):
    lines = list(jammed)
    at = lines_of(lines, "out")[30]
    lines[at], _ = flipped(lines[at], 3)
    done = called(written(tmp_path / "c", lines))
    assert done.exception.exit_status == VerificationFailed.exit_status == 8
    assert done.output.splitlines()[-1].startswith("      NOW: the driver does otherwise than then")
    assert f"line={at + 1}" in done.output


def test_a_technician_is_told_that_a_file_is_no_capture(tmp_path):
    file = tmp_path / "page.jpg"
    file.write_bytes(b"\xff\xd8\xff")
    assert called(file).exception.exit_status == InputError.exit_status == 7
