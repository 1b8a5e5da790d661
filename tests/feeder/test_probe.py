"""Who the scanner is: over scripts the models no emulator plays, over emulators two at once."""

import errno
import logging

import pytest

from daemon.errors import ConfigError, LinkLost, ProtocolError
from daemon.feeder import fi, models, probe
from daemon.feeder.emulator import Emulator
from daemon.feeder.fi.envelope import command_block
from daemon.feeder.hopper import Hopper
from daemon.feeder.link import Link, attached
from daemon.feeder.loopback import LoopbackBackend
from daemon.page import DeviceIdentity
from tests.feeder.usb_tree import Tree
from tests.feeder.wire import (
    Bus,
    In,
    Noise,
    Out,
    Script,
    checked,
    good,
    inquiry,
    page_f0,
    sense,
    status,
)

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

    def over(*steps, **asked):
        backend = Script(*steps)
        made.append(backend)
        connection = probe.connect(backend, models.load(), None, **asked)
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


def identity(vendor="FUJITSU", product="fi-7160"):
    return DeviceIdentity(vendor, product, "77", "0A00")


@pytest.mark.parametrize(("vendor", "warned"), [("RICOH", 0), ("PFU", 0), ("ACME", 1)])
def test_a_vendor_not_seen_before_is_accepted_and_said(connected, caplog, vendor, warned):
    caplog.set_level(logging.WARNING)
    assert connected(HELLO, who(vendor=vendor), what(**ABLE), SERIAL).identity.vendor == vendor
    assert len(caplog.records) == warned


@pytest.mark.parametrize(
    ("known", "warned"), [(None, 1), (identity(), 1), (identity(product="fi-9999"), 0)]
)
def test_a_model_not_seen_before_is_said_once_and_not_at_every_connection(
    connected, caplog, known, warned
):
    caplog.set_level(logging.INFO)
    connected(HELLO, who(product="fi-9999"), what(**ABLE), SERIAL, known=known)
    assert ["fi-9999" in record.getMessage() for record in caplog.records] == [True] * warned


def test_nothing_is_said_of_a_model_that_is_known(connected, caplog):
    caplog.set_level(logging.INFO)
    connected(HELLO, who(), what(**ABLE), SERIAL)
    assert caplog.records == []


def test_a_scanner_that_may_fall_asleep_is_said_at_every_connection(connected, caplog, tmp_path):
    tree = Tree(tmp_path, address=attached(Script(), models.load())[0].place.address)
    tree.power(control="auto", autosuspend_delay_ms="2000")
    caplog.set_level(logging.INFO)
    for _ in range(2):
        steps = (HELLO, who(), what(**ABLE), SERIAL)
        connected(*steps, known=identity(), host=tree.host)
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == 2
    assert all("USB autosuspend" in each and "systemd/60-suian.rules" in each for each in said)
    assert all(record.levelno == logging.WARNING for record in caplog.records)


def test_a_model_without_a_serial_number_is_not_asked_for_it(connected):
    connection = connected(HELLO, who(product="fi-4340Cdj"), what(**ABLE))
    assert connection.identity.serial == ""


def test_a_model_that_needs_another_driver_is_refused_by_name(connected):
    with pytest.raises(ConfigError, match="iX500: it needs a quantisation table"):
        connected(HELLO, who(product="iX500"))


