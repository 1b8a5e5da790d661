"""An appliance in a village: a real ledger and daemon on a clock that is moved, and no network.

And the court that it belongs to: a folder, a key for bundles, a client certificate.
"""

from daemon.config import validate
from daemon.spool.chain import Chain
from daemon.spool.ledger import Ledger
from daemon.stream.appliance import Controls, StatusFacts
from daemon.stream.bundle import read, receipt, seal, write
from daemon.stream.bundle.daemon_here import DaemonHere
from daemon.stream.bundle.sign import Signer, Trust
from daemon.stream.codec import Origin, encode
from daemon.stream.court.dial import Appliance
from daemon.stream.court.puller import Puller
from daemon.stream.credentials import client_credentials
from daemon.stream.manifests import Manifests
from daemon.stream.server import StreamServer
from tests.court import RULES, feed


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self):
        self.now = 1_800_000_000.0

    def __call__(self):
        return self.now


class Village:
    """The appliance."""

    def __init__(self, folder, authority, *, name="hall-1", algorithm="sha256"):
        self.folder = folder
        self.name = name
        self.clock = Clock()
        self.chain = Chain(algorithm)
        self.keys = folder / "keys"
        self.keys.mkdir(parents=True)
        self.certify(authority, name)
        (self.keys / "clients-ca.pem").write_bytes(authority.file.read_bytes())
        self.file = folder / "suian.toml"
        self.open()

    def certify(self, authority, name, **rest):
        """Give the appliance another server certificate."""
        pair = authority.issue(name, addresses=["127.0.0.1"], **rest)
        for source, target in zip(pair, ("server.pem", "server.key"), strict=True):
            (self.keys / target).write_bytes(source.read_bytes())

    def open(self):
        origin = Origin(self.name, rule_set=RULES.id)
        self.ledger = Ledger(
            self.folder / "spool",
            lambda entry: encode(entry, origin),
            allow_unsafe_disk=True,
            ballast_bytes=64 << 10,
            chain=self.chain,
            clock=self.clock,
        )
        self.ledger.start()
        self.config = validate(
            {
                "appliance": {"name": self.name},
                "spool": {"dir": str(self.folder / "spool")},
                "stream": {
                    "listen": "127.0.0.1:0",
                    "control_socket": str(self.folder / "c.sock"),
                    "credentials_dir": str(self.keys),
                },
                "consumer": [
                    {"name": "court", "secondary_volume": True, "decides": True},
                    {"name": "mirror", "required": False},
                ],
            },
            "test",
        )
        controls = Controls(
            status=StatusFacts,
            pause=lambda: None,
            resume=lambda: None,
            manifest=Manifests(self.ledger, RULES, self.name).of,
            count=lambda _: None,
            close_batch=self.ledger.close_batch,
        )
        self.server = StreamServer(self.config, self.ledger, controls)
        self.server.start()

    def close(self):
        self.server.stop(0.2)
        self.ledger.close()

    def feed(self, faces):
        return feed(self.ledger, faces)

    def cursor(self, consumer="court"):
        rows = self.ledger.consumers()
        return next(row.acknowledged for row in rows if row.name == consumer)

    def journal(self):
        """Sequence, record hash and entry hash of every entry."""
        return [
            (entry.sequence, entry.record_hash, entry.entry_hash)
            for entry in self.ledger.entries_after(0, 1_000_000)
        ]

    def kept_files(self):
        """Names of the page files that are still on the appliance's disk."""
        return sorted(path.name for path in (self.folder / "spool" / "pages").iterdir())

    def export(self, court, file, *, consumer="court", after=None, recipient=None):
        daemon = DaemonHere(self.config, consumer)
        try:
            signer = Signer.read(self.keys / "server.pem", self.keys / "server.key")
            to = recipient or court.identity.recipient
            return write.export(daemon, signer, to, file, after)
        finally:
            daemon.close()

    def settle(self, file):
        """Take a receipt; returns the cursor before and after."""
        statement = receipt.read(file, Trust(self.keys / "clients-ca.pem"))
        daemon = DaemonHere(self.config, statement.consumer)
        try:
            return receipt.settle(statement, daemon, self.name)
        finally:
            daemon.close()


class Court:
    """The court: imports bundles into a folder, or pulls into it on the intranet."""

    def __init__(self, folder, authority, name="court"):
        self.name = name
        self.folder = folder / name
        self.authority = authority
        self.certificate, self.key = authority.issue(name)
        key_file = folder / f"{name}.age"
        key_file.write_text(seal.new_identity()[0])
        self.identity = seal.read_identity(key_file)
        self.key_file = key_file
        self.receipt_file = folder / f"{name}.receipt"

    def bring_in(self, file, *, folder=None, authority=None, consumer=None, signer=""):
        trust = Trust((authority or self.authority).file)
        desk = read.Desk(folder or self.folder, consumer or self.name, self.identity, trust, signer)
        return read.bring_in(file, desk)

    def receipt(self, cursor):
        receipt.write(self.receipt_file, cursor, Signer.read(self.certificate, self.key))
        return self.receipt_file

    def pull(self, village, folder=None):
        credentials = client_credentials(self.authority.file, self.certificate, self.key)
        target = f"127.0.0.1:{village.server.port}"
        appliance = Appliance(target, self.name, credentials)
        return Puller(appliance, folder or self.folder, give_up_s=5).run()
