"""The paper path as a literal table: (state, event) -> state.

Rule 1: everything that changes the state of the paper path is a row of TRANSITIONS; a pair that has
no row is an error. Rule 2: nothing happens here. The driver acts after the transition.

Printed by `picture` from the table:

    absent
        connect   > probing
        recover   > recovering
        close     > absent
    probing
        probed    > idle
        not_found > absent
        failed    > lost
        close     > absent
    asleep
        woke      > idle
        arm       > armed
        cleared   > asleep
        failed    > lost
        recover   > recovering
        close     > absent
    idle
        slept     > asleep
        arm       > armed
        cleared   > idle
        failed    > lost
        recover   > recovering
        close     > absent
    armed
        feed      > feeding
        finish    > idle
        failed    > lost
        recover   > recovering
        close     > absent
    feeding
        scan      > scanning
        empty     > armed
        blocked   > blocked
        finish    > idle
        failed    > lost
        recover   > recovering
        close     > absent
    scanning
        read      > armed
        blocked   > blocked
        finish    > idle
        failed    > lost
        recover   > recovering
        close     > absent
    blocked
        cleared   > idle
        failed    > lost
        recover   > recovering
        close     > absent
    recovering
        probed    > idle
        not_found > absent
        failed    > lost
        close     > absent
    lost
        failed    > lost
        recover   > recovering
        close     > absent
"""

from enum import StrEnum
from typing import Final


class State(StrEnum):
    """Where the paper path stands. The texts are shown to technicians and label a metric."""

    ABSENT = "absent"
    """No scanner is connected."""
    PROBING = "probing"
    """Being asked who it is and what it can do."""
    ASLEEP = "asleep"
    """Ready, but saving power; the next work wakes it."""
    IDLE = "idle"
    """Ready; only its sensors are read."""
    ARMED = "armed"
    """Set up for a batch, between two sheets."""
    FEEDING = "feeding"
    """A sheet was asked for; it is on its way or in place."""
    SCANNING = "scanning"
    """The sheet in the path is being read."""
    BLOCKED = "blocked"
    """A person must act."""
    RECOVERING = "recovering"
    """On the ladder after a failure of the device or its link."""
    LOST = "lost"
    """The device failed; nothing is asked of it before it is recovered."""


class Event(StrEnum):
    """What changes the state."""

    CONNECT = "connect"
    PROBED = "probed"
    NOT_FOUND = "not_found"
    SLEPT = "slept"
    WOKE = "woke"
    ARM = "arm"
    FEED = "feed"
    EMPTY = "empty"
    SCAN = "scan"
    READ = "read"
    FINISH = "finish"
    BLOCKED = "blocked"
    CLEARED = "cleared"
    FAILED = "failed"
    RECOVER = "recover"
    CLOSE = "close"


TRANSITIONS: Final[dict[tuple[State, Event], State]] = {
    (State.ABSENT, Event.CONNECT): State.PROBING,
    (State.ABSENT, Event.RECOVER): State.RECOVERING,
    (State.ABSENT, Event.CLOSE): State.ABSENT,
    (State.PROBING, Event.PROBED): State.IDLE,
    (State.PROBING, Event.NOT_FOUND): State.ABSENT,
    (State.PROBING, Event.FAILED): State.LOST,
    (State.PROBING, Event.CLOSE): State.ABSENT,
    (State.ASLEEP, Event.WOKE): State.IDLE,
    (State.ASLEEP, Event.ARM): State.ARMED,
    (State.ASLEEP, Event.CLEARED): State.ASLEEP,
    (State.ASLEEP, Event.FAILED): State.LOST,
    (State.ASLEEP, Event.RECOVER): State.RECOVERING,
    (State.ASLEEP, Event.CLOSE): State.ABSENT,
    (State.IDLE, Event.SLEPT): State.ASLEEP,
    (State.IDLE, Event.ARM): State.ARMED,
    # A person may clear what blocked the daemon and not the scanner: a separator, a restart.
    (State.IDLE, Event.CLEARED): State.IDLE,
    (State.IDLE, Event.FAILED): State.LOST,
    (State.IDLE, Event.RECOVER): State.RECOVERING,
    (State.IDLE, Event.CLOSE): State.ABSENT,
    (State.ARMED, Event.FEED): State.FEEDING,
    (State.ARMED, Event.FINISH): State.IDLE,
    (State.ARMED, Event.FAILED): State.LOST,
    (State.ARMED, Event.RECOVER): State.RECOVERING,
    (State.ARMED, Event.CLOSE): State.ABSENT,
    (State.FEEDING, Event.SCAN): State.SCANNING,
    (State.FEEDING, Event.EMPTY): State.ARMED,
    (State.FEEDING, Event.BLOCKED): State.BLOCKED,
    (State.FEEDING, Event.FINISH): State.IDLE,
    (State.FEEDING, Event.FAILED): State.LOST,
    (State.FEEDING, Event.RECOVER): State.RECOVERING,
    (State.FEEDING, Event.CLOSE): State.ABSENT,
    (State.SCANNING, Event.READ): State.ARMED,
    (State.SCANNING, Event.BLOCKED): State.BLOCKED,
    (State.SCANNING, Event.FINISH): State.IDLE,
    (State.SCANNING, Event.FAILED): State.LOST,
    (State.SCANNING, Event.RECOVER): State.RECOVERING,
    (State.SCANNING, Event.CLOSE): State.ABSENT,
    (State.BLOCKED, Event.CLEARED): State.IDLE,
    (State.BLOCKED, Event.FAILED): State.LOST,
    (State.BLOCKED, Event.RECOVER): State.RECOVERING,
    (State.BLOCKED, Event.CLOSE): State.ABSENT,
    (State.RECOVERING, Event.PROBED): State.IDLE,
    (State.RECOVERING, Event.NOT_FOUND): State.ABSENT,
    (State.RECOVERING, Event.FAILED): State.LOST,
    (State.RECOVERING, Event.CLOSE): State.ABSENT,
    (State.LOST, Event.FAILED): State.LOST,
    (State.LOST, Event.RECOVER): State.RECOVERING,
    (State.LOST, Event.CLOSE): State.ABSENT,
}


def step(state: State, event: Event) -> State:
    """Return the state after `event`.

    Raises
    ------
    ValueError
        If the table has no such pair: the driver did something out of turn.
    """
    try:
        return TRANSITIONS[state, event]
    except KeyError:
        raise ValueError(f"the paper path is {state}: {event} cannot happen") from None


def picture() -> str:
    """Draw the table: each state with what may happen there and where that leads."""
    lines = []
    for state in State:
        lines.append(state.value)
        lines += [
            f"    {event.value:<9} > {after.value}"
            for (before, event), after in TRANSITIONS.items()
            if before is state
        ]
    return "\n".join(lines)
