"""What the driver and a scanner owe each other, whatever carries the bytes between them.

Rule 1: a scenario knows a scanner and hands, and nothing of the carrier. Rule 2: every scenario
that feeds ends with every sheet accounted for: what came, came once, whole and in its order.
"""

import errno
from collections.abc import Callable
from typing import Any, Final

from daemon.errors import (
    CoverOpen,
    DeviceError,
    DoubleFeed,
    HardwareFault,
    LinkLost,
    LinkStall,
    LinkTimeout,
    OperatorError,
    PaperJam,
    PaperRefused,
    ProtocolError,
    StoppedByOperator,
)
from daemon.feeder.emulator import Fault, FaultKind, LinkFaultKind
from daemon.feeder.probe import NotAttached
from daemon.feeder.transport import State
from daemon.page import DeviceIdentity
from tests.feeder.stand import Scenario, Stand, Trouble, expecting

SENSORS, FEED, SCAN, READ = b"\xc2", b"\x31\x01", b"\x1b", b"\x28\x00\x00"
"""How commands begin."""
STEPS: Final = (("feed", FEED, 1), ("scan", SCAN, 1), ("read", READ, 3))
"""Of the second sheet: the feed, the scan, and the READ that brings its last byte."""

SCENARIOS: Final[dict[str, Scenario]] = {}


def scenario(**paper: Any) -> Callable[[Callable[[Stand], None]], Callable[[Stand], None]]:
    """Enter a function into the contract, under its name."""

    def entered(act: Callable[[Stand], None]) -> Callable[[Stand], None]:
        SCENARIOS[act.__name__] = Scenario(act, **paper)
        return act

    return entered


# -- a day without trouble -------------------------------------------------------------------


@scenario()
def the_scanner_says_who_it_is(stand: Stand) -> None:
    stand.scanner.poll()
    assert stand.scanner.identity == DeviceIdentity(
        vendor="FUJITSU", model="fi-7160", serial="716000001", firmware="VIRT", virtual=True
    )
    assert stand.scanner.state is State.IDLE


@scenario(sheets=5)
def a_batch_comes_whole_and_in_order(stand: Stand) -> None:
    stand.start()
    assert stand.rest() == [0, 1, 2, 3, 4]
    assert stand.scanner.state is State.IDLE


@scenario(sheets=0)
def an_empty_hopper_is_no_error(stand: Stand) -> None:
    assert not stand.scanner.poll().hopper_loaded
    stand.scanner.arm()
    assert not stand.scanner.feed()
    assert stand.scanner.state is State.ARMED


@scenario()
def the_button_is_seen_once(stand: Stand) -> None:
    assert not stand.scanner.poll().button_pressed
    stand.hands.press_scan()
    assert stand.scanner.poll().button_pressed
    assert not stand.scanner.poll().button_pressed


@scenario()
def paper_that_is_taken_back_comes_again(stand: Stand) -> None:
    stand.start()
    assert [stand.next(), stand.next()] == [0, 1]
    stand.hands.take_back(2)
    assert stand.rest() == [0, 1, 2]


# -- what a clerk must see to ----------------------------------------------------------------


def _blocks(kind: FaultKind, error: type[OperatorError]) -> None:
    for when in ("feed", "read"):

        def act(stand: Stand) -> None:
            stand.start()
            assert stand.next() == 0
            with expecting(error):
                stand.next()
            assert stand.scanner.state is State.BLOCKED
            stand.goes_on_from(1)

        SCENARIOS[f"{kind.value}_at_{when}"] = Scenario(act, 4, (Fault(1, kind, when),))


_blocks(FaultKind.JAM, PaperJam)
_blocks(FaultKind.DOUBLE_FEED, DoubleFeed)
_blocks(FaultKind.COVER_OPEN, CoverOpen)
_blocks(FaultKind.STOP_BUTTON, StoppedByOperator)
_blocks(FaultKind.PAPER_REFUSED, PaperRefused)


@scenario(faults=(Fault(1, FaultKind.OPTICAL, "read"),))
def a_defect_is_the_devices(stand: Stand) -> None:
    stand.start()
    assert stand.next() == 0
    with stand.failing(HardwareFault):
        stand.next()
    stand.hands.refeed()
    stand.scanner.recover()
    stand.goes_on_from(1)


# -- the cable -------------------------------------------------------------------------------


def _unplugs() -> None:
    def act(stand: Stand) -> None:
        stand.start()
        assert stand.next() == 0
        with stand.failing(LinkLost, errno.ENODEV):
            stand.next()
        with expecting(NotAttached):
            stand.scanner.recover()
        assert stand.scanner.state is State.ABSENT
        assert stand.hands.plug().plugs == 2
        stand.scanner.recover()
        assert stand.scanner.state is State.IDLE
        stand.goes_on_from(1)

    for name, begins, nth in STEPS:
        trouble = Trouble(LinkFaultKind.UNPLUG, begins, nth)
        SCENARIOS[f"unplug_at_{name}"] = Scenario(act, troubles=(trouble,))


_unplugs()


