"""Who the scanner is, over scripts: models that no emulator plays."""

import logging

import pytest

from daemon.errors import ConfigError, ProtocolError
from daemon.feeder import fi, models, probe
from tests.feeder.wire import Script, checked, good, inquiry, page_f0, sense

HELLO = good(fi.test_unit_ready())
ABLE = {"x20": 0x90, "x2b": 0x04}
SERIAL = [*good(fi.ask_serial()), *good(fi.read_serial(), (77).to_bytes(4, "big") + bytes(6))]


def who(**fields):
    encoded = {name: text.encode() for name, text in fields.items()}
    return good(fi.inquiry(), inquiry(**encoded))


def what(**at):
    return good(fi.vital_product_data(), page_f0(**at))


@pytest.fixture
def connected():
    made = []

    def over(*steps):
        backend = Script(*steps)
        made.append(backend)
        connection = probe.connect(backend, models.load(), None)
        connection.close()
        return connection

    yield over
    for backend in made:
        assert not backend.steps


def test_a_model_that_no_table_names_works_from_what_it_says(connected):
    connection = connected(HELLO, who(product="fi-9999"), what(**ABLE), SERIAL)
    assert connection.identity.model == "fi-9999"
    assert connection.identity.serial == "77"
    assert not connection.identity.virtual
    assert connection.quirks == models.Quirks()


@pytest.mark.parametrize(("vendor", "warned"), [("RICOH", 0), ("PFU", 0), ("ACME", 1)])
def test_a_vendor_not_seen_before_is_accepted_and_said(connected, caplog, vendor, warned):
    caplog.set_level(logging.WARNING)
    assert connected(HELLO, who(vendor=vendor), what(**ABLE), SERIAL).identity.vendor == vendor
    assert len(caplog.records) == warned


def test_a_model_without_a_serial_number_is_not_asked_for_it(connected):
    connection = connected(HELLO, who(product="fi-4340Cdj"), what(**ABLE))
    assert connection.identity.serial == ""


def test_a_model_that_needs_another_driver_is_refused_by_name(connected):
    with pytest.raises(ConfigError, match="iX500: it needs a quantisation table"):
        connected(HELLO, who(product="iX500"))


@pytest.mark.parametrize(
    ("at", "missing"),
    [
        ({"x20": 0x80, "x2b": 0x04}, "both sides"),
        ({"x20": 0x10, "x2b": 0x04}, "document feeder"),
        ({"x20": 0x90}, "sensors"),
    ],
)
def test_a_scanner_without_what_the_appliance_stands_on_is_refused(connected, at, missing):
    with pytest.raises(ConfigError, match=missing):
        connected(HELLO, who(), what(**at))


def test_a_scanner_that_is_jammed_when_it_is_asked_its_number_is_tried_again_later(connected):
    jammed = checked(fi.ask_serial(), sense(3, 0x80, 1))
    with pytest.raises(ProtocolError, match="while it is blocked: paper jam"):
        connected(HELLO, who(), what(**ABLE), jammed)
