"""How many may be inside, and who is shown out: against a real server on loopback."""

import itertools
import threading
import time
from collections import Counter
from contextlib import ExitStack

import grpc
import pytest

from daemon.rpc import pages_pb2 as pb
from daemon.stream import turnstile
from daemon.stream.credentials import client_credentials

PAGES = "/suian.pages.v1.PageService/"
LARGE = b"\xa5" * (8 << 20)
BACKLOG_BYTES = 4 * len(LARGE)
EXHAUSTED = grpc.StatusCode.RESOURCE_EXHAUSTED


def wait_until(true, what):
    deadline_s = time.monotonic() + 20
    while not true():
        assert time.monotonic() < deadline_s, f"in vain: {what}"
        time.sleep(0.01)


@pytest.fixture
def heads(court):
    """Send the heads of calls whose requests never come; they end with the test."""
    with ExitStack() as stack:
        silence = threading.Event()
        stack.callback(silence.set)

        def never():
            silence.wait()
            return
            yield

        def begin(method, count, channel=court.channel):
            method = channel.stream_unary(method)
            calls = [method.future(never(), timeout=30) for _ in range(count)]
            for call in calls:
                stack.callback(call.cancel)
            return calls

        yield begin


def ended(calls, code):
    return [call for call in calls if call.done() and call.code() is code]


def test_a_call_whose_request_does_not_come_is_ended_when_the_next_one_arrives(
    hall, court, heads, monkeypatch
):
    monkeypatch.setattr(turnstile, "REQUEST_S", 0.2)
    (call,) = heads(PAGES + "Acknowledge", 1)

    def shown_out():
        court.appliance.GetStatus(pb.GetStatusRequest())
        return call.done()

    wait_until(shown_out, "the call that stands still is ended")
    assert call.code() is grpc.StatusCode.CANCELLED
    assert hall.counted == ["refused"]


@pytest.fixture
def caller(make_hall, make_court, authority, tmp_path):
    """Callers of a hall behind TLS, each with a certificate."""
    hall = make_hall(credentials_dir=authority.equip(tmp_path / "tls"))

    def make(name):
        credentials = client_credentials(authority.file, *authority.issue(name))
        return make_court(hall, credentials=credentials, name=name)

    return make


def test_one_caller_cannot_hold_the_threads_of_another_with_calls_that_never_come(caller, heads):
    calls = heads(PAGES + "Acknowledge", 64, caller("mirror").channel)
    most = turnstile.MOST_AT_ONCE[turnstile.SHORT]
    wait_until(lambda: len(ended(calls, EXHAUSTED)) == 64 - most, "the rest are refused")
    court = caller("court")
    assert next(iter(court.pull())).HasField("opened")
    assert court.acknowledge(0).acknowledged_sequence == 0
    assert next(iter(caller("mirror").pull())).HasField("opened")


def test_strangers_with_a_good_certificate_share_one_place(caller, heads):
    most = turnstile.MOST_AT_ONCE[turnstile.SHORT]
    calls = heads(PAGES + "Acknowledge", most, caller("nobody").channel)
    calls += heads(PAGES + "Acknowledge", most, caller("somebody").channel)
    wait_until(lambda: len(ended(calls, EXHAUSTED)) == most, "one share for both")


@pytest.fixture
def backlog(hall, paper):
    """More pages than flow control lets through unread."""
    return hall.feed(*[paper.page(LARGE, number=n) for n in range(1, 5)])


def test_a_read_too_many_is_refused_and_told_what_to_do(hall, court, backlog):
    wanted = pb.ReadBlobRequest(
        consumer="court", page_id=str(backlog[0]), role=pb.BLOB_ROLE_PAGE, offset_bytes=0
    )
    calls = [court.pages.ReadBlob(wanted, timeout=20) for _ in range(20)]
    court.calls += calls
    most = turnstile.MOST_AT_ONCE["ReadBlob"]
    wait_until(lambda: len(ended(calls, EXHAUSTED)) == 20 - most, "the rest are refused")
    assert "end one, or come back" in ended(calls, EXHAUSTED)[0].details()
    assert hall.counted == ["refused"] * (20 - most)


def outcome(call):
    """Read a stream up to its first heartbeat; returns how it ended, None while it goes on."""
    try:
        for message in call:
            if message.HasField("heartbeat"):
                return None
    except grpc.RpcError as error:
        return error.code()
    return call.code()


@pytest.mark.usefixtures("backlog")
def test_of_many_pulls_at_once_one_goes_on_and_another_consumer_is_let_in(court, make_court):
    calls = [court.pull(instance=7) for _ in range(20)]
    assert next(iter(make_court(court.hall, name="mirror").pull())).HasField("opened")
    outcomes = Counter(outcome(call) for call in calls)
    assert outcomes[None] == 1
    assert set(outcomes) <= {None, EXHAUSTED, grpc.StatusCode.ABORTED}, "refused, or fenced"


@pytest.mark.usefixtures("backlog")
def test_a_slow_reader_is_ended_when_the_next_one_comes_and_may_resume(hall, court, monkeypatch):
    monkeypatch.setattr(turnstile, "READER_S", 0.2)
    slow = [court.pull(instance=7), court.pull(instance=7)]

    def comes_in():
        call = court.pull(instance=8)
        try:
            return next(iter(call)).HasField("opened")
        except grpc.RpcError as error:
            assert error.code() is EXHAUSTED
            return False

    wait_until(comes_in, "a place becomes free")
    with pytest.raises(grpc.RpcError):
        [None for call in slow for _ in call]


@pytest.mark.usefixtures("backlog")
def test_what_a_slow_reader_does_not_take_is_not_read_from_the_spool(
    hall, court, make_court, monkeypatch
):
    taken = Counter()
    pieces = hall.ledger.pieces

    def counting(*blob):
        for piece in pieces(*blob):
            taken[threading.get_ident()] += len(piece)
            yield piece

    monkeypatch.setattr(hall.ledger, "pieces", counting)
    slow = court.pull()
    wait_until(lambda: taken, "the stream has begun")
    (reader,) = taken
    good = make_court(hall, name="mirror").pull()
    got = sum(len(m.blob_chunk.data) for m in itertools.takewhile(not_all, good))
    assert got == BACKLOG_BYTES
    assert taken[reader] <= BACKLOG_BYTES // 4, "flow control holds the stream back"
    assert slow.is_active()


def not_all(message):
    return message.WhichOneof("event") != "heartbeat"


def test_a_call_without_a_request_is_refused(court):
    method = court.channel.stream_unary(PAGES + "Acknowledge")
    with pytest.raises(grpc.RpcError) as caught:
        method(iter([]), timeout=5)
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
