"""What goes wrong: each cause told apart, and the batch taken up again where it stopped."""

import errno
import logging

import pytest

from daemon.errors import (
    CoverOpen,
    DeviceError,
    DoubleFeed,
    HardwareFault,
    LinkLost,
    LinkStall,
    LinkTimeout,
    PaperJam,
    PaperRefused,
    ProtocolError,
    StoppedByOperator,
)
from daemon.feeder import mechanism, models, probe, recovery
from daemon.feeder.emulator import Emulator, Fault, FaultKind, LinkFault, LinkFaultKind
from daemon.feeder.loopback import LoopbackBackend
from daemon.feeder.transport import State
from tests.feeder.bench import is_free, sheet_id
from tests.feeder.wire import Deaf, Recording, Refusing, sense, usb_error

FEED = bytes.fromhex("31 01 00 00 00 00 00 00 00 00")
SET_WINDOW, CANCEL, LAMP_ON = 0x24, b"\xf1\x04", b"\xf1\x05"

# -- faults ----------------------------------------------------------------------------------

BLOCKING = [
    (FaultKind.JAM, PaperJam),
    (FaultKind.DOUBLE_FEED, DoubleFeed),
    (FaultKind.COVER_OPEN, CoverOpen),
    (FaultKind.STOP_BUTTON, StoppedByOperator),
    (FaultKind.PAPER_REFUSED, PaperRefused),
]


@pytest.mark.parametrize("when", ["feed", "read"])
@pytest.mark.parametrize(("kind", "error"), BLOCKING)
def test_every_cause_is_told_apart_and_the_sheet_comes_again_after_hands(bench, kind, error, when):
    b = bench(4, [Fault(1, kind, when)])
    b.start()
    assert b.scanner.feed()
    assert b.read(1) == 0
    with pytest.raises(error) as caught:
        b.scanner.feed()
        b.scanner.read_sheet(sheet_id(2))
    assert type(caught.value) is error
    assert b.scanner.state is State.BLOCKED
    b.scanner.poll()
    assert b.scanner.state is State.BLOCKED
    b.clear()
    b.scanner.cleared()
    assert b.scanner.state is State.IDLE
    b.scanner.arm()
    assert b.rest() == [1, 2, 3]


@pytest.mark.parametrize("when", ["feed", "read"])
def test_a_defect_is_the_devices_and_needs_recovery(bench, when):
    b = bench(2, [Fault(0, FaultKind.OPTICAL, when)])
    b.start()
    with pytest.raises(HardwareFault, match="optics"):
        b.scanner.feed()
        b.scanner.read_sheet(sheet_id(1))
    assert b.scanner.state is State.LOST
    b.clear()
    b.scanner.recover()
    assert b.scanner.state is State.IDLE
    b.scanner.arm()
    assert b.rest() == [0, 1]


def test_a_cover_that_is_open_before_arming_is_told_by_feed(bench):
    b = bench(1)
    b.scanner.poll()
    b.hopper.open_cover()
    b.scanner.arm()
    with pytest.raises(CoverOpen):
        b.scanner.feed()
    assert b.scanner.state is State.BLOCKED
    assert not b.scanner.poll().paper_in_path
    b.hopper.close_cover()
    b.scanner.cleared()
    b.scanner.arm()
    assert b.rest() == [0]


def test_a_cover_that_keeps_the_scanner_from_being_set_up_is_told_by_feed(bench):
    b = bench(1)
    b.backend = lambda: Refusing(b.emulator, LAMP_ON, sense(3, 0x80, 2), b.sent)
    b.start()
    assert b.scanner.state is State.ARMED
    with pytest.raises(CoverOpen):
        b.scanner.feed()
    assert b.scanner.state is State.BLOCKED
    assert b.commands(0x31) == []


