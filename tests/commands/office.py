"""A hall with a batch and an electronic file in its ledger, and a daemon that can be down."""

from typer.testing import CliRunner

from daemon.__main__ import build
from daemon.config import validate
from daemon.page import Blob, Fate, Page, PageId, Position, Role, Side
from daemon.stream.appliance import Controls, StatusFacts
from daemon.stream.server import StreamServer
from tests import court

FACTS = StatusFacts(
    state="BLOCKED",
    cause="double_feed",
    batch=7,
    refeed_from_sheet=3,
    spool_free_bytes=123_400_000_000,
    backend="cpu",
    scanner="fi-7160 0042",
    paused=True,
)


class Office(court.Hall):
    """A hall with a batch and an electronic file in its ledger, and a daemon that can be down."""

    def __init__(self, folder):
        super().__init__(folder)
        self.server.stop(0)
        self.epoch = self.ledger.epoch
        self.facts = FACTS
        tree = {
            "appliance": {"name": "hall-1"},
            "spool": {"dir": str(folder / "spool")},
            "stream": {"listen": "127.0.0.1:0", "control_socket": str(folder / "c.sock")},
            "consumer": [{"name": "court"}, {"name": "mirror", "required": False}],
        }
        controls = Controls(
            status=lambda: self.facts,
            pause=print,
            resume=print,
            manifest=self.manifests.of,
            count=lambda _: None,
            close_batch=self.ledger.close_batch,
        )
        self.server = StreamServer(validate(tree, "test"), self.ledger, controls)
        self.server.start()
        self.file = folder / "suian.toml"
        self.file.write_text(
            f'[spool]\ndir = "{folder / "spool"}"\n'
            f'[stream]\ncontrol_socket = "{folder / "c.sock"}"\n'
        )
        self.feed(court.stack())
        number = self.ledger.open_batch(virtual=False, electronic=True).number
        file = Page(
            PageId(self.ledger.epoch8, number, 1, Side.ELECTRONIC),
            Fate.PAGE,
            virtual=False,
            captured_at=1.0,
            position=Position(case_number=court.CASE.text, case_key=court.CASE.key),
            blobs=(Blob(Role.ORIGINAL, "application/pdf", b"%PDF"),),
            file_name="起诉状.pdf",
        )
        self.ledger.commit([file])
        self.ledger.acknowledge("court", 4, self.ledger.entry_hash(4))

    def run(self, *words):
        """Run a command; returns what it printed, or raises what it raised."""
        done = CliRunner().invoke(build(words[:1]), [*words, "-c", str(self.file)])
        if done.exception is not None:
            raise done.exception
        return done.output
