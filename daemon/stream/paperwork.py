"""DossierService: batches with the account of every face, and the manifest of a case."""

import time
from typing import Final, NoReturn

import grpc

from daemon.config import Consumer
from daemon.errors import InputError
from daemon.rpc import pages_pb2 as pb
from daemon.rpc.pages_pb2_grpc import DossierServiceServicer
from daemon.spool.journal import SECONDARY_VOLUME
from daemon.spool.ledger import Ledger
from daemon.spool.rows import BatchAccount, FaceRow
from daemon.stream.access import Access
from daemon.stream.amend import Amendments, decision_of
from daemon.stream.appliance import Controls
from daemon.stream.codec import FATES, fate_counts, timestamp
from daemon.stream.refusals import Refused

_MAX_BATCH: Final = 999_999


class DossierService(DossierServiceServicer):
    """What the court knows of a case and what it wants corrected.

    Parameters
    ----------
    ledger, access, controls
        The accounts, who may ask, and what else is asked here.
    """

    def __init__(self, ledger: Ledger, access: Access, controls: Controls) -> None:
        self._ledger = ledger
        self._access = access
        self._controls = controls
        self._amendments = Amendments(ledger, time.time)

    def GetBatch(  # noqa: N802 (named by the contract)
        self, request: pb.GetBatchRequest, context: grpc.ServicerContext
    ) -> pb.GetBatchResponse:
        """Return a batch with the account of every face."""
        self._access.anyone(context)
        batch = self._account(request.batch)
        closed = None if batch.closed_at is None else timestamp(batch.closed_at)
        return pb.GetBatchResponse(
            batch=batch.number,
            virtual=batch.virtual,
            electronic=batch.electronic,
            opened_at=timestamp(batch.opened_at),
            closed_at=closed,
            sheets=batch.sheets,
            counts=fate_counts(batch.counts),
            faces=[_face(face) for face in batch.faces],
        )

    def _account(self, number: int) -> BatchAccount:
        if number > _MAX_BATCH:
            raise InputError("there is no such batch", batch=number)
        return self._ledger.batch_account(number)

    def GetManifest(  # noqa: N802
        self, request: pb.GetManifestRequest, context: grpc.ServicerContext
    ) -> pb.GetManifestResponse:
        """Return the manifest of a case, as the bytes that are signed."""
        consumer = self._access.anyone(context)
        if consumer is not None and not consumer.secondary_volume:
            self._refuse_secondary(consumer, request.case_number)
        return pb.GetManifestResponse(manifest_json=self._controls.manifest(request.case_number))

    def _refuse_secondary(self, consumer: Consumer, case_key: str) -> None:
        """Keep a manifest that names the secondary volume; who has no right must give the key."""
        rows = self._ledger.case_rows(case_key)
        if not rows:
            raise InputError("there is no such case; ask by its key", case=case_key)
        if any(row.position.volume == SECONDARY_VOLUME for row in rows):
            raise Refused(
                grpc.StatusCode.PERMISSION_DENIED,
                "the manifest names the secondary volume, which this consumer may not read",
                consumer=consumer.name,
            )

    def PutCaseFacts(  # noqa: N802
        self, request: pb.PutCaseFactsRequest, context: grpc.ServicerContext
    ) -> pb.PutCaseFactsResponse:
        """Refuse: not served yet."""
        self._not_served("PutCaseFacts", context)

    def Amend(  # noqa: N802
        self, request: pb.AmendRequest, context: grpc.ServicerContext
    ) -> pb.AmendResponse:
        """Record a later fact about a page, as an entry of the journal."""
        consumer = self._access.decider(context)
        return pb.AmendResponse(sequence=self._amendments.write(request, consumer))

    def CloseBatch(  # noqa: N802
        self, request: pb.CloseBatchRequest, context: grpc.ServicerContext
    ) -> pb.CloseBatchResponse:
        """Close a batch that nobody will finish; its open faces are lost by name."""
        decision = decision_of(request, self._access.decider(context))
        self._account(request.batch)
        return pb.CloseBatchResponse(sequence=self._controls.close_batch(request.batch, decision))

    def CreateSeparatorSheets(  # noqa: N802
        self, request: pb.CreateSeparatorSheetsRequest, context: grpc.ServicerContext
    ) -> pb.CreateSeparatorSheetsResponse:
        """Refuse: not served yet; `suian separators print` makes them."""
        self._not_served("CreateSeparatorSheets", context)

    def PutCalendar(  # noqa: N802
        self, request: pb.PutCalendarRequest, context: grpc.ServicerContext
    ) -> pb.PutCalendarResponse:
        """Refuse: not served yet."""
        self._not_served("PutCalendar", context)

    def _not_served(self, name: str, context: grpc.ServicerContext) -> NoReturn:
        self._access.anyone(context)
        raise Refused(
            grpc.StatusCode.UNIMPLEMENTED,
            f"{name} is in the contract but not served by this version",
        )


def _face(face: FaceRow) -> pb.FaceRow:
    return pb.FaceRow(
        page_id=str(face.page_id),
        fate=pb.FATE_UNSPECIFIED if face.fate is None else FATES[face.fate],
        sequence=face.sequence,
        reason=face.reason,
        standing=str(face.standing or ""),
        undecided=face.undecided,
    )
