import itertools

import pytest

from daemon.feeder import transport
from daemon.feeder.transport import TRANSITIONS, Event, State, picture, step

PAIRS = list(itertools.product(State, Event))


@pytest.mark.parametrize(("state", "event"), PAIRS)
def test_every_pair_is_answered_by_its_row_or_refused(state, event):
    if (state, event) in TRANSITIONS:
        assert step(state, event) is TRANSITIONS[state, event]
    else:
        with pytest.raises(ValueError, match=f"{state}: {event}"):
            step(state, event)


@pytest.mark.parametrize("state", State)
def test_every_state_is_reached_and_left(state):
    befores = {before for (before, _), after in TRANSITIONS.items() if after is state}
    afters = {after for (before, _), after in TRANSITIONS.items() if before is state}
    assert befores - {state}
    assert afters - {state}


@pytest.mark.parametrize("event", Event)
def test_every_event_happens_somewhere(event):
    assert any(happens is event for _, happens in TRANSITIONS)


@pytest.mark.parametrize("state", State)
def test_from_every_state_the_scanner_can_become_idle_again(state):
    seen, frontier = {state}, {state}
    while frontier:
        after = {TRANSITIONS[s, e] for s, e in PAIRS if s in frontier and (s, e) in TRANSITIONS}
        frontier = after - seen
        seen |= after
    assert State.IDLE in seen


def test_paper_is_asked_for_only_by_an_armed_scanner():
    assert [before for (before, event) in TRANSITIONS if event is Event.FEED] == [State.ARMED]


def test_a_blocked_scanner_becomes_idle_only_through_hands():
    ways = {
        event
        for (before, event), after in TRANSITIONS.items()
        if before is State.BLOCKED and after is State.IDLE
    }
    assert ways == {Event.CLEARED}


def test_a_failure_leads_to_the_ladder_and_nowhere_else():
    after_failure = {event for (before, event) in TRANSITIONS if before is State.LOST}
    assert after_failure == {Event.FAILED, Event.RECOVER, Event.CLOSE}


def test_the_picture_in_the_module_is_printed_from_the_table():
    drawn = "\n".join(f"    {line}" for line in picture().splitlines())
    assert drawn in transport.__doc__


def test_the_picture_shows_every_row_under_its_state():
    shown, state = set(), None
    for line in picture().splitlines():
        if line.startswith(" "):
            event, after = line.split(">")
            shown.add((state, Event(event.strip()), State(after.strip())))
        else:
            state = State(line)
    assert shown == {(before, event, after) for (before, event), after in TRANSITIONS.items()}
