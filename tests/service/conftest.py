"""A configured appliance in a folder: emulated scanner with a hopper file, its paper a PDF."""

import io
import os
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import img2pdf
import pytest
from PIL import Image

from daemon.errors import ConfigError
from daemon.feeder.hopper import Hopper
from daemon.page import Fate
from daemon.spool.accounts import Accounts
from tests import line

READ = (Fate.PAGE, Fate.BLANK, Fate.SEPARATOR, Fate.QUARANTINED)


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
    """One `suian run` after another on the same disk and the same paper."""

    folder: Path
    sheets: int
    port: int = field(default_factory=_free_port)
    process: subprocess.Popen | None = None

    def __post_init__(self):
        self.config = self.folder / "suian.toml"
        self.config.write_text(
            f'''
[appliance]
name = "hall-1"
[feeder]
device = "emulator"
paper = "{self.folder / "paper"}"
hopper_file = "{self.folder / "hopper.json"}"
dpi = 200
mode = "gray"
[spool]
dir = "{self.folder / "spool"}"
allow_unsafe_disk = true
[dossier]
key_file = "{self.folder / "separator.key"}"
[stream]
listen = "127.0.0.1:{self.port}"
control_socket = "{self.folder / "control.sock"}"
[[consumer]]
name = "court"
[metrics]
listen = "127.0.0.1:0"
''',
            encoding="utf-8",
        )
        self.hopper = Hopper(self.sheets, self.folder / "hopper.json")

    @property
    def target(self):
        return f"127.0.0.1:{self.port}"

    def start(self, **environment):
        self.process = subprocess.Popen(
            [sys.executable, "-m", "daemon", "run", "-c", str(self.config)],
            env=os.environ | environment,
            stderr=subprocess.PIPE,
            text=True,
        )

    def end(self, number):
        """Send a signal; returns the exit status and what was logged."""
        self.process.send_signal(number)
        _, logged = self.process.communicate(timeout=60)
        return self.process.returncode, logged

    def wait(self, condition, what, timeout_s=90):
        end = time.monotonic() + timeout_s
        while not condition():
            if self.process.poll() is not None:
                pytest.fail(f"the daemon ended: {self.process.communicate()[1]}")
            assert time.monotonic() < end, what
            time.sleep(0.02)

    def accounts(self, ask):
        """Ask the ledger; None while there is none."""
        accounts = Accounts(self.folder / "spool")
        try:
            return ask(accounts)
        except ConfigError:
            return None
        finally:
            accounts.close()

    def faces(self):
        def ask(accounts):
            numbers = sorted(accounts.batch_numbers(1000))
            return [face for n in numbers for face in accounts.batch_account(n).faces]

        return self.accounts(ask) or []

    def sheets_read(self):
        return sum(face.fate in READ for face in self.faces()) // 2

    def at_rest(self):
        pile = self.hopper.look()
        fed = pile.next_sheet == self.sheets and not pile.in_path
        return fed and self.accounts(lambda accounts: not accounts.open_batches())


@pytest.fixture
def appliance(tmp_path):
    made = []

    def make(sheets):
        write_paper(tmp_path / "paper", sheets)
        (tmp_path / "separator.key").write_bytes(line.KEY_FILE)
        made.append(Appliance(tmp_path, len(sheets)))
        return made[-1]

    yield make
    for one in made:
        if one.process is not None and one.process.poll() is None:
            one.process.kill()
            one.process.communicate()
