"""The rooms between a scanner of marked sheets and the journal, hands, and their account."""

from collections import Counter

import cv2
import numpy as np
from prometheus_client import CollectorRegistry

from daemon.dossier import catalogue
from daemon.feeder import loopback, session
from daemon.feeder.hands import CLEARING
from daemon.metrics import Metrics
from daemon.page import Fate, Role
from daemon.pipeline import flow
from daemon.pipeline.profile import Profile
from daemon.pipeline.raw_writer import RawWriter
from daemon.pipeline.sheet import SeparatorRules, Workshop
from daemon.pipeline.workers import Workers
from daemon.spool.ledger import Ledger
from daemon.stream.codec import Origin, encode
from tests.feeder import tiles

_NO_PAUSE = (
    (flow, "POLL_S"),
    (flow, "RECONNECT_S"),
    (session, "BUSY_PAUSE_S"),
    (loopback, "_LONGEST_WAIT_S"),
)


def without_pauses(put=setattr):
    """Let the driver and the flow wait for nothing."""
    for module, name in _NO_PAUSE:
        put(module, name, 0)


class Hall:
    """The real rooms over a scanner, and hands that do what the feeder asks of them.

    Parameters
    ----------
    folder, kernels
        Of the ledger; of the workshop.
    scanner, hands
        The driver, and `umockdev.hands.Orders` at its scanner.
    sheets
        How many tiles.Paper has.
    turns
        After so many turns of the flow it counts as stuck.
    plugs
        Hands plug a pulled cable in again; else somebody else does.
    """

    def __init__(self, folder, kernels, scanner, hands, sheets, *, turns, plugs=True):
        rules = catalogue.load()
        self._hands = hands
        self._sheets = sheets
        self._turns = turns
        self._plugs = plugs
        self.ledger = Ledger(
            folder,
            lambda entry: encode(entry, Origin("hall", rule_set=rules.id)),
            allow_unsafe_disk=True,
            ballast_bytes=64 * 1024,
        )
        self.ledger.start()
        self.metrics = Metrics(CollectorRegistry())
        workshop = Workshop(
            Workers(kernels, Profile(), threads=1),
            SeparatorRules(rules, {}, self.ledger.seen_separator, "stop"),
            self.metrics,
        )
        raw = RawWriter(self.ledger, self.metrics, "off")
        self.flow = flow.Flow(scanner, self.ledger, workshop, raw, self.metrics, min_free_bytes=0)

    def through(self):
        """Feed until the stack is through; hands act between two turns."""
        self.flow.run(self._beat)

    def _beat(self):
        self._turns -= 1
        sight = self._hands.look()
        if self._turns < 0:
            raise TimeoutError(f"stuck: {self.flow.facts} {sight}")
        if not sight.is_plugged and self._plugs:
            self._hands.plug()
        facts, pile = self.flow.facts, sight.pile
        if facts.state == "blocked" and facts.cause:
            self._clear(facts.cause)
        elif not pile.in_hopper and not pile.in_path and self._is_closed():
            self.flow.stop()
        elif facts.state != "armed" and pile.cover_open:
            self._hands.close_cover()

    def _clear(self, cause):
        """Do what the table says for this cause; whoever stands there sees what was not read."""
        assert cause in CLEARING
        self._hands.close_cover()
        pile = self._hands.refeed().pile
        pages = [row for row in self.rows() if row.fate is Fate.PAGE]
        self._hands.take_back(pile.in_tray - len(pages) // 2)
        self._hands.press_scan()

    def _is_closed(self):
        return not self.ledger.open_batches() and self.ledger.last()[0] > 0

    def rows(self):
        """Return every face, in the order of the journal."""
        numbers = sorted(self.ledger.batch_numbers(999))
        rows = [row for n in numbers for row in self.ledger.batch_account(n).faces]
        return sorted(rows, key=lambda row: row.sequence or 0)

    def problems(self):
        """Return what is wrong with the account: nothing, or sentences."""
        rows, found = self.rows(), []
        if any(row.fate is None for row in rows):
            found.append("a face without a fate")
        came = [self._read(row) for row in rows if row.fate is Fate.PAGE]
        expected = [(n, side) for n in range(self._sheets) for side in "FB"]
        if sorted(came, key=str) != sorted(expected, key=str):
            missing = [each for each in expected if each not in came]
            doubled = [each for each, times in Counter(came).items() if times > 1]
            found.append(f"missing {missing[:3]}, doubled {doubled[:3]}, read {len(came)}")
        elif came != expected:
            found.append("out of order")
        return found

    def causes(self):
        """Return what was counted as a fault, by cause."""
        return Counter(
            {
                sample.labels["reason"]: int(sample.value)
                for metric in self.metrics.faults.collect()
                for sample in metric.samples
                if sample.name.endswith("_total") and sample.value
            }
        )

    def _read(self, row):
        size = next(blob.size_bytes for blob in row.blobs if blob.role is Role.PAGE)
        data = self.ledger.read_blob(row.page_id, Role.PAGE, 0, size)
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE)
        found = tiles.read(pixels)
        return found if found and found[1] == row.page_id.side else None