def test_a_cover_opened_at_the_end_of_a_batch_does_not_keep_it_from_ending(bench):
    b = bench(1)
    b.backend = lambda: Refusing(b.emulator, CANCEL, sense(3, 0x80, 2), b.sent)
    b.start()
    b.rest()
    b.scanner.finish()
    assert b.scanner.state is State.IDLE
    assert b.sent[-1].endswith(bytes.fromhex("3a 06 80 c0 00 00 00 00"))


def test_hands_may_clear_what_never_blocked_the_scanner(bench):
    b = bench(2)
    b.start().feed()
    b.read(1)
    b.scanner.cleared()
    assert b.scanner.state is State.IDLE
    b.scanner.cleared()
    b.scanner.arm()
    assert b.rest() == [1]


def test_a_blocked_scanner_is_told_to_break_off(bench):
    b = bench(1, [Fault(0, FaultKind.JAM, "read")])
    b.start().feed()
    with pytest.raises(PaperJam):
        b.scanner.read_sheet(sheet_id(1))
    assert CANCEL in {cdb[:2] for cdb in b.sent[-2:]}


def test_a_slow_scanner_is_waited_for_and_not_asked_for_paper_twice(bench):
    b = bench(2, [Fault(0, FaultKind.BUSY, "feed"), Fault(1, FaultKind.BUSY, "read")])
    b.start()
    assert b.rest() == [0, 1]
    assert b.commands(0x31) == [FEED] * 3


def test_a_scanner_can_be_closed_whatever_interrupts_its_probing(bench):
    b = bench(1)

    class Interrupted(LoopbackBackend):
        def bulk_read(self, dev_handle, ep, intf, buff, timeout):
            raise KeyboardInterrupt

    b.backend = lambda: Interrupted(b.emulator)
    with pytest.raises(KeyboardInterrupt):
        b.scanner.poll()
    b.scanner.close()
    assert b.scanner.state is State.ABSENT
    assert is_free(b.emulator)


def test_out_of_turn_is_a_programming_error(bench):
    b = bench(1)
    b.start()
    with pytest.raises(ValueError, match="armed: scan"):
        b.scanner.read_sheet(sheet_id(1))


# -- link ------------------------------------------------------------------------------------


@pytest.mark.parametrize("when", ["feed", "read"])
def test_unplugged_and_plugged_in_again_the_batch_goes_on(bench, when):
    b = bench(3, [Fault(1, FaultKind.UNPLUG, when)])
    b.start().feed()
    assert b.read(1) == 0
    with pytest.raises(LinkLost):
        b.scanner.feed()
        b.scanner.read_sheet(sheet_id(2))
    assert b.scanner.state is State.LOST
    with pytest.raises(LinkLost):
        b.scanner.poll()
    with pytest.raises(LinkLost, match="no scanner is attached"):
        b.scanner.recover()
    assert b.scanner.state is State.ABSENT
    b.emulator.plug()
    b.scanner.recover()
    assert b.scanner.state is State.IDLE
    assert b.scanner.poll().paper_in_path
    b.clear()
    b.scanner.cleared()
    b.scanner.arm()
    assert b.rest() == [1, 2]


def test_a_scanner_that_fails_while_idle_comes_back(bench):
    b = bench(1)
    b.scanner.poll()
    b.emulator.unplug()
    b.emulator.plug()
    with pytest.raises(LinkLost):
        b.scanner.poll()
    b.scanner.recover()
    b.scanner.arm()
    assert b.rest() == [0]


def lost_once(direction, number, after):
    """Lose the transfer of this direction after so many, once."""
    seen = []

    def lose(asked):
        seen.append(asked)
        return number if asked == direction and seen.count(direction) == after else 0

    return lose


