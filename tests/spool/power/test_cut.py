"""A cut on paper: what a disk may keep, and a log that is whole or refused. No root needed."""

import random

import pytest

from tests.spool.power import disk, recording
from tests.spool.power.cut import SECTOR_BYTES, Cut, Mode, Replay, choose, last_flush, survivors
from tests.spool.power.recording import Kind, Record, RecordingCutOff, RecordingWriter

SIZE_BYTES = 64 * SECTOR_BYTES


def write(sector, letter, sectors=1):
    return Record(Kind.WRITE, sector * SECTOR_BYTES, letter * sectors * SECTOR_BYTES)


def mark(text):
    return Record(Kind.MARK, 0, text)


FLUSH = Record(Kind.FLUSH, 0, b"")
LAST = [write(8 + n, b"%c" % (97 + n)) for n in range(10)]
RECORDS = [write(0, b"1"), FLUSH, write(1, b"2"), mark(b"promise"), FLUSH, *LAST]


@pytest.fixture
def left(tmp_path):
    """Return what a cut leaves of a disk that was blank: its sectors, a letter each."""
    blank = tmp_path / "blank"
    blank.write_bytes(bytes(SIZE_BYTES))

    def left(*cuts, records=RECORDS):
        replay = Replay(records, blank, tmp_path / "flushed")
        for cut in cuts:
            replay.make(cut, tmp_path / "cut")
        whole = (tmp_path / "cut").read_bytes()
        return "".join(chr(byte or ord(".")) for byte in whole[::SECTOR_BYTES]).rstrip(".")

    return left


@pytest.mark.parametrize(
    ("mode", "kept"),
    [(Mode.NONE, "12"), (Mode.ALL, "12......abcdefghij"), (Mode.LATE, "12...........fghij")],
)
def test_what_a_flush_followed_is_kept_and_the_rest_as_the_mode_says(left, mode, kept):
    assert left(Cut(len(RECORDS), mode, 1)) == kept


def test_a_subset_keeps_whole_writes_and_another_seed_keeps_others():
    kept = {seed: survivors(LAST, Cut(15, Mode.SUBSET, seed)) for seed in range(20)}
    whole = [(one.offset_bytes, one.data) for one in LAST]
    assert all(set(some) <= set(whole) for some in kept.values())
    assert len({len(some) for some in kept.values()}) > 1
    assert kept[3] == survivors(LAST, Cut(15, Mode.SUBSET, 3))


def test_sectors_of_one_write_are_kept_apart(left):
    records = [write(0, b"x", 64)]
    kept = {seed: survivors(records, Cut(1, Mode.SECTORS, seed)) for seed in range(20)}
    assert [] in kept.values()
    assert all(len(data) == SECTOR_BYTES for pieces in kept.values() for _, data in pieces)
    some = next(seed for seed, pieces in kept.items() if pieces)
    found = left(Cut(1, Mode.SECTORS, some), records=records)
    assert 10 < found.count("x") == len(kept[some]) < 54


def test_nothing_behind_the_cut_is_on_the_disk(left):
    assert left(Cut(4, Mode.ALL, 1)) == "12"
    assert left(Cut(4, Mode.NONE, 1)) == "1"
    assert left(Cut(1, Mode.NONE, 1)) == ""
    assert left(Cut(0, Mode.ALL, 1)) == ""


def test_the_last_flush_before_a_cut_is_found():
    assert [last_flush(RECORDS, at) for at in range(7)] == [0, 0, 1, 1, 1, 4, 4]


def test_a_replay_may_go_back_and_leaves_nothing_of_the_later_cut(left):
    late = Cut(len(RECORDS), Mode.ALL, 1)
    assert left(late, Cut(3, Mode.ALL, 1)) == "12"
    assert left(late, Cut(3, Mode.NONE, 1)) == "1"
    assert left(late, Cut(3, Mode.NONE, 1), late) == "12......abcdefghij"


def test_claims_behind_the_cut_are_not_promised(tmp_path):
    blank = tmp_path / "blank"
    blank.write_bytes(bytes(SIZE_BYTES))
    replay = Replay(RECORDS, blank, tmp_path / "flushed")
    assert replay.marks(Cut(3, Mode.ALL, 1)) == []
    assert replay.marks(Cut(4, Mode.ALL, 1)) == [b"promise"]


def test_cuts_stand_behind_claims_and_before_flushes_and_every_mode_comes_equally_often():
    cuts = choose(RECORDS * 20, 200, random.Random(1))
    records = RECORDS * 20
    assert [cut.at for cut in cuts] == sorted(cut.at for cut in cuts)
    behind = sum(cut.at > 0 and records[cut.at - 1].kind is Kind.MARK for cut in cuts)
    before = sum(cut.at < len(records) and records[cut.at].kind is Kind.FLUSH for cut in cuts)
    assert behind >= 50
    assert before >= 50
    assert {mode: sum(cut.mode is mode for cut in cuts) for mode in Mode} == dict.fromkeys(Mode, 40)


def written(path):
    writer = RecordingWriter(path)
    for record in RECORDS:
        writer.add(record.kind, record.data, record.offset_bytes)
    writer.close()


def test_a_recording_is_read_as_it_was_written(tmp_path):
    written(tmp_path / "log")
    assert recording.read(tmp_path / "log") == RECORDS


@pytest.mark.parametrize("missing_bytes", [1, 13, 14, 600, 2000])
def test_a_recording_without_its_end_is_refused(tmp_path, missing_bytes):
    log = tmp_path / "log"
    written(log)
    log.write_bytes(log.read_bytes()[:-missing_bytes])
    with pytest.raises(RecordingCutOff):
        recording.read(log)


def test_a_recording_that_lost_a_record_in_the_middle_is_refused(tmp_path):
    log = tmp_path / "log"
    written(log)
    whole = log.read_bytes()
    log.write_bytes(whole[13 + SECTOR_BYTES :])
    with pytest.raises(RecordingCutOff, match="14 records, 15 were written"):
        recording.read(log)


def test_a_copy_is_the_same_and_leaves_holes_out(tmp_path):
    source, target = tmp_path / "source", tmp_path / "target"
    with source.open("wb") as file:
        file.truncate(8 << 20)
        file.seek(1 << 20)
        file.write(b"x" * 100_000)
        file.seek(5 << 20)
        file.write(b"y" * 10)
    target.write_bytes(b"what was here before" * 1_000_000)
    disk.copy(source, target)
    assert target.read_bytes() == source.read_bytes()
    assert target.stat().st_blocks <= source.stat().st_blocks
    assert target.stat().st_blocks * 512 < 1 << 20
