"""Pull: the journal after a cursor, then as it grows; the acknowledgement is the credit.

    opened | entry, its inline blobs in pieces | ... | heartbeat while idle or without credit

Rule 1: what is sent and not yet acknowledged never exceeds the window, in entries or bytes; only
a single entry larger than the whole window may, and then alone.
Rule 2: a damaged blob ends short (last = true before its size); the page is quarantined by an
amendment and the stream goes on.
"""

import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

import grpc

from daemon.config import Consumer
from daemon.errors import EpochChanged, InputError, SpoolCorrupt
from daemon.page import PageId
from daemon.rpc import pages_pb2 as pb
from daemon.spool.journal import StoredEntry
from daemon.spool.ledger import Ledger
from daemon.stream.appliance import Controls, feeder_status
from daemon.stream.blob_source import BlobSource
from daemon.stream.codec import CONTRACT_VERSION, ROLE_OF, blobs_behind
from daemon.stream.refusals import Refused
from daemon.stream.streams import Stream, Streams

HEARTBEAT_S: Final = 2.0
_IDLE_TICK_S: Final = 0.2  # how soon an idle stream sees that it is to end
_FIRST_BEAT_S: Final = 0.05  # after the last entry: "that is all for now"
_READ_AHEAD: Final = 32
DEFAULT_ENTRIES: Final = 256
DEFAULT_BYTES: Final = 64 << 20
DEFAULT_PIECE: Final = 256 << 10
_PIECE_BOUNDS: Final = (4 << 10, 1 << 20)


@dataclass(slots=True)
class Window:
    """What is sent and not yet acknowledged."""

    max_entries: int
    max_bytes: int
    _sent: deque[tuple[int, int]] = field(default_factory=deque)
    _bytes: int = 0

    def takes(self, size_bytes: int) -> bool:
        """Tell whether an entry of this size may be sent now."""
        if not self._sent:
            return True
        return len(self._sent) < self.max_entries and self._bytes + size_bytes <= self.max_bytes

    def add(self, sequence: int, size_bytes: int) -> None:
        """Count an entry as sent."""
        self._sent.append((sequence, size_bytes))
        self._bytes += size_bytes

    def acknowledge(self, sequence: int) -> None:
        """Give back the credit of all entries up to `sequence`."""
        while self._sent and self._sent[0][0] <= sequence:
            self._bytes -= self._sent.popleft()[1]


