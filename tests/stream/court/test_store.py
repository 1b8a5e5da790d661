import hashlib

import pytest

from daemon.errors import ConfigError, EpochChanged, SpoolFailed
from daemon.stream.court_store import CourtStore, Part, Received

EPOCH = "0123abcd-0000-4000-8000-000000000000"


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "court"


def received(store, sequence, data=b"page", case="(2018)吉01民初129号"):
    page_id = f"0123abcd-000001-{sequence:04d}-F"
    part = store.incoming / f"{page_id}-page.part"
    part.write_bytes(data)
    digest = hashlib.sha256(data).digest()
    return Received(
        sequence=sequence,
        kind="page",
        page_id=page_id,
        case_key=case,
        volume="main",
        record=b"record",
        record_sha256=b"r" * 32,
        entry_hash=bytes([sequence]) * 32,
        parts=(Part(page_id, "page", digest, len(data), f"{page_id}.jpg", part),),
    )


def test_the_cursor_and_the_files_are_there_after_reopening(folder):
    store = CourtStore(folder, "court")
    store.adopt(EPOCH, "hall-1", b"0" * 32)
    store.commit([received(store, 1), received(store, 2, b"two")])
    store.close()

    again = CourtStore(folder, "court")
    assert (again.cursor.epoch, again.cursor.sequence) == (EPOCH, 2)
    assert again.cursor.entry_hash == b"\2" * 32
    page = folder / "(2018)吉01民初129号" / "main" / "0123abcd-000001-0002-F.jpg"
    assert page.read_bytes() == b"two"
    assert again.cases_without_manifest() == ["(2018)吉01民初129号"]
    again.close()


def test_an_entry_cannot_be_stored_twice_and_the_cursor_stays(folder):
    store = CourtStore(folder, "court")
    store.adopt(EPOCH, "hall-1", b"0" * 32)
    store.commit([received(store, 1)])
    with pytest.raises(SpoolFailed):
        store.commit([received(store, 2), received(store, 1)])
    assert store.cursor.sequence == 1
    assert store._db.execute("SELECT sequence FROM entry").fetchall() == [(1,)]
    store.close()


def test_a_manifest_is_due_again_when_the_case_grows(folder):
    store = CourtStore(folder, "court")
    store.adopt(EPOCH, "hall-1", b"0" * 32)
    store.commit([received(store, 1)])
    store.keep_manifest("(2018)吉01民初129号", b"{}", 1)
    assert store.cases_without_manifest() == []
    assert (folder / "(2018)吉01民初129号" / "manifest.json").read_bytes() == b"{}"
    store.commit([received(store, 2)])
    assert store.cases_without_manifest() == ["(2018)吉01民初129号"]
    store.close()


def test_another_epoch_is_refused_and_says_what_to_do(folder):
    store = CourtStore(folder, "court")
    store.adopt(EPOCH, "hall-1", b"0" * 32)
    store.adopt(EPOCH, "hall-1", b"0" * 32)
    with pytest.raises(EpochChanged, match="new folder"):
        store.adopt("ffffffff-0000-4000-8000-000000000000", "hall-1", b"1" * 32)
    store.close()


def test_one_process_and_one_consumer_own_a_folder(folder):
    store = CourtStore(folder, "court")
    with pytest.raises(ConfigError, match="another process"):
        CourtStore(folder, "court")
    store.close()
    with pytest.raises(ConfigError, match="another consumer"):
        CourtStore(folder, "archive")
    CourtStore(folder, "court").close()


def test_the_instance_rises_even_when_the_clock_is_set_back(folder, monkeypatch):
    store = CourtStore(folder, "court")
    first = store.next_instance()
    monkeypatch.setattr("time.time_ns", lambda: 5)
    assert store.next_instance() == first + 1
    store.close()


def test_half_received_parts_of_an_earlier_run_are_cleared(folder):
    store = CourtStore(folder, "court")
    store.close()
    left = folder / ".suian.incoming"
    left.mkdir()
    (left / "x.part").write_bytes(b"half")
    store = CourtStore(folder, "court")
    assert list(store.incoming.iterdir()) == []
    store.close()
