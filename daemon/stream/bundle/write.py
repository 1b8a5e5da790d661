"""Export: what the daemon would stream to a consumer, into one file.

    daemon -> messages -> records -> signed blocks (blocks.py) -> encryption (seal.py) -> file

Rule 1: the file has its name only when it is whole and on the disk.
Rule 2: nothing is acknowledged: until the receipt is back, the appliance keeps everything.
"""

import os
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from daemon.errors import ConfigError, ContractError, SpoolError
from daemon.rpc import pages_pb2 as pb
from daemon.stream.bundle import seal
from daemon.stream.bundle.blocks import End, Header, Kind, Record, pack
from daemon.stream.bundle.cases import Cases
from daemon.stream.bundle.daemon_here import DaemonHere
from daemon.stream.bundle.sign import Signer
from daemon.stream.court.folder import disk, sync_folder
from daemon.stream.court.manifest_head import spoken_of


@dataclass(slots=True)
class Exported:
    """The account of an export."""

    after_sequence: int
    last_sequence: int
    entries: int = 0
    redacted: int = 0
    size_bytes: int = 0
    manifests: int = 0
    without_manifest: list[str] = field(default_factory=list)
    """Cases whose manifest speaks of more than is in the bundle: a batch was running."""


def export(
    daemon: DaemonHere,
    signer: Signer,
    recipient: str,
    output: Path,
    after_sequence: int | None = None,
) -> Exported:
    """Write a bundle of everything behind an entry, to the newest.

    Parameters
    ----------
    after_sequence
        None: what the consumer has acknowledged.

    Raises
    ------
    ConfigError
        If there is nothing to export, the file exists, or the recipient is none.
    SpoolError, ContractError
        If the daemon is not there, goes away or refuses, or the file cannot be written.
    """
    seal.check_recipient(recipient)
    after = daemon.cursor().acknowledged if after_sequence is None else after_sequence
    with closing(daemon.pull(after)) as messages:
        opened = _opened(messages)
        if opened.opened.last_sequence <= after:
            raise ConfigError(
                "there is nothing to export: the consumer has acknowledged everything",
                consumer=daemon.consumer.name,
                sequence=after,
            )
        account = Exported(after, opened.opened.last_sequence)
        contents = _Contents(daemon, opened, messages, account)
        header = _header(daemon, opened.opened, account, recipient, signer)
        blocks = pack(header, contents.records(), signer)
        account.size_bytes = _write(output, blocks, recipient)
    return account


def _opened(messages: Iterator[pb.PullResponse]) -> pb.PullResponse:
    first = next(messages, None)
    if first is None or first.WhichOneof("event") != "opened":
        raise ContractError("the daemon did not open its stream: is it of this version?")
    return first


def _header(
    daemon: DaemonHere, opened: pb.Opened, account: Exported, recipient: str, signer: Signer
) -> Header:
    return Header(
        appliance=opened.appliance,
        epoch=opened.epoch,
        chain_algorithm=opened.chain_algorithm,
        consumer=daemon.consumer.name,
        recipient=recipient,
        after_sequence=account.after_sequence,
        last_sequence=account.last_sequence,
        made_at=datetime.now(UTC).isoformat(timespec="seconds"),
        certificates=signer.certificates_pem.decode("ascii"),
    )


def _write(output: Path, blocks: Iterator[bytes], recipient: str) -> int:
    """Write the file; returns its size in bytes."""
    if output.exists():
        raise ConfigError("this file exists; choose another name", file=output)
    part = output.with_name(f".{output.name}.part")
    try:
        with disk("write the bundle"), part.open("wb") as file:
            seal.encrypt(blocks, file, recipient)
            file.flush()
            os.fsync(file.fileno())
            size_bytes = file.tell()
        with disk("give the bundle its name"):
            part.replace(output)
            sync_folder(output.absolute().parent)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    return size_bytes


class _Contents:
    """The records of a bundle, and the account of them."""

    def __init__(
        self,
        daemon: DaemonHere,
        opened: pb.PullResponse,
        messages: Iterator[pb.PullResponse],
        account: Exported,
    ) -> None:
        self._daemon = daemon
        self._opened = opened
        self._messages = messages
        self._account = account
        self._cases = Cases(daemon.accounts)
        self._sequence = account.after_sequence
        self._hash = b""

    def records(self) -> Iterator[Record]:
        """Yield the messages up to the last entry, the manifests, and the end."""
        yield _message(self._opened)
        for message in self._journal():
            yield _message(message)
        # Asked on behalf of the consumer, but over the socket: there nobody checks its rights.
        if self._daemon.consumer.secondary_volume:
            yield from self._manifests()
        end = End(
            entries=self._account.entries,
            manifests=self._account.manifests,
            entry_hash=self._hash.hex(),
        )
        yield Record(Kind.END, end.model_dump_json().encode())

    def _journal(self) -> Iterator[pb.PullResponse]:
        """Yield entries and their pieces, until the last entry has all of its own."""
        for message in self._messages:
            kind = message.WhichOneof("event")
            if kind != "blob_chunk" and self._sequence == self._account.last_sequence:
                return
            if kind == "heartbeat":
                continue
            if kind == "entry":
                self._count(message.entry)
            yield message
        raise SpoolError("the daemon is shutting down; export again when it runs")

    def _count(self, entry: pb.Entry) -> None:
        self._sequence, self._hash = entry.sequence, entry.entry_hash
        self._account.entries += 1
        if entry.WhichOneof("content") == "record":
            self._cases.see(entry)
        else:
            self._account.redacted += 1

    def _manifests(self) -> Iterator[Record]:
        for case_key in self._cases.keys():  # noqa: SIM118 (not a mapping)
            manifest = self._daemon.manifest(case_key)
            if manifest is None:
                continue
            if spoken_of(manifest)[1] > self._account.last_sequence:
                self._account.without_manifest.append(case_key)
                continue
            self._account.manifests += 1
            yield Record(Kind.MANIFEST, manifest)


def _message(message: pb.PullResponse) -> Record:
    return Record(Kind.MESSAGE, message.SerializeToString())
