"""The contract of `contract.py` over both carriers: in process, and real libusb over umockdev.

That a user without the right to open the scanner is told which rule to install is not tried here:
root may open everything. `test_link.py` gives the errno.
"""

import json
import sys

import pytest

from daemon.feeder.emulator import LinkFault
from daemon.feeder.loopback import LoopbackBackend
from daemon.feeder.scanner import Scanner
from tests.feeder.contract import SCENARIOS
from tests.feeder.stand import SETTINGS, Scenario, Stand, hurry
from tests.feeder.umockdev.hands import Hands
from tests.feeder.umockdev.run import run
from tests.feeder.umockdev.stack import Stack
from tests.feeder.wire import Recording


def rehearsed(sheets):
    """Return the command blocks of a batch without trouble, in their order."""
    emulator, hopper = Stack(sheets).build()
    sent = []
    scanner = Scanner(lambda: Recording(emulator, sent), settings=SETTINGS)
    stand = Stand(scanner, Hands(emulator, hopper), lambda: scanner, sheets)
    try:
        stand.start()
        stand.rest()
    finally:
        scanner.close()
    return sent


def stack_of(scenario: Scenario) -> Stack:
    """Return the scanner of a scenario, each trouble at the number of its command."""
    blocks = rehearsed(scenario.sheets) if scenario.troubles else []
    link_faults = []
    for trouble in scenario.troubles:
        places = [at for at, block in enumerate(blocks) if block.startswith(trouble.begins)]
        link_faults.append(LinkFault(trouble.kind, command=places[trouble.nth]))
    return Stack(scenario.sheets, scenario.faults, tuple(link_faults))


@pytest.mark.parametrize("name", SCENARIOS)
def test_in_process(name, monkeypatch):
    scenario = SCENARIOS[name]
    hurry(scenario, monkeypatch.setattr)
    emulator, hopper = stack_of(scenario).build()
    scanners = []

    def made(**options):
        scanners.append(Scanner(lambda: LoopbackBackend(emulator), settings=SETTINGS, **options))
        return scanners[-1]

    steps = []
    hands = Hands(emulator, hopper)
    stand = Stand(made(count=steps.append), hands, made, scenario.sheets, steps)
    try:
        scenario.keep(stand)
    finally:
        for each in scanners:
            each.close()


@pytest.mark.sane
@pytest.mark.parametrize("name", SCENARIOS)
def test_over_libusb(name):
    command = [sys.executable, "-m", "tests.feeder.umockdev.contractor", name]
    ended = run(stack_of(SCENARIOS[name]), command)
    assert ended.status == 0, ended.err
    assert json.loads(ended.out) == {"kept": name}
