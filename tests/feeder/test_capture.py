import array
import errno
import stat
import threading
import tracemalloc

import pytest

from daemon.errors import ConfigError, LinkLost, LinkTimeout, PaperJam
from daemon.feeder import fi
from daemon.feeder.capture import NOTHING, Capture
from daemon.feeder.capture import file as capture_file
from daemon.feeder.capture.recording import Kind, Opened
from daemon.feeder.emulator import Fault, FaultKind
from daemon.feeder.fi import WindowId
from daemon.feeder.fi.envelope import command_block
from tests.feeder.bench import sheet_id
from tests.feeder.wire import REQUEST_SENSE, status

KIB = 1024


def batch(recorded, **kwargs):
    r = recorded(**kwargs)
    r.start()
    r.rest()
    r.scanner.finish()
    return r


def events(file, kind=None):
    operations = capture_file.read(file).operations
    found = [event for each in operations for event in each.events]
    return [event for event in found if event.kind is kind] if kind else found


def names(file):
    return [each.name for each in capture_file.read(file).operations]


# -- what is in it ---------------------------------------------------------------------------


def test_a_batch_is_recorded_operation_by_operation_with_what_came_of_each(recorded, tmp_path):
    r = recorded(sheets=2, faults=[Fault(1, FaultKind.JAM, "read")])
    r.start()
    with pytest.raises(PaperJam):
        r.rest()
    operations = capture_file.read(r.dumped(tmp_path / "c")).operations
    assert [(each.name, each.outcome.result) for each in operations] == [
        ("poll", "sensors"),
        ("arm", "done"),
        ("feed", "yes"),
        ("read_sheet", "sheet"),
        ("feed", "yes"),
        ("read_sheet", "paper_jam"),
    ]
    assert operations[0].outcome.said == "hopper_loaded"
    assert operations[3].outcome.said == "620 x 877, 620 x 877"
    assert "open the cover" in operations[5].outcome.said


def test_an_operation_within_another_is_part_of_it(recorded, tmp_path):
    r = recorded()
    r.start()
    r.scanner.cleared()
    assert names(r.dumped(tmp_path / "c")) == ["poll", "arm", "cleared"]


def test_the_header_says_how_the_scanner_was_driven(recorded, tmp_path):
    r = batch(recorded)
    header = capture_file.read(r.dumped(tmp_path / "c")).header
    assert (header.serial, header.settings) == (None, r.scanner._settings)
    assert header.whole
    assert not header.images
    (opened,) = [event.value for event in events(tmp_path / "c", Kind.OPENED)]
    assert isinstance(opened, Opened)
    assert (opened.vendor_id, opened.product_id) == (0x04C5, 0x132E)
    assert (opened.out_address, opened.in_address) == (0x02, 0x81)


def test_every_transfer_is_there_as_it_passed(recorded, tmp_path):
    r = batch(recorded)
    sent = [event.value for event in events(r.dumped(tmp_path / "c"), Kind.OUT)]
    commands = [data for data in sent if len(data) == 31]
    assert REQUEST_SENSE in commands
    assert [data[0x13:0x1D] + b"" for data in commands if data[0x13] == 0x31] == [
        bytes.fromhex("31 01 00 00 00 00 00 00 00 00")
    ] * 4
    times = [event.at_ms for event in events(tmp_path / "c")]
    assert times == sorted(times)


def test_a_failed_transfer_is_there_with_its_errno(recorded, tmp_path):
    r = recorded()
    r.start()
    r.deaf_once("in", 2)
    with pytest.raises(LinkTimeout):
        r.rest()
    r.scanner.recover()
    failures = [event.value for event in events(r.dumped(tmp_path / "c"), Kind.FAILED)]
    assert failures[0] == (errno.ETIMEDOUT, "receiving")
    assert any(event.kind is Kind.CLEAR_HALT for event in events(tmp_path / "c"))


def test_what_is_looked_at_again_and_again_is_kept_once(recorded, tmp_path):
    r = recorded()
    for _ in range(50):
        r.scanner.poll()
    opening, last = capture_file.read(r.dumped(tmp_path / "c")).operations
    assert opening.repeats == 1
    assert (last.repeats, last.dropped) == (49, 0)
    r.hopper.open_cover()
    r.scanner.poll()
    assert names(r.dumped(tmp_path / "d")) == ["poll"] * 3


# -- what is not -----------------------------------------------------------------------------


