"""Whether a page concerns the secondary volume (副卷), for whoever may not read that."""

from daemon.page import PageId
from daemon.spool.journal import SECONDARY_VOLUME
from daemon.spool.ledger import Ledger


def is_secondary(ledger: Ledger, page_id: PageId) -> bool:
    """Tell whether a page stands in the secondary volume, or was recorded there.

    Raises
    ------
    InputError
        If there is no such face.
    """
    face = ledger.face(page_id)
    if face.position.volume == SECONDARY_VOLUME or not face.sequence:
        return True  # what is not recorded yet may still become secondary
    return ledger.entries_after(face.sequence - 1, 1)[0].secondary
