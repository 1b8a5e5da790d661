"""A group of entries as one object, so that an object store alone holds the whole account.

    journal/<epoch>/<first:012>-<last:012>

It holds messages of the contract, each behind its length: what was asked, the `PullRequest`, and
what came: `PullResponse` with `opened`, then each `entry`, and behind it a `blob_chunk` without
data for every blob that did not come. All other blobs lie where the journal puts them.

Rule 1: objects are read back like a stream: nothing counts that does not continue the chain.
"""

import io
from collections.abc import Iterator, Sequence
from dataclasses import replace

from google.protobuf import proto
from google.protobuf.message import DecodeError

from daemon.errors import ChainBroken
from daemon.page import Role
from daemon.rpc import pages_pb2 as pb
from daemon.spool.chain import Chain
from daemon.stream.codec import CONTRACT_VERSION, ROLE_OF, ROLES
from daemon.stream.court.folder import JOURNAL
from daemon.stream.court.received import Cursor, Received
from daemon.stream.court.succession import Succession


def name_of(epoch: str, first: int, last: int) -> str:
    """Return the name of the object with entries `first` to `last`."""
    return f"{JOURNAL}/{epoch}/{first:012}-{last:012}"


def range_of(name: str) -> tuple[int, int]:
    """Return which entries an object holds, by its name; raises ChainBroken for another name."""
    try:
        first, last = name.rpartition("/")[2].split("-")
        return int(first), int(last)
    except ValueError as error:
        raise ChainBroken("this is no part of a journal", object=name) from error


def written(before: Cursor, entries: Sequence[Received]) -> bytes:
    """Return the object of a group that follows `before`."""
    out = io.BytesIO()
    asked = pb.PullRequest(
        consumer=before.consumer, epoch=before.epoch, after_sequence=before.sequence
    )
    proto.serialize_length_prefixed(asked, out)
    for message in _messages(before, entries):
        proto.serialize_length_prefixed(message, out)
    return out.getvalue()


def _messages(before: Cursor, entries: Sequence[Received]) -> Iterator[pb.PullResponse]:
    yield pb.PullResponse(
        opened=pb.Opened(
            epoch=before.epoch,
            appliance=before.appliance,
            contract_version=CONTRACT_VERSION,
            chain_algorithm=before.chain.algorithm,
        )
    )
    prev = before.entry_hash
    for entry in entries:
        envelope = pb.Entry(
            sequence=entry.sequence, entry_hash=entry.entry_hash, prev_entry_hash=prev
        )
        if entry.record is None:
            envelope.record_hash = entry.record_hash
        else:
            envelope.record = entry.record
        yield pb.PullResponse(entry=envelope)
        prev = entry.entry_hash
        for part in entry.parts:
            if part.part is None:
                role = ROLES[Role(part.role)]
                short = pb.BlobChunk(page_id=part.page_id, role=role, last=True)
                yield pb.PullResponse(blob_chunk=short)


def head(data: bytes) -> Cursor:
    """Return where an object begins: its epoch, chain, consumer and appliance; no hash.

    Raises
    ------
    ChainBroken
        If it cannot be read.
    ConfigError
        If this version does not know its hash algorithm.
    """
    file = io.BytesIO(data)
    try:
        asked = proto.parse_length_prefixed(pb.PullRequest, file)
        opened = proto.parse_length_prefixed(pb.PullResponse, file)
    except (DecodeError, ValueError) as error:
        raise ChainBroken("an object of the journal cannot be read") from error
    if asked is None or opened is None:
        raise ChainBroken("an object of the journal is cut off")
    return Cursor(
        epoch=opened.opened.epoch,
        sequence=asked.after_sequence,
        entry_hash=b"",
        chain=Chain(opened.opened.chain_algorithm or "sha256"),
        consumer=asked.consumer,
        appliance=opened.opened.appliance,
    )


def read(data: bytes, after: Cursor) -> list[Received]:
    """Return the entries of an object that follow `after`.

    Raises
    ------
    ChainBroken
        If it cannot be read, or its entries do not follow.
    """
    succession = Succession(after)
    entries: list[Received] = []
    for message in _parsed(data):
        match message.WhichOneof("event"):
            case "entry" if message.entry.sequence > after.sequence:
                received, announced = succession.take(message.entry)
                parts = tuple(blob.part(None, kept=True) for blob in announced)
                entries.append(replace(received, parts=parts))
            case "blob_chunk" if entries:
                entries[-1] = _without(entries[-1], message.blob_chunk)
            case _:
                pass
    return entries


def _parsed(data: bytes) -> Iterator[pb.PullResponse]:
    file = io.BytesIO(data)
    try:
        proto.parse_length_prefixed(pb.PullRequest, file)
        while (message := proto.parse_length_prefixed(pb.PullResponse, file)) is not None:
            yield message
    except (DecodeError, ValueError, IndexError) as error:
        raise ChainBroken("an object of the journal cannot be read") from error


def _without(entry: Received, short: pb.BlobChunk) -> Received:
    role = ROLE_OF[short.role].value
    parts = (replace(part, kept=False) if part.role == role else part for part in entry.parts)
    return replace(entry, parts=tuple(parts))
