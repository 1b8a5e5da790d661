"""A ledger on the real disk, and faces to put into it."""

import json
from dataclasses import asdict

import pytest

from daemon.page import Blob, Fate, Page, Position, Role, Side
from daemon.spool.journal import Amendment, BatchClosed, PageRecord
from daemon.spool.ledger import Ledger

SMALL_BALLAST = 64 * 1024


def plain_encode(entry):
    """Serialize an entry as JSON; the daemon's own codec lives above the spool."""
    match entry:
        case PageRecord():
            said = {
                "page": str(entry.page.page_id),
                "fate": entry.page.fate,
                "position": asdict(entry.page.position),
                "blobs": [(b.role, b.sha256.hex(), b.size_bytes) for b in entry.blobs],
            }
        case Amendment():
            said = {"amends": str(entry.page_id), "change": entry.change} | dict(entry.values)
            said["blobs"] = [(b.role, b.size_bytes) for b in entry.blobs]
        case BatchClosed():
            said = {"closed": entry.batch, "faces": entry.faces, "counts": dict(entry.counts)}
            said["decided_by"] = entry.decision.actor if entry.decision else ""
    return json.dumps(said, sort_keys=True).encode()


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self):
        self.now = 1_800_000_000.0

    def __call__(self):
        return self.now


class Desk:
    """What tests do with a ledger again and again."""

    def __init__(self, directory, clock):
        self.directory = directory
        self.clock = clock
        self.failures = []
        self.opened = []

    def open(self, **options):
        """Start a ledger here."""
        ledger = Ledger(
            self.directory,
            options.pop("encode", plain_encode),
            ballast_bytes=options.pop("ballast_bytes", SMALL_BALLAST),
            on_failure=self.failures.append,
            clock=self.clock,
            **options,
        )
        ledger.start()
        self.opened.append(ledger)
        return ledger

    def close(self):
        """Close whatever is open."""
        while self.opened:
            self.opened.pop().close()

    def files(self):
        """Return the names of the page files."""
        return sorted(path.name for path in (self.directory / "pages").iterdir())

    @staticmethod
    def page(page_id, data=b"", **facts):
        """Make a face: a page when it has bytes, else a lost one."""
        blobs = (Blob(Role.PAGE, "image/jpeg", data),) if data else ()
        facts.setdefault("fate", Fate.PAGE if data else Fate.LOST)
        facts.setdefault("virtual", False)
        return Page(page_id=page_id, captured_at=1.5, blobs=facts.pop("blobs", blobs), **facts)

    def sheet(self, ledger, batch, *data, **facts):
        """Feed one sheet with these two faces; returns its page ids."""
        sheet = ledger.request_feed(batch)
        ids = [sheet.face(side) for side in (Side.FRONT, Side.BACK)]
        faces = [self.page(i, d, **facts) for i, d in zip(ids, data or (b"f", b"b"), strict=True)]
        ledger.commit(faces)
        return ids

    @staticmethod
    def in_case(case_key, volume="main"):
        """Return a position in a case."""
        return Position(
            case_number=case_key, case_key=case_key, stage="LA", volume=volume, material="111"
        )


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def desk(tmp_path, clock):
    desk = Desk(tmp_path / "spool", clock)
    yield desk
    desk.close()


@pytest.fixture
def ledger(desk):
    return desk.open()
