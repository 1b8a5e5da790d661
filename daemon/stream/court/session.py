"""One connection of the puller: from Pull to the end of its stream.

receiver thread: stream -> Intake (order, chain, hashes) -> queue
calling thread:  queue -> group -> disk -> Acknowledge
"""

import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import grpc

from daemon.errors import ContractError, SuianError
from daemon.rpc import pages_pb2 as pb
from daemon.rpc.pages_pb2_grpc import DossierServiceStub, PageServiceStub
from daemon.spool.chain import Chain
from daemon.stream.court.dial import LINK_BROKEN, Appliance, bad_acknowledgement, dial, status_of
from daemon.stream.court.intake import Intake
from daemon.stream.court.manifests import ManifestFetcher
from daemon.stream.court.pdf import Pdfs
from daemon.stream.court.pulled import Pulled
from daemon.stream.court.received import Received
from daemon.stream.court.store import CourtStore

__all__ = ["Pulled", "Session"]

_GROUP_ENTRIES: Final = 32
_GROUP_S: Final = 0.1
_GROUP_BYTES: Final = 16 << 20
_CALL_S: Final = 30.0
_NEVER: Final = -1


@dataclass(frozen=True, slots=True)
class _End:
    """The stream ended; why, or None when the appliance closed it in peace."""

    error: SuianError | grpc.RpcError | None


@dataclass(slots=True)
class _Group:
    """What is stored and acknowledged together, and the word that came behind it."""

    entries: list[Received] = field(default_factory=list)
    beat: pb.Heartbeat | None = None
    end: _End | None = None


