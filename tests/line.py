"""A line of real rooms from the hopper to the ledger, and paper with readable marks."""

import hashlib
import threading
import time
from dataclasses import dataclass

import cv2
import numpy as np
from prometheus_client import CollectorRegistry

from daemon.demo import mark
from daemon.demo.draw import Canvas
from daemon.dossier import case_number, catalogue, payload, sheet
from daemon.feeder.emulator import Emulator
from daemon.feeder.hopper import Hopper
from daemon.feeder.loopback import LoopbackBackend
from daemon.feeder.scanner import Scanner
from daemon.feeder.settings import Mode, Settings
from daemon.metrics import Metrics
from daemon.page import Fate, Role, Side
from daemon.pipeline.flow import Flow
from daemon.pipeline.profile import Profile
from daemon.pipeline.raw_writer import RawWriter
from daemon.pipeline.sheet import SeparatorRules, Workshop
from daemon.pipeline.workers import Workers
from daemon.spool.ledger import Ledger
from daemon.stream.codec import Origin, encode

DPI = 200
CASE = "(2026)吉01民初129号"
WHITE = np.full((3508, 2480, 3), 245, np.uint8)
KEY_FILE = payload.new_key_file()
KEYS = payload.keys_from(KEY_FILE)
FOREIGN_KEYS = payload.keys_from(payload.new_key_file())
RULES = catalogue.load()


def page(number, side=Side.FRONT):
    """Draw a page that says which one it is, in print and as a mark."""
    canvas = Canvas()
    for k in range(12):
        canvas.centred("经审理查明事实清楚证据充分", (105, 40 + 14 * k), 7.0)
    mark.draw(canvas, mark.Mark(number, side), (89.0, 270.0))
    return canvas.ink


def separator(kind, serial, *, keys=KEYS, stage="", material="", party="000", case=CASE):
    """Draw a separator sheet; `serial` makes its printed id."""
    wanted = sheet.Wanted(
        kind=kind,
        case=case_number.parse(case) if case else None,
        stage=stage,
        material=material,
        party=party,
        instance=1 if kind == "M" else 0,
        argument=0,
    )
    key_id = payload.newest(keys)
    seed = hashlib.sha256(str(serial).encode()).digest()
    sheet_id = payload.new_sheet_id(lambda size: seed[:size])
    signed = payload.sign(sheet.compose(wanted, key_id, sheet_id), keys[key_id])
    return sheet.draw(signed, wanted, RULES)


class Paper:
    """Sheets given as (front, back) pictures; BGR, A4 at 300 dpi."""

    def __init__(self, sheets):
        self._sheets = sheets

    def __len__(self):
        return len(self._sheets)

    def face(self, sheet_index, side, window):
        picture = self._sheets[sheet_index][side == "B"]
        size = (window.width_px, window.height_px)
        seen = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
        code = cv2.COLOR_BGR2GRAY if window.channels == 1 else cv2.COLOR_BGR2RGB
        return cv2.cvtColor(seen, code).tobytes()

    def length_units(self, _sheet_index):
        return 14032


def both(picture):
    """A separator: the same on both faces."""
    return (picture, picture)


def stack(pages, first=1):
    """A case separator, a material separator, and single-sided pages with marks 1, 2, 3 ..."""
    return [
        both(separator("C", f"c{first}")),
        both(separator("M", f"m{first}", stage="LA", material="111", party="Y01")),
        *[(page(n), WHITE) for n in range(first, first + pages)],
    ]


@dataclass
class Line:
    """Everything between the hopper and the ledger, with hands for the tests."""

    ledger: Ledger
    hopper: Hopper
    device: Emulator
    usb: LoopbackBackend
    scanner: Scanner
    flow: Flow
    metrics: Metrics
    raw: RawWriter
    error: BaseException | None = None
    thread: threading.Thread | None = None
    raw_thread: threading.Thread | None = None

    def start(self):
        """Feed."""
        self.raw_thread = threading.Thread(target=self.raw.run, args=(lambda: None,))
        self.thread = threading.Thread(target=self._run)
        self.raw_thread.start()
        self.thread.start()
        return self

    def _run(self):
        try:
            self.flow.run(lambda: None)
        except Exception as error:  # noqa: BLE001 (shown by `until`)
            self.error = error

    def stop(self):
        """Finish the sheet in the path, close everything."""
        self.flow.stop()
        if self.thread is not None:
            self.thread.join()
            self.raw.stop()
            self.raw_thread.join()
        self.ledger.close()

    def until(self, condition, what):
        end = time.monotonic() + 60
        while not condition():
            assert self.error is None, repr(self.error)
            assert time.monotonic() < end, f"{what}: {self.flow.facts}, {self.hopper.look()}"
            time.sleep(0.01)

    def until_blocked(self):
        self.until(lambda: self.flow.facts.cause and self.flow.facts.state == "blocked", "block")
        return self.flow.facts.cause

    def until_closed(self, batches=1):
        def closed():
            numbers = self.ledger.batch_numbers(10)
            return len(numbers) == batches and not self.ledger.open_batches()

        self.until(closed, "close")

    def faces(self, batch=1):
        return self.ledger.batch_account(batch).faces

    def marks(self, fate=Fate.PAGE, batch=1):
        """Numbers of the marked pages of a batch, in the order of the journal."""
        found = []
        for row in sorted(self.faces(batch), key=lambda row: row.sequence):
            if row.fate is fate:
                size = next(b.size_bytes for b in row.blobs if b.role is Role.PAGE)
                data = self.ledger.read_blob(row.page_id, Role.PAGE, 0, size)
                pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE)
                read = mark.read(pixels, DPI)
                found.append(read and read.number)
        return found

    def count(self, name, **labels):
        return self.metrics.registry.get_sample_value(name, labels) or 0


def build(folder, kernels, sheets, faults=(), *, options=None):
    """Build a line on a folder; called again on the same folder it is a restart."""
    wish = {"unknown": "stop", "keep_raw": "off", "min_free_bytes": 0, "keys": KEYS}
    wish |= options or {}
    origin = Origin("hall", rule_set=RULES.id)
    ledger = Ledger(
        folder / "spool",
        lambda entry: encode(entry, origin),
        allow_unsafe_disk=True,
        ballast_bytes=64 * 1024,
    )
    ledger.start()
    metrics = Metrics(CollectorRegistry())
    hopper = Hopper(len(sheets), folder / "hopper.json")
    device = Emulator(Paper(sheets), hopper, faults)
    usb = LoopbackBackend(device)
    scanner = Scanner(lambda: usb, settings=Settings(dpi=DPI, mode=Mode.GRAY))
    raw = RawWriter(ledger, metrics, wish["keep_raw"])
    rules = SeparatorRules(RULES, wish["keys"], ledger.seen_separator, wish["unknown"])
    workshop = Workshop(Workers(kernels, Profile(), threads=2), rules, metrics)
    flow = Flow(scanner, ledger, workshop, raw, metrics, min_free_bytes=wish["min_free_bytes"])
    return Line(ledger, hopper, device, usb, scanner, flow, metrics, raw)