def test_no_page_is_in_it_unless_asked_for(recorded, tmp_path):
    r = recorded(sheets=1)
    r.start().feed()
    front, back = (s.samples.tobytes() for s in r.scanner.read_sheet(sheet_id(1)))
    r.scanner.finish()
    came = events(r.dumped(tmp_path / "c"), Kind.IN)
    assert max(len(event.value) for event in came) < 256
    assert not any(len(e.value) > 13 and (e.value in front or e.value in back) for e in came)
    images = [event.value for event in events(tmp_path / "c", Kind.IMAGE)]
    assert sum(image.size_bytes for image in images) == len(front) + len(back)
    assert all(not image.packed for image in images)
    # nor is it in any other way of writing it
    assert front[:12].hex(" ") not in (tmp_path / "c").read_text()


@pytest.mark.parametrize("after", [7, 8, 9])
def test_a_page_that_comes_late_is_not_in_it_either(recorded, tmp_path, after):
    r = recorded(sheets=1)
    r.start().feed()
    r.deaf_once("in", after)
    with pytest.raises(LinkTimeout):
        r.scanner.read_sheet(sheet_id(1))
    r.scanner.recover()
    r.scanner.poll()
    found = events(r.dumped(tmp_path / "c"))
    assert max(len(event.value) for event in found if event.kind is Kind.IN) < 256
    # and when the pipe is in step again, all is kept as it came
    assert [event.kind for event in found[-3:]] == [Kind.OUT, Kind.IN, Kind.IN]
    assert len(found[-2].value) == 12


def test_what_comes_before_the_pipe_is_in_step_again_may_be_of_a_page(tmp_path):
    capture = Capture()
    image, sensors = fi.read_image(WindowId.FRONT, 600), fi.hardware_status()
    said = array.array("B", b"\x80" * 600)
    capture.begin("read_sheet")
    for command, came in [(image, 600), (sensors, 600), (sensors, 13), (sensors, 600)]:
        capture.out(command_block(command.cdb))
        capture.came(array.array("B", status()) if came == 13 else said, came)
    capture.ended(None)
    capture.dump(tmp_path / "c")
    kinds = [event.kind for event in events(tmp_path / "c") if event.kind is not Kind.OUT]
    assert kinds == [Kind.IMAGE, Kind.IMAGE, Kind.IN, Kind.IN]


def test_pages_are_in_it_when_asked_for(recorded, tmp_path):
    r = recorded(sheets=1, images=True)
    r.start().feed()
    scans = r.scanner.read_sheet(sheet_id(1))
    images = [event.value for event in events(r.dumped(tmp_path / "c"), Kind.IMAGE)]
    sides = [b"".join(image.content() for image in images[first::2]) for first in (0, 1)]
    assert sides == [scan.samples.tobytes() for scan in scans]
    assert capture_file.read(tmp_path / "c").header.images


# -- how much is in it -----------------------------------------------------------------------


def kept_sheets(file):
    return names(file).count("read_sheet")


def test_it_takes_no_more_memory_than_its_limit(recorded):
    limit_bytes = 64 * KIB
    r = recorded(sheets=1, limit_bytes=limit_bytes)
    r.start().feed()
    r.scanner.read_sheet(sheet_id(1))
    (block,) = r.capture._ring.snapshot()[3:]
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        capture = Capture(limit_bytes)
        for _ in range(300):
            play(capture, block)
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert limit_bytes // 4 < after - before < limit_bytes
    assert capture._ring.size_bytes <= limit_bytes


def play(capture, operation):
    """Tell a capture of an operation as a link would."""
    capture.begin(operation.name)
    for event in operation.events:
        if event.kind is Kind.OUT:
            capture.out(bytes(bytearray(event.value)))
        else:
            data = event.value.content() if event.kind is Kind.IMAGE else event.value
            capture.came(array.array("B", data), len(data))
    capture.ended(None)


def test_the_oldest_sheets_are_dropped_and_the_opening_stays(recorded, tmp_path):
    r = batch(recorded, sheets=12, limit_bytes=64 * KIB)
    operations = capture_file.read(r.dumped(tmp_path / "c")).operations
    assert [each.name for each in operations[:3]] == ["poll", "arm", "feed"]
    assert operations[2].dropped >= 2
    assert 2 < kept_sheets(tmp_path / "c") < 12
    assert operations[-2].outcome.result == "no"  # the newest is there
    assert operations[-1].name == "finish"
    whole = sum(1 + each.dropped for each in operations)
    assert whole == 2 + 2 * 12 + 1 + 1
    assert capture_file.read(tmp_path / "c").header.whole


def test_a_connection_that_is_over_is_dropped_when_room_is_needed(recorded, tmp_path):
    r = recorded(sheets=8, faults=[Fault(1, FaultKind.UNPLUG, "read")], limit_bytes=64 * KIB)
    r.start()
    with pytest.raises(LinkLost):
        r.rest()
    r.emulator.plug()
    r.clear()
    r.scanner.recover()
    r.scanner.arm()
    r.rest()
    recording = capture_file.read(r.dumped(tmp_path / "c"))
    assert recording.header.whole
    assert recording.operations[0].name == "recover"
    assert recording.operations[0].events[0].kind is Kind.OPENED
    assert recording.operations[0].dropped >= 6


