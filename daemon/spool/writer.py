"""The committing thread: the only owner of the connection that writes; many requests, one COMMIT.

    do() ──> queue ──> [ prepare | BEGIN | SAVEPOINT, work, RELEASE ... | COMMIT ] ──> do() returns

Rule 1: a request's answer, also a refusal, is given only after the COMMIT of its group.
Rule 2: a request that is refused is rolled back alone, to its own savepoint.
Rule 3: when anything else fails (a sync, a statement, the COMMIT), what is on the disk is unknown:
everybody gets SpoolFailed, nothing is tried again, and no further request is taken.
"""

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

import apsw

from daemon.errors import SpoolError, SpoolFailed, SuianError

GROUP: Final = 32
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class _Request:
    work: Callable[[], Any]
    names_files: bool
    answer: "Future[Any]" = field(default_factory=Future)


@dataclass(frozen=True, slots=True)
class Hooks:
    """What the writer tells its owner, all in the committing thread.

    Attributes
    ----------
    prepare
        Before a group; True when the group's requests name new files. May raise SpoolFailed.
    committed
        After a COMMIT, before the answers.
    failed
        Once, when the writer can no longer be used; in the thread that found out.
    """

    prepare: Callable[[bool], None]
    committed: Callable[[], None]
    failed: Callable[[SpoolFailed], None]


class Writer:
    """Runs requests in groups, each group one transaction.

    Parameters
    ----------
    connection
        The writing connection; nobody else may use it until `close` has returned.
    hooks
        Whom to tell.
    """

    def __init__(self, connection: apsw.Connection, hooks: Hooks) -> None:
        self._connection = connection
        self._hooks = hooks
        self._queue: queue.SimpleQueue[_Request | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._refusal: SpoolError | None = None
        self._thread = threading.Thread(target=self._run, name="ledger", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    @property
    def has_failed(self) -> bool:
        """True after the first failure."""
        return isinstance(self._refusal, SpoolFailed)

    def close(self) -> None:
        """Commit what is queued and end the thread; the connection is the owner's again."""
        with self._lock:
            if self._refusal is None:
                self._refusal = SpoolError("the ledger is closed")
            self._queue.put(None)
        self._thread.join()

    def do(self, work: Callable[[], _T], *, names_files: bool = False) -> _T:
        """Run `work` in the committing thread and return its value after the COMMIT.

        Parameters
        ----------
        names_files
            True when `work` writes rows that name new files: their directory is synced first.

        Raises
        ------
        SuianError, ValueError
            What `work` raised: it was refused and has left nothing.
        SpoolFailed
            If the state of the disk is unknown.
        """
        request = _Request(work, names_files)
        with self._lock:
            if self._refusal is not None:
                raise type(self._refusal)(self._refusal.message, **self._refusal.facts)
            self._queue.put(request)
        answer: _T = request.answer.result()
        return answer

    def fail(self, failure: SpoolFailed) -> None:
        """Take no further request; told by whoever saw a write or a sync fail."""
        with self._lock:
            if self.has_failed:
                return
            self._refusal = failure
            self._queue.put(None)
        self._hooks.failed(failure)

    def _run(self) -> None:
        group: list[_Request] = []
        try:
            while group := self._next_group():
                if self.has_failed:
                    break
                self._commit(group)
        except (apsw.Error, OSError) as error:
            self.fail(SpoolFailed(f"the ledger cannot commit: {error}; its state is unknown"))
        except SpoolFailed as failure:
            self.fail(failure)
        finally:
            self._refuse(group)

    def _next_group(self) -> list[_Request]:
        """Wait for a request and take those queued behind it; empty when it is time to end."""
        first = self._queue.get()
        if first is None:
            return []
        group = [first]
        while len(group) < GROUP:
            try:
                request = self._queue.get_nowait()
            except queue.Empty:
                break
            if request is None:
                self._queue.put(None)
                break
            group.append(request)
        return group

    def _commit(self, group: list[_Request]) -> None:
        self._hooks.prepare(any(request.names_files for request in group))
        self._connection.execute("BEGIN IMMEDIATE")
        outcomes = [self._attempt(request) for request in group]
        self._connection.execute("COMMIT")
        self._hooks.committed()
        for request, (value, refusal) in zip(group, outcomes, strict=True):
            if refusal is None:
                request.answer.set_result(value)
            else:
                request.answer.set_exception(refusal)
        group.clear()

    def _attempt(self, request: _Request) -> tuple[Any, Exception | None]:
        self._connection.execute("SAVEPOINT request")
        refusal: Exception
        try:
            value = request.work()
        except apsw.ConstraintError as error:
            refusal = SpoolError(f"the ledger refuses: {error}")
        except SpoolFailed:
            raise
        except (SuianError, ValueError) as error:
            refusal = error
        else:
            self._connection.execute("RELEASE request")
            return value, None
        self._connection.execute("ROLLBACK TO request; RELEASE request")
        return None, refusal

    def _refuse(self, group: list[_Request]) -> None:
        """Answer all who still wait; reached on every way out of the thread."""
        left: list[_Request] = list(group)
        if left and not self.has_failed:  # something nobody expected ended the thread
            self.fail(SpoolFailed("the committing thread ended; the ledger's state is unknown"))
        while True:
            try:
                request = self._queue.get_nowait()
            except queue.Empty:
                break
            if request is not None:
                left.append(request)
        cause = self._refusal.message if self._refusal else ""
        for request in left:
            request.answer.set_exception(
                SpoolFailed(f"whether this was kept is unknown until a restart: {cause}")
            )
