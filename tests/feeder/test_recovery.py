"""The ladder, rung by rung, over scripts."""

import errno

import pytest

from daemon.feeder import fi, models, recovery
from daemon.feeder.fi.status import parse_hardware_status
from daemon.feeder.link import Link, attached
from daemon.feeder.recovery import climb
from daemon.feeder.session import Session
from tests.feeder.wire import In, Out, Script, checked, command_block, good, inquiry, sense, status

TUR = Out(command_block(fi.test_unit_ready().cdb))
WHO = good(fi.inquiry(), inquiry())
READY = [*good(fi.test_unit_ready()), *WHO]
IN_PATH = bytes([0, 0, 0x80]) + bytes(9)
SENSORS = good(fi.hardware_status(), IN_PATH)
CANCEL = good(fi.scanner_control(fi.Control.CANCEL))
SILENCE = [In(errno.ETIMEDOUT)]
UNHEARD = [Out(command_block(fi.test_unit_ready().cdb)), *SILENCE]
THREE_UNHEARD = [*UNHEARD, *SILENCE, *UNHEARD, *SILENCE, *UNHEARD]


class Noting(Script):
    """Notes what passes, and in which order."""

    def __init__(self, *steps):
        super().__init__(*steps)
        self.notes = []

    def _next(self):
        step = super()._next()
        self.notes.append("in" if isinstance(step, In) else "out")
        return step

    def clear_halt(self, dev_handle, ep):
        self.notes.append(f"clear {ep:02x}")

    def reset_device(self, dev_handle):
        self.notes.append("reset")


@pytest.fixture
def climbed():
    opened = []

    def over(*steps):
        backend = Noting(*steps)
        link = Link(attached(backend, models.load())[0], backend)
        opened.append((link, backend))
        counted = []
        session = Session(link, pause=lambda _: None)

        def look():
            return parse_hardware_status(session.ask(fi.hardware_status()))

        return climb(session, look, counted.append), backend.notes, counted

    yield over
    for link, backend in opened:
        link.close()
        assert not backend.steps


def test_the_pipe_is_drained_and_both_halts_are_cleared_before_anything_is_sent(climbed):
    seen, notes, counted = climbed([In(b"left over"), *SILENCE], READY, SENSORS, CANCEL)
    assert seen.paper_in_path
    assert notes[:5] == ["in", "in", "clear 02", "clear 81", "out"]
    assert counted == ["drain", "clear_halt", "test_unit_ready"]


def test_the_sensors_are_read_before_what_is_left_is_cancelled(climbed):
    seen, _, _ = climbed(SILENCE, READY, SENSORS, CANCEL)  # the script is in this order
    assert seen is not None


def test_after_three_unheard_questions_the_device_is_reset(climbed):
    seen, notes, counted = climbed(SILENCE, THREE_UNHEARD, READY, SENSORS, CANCEL)
    assert seen is not None
    assert "reset" in notes
    assert counted == ["drain", "clear_halt", "test_unit_ready", "reset", "test_unit_ready"]


def test_a_device_that_does_not_answer_after_a_reset_must_be_opened_anew(climbed):
    seen, notes, _ = climbed(SILENCE, THREE_UNHEARD, THREE_UNHEARD)
    assert seen is None
    assert notes.count("reset") == 1


def test_an_answer_to_a_question_and_none_to_a_cancel_is_no_recovery(climbed):
    cancel = [Out(command_block(fi.scanner_control(fi.Control.CANCEL).cdb)), *SILENCE]
    seen, notes, _ = climbed(SILENCE, READY, SENSORS, cancel, READY, SENSORS, CANCEL)
    assert seen is not None
    assert "reset" in notes


def test_sensors_that_are_not_shown_are_no_recovery(climbed):
    unseen = [Out(command_block(fi.hardware_status().cdb)), *SILENCE]
    seen, notes, _ = climbed(SILENCE, READY, unseen, READY, SENSORS, CANCEL)
    assert seen.paper_in_path
    assert "reset" in notes


# -- out of step -----------------------------------------------------------------------------


def test_a_late_status_is_drained_before_the_sensors_are_believed(climbed):
    """The pipe is one answer behind: TEST UNIT READY alone would not show it."""
    late = [TUR, In(status()), Out(command_block(fi.inquiry().cdb)), In(status())]
    rest = [In(errno.EOVERFLOW), In(inquiry()), In(status()), *SILENCE]
    seen, _, counted = climbed(SILENCE, late, rest, READY, SENSORS, CANCEL)
    assert seen.paper_in_path
    assert "reset" not in counted


def test_late_samples_of_a_page_are_drained_before_the_sensors_are_believed(climbed):
    late = [TUR, In(errno.EOVERFLOW), In(bytes(65536)), In(bytes(512)), *SILENCE]
    seen, _, counted = climbed(SILENCE, late, READY, SENSORS, CANCEL)
    assert seen.paper_in_path
    assert "reset" not in counted


def test_a_scanner_that_says_it_is_blocked_is_in_step(climbed):
    jammed = checked(fi.inquiry(), sense(3, 0x80, 1))
    seen, _, counted = climbed(SILENCE, good(fi.test_unit_ready()), jammed, SENSORS, CANCEL)
    assert seen.paper_in_path
    assert "reset" not in counted


# -- hot-plug --------------------------------------------------------------------------------

GONE = [In(errno.ENODEV)]


@pytest.mark.parametrize(
    "until",
    [
        [GONE],
        [SILENCE, [TUR], GONE, GONE],
        [SILENCE, good(fi.test_unit_ready()), [Out(command_block(fi.inquiry().cdb))], GONE],
        [SILENCE, READY, [Out(command_block(fi.hardware_status().cdb))], GONE],
    ],
    ids=["drain", "test unit ready", "inquiry", "sensors"],
)
def test_a_scanner_that_is_pulled_out_during_the_ladder_must_be_opened_anew(climbed, until):
    gone_after_reset = [TUR, *GONE, *GONE]
    seen, _, counted = climbed(*until, gone_after_reset)
    assert seen is None
    assert counted[-2:] == ["reset", "test_unit_ready"]


def test_every_rung_has_a_name_that_is_counted(climbed):
    _, _, counted = climbed(SILENCE, THREE_UNHEARD, THREE_UNHEARD)
    recovery.step("enumerate", counted.append)
    assert tuple(dict.fromkeys(counted)) == recovery.STEPS
