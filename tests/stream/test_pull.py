import hashlib
import itertools

import grpc
import pytest

from daemon.page import Blob, Role
from daemon.rpc import pages_pb2 as pb
from daemon.spool.chain import Chain


def until_beat(call):
    """Return the messages up to the first heartbeat."""
    return list(itertools.takewhile(lambda m: m.WhichOneof("event") != "heartbeat", call))


def entries(messages):
    return [m.entry for m in messages if m.WhichOneof("event") == "entry"]


def chunks(messages):
    return [m.blob_chunk for m in messages if m.WhichOneof("event") == "blob_chunk"]


def status(call):
    with pytest.raises(grpc.RpcError) as caught:
        list(call)
    return caught.value.code()


def test_a_stream_opens_then_brings_the_journal_in_order_and_its_chain_verifies(hall, court, paper):
    ids = hall.feed(paper.page(b"one"), paper.blank(), paper.separator, paper.separator)
    opened, *rest = until_beat(court.pull())
    assert opened.opened.epoch == hall.ledger.epoch
    assert opened.opened.last_sequence == 5
    assert opened.opened.appliance == "hall-1"
    got = entries(rest)
    assert [e.sequence for e in got] == [1, 2, 3, 4, 5]
    records = [pb.JournalEntry.FromString(e.record) for e in got]
    assert [r.page.page_id for r in records[:4]] == [str(i) for i in ids]
    assert records[4].batch_closed.faces == 4
    expected = Chain().first(hall.ledger.epoch)
    for entry in got:
        assert entry.prev_entry_hash == expected
        expected = Chain().next(expected, hashlib.sha256(entry.record).digest())
        assert entry.entry_hash == expected


def test_pages_and_evidence_come_inline_behind_their_entry_and_nothing_else_does(
    hall, court, paper
):
    raw = Blob(Role.RAW, "application/zstd", b"raw")
    ids = hall.feed(
        paper.page(b"one", extra=(raw,)), paper.blank(b"evidence", b"whole"),
        paper.separator, paper.separator,
    )  # fmt: skip
    messages = until_beat(court.pull())
    got = chunks(messages)
    assert [(c.page_id, c.role, c.data, c.last) for c in got] == [
        (str(ids[0]), pb.BLOB_ROLE_PAGE, b"one", True),
        (str(ids[1]), pb.BLOB_ROLE_EVIDENCE, b"evidence", True),
    ]
    assert messages.index(next(m for m in messages if m.HasField("blob_chunk"))) == 2


def test_a_large_blob_comes_in_pieces_of_the_asked_size(hall, court, paper):
    data = bytes(range(256)) * 1000
    hall.feed(paper.page(data), paper.page(b""))
    got = chunks(until_beat(court.pull(max_chunk_bytes=100_000)))
    assert [(c.offset_bytes, len(c.data), c.last) for c in got] == [
        (0, 100_000, False), (100_000, 100_000, False), (200_000, 56_000, True), (0, 0, True),
    ]  # fmt: skip
    assert b"".join(c.data for c in got) == data


def test_what_is_committed_later_follows_in_the_same_stream(hall, court, paper):
    call = court.pull()
    assert len(until_beat(call)) == 1
    hall.feed(paper.page(b"one"), paper.page(b"two"))
    assert [e.sequence for e in entries(until_beat(call))] == [1, 2, 3]


def test_a_stream_resumes_behind_its_cursor(hall, court, paper):
    hall.feed(paper.page(b"one"), paper.page(b"two"))
    got = until_beat(court.pull(after=1))
    assert [e.sequence for e in entries(got)] == [2, 3]
    assert [c.data for c in chunks(got)] == [b"two"]


def test_the_window_of_entries_holds_until_it_is_acknowledged(hall, court, paper):
    hall.feed(*[paper.page(b"x")] * 10)
    call = court.pull(max_unacked_entries=4)
    assert [e.sequence for e in entries(until_beat(call))] == [1, 2, 3, 4]
    assert entries(until_beat(call)) == []
    court.acknowledge(3)
    assert [e.sequence for e in entries(until_beat(call))] == [5, 6, 7]
    court.acknowledge(7)
    assert [e.sequence for e in entries(until_beat(call))] == [8, 9, 10, 11]


def test_the_window_of_bytes_holds_and_one_too_large_entry_goes_alone(hall, court, paper):
    hall.feed(*[paper.page(b"x" * 40_000)] * 4, paper.page(b"y" * 200_000), paper.blank())
    call = court.pull(max_unacked_bytes=100_000)
    assert [e.sequence for e in entries(until_beat(call))] == [1, 2]
    court.acknowledge(2)
    assert [e.sequence for e in entries(until_beat(call))] == [3, 4]
    court.acknowledge(3)
    assert entries(until_beat(call)) == []
    court.acknowledge(4)
    assert [e.sequence for e in entries(until_beat(call))] == [5]
    court.acknowledge(5)
    assert [e.sequence for e in entries(until_beat(call))] == [6, 7]


