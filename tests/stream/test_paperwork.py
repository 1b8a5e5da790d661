import grpc
import pytest

from daemon.rpc import pages_pb2 as pb


def code(call, *args):
    with pytest.raises(grpc.RpcError) as caught:
        call(*args)
    return caught.value.code()


def test_a_batch_names_every_face_and_its_fate(hall, court, paper):
    ids = hall.feed(paper.page(b"one"), paper.blank(), paper.separator, paper.separator)
    got = court.dossier.GetBatch(pb.GetBatchRequest(batch=1))
    assert (got.batch, got.virtual, got.electronic, got.sheets) == (1, True, False, 2)
    assert [f.page_id for f in got.faces] == [str(i) for i in ids]
    assert [f.fate for f in got.faces] == [
        pb.FATE_PAGE, pb.FATE_BLANK, pb.FATE_SEPARATOR, pb.FATE_SEPARATOR,
    ]  # fmt: skip
    assert [f.sequence for f in got.faces] == [1, 2, 3, 4]
    assert got.faces[1].reason == "surely blank"
    assert sum(c.faces for c in got.counts) == 4
    assert got.HasField("opened_at")
    assert got.HasField("closed_at")


def test_open_faces_have_no_fate_and_an_open_batch_no_end(hall, court):
    number = hall.ledger.open_batch(virtual=True).number
    hall.ledger.request_feed(number)
    got = court.dossier.GetBatch(pb.GetBatchRequest(batch=number))
    assert [(f.fate, f.sequence) for f in got.faces] == [(pb.FATE_UNSPECIFIED, 0)] * 2
    assert not got.HasField("closed_at")


def test_an_unknown_batch_is_not_found(court):
    assert code(court.dossier.GetBatch, pb.GetBatchRequest(batch=9)) is grpc.StatusCode.NOT_FOUND


def test_a_manifest_is_given_as_its_bytes(hall, court, paper):
    hall.manifests[paper.CASE] = '{"案": 1}'.encode()
    got = court.dossier.GetManifest(pb.GetManifestRequest(case_number=paper.CASE))
    assert got.manifest_json == '{"案": 1}'.encode()
    other = pb.GetManifestRequest(case_number="(2018)吉01民初1号")
    assert code(court.dossier.GetManifest, other) is grpc.StatusCode.NOT_FOUND


@pytest.mark.parametrize("name", ["PutCaseFacts", "CreateSeparatorSheets", "PutCalendar"])
def test_what_is_not_served_yet_says_so(court, name):
    request = getattr(pb, f"{name}Request")()
    with pytest.raises(grpc.RpcError) as caught:
        getattr(court.dossier, name)(request)
    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED
    assert name in caught.value.details()
