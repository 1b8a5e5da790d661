from dataclasses import replace

import pytest

from daemon.page import BlobRef, Fate, Page, PageId, Position, Role, Side, Step
from daemon.rpc import pages_pb2 as pb
from daemon.spool.journal import Amendment, BatchClosed, Decision, PageRecord
from daemon.spool.standing import Change
from daemon.stream import codec
from daemon.stream.codec import Origin, blobs_behind, encode, inline_blobs

FACE = PageId("0123abcd", 7, 12, Side.BACK)
ORIGIN = Origin("hall-1", "立案大厅 1 号", "立案庭", "jilin-2026", "standard")


def decoded(entry):
    return pb.JournalEntry.FromString(encode(entry, ORIGIN))


def record(fate=Fate.PAGE, roles=(Role.PAGE,), **rest):
    refs = tuple(BlobRef(role, "image/jpeg", b"h" * 32, 5) for role in roles)
    page = Page(FACE, Fate.LOST, virtual=True, captured_at=1_770_000_000.123457, **rest)
    object.__setattr__(page, "fate", fate)
    return PageRecord(page, refs)


def amendment(change, **values):
    return Amendment(FACE, Change(change), values, "clerk", "r-1", "why", 1_770_000_000.5)


def test_every_fact_of_a_page_is_in_its_record():
    position = Position(
        case_number="（2018）吉01民初129号",
        case_key="(2018)吉01民初129号",
        stage="LA",
        volume="main",
        material="111",
        party="Y01",
        instance=2,
        page=3,
        insert_after=0,
        declared_pages=9,
    )
    steps = (Step("skew", "2", "cpu", {"angle_deg": 0.5, "runs": 3, "trusted": True, "why": "x"}),)
    got = decoded(
        record(
            position=position,
            width_px=2480,
            height_px=3508,
            dpi=300,
            steps=steps,
            warnings=("a", "b"),
            marked_blank=True,
            reason="r",
            separator="s",
            file_name="起诉状.pdf",
        )
    ).page
    for field in pb.PageRecord.DESCRIPTOR.fields:
        if field.name not in ("copy_status", "declared_copies"):
            assert (
                got.HasField(field.name)
                if field.message_type and not field.is_repeated
                else (getattr(got, field.name))
            ), field.name
    assert got.page_id == "0123abcd-000007-0012-B"
    assert (got.batch, got.sheet, got.side, got.fate) == (7, 12, pb.SIDE_BACK, pb.FATE_PAGE)
    assert (got.appliance, got.station, got.department) == ("hall-1", "立案大厅 1 号", "立案庭")
    assert (got.case_number, got.case_key) == (position.case_number, position.case_key)
    assert got.position.HasField("insert_after")
    assert got.position.insert_after == 0
    assert got.captured_at.ToMicroseconds() == 1_770_000_000_123_457
    values = {v.name: getattr(v, v.WhichOneof("value")) for v in got.steps[0].values}
    assert values == {"angle_deg": 0.5, "runs": 3, "trusted": True, "why": "x"}
    assert [v.WhichOneof("value") for v in got.steps[0].values] == [
        "number", "integer", "flag", "text",
    ]  # fmt: skip


def test_a_place_without_insert_after_has_none():
    assert not decoded(record()).page.position.HasField("insert_after")


@pytest.mark.parametrize(
    ("table", "ours", "theirs"),
    [
        (codec.SIDES, Side, pb.Side),
        (codec.FATES, Fate, pb.Fate),
        (codec.ROLES, Role, pb.BlobRole),
    ],
)
def test_every_word_of_ours_has_its_own_number_and_no_number_is_left_over(table, ours, theirs):
    assert set(table) == set(ours)
    assert sorted(table.values()) == sorted(set(theirs.values()) - {0})


CHANGES = {
    "assign": {"case_number": "c", "stage": "LA", "material": "111", "page": 2, "insert_after": 4},
    "move": {"material": "112", "party": "Y01", "instance": 2, "page": 2},
    "not_for_archive": {},
    "restore": {},
    "reject": {"defect": "blurred"},
    "rekey": {"from_case_number": "a", "to_case_number": "b"},
    "link": {"stage": "LA", "material": "113"},
    "resolve": {"fate": Fate.LOST},
    "supersede": {"by_page_id": "0123abcd-000007-0013-B"},
    "raw_dropped": {},
    "quarantine": {"role": Role.PAGE},
}


