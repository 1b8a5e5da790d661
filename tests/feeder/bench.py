"""A bench: the driver over real pyusb, a scanner made of software, and the hands at it."""

from daemon.errors import LinkLost
from daemon.feeder.capture import NOTHING
from daemon.feeder.emulator import Emulator
from daemon.feeder.hopper import Hopper
from daemon.feeder.loopback import LoopbackBackend
from daemon.feeder.scanner import Scanner
from daemon.feeder.settings import Mode, Settings
from daemon.page import SheetId
from tests.feeder.wire import Noise, Recording


def sheet_id(number):
    return SheetId("0123abcd", 1, number)


class Bench:
    """A scanner made of software, its hands, and the driver under test."""

    def __init__(self, sheets=3, faults=(), *, capture=NOTHING, **settings):
        self.paper = Noise(sheets)
        self.hopper = Hopper(sheets)
        self.emulator = Emulator(self.paper, self.hopper, faults)
        self.sent = []
        self.steps = []
        self.backend = lambda: Recording(self.emulator, self.sent)
        # coarse and gray, so that a batch takes no time
        asked = Settings(**({"dpi": 200, "mode": Mode.GRAY} | settings))
        self.scanner = Scanner(
            self.fresh_backend, settings=asked, count=self.steps.append, capture=capture
        )

    def fresh_backend(self):
        """Make the backend of the next connection; a test may have put another in its place."""
        return self.backend()

    def start(self):
        self.scanner.poll()
        self.scanner.arm()
        return self.scanner

    def read(self, number):
        """Read the sheet in the path; say which sheet of the pile it is."""
        scans = self.scanner.read_sheet(sheet_id(number))
        for index in range(len(self.paper)):
            if (scans[0].samples == self.paper.wire(index, "F", scans[0])).all():
                assert (scans[1].samples == self.paper.wire(index, "B", scans[1])).all()
                return index
        return None

    def rest(self):
        """Feed and read until the hopper is empty; say which sheets came."""
        came = []
        while self.scanner.feed():
            came.append(self.read(len(came) + 1))
        return came

    def commands(self, operation):
        return [cdb for cdb in self.sent if cdb[0] == operation]

    def clear(self):
        """Do what hands do: lay the paper back, shut the cover."""
        self.hopper.refeed()
        self.hopper.close_cover()


def is_free(emulator):
    """Tell whether another program could open it."""
    other = Scanner(lambda: LoopbackBackend(emulator))
    try:
        other.poll()
    except LinkLost:
        return False
    finally:
        other.close()
    return True
