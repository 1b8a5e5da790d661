"""What SANE once sent is sent again: the scanner made of software answers as SANE was answered."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from daemon.feeder.emulator import Window
from tests.feeder.host import TEST_UNIT_READY, awake, bits, face, inverted

TRACES = Path(__file__).with_name("traces")
REQUEST_SENSE, READ, INQUIRY = 0x03, 0x28, 0x12
LENGTH_AT = {
    # opcode -> bytes of the command, where the length of the data it asks for stands
    0x03: (6, slice(4, 5)),
    0x12: (6, slice(4, 5)),
    0x1A: (6, slice(4, 5)),
    0x1C: (6, slice(3, 5)),
    0x28: (10, slice(6, 9)),
}


@dataclass(frozen=True)
class Line:
    command: bytes
    payload: bytes

    @property
    def asked(self):
        size_at = LENGTH_AT.get(self.command[0])
        return int.from_bytes(self.command[size_at[1]]) if size_at else 0


def trace(name):
    text = (TRACES / f"{name}.txt").read_text(encoding="ascii")
    lines = [line.partition("| out") for line in text.splitlines() if not line.startswith("#")]
    return [Line(bytes.fromhex(command), bytes.fromhex(out)) for command, _, out in lines]


def replay(host, lines):
    """Send every command; return the statuses, the senses, and the image data of each side."""
    statuses, senses, images = [], [], {0x00: b"", 0x80: b""}
    for line in lines:
        if not line.asked:
            statuses.append(host.send(line.command, line.payload))
            continue
        data, status = host.ask(line.command, line.asked)
        statuses.append(status)
        if line.command[0] == REQUEST_SENSE:
            senses.append((data[2], data[12], data[13]))
        elif line.command[0] == READ and line.command[2] == 0:
            images[line.command[5]] += data
        elif not status:
            assert len(data) == line.asked or line.command[:3] == bytes((INQUIRY, 1, 0xF0))
    return statuses, senses, images


NO_SUCH_PAGE = (5, 0x24, 0)
SESSIONS = [
    ("sane_lineart", Window(2544, 3300, 300, 1), ["F"], lambda gray: bits(gray, 0x80)),
    ("sane_duplex_gray200", Window(1653, 2338, 200, 1), ["F", "B"], inverted),
    ("sane_colour300", Window(2550, 3300, 300, 3), ["F"], inverted),
]


@pytest.mark.parametrize(("name", "window", "sides", "wire"), SESSIONS)
@pytest.mark.parametrize("pads", [False, True])
def test_a_recorded_session_of_sane_goes_through_to_the_byte(name, window, sides, wire, pads):
    host, paper = awake(1, pads=pads)
    lines = trace(name)
    statuses, senses, images = replay(host, lines)
    following = [*lines[1:], Line(TEST_UNIT_READY, b"")]
    expected = [2 if line.command[0] == REQUEST_SENSE else 0 for line in following]
    assert statuses == expected
    assert senses == [NO_SUCH_PAGE] * 3 + [(0x60, 0, 0), (3, 0x80, 3)]
    assert paper.looked == [(0, side) for side in sides]
    for number, side in ((0x00, "F"), (0x80, "B")):
        whole = wire(face(0, side, window)) if side in sides else b""
        assert images[number][: len(whole)] == whole
        assert not any(images[number][len(whole) :])


def test_every_trace_is_replayed():
    assert {path.stem for path in TRACES.iterdir()} == {name for name, *_ in SESSIONS}