@pytest.mark.parametrize("after", [1, 2, 3, 5])
@pytest.mark.parametrize(
    ("number", "error"), [(errno.ETIMEDOUT, LinkTimeout), (errno.EPIPE, LinkStall)]
)
def test_an_answer_that_is_lost_is_found_by_the_first_rungs(bench, number, error, after):
    b = bench(2)
    b.start()
    b.scanner.finish()
    b.scanner.recover()
    b.steps.clear()
    with_loss = lost_once("in", number, after)
    link = b.scanner._connected().connection.session.link
    link._device._ctx.backend = Deaf(b.emulator, with_loss)
    with pytest.raises(DeviceError) as caught:
        b.scanner.arm()
        b.rest()
    assert type(caught.value) is error
    assert b.scanner.state is State.LOST
    b.scanner.recover()
    assert b.steps == ["drain", "clear_halt", "test_unit_ready"]
    assert b.scanner.state is State.IDLE
    b.clear()
    b.scanner.arm()
    assert b.rest() == [0, 1]


def test_a_scanner_that_stays_silent_is_reset(bench):
    b = bench(1)
    silent = []

    class Hung(Deaf):
        def reset_device(self, dev_handle):
            silent.clear()
            super().reset_device(dev_handle)

    b.backend = lambda: Hung(b.emulator, lambda _: errno.ETIMEDOUT if silent else 0)
    b.scanner.poll()
    silent.append(True)
    with pytest.raises(LinkTimeout):
        b.scanner.poll()
    b.scanner.recover()
    assert b.steps == ["drain", "clear_halt", "test_unit_ready", "reset", "test_unit_ready"]
    b.scanner.arm()
    assert b.rest() == [0]


def test_a_scanner_that_a_reset_does_not_help_is_opened_anew_over_a_fresh_backend(bench):
    b = bench(1)
    made = []

    def backend():
        made.append(Deaf(b.emulator, lambda _: errno.ETIMEDOUT if broken else 0))
        broken_for.append(len(made))
        return made[-1]

    broken, broken_for = [], []
    b.backend = backend
    b.scanner.poll()
    broken.append(True)
    with pytest.raises(LinkTimeout):
        b.scanner.poll()
    with pytest.raises(LinkTimeout, match="switch the scanner off and on"):
        b.scanner.recover()
    assert b.scanner.state is State.LOST
    assert tuple(dict.fromkeys(b.steps)) == recovery.STEPS
    broken.clear()
    b.steps.clear()
    b.scanner.recover()
    assert b.steps == ["enumerate"]
    assert len(made) == len(set(map(id, made))) == 5
    b.scanner.arm()
    assert b.rest() == [0]


@pytest.mark.parametrize("command", range(6))
def test_a_scanner_that_hangs_while_it_is_asked_who_it_is_is_reset(bench, command):
    b = bench(1)
    hang = LinkFault(LinkFaultKind.HANG, command=command)
    b.emulator = Emulator(b.paper, b.hopper, link_faults=[hang])
    with pytest.raises(LinkTimeout):
        b.scanner.poll()
    assert b.scanner.state is State.LOST
    b.scanner.recover()
    assert b.steps == ["enumerate", "reset"]
    assert b.scanner.state is State.IDLE
    b.scanner.arm()
    assert b.rest() == [0]


def test_a_neighbour_that_says_who_it_is_is_not_reset(bench):
    b = bench(1)
    b.scanner.poll()
    b.scanner.close()
    resets = []

    class Watched(Recording):
        def reset_device(self, dev_handle):
            resets.append(dev_handle)
            super().reset_device(dev_handle)

    probe.reset_silent(Watched(b.emulator, []), models.load())
    assert resets == []


def test_every_step_of_the_ladder_is_logged(bench, caplog):
    caplog.set_level(logging.DEBUG, logger="daemon.feeder")
    b = bench(1)
    b.scanner.poll()
    b.scanner.recover()
    said = [r.getMessage() for r in caplog.records if r.name == "daemon.feeder.recovery"]
    assert said == ["recovery: drain", "recovery: clear_halt", "recovery: test_unit_ready"]


