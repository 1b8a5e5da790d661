"""A bench whose driver is recorded, and its sessions replayed."""

import errno
import functools
import json
import tempfile
from pathlib import Path

from daemon.errors import DeviceError, OperatorError
from daemon.feeder.capture import LIMIT_BYTES, Capture, replay
from daemon.feeder.emulator import Emulator, Fault, FaultKind
from daemon.feeder.scanner import Scanner
from daemon.feeder.settings import Mode, Settings
from tests.feeder.bench import Bench, sheet_id
from tests.feeder.wire import Deaf


class Recorded(Bench):
    """A bench with a capture; scans coarsely, so that a batch takes no time."""

    def __init__(self, sheets=3, faults=(), *, limit_bytes=LIMIT_BYTES, images=False, links=()):
        super().__init__(sheets, faults)
        self.emulator = Emulator(self.paper, self.hopper, faults, link_faults=links)
        self.capture = Capture(limit_bytes, images=images)
        self.scanner = Scanner(
            self.fresh_backend,
            settings=Settings(dpi=75, mode=Mode.GRAY),
            capture=self.capture,
        )

    def dumped(self, file):
        self.capture.dump(file)
        return file

    def deaf_once(self, direction, after):
        """Let one answer that is due get lost on its way, `after` so many transfers."""
        seen = []

        def lose(asked):
            seen.append(asked)
            is_it = asked == direction and seen.count(direction) == after
            return errno.ETIMEDOUT if is_it else 0

        link = self.scanner._connected().connection.session.link
        link._device._ctx.backend = Deaf(self.emulator, lose)


def replayed(file):
    """Replay a capture; return its operations, each of which must come out as it did then."""
    steps = replay.replay(file)
    for step in steps:
        assert step.is_same, (step.recorded.name, step.recorded.outcome, step.now, step.difference)
    return [step.recorded for step in steps]


def session(r):
    """Do what the daemon does: feed until the hopper is empty, whatever it takes."""
    r.scanner.poll()
    for _ in range(40):
        try:
            r.scanner.arm()
            while r.scanner.feed():
                r.scanner.read_sheet(sheet_id(1))
            r.scanner.finish()
        except OperatorError:
            r.clear()
            r.scanner.cleared()
        except DeviceError:
            r.emulator.plug()
            r.clear()
            back(r)
        else:
            return
    raise AssertionError("the batch does not end")


def back(r):
    for _ in range(3):
        try:
            r.scanner.recover()
        except DeviceError:
            r.emulator.plug()
        else:
            return


@functools.cache
def jammed_batch():
    """Return the capture of a batch with a jam and of what came after, as lines."""
    r = Recorded(sheets=3, faults=[Fault(1, FaultKind.JAM, "read")])
    session(r)
    r.scanner.close()
    with tempfile.TemporaryDirectory() as folder:
        return tuple(r.dumped(Path(folder) / "c").read_text().splitlines())


def written(file, lines):
    """Write lines of a capture, with the right count at its end."""
    body = [line for line in lines if json.loads(line).get("what") != "end"]
    end = json.dumps({"what": "end", "lines": len(body)})
    file.write_text("\n".join([*body, end]) + "\n")
    return file


def lines_of(lines, what):
    return [i for i, line in enumerate(lines) if json.loads(line).get("what") == what]
