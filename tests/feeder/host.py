"""A host that speaks bytes to the emulated scanner, and tiny paper for it."""

from daemon.feeder.emulator import Emulator, Fault, LinkFault, LinkFaultKind, Window
from daemon.feeder.hopper import Hopper

LINE_ART = bytes.fromhex("00 01 0000 00 0000 00 00")
GRAY = bytes.fromhex("02 08 0000 00 0000 00 00")  # composition .. compression, from offset 19
COLOUR = bytes.fromhex("05 08 0000 00 0000 00 00")
FEED = bytes((0x31, 1, 0, 0, 0, 0, 0, 0, 0, 0))
CANCEL = bytes((0xF1, 4, 0, 0, 0, 0, 0, 0, 0, 0))
TEST_UNIT_READY = bytes(6)
REQUEST_SENSE = bytes((3, 0, 0, 0, 18, 0))
HARDWARE_STATUS = bytes((0xC2, 0, 0, 0, 0, 0, 0, 0, 12, 0))
STOP_AT_DOUBLE_FEED = bytes((0, 0, 0, 0, 0x38, 6, 0xB0, 0xC0, 0, 0, 0, 0))
SEQUENCE = (5, 0x2C, 0)
SMALL = Window(60, 40, 200, 1)
STRAIGHT = bytes.fromhex("0000 10 00 0400 0100 0000") + bytes(k // 4 for k in range(1024))
NOTHING = (0, 0, 0)
A4_UNITS = 14032


# What an unmodified SANE sends for a duplex sheet in gray at 200 dpi, 210 x 297 mm.
SANE_WINDOWS = bytes.fromhex(
    "00 00 00 00 00 00 00 40"
    "000000c8 00c80000 00000000 00000000 26be0000 36cc8000 80020800 00000000"
    "00000000 00000000 00800000 00000000 00000000 00c00000 26c30000 36d10000"
    "800000c8 00c80000 00000000 00000000 26be0000 36cc8000 80020800 00000000"
    "00000000 00000000 00800000 00000000 00000000 00000000 00000000 00000000"
)
SANE_PROBE = bytes.fromhex(  # colour at 600 dpi, to find the order of the samples
    "00 00 00 00 00 00 00 40"
    "00000258 02580000 00000000 00000000 27d80000 33908000 80050800 00000000"
    "00000000 00000000 c1800100 00000000 00000000 00c00000 27d80000 33900000"
)
SANE_MODES = (
    "00000000 34060f0000000000",
    "00000000 3c06000000800000",
    "00000000 3806b0c000000000",
    "00000000 3706800000000000",
    "00000000 39080000000000000000",
    "00000000 3a06c0c000000000",
    "00000000 3306c00000000000",
)
SANE_READS = "FBBBFBFBFBFBFBFBFBFBFBFBFBFBFF"


class Paper:
    """Every face has samples of its own; remembers which were looked at."""

    def __init__(self, sheets: int = 3) -> None:
        self.sheets = sheets
        self.units = A4_UNITS
        self.looked: list[tuple[int, str]] = []

    def __len__(self) -> int:
        return self.sheets

    def face(self, sheet_index: int, side: str, window: Window) -> bytes:
        self.looked.append((sheet_index, side))
        return face(sheet_index, side, window)

    def length_units(self, _sheet_index: int) -> int:
        return self.units


def face(sheet_index: int, side: str, window: Window) -> bytes:
    first = 40 * sheet_index + 20 * (side == "B")
    tile = bytes((first + 7 * k) % 256 for k in range(251))
    size = window.width_px * window.height_px * window.channels
    return (tile * (size // len(tile) + 1))[:size]


def inverted(samples: bytes) -> bytes:
    return samples.translate(bytes(range(255, -1, -1)))


def bits(samples: bytes, threshold: int = 0x80) -> bytes:
    """Return gray samples as bits, 8 to a byte, the first one highest; darker ones are 1."""
    return bytes(
        sum((value < threshold) << (7 - place) for place, value in enumerate(samples[at : at + 8]))
        for at in range(0, len(samples), 8)
    )


class Host:
    """Speaks the envelope exactly; what it gets is what the scanner sent."""

    def __init__(self, scanner: Emulator) -> None:
        self.scanner = scanner

    def block(self, command: bytes) -> bytes:
        return (b"\x43" + bytes(0x12) + command).ljust(31, b"\0")

    def send(self, command: bytes, payload: bytes = b"") -> int:
        self.scanner.write(self.block(command))
        if payload:
            self.scanner.write(payload)
        return self.status()

    def ask(self, command: bytes, size: int) -> tuple[bytes, int]:
        self.scanner.write(self.block(command))
        return self.scanner.read(size), self.status()

    def status(self) -> int:
        block = self.scanner.read(13)
        assert len(block) == 13
        assert block[0] == 0x53
        return block[9]

    def sense(self) -> tuple[int, int, int]:
        data = self.sense_bytes()
        return data[2] & 0x0F, data[12], data[13]

    def sense_bytes(self) -> bytes:
        data, status = self.ask(REQUEST_SENSE, 18)
        assert (len(data), status) == (18, 0)
        assert data[0] & 0x7F == 0x70
        return data

    def refusal(self, command: bytes, payload: bytes = b"") -> tuple[int, int, int]:
        assert self.send(command, payload) == 2
        return self.sense()

    # -- commands a whole session needs -------------------------------------------------------

    def start(self, windows: bytes) -> None:
        self.send(TEST_UNIT_READY)
        assert self.sense() == (6, 0, 0)
        assert self.mode_select(STOP_AT_DOUBLE_FEED) == 0
        assert self.set_window(windows) == 0
        assert self.send_curve(STRAIGHT) == 0

    def mode_select(self, payload: bytes) -> int:
        return self.send(bytes((0x15, 0x10, 0, 0, len(payload), 0)), payload)

    def set_window(self, payload: bytes) -> int:
        return self.send(b"\x24\0\0\0\0\0" + len(payload).to_bytes(3) + b"\0", payload)

    def send_curve(self, payload: bytes) -> int:
        return self.send(b"\x2a\0\x83\0\0\0" + len(payload).to_bytes(3) + b"\0", payload)

    def scan(self, sides: bytes = b"\x00\x80") -> int:
        return self.send(bytes((0x1B, 0, 0, 0, len(sides), 0)), sides)

    def pixel_size(self, side: int) -> tuple[int, int]:
        data, status = self.ask(bytes((0x28, 0, 0x80, 0, 0, side, 0, 0, 32, 0)), 32)
        assert status == 0
        return int.from_bytes(data[0:4]), int.from_bytes(data[4:8])

    def read(self, side: int, size: int) -> tuple[bytes, int]:
        return self.ask(bytes((0x28, 0, 0, 0, 0, side)) + size.to_bytes(3) + b"\0", size)

    def read_side(self, side: int, step: int) -> bytes:
        """Read a side to its end, as its end is announced by ILI and EOM."""
        whole = b""
        while True:
            data, status = self.read(side, step)
            whole += data
            if status:
                sense = self.sense_bytes()
                assert sense[2] == 0x60
                assert sense[0] & 0x80
                assert int.from_bytes(sense[3:7]) == step - len(data)
                return whole

    def hardware_status(self) -> bytes:
        data, status = self.ask(HARDWARE_STATUS, 12)
        assert status == 0
        return data


def windows(
    width_px: int = 60,
    height_px: int = 40,
    *,
    dpi: int = 200,
    mode: bytes = GRAY,
    downloaded: bool = False,
    duplex: bool = True,
) -> bytes:
    """Return a SET WINDOW payload for a small window."""
    tail = bytearray(64)
    tail[0x02:0x06] = dpi.to_bytes(2) * 2
    tail[0x0E:0x12] = (width_px * 1200 // dpi).to_bytes(4)
    tail[0x12:0x16] = (height_px * 1200 // dpi).to_bytes(4)
    tail[0x16:0x19] = 0x80, 0x00, 0x80
    tail[0x19 : 0x19 + len(mode)] = mode
    if mode[0] == 5:
        tail[0x28], tail[0x2A] = 0xC1, 1
    tail[0x29] = 0x80 if downloaded else 0
    back = bytearray(tail)
    back[0] = 0x80
    front = tail
    front[0x35:0x3E] = b"\xc0" + front[0x0E:0x16]
    return bytes(7) + b"\x40" + bytes(front) + (bytes(back) if duplex else b"")


def emulator(
    sheets: int = 3, faults: tuple[Fault, ...] = (), hopper: Hopper | None = None
) -> tuple[Host, Hopper]:
    """Return a host at a scanner that is set up for small gray windows, and its hopper."""
    hopper = hopper or Hopper(sheets)
    host = Host(Emulator(Paper(sheets), hopper, faults))
    host.start(windows())
    return host, hopper


def fresh(sheets: int = 3, **options: int) -> tuple[Host, Paper]:
    paper = Paper(sheets)
    return Host(Emulator(paper, Hopper(sheets), **options)), paper


def awake(sheets: int = 3, **options: int) -> tuple[Host, Paper]:
    host, paper = fresh(sheets, **options)
    assert host.send(TEST_UNIT_READY) == 2
    assert host.sense() == (6, 0, 0)
    return host, paper


FRONT, BACK = inverted(face(0, "F", SMALL)), inverted(face(0, "B", SMALL))
"""The two sides of the first sheet, as they go over the wire in a small gray window."""


# -- a scanner whose link fails ------------------------------------------------------------------


def scanner(*faults: LinkFault, pads: bool = False) -> tuple[Host, Hopper]:
    """Return a host at a scanner that has been armed without a fault, and its hopper."""
    hopper = Hopper(3)
    host = Host(Emulator(Paper(3), hopper, pads=pads, link_faults=faults))
    host.start(windows())
    return host, hopper


def _armed() -> tuple[int, int]:
    """Return how many commands and bytes arming takes."""
    host, _ = scanner()
    return host.scanner.commands, host.scanner.moved_bytes


COMMANDS, BYTES = _armed()
FEED_BYTES = 31 + 13
SCAN_BYTES = 31 + 2 + 13


def at(kind: LinkFaultKind, later: int = 0, count: int = 3) -> LinkFault:
    """Return a fault at a command after arming."""
    return LinkFault(kind, command=COMMANDS + later, count=count)


def at_byte(kind: LinkFaultKind, later: int) -> LinkFault:
    """Return a fault at a byte after arming."""
    return LinkFault(kind, byte=BYTES + later)


def paths(hopper: Hopper) -> tuple[int, int]:
    pile = hopper.look()
    return pile.in_tray, pile.in_path


def scan_begins(host: Host) -> None:
    assert host.send(FEED) == 0
    assert host.scan() == 0
