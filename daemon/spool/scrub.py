"""The scrub: old page files are read again, slowly, before somebody needs them.

Rule 1: it goes through all files by name and begins anew; what is damaged goes through `damage.py`.
Rule 2: one file a turn: it never holds a lock while it reads, and gives way to everything.
"""

from collections.abc import Callable
from typing import Final

from daemon.errors import InputError, SpoolCorrupt
from daemon.page import BlobRef, PageId
from daemon.spool.damage import Damage
from daemon.spool.ledger import Ledger
from daemon.spool.query import row
from daemon.spool.rows import ref_of

_NEXT: Final = """
    SELECT page_id, role, media_type, sha256, size_bytes FROM blob
    WHERE deleted_at IS NULL AND (page_id, role) > (?, ?)
    ORDER BY page_id, role LIMIT 1
"""


class Scrub:
    """Reads page files again, one a turn.

    Parameters
    ----------
    ledger, damage
        The ledger, started, and who is told.
    read
        Called with the bytes of each file that was read, and whether it was whole.
    """

    def __init__(self, ledger: Ledger, damage: Damage, read: Callable[[int, bool], None]) -> None:
        self._ledger = ledger
        self._damage = damage
        self._read = read
        self._last = ("", "")

    def turn(self) -> bool:
        """Read the next file; False when all were read, and the next turn begins anew."""
        found = self._next()
        if found is None:
            self._last = ("", "")
            return False
        page_id, ref = found
        self._last = (str(page_id), ref.role.value)
        try:
            self._ledger.check_blob(page_id, ref.role)
        except SpoolCorrupt as error:
            self._damage.found(page_id, ref.role, error)
            self._read(ref.size_bytes, False)
        except InputError:
            pass  # let go since
        else:
            self._read(ref.size_bytes, True)
        return True

    def _next(self) -> tuple[PageId, BlobRef] | None:
        with self._ledger.reading() as connection:
            found = row(connection, _NEXT, *self._last)
        if found is None:
            return None
        return PageId.parse(found[0]), ref_of(found[1:])
