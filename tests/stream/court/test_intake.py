import hashlib

import pytest

from daemon.errors import ChainBroken
from daemon.rpc import pages_pb2 as pb
from daemon.spool.journal import first_hash, next_hash
from daemon.stream.court_store import Cursor
from daemon.stream.intake import Intake

EPOCH = "0123abcd-0000-4000-8000-000000000000"
START = first_hash(EPOCH)
FACE = "0123abcd-000001-0001-F"


def sha(data):
    return hashlib.sha256(data).digest()


@pytest.fixture
def intake(tmp_path):
    return Intake(Cursor(EPOCH, 0, START), tmp_path)


def page_entry(*datas, page_id=FACE, roles=(pb.BLOB_ROLE_PAGE, pb.BLOB_ROLE_ORIGINAL)):
    blobs = [
        pb.BlobRef(role=role, sha256=sha(data), size_bytes=len(data), media_type="image/jpeg")
        for role, data in zip(roles, datas, strict=False)
    ]
    page = pb.PageRecord(page_id=page_id, fate=pb.FATE_PAGE, case_key="c", volume="v", blobs=blobs)
    return sealed(pb.JournalEntry(page=page).SerializeToString())


def sealed(record, sequence=1, prev=START):
    return pb.Entry(
        sequence=sequence,
        record=record,
        prev_entry_hash=prev,
        entry_hash=next_hash(prev, sha(record)),
    )


def chunk(data, offset=0, *, last=True, role=pb.BLOB_ROLE_PAGE, page_id=FACE):
    return pb.BlobChunk(page_id=page_id, role=role, offset_bytes=offset, data=data, last=last)


def test_an_entry_is_handed_on_only_with_all_its_blobs(intake):
    assert intake.entry(page_entry(b"page", b"file")) is None
    assert intake.chunk(chunk(b"pa", last=False)) is None
    assert intake.chunk(chunk(b"ge", 2)) is None
    received = intake.chunk(chunk(b"file", role=pb.BLOB_ROLE_ORIGINAL))
    assert [part.part.read_bytes() for part in received.parts] == [b"page", b"file"]
    assert (received.page_id, received.case_key, received.volume) == (FACE, "c", "v")


def test_an_entry_without_blobs_is_handed_on_at_once(intake):
    closed = sealed(pb.JournalEntry(batch_closed=pb.BatchClosed(batch=1)).SerializeToString())
    received = intake.entry(closed)
    assert (received.kind, received.page_id) == ("batch_closed", "")


def test_an_empty_blob_is_whole(intake):
    intake.entry(page_entry(b""))
    assert intake.chunk(chunk(b"")).parts[0].part.read_bytes() == b""


def test_a_blob_that_ends_short_is_missing_and_its_entry_goes_on(intake):
    intake.entry(page_entry(b"page"))
    received = intake.chunk(chunk(b""))
    assert [part.part for part in received.parts] == [None]


@pytest.mark.parametrize(
    "wrong",
    [
        chunk(b"page", 1),
        chunk(b"pages"),
        chunk(b"page", role=pb.BLOB_ROLE_RAW),
        chunk(b"page", page_id=FACE[:-1] + "B"),
        chunk(b"egap"),
    ],
    ids=["offset", "too long", "role", "page", "bytes"],
)
def test_a_piece_that_is_not_the_announced_one_breaks_the_chain(intake, wrong):
    intake.entry(page_entry(b"page"))
    with pytest.raises(ChainBroken):
        intake.chunk(wrong)


def test_a_piece_nobody_announced_is_refused(intake):
    with pytest.raises(ChainBroken, match="no entry announced"):
        intake.chunk(chunk(b"x"))


def test_the_next_entry_cannot_come_before_the_blobs(intake):
    first = page_entry(b"page")
    intake.entry(first)
    with pytest.raises(ChainBroken, match="before the blobs"):
        intake.entry(sealed(b"", 2, first.entry_hash))


def changed(entry, **values):
    other = pb.Entry()
    other.CopyFrom(entry)
    for name, value in values.items():
        setattr(other, name, value)
    return other


@pytest.mark.parametrize(
    "values",
    [
        {"sequence": 2},
        {"sequence": 0},
        {"entry_hash": b"x" * 32},
        {"prev_entry_hash": b"x" * 32},
        {"record": b"\x0a\x00"},
        {"record_sha256": b"x" * 32},
    ],
)
def test_an_entry_that_does_not_follow_is_refused(intake, values):
    with pytest.raises(ChainBroken):
        intake.entry(changed(page_entry(b"page"), **values))


def test_a_redacted_entry_continues_the_chain_with_its_hash(intake):
    whole = page_entry(b"page")
    received = intake.entry(changed(whole, record_sha256=sha(whole.record)))
    assert (received.record, received.kind, received.parts) == (None, "redacted", ())
    after = sealed(
        pb.JournalEntry(batch_closed=pb.BatchClosed()).SerializeToString(), 2, whole.entry_hash
    )
    assert intake.entry(after).sequence == 2


@pytest.mark.parametrize("page_id", ["../x", "ffffffff-000001-0001-F", ""])
def test_a_page_of_another_epoch_or_with_a_wrong_name_is_refused(intake, page_id):
    with pytest.raises(ChainBroken):
        intake.entry(page_entry(b"page", page_id=page_id))


@pytest.mark.parametrize("record", [b"\xff\xff", b""])
def test_a_record_that_cannot_be_read_is_refused(intake, record):
    with pytest.raises(ChainBroken):
        intake.entry(sealed(record))
