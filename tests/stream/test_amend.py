"""Amend and CloseBatch over the wire: decisions become entries, with who and why."""

import grpc
import pytest

from daemon.config import Consumer
from daemon.page import Fate, Role, Side
from daemon.rpc import pages_pb2 as pb
from daemon.spool.rows import Doomed
from daemon.stream.amend import Amendments
from daemon.stream.credentials import client_credentials
from daemon.stream.refusals import Refused

CASE = "(2018)吉01民初129号"
OTHER = "(2018)吉01民终7号"


def amend(court, page_id, *, request_id="r-1", **change):
    request = pb.AmendRequest(
        request_id=request_id, page_id=str(page_id), actor="clerk 7", reason="seen", **change
    )
    return court.dossier.Amend(request, timeout=20)


def refused(call, *args, **values):
    with pytest.raises(grpc.RpcError) as caught:
        call(*args, **values)
    return caught.value.code(), caught.value.details()


def from_entry(court, after):
    """Pull after an entry until the stream is at rest; returns entries and blobs by entry."""
    entries, blobs = [], {}
    for message in court.pull(after):
        match message.WhichOneof("event"):
            case "entry":
                entries.append(pb.JournalEntry.FromString(message.entry.record))
            case "blob_chunk":
                key = len(entries) - 1
                blobs[key] = blobs.get(key, b"") + message.blob_chunk.data
            case "heartbeat":
                return entries, blobs
    return entries, blobs


def test_a_restored_blank_is_sent_with_its_image_behind_the_amendment(hall, court, paper):
    ids = hall.feed(paper.page(b"front"), paper.blank(whole=b"the whole back"))
    last = hall.ledger.last()[0]
    sequence = amend(court, ids[1], restore=pb.Restore()).sequence
    assert sequence == last + 1
    (entry,), blobs = from_entry(court, last)
    said = entry.amendment
    assert (said.page_id, said.actor, said.reason) == (str(ids[1]), "local/clerk 7", "seen")
    assert [ref.role for ref in said.restore.blobs] == [pb.BLOB_ROLE_PAGE]
    assert blobs == {0: b"the whole back"}
    faces = court.dossier.GetBatch(pb.GetBatchRequest(batch=1)).faces
    assert [(f.fate, f.standing) for f in faces] == [
        (pb.FATE_PAGE, "page"),
        (pb.FATE_BLANK, "page"),
    ]


def test_a_rejected_page_is_undecided_until_it_is_resolved(hall, court, paper):
    ids = hall.feed(paper.page(b"front"), paper.blank())
    amend(court, ids[0], reject=pb.Reject(defect="blurred"))
    status = court.appliance.GetStatus(pb.GetStatusRequest())
    assert status.undecided_faces == 1
    last = hall.ledger.last()[0]
    amend(court, ids[0], request_id="r-2", resolve=pb.Resolve(fate=pb.FATE_PAGE))
    (entry,), blobs = from_entry(court, last)
    assert entry.amendment.resolve.fate == pb.FATE_PAGE
    assert blobs == {0: b"front"}
    assert court.appliance.GetStatus(pb.GetStatusRequest()).undecided_faces == 0


def test_a_rekeyed_page_stands_in_the_other_case(hall, court, paper):
    ids = hall.feed(paper.page(b"front"), paper.blank())
    rekey = pb.Rekey(from_case_number=CASE, to_case_number=OTHER)
    amend(court, ids[0], rekey=rekey)
    position = hall.ledger.face(ids[0]).position
    assert position.case_number == OTHER
    assert position.case_key in hall.ledger.cases()
    code, said = refused(amend, court, ids[0], request_id="r-2", rekey=rekey)
    assert code is grpc.StatusCode.FAILED_PRECONDITION
    assert "changed meanwhile" in said
    code, _ = refused(
        amend, court, ids[1], request_id="r-3",
        rekey=pb.Rekey(from_case_number=CASE, to_case_number="no case number"),
    )  # fmt: skip
    assert code is grpc.StatusCode.INVALID_ARGUMENT


def test_a_repeated_request_is_one_entry(hall, court, paper):
    ids = hall.feed(paper.page(b"front"), paper.blank())
    first = amend(court, ids[0], reject=pb.Reject(defect="cut"))
    assert amend(court, ids[0], reject=pb.Reject(defect="cut")) == first
    code, _ = refused(amend, court, ids[0], reject=pb.Reject(defect="blurred"))
    assert code is grpc.StatusCode.FAILED_PRECONDITION
    assert hall.ledger.last()[0] == first.sequence


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"restore": pb.Restore()}, grpc.StatusCode.FAILED_PRECONDITION),
        ({"resolve": pb.Resolve(fate=pb.FATE_BLANK)}, grpc.StatusCode.FAILED_PRECONDITION),
        ({"resolve": pb.Resolve()}, grpc.StatusCode.INVALID_ARGUMENT),
        (
            {"resolve": pb.Resolve(fate=pb.FATE_PAGE, by_page_id="0badc0de-000001-0001-F")},
            grpc.StatusCode.INVALID_ARGUMENT,
        ),
        ({}, grpc.StatusCode.INVALID_ARGUMENT),
        ({"assign": pb.Assign()}, grpc.StatusCode.UNIMPLEMENTED),
        ({"link": pb.Link()}, grpc.StatusCode.UNIMPLEMENTED),
    ],
)
def test_what_cannot_be_is_refused_and_writes_nothing(hall, court, paper, change, code):
    ids = hall.feed(paper.page(b"front"), paper.blank())
    last = hall.ledger.last()
    assert refused(amend, court, ids[0], **change)[0] is code
    assert hall.ledger.last() == last


