"""ApplianceService: state and cause, pause and resume. No case data passes here."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import grpc

from daemon import __version__
from daemon.rpc import pages_pb2 as pb
from daemon.rpc.pages_pb2_grpc import ApplianceServiceServicer
from daemon.spool.journal import Decision
from daemon.spool.ledger import Ledger
from daemon.stream.access import Access
from daemon.stream.codec import fate_counts, timestamp
from daemon.stream.refusals import Count


@dataclass(frozen=True, slots=True)
class StatusFacts:
    """What the rest of the daemon knows and the ledger does not. Read often: must be cheap."""

    state: str = ""
    cause: str = ""
    batch: int = 0
    refeed_from_sheet: int = 0
    spool_free_bytes: int = 0
    backend: str = ""
    scanner: str = ""
    paused: bool = False


def feeder_status(facts: StatusFacts) -> pb.FeederStatus:
    """Return the part of the status that every heartbeat carries."""
    return pb.FeederStatus(
        state=facts.state,
        cause=facts.cause,
        batch=facts.batch,
        refeed_from_sheet=facts.refeed_from_sheet,
    )


@dataclass(frozen=True, slots=True)
class Controls:
    """What the stream may ask of the rest of the daemon; given by the composition root.

    Attributes
    ----------
    status
        Facts of this moment.
    pause, resume
        Stop and start feeding between sheets.
    manifest
        The manifest of a case, by key or number as printed; raises InputError for an unknown case.
    count
        Counts a refusal or a damaged blob by the label of its error.
    close_batch
        Closes a batch that nobody will finish, by a person's decision; returns its sequence.
    """

    status: Callable[[], StatusFacts]
    pause: Callable[[], None]
    resume: Callable[[], None]
    manifest: Callable[[str], bytes]
    count: Count
    close_batch: Callable[[int, Decision], int]


class ApplianceService(ApplianceServiceServicer):
    """The appliance itself.

    Parameters
    ----------
    name
        Name of the appliance.
    ledger, access, controls
        Where the answers come from and who may ask.
    """

    def __init__(self, name: str, ledger: Ledger, access: Access, controls: Controls) -> None:
        self._name: Final = name
        self._ledger = ledger
        self._access = access
        self._controls = controls

    def GetStatus(  # noqa: N802 (named by the contract)
        self, request: pb.GetStatusRequest, context: grpc.ServicerContext
    ) -> pb.GetStatusResponse:
        """Return state and cause, backlog and counts."""
        self._access.anyone(context)
        facts = self._controls.status()
        return pb.GetStatusResponse(
            appliance=self._name,
            version=__version__,
            epoch=self._ledger.epoch,
            feeder=feeder_status(facts),
            last_sequence=self._ledger.last()[0],
            consumers=[
                pb.ConsumerStatus(
                    consumer=consumer.name,
                    required=consumer.required,
                    acknowledged_sequence=consumer.acknowledged,
                    last_seen_at=timestamp(consumer.last_seen_at),
                )
                for consumer in self._ledger.consumers()
            ],
            spool_free_bytes=facts.spool_free_bytes,
            counts=fate_counts(self._ledger.totals()),
            open_batches=[batch.number for batch in self._ledger.open_batches()],
            backend=facts.backend,
            scanner=facts.scanner,
            paused=facts.paused,
            undecided_faces=self._ledger.undecided(),
        )

    def Pause(  # noqa: N802
        self, request: pb.PauseRequest, context: grpc.ServicerContext
    ) -> pb.PauseResponse:
        """Stop feeding between sheets."""
        self._access.decider(context)
        self._controls.pause()
        return pb.PauseResponse()

    def Resume(  # noqa: N802
        self, request: pb.ResumeRequest, context: grpc.ServicerContext
    ) -> pb.ResumeResponse:
        """Feed again."""
        self._access.decider(context)
        self._controls.resume()
        return pb.ResumeResponse()