def test_heartbeats_tell_the_state_and_cause_of_the_feeder(hall, court):
    hall.facts = type(hall.facts)(state="BLOCKED", cause="paper_jam", batch=7, refeed_from_sheet=3)
    beat = list(itertools.islice(court.pull(), 2))[1].heartbeat
    assert (beat.feeder.state, beat.feeder.cause) == ("BLOCKED", "paper_jam")
    assert (beat.feeder.batch, beat.feeder.refeed_from_sheet) == (7, 3)
    assert beat.last_sequence == 0


def test_a_higher_instance_ends_the_older_stream_and_a_lower_one_is_refused(
    hall, court, make_court
):
    older = court.pull(instance=10)
    until_beat(older)
    other = make_court(hall)
    newer = other.pull(instance=11)
    until_beat(newer)
    assert status(older) is grpc.StatusCode.ABORTED
    assert status(court.pull(instance=10)) is grpc.StatusCode.ABORTED
    with pytest.raises(grpc.RpcError) as caught:
        court.acknowledge(0, b"", instance=10)
    assert caught.value.code() is grpc.StatusCode.ABORTED
    assert "fenced" in hall.counted


def test_the_same_instance_may_come_back_after_a_lost_connection(hall, court, paper):
    hall.feed(paper.page(b"one"), paper.page(b"two"))
    first = court.pull(instance=10)
    until_beat(first)
    first.cancel()
    assert len(entries(until_beat(court.pull(instance=10)))) == 3


def test_consumers_do_not_end_each_other(hall, court, make_court, paper):
    mine, theirs = court.pull(), make_court(hall, name="mirror").pull()
    until_beat(mine)
    until_beat(theirs)
    hall.feed(paper.page(b"one"), paper.page(b"two"))
    assert len(entries(until_beat(mine))) == len(entries(until_beat(theirs))) == 3


def test_another_epoch_is_a_failed_precondition(court):
    other = "ffffffff-0000-4000-8000-000000000000"
    assert status(court.pull(epoch=other)) is grpc.StatusCode.FAILED_PRECONDITION
    assert status(court.pull(after=1, epoch="")) is grpc.StatusCode.FAILED_PRECONDITION


def test_a_first_contact_needs_no_epoch(court):
    assert until_beat(court.pull(epoch=""))[0].HasField("opened")


def test_a_cursor_ahead_of_the_journal_is_out_of_range(court):
    assert status(court.pull(after=1)) is grpc.StatusCode.OUT_OF_RANGE


def test_an_unknown_consumer_is_not_let_in(hall, make_court):
    nobody = make_court(hall, name="nobody")
    assert status(nobody.pull()) is grpc.StatusCode.PERMISSION_DENIED
    assert hall.counted == ["refused"]


def test_the_secondary_volume_is_redacted_for_those_without_the_right_and_the_chain_verifies(
    hall, court, make_court, paper
):
    hall.feed(
        paper.page(b"open", volume="main"), paper.page(b"closed", volume="secondary"),
    )  # fmt: skip
    whole = until_beat(court.pull())
    redacted = until_beat(make_court(hall, name="mirror").pull())
    assert [c.data for c in chunks(whole)] == [b"open", b"closed"]
    assert [c.data for c in chunks(redacted)] == [b"open"]
    assert [e.WhichOneof("content") for e in entries(redacted)] == [
        "record", "record_hash", "record",
    ]  # fmt: skip
    expected = Chain().first(hall.ledger.epoch)
    for mine, theirs in zip(entries(whole), entries(redacted), strict=True):
        digest = theirs.record_hash or hashlib.sha256(theirs.record).digest()
        expected = Chain().next(expected, digest)
        assert mine.entry_hash == theirs.entry_hash == expected


def test_a_damaged_blob_ends_short_is_quarantined_and_the_stream_goes_on(hall, court, paper):
    ids = hall.feed(paper.page(b"one"), paper.page(b"two"))
    file = next((hall.folder / "spool").rglob(f"{ids[0]}-page"))
    file.write_bytes(b"eno")
    call = court.pull()
    got = until_beat(call)
    assert [(c.data, c.last) for c in chunks(got)] == [(b"", True), (b"two", True)]
    records = [pb.JournalEntry.FromString(e.record) for e in entries(got)]
    last = records[-1].amendment
    assert last.page_id == str(ids[0])
    assert last.quarantine.role == pb.BLOB_ROLE_PAGE
    assert hall.counted == ["spool_corrupt"]
    again = until_beat(court.pull(instance=2))
    assert len(entries(again)) == len(records), "quarantined twice"


def test_a_drain_ends_running_streams_in_peace_and_takes_no_new_one(hall, court, paper):
    hall.feed(paper.page(b"one"), paper.page(b"two"))
    call = court.pull()
    until_beat(call)
    hall.server.drain()
    assert all(m.HasField("heartbeat") for m in call)
    assert call.code() is grpc.StatusCode.OK
    court.acknowledge(3)
    assert status(court.pull()) is grpc.StatusCode.UNAVAILABLE
