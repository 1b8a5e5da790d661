"""Stored bytes that are no longer what their record says: told to the journal, once.

Rule 1: a page whose bytes are damaged is quarantined: a person decides, and nothing more goes.
Rule 2: a damaged raw raster takes nothing with it: it is dropped, and the journal says why.
"""

import logging
from collections.abc import Callable

import apsw

from daemon.errors import SpoolCorrupt
from daemon.page import PageId, Role
from daemon.spool.journal import APPLIANCE
from daemon.spool.ledger import Ledger
from daemon.spool.query import row
from daemon.spool.rows import Doomed
from daemon.spool.standing import Change

_log = logging.getLogger(__name__)


class Damage:
    """Writes down what was found damaged.

    Parameters
    ----------
    ledger
        The ledger, started.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def found(self, page_id: PageId, role: Role, error: SpoolCorrupt) -> None:
        """Quarantine a page, or drop its raw raster; however often it is met, it is said once."""
        if role is Role.RAW:
            _log.warning("the raw raster of %s is damaged and was dropped", page_id)
            self._ledger.discard(_raw_of(page_id), raw_dropped=error.label)
            return
        _log.warning("a stored blob of %s is damaged; its page is quarantined", page_id)
        self._ledger.amend(
            page_id,
            Change.QUARANTINE,
            {"role": role.value},
            actor=APPLIANCE,
            request_id=f"damaged-{page_id}-{role.value}",
            reason=error.label,
        )


def _raw_of(page_id: PageId) -> Callable[[apsw.Connection], list[Doomed]]:
    def choose(connection: apsw.Connection) -> list[Doomed]:
        found = row(
            connection,
            "SELECT size_bytes FROM blob WHERE page_id = ? AND role = 'raw' AND deleted_at IS NULL",
            str(page_id),
        )
        return [] if found is None else [Doomed(page_id, Role.RAW, found[0])]

    return choose
