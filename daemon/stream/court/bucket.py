"""A court that keeps its pages in an object store: pages, manifests, and the journal itself.

    <case key>/<volume>/<page id>.<ext>      journal/<epoch>/<first:012>-<last:012>

Rule 1: pages first, then the group of entries as one object, then what was moved goes from its old
name, and only then the local database is written and the group acknowledged.
Rule 2: so the bucket alone is enough: whatever the local database lacks is read back from the
journal objects, and their chain is checked on the way.
"""

import mimetypes
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import replace
from typing import Final

from daemon.errors import ChainBroken, ConfigError, EpochChanged
from daemon.stream.court import journal
from daemon.stream.court.folder import JOURNAL
from daemon.stream.court.object_store import ObjectStore
from daemon.stream.court.received import Cursor, Received
from daemon.stream.court.sink import MOST_ENTRIES, Arrival, Step, Transfer

_PLAIN: Final = "application/octet-stream"


class BucketSink:
    """A prefix of a bucket.

    Parameters
    ----------
    store
        Nobody else writes under its prefix.
    workers
        Store objects, several at once.
    """

    def __init__(self, store: ObjectStore, workers: Executor) -> None:
        self._store = store
        self._workers = workers

    @property
    def where(self) -> str:
        """Return the URL of the prefix."""
        return str(self._store.location)

    def keep(self, step: Step) -> None:
        """Store new pages, copy moved ones, store the entries, and remove the old names."""
        list(self._workers.map(self._store_page, step.arrivals))
        list(self._workers.map(self._copy, step.transfers))
        if step.entries:
            first, last = step.entries[0].sequence, step.entries[-1].sequence
            self._store.put(
                journal.name_of(step.before.epoch, first, last),
                journal.written(step.before, step.entries),
                _PLAIN,
            )
        list(self._workers.map(lambda one: self._store.remove(one.old), step.transfers))

    def write(self, name: str, data: bytes) -> None:
        """Store a small object, in place of what was there."""
        self._store.put(name, data, _media_type(name))

    def read(self, name: str) -> bytes | None:
        """Return the bytes under a name; None when there are none."""
        return self._store.get(name)

    def remove(self, name: str) -> None:
        """Remove an object, if it is there."""
        self._store.remove(name)

    def behind(self, cursor: Cursor) -> Iterator[tuple[Cursor, Sequence[Received]]]:
        """Yield the entries that lie here and not behind the cursor, each group with its start.

        Raises
        ------
        ConfigError
            If the cursor is further than the bucket, or the bucket holds two journals.
        EpochChanged
            If the bucket holds another journal.
        ChainBroken
            If an object is missing, cut off, or does not continue the chain.
        """
        epoch = self._epoch(cursor)
        folder = f"{JOURNAL}/{epoch}/"
        before = max(0, cursor.sequence - MOST_ENTRIES)
        names = self._store.names(folder, f"{folder}{before:012}") if epoch else ()
        ranges = {name: journal.range_of(name) for name in names}
        if cursor.sequence > max((last for _, last in ranges.values()), default=0):
            raise ConfigError(
                "the bucket holds less than its local folder knows of: it was put back to an older"
                " time. Pull with an empty folder (-o) to go on from what the bucket holds",
                bucket=self._store.location,
                local=cursor.sequence,
            )
        for name, (_, last) in ranges.items():
            if last > cursor.sequence:
                start, entries = self._group(name, cursor)
                yield start, entries
                cursor = replace(start, sequence=last, entry_hash=entries[-1].entry_hash)

    def _group(self, name: str, after: Cursor) -> tuple[Cursor, Sequence[Received]]:
        """Read one object behind a cursor."""
        data = self._store.get(name) or b""
        head = journal.head(data)
        first_hash = after.entry_hash if after.sequence else head.chain.first(head.epoch)
        start = replace(head, sequence=after.sequence, entry_hash=first_hash)
        entries = journal.read(data, start)
        if not entries or entries[-1].sequence != journal.range_of(name)[1]:
            raise ChainBroken("an object of the journal is cut off", object=name)
        return start, entries

    def _epoch(self, cursor: Cursor) -> str:
        """Return the one epoch that lies here, "" when there is none."""
        folders = self._store.names(f"{JOURNAL}/")
        epochs = [name.split("/")[1] for name in folders if name.endswith("/")]
        if len(epochs) > 1:
            raise ConfigError(
                "this prefix of the bucket holds two journals: one appliance and one epoch have a"
                " prefix of their own",
                bucket=self._store.location,
                epochs=", ".join(epochs),
            )
        if epochs and cursor.epoch not in {"", epochs[0]}:
            raise EpochChanged(
                "the bucket holds another journal than its local folder: one of the two belongs"
                " elsewhere",
                bucket=epochs[0],
                local=cursor.epoch,
            )
        return epochs[0] if epochs else ""

    def _store_page(self, arrival: Arrival) -> None:
        self._store.put_file(arrival.name, arrival.part, _media_type(arrival.name))

    def _copy(self, transfer: Transfer) -> None:
        data = self._store.get(transfer.old)
        if data is not None:
            self._store.put(transfer.new, data, _media_type(transfer.new))


def _media_type(name: str) -> str:
    return mimetypes.guess_type(name)[0] or _PLAIN
