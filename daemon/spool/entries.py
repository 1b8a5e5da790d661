"""The journal's writing end: serialized entries, numbered without gaps and chained."""

import apsw

from daemon.page import PageId
from daemon.spool.chain import Chain
from daemon.spool.journal import Encoder, EntryKind, JournalEntry
from daemon.spool.query import row


class Entries:
    """Appends to the journal; runs in the committing thread, in its transaction.

    Parameters
    ----------
    connection
        The writing connection.
    epoch
        Text of the epoch.
    chain
        Its hash chain.
    encode
        Serializes an entry.
    """

    def __init__(
        self, connection: apsw.Connection, epoch: str, chain: Chain, encode: Encoder
    ) -> None:
        self._connection = connection
        self._epoch = epoch
        self._chain = chain
        self._encode = encode

    def last(self) -> tuple[int, bytes]:
        """Return the newest sequence and its hash; (0, first hash) for an empty journal."""
        found = row(
            self._connection,
            "SELECT sequence, entry_hash FROM entry ORDER BY sequence DESC LIMIT 1",
        )
        return (0, self._chain.first(self._epoch)) if found is None else (found[0], found[1])

    def write(
        self, kind: EntryKind, page_id: PageId | None, entry: JournalEntry, *, secondary: bool
    ) -> int:
        """Serialize an entry and append it; returns its sequence."""
        return self.append(kind, page_id, self._encode(entry), secondary=secondary)

    def append(
        self, kind: EntryKind, page_id: PageId | None, record: bytes, *, secondary: bool
    ) -> int:
        """Append a serialized entry; returns its sequence."""
        last, prev = self.last()
        record_hash = self._chain.digest(record)
        self._connection.execute(
            "INSERT INTO entry VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                last + 1,
                kind.value,
                None if page_id is None else str(page_id),
                record,
                record_hash,
                self._chain.next(prev, record_hash),
                prev,
                secondary,
            ),
        )
        return last + 1
