import array
import errno

import pytest

from daemon.errors import (
    LinkStall,
    LinkTimeout,
    PaperJam,
    ProtocolError,
    StoppedByOperator,
)
from daemon.feeder import fi, models, session
from daemon.feeder.fi.envelope import command_block
from daemon.feeder.fi.sense import Verdict
from daemon.feeder.link import Link, attached
from daemon.feeder.session import Session
from tests.feeder.wire import (
    REQUEST_SENSE,
    In,
    Out,
    Script,
    busy,
    checked,
    good,
    sense,
    status,
)

READY = fi.test_unit_ready()
STATUS = fi.hardware_status()


class Clock:
    """Time passes only by waiting."""

    def __init__(self):
        self.now_s = 0.0

    def __call__(self):
        return self.now_s

    def wait(self, seconds):
        self.now_s += seconds


@pytest.fixture
def talk():
    """Open a session over a script; at the end the script must have been used up."""
    opened = []

    def over(*steps):
        backend = Script(*steps)
        clock = Clock()
        link = Link(attached(backend, models.load())[0], backend)
        opened.append((link, backend))
        return Session(link, clock=clock, pause=clock.wait), clock

    yield over
    for link, backend in opened:
        link.close()
        assert not backend.steps


def test_an_answer_is_what_came_before_the_status(talk):
    line, _ = talk(good(STATUS, bytes(range(12))))
    assert line.ask(STATUS) == bytes(range(12))


def test_a_short_packet_is_taken_by_its_real_length(talk):
    line, _ = talk(good(STATUS, b"\0\0\x80\x80\1"))
    assert line.ask(STATUS) == b"\0\0\x80\x80\1"


def test_a_failed_command_has_its_data_phase_and_its_sense_is_asked_at_once(talk):
    line, _ = talk(checked(STATUS, sense(3, 0x80, 0x01)))
    with pytest.raises(PaperJam):
        line.ask(STATUS)


def test_padded_data_is_as_long_as_the_residue_says(talk):
    command = fi.read_image(fi.WindowId.FRONT, 8)
    line, _ = talk(checked(command, sense(0, ili=True, eom=True, residue=5), b"abc-----"))
    reply = line.do(command, array.array("B", bytes(8)))
    assert (reply.count, reply.ends_side) == (3, True)


def test_a_short_packet_with_a_residue_is_not_shortened_twice(talk):
    command = fi.read_image(fi.WindowId.FRONT, 8)
    line, _ = talk(checked(command, sense(0, ili=True, residue=5), b"abc"))
    reply = line.do(command, array.array("B", bytes(8)))
    assert (reply.count, reply.ends_side) == (3, False)


def test_a_residue_without_a_short_read_is_no_residue(talk):
    command = fi.read_image(fi.WindowId.FRONT, 8)
    line, _ = talk(checked(command, sense(0, eom=True, residue=5), b"abcdefgh"))
    assert line.do(command, array.array("B", bytes(8))).count == 8


def test_a_residue_greater_than_what_was_asked_is_a_protocol_error(talk):
    command = fi.read_image(fi.WindowId.FRONT, 8)
    line, _ = talk(checked(command, sense(0, ili=True, residue=9), b"abcdefgh"))
    with pytest.raises(ProtocolError, match=r"asked=8, missing=9"):
        line.do(command, array.array("B", bytes(8)))


@pytest.mark.parametrize(
    "answer",
    [
        busy(READY),
        checked(READY, sense(2)),
        checked(READY, sense(3, 0x80, 0x13)),
        checked(READY, sense(6, 0x80, 0x01)),
        checked(READY, sense(6, 0, 0)),
    ],
    ids=["busy status", "busy", "no data yet", "was asleep", "was reset"],
)
def test_what_was_not_carried_out_is_repeated(talk, answer):
    line, _ = talk(answer, answer, good(READY))
    assert line.run(READY).verdict is Verdict.GOOD


def test_a_reset_is_remembered_until_somebody_sets_up_again(talk):
    line, _ = talk(checked(READY, sense(6, 0, 0)), good(READY), good(READY))
    line.run(READY)
    line.run(READY)
    assert line.was_reset


def test_patience_ends_after_a_minute(talk):
    tries = round(session.BUSY_LIMIT_S / session.BUSY_PAUSE_S)
    line, clock = talk(*[busy(READY)] * (tries + 1))
    with pytest.raises(LinkTimeout, match=r"stays busy.*TEST UNIT READY"):
        line.run(READY)
    assert clock.now_s == pytest.approx(session.BUSY_LIMIT_S)


def test_once_is_once_even_when_the_scanner_is_busy(talk):
    feed = fi.object_position(fi.Position.FEED)
    line, _ = talk(busy(feed))
    assert line.once(feed).verdict is Verdict.BUSY


def test_an_empty_hopper_is_an_answer_where_paper_is_asked_for_and_nowhere_else(talk):
    line, _ = talk(checked(READY, sense(3, 0x80, 3)), checked(READY, sense(3, 0x80, 3)))
    assert line.run(READY).verdict is Verdict.EMPTY
    with pytest.raises(ProtocolError, match="empty hopper"):
        line.do(READY)


def test_the_stop_button_is_no_empty_hopper(talk):
    line, _ = talk(checked(READY, sense(3, 0x80, 0x20)))
    with pytest.raises(StoppedByOperator):
        line.run(READY)


def test_a_refusal_is_an_answer_to_an_attempt_and_an_error_to_a_command(talk):
    refused = sense(5, 0x24, 0, offending=2)
    line, _ = talk(checked(READY, refused), checked(READY, refused))
    assert line.attempt(READY).is_refusal
    with pytest.raises(ProtocolError, match=r"5/24/00.*byte=2"):
        line.run(READY)


def test_a_jam_like_fault_of_key_5_is_no_refusal(talk):
    line, _ = talk(checked(READY, sense(5, 0, 0)))
    with pytest.raises(PaperJam):
        line.attempt(READY)


def test_a_sense_that_fails_is_not_asked_again(talk):
    line, _ = talk(
        [Out(command_block(READY.cdb)), In(status(2)), Out(REQUEST_SENSE), In(b""), In(status(2))]
    )
    with pytest.raises(ProtocolError, match="does not say what is wrong"):
        line.run(READY)


@pytest.mark.parametrize("block", [b"", bytes(13), status()[:5]], ids=["none", "zeros", "short"])
def test_a_status_that_is_none_is_a_protocol_error(talk, block):
    line, _ = talk([Out(command_block(READY.cdb)), In(block)])
    with pytest.raises(ProtocolError, match="no status block"):
        line.run(READY)


def test_the_first_command_after_opening_may_be_eaten(talk):
    eaten = [Out(command_block(READY.cdb)), In(errno.ETIMEDOUT), In(errno.ETIMEDOUT)]
    line, _ = talk(eaten, eaten, good(READY))
    line.greet()


def test_three_silences_are_a_timeout(talk):
    eaten = [Out(command_block(READY.cdb)), In(errno.ETIMEDOUT)]
    line, _ = talk(eaten, [In(errno.ETIMEDOUT)], eaten, [In(errno.ETIMEDOUT)], eaten)
    with pytest.raises(LinkTimeout):
        line.greet()


def test_a_greeting_is_answered_by_whatever_the_scanner_says(talk):
    line, _ = talk(checked(READY, sense(3, 0x80, 1)))
    line.greet()


def test_a_stall_is_passed_on(talk):
    line, _ = talk([Out(command_block(READY.cdb)), In(errno.EPIPE)])
    with pytest.raises(LinkStall):
        line.run(READY)
