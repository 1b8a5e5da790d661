"""`suian demo`: the whole way of a sheet on one machine, with no scanner and no GPU."""

import logging
import signal
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console

from daemon.commands.demo.court import Court
from daemon.commands.demo.hall import CONSUMER, Hall
from daemon.commands.demo.paper import Printer, drawn, of_folder
from daemon.commands.demo.reckoning import reckon
from daemon.commands.demo.screen import table
from daemon.errors import SuianError, VerificationFailed
from daemon.feeder.emulator import Paper

_LOOK_S: Final = 0.1
_STUCK_S: Final = 120.0
_LOOPBACK: Final = "127.0.0.1:0"


def demo(
    sheets: Annotated[
        int | None, typer.Option(min=1, max=9000, help="Sheets of the drawn stack.")
    ] = None,
    paper: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Images or PDFs as the paper.")
    ] = None,
    serve: Annotated[
        str | None, typer.Option(metavar="ADDR", help="Keep serving pages at HOST:PORT.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="DIR", help="Where pages are pulled.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Another seed draws another stack.")] = 1,
) -> None:
    """Feed an emulated scanner, pull its pages as a court does, and prove that all are there."""
    if paper is not None and sheets is not None:
        raise typer.BadParameter("--sheets is for the drawn stack, --paper brings its own")
    if serve is not None and output is not None:
        raise typer.BadParameter("with --serve it is you who pulls: leave out --output")
    logging.basicConfig(level=logging.ERROR, format="%(levelname)s %(message)s")
    for number in (signal.SIGINT, signal.SIGTERM):  # a shell's background job ignores the first
        signal.signal(number, signal.default_int_handler)

    def make_paper(printer: Printer) -> Paper:
        return drawn(printer, sheets, seed) if paper is None else of_folder(printer, paper)

    console = Console(stderr=True)
    with tempfile.TemporaryDirectory(prefix="suian-demo-state-") as state:
        with console.status("compiling the kernels (a minute, the first time)"):
            hall = Hall(make_paper, Path(state), serve or _LOOPBACK)
        hall.service.start()
        try:
            if serve is None:
                _pull_all(hall, output or _new_folder(), console)
            else:
                _serve(hall, console)
        finally:
            hall.service.stop()


def _new_folder() -> Path:
    return Path(tempfile.mkdtemp(prefix="suian-demo-", dir=Path.cwd()))


def _pull_all(hall: Hall, folder: Path, console: Console) -> None:
    court = Court(hall.target, CONSUMER, folder)
    started_s = time.monotonic()
    court.start()
    try:
        with console.status("feeding") as line:
            _attend(hall, court, line.update)
        seconds = time.monotonic() - started_s
    finally:
        court.stop()
    court.finish()
    reckoning = reckon(hall.config.spool.dir, folder, CONSUMER)
    typer.echo(table(reckoning, hall.clerk.cleared, seconds))
    typer.echo(f"the pulled pages lie in {folder}")
    if reckoning.problems:
        raise VerificationFailed("; ".join(reckoning.problems))


def _attend(hall: Hall, court: Court, say: Callable[[str], None]) -> None:
    """Be the clerk until the hopper is empty and the court has everything."""
    moved_s, last = time.monotonic(), -1
    while not (hall.at_rest and hall.acknowledged()):
        hall.attend()
        court.check()
        pile, sequence = hall.hopper.look(), hall.service.ledger.last()[0]
        say(f"{pile.next_sheet} of {pile.sheets} sheets fed, {sequence} entries, {court.so_far}")
        if sequence != last:
            moved_s, last = time.monotonic(), sequence
        if time.monotonic() - moved_s > _STUCK_S:
            facts = hall.service.flow.facts
            raise SuianError("the demonstration is stuck", state=facts.state, cause=facts.cause)
        time.sleep(_LOOK_S)


def _serve(hall: Hall, console: Console) -> None:
    """Serve until interrupted; when the court has everything, lay a fresh stack."""
    console.print(f"serving virtual pages at {hall.target}; pull them in another terminal with")
    console.print(f"    suian pull {hall.target} -o pulled --follow")
    console.print("A fresh stack is laid whenever everything was acknowledged. Ctrl-C ends.")
    try:
        while True:
            hall.attend()
            if hall.at_rest and hall.acknowledged():
                hall.lay_again()
            time.sleep(_LOOK_S)
    except KeyboardInterrupt:
        console.print("ended")
