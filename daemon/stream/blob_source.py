"""The bytes of a blob in pieces, checked before the first one leaves.

Rule 1: nothing is sent of a blob that is not what its record says. Its page is quarantined by an
amendment, once, and whoever asked is told (SpoolCorrupt).
"""

import logging
from collections.abc import Iterator

from daemon.errors import SpoolCorrupt
from daemon.page import PageId, Role
from daemon.spool.ledger import Ledger

_log = logging.getLogger(__name__)
_ACTOR = "appliance"


class BlobSource:
    """Reads blobs for the stream.

    Parameters
    ----------
    ledger
        Where they lie.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def pieces(
        self, page_id: PageId, role: Role, span: range, piece_bytes: int
    ) -> Iterator[tuple[int, bytes]]:
        """Yield (offset, bytes) of a blob over `span`; one empty piece when the span is empty.

        Raises
        ------
        SpoolCorrupt
            If the stored bytes are not those recorded; the page has been quarantined.
        InputError
            If the blob is not kept (any more).
        """
        for offset in range(span.start, span.stop, piece_bytes) or (span.start,):
            size = min(piece_bytes, span.stop - offset)
            yield offset, self._read(page_id, role, offset, size)

    def _read(self, page_id: PageId, role: Role, offset: int, size: int) -> bytes:
        try:
            return self._ledger.read_blob(page_id, role, offset, size)
        except SpoolCorrupt as error:
            self._quarantine(page_id, role, error)
            raise

    def _quarantine(self, page_id: PageId, role: Role, error: SpoolCorrupt) -> None:
        _log.warning("a stored blob of %s is damaged; its page is quarantined", page_id)
        self._ledger.amend(
            page_id,
            "quarantine",
            {"role": role.value},
            actor=_ACTOR,
            request_id=f"damaged-{page_id}-{role.value}",  # once, however often it is met
            reason=error.label,
        )
