"""The daemon as a process: it tells systemd, finishes the sheet, dies when a part of it dies."""

import signal
import socket
import time
import urllib.request

import grpc
import pytest
from prometheus_client import CollectorRegistry

from daemon import config
from daemon.dossier import case_number
from daemon.errors import ConfigError, SpoolError, SpoolFailed
from daemon.feeder.capture.replay import replay
from daemon.page import Fate
from daemon.rpc import pages_pb2 as pb
from daemon.rpc.pages_pb2_grpc import DossierServiceStub
from daemon.service import Service
from daemon.service.source import scanner_of
from tests import line


@pytest.fixture
def systemd(tmp_path):
    """Listen as systemd does; returns a function that gives the next state."""
    path = tmp_path / "notify.sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(path))
        listener.settimeout(60)
        yield path, lambda: listener.recv(64).decode()


def test_it_is_ready_feeds_the_watchdog_and_finishes_the_sheet_on_sigterm(appliance, systemd):
    path, told = systemd
    hall = appliance(line.stack(8))
    hall.start(NOTIFY_SOCKET=str(path))
    assert told() == "READY=1"
    hall.wait(lambda: hall.hopper.look().next_sheet >= 3, "paper moves")
    status, logged = hall.end(signal.SIGTERM)
    assert status == 0, logged
    states = {told()}
    while "STOPPING=1" not in states:
        states.add(told())
    assert states <= {"WATCHDOG=1", "STOPPING=1"}
    assert not hall.hopper.look().in_path
    assert hall.sheets_read() == hall.hopper.look().next_sheet
    assert all(face.fate in (Fate.PAGE, Fate.BLANK, Fate.SEPARATOR) for face in hall.faces())
    assert line.CASE not in logged


def test_what_passed_over_the_cable_is_written_down_when_asked_for(appliance):
    hall = appliance(line.stack(1))
    hall.start()
    hall.wait(hall.at_rest, "the hopper is empty")
    hall.process.send_signal(signal.SIGUSR1)
    captures = hall.folder / "spool" / "captures"
    hall.wait(lambda: captures.is_dir() and list(captures.glob("*.jsonl")), "a capture")
    (file,) = captures.iterdir()
    assert file.name.endswith("-on_demand.jsonl")
    status, logged = hall.end(signal.SIGTERM)
    assert status == 0, logged
    assert {step.is_same for step in replay(file)} == {True}


def in_process(hall):
    loaded = config.load(hall.config)
    registry = CollectorRegistry()
    return Service(loaded, scanner_of(loaded.feeder), registry)


def test_a_thread_that_dies_ends_the_service_and_its_error_is_raised(appliance):
    hall = appliance(line.stack(1))
    service = in_process(hall)

    def die(_beat):
        raise RuntimeError("planted")

    service.raw.run = die
    service.start()
    assert service._ended.wait(30)
    with pytest.raises(Exception, match="planted"):
        service.raise_what_failed()
    service.stop()


def test_a_ledger_that_fails_ends_the_service(appliance):
    hall = appliance(line.stack(1))
    service = in_process(hall)
    service.start()
    service.ledger._writing.writer.fail(SpoolFailed("planted"))
    assert service._ended.wait(30)
    service.stop()
    with pytest.raises(SpoolError):
        service.raise_what_failed()


def test_metrics_are_served_and_name_no_case(appliance):
    hall = appliance(line.stack(1))
    service = in_process(hall)
    service.start()
    try:
        while not hall.at_rest():
            time.sleep(0.05)
        address = f"http://127.0.0.1:{service.metrics_port}/metrics"
        with urllib.request.urlopen(address, timeout=10) as answer:
            scraped = answer.read().decode()
    finally:
        service.stop()
    assert 'suian_feeder_state{state="' in scraped
    assert "suian_spool_last_sequence" in scraped
    assert line.CASE not in scraped
    assert case_number.parse(line.CASE).key not in scraped


def test_a_batch_of_the_inbox_is_not_closed_under_it_and_any_other_may_be(appliance, tmp_path):
    hall = appliance(line.stack(1))
    with hall.config.open("a", encoding="utf-8") as file:
        file.write(f'[inbox]\ndir = "{tmp_path / "inbox"}"\n')
    (tmp_path / "inbox").mkdir()
    service = in_process(hall)
    service.start()
    try:
        while not hall.at_rest():
            time.sleep(0.05)
        with grpc.insecure_channel(f"unix:{hall.folder / 'control.sock'}") as channel:
            dossier = DossierServiceStub(channel)

            def close(number):
                request = pb.CloseBatchRequest(
                    request_id=f"r-{number}", batch=number, actor="Li", reason="nobody comes"
                )
                return dossier.CloseBatch(request, timeout=30).sequence

            taken_in = service.ledger.open_batch(virtual=False, electronic=True).number
            with pytest.raises(grpc.RpcError, match="the inbox is at work"):
                close(taken_in)
            other = service.ledger.open_batch(virtual=True).number
            assert close(other) == service.ledger.last()[0]
        left = [batch.number for batch in service.ledger.open_batches()]
        assert left == [taken_in]
    finally:
        service.stop()


def test_page_files_are_read_again_while_nothing_else_happens(appliance, monkeypatch):
    monkeypatch.setattr("daemon.service.SCRUB_S", 0.01)
    monkeypatch.setattr("daemon.service.SCRUB_REST_S", 0.01)
    service = in_process(appliance(line.stack(1)))
    service.start()
    read = {"outcome": "whole"}
    try:
        while not service.metrics.registry.get_sample_value(
            "suian_spool_scrubbed_files_total", read
        ):
            time.sleep(0.05)
    finally:
        service.stop()


def test_a_taken_port_refuses_to_start_and_leaves_nothing_behind(appliance):
    hall = appliance(line.stack(1))
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", hall.port))
        taken.listen()
        service = in_process(hall)
        with pytest.raises(ConfigError, match="port taken"):
            service.start()
    again = in_process(hall)  # the spool was let go
    again.start()
    again.stop()
