"""The account of every face: what is written here survives a power cut.

    page bytes: tmp -> fsync -> rename  |  committing thread: fsync(dir) -> rows, entries -> COMMIT

Rule 1: a method that writes returns after its COMMIT; nothing is announced before.
Rule 2: on deletion the ledger commits first, then the file goes.
Rule 3: when a sync or a COMMIT failed the state is unknown: nothing is tried again, `on_failure` is
told, and the process must end. The next start finds out what was kept.
"""

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import apsw

from daemon.errors import (
    ConfigError,
    SpoolCorrupt,
    SpoolError,
    SpoolFailed,
    SpoolFull,
    SuianError,
)
from daemon.page import Batch, Blob, Page, PageId, Position, Role, SheetId
from daemon.spool.accounts import Accounts
from daemon.spool.blobs import BlobStore, file_name
from daemon.spool.book import Book, Posting
from daemon.spool.chain import Chain
from daemon.spool.claims import Claims
from daemon.spool.corrections import Corrections
from daemon.spool.cursors import Cursors
from daemon.spool.disk import BALLAST_BYTES, MOUNTS, Disk, Lock, refuse_unsafe
from daemon.spool.entries import Entries
from daemon.spool.journal import Amendment, Decision, Encoder, PageRecord, reference
from daemon.spool.opening import open_ledger, remove_strays
from daemon.spool.reader import PAGES
from daemon.spool.rows import Doomed
from daemon.spool.standing import Change
from daemon.spool.writer import Hooks, Writer

_T = TypeVar("_T")


def _nobody(_: SpoolFailed) -> None:
    """Tell nobody; the caller whose request failed gets the error anyway."""


@dataclass(frozen=True, slots=True)
class _Writing:
    """What there is only between `start` and `close`."""

    connection: apsw.Connection
    writer: Writer
    book: Book
    corrections: Corrections
    cursors: Cursors


