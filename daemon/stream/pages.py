"""PageService: Pull, Acknowledge and ReadBlob, each for a consumer that is known."""

from collections.abc import Iterator

import grpc

from daemon.errors import EpochChanged
from daemon.page import PageId, Role
from daemon.rpc import pages_pb2 as pb
from daemon.rpc.pages_pb2_grpc import PageServiceServicer
from daemon.spool.ledger import Ledger
from daemon.stream.access import Access
from daemon.stream.blob_source import BlobSource
from daemon.stream.codec import ROLE_OF
from daemon.stream.pull import DEFAULT_PIECE, Pull
from daemon.stream.refusals import Refused
from daemon.stream.secondary import is_secondary
from daemon.stream.streams import Streams


class PageService(PageServiceServicer):
    """Pages, in the order of the paper."""

    def __init__(
        self, ledger: Ledger, access: Access, pull: Pull, blobs: BlobSource, streams: Streams
    ) -> None:
        self._ledger = ledger
        self._access = access
        self._pull = pull
        self._blobs = blobs
        self._streams = streams

    def Pull(  # noqa: N802 (named by the contract)
        self, request: pb.PullRequest, context: grpc.ServicerContext
    ) -> Iterator[pb.PullResponse]:
        """Stream the journal after a cursor."""
        consumer = self._access.consumer(context, request.consumer)
        return self._pull.serve(request, consumer, context)

    def Acknowledge(  # noqa: N802
        self, request: pb.AcknowledgeRequest, context: grpc.ServicerContext
    ) -> pb.AcknowledgeResponse:
        """Move a consumer's cursor and give its stream credit."""
        consumer = self._access.consumer(context, request.consumer)
        if request.epoch != self._ledger.epoch:
            raise EpochChanged(
                "the acknowledgement is for another journal",
                got=request.epoch,
                journal=self._ledger.epoch,
            )
        last = self._ledger.last()[0]
        if request.sequence > last:
            raise Refused(
                grpc.StatusCode.OUT_OF_RANGE,
                "the acknowledgement is ahead of the journal",
                got=request.sequence,
                last=last,
            )
        self._ledger.acknowledge(
            consumer.name, request.sequence, request.entry_hash, request.instance
        )
        self._streams.acknowledged(consumer.name, request.sequence)
        return pb.AcknowledgeResponse(acknowledged_sequence=self._pull.cursor(consumer))

    def ReadBlob(  # noqa: N802
        self, request: pb.ReadBlobRequest, context: grpc.ServicerContext
    ) -> Iterator[pb.ReadBlobResponse]:
        """Read one blob from an offset; with nothing left to read, its size and hash."""
        consumer = self._access.consumer(context, request.consumer)
        page_id, role = _named(request)
        if not consumer.secondary_volume and is_secondary(self._ledger, page_id):
            raise Refused(
                grpc.StatusCode.PERMISSION_DENIED,
                "this consumer may not read the secondary volume",
                page_id=page_id,
            )
        ref = self._ledger.blob(page_id, role)
        if request.offset_bytes > ref.size_bytes:
            raise Refused(
                grpc.StatusCode.OUT_OF_RANGE, "the blob ends before", size_bytes=ref.size_bytes
            )
        span = range(request.offset_bytes, ref.size_bytes)
        for offset, piece in self._blobs.pieces(page_id, role, span, DEFAULT_PIECE):
            yield pb.ReadBlobResponse(
                offset_bytes=offset, data=piece, sha256=ref.sha256, size_bytes=ref.size_bytes
            )


def _named(request: pb.ReadBlobRequest) -> tuple[PageId, Role]:
    try:
        return PageId.parse(request.page_id), ROLE_OF[request.role]
    except (ValueError, KeyError) as error:
        raise Refused(
            grpc.StatusCode.INVALID_ARGUMENT, "the request names no blob: page id and role"
        ) from error
