"""`suian bundle`: off-site, the journal goes to the court as one encrypted, signed file."""

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from daemon.commands import secret_file
from daemon.commands.status import AsJson, ConfigFile, configured
from daemon.config import Config
from daemon.errors import ConfigError
from daemon.stream.bundle import read, receipt, seal, write
from daemon.stream.bundle.daemon_here import DaemonHere
from daemon.stream.bundle.sign import Signer, Trust
from daemon.stream.credentials import CLIENTS_CA, SERVER_CERTIFICATE, SERVER_KEY

bundle = typer.Typer(no_args_is_help=True)


@bundle.command("key")
def key(
    output: Annotated[Path, typer.Option("-o", "--output", help="The file to make.")],
) -> None:
    """Make the court's key. It stays there; the recipient that is shown goes to the appliances."""
    text, recipient = seal.new_identity()
    secret_file.make(output, text.encode("ascii"))
    typer.echo(recipient)
    typer.echo(
        f"{output}: keep it secret, and a copy of it safe: bundles open with it only", err=True
    )


@bundle.command("export")
def export(
    *,
    consumer: Annotated[str, typer.Option(help="Whose entries, by its rights and its cursor.")],
    to: Annotated[str, typer.Option(metavar="RECIPIENT", help="The court's age1…")],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="FILE", help="The bundle.")],
    file: ConfigFile = None,
    after: Annotated[
        int | None,
        typer.Option(min=0, help="Begin behind this entry, not behind the acknowledged one."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Write everything the court has not acknowledged into one file. The daemon must run."""
    config = configured(file)
    folder = _credentials(config)
    signer = Signer.read(folder / SERVER_CERTIFICATE, folder / SERVER_KEY)
    daemon = DaemonHere(config, consumer)
    try:
        with Console(stderr=True).status("exporting"):
            done = write.export(daemon, signer, to, output, after)
    finally:
        daemon.close()
    if as_json:
        typer.echo(
            json.dumps(
                {
                    "file": str(output),
                    "entries": done.entries,
                    "first_sequence": done.after_sequence + 1,
                    "last_sequence": done.last_sequence,
                    "size_bytes": done.size_bytes,
                    "redacted": done.redacted,
                    "manifests": done.manifests,
                    "without_manifest": len(done.without_manifest),
                    "signed_by": signer.name,
                    "certificate_valid_to": signer.expires_at.isoformat(),
                }
            )
        )
        return
    typer.echo(
        f"{output}: {done.entries} entries, {done.after_sequence + 1} to {done.last_sequence}, "
        f"{done.manifests} manifest(s), {done.size_bytes / 1e6:.1f} MB"
    )
    if done.redacted:
        typer.echo(f"{done.redacted} entries of the secondary volume go without content")
    if done.without_manifest:
        typer.echo(
            f"{len(done.without_manifest)} case(s) go without manifest: a batch was running;"
            " export again when none is"
        )
    typer.echo(
        f"signed as {signer.name}; import it before {signer.expires_at:%Y-%m-%d}, when its"
        " certificate ends. Nothing is released before the receipt is back."
    )


@bundle.command("import")
def import_(
    *,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The bundle.")],
    key_file: Annotated[Path, typer.Option("--key", help="The key that `bundle key` made.")],
    ca: Annotated[Path, typer.Option(help="PEM: the CA of the appliances.")],
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="DIR", help="As of `suian pull`; continued.")
    ],
    cert: Annotated[Path, typer.Option(help="PEM: our client certificate; it names us.")],
    secret: Annotated[Path, typer.Option(help="PEM: its key, which signs the receipt.")],
    receipt_file: Annotated[
        Path | None, typer.Option("--receipt", help="The receipt; FILE.receipt if not given.")
    ] = None,
    signer: Annotated[
        str, typer.Option(help="Name in the appliance's certificate, if not its own.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Take a bundle into the folder of a consumer, as if pulled, and write the receipt for it."""
    ours = Signer.read(cert, secret)
    if not ours.name:
        raise ConfigError("the client certificate bears no name; see CERTIFICATES.md", file=cert)
    desk = read.Desk(output, ours.name, seal.read_identity(key_file), Trust(ca), signer)
    with Console(stderr=True).status("importing"):
        done = read.bring_in(file, desk)
    target = receipt_file or file.with_name(f"{file.name}.receipt")
    statement = receipt.write(target, done.cursor, ours)
    if as_json:
        typer.echo(
            json.dumps(
                {
                    "appliance": statement.appliance,
                    "epoch": statement.epoch,
                    "entries": done.pulled.entries,
                    "known": done.known,
                    "files": done.pulled.files,
                    "size_bytes": done.pulled.size_bytes,
                    "redacted": done.pulled.redacted,
                    "without_bytes": done.pulled.without_bytes,
                    "damaged": done.pulled.damaged,
                    "manifests": done.pulled.manifests,
                    "without_manifest": done.pulled.without_manifest,
                    "sequence": statement.sequence,
                    "receipt": str(target),
                },
                ensure_ascii=False,
            )
        )
        return
    for line in _account(done):
        typer.echo(line)
    typer.echo(
        f"{target}: the receipt for everything up to {statement.sequence}; take it to"
        f" {statement.appliance} and run `suian bundle receipt` there"
    )


@bundle.command("receipt")
def receipt_(
    receipt_file: Annotated[Path, typer.Argument(metavar="FILE", help="What the court gave.")],
    file: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Take the court's receipt: what it holds counts as acknowledged. The daemon must run."""
    config = configured(file)
    statement = receipt.read(receipt_file, Trust(_credentials(config) / CLIENTS_CA))
    daemon = DaemonHere(config, statement.consumer)
    try:
        before, now = receipt.settle(statement, daemon, config.appliance.name)
    finally:
        daemon.close()
    if as_json:
        typer.echo(
            json.dumps(
                {
                    "consumer": statement.consumer,
                    "receipt_sequence": statement.sequence,
                    "acknowledged_before": before,
                    "acknowledged_sequence": now,
                }
            )
        )
    elif now == before:
        typer.echo(f"nothing new: {statement.consumer} had acknowledged {now} already")
    else:
        typer.echo(f"{statement.consumer}: acknowledged {before} -> {now}; the hold begins")


def _credentials(config: Config) -> Path:
    folder = config.stream.credentials_dir
    if folder is None:
        raise ConfigError(
            "bundles and receipts are signed and verified with TLS certificates: set"
            " stream.credentials_dir (server.pem, server.key, clients-ca.pem)"
        )
    return folder


def _account(done: read.Imported) -> list[str]:
    pulled = done.pulled
    lines = [
        f"{done.header.appliance}: {pulled.entries} entries, {pulled.files} files,"
        f" {pulled.size_bytes / 1e6:.1f} MB, {len(pulled.manifests)} manifest(s);"
        f" {done.known} entries were here already"
    ]
    if pulled.redacted:
        lines.append(f"{pulled.redacted} entries of the secondary volume came without content")
    if pulled.without_bytes:
        lines.append(f"{len(pulled.without_bytes)} files had been released at the appliance before")
    if pulled.damaged:
        lines.append(f"damaged at the appliance: {', '.join(pulled.damaged)}")
    if pulled.without_manifest:
        lines.append(f"without a manifest: {', '.join(pulled.without_manifest)}")
    return lines