class Session:
    """One connection.

    Parameters
    ----------
    appliance, store
        Where from, where to.
    instance
        Start time of this run in ns.
    pulled
        The account that is kept.
    pdfs
        Made anew when a manifest has changed; None: nobody wants any.
    """

    def __init__(
        self,
        appliance: Appliance,
        store: CourtStore,
        instance: int,
        pulled: Pulled,
        pdfs: Pdfs | None = None,
    ) -> None:
        self._appliance = appliance
        self._store = store
        self._instance = instance
        self._pulled = pulled
        self._channel = dial(appliance)
        self._pages = PageServiceStub(self._channel)
        dossier = DossierServiceStub(self._channel)
        self._manifests = ManifestFetcher(dossier, store, pulled, pdfs)
        self._items: queue.SimpleQueue[Received | pb.Heartbeat | _End | None] = queue.SimpleQueue()
        self._cursor = cursor = store.cursor
        self._current_at = _NEVER
        self._beat: pb.Heartbeat | None = None
        self._rests = False
        self._call = self._pages.Pull(
            pb.PullRequest(
                consumer=appliance.consumer,
                instance=instance,
                epoch=cursor.epoch,
                after_sequence=cursor.sequence,
                max_unacked_entries=appliance.max_unacked_entries,
                max_unacked_bytes=appliance.max_unacked_bytes,
                accept_released=appliance.accept_released,
            )
        )
        self._receiver: threading.Thread | None = None

    @property
    def answered(self) -> bool:
        """True once the appliance has opened the stream."""
        return self._receiver is not None

    def run(
        self, stop: threading.Event, progress: Callable[[Pulled], None], *, follow: bool
    ) -> bool:
        """Store and acknowledge. True: the work is done; False: the appliance closed the stream.

        Raises
        ------
        grpc.RpcError
            If the connection or a call failed.
        ContractError, SpoolFailed
            As `Puller.run`.
        """
        if not self._open():
            return False
        while True:
            group = self._gather(stop)
            self._keep(group.entries)
            progress(self._pulled)
            if group.end is not None:
                if group.end.error is not None:
                    raise group.end.error
                return False
            if stop.is_set():
                self._manifests.fetch()
                return True
            if group.beat is not None:
                self._rests = self._at_rest(group.beat) and self._is_current()
                if self._rests and not follow:
                    return True

    def wake(self) -> None:
        """Let `run` look at `stop` at once, also while it waits for an answer; from any thread."""
        self._items.put(None)
        if not self.answered:
            self._call.cancel()  # type: ignore[no-untyped-call]

    def close(self) -> None:
        """End the stream and wait for its thread."""
        self._call.cancel()  # type: ignore[no-untyped-call]
        if self._receiver is not None:
            self._receiver.join()
        self._channel.close()

    def _open(self) -> bool:
        """Read the first message and start the receiver; False: the appliance closed at once."""
        first = next(iter(self._call), None)
        if first is None:
            return False
        opened = first.opened
        if not opened.epoch:
            raise ContractError("the appliance did not open the stream")
        chain = Chain(opened.chain_algorithm or "sha256")
        self._store.adopt(opened.epoch, opened.appliance, chain)
        self._pulled.connections += 1
        self._cursor = self._store.cursor
        if opened.acknowledged_sequence < self._cursor.sequence:
            self._acknowledge()  # an earlier run was cut off in between, or a bundle was imported
        intake = Intake(
            self._cursor,
            self._store.incoming,
            released_sequence=opened.released_sequence,
        )
        self._receiver = threading.Thread(
            target=self._receive, args=(intake,), name="pull-receive", daemon=True
        )
        self._receiver.start()
        return True

    def _receive(self, intake: Intake) -> None:
        """Read the stream to its end; every way out becomes an item for the storing thread."""
        end = _End(ContractError("the receiving thread has failed"))
        try:
            for message in self._call:
                self._take(message, intake)
            end = _End(None)
        except (SuianError, grpc.RpcError) as error:
            end = _End(error)
        finally:
            intake.close()
            self._items.put(end)

    def _take(self, message: pb.PullResponse, intake: Intake) -> None:
        item: Received | pb.Heartbeat | None = None
        match message.WhichOneof("event"):
            case "entry":
                item = intake.entry(message.entry)
            case "blob_chunk":
                item = intake.chunk(message.blob_chunk)
            case "heartbeat" if message.heartbeat != self._beat or not self._rests:
                item = self._beat = message.heartbeat
        if item is not None:
            self._items.put(item)

    def _gather(self, stop: threading.Event) -> _Group:
        """Collect a group: until it is full, 100 ms old, or another word comes."""
        group = _Group()
        size_bytes, due_s = 0, 0.0
        while not stop.is_set() and len(group.entries) < _GROUP_ENTRIES:
            # An idle court waits here; it costs nothing until something comes, or `wake`.
            wait_s = max(0.0, due_s - time.monotonic()) if group.entries else None
            try:
                item = self._items.get(timeout=wait_s)
            except queue.Empty:
                break
            if isinstance(item, _End):
                group.end = item
                break
            if isinstance(item, pb.Heartbeat):
                group.beat = item
                break
            if item is None:
                break
            due_s = due_s or time.monotonic() + _GROUP_S
            group.entries.append(item)
            size_bytes += item.size_bytes
            if size_bytes >= _GROUP_BYTES:
                break
        return group

    def _keep(self, group: list[Received]) -> None:
        if not group:
            return
        self._store.commit(group)
        self._pulled.count(group)
        self._cursor = self._store.cursor
        self._acknowledge()

    def _acknowledge(self) -> None:
        """Tell the appliance how far everything is durable here."""
        cursor = self._cursor
        try:
            self._pages.Acknowledge(
                pb.AcknowledgeRequest(
                    consumer=self._appliance.consumer,
                    instance=self._instance,
                    epoch=cursor.epoch,
                    sequence=cursor.sequence,
                    entry_hash=cursor.entry_hash,
                ),
                timeout=_CALL_S,
            )
        except grpc.RpcError as error:
            if status_of(error) in LINK_BROKEN:
                raise
            raise bad_acknowledgement(error, self._appliance.target) from error

    def _at_rest(self, beat: pb.Heartbeat) -> bool:
        """Tell whether everything is here and no batch runs; a blocked one waits for a person."""
        self._pulled.open_batch = beat.feeder.batch
        here = beat.last_sequence <= self._cursor.sequence
        return here and (not beat.feeder.batch or bool(beat.feeder.cause))

    def _is_current(self) -> bool:
        """Fetch manifests if anything came since the last time; False: wait for one of them."""
        if self._current_at != self._cursor.sequence and self._manifests.fetch():
            self._current_at = self._cursor.sequence
        return self._current_at == self._cursor.sequence
