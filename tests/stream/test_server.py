import socket
import stat

import grpc
import pytest

from daemon.config import Config, Stream
from daemon.errors import ConfigError
from daemon.rpc import pages_pb2 as pb
from daemon.stream import server as doors
from daemon.stream.credentials import client_credentials
from daemon.stream.server import StreamServer


def code(call, *args, **rest):
    with pytest.raises(grpc.RpcError) as caught:
        call(*args, **rest)
    return caught.value.code()


def opened(court):
    return next(iter(court.pull())).HasField("opened")


def test_the_unix_socket_speaks_the_same_services_to_its_group(hall, make_court):
    path = hall.folder / "control.sock"
    assert stat.S_IMODE(path.stat().st_mode) == 0o660
    local = make_court(hall, target=f"unix:{path}")
    assert local.appliance.GetStatus(pb.GetStatusRequest()).appliance == "hall-1"
    assert opened(local)


def test_a_certificate_decides_who_calls(make_hall, make_court, authority, tmp_path):
    hall = make_hall(credentials_dir=authority.equip(tmp_path / "tls"))
    uri = "spiffe://court.example/suian/consumer/court"
    certificate, key = authority.issue("somebody", uris=[uri])
    credentials = client_credentials(authority.file, certificate, key)
    court = make_court(hall, credentials=credentials)
    assert opened(court)
    assert court.appliance.GetStatus(pb.GetStatusRequest()).appliance == "hall-1"
    liar = make_court(hall, credentials=credentials, name="mirror")
    assert code(opened, liar) is grpc.StatusCode.PERMISSION_DENIED


def test_a_certificate_of_an_unknown_consumer_is_denied_everything(
    make_hall, make_court, authority, tmp_path
):
    hall = make_hall(credentials_dir=authority.equip(tmp_path / "tls"))
    nobody = make_court(
        hall, credentials=client_credentials(authority.file, *authority.issue("nobody"))
    )
    assert code(opened, nobody) is grpc.StatusCode.PERMISSION_DENIED
    denied = code(nobody.appliance.GetStatus, pb.GetStatusRequest())
    assert denied is grpc.StatusCode.PERMISSION_DENIED
    assert code(nobody.appliance.Pause, pb.PauseRequest()) is grpc.StatusCode.PERMISSION_DENIED
    assert hall.asked == []


def test_plaintext_and_strange_certificates_do_not_reach_a_tls_port(
    make_hall, make_court, authority, stranger, tmp_path
):
    hall = make_hall(credentials_dir=authority.equip(tmp_path / "tls"))
    assert code(opened, make_court(hall)) is grpc.StatusCode.UNAVAILABLE
    certificate, key = stranger.issue("court")
    credentials = client_credentials(authority.file, certificate, key)
    assert code(opened, make_court(hall, credentials=credentials)) is grpc.StatusCode.UNAVAILABLE


def test_a_renewed_certificate_is_served_without_a_restart(
    make_hall, make_court, authority, stranger, tmp_path
):
    folder = authority.equip(tmp_path / "tls")
    hall = make_hall(credentials_dir=folder)
    theirs = client_credentials(stranger.file, *stranger.issue("court"))
    assert code(opened, make_court(hall, credentials=theirs)) is grpc.StatusCode.UNAVAILABLE
    stranger.equip(folder)
    assert opened(make_court(hall, credentials=theirs))


def test_plaintext_off_loopback_refuses_to_start(hall, tmp_path):
    # Around the configuration's own check, as a second lock on the door.
    stream = Stream.model_construct(
        listen="0.0.0.0:0", control_socket=tmp_path / "c.sock", credentials_dir=None
    )
    config = Config.model_construct(
        appliance=hall.config.appliance, consumer=hall.config.consumer, stream=stream
    )
    with pytest.raises(ConfigError, match="loopback only"):
        StreamServer(config, hall.ledger, hall.controls)


def test_a_taken_port_is_said(hall, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        stream = Stream(listen=f"127.0.0.1:{port}", control_socket=tmp_path / "c.sock")
        config = hall.config.model_copy(update={"stream": stream})
        with pytest.raises(ConfigError, match="port taken"):
            StreamServer(config, hall.ledger, hall.controls)


PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes((0, 0, 0, 4, 0, 0, 0, 0, 0))


def test_a_connection_that_calls_nobody_is_closed_and_a_stream_without_news_is_not(
    make_hall, make_court, monkeypatch
):
    impatient = [(name, 200 if name.endswith("idle_ms") else v) for name, v in doors._OPTIONS]
    monkeypatch.setattr(doors, "_OPTIONS", impatient)
    hall = make_hall()
    call = iter(make_court(hall).pull())
    assert next(call).HasField("opened")
    with socket.create_connection(("127.0.0.1", hall.server.port), timeout=20) as idle:
        idle.sendall(PREFACE)
        while idle.recv(4096):
            pass
    assert next(call).HasField("heartbeat")
    assert next(call).HasField("heartbeat"), "2 s later"


def test_status_tells_cursors_counts_and_open_batches(hall, court, paper):
    hall.feed(paper.page(b"one"), paper.blank())
    court.acknowledge(1)
    number = hall.ledger.open_batch(virtual=True).number
    got = court.appliance.GetStatus(pb.GetStatusRequest())
    assert (got.appliance, got.epoch, got.last_sequence) == ("hall-1", hall.ledger.epoch, 3)
    assert {c.consumer: (c.required, c.acknowledged_sequence) for c in got.consumers} == {
        "court": (True, 1),
        "mirror": (False, 0),
    }
    assert {c.fate: c.faces for c in got.counts} == {pb.FATE_PAGE: 1, pb.FATE_BLANK: 1}
    assert list(got.open_batches) == [number]


def test_pause_and_resume_reach_the_feeder(hall, court):
    court.appliance.Pause(pb.PauseRequest())
    court.appliance.Resume(pb.ResumeRequest())
    assert hall.asked == ["pause", "resume"]
