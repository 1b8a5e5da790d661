"""A dropped file with its sidecar enters the journal byte for byte, once, when it is whole."""

import hashlib
import os
import threading
import time
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from daemon import inbox as inbox_module
from daemon.dossier import case_number
from daemon.errors import ConfigError, SpoolFailed, SpoolFull
from daemon.inbox import Inbox
from daemon.metrics import Metrics
from daemon.page import Fate
from daemon.rpc import pages_pb2 as pb
from daemon.spool.ledger import Ledger
from tests import court

AT_REST = [".claimed"]


@pytest.mark.parametrize(
    ("name", "kind", "media_type"),
    [("起诉状.pdf", "pdf", "application/pdf"), ("照片 1.jpg", "jpeg", "image/jpeg")],
)
def test_a_document_enters_byte_for_byte_where_its_sidecar_says(
    station, request, name, kind, media_type
):
    data = request.getfixturevalue(kind)
    station.drop(name, data)
    station.look()
    ((page, kept),) = station.pages()
    assert kept == data
    (blob,) = page.blobs
    assert (blob.role, blob.media_type) == (pb.BLOB_ROLE_ORIGINAL, media_type)
    assert (blob.sha256, blob.size_bytes) == (hashlib.sha256(data).digest(), len(data))
    assert (page.side, page.fate, page.virtual) == (pb.SIDE_ELECTRONIC, pb.FATE_PAGE, False)
    assert page.file_name == name
    assert page.case_number == "(2026)吉01民初129号"
    assert page.case_key.isascii()
    at = page.position
    assert (page.stage, page.volume) == ("LA", "main")
    assert (at.material, at.party, at.instance, at.page) == ("111", "Y01", 1, 1)
    assert station.lying() == AT_REST
    assert station.counted("taken") == 1


def test_the_court_pulls_the_very_bytes(tmp_path, pdf, jpeg, sidecar):
    hall = court.Hall(tmp_path)
    dropped = tmp_path / "inbox"
    inbox = Inbox(dropped, hall.ledger, court.RULES, Metrics(CollectorRegistry()), min_free_bytes=0)
    inbox._folder.prepare()
    for name, data in (("a.pdf", pdf), ("b.jpg", jpeg)):
        (dropped / name).write_bytes(data)
        (dropped / f"{name}.toml").write_text(sidecar, encoding="utf-8")
        inbox._folder.claim(name)
    inbox.look()
    assert hall.pull(tmp_path / "court").files == 2
    hall.close()
    key = case_number.parse("(2026)吉01民初129号").key
    pulled = sorted((tmp_path / "court" / key / "main").iterdir())
    assert [(path.suffix, path.read_bytes()) for path in pulled] == [(".pdf", pdf), (".jpg", jpeg)]


def test_each_file_is_a_closed_batch_of_one_face(station):
    station.drop("a.pdf")
    station.drop("b.pdf")
    station.look()
    accounts = [station.ledger.batch_account(number) for number in (1, 2)]
    assert [a.counts for a in accounts] == [{Fate.PAGE: 1}] * 2
    assert all(a.electronic and a.closed_at is not None and a.sheets == 1 for a in accounts)


def test_party_and_instance_may_be_left_out_or_said(station, sidecar):
    station.drop("a.pdf", sidecar=sidecar.replace('party = "Y01"\n', ""))
    station.drop("b.pdf", sidecar=sidecar + "instance = 3\n")
    station.look()
    places = [(page.position.party, page.position.instance) for page, _ in station.pages()]
    assert places == [("000", 1), ("Y01", 3)]


def test_a_file_that_still_changes_waits(station, pdf):
    station.drop("a.pdf", pdf[:100])
    station.look(1)
    for end in (200, 300, len(pdf)):
        (station.folder / "a.pdf").write_bytes(pdf[:end])
        station.look(1)
        assert station.pages() == []
    station.look(1, apart_s=0.9)
    assert [data for _, data in station.pages()] == [pdf]


def test_a_file_that_changed_only_in_time_waits_too(station):
    station.drop("a.pdf")
    station.look(1)
    os.utime(station.folder / "a.pdf", ns=(5, 5))
    station.look(1, apart_s=0.5)
    station.look(1, apart_s=0.5)
    assert station.pages() == []
    station.look(1)
    assert len(station.pages()) == 1


def test_a_file_without_a_sidecar_and_a_sidecar_alone_wait_and_are_counted(station, sidecar):
    station.drop("alone.pdf", sidecar=None)
    (station.folder / "early.pdf.toml").write_text(sidecar, encoding="utf-8")
    station.look(3)
    assert station.lying() == [*AT_REST, "alone.pdf", "early.pdf.toml"]
    assert station.metrics.inbox_waiting._value.get() == 2
    station.drop("early.pdf")
    station.drop("alone.pdf")
    station.look()
    assert len(station.pages()) == 2
    assert station.metrics.inbox_waiting._value.get() == 0


def test_two_files_of_one_name_one_after_the_other_are_two_pages(station, pdf):
    station.drop("a.pdf", pdf)
    station.look()
    other = pdf + b"% again\n%%EOF\n"
    station.drop("a.pdf", other)
    station.look()
    assert [data for _, data in station.pages()] == [pdf, other]
    assert [page.file_name for page, _ in station.pages()] == ["a.pdf", "a.pdf"]


