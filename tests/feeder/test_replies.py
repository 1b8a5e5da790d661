"""Whatever a scanner answers: errors of our tree, in time, within the announced memory."""

import tracemalloc

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from daemon.feeder.fi.sense import TABLE
from tests.feeder import babble

# Mostly nothing is changed, or no session would get far.
SAID = st.lists(
    st.one_of(st.just(b"\0"), st.just(b"\0" * 9), st.binary(min_size=1, max_size=4)), max_size=300
).map(b"".join)


@pytest.fixture(autouse=True)
def nobody_waits(monkeypatch):
    babble.without_pauses(monkeypatch.setattr)


@given(data=st.binary(max_size=300))
def test_no_parser_raises_anything_but_a_device_error(data):
    babble.parsers(data)


@pytest.mark.parametrize("row", TABLE)
def test_every_row_of_the_sense_table_is_an_error_or_a_verdict(row):
    key, asc, ascq = row
    babble.parsers(bytes([0x70, 0, key, 0, 0, 0, 0, 10, 0, 0, 0, 0, asc, ascq, 0, 0, 0, 0]))


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(said=SAID)
@example(said=b"")
def test_a_scanner_that_babbles_cannot_confuse_the_driver(said):
    assert 0 <= babble.session_of(said) <= 12


def test_a_scanner_that_is_passed_on_unchanged_is_read():
    assert babble.session_of(b"") == 2


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(said=SAID)
def test_no_answer_makes_the_driver_ask_for_more_than_window_and_slack(said):
    tracemalloc.start()
    try:
        babble.session_of(said)
        assert tracemalloc.get_traced_memory()[1] < babble.MOST_BYTES
    finally:
        tracemalloc.stop()
