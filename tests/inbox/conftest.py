"""A folder, a real ledger behind it, and documents that a court's system might drop."""

import io
from pathlib import Path

import cv2
import img2pdf
import numpy as np
import pytest
from prometheus_client import CollectorRegistry

from daemon.dossier import catalogue
from daemon.inbox import Inbox
from daemon.metrics import Metrics
from daemon.page import Role
from daemon.rpc import pages_pb2 as pb
from daemon.spool.ledger import Ledger
from daemon.stream.codec import Origin, encode

CASE = "(2026)吉01民初129号"
SIDECAR = f'case = "{CASE}"\nstage = "LA"\nmaterial = "111"\nparty = "Y01"\n'


def _jpeg():
    picture = np.full((400, 300, 3), 230, np.uint8)
    cv2.putText(picture, "1", (90, 250), cv2.FONT_HERSHEY_SIMPLEX, 6, (30, 30, 30), 12)
    good, data = cv2.imencode(".jpg", picture)
    assert good
    return data.tobytes()


JPEG = _jpeg()
PDF = img2pdf.convert(io.BytesIO(JPEG))


class Clock:
    def __init__(self):
        self.now_s = 1000.0

    def __call__(self):
        return self.now_s


class Station:
    """An inbox, its ledger, and the hand that drops files."""

    def __init__(self, root, **options):
        self.root = root
        self.folder = root / "inbox"
        self.clock = Clock()
        self.metrics = Metrics(CollectorRegistry())
        origin = Origin("hall-1")
        self.ledger = Ledger(
            root / "spool",
            lambda entry: encode(entry, origin),
            allow_unsafe_disk=True,
            ballast_bytes=64 * 1024,
        )
        self.ledger.start()
        self.inbox = Inbox(
            self.folder,
            self.ledger,
            catalogue.load(),
            self.metrics,
            clock=self.clock,
            **{"min_free_bytes": 0} | options,
        )
        self.inbox._folder.prepare()

    def close(self):
        self.ledger.close()

    def drop(self, name, data=PDF, sidecar=SIDECAR):
        """Write a document and, unless it is None, its sidecar."""
        (self.folder / name).write_bytes(data)
        if sidecar is not None:
            text = sidecar if isinstance(sidecar, bytes) else sidecar.encode()
            (self.folder / f"{name}.toml").write_bytes(text)

    def look(self, times=2, apart_s=1.0):
        """Look again and again, by default until what was dropped has settled."""
        for _ in range(times):
            self.inbox.look()
            self.clock.now_s += apart_s

    def pages(self):
        """Return every page of the journal as its record and its bytes."""
        found = []
        for entry in self.ledger.entries_after(0, 1000):
            record = pb.JournalEntry.FromString(entry.record)
            if record.WhichOneof("entry") == "page":
                data = self.ledger.read_blob(entry.page_id, Role.ORIGINAL, 0, 10**9)
                found.append((record.page, data))
        return found

    def lying(self):
        """Return what lies in the inbox, rejected files left out."""
        names = [path.relative_to(self.folder) for path in self.folder.rglob("*")]
        return sorted(str(name) for name in names if name.parts[0] != "rejected")

    def rejected(self):
        """Return the names of what was rejected, and the reasons."""
        aside = self.folder / "rejected"
        folders = sorted(path for path in aside.iterdir() if path.is_dir())
        return [
            (
                sorted(path.name for path in folder.iterdir()),
                Path(f"{folder}.txt").read_text(encoding="utf-8"),
            )
            for folder in folders
        ]

    def counted(self, outcome):
        return self.metrics.inbox_files.labels(outcome)._value.get()


@pytest.fixture
def make_station(tmp_path):
    """Stations on one folder and one spool, one after the other; closed at the end."""
    stations = []

    def make(root=tmp_path, **options):
        stations.append(Station(root, **options))
        return stations[-1]

    yield make
    for station in stations:
        station.close()


@pytest.fixture
def station(make_station):
    return make_station()


@pytest.fixture
def pdf():
    return PDF


@pytest.fixture
def jpeg():
    return JPEG


@pytest.fixture
def sidecar():
    return SIDECAR
