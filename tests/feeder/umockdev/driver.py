"""Scan everything in the hopper with the product's own driver, over real libusb.

    python -m tests.feeder.umockdev.driver SETTINGS

SETTINGS is JSON: dpi, mode, duplex, paper_units. Prints JSON: the identity, and the faces as they
came, each with its side, size and hash.
"""

import json
import sys
from collections.abc import Iterator
from dataclasses import asdict

from daemon.feeder.link import libusb_backend
from daemon.feeder.scanner import Scanner
from daemon.feeder.settings import Mode, Settings
from daemon.page import Scan, SheetId
from tests.feeder.umockdev import seen


def scanned(scanner: Scanner) -> Iterator[Scan]:
    """Scan until the hopper is empty."""
    number = 0
    scanner.arm()
    while scanner.feed():
        number += 1
        yield from scanner.read_sheet(SheetId("0123abcd", 1, number))
    scanner.finish()


def main() -> None:
    """Scan as the command line says."""
    wish = json.loads(sys.argv[1])
    settings = Settings(
        dpi=wish["dpi"],
        mode=Mode(wish["mode"]),
        duplex=wish["duplex"],
        paper_units=tuple(wish["paper_units"]),
    )
    scanner = Scanner(libusb_backend, settings=settings)
    try:
        scanner.poll()
        faces = [
            {
                "side": str(scan.page_id.side),
                "size_px": seen.size_px(scan),
                "hash": seen.digest(scan),
                "incomplete": scan.incomplete,
                "virtual": scan.virtual,
            }
            for scan in scanned(scanner)
        ]
        json.dump({"identity": asdict(scanner.identity), "faces": faces}, sys.stdout)
    finally:
        scanner.close()


if __name__ == "__main__":
    main()
