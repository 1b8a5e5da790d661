import time

import grpc
import pytest
from grpc_health.v1 import health_pb2
from grpc_health.v1.health_pb2_grpc import HealthStub

from daemon.stream.health import Health
from daemon.stream.turnstile import MOST_AT_ONCE

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
SERVICES = [
    "",
    "suian.pages.v1.PageService",
    "suian.pages.v1.DossierService",
    "suian.pages.v1.ApplianceService",
]


def asked(service=""):
    return health_pb2.HealthCheckRequest(service=service)


@pytest.fixture
def probe(court):
    return HealthStub(court.channel)


@pytest.fixture
def watch(probe):
    """Begin to watch a service; what the calls hold is let go at the end."""
    calls = []

    def begin(service=""):
        calls.append(probe.Watch(asked(service), timeout=20))
        return calls[-1]

    yield begin
    for call in calls:
        call.cancel()


@pytest.mark.parametrize("service", SERVICES)
def test_every_service_is_healthy_until_the_drain_and_not_from_then_on(hall, probe, service):
    assert probe.Check(asked(service), timeout=5).status == SERVING
    hall.server.drain()
    assert probe.Check(asked(service), timeout=5).status == NOT_SERVING


def test_all_services_are_listed(hall, probe):
    listed = probe.List(health_pb2.HealthListRequest(), timeout=5).statuses
    assert {name: answer.status for name, answer in listed.items()} == dict.fromkeys(
        SERVICES, SERVING
    )


def test_nothing_is_healthy_before_the_start():
    health = Health(SERVICES[1:])
    assert health.Check(asked(), None).status == NOT_SERVING
    health.serve()
    assert health.Check(asked(), None).status == SERVING


def test_an_unknown_service_is_not_found_and_may_still_be_watched(probe, watch):
    with pytest.raises(grpc.RpcError) as caught:
        probe.Check(asked("suian.pages.v1.NoService"), timeout=5)
    assert caught.value.code() is grpc.StatusCode.NOT_FOUND
    first = next(watch("suian.pages.v1.NoService"))
    assert first.status == health_pb2.HealthCheckResponse.SERVICE_UNKNOWN


def test_whoever_watches_is_told_of_the_drain_and_let_go(hall, watch):
    call = watch("suian.pages.v1.PageService")
    assert next(call).status == SERVING
    hall.server.drain()
    assert [answer.status for answer in call] == [NOT_SERVING]
    assert call.code() is grpc.StatusCode.OK


def test_a_watch_that_begins_in_the_drain_is_answered(hall, watch):
    hall.server.drain()
    assert [answer.status for answer in watch()] == [NOT_SERVING]


def test_watching_takes_no_thread_from_the_pullers(hall, court, watch, paper):
    codes = []
    for _ in range(40):
        call = watch()
        try:
            next(call)
        except grpc.RpcError as error:
            codes.append(error.code())
    shares = len(hall.config.consumer) + 1  # without certificates all callers are one
    assert codes == [grpc.StatusCode.RESOURCE_EXHAUSTED] * (40 - MOST_AT_ONCE["Watch"] * shares)
    hall.feed(paper.page(b"one"), paper.blank())
    stream = iter(court.pull())
    assert [next(stream).WhichOneof("event") for _ in range(3)] == ["opened", "entry", "blob_chunk"]
    court.acknowledge(1)


def test_a_watcher_that_leaves_makes_room_for_another(probe):
    deadline_s = time.monotonic() + 20
    seen = 0
    while seen < 40:
        assert time.monotonic() < deadline_s, "nobody's place becomes free"
        call = probe.Watch(asked(), timeout=20)
        try:
            seen += next(call).status == SERVING
        except grpc.RpcError as error:  # the server has not heard yet that the one before left
            assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        call.cancel()


def test_reflection_is_off(court):
    name = "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"
    call = court.channel.stream_stream(name)(iter([b""]), timeout=5)
    with pytest.raises(grpc.RpcError) as caught:
        next(call)
    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED
