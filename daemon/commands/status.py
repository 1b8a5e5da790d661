"""`suian status`: how the appliance is; from the daemon, or from its ledger when it is down."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Final

import grpc
import typer
from rich.console import Console

from daemon import config
from daemon.commands.control import is_there
from daemon.errors import ConfigError, ContractError, VerificationFailed
from daemon.feeder.hands import CLEARING
from daemon.page import Fate
from daemon.rpc import pages_pb2 as pb
from daemon.rpc.pages_pb2_grpc import ApplianceServiceStub
from daemon.spool.accounts import Accounts
from daemon.spool.audit import Audit, audit
from daemon.stream.codec import FATES
from daemon.stream.court.dial import status_of

DEFAULT_CONFIG: Final = Path("/etc/suian/suian.toml")
ANSWER_S: Final = 5.0
ConfigFile = Annotated[
    Path | None, typer.Option("-c", "--config", help=f"Default: {DEFAULT_CONFIG}, if it exists.")
]
AsJson = Annotated[bool, typer.Option("--json", help="For a script.")]


def status(
    file: ConfigFile = None,
    as_json: AsJson = False,
    verify: Annotated[
        bool,
        typer.Option("--verify", help="Also check every law, entry and byte; reads all of them."),
    ] = False,
) -> None:
    """Show state, cause, backlog and the sum over all faces. No case data.

    Raises
    ------
    VerificationFailed
        If something that was asked to be verified does not hold.
    """
    loaded = configured(file)
    facts = _from_daemon(loaded.stream.control_socket) or _from_ledger(loaded.spool.dir)
    if verify:
        facts["audit"] = asdict(_audited(loaded.spool.dir))
    if as_json:
        typer.echo(json.dumps(facts, ensure_ascii=False))
    else:
        for line in _lines(facts):
            typer.echo(line)
    if verify and facts["audit"]["problems"]:
        raise VerificationFailed(
            "the spool does not keep what it promises: keep this disk as it is and pull what can"
            " still be pulled",
            problems=len(facts["audit"]["problems"]),
        )


def _audited(spool: Path) -> Audit:
    with Console(stderr=True).status("reading the journal and every page file") as shown:
        return audit(spool, lambda files: shown.update(f"{files} page files read"))


def configured(file: Path | None) -> config.Config:
    """Return the given configuration, the one at the usual place, or the defaults."""
    if file is None and not DEFAULT_CONFIG.exists():
        return config.Config()
    return config.load(file or DEFAULT_CONFIG)


def _from_daemon(socket: Path) -> dict[str, Any] | None:
    """Ask the daemon; None when there is none."""
    if not is_there(socket):
        return None
    with grpc.insecure_channel(f"unix:{socket}") as channel:
        try:
            reply = ApplianceServiceStub(channel).GetStatus(pb.GetStatusRequest(), timeout=ANSWER_S)
        except grpc.RpcError as error:
            if status_of(error) is grpc.StatusCode.UNAVAILABLE:
                return None  # nobody listens at the socket any more: the daemon is down
            raise ContractError(
                "the daemon runs and does not answer; see journalctl -u suian",
                status=status_of(error).name,
            ) from error
    counts = {count.fate: count.faces for count in reply.counts}
    return {
        "running": True,
        "appliance": reply.appliance,
        "version": reply.version,
        "backend": reply.backend,
        "scanner": reply.scanner,
        "state": reply.feeder.state,
        "cause": reply.feeder.cause,
        "paused": reply.paused,
        "batch": reply.feeder.batch,
        "refeed_from_sheet": reply.feeder.refeed_from_sheet,
        "spool_free_bytes": reply.spool_free_bytes,
        "epoch": reply.epoch,
        "last_sequence": reply.last_sequence,
        "open_batches": list(reply.open_batches),
        "undecided_faces": reply.undecided_faces,
        "counts": {fate.value: counts.get(number, 0) for fate, number in FATES.items()},
        "consumers": [
            _consumer(row.consumer, row.required, row.acknowledged_sequence)
            for row in reply.consumers
        ],
    }


def _from_ledger(spool: Path) -> dict[str, Any]:
    """Read the ledger; what the daemon alone knows is left out."""
    if not spool.is_dir():
        raise ConfigError(
            "no daemon answers and there is no spool; say which configuration with -c", spool=spool
        )
    accounts = Accounts(spool)
    try:
        return {
            "running": False,
            "epoch": accounts.epoch,
            "last_sequence": accounts.last()[0],
            "open_batches": [batch.number for batch in accounts.open_batches()],
            "undecided_faces": accounts.undecided(),
            "counts": {fate.value: count for fate, count in accounts.totals().items()},
            "consumers": [
                _consumer(row.name, row.required, row.acknowledged) for row in accounts.consumers()
            ],
        }
    finally:
        accounts.close()


def _consumer(name: str, required: bool, acknowledged: int) -> dict[str, Any]:
    return {"consumer": name, "required": required, "acknowledged_sequence": acknowledged}


def _lines(facts: dict[str, Any]) -> list[str]:
    lines = _feeder_lines(facts) if facts["running"] else ["not running; the ledger says:"]
    counts = facts["counts"]
    faces = " + ".join(f"{counts[fate.value]} {fate.value}" for fate in Fate)
    open_batches = ", ".join(map(str, facts["open_batches"])) or "none"
    lines += [
        f"journal     {facts['last_sequence']} entries, epoch {facts['epoch']}",
        f"faces       {sum(counts.values())} = {faces}",
        f"open        batches: {open_batches}",
    ]
    if facts["undecided_faces"]:
        lines.append(
            f"undecided   {facts['undecided_faces']} faces wait for a person: suian exceptions list"
        )
    lines += [
        f"consumer    {row['consumer']}: acknowledged {row['acknowledged_sequence']}"
        + ("" if row["required"] else ", not required")
        for row in facts["consumers"]
    ]
    return lines + _audit_lines(facts.get("audit"))


def _audit_lines(audit: dict[str, Any] | None) -> list[str]:
    if audit is None:
        return []
    return [
        f"verified    {audit['entries']} entries chained, {audit['files']} page files"
        f" ({audit['size_bytes'] / 1e6:.1f} MB) read",
        *(f"PROBLEM     {text}" for text in audit["problems"] or ()),
        *(() if audit["problems"] else ("            every law holds, every byte is right",)),
    ]


def _feeder_lines(facts: dict[str, Any]) -> list[str]:
    state = facts["state"] + (f", {facts['cause']}" if facts["cause"] else "")
    lines = [
        f"appliance   {facts['appliance']}, suian {facts['version']}, {facts['backend']}",
        f"scanner     {facts['scanner'] or 'none'}: {state}",
    ]
    if facts["paused"]:
        lines.append("            paused: nothing is fed until the court resumes")
    if facts["refeed_from_sheet"]:
        lines.append(
            f"            feed again from sheet {facts['refeed_from_sheet']} of batch "
            f"{facts['batch']}, then press Scan"
        )
    if facts["cause"] in CLEARING:
        row = CLEARING[facts["cause"]]
        lines += [f"            {row.zh}", f"            {row.en}"]
    return [*lines, f"spool       {facts['spool_free_bytes'] / 1e9:.1f} GB free"]
