"""A court: one `suian pull --follow` after another into the same folder, and what lies in it."""

import hashlib
import os
import subprocess
import sys
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import apsw
import cv2

from daemon.demo import mark
from daemon.stream.court.database import DATABASE

DPI = 200
_MARKED = (
    "SELECT f.path FROM entry e JOIN file f ON f.page_id = e.page_id"
    " WHERE e.kind = 'page' AND f.role = 'page' ORDER BY e.sequence"
)


@dataclass
class Court:
    """The puller as a process.

    Attributes
    ----------
    folder
        Where pages go.
    target
        The appliance.
    before
        A command that becomes the puller: into another network, say.
    credentials
        The folder of ca.pem, client.pem and client.key; None: loopback in plain.
    """

    folder: Path
    target: str
    before: tuple[str, ...] = ()
    credentials: Path | None = None
    process: subprocess.Popen | None = None
    _has_database: bool = field(default=False, init=False)

    def start(self):
        files = {"--ca": "ca.pem", "--cert": "client.pem", "--key": "client.key"}
        there = self.credentials is not None
        tls = [f"{name}={self.credentials / file}" for name, file in files.items() if there]
        self._log = self.folder.with_suffix(".log")
        command = [sys.executable, "-m", "daemon", "pull", self.target, "-o", str(self.folder)]
        with self._log.open("w", encoding="utf-8") as log:
            self.process = subprocess.Popen(
                [*self.before, *command, "--follow", *tls],
                env=os.environ,
                stdout=log,
                stderr=log,
            )

    @property
    def lives(self):
        return self.process is not None and self.process.poll() is None

    @property
    def logged(self):
        """What this process has said."""
        return self._log.read_text(encoding="utf-8")

    def end(self, number):
        """Send a signal; returns the exit status and what was said."""
        self.process.send_signal(number)
        return self.process.wait(timeout=60), self.logged

    def rows(self, sql):
        """Ask the database; nothing while there is none, or it is only half made."""
        uri = f"{(self.folder / DATABASE).absolute().as_uri()}"
        flags = apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI
        try:
            with closing(apsw.Connection(uri, flags=flags)) as database:
                database.set_busy_timeout(5000)
                found = database.execute(sql).fetchall()
        except (apsw.CantOpenError, apsw.ReadOnlyError, apsw.SQLError):
            if self._has_database:
                raise
            return []
        self._has_database = self._has_database or bool(found)
        return found

    def sequence(self):
        """Return how far the folder is."""
        return next((sequence for (sequence,) in self.rows("SELECT sequence FROM cursor")), 0)

    def marks(self):
        """Return the marks of all pages, in the order of the journal; None where none is read."""
        found = []
        for (path,) in self.rows(_MARKED):
            file = self.folder / (path or "")
            pixels = cv2.imread(str(file), cv2.IMREAD_GRAYSCALE) if file.is_file() else None
            read = None if pixels is None else mark.read(pixels, DPI)
            found.append(read and read.number)
        return found

    def wrong_files(self):
        """Name the files that are not here, or whose bytes are not what the database says."""
        return [
            f"{page_id} {path}"
            for page_id, path, sha256 in self.rows("SELECT page_id, path, sha256 FROM file")
            if not self._holds(path, sha256)
        ]

    def _holds(self, path, sha256):
        file = self.folder / (path or "")
        return file.is_file() and hashlib.sha256(file.read_bytes()).digest() == sha256
