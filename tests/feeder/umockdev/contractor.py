"""Keep one scenario of the contract as a program in the testbed: real libusb, far hands.

    python -m tests.feeder.umockdev.contractor SCENARIO

Prints {"kept": SCENARIO}; a breach is a traceback and exit status 1.
"""

import json
import os
import sys
from typing import Any

from daemon.feeder.link import libusb_backend
from daemon.feeder.scanner import Scanner
from tests.feeder.contract import SCENARIOS
from tests.feeder.stand import SETTINGS, Stand, hurry
from tests.feeder.umockdev.hands import SOCKET_VARIABLE, FarHands


def main() -> None:
    """Do as the command line says."""
    name = sys.argv[1]
    scenario = SCENARIOS[name]
    scanners: list[Scanner] = []

    def made(**options: Any) -> Scanner:
        scanners.append(Scanner(libusb_backend, settings=SETTINGS, **options))
        return scanners[-1]

    steps: list[str] = []
    hands = FarHands(os.environ[SOCKET_VARIABLE])
    stand = Stand(made(count=steps.append), hands, made, scenario.sheets, steps)
    try:
        hurry(scenario, setattr)
        scenario.keep(stand)
    finally:
        for each in scanners:
            each.close()
    json.dump({"kept": name}, sys.stdout)


if __name__ == "__main__":
    main()