def test_what_has_no_room_for_one_sheet_says_that_it_is_not_whole(recorded, tmp_path):
    r = batch(recorded, sheets=1, limit_bytes=16 * KIB, images=True)
    assert r.capture._ring.size_bytes <= 16 * KIB
    assert not capture_file.read(r.dumped(tmp_path / "c")).header.whole


def test_a_limit_that_holds_nothing_is_refused():
    with pytest.raises(ValueError, match="16384"):
        Capture(1000)


# -- its files -------------------------------------------------------------------------------


def test_a_file_is_for_its_owner_alone_and_replaces_nothing(recorded, tmp_path):
    r = batch(recorded, sheets=1)
    file = r.dumped(tmp_path / "c")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    before = file.read_bytes()
    with pytest.raises(ConfigError, match="nothing is replaced"):
        r.capture.dump(file)
    assert file.read_bytes() == before
    assert list(tmp_path.iterdir()) == [file]


def test_a_file_that_cannot_be_written_leaves_nothing_behind(recorded, tmp_path):
    r = batch(recorded, sheets=1)
    with pytest.raises(ConfigError, match="cannot write the capture"):
        r.capture.dump(tmp_path / "missing" / "c")
    (tmp_path / "x").write_text("a file")
    with pytest.raises(ConfigError, match="cannot keep captures"):
        r.capture.dump_into(tmp_path / "x", "paper_jam")
    (tmp_path / "x").unlink()
    assert r.capture.dump_into(tmp_path / "x", "paper_jam") is not None


def test_a_folder_keeps_the_newest_and_says_when_and_why(recorded, tmp_path):
    folder = tmp_path / "captures"
    (tmp_path / "notes.txt").write_text("not ours")
    r = recorded(sheets=9)
    r.start()
    made = []
    for number in range(5):
        r.scanner.feed()
        r.scanner.read_sheet(sheet_id(number + 1))
        (folder / "notes.txt").touch() if folder.exists() else None
        made.append(r.capture.dump_into(folder, "paper_jam", keep=3))
    assert sorted(folder.glob("*.jsonl")) == made[-3:]
    assert (folder / "notes.txt").exists()
    assert made[-1].name.endswith("Z-paper_jam.jsonl")
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert kept_sheets(made[-1]) == 5


def test_what_a_process_left_unfinished_is_removed(recorded, tmp_path):
    left = tmp_path / "20260102T030405.678901Z-protocol.jsonl.part"
    left.touch()
    r = batch(recorded, sheets=1)
    file = r.capture.dump_into(tmp_path, "link_lost")
    assert list(tmp_path.iterdir()) == [file]


def test_the_same_trouble_is_written_down_once(recorded, tmp_path):
    r = recorded()
    r.scanner.poll()
    r.emulator.unplug()
    with pytest.raises(LinkLost):
        r.scanner.poll()
    for _ in range(2):
        with pytest.raises(LinkLost):
            r.scanner.recover()
    assert r.capture.dump_into(tmp_path, "link_lost") is not None
    for _ in range(3):
        with pytest.raises(LinkLost):
            r.scanner.recover()
    assert r.capture.dump_into(tmp_path, "link_lost") is None
    r.emulator.plug()
    r.scanner.recover()
    assert r.capture.dump_into(tmp_path, "on_demand") is not None


def test_a_reason_is_a_fixed_word(tmp_path):
    capture = Capture()
    capture.begin("poll")
    capture.ended(None)
    with pytest.raises(ValueError, match="fixed word"):
        capture.dump_into(tmp_path, "0123abcd-000001-0001")


def test_it_can_be_written_down_while_the_scanner_works(recorded, tmp_path):
    r = recorded(sheets=6, limit_bytes=64 * KIB)
    r.start()
    done = threading.Event()
    files = []

    def write():
        while not done.is_set():
            files.append(r.dumped(tmp_path / f"{len(files)}"))

    writer = threading.Thread(target=write)
    writer.start()
    try:
        assert r.rest() == [0, 1, 2, 3, 4, 5]
    finally:
        done.set()
        writer.join()
    assert files
    assert all(capture_file.read(file).header.whole for file in files)


def test_who_records_nothing_writes_nothing(tmp_path):
    NOTHING.begin("poll")
    NOTHING.ended(None)
    NOTHING.dump(tmp_path / "c")
    assert NOTHING.dump_into(tmp_path, "paper_jam") is None
    assert list(tmp_path.iterdir()) == []