class Pull:
    """Serves Pull.

    Parameters
    ----------
    name
        Name of the appliance.
    ledger, blobs, streams, controls
        The journal, its bytes, the streams that run, and the feeder's status.
    """

    def __init__(
        self, name: str, ledger: Ledger, blobs: BlobSource, streams: Streams, controls: Controls
    ) -> None:
        self._name = name
        self._ledger = ledger
        self._blobs = blobs
        self._streams = streams
        self._controls = controls

    def serve(
        self, request: pb.PullRequest, consumer: Consumer, context: grpc.ServicerContext
    ) -> Iterator[pb.PullResponse]:
        """Stream to one consumer until it leaves, is fenced, or the appliance drains.

        Raises
        ------
        EpochChanged, Refused, Fenced
            If the cursor is of another journal, ahead of this one, or behind what has been let go;
            or a newer stream exists.
        """
        self._check_cursor(request)
        self._ledger.claim_instance(consumer.name, request.instance)
        acknowledged = self.cursor(consumer)
        stream = self._streams.open(consumer.name, acknowledged)
        try:
            if not context.add_callback(stream.end):
                return  # the caller has left already
            yield pb.PullResponse(opened=self._opened(acknowledged))
            yield from self._follow(request, consumer, stream)
        finally:
            self._streams.close(stream)

    def _opened(self, acknowledged: int) -> pb.Opened:
        return pb.Opened(
            epoch=self._ledger.epoch,
            acknowledged_sequence=acknowledged,
            last_sequence=self._ledger.last()[0],
            appliance=self._name,
            contract_version=CONTRACT_VERSION,
            chain_algorithm=self._ledger.chain.algorithm,
            released_sequence=self._ledger.released_sequence(),
        )

    def _check_cursor(self, request: pb.PullRequest) -> None:
        epoch, last = self._ledger.epoch, self._ledger.last()[0]
        if request.epoch != epoch and (request.epoch or request.after_sequence):
            raise EpochChanged(
                "the cursor belongs to another journal", cursor=request.epoch, journal=epoch
            )
        if request.after_sequence > last:
            raise Refused(
                grpc.StatusCode.OUT_OF_RANGE,
                "the cursor is ahead of the journal",
                cursor=request.after_sequence,
                last=last,
            )
        released = self._ledger.released_sequence()
        if request.after_sequence < released and not request.accept_released:
            raise Refused(
                grpc.StatusCode.OUT_OF_RANGE,
                "the bytes of entries behind the cursor were let go, after everybody who is asked"
                " had acknowledged them: set accept_released to take these entries without",
                cursor=request.after_sequence,
                released=released,
            )

    def cursor(self, consumer: Consumer) -> int:
        """Return the last sequence a consumer has acknowledged."""
        return next(c.acknowledged for c in self._ledger.consumers() if c.name == consumer.name)

    def _follow(
        self, request: pb.PullRequest, consumer: Consumer, stream: Stream
    ) -> Iterator[pb.PullResponse]:
        window = Window(
            request.max_unacked_entries or DEFAULT_ENTRIES,
            request.max_unacked_bytes or DEFAULT_BYTES,
        )
        piece_bytes = _piece_bytes(request.max_chunk_bytes)
        sent, ahead, beat_due_s = request.after_sequence, deque[_Ready](), 0.0
        while stream.goes_on():
            seen = stream.acknowledged
            window.acknowledge(seen)
            if not ahead:
                stored = self._ledger.entries_after(sent, _READ_AHEAD)
                ahead.extend(_ready(entry, consumer) for entry in stored)
            if ahead and window.takes(ahead[0].size_bytes):
                ready = ahead.popleft()
                sent = ready.entry.sequence
                window.add(sent, ready.size_bytes)
                yield from self._send(ready, piece_bytes)
                beat_due_s = time.monotonic() + _FIRST_BEAT_S
                continue
            now_s = time.monotonic()
            if now_s >= beat_due_s:
                yield self._heartbeat(seen)
                beat_due_s = now_s + HEARTBEAT_S
            if ahead:
                stream.wait_for_credit(seen, beat_due_s - now_s)
            else:
                self._ledger.wait_beyond(sent, min(beat_due_s - now_s, _IDLE_TICK_S))

    def _send(self, ready: "_Ready", piece_bytes: int) -> Iterator[pb.PullResponse]:
        yield pb.PullResponse(entry=ready.envelope())
        for ref in ready.blobs:
            for chunk in self._chunks(ready.page_id, ref, piece_bytes):
                yield pb.PullResponse(blob_chunk=chunk)

    def _chunks(self, page_id: str, ref: pb.BlobRef, piece_bytes: int) -> Iterator[pb.BlobChunk]:
        end, whole = 0, range(ref.size_bytes)
        try:
            face, role = PageId.parse(page_id), ROLE_OF[ref.role]
            for offset, piece in self._blobs.pieces(face, role, whole, piece_bytes):
                end = offset + len(piece)
                last = end == ref.size_bytes
                yield pb.BlobChunk(
                    page_id=page_id, role=ref.role, offset_bytes=offset, data=piece, last=last
                )
        except (SpoolCorrupt, InputError) as error:
            # Only this blob is lost to the caller: it ends short, and the stream goes on.
            self._controls.count(error.label)
            yield pb.BlobChunk(page_id=page_id, role=ref.role, offset_bytes=end, last=True)

    def _heartbeat(self, acknowledged: int) -> pb.PullResponse:
        return pb.PullResponse(
            heartbeat=pb.Heartbeat(
                last_sequence=self._ledger.last()[0],
                acknowledged_sequence=acknowledged,
                feeder=feeder_status(self._controls.status()),
            )
        )


@dataclass(frozen=True, slots=True)
class _Ready:
    """An entry as this consumer will get it."""

    entry: StoredEntry
    page_id: str
    redacted: bool
    blobs: tuple[pb.BlobRef, ...]

    @property
    def size_bytes(self) -> int:
        """What it takes of the window."""
        record = 0 if self.redacted else len(self.entry.record)
        return record + sum(blob.size_bytes for blob in self.blobs)

    def envelope(self) -> pb.Entry:
        """Return the entry in its envelope: the record, or only its hash."""
        entry = self.entry
        envelope = pb.Entry(
            sequence=entry.sequence,
            entry_hash=entry.entry_hash,
            prev_entry_hash=entry.prev_entry_hash,
        )
        if self.redacted:
            envelope.record_hash = entry.record_hash
        else:
            envelope.record = entry.record
        return envelope


def _ready(entry: StoredEntry, consumer: Consumer) -> _Ready:
    redacted = entry.secondary and not consumer.secondary_volume
    blobs = blobs_behind(pb.JournalEntry.FromString(entry.record))
    return _Ready(entry, str(entry.page_id or ""), redacted, () if redacted else blobs)


def _piece_bytes(asked: int) -> int:
    """Return the size of a piece: what was asked for within bounds, 0 for the default."""
    least, most = _PIECE_BOUNDS
    return min(most, max(least, asked or DEFAULT_PIECE))
