import hashlib

import grpc
import pytest

from daemon.page import Blob, Role
from daemon.rpc import pages_pb2 as pb


def code(call, *args, **rest):
    with pytest.raises(grpc.RpcError) as caught:
        call(*args, **rest)
    return caught.value.code()


@pytest.fixture
def ids(hall, paper):
    raw = Blob(Role.RAW, "application/zstd", b"r" * 700_000)
    return hall.feed(
        paper.page(b"open", extra=(raw,)), paper.page(b"closed", volume="secondary"),
        paper.blank(b"evidence", b"whole"), paper.blank(),
    )  # fmt: skip


def cursor(hall, name):
    return next(c.acknowledged for c in hall.ledger.consumers() if c.name == name)


def test_an_acknowledgement_moves_the_cursor_of_its_consumer_only(hall, court, ids):
    assert court.acknowledge(2).acknowledged_sequence == 2
    assert (cursor(hall, "court"), cursor(hall, "mirror")) == (2, 0)
    assert court.acknowledge(2).acknowledged_sequence == 2


def test_an_older_acknowledgement_does_not_move_the_cursor_back(hall, court, ids):
    court.acknowledge(3)
    assert court.acknowledge(1).acknowledged_sequence == 3
    assert cursor(hall, "court") == 3


def test_a_wrong_hash_is_a_failed_precondition_and_counted(hall, court, ids):
    assert code(court.acknowledge, 2, b"?" * 32) is grpc.StatusCode.FAILED_PRECONDITION
    assert hall.counted == ["bad_acknowledgement"]
    assert cursor(hall, "court") == 0


def test_an_acknowledgement_ahead_of_the_journal_is_out_of_range(court, ids):
    assert code(court.acknowledge, 99, b"?" * 32) is grpc.StatusCode.OUT_OF_RANGE


def test_an_acknowledgement_for_another_epoch_is_refused(court, ids):
    assert code(court.acknowledge, 1, epoch="x") is grpc.StatusCode.FAILED_PRECONDITION


def test_a_blob_is_read_from_an_offset_with_its_size_and_hash(court, ids):
    got = court.read_blob(ids[0], pb.BLOB_ROLE_RAW, 300_000)
    assert [g.offset_bytes for g in got] == [300_000, 300_000 + 262_144]
    assert b"".join(g.data for g in got) == b"r" * 400_000
    assert {g.size_bytes for g in got} == {700_000}
    assert {g.sha256 for g in got} == {hashlib.sha256(b"r" * 700_000).digest()}


def test_reading_from_the_end_answers_with_size_and_hash_only(court, ids):
    (got,) = court.read_blob(ids[0], pb.BLOB_ROLE_PAGE, 4)
    assert (got.data, got.size_bytes) == (b"", 4)
    assert code(court.read_blob, ids[0], pb.BLOB_ROLE_PAGE, 5) is grpc.StatusCode.OUT_OF_RANGE


def test_a_removed_blank_can_be_read_whole(court, ids):
    assert court.read_blob(ids[2], pb.BLOB_ROLE_PAGE)[0].data == b"whole"


def test_what_is_not_there_is_not_found_and_nonsense_is_refused(court, ids):
    assert code(court.read_blob, ids[0], pb.BLOB_ROLE_TEXT) is grpc.StatusCode.NOT_FOUND
    nobody = str(ids[0])[:-6] + "0999-F"
    assert code(court.read_blob, nobody, pb.BLOB_ROLE_PAGE) is grpc.StatusCode.NOT_FOUND
    assert code(court.read_blob, "../x", pb.BLOB_ROLE_PAGE) is grpc.StatusCode.INVALID_ARGUMENT
    assert code(court.read_blob, ids[0], 0) is grpc.StatusCode.INVALID_ARGUMENT


def test_the_secondary_volume_cannot_be_read_without_the_right(hall, court, make_court, ids):
    mirror = make_court(hall, name="mirror")
    assert court.read_blob(ids[1], pb.BLOB_ROLE_PAGE)[0].data == b"closed"
    assert code(mirror.read_blob, ids[1], pb.BLOB_ROLE_PAGE) is grpc.StatusCode.PERMISSION_DENIED
    assert mirror.read_blob(ids[0], pb.BLOB_ROLE_PAGE)[0].data == b"open"


def test_a_damaged_blob_is_data_loss_and_quarantines_its_page_once(hall, court, ids):
    next((hall.folder / "spool").rglob(f"{ids[0]}-page")).write_bytes(b"nepo")
    before = hall.ledger.last()[0]
    for _ in range(2):
        assert code(court.read_blob, ids[0], pb.BLOB_ROLE_PAGE) is grpc.StatusCode.DATA_LOSS
    assert hall.ledger.last()[0] == before + 1