@scenario(faults=(Fault(1, FaultKind.UNPLUG, "read"),))
def unplugged_with_a_sheet_in_the_path(stand: Stand) -> None:
    stand.start()
    assert stand.next() == 0
    with stand.failing(LinkLost, errno.ENODEV):
        stand.next()
    stand.hands.plug()
    assert stand.scanner.recover().paper_in_path
    stand.goes_on_from(1)


@scenario()
def unplugged_between_two_sheets_and_at_once_plugged_in_again(stand: Stand) -> None:
    stand.start()
    assert stand.next() == 0
    stand.hands.unplug()
    stand.hands.plug()
    with stand.failing(LinkLost, errno.ENODEV):
        stand.scanner.feed()
    stand.scanner.recover()
    stand.goes_on_from(1)


@scenario()
def unplugged_while_idle_again_and_again(stand: Stand) -> None:
    for plugs in range(1, 5):
        stand.scanner.poll()
        stand.hands.unplug()
        with stand.failing(LinkLost, errno.ENODEV):
            stand.scanner.poll()
        assert stand.hands.plug().plugs == plugs + 1
        stand.scanner.recover()
    stand.scanner.arm()
    assert stand.rest() == [0, 1, 2]


@scenario(troubles=(Trouble(LinkFaultKind.POWER_CYCLE, READ, 3),))
def switched_off_and_on_in_the_middle_of_a_sheet(stand: Stand) -> None:
    stand.start()
    assert stand.next() == 0
    with stand.failing(LinkLost, errno.ENODEV):
        stand.next()
    assert stand.hands.look().plugs == 2
    stand.scanner.recover()
    stand.goes_on_from(1)


@scenario()
def switched_off_and_on_by_hand(stand: Stand) -> None:
    stand.start()
    assert stand.next() == 0
    assert stand.hands.power_cycle().plugs == 2
    with stand.failing(LinkLost, errno.ENODEV):
        stand.scanner.feed()
    stand.scanner.recover()
    stand.goes_on_from(1)


@scenario()
def held_by_another_program(stand: Stand) -> None:
    other = stand.another()
    other.poll()
    with stand.failing(LinkLost, errno.EBUSY):
        stand.scanner.poll()
    other.close()
    stand.scanner.recover()
    stand.goes_on_from(0)


# -- the pipes -------------------------------------------------------------------------------


def _fails(
    kind: LinkFaultKind, error: type[DeviceError], number: int | None, steps: list[str]
) -> None:
    for name, begins, nth in STEPS:

        def act(stand: Stand) -> None:
            stand.start()
            assert stand.next() == 0
            with stand.failing(error, number):
                stand.next()
            stand.scanner.recover()
            assert stand.steps == steps
            assert stand.scanner.state is State.IDLE
            stand.goes_on_from(1)

        trouble = Trouble(kind, begins, nth)
        SCENARIOS[f"{kind.value}_at_{name}"] = Scenario(act, troubles=(trouble,))


_IN_STEP = ["drain", "clear_halt", "test_unit_ready"]
_fails(LinkFaultKind.STALL, LinkStall, errno.EPIPE, _IN_STEP)
_fails(LinkFaultKind.TIMEOUT, LinkTimeout, errno.ETIMEDOUT, _IN_STEP)
_fails(LinkFaultKind.HANG, LinkTimeout, errno.ETIMEDOUT, [*_IN_STEP, "reset", "test_unit_ready"])
_fails(LinkFaultKind.GARBAGE_STATUS, ProtocolError, None, _IN_STEP)
_fails(LinkFaultKind.SENSE_RESIDUE, ProtocolError, None, _IN_STEP)


def _is_borne(kind: LinkFaultKind, begins: bytes, nth: int) -> None:
    def act(stand: Stand) -> None:
        stand.start()
        assert stand.rest() == [0, 1, 2]
        assert stand.steps == []

    SCENARIOS[f"{kind.value}_is_borne"] = Scenario(act, troubles=(Trouble(kind, begins, nth),))


_is_borne(LinkFaultKind.BUSY_STORM, READ, 3)
_is_borne(LinkFaultKind.NO_DATA_YET, READ, 3)
_is_borne(LinkFaultKind.SHORT_DATA, READ, 3)
_is_borne(LinkFaultKind.SLEEP, FEED, 1)


@scenario(troubles=(Trouble(LinkFaultKind.SLEEP, SENSORS, 0),))
def asleep_before_the_batch(stand: Stand) -> None:
    assert stand.scanner.poll().sleeping
    assert stand.scanner.state is State.ASLEEP
    stand.scanner.arm()
    assert stand.rest() == [0, 1, 2]
    assert not stand.scanner.poll().sleeping


@scenario(troubles=(Trouble(LinkFaultKind.RESET, FEED),))
def reset_between_two_sheets(stand: Stand) -> None:
    stand.start()
    assert stand.rest() == [0, 1, 2]


@scenario(troubles=(Trouble(LinkFaultKind.RESET, READ, 3),))
def reset_with_a_sheet_in_the_path(stand: Stand) -> None:
    stand.start()
    assert stand.next() == 0
    with stand.failing(ProtocolError):
        stand.next()
    stand.scanner.recover()
    assert stand.scanner.poll().paper_in_path
    stand.goes_on_from(1)
