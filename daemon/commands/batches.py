"""`suian batches`: batches and the account of their faces, read from the ledger."""

import json
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from daemon.commands.status import AsJson, ConfigFile, configured
from daemon.errors import ConfigError
from daemon.spool.accounts import Accounts
from daemon.spool.rows import BatchAccount


def batches(
    number: Annotated[int | None, typer.Argument(help="One batch, face by face.")] = None,
    file: ConfigFile = None,
    as_json: AsJson = False,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many of the newest.")] = 20,
) -> None:
    """Show the newest batches, or every face of one."""
    spool = configured(file).spool.dir
    if not spool.is_dir():
        raise ConfigError("there is no spool; say which configuration with -c", spool=spool)
    accounts = Accounts(spool)
    try:
        numbers = accounts.batch_numbers(limit) if number is None else [number]
        found = [accounts.batch_account(one) for one in numbers]
    finally:
        accounts.close()
    for account in found:
        if as_json:
            typer.echo(json.dumps(_tree(account, faces=number is not None)))
        else:
            typer.echo(_line(account))
            if number is not None:
                for face in account.faces:
                    typer.echo(f"  {face.page_id}  {face.fate or 'open'}  {face.reason}".rstrip())


def _line(account: BatchAccount) -> str:
    counts = " + ".join(f"{count} {fate}" for fate, count in account.counts.items()) or "0"
    total = sum(account.counts.values()) + account.open_faces
    still = f" + {account.open_faces} open" if account.open_faces else ""
    kind = "electronic" if account.electronic else f"{account.sheets} sheets"
    virtual = ", virtual" if account.virtual else ""
    state = "open" if account.closed_at is None else "closed"
    return (
        f"batch {account.number}, {_time(account.opened_at)}, {kind}{virtual}, {state}: "
        f"{total} faces = {counts}{still}"
    )


def _tree(account: BatchAccount, *, faces: bool) -> dict[str, Any]:
    tree: dict[str, Any] = {
        "batch": account.number,
        "virtual": account.virtual,
        "electronic": account.electronic,
        "opened_at": _time(account.opened_at),
        "closed_at": None if account.closed_at is None else _time(account.closed_at),
        "sheets": account.sheets,
        "open_faces": account.open_faces,
        "counts": {fate.value: count for fate, count in account.counts.items()},
    }
    if faces:
        tree["faces"] = [
            {"page_id": str(f.page_id), "fate": f.fate and f.fate.value, "reason": f.reason}
            for f in account.faces
        ]
    return tree


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
