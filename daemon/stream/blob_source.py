"""The bytes of a blob in pieces, checked before the first one leaves.

Rule 1: nothing is sent of a blob that is not what its record says. Its page is quarantined by an
amendment, once, and whoever asked is told (SpoolCorrupt).
"""

from collections.abc import Iterator

from daemon.errors import SpoolCorrupt
from daemon.page import PageId, Role
from daemon.spool.damage import Damage
from daemon.spool.ledger import Ledger


class BlobSource:
    """Reads blobs for the stream.

    Parameters
    ----------
    ledger
        Where they lie.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._damage = Damage(ledger)

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
        offset = span.start
        try:
            for piece in self._ledger.pieces(page_id, role, span, piece_bytes):
                yield offset, piece
                offset += len(piece)
        except SpoolCorrupt as error:
            self._damage.found(page_id, role, error)
            raise
        if not span:
            yield offset, b""
