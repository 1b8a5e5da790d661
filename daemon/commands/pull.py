"""`suian pull`: the reference court client, from one appliance or many into folders or a bucket."""

import json
import signal
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import Annotated, Any, Final

import typer
from rich.console import Console

from daemon.errors import SuianError
from daemon.stream.court import fleet_file
from daemon.stream.court.dial import Appliance
from daemon.stream.court.fleet import WORKERS, Assignment, Fleet, Outcome
from daemon.stream.court.object_store import Location, ObjectStore
from daemon.stream.court.pulled import Pulled
from daemon.stream.credentials import client_credentials, is_loopback

_File = Annotated[Path | None, typer.Option(exists=True, dir_okay=False)]
_NAMED: Final = 3


def pull(  # noqa: PLR0917 (options of a command line)
    target: Annotated[str, typer.Argument(metavar="HOST:PORT", help="The appliance.")] = "",
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="DIR", help="Where pages go; continued."),
    ] = None,
    follow: Annotated[
        bool, typer.Option("--follow", help="Go on until interrupted, through every restart.")
    ] = False,
    consumer: Annotated[str, typer.Option(help="Our name at the appliance.")] = "court",
    s3: Annotated[
        str,
        typer.Option(
            "--s3",
            metavar="URL",
            help="Pages go to https://ENDPOINT/BUCKET/PREFIX instead; DIR keeps the state. Keys:"
            " AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY.",
        ),
    ] = "",
    pdf: Annotated[
        Path | None,
        typer.Option("--pdf", metavar="DIR", help="Also a PDF of each material, outside of -o."),
    ] = None,
    appliances: Annotated[
        Path | None,
        typer.Option("--appliances", metavar="FILE", help="TOML: pull from all that it lists."),
    ] = None,
    accept_released: Annotated[
        bool,
        typer.Option(
            "--accept-released",
            help="Take entries also where the appliance no longer has their bytes.",
        ),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One line an appliance.")] = False,
    ca: _File = None,
    cert: _File = None,
    key: _File = None,
) -> None:
    """Pull pages into DIR/<case>/<volume>/, check every hash, acknowledge, write the manifests."""
    many = appliances is not None
    if appliances is not None:
        if target or output or s3 or pdf or ca or cert or key:
            raise typer.BadParameter("with --appliances all of that stands in the file")
        listed = fleet_file.load(appliances)
        assigned = fleet_file.assignments(listed, accept_released=accept_released)
    elif not target or output is None:
        raise typer.BadParameter("say HOST:PORT and -o DIR, or --appliances FILE")
    else:
        credentials = client_credentials(ca, cert, key)
        if credentials is None and not target.startswith("unix:") and not is_loopback(target):
            raise typer.BadParameter("off this machine --ca, --cert and --key are needed")
        appliance = Appliance(target, consumer, credentials, accept_released=accept_released)
        store = ObjectStore(Location.parse(s3), WORKERS) if s3 else None
        assigned = [Assignment(target, appliance, output, store, pdf)]
    outcomes = _run(assigned, follow=follow, many=many)
    for outcome in outcomes:
        for line in [_json(outcome)] if as_json else _lines(outcome, many=many):
            typer.echo(line)
    errors = [outcome.error for outcome in outcomes if outcome.error is not None]
    if errors and many:
        raise typer.Exit(errors[0].exit_status)
    if errors:
        raise errors[0]


def _run(assigned: Sequence[Assignment], *, follow: bool, many: bool) -> list[Outcome]:
    """Pull, with a line that tells how far it is."""
    console = Console(stderr=True)

    def failed(name: str, error: SuianError) -> None:
        if many:
            console.print(f"{name}: {error}", markup=False, highlight=False, soft_wrap=True)

    fleet = Fleet(assigned, follow=follow, failed=failed)

    def end(_signal: int, _frame: FrameType | None) -> None:
        fleet.stop()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, end)
    silent: set[str] = set()
    with console.status("pulling") as line:

        def tick() -> None:
            line.update(_short(*fleet.so_far()))
            now = set(fleet.silent())
            for name in sorted(now ^ silent):
                word = "does not answer; it is tried again" if name in now else "answers again"
                console.print(f"{name}: {word}", markup=False, highlight=False, soft_wrap=True)
            silent.clear()
            silent.update(now)

        return fleet.run(tick)


def _short(entries: int, files: int, size_bytes: int) -> str:
    return f"{entries} entries, {files} files, {size_bytes / 1e6:.1f} MB"


def _lines(outcome: Outcome, *, many: bool) -> list[str]:
    """Return what a person reads of a pull: one line an appliance, or a line a fact."""
    facts = _account(outcome.pulled)
    if not many:
        return facts if outcome.error is None else []
    word = ["does not answer"] if outcome.silent else []
    word = word if outcome.error is None else [f"FAILED ({outcome.error.label})"]
    return [f"{outcome.name}: {'; '.join([*word, *facts])}"]


def _account(pulled: Pulled) -> list[str]:
    short = _short(pulled.entries, pulled.files, pulled.size_bytes)
    lines = [f"pulled {short}; {len(pulled.manifests)} manifest(s) written"]
    if pulled.pdfs:
        lines.append(f"{pulled.pdfs} PDF(s) written")
    if pulled.redacted:
        lines.append(f"{pulled.redacted} entries of the secondary volume came without content")
    for what, names in (
        ("damaged at the appliance", pulled.damaged),
        ("let go of by the appliance, so without bytes", _some(pulled.without_bytes)),
        ("without a manifest", pulled.without_manifest),
        ("without a PDF", pulled.without_pdf),
    ):
        if names:
            lines.append(f"{what}: {', '.join(names)}")
    if pulled.open_batch:
        lines.append(f"batch {pulled.open_batch} waits for a person at the scanner")
    return lines


def _some(names: Sequence[str]) -> list[str]:
    """Shorten what may be the whole past of an appliance; a script is told all of it."""
    rest = [f"and {len(names) - _NAMED} more"] if len(names) > _NAMED else []
    return [*names[:_NAMED], *rest]


def _json(outcome: Outcome) -> str:
    pulled, error = outcome.pulled, outcome.error
    tree: dict[str, Any] = {
        "name": outcome.name,
        "error": None if error is None else {"label": error.label, "message": str(error)},
        "silent": outcome.silent,
        "entries": pulled.entries,
        "files": pulled.files,
        "bytes": pulled.size_bytes,
        "redacted": pulled.redacted,
        "open_batch": pulled.open_batch,
        "damaged": pulled.damaged,
        "without_bytes": pulled.without_bytes,
        "manifests": pulled.manifests,
        "without_manifest": pulled.without_manifest,
        "pdfs": pulled.pdfs,
        "without_pdf": pulled.without_pdf,
    }
    return json.dumps(tree, ensure_ascii=False)
