"""`suian certificates`: an authority, an appliance and its consumers, for trying mutual TLS.

Rule 1: nothing is ever overwritten; a second run adds consumers from the same authority.
Rule 2: a key is readable by its owner only.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

import typer
from pydantic import ValidationError

from daemon.commands import secret_file
from daemon.config import Consumer
from daemon.errors import ConfigError
from daemon.stream.authority import NAME, Pair, TrialAuthority
from daemon.stream.credentials import CLIENTS_CA, SERVER_CERTIFICATE, SERVER_KEY

_APPLIANCE: Final = "appliance"
_AUTHORITY: Final = ("ca.pem", "ca.key")
_CLIENT: Final = ("client.pem", "client.key")
MOST_DAYS: Final = 365


@dataclass(frozen=True, slots=True)
class _Folder:
    """A folder that is made, with its files."""

    path: Path
    files: Mapping[str, bytes]


def certificates(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="Made, or continued.")],
    host: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME_OR_IP", help="What the appliance is dialled by; several if need be."
        ),
    ] = None,
    consumer: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="A consumer of the configuration; several if need be."),
    ] = None,
    days: Annotated[int, typer.Option(min=1, max=MOST_DAYS, help="How long they live.")] = 30,
) -> None:
    """Make certificates to try mutual TLS with. A court uses its own authority instead."""
    hosts, names = list(dict.fromkeys(host or ())), list(dict.fromkeys(consumer or ()))
    if not hosts and not names:
        raise ConfigError("say for whom: --host for the appliance, --consumer for each client")
    for name in names:
        _check_name(name)
    wanted = [directory / name for name in ([_APPLIANCE] if hosts else []) + names]
    for path in wanted:
        if path.exists():
            raise ConfigError(
                "this exists and is not overwritten: move it away to get new certificates",
                path=path,
            )
    kept = _kept(directory)
    authority = kept or TrialAuthority.make(days)
    folders = _folders(directory, authority, hosts, names, days)
    if kept is None:
        folders.insert(0, _Folder(directory, _named(_AUTHORITY, authority.pair)))
    for folder in folders:
        _write(folder)
    for path in wanted:
        typer.echo(f"{path}: {_use(path)}")
    typer.echo(f"{directory / _AUTHORITY[1]} signs them ({NAME}); keep it away from both.")


def _check_name(name: str) -> None:
    try:
        Consumer(name=name)
    except ValidationError as error:
        raise ConfigError("no consumer can have this name", name=name) from error
    if name in (_APPLIANCE, *_AUTHORITY):
        raise ConfigError(
            "this name is taken in the folder: call the consumer otherwise", name=name
        )


def _kept(directory: Path) -> TrialAuthority | None:
    """Return the authority of the folder, None when it has none yet."""
    files = [directory / name for name in _AUTHORITY]
    present = [file for file in files if file.exists()]
    if not present:
        return None
    if len(present) == 1:
        raise ConfigError("half of the authority is missing: begin in a new folder", has=present[0])
    try:
        return TrialAuthority.load(Pair(*(file.read_bytes() for file in files)))
    except OSError as error:
        raise ConfigError(
            f"cannot read the authority: {error.strerror}", file=error.filename
        ) from error


def _folders(
    directory: Path,
    authority: TrialAuthority,
    hosts: Sequence[str],
    names: Sequence[str],
    days: int,
) -> list[_Folder]:
    ours = authority.pair.certificate
    folders = []
    if hosts:
        pair = authority.appliance(hosts, days)
        files = {SERVER_CERTIFICATE: pair.certificate, SERVER_KEY: pair.key, CLIENTS_CA: ours}
        folders.append(_Folder(directory / _APPLIANCE, files))
    for name in names:
        files = _named(_CLIENT, authority.consumer(name, days))
        folders.append(_Folder(directory / name, {_AUTHORITY[0]: ours, **files}))
    return folders


def _named(names: tuple[str, str], pair: Pair) -> dict[str, bytes]:
    certificate, key = names
    return {certificate: pair.certificate, key: pair.key}


def _write(folder: _Folder) -> None:
    try:
        folder.path.mkdir(parents=True, exist_ok=True)
        for name, data in folder.files.items():
            if name.endswith(".key"):
                secret_file.make(folder.path / name, data)
            else:
                with (folder.path / name).open("xb") as file:
                    file.write(data)
    except OSError as error:
        raise ConfigError(
            f"cannot write certificates: {error.strerror}", file=error.filename
        ) from error


def _use(path: Path) -> str:
    if path.name == _APPLIANCE:
        return "for the appliance, as credentials_dir of [stream]; its user must be able to read it"
    return f"for a client: --consumer {path.name} --ca ca.pem --cert client.pem --key client.key"
