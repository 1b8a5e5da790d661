"""`suian exceptions`: what a person has to decide, and the decision.

    quarantined  set apart: bytes damaged, or behind a separator that cannot be trusted
    rejected     the court asks for it again
    superseded   fed again, and by what is not said
    lost         not captured
    batch        does not close: a sheet waits for hands that do not come

Rule 1: nothing is decided here: the daemon writes it into the journal, with who and why.
"""

import getpass
import json
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from daemon.commands.control import control
from daemon.commands.status import AsJson, ConfigFile, configured
from daemon.errors import ConfigError, InputError
from daemon.page import Fate, PageId
from daemon.rpc import pages_pb2 as pb
from daemon.rpc.pages_pb2_grpc import DossierServiceStub
from daemon.spool.accounts import Accounts
from daemon.spool.journal import Decision
from daemon.spool.rows import BatchAccount, FaceRow
from daemon.spool.standing import RESOLUTIONS, Standing
from daemon.stream.codec import FATES

ANSWER_S: Final = 40.0
_BATCH: Final = "batch:"
_RESTORABLE: Final = (Standing.BLANK, Standing.NOT_FOR_ARCHIVE)

exceptions = typer.Typer(no_args_is_help=True)
Named = Annotated[str, typer.Argument(metavar="ID", help="A page id, or batch:NUMBER.")]


@exceptions.command("list")
def list_(file: ConfigFile = None, as_json: AsJson = False) -> None:
    """List what waits for a decision. No case data."""
    for one in _all(configured(file).spool.dir):
        typer.echo(json.dumps(one, ensure_ascii=False) if as_json else _line(one))


@exceptions.command()
def show(name: Named, file: ConfigFile = None, as_json: AsJson = False) -> None:
    """Show one face or batch: what happened, and what it may be resolved to."""
    accounts = _accounts(configured(file).spool.dir)
    try:
        facts = _facts(accounts, name)
    finally:
        accounts.close()
    if as_json:
        typer.echo(json.dumps(facts, ensure_ascii=False))
        return
    for key, value in facts.items():
        for text in value if isinstance(value, list) else [value]:
            typer.echo(f"{key:<12}{text}")


@exceptions.command()
def resolve(  # noqa: PLR0917 (options of a command line)
    name: Named,
    reason: Annotated[str, typer.Option(help="Why; it is written into the journal.")],
    fate: Annotated[
        Fate | None, typer.Option("--as", help="What the face is; not needed for a batch.")
    ] = None,
    by: Annotated[
        str, typer.Option(metavar="PAGE_ID", help="The page that stands in its place.")
    ] = "",
    actor: Annotated[str, typer.Option(help="Who decides. Default: the user's name.")] = "",
    request: Annotated[
        str, typer.Option(help="Id of the decision: said again with it, it is the same one.")
    ] = "",
    file: ConfigFile = None,
) -> None:
    """Decide: what a face is, or that a batch is closed as it is.

    A removed blank comes back with --as page; a batch that is closed loses its open faces by name.
    """
    loaded = configured(file)
    said = Decision(actor or getpass.getuser(), reason, request or str(uuid.uuid4()))
    accounts = _accounts(loaded.spool.dir)
    try:
        batch = _batch_of(name)
        asked = None if batch is not None else _amendment(accounts, name, fate, by, said)
    finally:
        accounts.close()
    with control(loaded.stream.control_socket) as channel:
        if channel is None:
            raise ConfigError(
                "the daemon is down, and only it writes the journal: start it, then say it again",
                socket=loaded.stream.control_socket,
            )
        dossier = DossierServiceStub(channel)
        if asked is not None:
            sequence = dossier.Amend(asked, timeout=ANSWER_S).sequence
        else:
            closing = pb.CloseBatchRequest(
                request_id=said.request_id, batch=batch or 0, actor=said.actor, reason=said.reason
            )
            sequence = dossier.CloseBatch(closing, timeout=ANSWER_S).sequence
    typer.echo(f"{name}: written as entry {sequence} of the journal")


def _amendment(
    accounts: Accounts, name: str, fate: Fate | None, by: str, said: Decision
) -> pb.AmendRequest:
    if fate is None:
        raise InputError("say what the face is: --as page, blank, separator, superseded or lost")
    face = accounts.face(_page_id(name))
    asked = pb.AmendRequest(
        request_id=said.request_id, page_id=name, actor=said.actor, reason=said.reason
    )
    if face.standing in _RESTORABLE and fate is Fate.PAGE:
        asked.restore.SetInParent()
    else:
        asked.resolve.CopyFrom(pb.Resolve(fate=FATES[fate], by_page_id=by))
    return asked


def _accounts(spool: Path) -> Accounts:
    if not spool.is_dir():
        raise ConfigError("there is no spool; say which configuration with -c", spool=spool)
    return Accounts(spool)


def _all(spool: Path) -> list[dict[str, Any]]:
    accounts = _accounts(spool)
    try:
        batches = [
            _batch(account)
            for account in (accounts.batch_account(b.number) for b in accounts.open_batches())
        ]
        return [*batches, *(_face(face) for face in accounts.undecided_faces())]
    finally:
        accounts.close()


def _batch_of(name: str) -> int | None:
    if not name.startswith(_BATCH):
        return None
    try:
        return int(name.removeprefix(_BATCH))
    except ValueError as error:
        raise InputError("a batch is named batch:NUMBER", got=name) from error


def _page_id(name: str) -> PageId:
    try:
        return PageId.parse(name)
    except ValueError as error:
        raise InputError("name a page id, or batch:NUMBER", got=name) from error


def _facts(accounts: Accounts, name: str) -> dict[str, Any]:
    batch = _batch_of(name)
    if batch is not None:
        return _batch(accounts.batch_account(batch))
    face = accounts.face(_page_id(name))
    return _face(face) | {
        "fate": face.fate,
        "captured": _time(face.captured_at) if face.captured_at else "never",
        "bytes": [f"{ref.role} {ref.size_bytes} bytes" for ref in face.blobs],
        "history": list(_history(face)),
        "may_be": sorted(RESOLUTIONS.get(face.standing, ())) if face.standing else [],
    }


def _history(face: FaceRow) -> Iterator[str]:
    for one in face.changes:
        yield f"{_time(one.recorded_at)} {one.change} by {one.actor}: {one.reason}"


def _face(face: FaceRow) -> dict[str, Any]:
    return {"id": str(face.page_id), "kind": face.standing or "open", "reason": face.reason}


def _batch(account: BatchAccount) -> dict[str, Any]:
    state = "open" if account.closed_at is None else "closed"
    return {
        "id": f"{_BATCH}{account.number}",
        "kind": f"{state} batch",
        "reason": f"{account.sheets} sheets, {account.open_faces} faces without a fate",
    }


def _line(one: dict[str, Any]) -> str:
    return f"{one['id']:<28}{one['kind']:<14}{one['reason']}".rstrip()


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
