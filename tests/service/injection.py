"""A disk that fails once: one sync of the daemon's is answered with EIO, by strace.

Rule 1: only what the spool syncs may fail. The hopper file is the scanner's own, and never does.
"""

from dataclasses import dataclass
from pathlib import Path

from daemon.page import PAPER_SIDES, Role, SheetId
from daemon.spool.blobs import file_name
from daemon.spool.reader import DATABASE, PAGES

# The committing thread syncs twice a sheet and once an acknowledgement: counted thread by thread.
_LATEST_COMMIT = 12
_LATEST_SHEET = 3
# -D: the daemon stays our child, and its status is its own.
_STRACE = ("strace", "-D", "-f", "-qq", "-y", "--seccomp-bpf", "-e", "trace=fsync,fdatasync")
_FIRED = "(INJECTED)"


@dataclass(frozen=True, slots=True)
class Injection:
    """Which sync fails.

    Attributes
    ----------
    what
        For people.
    log
        Every sync, and which one failed.
    """

    what: str
    log: Path
    options: tuple[str, ...]

    @property
    def command(self):
        """What becomes the daemon."""
        return (*_STRACE, "-o", str(self.log), *self.options)

    @property
    def has_fired(self):
        return self.log.exists() and _FIRED in self.log.read_text(encoding="utf-8")


def choose(chance, hall):
    """Choose a sync of an appliance's next daemon: a commit, a page file, or their folder."""
    log = hall.folder / "strace.log"
    log.unlink(missing_ok=True)
    asked = None if hall.at_rest() else hall.accounts(_asked_next)
    what = chance.choice(("commit", "page file", "folder of pages") if asked else ("commit",))
    if what == "commit":
        nth = chance.randint(1, 1 if hall.at_rest() else _LATEST_COMMIT)
        log_file = hall.spool / f"{DATABASE}-wal"  # SQLite forgives a folder, so the spool syncs it
        return Injection(
            what, log, ("-P", str(log_file), "-e", f"inject=fdatasync:error=EIO:when={nth}")
        )
    pages = hall.spool / PAGES
    nth = chance.randint(1, _LATEST_SHEET)
    if what == "folder of pages":
        return Injection(what, log, ("-P", str(pages), *_fsync(nth)))
    epoch8, batch, sheet = asked
    files = [
        pages / f"{file_name(SheetId(epoch8, batch, sheet + later).face(side), Role.PAGE)}.tmp"
        for later in range(nth, nth + _LATEST_SHEET)
        for side in PAPER_SIDES
    ]
    return Injection(what, log, (*[word for file in files for word in ("-P", file)], *_fsync(1)))


def _fsync(nth):
    return ("-e", f"inject=fsync:error=EIO:when={nth}")


def _asked_next(accounts):
    """Name the batch that is fed next, and its last sheet."""
    open_batches = [batch for batch in accounts.open_batches() if not batch.electronic]
    if open_batches:
        return accounts.epoch8, open_batches[0].number, open_batches[0].last_sheet
    return accounts.epoch8, max(accounts.batch_numbers(1), default=0) + 1, 0
