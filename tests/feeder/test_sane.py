"""A client that nobody here wrote: SANE's own fujitsu driver scans from our scanner over libusb.

Rule 1: SANE is taken as it comes, in a process of its own; its configuration is a folder with that
one driver in it. Rule 2: what it saw and what our driver saw is compared by hash with what was fed.
"""

import json
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from daemon.feeder.emulator import FI_9999, PRODUCT_ID, VENDOR_ID, Fault, FaultKind
from tests.feeder import noise
from tests.feeder.umockdev.run import run
from tests.feeder.umockdev.stack import Stack

pytestmark = pytest.mark.sane

SERIAL = 716_000_001
DEVICE = f"fujitsu:fi-7160:{SERIAL}"
SMALL_UNITS = (2400, 1800)  # 1/1200 inch
A4_UNITS = (9921, 14032)
SANE_MODES = {"gray": "Gray", "colour": "Color", "lineart": "Lineart"}
MILLIMETRES = 25.4 / 1200
DOUBLE_FEED_STOPS = ("--df-action", "Stop", "--df-thickness=yes")

JAMMED, NO_DOCUMENTS, COVER_OPEN, IO_ERROR = 6, 7, 8, 9


@dataclass(frozen=True)
class Wish:
    """What is to be scanned, by either driver."""

    mode: str = "gray"
    duplex: bool = True
    dpi: int = 200
    paper_units: tuple[int, int] = SMALL_UNITS

    @property
    def size_px(self):
        width, length = self.paper_units
        return (width * self.dpi // 1200, length * self.dpi // 1200)

    @property
    def sides(self):
        return "FB" if self.duplex else "F"

    def fed(self, sheets):
        """Return the hash of every face of the stack in its order."""
        return [
            noise.expected(sheet, side, self.size_px, self.dpi, self.mode)
            for sheet in range(sheets)
            for side in self.sides
        ]

    def of_sane(self):
        width, length = (f"{units * MILLIMETRES:.4f}" for units in self.paper_units)
        return [
            *("--source", "ADF Duplex" if self.duplex else "ADF Front"),
            *("--mode", SANE_MODES[self.mode], "--resolution", str(self.dpi)),
            *("--page-width", width, "--page-height", length, "-x", width, "-y", length),
        ]

    def of_ours(self):
        return json.dumps(
            {
                "mode": self.mode,
                "duplex": self.duplex,
                "dpi": self.dpi,
                "paper_units": self.paper_units,
            }
        )


SIX = [Wish(mode, duplex) for mode in SANE_MODES for duplex in (False, True)]
A4 = Wish("gray", paper_units=A4_UNITS)


def named(wish):
    size = " A4" if wish.paper_units == A4_UNITS else ""
    return f"{wish.mode} {'duplex' if wish.duplex else 'simplex'}{size}"


class Sane:
    """scanimage in a place of its own."""

    def __init__(self, folder: Path) -> None:
        self._pages = folder / "pages"
        self._pages.mkdir()
        self._config = folder / "config"
        self._config.mkdir()
        (self._config / "dll.conf").write_text("fujitsu\n")
        (self._config / "fujitsu.conf").write_text(
            # as delivered: this model reads in blocks of 256 KiB
            f"option buffer-size 262144\nusb {VENDOR_ID:#06x} {PRODUCT_ID:#06x}\n"
        )

    def command(self, stack, *arguments):
        environment = {"SANE_CONFIG_DIR": str(self._config), "LC_ALL": "C"}
        return run(stack, ["scanimage", *arguments], environment)

    def batch(self, stack, wish, *arguments):
        """Scan until the hopper is empty, or something happens."""
        where = f"--batch={self._pages}/%04d.pnm"
        return self.command(stack, "-d", DEVICE, *wish.of_sane(), *arguments, where)

    def saw(self, wish):
        """Return the hash of every page in the order of the scan."""
        return [pixels_hash(file, wish) for file in sorted(self._pages.iterdir())]


def pixels_hash(file: Path, wish: Wish) -> str:
    """Return the hash of the pixels of a PNM file, whose size must be what was wished."""
    head = {"gray": b"P5", "colour": b"P6", "lineart": b"P4"}[wish.mode]
    data = file.read_bytes()
    width_px, height_px = wish.size_px
    comment = b"# SANE data follows"
    lines = [head, comment, b"%d %d" % (width_px, height_px), *([b"255"] * (head != b"P4")), b""]
    assert data.startswith(b"\n".join(lines)), data[:60]
    return noise.digest(data[len(b"\n".join(lines)) :])


def driven(stack, wish):
    """Scan everything with our driver; return what it said."""
    command = [sys.executable, "-m", "tests.feeder.umockdev.driver", wish.of_ours()]
    ended = run(stack, command)
    assert ended.status == 0, ended.err
    return json.loads(ended.out)


@pytest.fixture
def sane(tmp_path):
    return Sane(tmp_path)


def test_sane_finds_the_scanner_and_its_serial_number(sane):
    ended = sane.command(Stack(), "-L")
    assert ended.out.strip() == f"device `{DEVICE}' is a FUJITSU fi-7160 scanner"
    assert (ended.status, ended.err) == (0, "")


@pytest.mark.parametrize("wish", [*SIX, A4], ids=named)
def test_sane_sees_every_face_as_it_was_fed_and_in_its_order(sane, wish):
    ended = sane.batch(Stack(sheets=3), wish)
    assert ended.status == 0, ended.err
    assert "Document feeder out of documents" in ended.err
    assert sane.saw(wish) == wish.fed(3)


@pytest.mark.parametrize("wish", [*SIX, A4], ids=named)
def test_our_driver_sees_the_same_over_the_same_carrier(wish):
    said = driven(Stack(sheets=3), wish)
    faces = said["faces"]
    assert [face["hash"] for face in faces] == wish.fed(3)
    assert [face["side"] for face in faces] == list(wish.sides * 3)
    assert {tuple(face["size_px"]) for face in faces} == {wish.size_px}
    assert {(face["incomplete"], face["virtual"]) for face in faces} == {(False, True)}
    assert said["identity"]["serial"] == str(SERIAL)


def test_our_driver_drives_a_model_that_nobody_has_heard_of_by_what_it_says_of_itself():
    wish = Wish("colour")
    said = driven(Stack(2, product=FI_9999.product), wish)
    assert said["identity"]["model"] == "fi-9999"
    assert [face["hash"] for face in said["faces"]] == wish.fed(2)


@pytest.mark.parametrize("when", ["feed", "read"])
@pytest.mark.parametrize(
    ("kind", "status", "said"),
    [
        (FaultKind.JAM, JAMMED, "Document feeder jammed"),
        (FaultKind.DOUBLE_FEED, JAMMED, "Document feeder jammed"),
        (FaultKind.PAPER_REFUSED, JAMMED, "Document feeder jammed"),
        (FaultKind.COVER_OPEN, COVER_OPEN, "Scanner cover is open"),
        (FaultKind.OPTICAL, IO_ERROR, "Error during device I/O"),
        (FaultKind.UNPLUG, IO_ERROR, "Error during device I/O"),
    ],
    ids=lambda value: value.value if isinstance(value, FaultKind) else "",
)
def test_sane_gives_each_fault_its_exit_status(sane, kind, status, said, when):
    ended = sane.batch(Stack(3, (Fault(1, kind, when),)), Wish(), *DOUBLE_FEED_STOPS)
    assert (ended.status, said in ended.err) == (status, True), ended.err
    assert sane.saw(Wish())[:2] == Wish().fed(1)


def test_sane_says_that_an_empty_hopper_is_empty(sane):
    ended = sane.batch(Stack(sheets=0), Wish())
    assert ended.status == NO_DOCUMENTS
    assert "Document feeder out of documents" in ended.err
