"""`suian run`: the daemon, until a signal."""

import logging
import os
from pathlib import Path
from typing import Annotated, Final

import typer

from daemon import config
from daemon.feeder.capture.black_box import BlackBox
from daemon.service import Service
from daemon.service.source import scanner_of

# syslog's levels, which journald takes from the start of a line.
_LEVELS: Final = (
    (logging.ERROR, 3),
    (logging.WARNING, 4),
    (logging.INFO, 6),
    (logging.DEBUG, 7),
)


class _Journal(logging.Formatter):
    """Lines for journald, which adds time and unit by itself."""

    def format(self, record: logging.LogRecord) -> str:
        level = next((n for least, n in _LEVELS if record.levelno >= least), 7)
        return f"<{level}>{record.name}: {super().format(record)}"


def run(
    file: Annotated[Path, typer.Option("-c", "--config", help="The configuration file.")],
    verbose: Annotated[
        bool, typer.Option("--verbose", help="Log every sheet; may name files of the inbox.")
    ] = False,
) -> None:
    """Feed, keep and serve until SIGTERM; the sheet in the path is finished first."""
    log_to_stderr(logging.DEBUG if verbose else logging.INFO)
    loaded = config.load(file)
    black_box = BlackBox(loaded.spool.dir / "captures")
    Service(loaded, scanner_of(loaded.feeder, capture=black_box)).run()


def log_to_stderr(level: int) -> None:
    """Log to journald when it listens, else to a terminal with time and level."""
    handler = logging.StreamHandler()
    if os.environ.get("JOURNAL_STREAM"):
        handler.setFormatter(_Journal())
    else:
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)-7s %(name)s: %(message)s"))
    logging.basicConfig(level=level, handlers=[handler])
    logging.getLogger("numba").setLevel(logging.WARNING)  # it logs every byte code at DEBUG
