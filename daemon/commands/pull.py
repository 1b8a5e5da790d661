"""`suian pull`: the reference court client, from one appliance into one folder."""

import signal
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer
from rich.console import Console

from daemon.stream.credentials import client_credentials, is_loopback
from daemon.stream.dial import Appliance
from daemon.stream.pull_session import Pulled
from daemon.stream.puller import Puller

_File = Annotated[Path | None, typer.Option(exists=True, dir_okay=False)]


def pull(  # noqa: PLR0917 (options of a command line)
    target: Annotated[str, typer.Argument(metavar="HOST:PORT", help="The appliance.")],
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="DIR", help="Where pages go; continued.")
    ],
    follow: Annotated[
        bool, typer.Option("--follow", help="Go on until interrupted, through every restart.")
    ] = False,
    consumer: Annotated[str, typer.Option(help="Our name at the appliance.")] = "court",
    ca: _File = None,
    cert: _File = None,
    key: _File = None,
) -> None:
    """Pull pages into DIR/<case>/<volume>/, check every hash, acknowledge, write the manifests."""
    credentials = client_credentials(ca, cert, key)
    if credentials is None and not target.startswith("unix:") and not is_loopback(target):
        raise typer.BadParameter("off this machine --ca, --cert and --key are needed")
    puller = Puller(
        Appliance(target, consumer, credentials),
        output,
        follow=follow,
        give_up_s=None if follow else 30.0,
    )

    def end(_signal: int, _frame: FrameType | None) -> None:
        puller.stop()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, end)
    console = Console(stderr=True)
    with console.status("pulling") as line:
        pulled = puller.run(lambda so_far: line.update(_short(so_far)))
    for text in _account(pulled):
        typer.echo(text)


def _short(pulled: Pulled) -> str:
    return f"{pulled.entries} entries, {pulled.files} files, {pulled.size_bytes / 1e6:.1f} MB"


def _account(pulled: Pulled) -> list[str]:
    lines = [f"pulled {_short(pulled)}; {len(pulled.manifests)} manifest(s) written"]
    if pulled.redacted:
        lines.append(f"{pulled.redacted} entries of the secondary volume came without content")
    if pulled.damaged:
        lines.append(f"damaged at the appliance: {', '.join(pulled.damaged)}")
    if pulled.without_manifest:
        lines.append(f"without a manifest: {', '.join(pulled.without_manifest)}")
    if pulled.open_batch:
        lines.append(f"batch {pulled.open_batch} waits for a person at the scanner")
    return lines