@pytest.mark.parametrize("change", CHANGES)
def test_an_amendment_says_what_changed(change):
    got = decoded(amendment(change, **CHANGES[change])).amendment
    assert got.WhichOneof("change") == change
    assert (got.page_id, got.actor, got.request_id, got.reason) == (
        str(FACE), "clerk", "r-1", "why",
    )  # fmt: skip
    told = getattr(got, change)
    place = getattr(told, "position", told)
    for name, value in CHANGES[change].items():
        there = getattr(told if name in told.DESCRIPTOR.fields_by_name else place, name)
        expected = codec.FATES.get(value) or codec.ROLES.get(value) or value
        assert there == expected, name


def test_every_change_of_the_contract_is_known():
    fields = pb.Amendment.DESCRIPTOR.oneofs_by_name["change"].fields
    assert {f.name for f in fields} == set(CHANGES) == set(Change)


@pytest.mark.parametrize(
    ("change", "values"),
    [("restore", {"page": 1}), ("reject", {"defects": "x"}), ("rekey", {"page": 1})],
)
def test_what_the_contract_has_no_place_for_is_an_error(change, values):
    with pytest.raises(ValueError, match="has no values"):
        encode(amendment(change, **values), ORIGIN)


@pytest.mark.parametrize("change", ["restore", "resolve"])
def test_an_amendment_that_makes_a_page_names_the_image_that_follows(change):
    ref = BlobRef(Role.PAGE, "image/jpeg", b"s" * 32, 7)
    got = decoded(replace(amendment(change, **CHANGES[change]), blobs=(ref,)))
    (behind,) = blobs_behind(got)
    assert (behind.role, behind.size_bytes, behind.sha256) == (pb.BLOB_ROLE_PAGE, 7, b"s" * 32)
    with pytest.raises(ValueError, match="brings no image"):
        encode(replace(amendment("reject"), blobs=(ref,)), ORIGIN)


def test_a_batch_that_was_closed_by_decision_says_who_and_why():
    decision = Decision("court/clerk", "given up", "r-1")
    entry = BatchClosed(4, False, False, 1.0, 2.0, 0, 0, {}, decision)
    got = decoded(entry).batch_closed
    assert (got.actor, got.reason, got.request_id) == ("court/clerk", "given up", "r-1")


def test_a_closed_batch_carries_its_account():
    counts = {Fate.PAGE: 3, Fate.BLANK: 1, Fate.LOST: 0}
    entry = BatchClosed(
        batch=4,
        virtual=True,
        electronic=False,
        opened_at=1_770_000_000.0,
        closed_at=1_770_000_060.0,
        sheets=2,
        faces=4,
        counts=counts,
    )
    got = decoded(entry).batch_closed
    assert (got.batch, got.virtual, got.electronic, got.sheets, got.faces) == (4, True, False, 2, 4)
    assert {c.fate: c.faces for c in got.counts} == {pb.FATE_PAGE: 3, pb.FATE_BLANK: 1}
    assert got.closed_at.seconds - got.opened_at.seconds == 60


EVERYTHING = (Role.PAGE, Role.RAW, Role.ORIGINAL, Role.EVIDENCE, Role.TEXT)


@pytest.mark.parametrize(
    ("fate", "roles"),
    [
        (Fate.PAGE, [pb.BLOB_ROLE_PAGE, pb.BLOB_ROLE_ORIGINAL, pb.BLOB_ROLE_EVIDENCE]),
        (Fate.BLANK, [pb.BLOB_ROLE_EVIDENCE]),
        (Fate.QUARANTINED, [pb.BLOB_ROLE_EVIDENCE]),
        (Fate.SEPARATOR, [pb.BLOB_ROLE_EVIDENCE]),
    ],
)
def test_what_follows_an_entry_inline_depends_on_its_fate(fate, roles):
    page = decoded(record(fate, EVERYTHING)).page
    assert [blob.role for blob in inline_blobs(page)] == roles
