"""Hostile clients, over real sockets: the feeder, the ledger and a good puller go on all the while.

The appliance is a process of its own with 1024 descriptors; so is each attacker.
"""

import json
import time

import grpc
import pytest

from benchmarks.attacker import files
from benchmarks.attacks import ATTACKS, MOST_CONNECTIONS
from benchmarks.besieged import BAD, DESCRIPTORS, GOOD, LATE, besieged
from benchmarks.hostile import GoodPuller, attacked, line_of, moment
from daemon.rpc import pages_pb2 as pb
from daemon.rpc.pages_pb2_grpc import ApplianceServiceStub
from daemon.stream.credentials import client_credentials

SHEETS = 6
GROWTH_BYTES = 96 << 20
MOST_LOGGED_BYTES = 20_000


def wait_until(true, what):
    deadline_s = time.monotonic() + 30
    while not true():
        assert time.monotonic() < deadline_s, f"in vain: {what}"
        time.sleep(0.05)


@pytest.fixture(scope="module")
def appliance(tmp_path_factory):
    with besieged(tmp_path_factory.mktemp("besieged")) as appliance:
        yield appliance


@pytest.fixture(scope="module")
def puller(appliance, tmp_path_factory):
    """The good one; it was there before the attacks."""
    puller = GoodPuller(appliance, tmp_path_factory.mktemp("pulled") / "court")
    wait_until(lambda: puller.entries > 0, "the good puller gets something")
    yield puller
    puller.stop()


def goes_on(appliance, puller):
    """See sheets committed and pulled from now on."""
    begin = moment(appliance, puller)
    wanted = begin.appliance.sheets + SHEETS
    wait_until(lambda: moment(appliance, puller).appliance.sheets >= wanted, "sheets are fed")
    last = moment(appliance, puller).appliance.last_sequence
    wait_until(lambda: moment(appliance, puller).entries >= last, "the good puller has them")
    return moment(appliance, puller)


def test_who_comes_during_3000_silent_connections_is_let_in_when_they_are_closed(
    appliance, puller, tmp_path
):
    with attacked(appliance, "3000 silent connections") as account:
        wait_until(lambda: "opened" in account(), "they are open")
        late = GoodPuller(appliance, tmp_path / "late", LATE)
        try:
            last = moment(appliance, puller).appliance.last_sequence
            wait_until(lambda: late.entries >= last, "the late one has everything")
            assert late.failed is None
        finally:
            late.stop()
        opened = account()["opened"]
        wait_until(lambda: account()["closed"] == opened, "all silent ones are closed")
    if opened < MOST_CONNECTIONS:
        pytest.skip(f"only {opened} connections: the limit on open files here allows no more")


@pytest.mark.parametrize("name", ATTACKS)
def test_sheets_are_committed_and_pulled_during_the_attack(appliance, puller, name):
    attack = ATTACKS[name]
    before = moment(appliance, puller)
    with attacked(appliance, name) as account:
        wait_until(lambda: attack.must <= set(account()), f"outcomes: {attack.must}")
        during = goes_on(appliance, puller)
        came_of_it = account()
    assert set(came_of_it) <= attack.must | attack.may
    assert during.appliance.rss_bytes - before.appliance.rss_bytes < GROWTH_BYTES
    assert during.appliance.descriptors < DESCRIPTORS // 2


def test_after_all_attacks_no_cursor_was_moved_by_them(appliance, puller):
    entries = goes_on(appliance, puller).entries
    credentials = client_credentials(*files(appliance.tls, GOOD))
    with grpc.secure_channel(f"127.0.0.1:{appliance.port}", credentials) as channel:
        status = ApplianceServiceStub(channel)

        def cursors():
            got = status.GetStatus(pb.GetStatusRequest(), timeout=10)
            return {one.consumer: one.acknowledged_sequence for one in got.consumers}

        # The puller counts what it holds, and acknowledges it a moment later.
        wait_until(lambda: cursors()[GOOD] >= entries, "what the good puller holds is acknowledged")
        assert cursors()[BAD] == 0


def test_after_all_attacks_the_log_is_short(appliance):
    assert appliance.log.stat().st_size < MOST_LOGGED_BYTES, appliance.log.read_text()[:2000]


def test_the_benchmark_gives_a_line_for_an_attack(appliance, puller):
    found = json.loads(line_of("hasty pulls", appliance, puller, 0.5))
    assert found["case"] == "hostile, hasty pulls"
    assert found["before"]["commits_per_s"] > 0
    assert found["during"]["rss_mib"] > 0
    assert found["came_of_it"]["cancelled"] > 0
