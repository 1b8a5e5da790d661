"""A finished demonstration whose spool and court can be looked at, and tampered with."""

import time

import pytest

from daemon.commands.demo.court import Court
from daemon.commands.demo.hall import CONSUMER, Hall
from daemon.commands.demo.paper import drawn
from tests.commands.office import Office


@pytest.fixture
def line_at_court(tmp_path):
    """Feed four drawn sheets and pull them; returns spool and court."""
    state, folder = tmp_path / "state", tmp_path / "court"
    state.mkdir()
    hall = Hall(lambda printer: drawn(printer, 4, 1), state, "127.0.0.1:0")
    hall.service.start()
    try:
        court = Court(hall.target, CONSUMER, folder)
        court.start()
        while not (hall.at_rest and hall.acknowledged()):
            hall.attend()
            court.check()
            time.sleep(0.02)
        court.stop()
        court.finish()
    finally:
        hall.service.stop()
    return hall.config.spool.dir, folder


@pytest.fixture
def office(tmp_path):
    (tmp_path / "hall").mkdir()
    office = Office(tmp_path / "hall")
    yield office
    office.close()
