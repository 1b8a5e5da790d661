"""A configured appliance in a folder: emulated scanner with a hopper file, its paper a PDF."""

import io
import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import img2pdf
from PIL import Image

from daemon.errors import ConfigError, SpoolFailed
from daemon.feeder.hopper import Hopper
from daemon.page import Fate
from daemon.spool.accounts import Accounts

READ = (Fate.PAGE, Fate.BLANK, Fate.SEPARATOR, Fate.QUARANTINED)
CONSUMER = "court"
POLL_S = 0.02


def _jpeg(picture):
    gray = Image.fromarray(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY))
    out = io.BytesIO()
    gray.save(out, "JPEG", quality=80, dpi=(300, 300))
    return out.getvalue()


def write_paper(folder, sheets):
    """Write sheets as one PDF, front, back, front, back."""
    folder.mkdir()
    pages = [_jpeg(picture) for sheet in sheets for picture in sheet]
    (folder / "stack.pdf").write_bytes(img2pdf.convert(pages))


def _free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@dataclass
class Appliance:
    """One `suian run` after another on the same disk and the same paper.

    Attributes
    ----------
    paper, key_file, spool
        Where they lie; None: in the folder.
    host
        What it listens on; off loopback it needs the credentials.
    """

    folder: Path
    sheets: int
    paper: Path | None = None
    key_file: Path | None = None
    spool: Path | None = None
    host: str = "127.0.0.1"
    credentials: Path | None = None
    hold_hours: float = 72.0
    port: int = field(default_factory=_free_port)
    process: subprocess.Popen | None = None

    def __post_init__(self):
        self.paper = self.paper or self.folder / "paper"
        self.key_file = self.key_file or self.folder / "separator.key"
        self.spool = self.spool or self.folder / "spool"
        tls = f'credentials_dir = "{self.credentials}"' if self.credentials else ""
        self.config = self.folder / "suian.toml"
        self.config.write_text(
            f'''
[appliance]
name = "hall-1"
[feeder]
device = "emulator"
paper = "{self.paper}"
hopper_file = "{self.folder / "hopper.json"}"
dpi = 200
mode = "gray"
[spool]
dir = "{self.spool}"
hold_hours = {self.hold_hours}
allow_unsafe_disk = true
[dossier]
key_file = "{self.key_file}"
[stream]
listen = "{self.host}:{self.port}"
control_socket = "{self.folder / "control.sock"}"
{tls}
[[consumer]]
name = "{CONSUMER}"
[metrics]
listen = "127.0.0.1:0"
''',
            encoding="utf-8",
        )
        self.hopper = Hopper(self.sheets, self.folder / "hopper.json")
        self._log = self.folder / "daemon.log"
        self._logged_bytes = 0
        self._has_ledger = False

    @property
    def target(self):
        return f"127.0.0.1:{self.port}"

    def start(self, before=(), **environment):
        """Start the daemon; `before` is a command that becomes the daemon."""
        self._logged_bytes = self._log.stat().st_size if self._log.exists() else 0
        with self._log.open("a", encoding="utf-8") as log:
            self.process = subprocess.Popen(
                [*before, sys.executable, "-m", "daemon", "run", "-c", str(self.config)],
                env=os.environ | environment,
                stderr=log,
            )

    @property
    def lives(self):
        return self.process is not None and self.process.poll() is None

    @property
    def logged(self):
        """What this process has said."""
        with self._log.open(encoding="utf-8") as log:
            log.seek(self._logged_bytes)
            return log.read()

    def end(self, number):
        """Send a signal; returns the exit status and what was logged."""
        self.process.send_signal(number)
        return self.process.wait(timeout=60), self.logged

    def kill(self):
        """Kill the daemon and see it dead."""
        self.end(signal.SIGKILL)

    def wait(self, condition, what, timeout_s=90):
        end = time.monotonic() + timeout_s
        while not condition():
            assert self.lives, f"the daemon ended: {self.logged}"
            assert time.monotonic() < end, what
            time.sleep(POLL_S)

    def accounts(self, ask):
        """Ask the ledger; None while there is none, or it is only half made."""
        accounts = Accounts(self.spool)
        try:
            answer = ask(accounts)
        except (ConfigError, SpoolFailed):
            if self._has_ledger:
                raise
            return None
        finally:
            accounts.close()
        self._has_ledger = True
        return answer

    def faces(self):
        def ask(accounts):
            numbers = sorted(accounts.batch_numbers(1000))
            return [face for n in numbers for face in accounts.batch_account(n).faces]

        return self.accounts(ask) or []

    def sheets_read(self):
        return sum(face.fate in READ for face in self.faces()) // 2

    def acknowledged(self):
        """Return how far the court has acknowledged, and the journal's end."""

        def ask(accounts):
            return sum(row.acknowledged for row in accounts.consumers()), accounts.last()[0]

        return self.accounts(ask) or (0, 0)

    def instance(self):
        """Return the start of the court's newest puller that has connected; 0 before the first."""
        found = self.accounts(lambda accounts: accounts.consumers()) or []
        return sum(row.instance for row in found)

    @property
    def serves(self):
        """True once this process has started everything."""
        return self.lives and "imaging on" in self.logged

    def at_rest(self):
        pile = self.hopper.look()
        fed = pile.next_sheet == self.sheets and not pile.in_path
        return fed and self.accounts(lambda accounts: not accounts.open_batches())
