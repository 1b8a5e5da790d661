import logging

import pytest

from daemon.errors import PaperJam
from daemon.feeder.capture import file as capture_file
from daemon.feeder.capture.black_box import ON_DEMAND, BlackBox
from daemon.feeder.emulator import Fault, FaultKind
from tests.feeder.bench import sheet_id
from tests.feeder.recorded import replayed


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "captures"


def jammed(bench, folder):
    """Run a batch into a jam at its second sheet; returns the bench and its black box."""
    box = BlackBox(folder)
    b = bench(3, [Fault(1, FaultKind.JAM, "read")], capture=box)
    b.start().feed()
    b.read(1)
    b.scanner.feed()
    with pytest.raises(PaperJam):
        b.scanner.read_sheet(sheet_id(2))
    return b, box


def test_a_fault_is_written_down_by_its_cause_and_replays(bench, folder):
    jammed(bench, folder)
    (file,) = folder.iterdir()
    assert file.name.endswith("Z-paper_jam.jsonl")
    assert [each.outcome.result for each in replayed(file)][-1] == "paper_jam"


def test_it_is_written_down_on_demand_and_only_when_there_is_news(bench, folder):
    b, box = jammed(bench, folder)
    box.keep(ON_DEMAND)
    assert len(list(folder.iterdir())) == 1
    b.scanner.poll()
    box.keep(ON_DEMAND)
    names = sorted(file.name for file in folder.iterdir())
    assert [name.split("Z-")[1] for name in names] == ["paper_jam.jsonl", "on_demand.jsonl"]


def test_nothing_is_written_while_nothing_goes_wrong(bench, folder):
    b = bench(2, capture=BlackBox(folder))
    b.start()
    assert b.rest() == [0, 1]
    assert not folder.exists()


def test_a_folder_that_cannot_be_written_is_said_once_and_stops_nothing(bench, folder, caplog):
    folder.write_text("in the way")
    with caplog.at_level(logging.WARNING):
        b, box = jammed(bench, folder)
        box.keep(ON_DEMAND)
    assert sum("no capture" in record.message for record in caplog.records) == 1
    b.clear()
    b.scanner.cleared()
    b.scanner.arm()
    assert b.rest() == [1, 2]


def test_no_page_is_in_it(bench, folder):
    jammed(bench, folder)
    (file,) = folder.iterdir()
    recording = capture_file.read(file)
    assert not recording.header.images
    assert file.stat().st_size < 100_000 < 1654 * 2338  # of one side