def test_no_case_data_is_logged_above_debug(bench, caplog):
    caplog.set_level(logging.INFO)
    b = bench(2, [Fault(1, FaultKind.JAM)])
    b.start().feed()
    b.read(1)
    with pytest.raises(PaperJam):
        b.scanner.feed()
    assert [r for r in caplog.records if r.name.startswith("daemon.feeder")] == []


def test_a_link_that_fails_while_breaking_off_does_not_hide_the_persons_cause(bench):
    b = bench(1, [Fault(0, FaultKind.JAM)])
    b.start()

    class Breaking(Recording):
        def bulk_write(self, dev_handle, ep, intf, data, timeout):
            if bytes(data[0x13:0x15]) == CANCEL:
                raise usb_error(errno.ENODEV)
            return super().bulk_write(dev_handle, ep, intf, data, timeout)

    link = b.scanner._connected().connection.session.link
    link._device._ctx.backend = Breaking(b.emulator)
    with pytest.raises(PaperJam):
        b.scanner.feed()
    assert b.scanner.state is State.LOST
    with pytest.raises(LinkLost):
        b.scanner.poll()


# -- resets and doubts -----------------------------------------------------------------------


def test_a_reset_between_two_sheets_sets_up_again_and_loses_nothing(bench):
    b = bench(3)
    b.start().feed()
    assert b.read(1) == 0
    b.emulator.reset()
    assert b.rest() == [1, 2]
    assert len(b.commands(SET_WINDOW)) == 2


def test_a_reset_with_a_sheet_in_the_path_loses_that_sheet_and_says_so(bench):
    b = bench(2)
    b.start().feed()
    b.emulator.reset()
    with pytest.raises(ProtocolError, match="reset while a sheet was in its path"):
        b.scanner.read_sheet(sheet_id(1))
    b.scanner.recover()
    assert b.scanner.poll().paper_in_path
    b.clear()
    b.scanner.arm()
    assert b.rest() == [0, 1]


def test_a_scanner_that_is_reset_again_and_again_is_given_up(bench, monkeypatch):
    monkeypatch.setattr(mechanism, "_SET_UP_TRIES", 2)
    b = bench(1)
    windows = []

    class Weak(Recording):
        def bulk_write(self, dev_handle, ep, intf, data, timeout):
            if len(data) == 31 and data[0x13] == SET_WINDOW:
                windows.append(data)
                if len(windows) % 2:
                    self._emulator.reset()
            return super().bulk_write(dev_handle, ep, intf, data, timeout)

    b.backend = lambda: Weak(b.emulator)
    b.scanner.poll()
    with pytest.raises(ProtocolError, match="power supply"):
        b.scanner.arm()
    assert b.scanner.state is State.LOST


# -- what proves where a sheet is ------------------------------------------------------------


@pytest.mark.parametrize(("opcode", "asked"), [(0x00, False), (0x31, True)])
def test_it_is_known_whether_the_scanner_was_told_to_feed(bench, opcode, asked):
    b = bench(2)
    b.start()

    class Vanishing(Recording):
        def bulk_write(self, dev_handle, ep, intf, data, timeout):
            if len(data) == 31 and data[0x13] == opcode:
                raise usb_error(errno.ENODEV)
            return super().bulk_write(dev_handle, ep, intf, data, timeout)

    link = b.scanner._connected().connection.session.link
    link._device._ctx.backend = Vanishing(b.emulator)
    with pytest.raises(LinkLost):
        b.scanner.feed()
    assert b.scanner.has_asked_for_paper is asked


def test_a_scanner_that_was_out_of_sight_proves_nothing_even_if_it_names_no_reset(bench):
    b = bench(2, [Fault(0, FaultKind.UNPLUG, "feed")])
    b.start()
    with pytest.raises(LinkLost):
        b.scanner.feed()
    assert b.scanner.kept_power
    b.emulator.plug()
    b.scanner.recover()
    b.scanner._connected().connection.session.was_reset = False
    assert not b.scanner.kept_power
