"""One connection of the puller: from Pull to the end of its stream.

receiver thread: stream -> Intake (order, chain, hashes) -> queue
calling thread:  queue -> group -> disk -> Acknowledge
"""

import json
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
from daemon.spool.journal import first_hash
from daemon.stream.court_store import CourtStore, Received
from daemon.stream.dial import LINK_BROKEN, Appliance, bad_acknowledgement, dial, status_of
from daemon.stream.intake import Intake

_GROUP_ENTRIES: Final = 32
_GROUP_S: Final = 0.1
_GROUP_BYTES: Final = 16 << 20
_CALL_S: Final = 30.0
_TICK_S: Final = 0.2
_NO_MANIFEST: Final = frozenset(
    {
        grpc.StatusCode.NOT_FOUND,
        grpc.StatusCode.UNIMPLEMENTED,
        grpc.StatusCode.PERMISSION_DENIED,
    }
)


@dataclass(slots=True)
class Pulled:
    """The account of one run."""

    entries: int = 0
    files: int = 0
    size_bytes: int = 0
    redacted: int = 0
    connections: int = 0
    open_batch: int = 0
    """The batch that was still open when the run ended, 0 when none."""
    damaged: list[str] = field(default_factory=list)
    """Blobs the appliance could not give: `<page id>-<role>`."""
    manifests: list[str] = field(default_factory=list)
    without_manifest: list[str] = field(default_factory=list)
    """Cases whose manifest the appliance did not give."""


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
    """

    def __init__(
        self, appliance: Appliance, store: CourtStore, instance: int, pulled: Pulled
    ) -> None:
        self._appliance = appliance
        self._store = store
        self._instance = instance
        self._pulled = pulled
        self._channel = dial(appliance)
        self._pages = PageServiceStub(self._channel)
        self._dossier = DossierServiceStub(self._channel)
        self._items: queue.SimpleQueue[Received | pb.Heartbeat | _End] = queue.SimpleQueue()
        cursor = store.cursor
        self._call = self._pages.Pull(
            pb.PullRequest(
                consumer=appliance.consumer,
                instance=instance,
                epoch=cursor.epoch,
                after_sequence=cursor.sequence,
                max_unacked_entries=appliance.max_unacked_entries,
                max_unacked_bytes=appliance.max_unacked_bytes,
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
        self._open()
        while True:
            group = self._gather(stop)
            self._keep(group.entries)
            progress(self._pulled)
            if group.end is not None:
                if group.end.error is not None:
                    raise group.end.error
                return False
            if stop.is_set():
                self._fetch_manifests()
                return True
            if group.beat is not None and self._at_rest(group.beat):
                current = self._fetch_manifests()
                if current and not follow:
                    return True

    def close(self) -> None:
        """End the stream and wait for its thread."""
        self._call.cancel()  # type: ignore[no-untyped-call]
        if self._receiver is not None:
            self._receiver.join()
        self._channel.close()

    def _open(self) -> None:
        opened = next(iter(self._call)).opened
        self._store.adopt(opened.epoch, opened.appliance, first_hash(opened.epoch))
        self._pulled.connections += 1
        intake = Intake(self._store.cursor, self._store.incoming)
        self._receiver = threading.Thread(
            target=self._receive, args=(intake,), name="pull-receive", daemon=True
        )
        self._receiver.start()

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
            case "heartbeat":
                item = message.heartbeat
        if item is not None:
            self._items.put(item)

    def _gather(self, stop: threading.Event) -> _Group:
        """Collect a group: until it is full, 100 ms old, or another word comes."""
        group = _Group()
        size_bytes, due_s = 0, 0.0
        while not stop.is_set() and len(group.entries) < _GROUP_ENTRIES:
            wait_s = max(0.0, due_s - time.monotonic()) if group.entries else _TICK_S
            try:
                item = self._items.get(timeout=wait_s)
            except queue.Empty:
                if group.entries:
                    break
                continue
            if isinstance(item, _End):
                group.end = item
                break
            if isinstance(item, pb.Heartbeat):
                group.beat = item
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
        self._count(group)
        cursor = self._store.cursor
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

    def _count(self, group: list[Received]) -> None:
        pulled = self._pulled
        for entry in group:
            pulled.entries += 1
            pulled.redacted += entry.record is None
            for part in entry.parts:
                if part.part is None:
                    pulled.damaged.append(f"{part.page_id}-{part.role}")
                else:
                    pulled.files += 1
                    pulled.size_bytes += part.size_bytes

    def _at_rest(self, beat: pb.Heartbeat) -> bool:
        """Tell whether everything is here and no batch runs; a blocked one waits for a person."""
        self._pulled.open_batch = beat.feeder.batch
        here = beat.last_sequence <= self._store.cursor.sequence
        return here and (not beat.feeder.batch or bool(beat.feeder.cause))

    def _fetch_manifests(self) -> bool:
        """Fetch the manifests that are due; False when one speaks of more than is here yet."""
        sequence = self._store.cursor.sequence
        current = True
        for case_key in self._store.cases_without_manifest():
            try:
                answer = self._dossier.GetManifest(
                    pb.GetManifestRequest(case_number=case_key), timeout=_CALL_S
                )
            except grpc.RpcError as error:
                if status_of(error) not in _NO_MANIFEST:
                    raise
                self._pulled.without_manifest.append(case_key)
                continue
            if _spoken_of(answer.manifest_json) > sequence:
                current = False  # written a moment later than the last entry we hold
                continue
            self._store.keep_manifest(case_key, answer.manifest_json, sequence)
            self._pulled.manifests.append(case_key)
        return current


def _spoken_of(manifest: bytes) -> int:
    """Return up to which entry a manifest speaks; raises ContractError when it does not say."""
    try:
        return int(json.loads(manifest)["head"]["journal"]["sequence"])
    except (ValueError, KeyError, TypeError) as error:
        raise ContractError("the appliance sent something that is no manifest") from error
