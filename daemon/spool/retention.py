"""What may go, and when.

Rule 1: nothing goes before every required consumer has acknowledged it, and with no required
consumer nothing goes at all.
Rule 2: then a raw raster goes at once, everything else after the hold; evidence of a blank stays.
Rule 3: a page about which a person has to decide keeps all its bytes.
Rule 4: under pressure for space raw rasters go first, also unacknowledged ones, and the journal
says so: pages do not rest on them.
"""

from typing import Final

import apsw

from daemon.page import PageId, Role
from daemon.spool.ledger import Ledger
from daemon.spool.rows import Doomed

# A sweep is one transaction: small enough that pages do not wait behind it.
SWEPT_AT_ONCE: Final = 500
_DUE: Final = """
    SELECT b.page_id, b.role, b.size_bytes
    FROM blob b JOIN face f ON f.page_id = b.page_id
    WHERE b.deleted_at IS NULL AND b.role <> 'evidence' AND f.undecided = 0
      AND f.sent_behind <= (SELECT min(acknowledged) FROM consumer WHERE required = 1)
      AND (b.role = 'raw' OR (SELECT r.at FROM released r WHERE r.sequence >= f.sent_behind
                              ORDER BY r.sequence LIMIT 1) <= :over)
    ORDER BY f.sequence, b.role LIMIT :most
"""
_RAW: Final = """
    SELECT b.page_id, b.role, b.size_bytes
    FROM blob b JOIN face f ON f.page_id = b.page_id
    WHERE b.deleted_at IS NULL AND b.role = 'raw' AND f.undecided = 0
    ORDER BY f.sequence LIMIT :most
"""


class Retention:
    """Deletes what may go.

    Parameters
    ----------
    ledger
        The ledger, started.
    hold_s
        How long bytes stay after the last required acknowledgement.
    """

    def __init__(self, ledger: Ledger, hold_s: float) -> None:
        self._ledger = ledger
        self._hold_s = hold_s

    def deletable(self, now: float) -> list[Doomed]:
        """Return what may go now, oldest first, as much as one sweep takes."""
        with self._ledger.reading() as connection:
            return self._due(connection, now)

    def sweep(self, now: float) -> int:
        """Delete what may go now; returns the bytes freed."""
        freed = 0
        while True:
            gone = self._ledger.discard(lambda connection: self._due(connection, now))
            freed += sum(doomed.size_bytes for doomed in gone)
            if len(gone) < SWEPT_AT_ONCE:
                return freed

    def relieve(self, wanted_bytes: int) -> int:
        """Drop the oldest raw rasters, acknowledged or not, until enough is freed.

        Each is named in the journal by an amendment `raw_dropped`. Returns the bytes freed, which
        are fewer than wanted when there are no more.
        """

        def choose(connection: apsw.Connection) -> list[Doomed]:
            chosen: list[Doomed] = []
            for doomed in _rows(connection, _RAW, {"most": SWEPT_AT_ONCE}):
                if sum(one.size_bytes for one in chosen) >= wanted_bytes:
                    break
                chosen.append(doomed)
            return chosen

        return sum(d.size_bytes for d in self._ledger.discard(choose, raw_dropped="disk_full"))

    def _due(self, connection: apsw.Connection, now: float) -> list[Doomed]:
        return _rows(connection, _DUE, {"over": now - self._hold_s, "most": SWEPT_AT_ONCE})


def _rows(connection: apsw.Connection, sql: str, values: dict[str, float | int]) -> list[Doomed]:
    return [
        Doomed(PageId.parse(page_id), Role(role), size_bytes)
        for page_id, role, size_bytes in connection.execute(sql, values)
    ]
