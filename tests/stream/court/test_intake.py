import hashlib

import pytest

from daemon.dossier import case_number
from daemon.errors import ChainBroken, ContractError
from daemon.rpc import pages_pb2 as pb
from daemon.spool.chain import Chain
from daemon.stream.court.intake import Intake
from daemon.stream.court.received import Cursor

EPOCH = "0123abcd-0000-4000-8000-000000000000"
CHAIN = Chain()
START = CHAIN.first(EPOCH)
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


def sealed(record, sequence=1, prev=START, chain=CHAIN):
    return pb.Entry(
        sequence=sequence,
        record=record,
        prev_entry_hash=prev,
        entry_hash=chain.next(prev, chain.digest(record)),
    )


def amended(sequence=1, **change):
    """An entry with an amendment of FACE."""
    amendment = pb.Amendment(page_id=FACE, **change)
    return sealed(pb.JournalEntry(amendment=amendment).SerializeToString(), sequence)


def ref(data, role=pb.BLOB_ROLE_PAGE, media_type="image/jpeg"):
    return pb.BlobRef(role=role, sha256=sha(data), size_bytes=len(data), media_type=media_type)


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
        {"record_hash": b"x" * 32},
    ],
)
def test_an_entry_that_does_not_follow_is_refused(intake, values):
    with pytest.raises(ChainBroken):
        intake.entry(changed(page_entry(b"page"), **values))


def test_a_redacted_entry_continues_the_chain_with_its_hash(intake):
    whole = page_entry(b"page")
    received = intake.entry(changed(whole, record_hash=sha(whole.record)))
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


def test_the_chain_is_followed_with_the_algorithm_of_the_epoch(tmp_path):
    sm3 = Chain("sm3")
    record = pb.JournalEntry(batch_closed=pb.BatchClosed(batch=1)).SerializeToString()
    entry = sealed(record, prev=sm3.first(EPOCH), chain=sm3)
    cursor = Cursor(EPOCH, 0, sm3.first(EPOCH), sm3)
    received = Intake(cursor, tmp_path).entry(entry)
    assert received.record_hash == sm3.digest(record) != sha(record)
    with pytest.raises(ChainBroken, match="hash chain"):
        Intake(Cursor(EPOCH, 0, sm3.first(EPOCH)), tmp_path).entry(entry)


@pytest.mark.parametrize(
    "change",
    [
        {"restore": pb.Restore(blobs=[ref(b"back")])},
        {"resolve": pb.Resolve(fate=pb.FATE_PAGE, blobs=[ref(b"back")])},
    ],
    ids=["restore", "resolve"],
)
def test_the_image_of_a_face_that_is_a_page_after_all_follows_its_amendment(intake, change):
    assert intake.entry(amended(**change)) is None
    received = intake.chunk(chunk(b"back"))
    assert (received.kind, received.page_id) == ("amendment", FACE)
    (part,) = received.parts
    assert (part.name, part.role, part.part.read_bytes()) == (f"{FACE}.jpg", "page", b"back")
    assert (received.case_key, received.volume) == (None, None)


def test_an_original_that_comes_back_alone_has_the_plain_name(intake):
    original = ref(b"%PDF", pb.BLOB_ROLE_ORIGINAL, "application/pdf")
    intake.entry(amended(restore=pb.Restore(blobs=[original])))
    (part,) = intake.chunk(chunk(b"%PDF", role=pb.BLOB_ROLE_ORIGINAL)).parts
    assert part.name == f"{FACE}.pdf"


def test_a_page_that_comes_twice_before_it_is_stored_lies_in_two_part_files(intake):
    first = page_entry(b"page")
    intake.entry(first)
    (once,) = intake.chunk(chunk(b"page")).parts
    again = amended(2, restore=pb.Restore(blobs=[ref(b"page")]))
    again.prev_entry_hash = first.entry_hash
    again.entry_hash = CHAIN.next(first.entry_hash, sha(again.record))
    intake.entry(again)
    (twice,) = intake.chunk(chunk(b"page")).parts
    assert once.part != twice.part
    assert once.part.read_bytes() == twice.part.read_bytes() == b"page"


@pytest.mark.parametrize(("released_sequence", "released"), [(0, False), (1, True)])
def test_bytes_that_were_let_go_of_are_told_from_damaged_ones(
    tmp_path, released_sequence, released
):
    intake = Intake(Cursor(EPOCH, 0, START), tmp_path, released_sequence=released_sequence)
    intake.entry(page_entry(b"page"))
    (part,) = intake.chunk(chunk(b"")).parts
    assert (part.part, part.released) == (None, released)
    assert list(tmp_path.iterdir()) == []


def test_bytes_that_end_midway_are_damaged_wherever_they_stand(tmp_path):
    intake = Intake(Cursor(EPOCH, 0, START), tmp_path, released_sequence=9)
    intake.entry(page_entry(b"page"))
    intake.chunk(chunk(b"pa", last=False))
    (part,) = intake.chunk(chunk(b"", 2)).parts
    assert (part.part, part.released) == (None, False)
    assert list(tmp_path.iterdir()) == []


CASE = case_number.parse("(2018)吉01民初129号")


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"rekey": pb.Rekey(to_case_number="（2018）吉01民初129号")}, (CASE.key, None)),
        ({"move": pb.Move(position=pb.Position(material="171"))}, (None, "secondary")),
        (
            {
                "assign": pb.Assign(
                    case_number=CASE.text, stage="LA", position=pb.Position(material="111")
                )
            },
            (CASE.key, "main"),
        ),
        ({"not_for_archive": pb.NotForArchive()}, (None, None)),
    ],
    ids=["rekey", "move", "assign", "not_for_archive"],
)
def test_an_amendment_says_where_its_page_stands_from_now_on(intake, change, place):
    received = intake.entry(amended(**change))
    assert (received.case_key, received.volume) == place


@pytest.mark.parametrize(
    "change",
    [
        {"rekey": pb.Rekey(to_case_number="case 129")},
        {"move": pb.Move(position=pb.Position(material="899"))},
    ],
)
def test_a_place_that_this_version_does_not_know_is_refused(intake, change):
    with pytest.raises(ContractError, match="update this side first"):
        intake.entry(amended(**change))