class Ledger(Accounts):
    """The accounts, and the writing. One process at a time; safe from any thread after `start`.

    Parameters
    ----------
    directory
        The spool; made when absent.
    encode
        Serializes a journal entry; called once an entry, from several threads.
    allow_unsafe_disk
        Accept a disk that may forget what it has confirmed: for a demonstration only.
    chain
        The hash chain of a new journal; of an old one it must be the same.
    ballast_bytes
        Room kept for the ledger itself on a full disk.
    on_failure
        Told once, in any thread, when the ledger can no longer be used.
    clock
        Seconds since the Unix epoch.
    """

    def __init__(  # noqa: PLR0913 (each but two has its default)
        self,
        directory: Path,
        encode: Encoder,
        *,
        allow_unsafe_disk: bool = False,
        chain: Chain | None = None,
        ballast_bytes: int = BALLAST_BYTES,
        on_failure: Callable[[SpoolFailed], None] = _nobody,
        clock: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(directory)
        self._encode = encode
        self._allow_unsafe_disk = allow_unsafe_disk
        self._wanted_chain = chain or Chain()
        self._on_failure = on_failure
        self._clock = clock
        self._disk = Disk(directory, ballast_bytes)
        self._blobs = BlobStore(directory / PAGES)
        self._lock = Lock(directory / "lock")
        self._claims = Claims()
        self._announced = threading.Condition()
        self._last = (0, b"")
        self._state: _Writing | None = None

    # -- start and end ------------------------------------------------------------------------

    def start(self) -> None:
        """Open the spool, finish what a crash has left, and start the committing thread.

        Raises
        ------
        ConfigError
            If another process holds the spool, its disk is unsafe, or its ledger is gone.
        SpoolCorrupt, SpoolFailed
            If it is damaged or cannot be opened.
        """
        try:
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not self._allow_unsafe_disk:
                refuse_unsafe(self._directory, MOUNTS.read_text(encoding="utf-8"))
            self._lock.take()
        except OSError as error:
            raise ConfigError(
                f"the spool cannot be opened: {error.strerror}", spool=self._directory
            ) from error
        try:
            self._open()
        except BaseException:
            self._lock.let_go()
            raise

    def _open(self) -> None:
        self._disk.start()
        self._blobs.start()
        connection = open_ledger(self._directory, self._blobs, self._wanted_chain, self._clock)
        remove_strays(connection, self._blobs, self.epoch)
        entries = Entries(connection, self.epoch, self.chain, self._encode)
        corrections = Corrections(connection, entries, self._clock)
        self._last = entries.last()
        hooks = Hooks(self._prepare, lambda: self._announce(entries.last()), self._failed)
        self._state = _Writing(
            connection=connection,
            writer=Writer(connection, hooks),
            book=Book(connection, self.epoch, entries, corrections, self._clock),
            corrections=corrections,
            cursors=Cursors(connection, self.epoch, self.chain, self._clock),
        )
        self._state.writer.start()

    def close(self) -> None:
        """Commit what is asked for, copy the log into the database, let go of the spool."""
        state = self._state
        if state is not None:
            state.writer.close()
            self._state = None
            super().close()
            if state.writer.has_failed:  # leave everything as it is for the next start
                state.connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
            state.connection.close()
            with self._announced:
                self._announced.notify_all()
        self._blobs.close()
        self._lock.let_go()

    # -- what the writer tells ----------------------------------------------------------------

    def _prepare(self, names_files: bool) -> None:
        self._disk.make_way()
        if names_files:
            self._blobs.sync_directory()

    def _announce(self, last: tuple[int, bytes]) -> None:
        with self._announced:
            self._last = last
            self._announced.notify_all()

    def _failed(self, failure: SpoolFailed) -> None:
        with self._announced:
            self._announced.notify_all()
        self._on_failure(failure)

    @property
    def _writing(self) -> _Writing:
        if self._state is None:
            raise SpoolError("the ledger is closed")
        return self._state

    # -- batches and sheets -------------------------------------------------------------------

    def open_batch(self, *, virtual: bool, electronic: bool = False) -> Batch:
        """Open a batch: one emptying of the hopper, or one electronic file."""
        book = self._writing.book
        return self._do(lambda: book.open_batch(virtual=virtual, electronic=electronic))

    def request_feed(self, batch: int) -> SheetId:
        """Write down the next sheet and two open faces, before it is asked for.

        Raises
        ------
        SpoolError
            If the batch is not open, is electronic, or has all the sheets it can name.
        """
        book = self._writing.book
        return self._do(lambda: book.request_feed(batch))

    def withdraw_feed(self, sheet: SheetId) -> None:
        """Take back the last sheet, which did not enter the path.

        Raises
        ------
        SpoolError
            If one of its faces has a fate or a later sheet was asked for.
        """
        book = self._writing.book
        self._do(lambda: book.withdraw_feed(sheet))

    def close_batch(self, batch: int, decision: Decision | None = None) -> int:
        """Close a batch whose faces all have a fate; returns the sequence of its account.

        Parameters
        ----------
        decision
            Who gives the batch up, and why: its open faces are lost by name. None: it closes by
            itself.

        Raises
        ------
        SpoolError
            If a face is open or missing.
        """
        book = self._writing.book
        return self._do(lambda: book.close_batch(batch, decision))

    # -- faces --------------------------------------------------------------------------------

    def commit(
        self, pages: Sequence[Page], scope: str = "", replaces: SheetId | None = None
    ) -> list[int]:
        """Keep faces for good, in this order; returns their sequences.

        Parameters
        ----------
        scope
            Remembered with the batch, for the one who continues it after a crash.
        replaces
            The sheet that was to be fed again, and now was: these faces stand in its place.

        Raises
        ------
        SpoolFull
            If there is no room for their bytes.
        SpoolError
            If a face was never asked for, or was kept with another fate or other bytes.
        """
        book = self._writing.book
        records = [PageRecord.of(page) for page in pages]
        postings = [Posting(record, self._encode(record)) for record in records]
        with self._claims.of({page.page_id for page in pages}):
            known = self._with_fate(page.page_id for page in pages)
            files = {
                file_name(page.page_id, blob.role): blob.data
                for page in pages
                if page.page_id not in known
                for blob in page.blobs
            }
            return self._keep(files, lambda: book.post(postings, scope, replaces))

    def add_blob(self, page_id: PageId, blob: Blob) -> None:
        """Keep bytes behind a page that is kept already; they are not in its record.

        Raises
        ------
        SpoolFull
            If there is no room.
        SpoolError
            If the page is not kept, may leave no image, or has other bytes of this role.
        """
        book = self._writing.book
        ref = reference(blob)
        with self._claims.of({page_id}):
            kept = {known.role for known in self.face(page_id).blobs}
            files = {} if ref.role in kept else {file_name(page_id, blob.role): blob.data}
            self._keep(files, lambda: book.add_blob(page_id, ref))

    def _with_fate(self, page_ids: Iterator[PageId]) -> set[PageId]:
        with self.reading() as connection:
            return {
                page_id
                for page_id in page_ids
                if connection.execute(
                    "SELECT 1 FROM face WHERE page_id = ? AND fate IS NOT NULL", (str(page_id),)
                ).fetchone()
            }

    def _keep(self, files: dict[str, bytes], work: Callable[[], _T]) -> _T:
        """Write files, then post the rows that name them; a refusal removes the files again."""
        if files and not self._disk.takes_pages:
            raise SpoolFull("the disk is full: nothing is taken in until pages were acknowledged")
        try:
            self._blobs.put(files)
        except SpoolFailed as failure:
            self._writing.writer.fail(failure)
            raise
        try:
            return self._do(work, names_files=bool(files))
        except SpoolFailed:
            raise  # perhaps they were committed: the next start finds out
        except (SuianError, ValueError):
            self._blobs.remove(list(files))
            raise

    def _do(self, work: Callable[[], _T], *, names_files: bool = False) -> _T:
        return self._writing.writer.do(work, names_files=names_files)

    def pieces(self, page_id: PageId, role: Role, span: range, piece_bytes: int) -> Iterator[bytes]:
        """Yield a span of a page's bytes; the whole was checked against its recorded hash.

        Raises
        ------
        InputError
            If these bytes are not here, or no longer.
        SpoolCorrupt
            If they are damaged.
        """
        ref = self.blob(page_id, role)
        try:
            yield from self._blobs.pieces(file_name(page_id, role), ref, span, piece_bytes)
        except SpoolCorrupt:
            self.blob(page_id, role)  # was it deleted in between?
            raise

    def read_blob(self, page_id: PageId, role: Role, offset_bytes: int, size_bytes: int) -> bytes:
        """Read a piece of a page's bytes; raises as `pieces`."""
        span = range(offset_bytes, offset_bytes + size_bytes)
        return b"".join(self.pieces(page_id, role, span, max(1, size_bytes)))

    def check_blob(self, page_id: PageId, role: Role) -> None:
        """Read the whole of a page's bytes from the disk; raises as `pieces`."""
        ref = self.blob(page_id, role)
        try:
            self._blobs.check(file_name(page_id, role), ref)
        except SpoolCorrupt:
            self.blob(page_id, role)
            raise

    def amend(
        self,
        page_id: PageId,
        change: str,
        values: Mapping[str, object],
        *,
        actor: str,
        request_id: str,
        reason: str,
    ) -> int:
        """Record now a later fact that leaves the page where it stands; see `record`."""
        now = self._clock()
        return self.record(
            Amendment(page_id, Change(change), values, actor, request_id, reason, now)
        )

    def record(self, amendment: Amendment, position: Position | None = None) -> int:
        """Record a later fact about a page; returns its sequence.

        Parameters
        ----------
        position
            Where the page stands from now on; None: where it was.

        Raises
        ------
        InputError
            If there is no such page.
        NotPossible
            If this cannot happen to it: see `standing.py`.
        ContractError
            If the request id was used for something else.
        """
        corrections = self._writing.corrections
        return self._do(lambda: corrections.amend(amendment, position))

    # -- consumers ----------------------------------------------------------------------------

    def register_consumer(self, name: str, required: bool) -> None:
        """Make a consumer known, or change whether nothing is deleted before it acknowledged."""
        cursors = self._writing.cursors
        self._do(lambda: cursors.register(name, required=required))

    def claim_instance(self, name: str, instance: int) -> None:
        """Take over as the living instance of a consumer; the same one again costs no commit.

        Raises
        ------
        Fenced
            If a newer instance was seen.
        ContractError
            If there is no such consumer.
        """
        cursors = self._writing.cursors
        if all(row.name != name or row.instance != instance for row in self.consumers()):
            self._do(lambda: cursors.claim(name, instance))

    def acknowledge(
        self, name: str, sequence: int, entry_hash: bytes, instance: int | None = None
    ) -> None:
        """Move a consumer's cursor forward; going back is a no-op.

        Raises
        ------
        BadAcknowledgement
            If it is ahead of the journal, or the chain hash is wrong: raise an alarm.
        Fenced
            If `instance` is given and a newer one was seen.
        """
        cursors = self._writing.cursors
        self._do(lambda: cursors.acknowledge(name, sequence, entry_hash, instance))

    # -- the journal's end --------------------------------------------------------------------

    def last(self) -> tuple[int, bytes]:
        """Return the newest announced sequence and its hash."""
        return self._last

    def wait_beyond(self, sequence: int, timeout_s: float) -> bool:
        """Wait until an entry follows `sequence`; False when none does in time or at the end."""
        with self._announced:
            self._announced.wait_for(
                lambda: (
                    self._last[0] > sequence or self._state is None or self._state.writer.has_failed
                ),
                timeout_s,
            )
            return self._last[0] > sequence

    # -- room ---------------------------------------------------------------------------------

    def room(self, min_free_bytes: int) -> bool:
        """Tell whether another sheet may come."""
        return self._disk.room(min_free_bytes)

    def free_bytes(self) -> int:
        """Return the free bytes of the disk."""
        return self._disk.free_bytes()

    def discard(
        self,
        choose: Callable[[apsw.Connection], list[Doomed]],
        raw_dropped: str = "",
    ) -> list[Doomed]:
        """Strike blobs, commit, and only then unlink their files; returns which.

        Parameters
        ----------
        choose
            Says which, inside the transaction that strikes them.
        raw_dropped
            Why they go before their time, if they are rasters: the journal says so of each.
        """
        corrections = self._writing.corrections
        gone = self._do(lambda: corrections.strike(choose, raw_dropped))
        self._blobs.remove([file_name(one.page_id, one.role) for one in gone])
        return gone
