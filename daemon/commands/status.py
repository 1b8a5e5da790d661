"""`suian status`: how the appliance is; from the daemon, or from its ledger when it is down."""

import json
from pathlib import Path
from typing import Annotated, Any

import grpc
import typer
from google.protobuf.json_format import MessageToDict

from daemon import config
from daemon.errors import InputError
from daemon.page import Fate
from daemon.rpc import pages_pb2 as pb
from daemon.rpc.pages_pb2_grpc import ApplianceServiceStub
from daemon.spool.accounts import Accounts

DEFAULT_CONFIG = Path("/etc/suian/suian.toml")
ConfigFile = Annotated[
    Path | None, typer.Option("-c", "--config", help=f"Default: {DEFAULT_CONFIG}, if it exists.")
]
AsJson = Annotated[bool, typer.Option("--json", help="For a script.")]


def status(file: ConfigFile = None, as_json: AsJson = False) -> None:
    """Show state, cause, backlog and the sum over all faces. No case data."""
    loaded = configured(file)
    facts = _from_daemon(loaded.stream.control_socket) or _from_ledger(loaded.spool.dir)
    if as_json:
        typer.echo(json.dumps(facts, ensure_ascii=False, sort_keys=True))
        return
    for line in _lines(facts):
        typer.echo(line)


def configured(file: Path | None) -> config.Config:
    """Return the given configuration, the one at the usual place, or the defaults."""
    if file is None and not DEFAULT_CONFIG.exists():
        return config.Config()
    return config.load(file or DEFAULT_CONFIG)


def _from_daemon(socket: Path) -> dict[str, Any] | None:
    if not socket.exists():
        return None
    with grpc.insecure_channel(f"unix:{socket}") as channel:
        try:
            reply = ApplianceServiceStub(channel).GetStatus(pb.GetStatusRequest(), timeout=5)
        except grpc.RpcError:
            return None  # a socket that nobody listens at any more: the daemon is down
    facts: dict[str, Any] = MessageToDict(
        reply, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
    )
    counts = {row["fate"].removeprefix("FATE_").lower(): row["faces"] for row in facts["counts"]}
    return facts | {"running": True, "counts": counts}


def _from_ledger(spool: Path) -> dict[str, Any]:
    if not spool.is_dir():
        raise InputError(
            "no daemon answers and there is no spool; say which configuration with -c", spool=spool
        )
    accounts = Accounts(spool)
    try:
        return {
            "running": False,
            "epoch": accounts.epoch,
            "last_sequence": str(accounts.last()[0]),
            "open_batches": [str(batch.number) for batch in accounts.open_batches()],
            "counts": {fate.value: count for fate, count in accounts.totals().items()},
            "consumers": [
                {"consumer": row.name, "acknowledged_sequence": str(row.acknowledged)}
                for row in accounts.consumers()
            ],
        }
    finally:
        accounts.close()


def _lines(facts: dict[str, Any]) -> list[str]:
    lines = ["running" if facts["running"] else "not running; this is what the ledger says"]
    if facts["running"]:
        feeder = facts["feeder"]
        cause = f", {feeder['cause']}" if feeder["cause"] else ""
        lines += [
            f"appliance   {facts['appliance']}, suian {facts['version']}, {facts['backend']}",
            f"scanner     {facts['scanner'] or 'none'}: {feeder['state']}{cause}",
        ]
        if feeder["refeed_from_sheet"]:
            lines.append(
                f"            feed again from sheet {feeder['refeed_from_sheet']} of batch "
                f"{feeder['batch']}, then press Scan"
            )
    counts = facts["counts"]
    faces = " + ".join(f"{counts.get(fate.value, 0)} {fate.value}" for fate in Fate)
    open_batches = ", ".join(facts["open_batches"]) or "none"
    lines += [
        f"journal     {facts['last_sequence']} entries, epoch {facts['epoch']}",
        f"faces       {sum(counts.values())} = {faces}",
        f"open        batches: {open_batches}",
    ]
    lines += [
        f"consumer    {row['consumer']}: acknowledged {row['acknowledged_sequence']}"
        for row in facts["consumers"]
    ]
    return lines