def test_a_name_that_is_not_utf8_is_kept_legible(station, pdf, sidecar):
    folder = os.fsencode(station.folder)
    name = "诉状.pdf".encode("gb18030")
    for suffix, data in ((b"", pdf), (b".toml", sidecar.encode())):
        Path(os.fsdecode(folder + b"/" + name + suffix)).write_bytes(data)
    station.look()
    ((page, data),) = station.pages()
    assert data == pdf
    assert page.file_name == name.decode("utf-8", "backslashreplace")
    assert page.file_name.endswith(".pdf")


def test_names_that_look_like_something_else_are_only_names(station):
    names = ["-rf.pdf", "a\nb.pdf", "..pdf", "%2e%2e%2fx.pdf", "0123abcd-000001-0001-E", "x" * 250]
    for name in names:
        station.drop(name)
    station.look()
    assert sorted(page.file_name for page, _ in station.pages()) == sorted(names)
    assert station.lying() == AT_REST


def test_a_document_called_like_a_sidecar_is_none(station, sidecar):
    station.drop("a")
    station.drop("a.toml", sidecar.encode())
    station.look()
    assert [page.file_name for page, _ in station.pages()] == ["a"]
    assert station.lying() == [*AT_REST, "a.toml.toml"]


def test_a_file_that_is_taken_away_while_it_is_claimed_leaves_its_sidecar(station, monkeypatch):
    station.drop("a.pdf")
    station.look(1)
    real = Path.rename

    def rename(path, target):
        if path.name == "a.pdf":
            path.unlink(missing_ok=True)
        return real(path, target)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "rename", rename)
        station.look(1)
    assert station.lying() == [*AT_REST, "a.pdf.toml"]
    station.drop("a.pdf")
    station.look()
    assert len(station.pages()) == 1


# -- a disk that is full, fails, or forgets ---------------------------------------------------


def test_on_a_full_disk_nothing_is_claimed(make_station, caplog):
    station = make_station(min_free_bytes=2**60)
    station.drop("a.pdf")
    station.look(4)
    assert station.lying() == [*AT_REST, "a.pdf", "a.pdf.toml"]
    assert station.ledger.batch_numbers(9) == []
    assert [record.message for record in caplog.records] == ["the disk is full: the inbox waits"]
    station.inbox._min_free_bytes = 0
    station.look()
    assert len(station.pages()) == 1


def test_a_claimed_file_waits_when_its_bytes_find_no_room(station, monkeypatch, caplog):
    station.drop("a.pdf")
    station.drop("b.pdf")

    def full(*_args):
        raise SpoolFull("no room")

    with monkeypatch.context() as patched:
        patched.setattr(Ledger, "commit", full)
        station.look(5)
    assert station.pages() == []
    assert station.rejected() == []
    assert len(caplog.records) == 1
    station.look(1)
    assert sorted(page.file_name for page, _ in station.pages()) == ["a.pdf", "b.pdf"]
    assert station.ledger.batch_numbers(9) == [2, 1]
    assert station.ledger.open_batches() == []
    assert station.lying() == AT_REST


def test_a_failed_ledger_ends_the_thread_and_the_file_is_taken_after_it(
    station, make_station, monkeypatch
):
    station.drop("a.pdf")
    monkeypatch.setattr(inbox_module, "SETTLE_S", 0.02)
    station.inbox._clock = time.monotonic
    station.ledger._writing.writer.fail(SpoolFailed("made to fail"))
    with pytest.raises(SpoolFailed):
        station.inbox.run(lambda: None)
    station.close()
    again = make_station()
    again.look()
    assert len(again.pages()) == 1
    assert again.lying() == AT_REST


def test_a_claim_is_on_the_disk_under_its_page_id_before_the_journal_knows(station, monkeypatch):
    said = []
    real_sync, real_commit = os.fsync, Ledger.commit

    def fsync(descriptor):
        said.append(Path(f"/proc/self/fd/{descriptor}").readlink())
        real_sync(descriptor)

    def commit(ledger, pages):
        claimed = station.folder / ".claimed"
        claim = claimed / str(pages[0].page_id)
        assert {claim, claimed, station.folder} <= set(said)
        assert sorted(path.name for path in claim.iterdir()) == ["a.pdf", "a.pdf.toml"]
        said.append("commit")
        return real_commit(ledger, pages)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(Ledger, "commit", commit)
    station.drop("a.pdf")
    station.look()
    assert said.count("commit") == 1


# -- the thread -------------------------------------------------------------------------------


def test_a_running_inbox_takes_what_is_dropped_and_ends_when_it_is_told(station, monkeypatch):
    monkeypatch.setattr(inbox_module, "SETTLE_S", 0.02)
    station.inbox._clock = time.monotonic
    beats = []
    thread = threading.Thread(target=station.inbox.run, args=(lambda: beats.append(1),))
    thread.start()
    for name in ("a.pdf", "b.pdf"):
        before = station.ledger.last()[0]
        station.drop(name)
        assert station.ledger.wait_beyond(before + 1, 20)
    station.inbox.stop()
    thread.join(20)
    assert not thread.is_alive()
    assert [page.file_name for page, _ in station.pages()] == ["a.pdf", "b.pdf"]
    assert beats


def test_an_inbox_that_cannot_be_set_up_says_where_it_must_be(station):
    station.folder.rename(station.root / "elsewhere")
    station.folder.write_bytes(b"a file, not a folder")
    with pytest.raises(ConfigError, match="local folder in which the daemon may write"):
        station.inbox.run(lambda: None)


def test_a_folder_that_vanishes_ends_the_thread(station):
    station.folder.rename(station.root / "elsewhere")
    with pytest.raises(SpoolFailed, match="look into the inbox"):
        station.inbox.look()
