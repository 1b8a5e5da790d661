"""The ladder, rung by rung, over scripts."""

import errno

import pytest

from daemon.feeder import fi, models
from daemon.feeder.link import Link, attached
from daemon.feeder.recovery import climb
from daemon.feeder.session import Session
from tests.feeder.wire import In, Out, Script, command_block, good

READY = good(fi.test_unit_ready())
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
        return climb(Session(link), counted.append), backend.notes, counted

    yield over
    for link, backend in opened:
        link.close()
        assert not backend.steps


def test_the_pipe_is_drained_and_both_halts_are_cleared_before_anything_is_sent(climbed):
    answers, notes, counted = climbed([In(b"left over"), *SILENCE], READY, CANCEL)
    assert answers
    assert notes == ["in", "in", "clear 02", "clear 81", "out", "in", "out", "in"]
    assert counted == ["drain", "clear_halt", "test_unit_ready"]


def test_after_three_unheard_questions_the_device_is_reset(climbed):
    answers, notes, counted = climbed(SILENCE, THREE_UNHEARD, READY, CANCEL)
    assert answers
    assert notes.index("reset") == len(notes) - 5
    assert counted == ["drain", "clear_halt", "test_unit_ready", "reset", "test_unit_ready"]


def test_a_device_that_does_not_answer_after_a_reset_must_be_opened_anew(climbed):
    answers, notes, _ = climbed(SILENCE, THREE_UNHEARD, THREE_UNHEARD)
    assert not answers
    assert notes.count("reset") == 1


def test_an_answer_to_a_question_and_none_to_a_cancel_is_no_recovery(climbed):
    cancel = [Out(command_block(fi.scanner_control(fi.Control.CANCEL).cdb)), *SILENCE]
    answers, notes, _ = climbed(SILENCE, READY, cancel, READY, CANCEL)
    assert answers
    assert "reset" in notes