@pytest.mark.parametrize(
    ("at", "missing"),
    [
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


def test_a_scanner_that_sees_one_side_only_is_left_to_what_is_asked_of_it(connected):
    connection = connected(HELLO, who(), what(x20=0x80, x2b=0x04), SERIAL)
    assert not connection.abilities.duplex


# -- out of step -----------------------------------------------------------------------------

TUR = command_block(fi.test_unit_ready().cdb)
ASKED = Out(command_block(fi.inquiry().cdb))
EMPTY = [In(errno.ETIMEDOUT)]


def test_a_status_that_an_earlier_program_left_is_not_taken_for_an_answer(connected):
    late = [Out(TUR), In(status()), ASKED, In(status()), In(errno.EOVERFLOW)]
    rest = [In(inquiry(product=b"fi-6130")), In(status()), *EMPTY]
    connection = connected(late, rest, HELLO, who(), what(**ABLE), SERIAL)
    assert connection.identity.model == "fi-7160"


LEFT = [
    fi.test_unit_ready(),
    fi.inquiry(),
    fi.hardware_status(),
    fi.read_image(fi.WindowId.FRONT, 65536),
    fi.ask_serial(),
    fi.scan(fi.WindowId.FRONT, fi.WindowId.BACK),
]


@pytest.mark.parametrize("left", LEFT, ids=[each.name for each in LEFT])
def test_a_program_that_was_killed_in_the_middle_of_a_command_keeps_nobody_out(left):
    scanner = Emulator(Noise(0), Hopper(0))
    killed = LoopbackBackend(scanner)
    line = Link(attached(killed, models.load())[0], killed)
    line.write(command_block(left.cdb), 1.0)  # and then neither sent nor read what belongs to it
    line.close()
    connection = probe.connect(LoopbackBackend(scanner), models.load(), None)
    assert connection.identity.model == "fi-7160"
    connection.close()


def test_a_pipe_that_is_halted_when_the_scanner_is_asked_who_it_is_is_cleared():
    class Clearing(Script):
        cleared = 0

        def clear_halt(self, dev_handle, ep):
            self.cleared += 1

    halted = [ASKED, In(errno.EPIPE), *EMPTY]
    backend = Clearing(HELLO, halted, HELLO, who(), what(**ABLE), SERIAL)
    probe.connect(backend, models.load(), None).close()
    assert backend.cleared == 2
    assert not backend.steps


def test_a_scanner_that_does_not_get_in_step_is_given_up_after_three_tries(connected):
    garbage = [*HELLO, ASKED, In(b"no inquiry"), In(status())]
    with pytest.raises(ProtocolError, match="INQUIRY is too short"):
        connected(garbage, EMPTY, garbage, EMPTY, garbage)


def test_a_scanner_that_is_pulled_out_while_it_is_asked_is_not_asked_again(connected):
    with pytest.raises(LinkLost):
        connected(HELLO, [ASKED, In(errno.ENODEV)])


# -- two at once -----------------------------------------------------------------------------


class Ids(LoopbackBackend):
    """A scanner with another product id."""

    def __init__(self, emulator, product_id):
        super().__init__(emulator)
        self.product_id = product_id

    def get_device_descriptor(self, dev):
        found = super().get_device_descriptor(dev)
        found.idProduct = self.product_id
        return found


@pytest.fixture
def two():
    """Two scanners, 111 and 222; the first is held by another program."""
    scanners = [Emulator(Noise(0), Hopper(0), serial=serial) for serial in (111, 222)]
    other = LoopbackBackend(scanners[0])
    holding = Link(attached(other, models.load())[0], other)
    yield [LoopbackBackend(each) for each in scanners]
    holding.close()


@pytest.mark.parametrize("order", [1, -1])
def test_a_scanner_that_is_held_does_not_hide_its_neighbour(two, order):
    connection = probe.connect(Bus(*two[::order]), models.load(), "222")
    assert connection.identity.serial == "222"
    connection.close()


@pytest.mark.parametrize("order", [1, -1])
def test_a_scanner_that_is_not_found_may_be_the_one_that_is_held(two, order):
    with pytest.raises(LinkLost, match="another program holds") as caught:
        probe.connect(Bus(*two[::order]), models.load(), "111")
    assert not isinstance(caught.value, probe.NotAttached)
    assert "fi-7160 222" in caught.value.facts["attached"]
    assert "another program" in caught.value.facts["attached"]


def test_nothing_is_guessed_where_one_of_two_is_held(two):
    with pytest.raises(ConfigError, match=r"feeder\.device") as caught:
        probe.connect(Bus(*two), models.load(), None)
    seen = caught.value.facts["attached"].split("; ")
    assert seen[0].startswith("fi-7160 (another program holds")
    assert seen[1] == "fi-7160 222"


def test_a_single_scanner_that_cannot_be_opened_says_why_whatever_its_name(two):
    with pytest.raises(LinkLost, match=r"^another program holds"):
        probe.connect(two[0], models.load(), "222")


def test_a_named_scanner_of_an_unknown_id_is_found_beside_a_known_one(two):
    unknown = Ids(Emulator(Noise(0), Hopper(0), serial=333), 0x7777)
    connection = probe.connect(Bus(unknown, two[1]), models.load(), "333")
    assert connection.identity.serial == "333"
    connection.close()


def test_a_device_of_an_unknown_id_is_left_alone_where_a_known_scanner_is(two):
    class Untouched(Ids):
        def open_device(self, dev):
            raise AssertionError("opened")

    untouched = Untouched(Emulator(Noise(0), Hopper(0)), 0x7777)
    for serial in (None, "222"):
        connection = probe.connect(Bus(untouched, two[1]), models.load(), serial)
        assert connection.identity.serial == "222"
        connection.close()


def test_a_neighbour_that_is_refused_does_not_make_an_absent_scanner_a_config_error(two):
    refused = Script(HELLO, who(product="iX500"))
    with pytest.raises(probe.NotAttached, match="not attached") as caught:
        probe.connect(Bus(refused, two[1]), models.load(), "333")
    assert "this driver cannot drive the iX500" in caught.value.facts["attached"]