@pytest.mark.parametrize("missing", ["request_id", "actor", "reason", "page_id"])
def test_a_decision_without_who_why_or_which_is_refused(hall, court, paper, missing):
    ids = hall.feed(paper.page(b"front"), paper.blank())
    values = {"request_id": "r", "actor": "a", "reason": "b", "page_id": str(ids[0])}
    request = pb.AmendRequest(reject=pb.Reject(), **(values | {missing: " "}))
    assert refused(court.dossier.Amend, request)[0] is grpc.StatusCode.INVALID_ARGUMENT
    values["reason"] = "x" * 201
    request = pb.AmendRequest(reject=pb.Reject(), **values)
    assert refused(court.dossier.Amend, request)[0] is grpc.StatusCode.INVALID_ARGUMENT


def test_an_unknown_page_is_not_found(hall, court, paper):
    hall.feed(paper.page(b"front"), paper.blank())
    name = f"{hall.ledger.epoch8}-000009-0001-F"
    code, _ = refused(amend, court, name, reject=pb.Reject())
    assert code is grpc.StatusCode.NOT_FOUND


@pytest.fixture
def mirror(make_hall, make_court, authority, tmp_path, paper):
    """A consumer that may pull but neither decide nor see the secondary volume."""
    hall = make_hall(credentials_dir=authority.equip(tmp_path / "tls"))
    certificate, key = authority.issue("mirror")
    credentials = client_credentials(authority.file, certificate, key)
    hall.ids = hall.feed(paper.page(b"front"), paper.blank())
    return make_court(hall, credentials=credentials, name="mirror")


def test_who_has_no_right_to_decide_is_refused_everything_that_decides(mirror):
    page_id = mirror.hall.ids[0]
    last = mirror.hall.ledger.last()
    closing = pb.CloseBatchRequest(request_id="r", batch=1, actor="a", reason="b")
    for call, request in (
        (mirror.dossier.CloseBatch, closing),
        (mirror.appliance.Pause, pb.PauseRequest()),
        (mirror.appliance.Resume, pb.ResumeRequest()),
    ):
        code, said = refused(call, request)
        assert code is grpc.StatusCode.PERMISSION_DENIED
        assert "decides" in said
    code, _ = refused(amend, mirror, page_id, reject=pb.Reject())
    assert code is grpc.StatusCode.PERMISSION_DENIED
    assert mirror.hall.ledger.last() == last
    assert mirror.hall.asked == []


def test_who_may_decide_but_not_see_the_secondary_volume_cannot_touch_it(hall, paper):
    ids = hall.feed(paper.page(b"deliberation", volume="secondary"), paper.blank())
    request = pb.AmendRequest(
        request_id="r", page_id=str(ids[0]), actor="a", reason="b", reject=pb.Reject()
    )
    decider = Consumer(name="mirror", decides=True)
    with pytest.raises(Refused, match="secondary volume"):
        Amendments(hall.ledger, lambda: 1.0).write(request, decider)
    assert hall.ledger.face(ids[0]).changes == ()


def test_a_batch_is_closed_as_it_is_and_its_open_faces_are_lost_by_name(hall, court):
    number = hall.ledger.open_batch(virtual=True).number
    sheet = hall.ledger.request_feed(number)
    request = pb.CloseBatchRequest(
        request_id="r-1", batch=number, actor="clerk 7", reason="the scanner was taken away"
    )
    sequence = court.dossier.CloseBatch(request).sequence
    entries, _ = from_entry(court, 0)
    assert [entry.page.fate for entry in entries[:2]] == [pb.FATE_LOST] * 2
    assert entries[0].page.reason == "given_up: the scanner was taken away"
    closed = entries[2].batch_closed
    assert (closed.actor, closed.reason, closed.request_id) == (
        "local/clerk 7",
        "the scanner was taken away",
        "r-1",
    )
    assert hall.ledger.face(sheet.face(Side.FRONT)).fate is Fate.LOST
    assert court.dossier.CloseBatch(request).sequence == sequence


def test_bytes_that_were_let_go_are_refused_or_taken_without(hall, court, paper):
    hall.ledger.register_consumer("mirror", False)
    ids = hall.feed(paper.page(b"front"), paper.blank())
    court.acknowledge(hall.ledger.last()[0])
    hall.ledger.discard(lambda _: [Doomed(ids[0], Role.PAGE, 5)])
    code, said = refused(lambda: list(court.pull(0, instance=2)))
    assert code is grpc.StatusCode.OUT_OF_RANGE
    assert "accept_released" in said
    call = court.pull(0, instance=3, accept_released=True)
    opened = next(call).opened
    assert opened.released_sequence == 1
    assert next(call).entry.sequence == 1
    chunk = next(call).blob_chunk
    assert (chunk.data, chunk.last, chunk.offset_bytes) == (b"", True, 0)
    assert next(court.pull(1, instance=4)).opened.released_sequence == 1
