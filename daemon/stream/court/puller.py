"""The reference court client: pulls the journal of one appliance, exactly once.

Rule 1: acknowledged means durable here. One thread receives and checks, one stores and
acknowledges; between them lies at most the window.
Rule 2: a lost connection is retried with back-off; a broken contract is raised and never retried.
"""

import random
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import grpc

from daemon.stream.court.dial import LINK_BROKEN, Appliance, refusal, status_of, unreachable
from daemon.stream.court.pdf import Pdfs
from daemon.stream.court.pulled import Pulled
from daemon.stream.court.session import Session
from daemon.stream.court.sink import Sink
from daemon.stream.court.store import CourtStore

_LEAST_WAIT_S: Final = 0.1
_MOST_WAIT_S: Final = 10.0


def _nothing(_: Pulled) -> None:
    """Tell nobody."""


class Puller:
    """Pulls one appliance into one folder, or beside it into an object store.

    Parameters
    ----------
    appliance
        Where from and as whom.
    directory
        The folder; continued when it exists.
    follow
        Go on until `stop`; otherwise end when everything is here and no batch is at hand.
    give_up_s
        How long to try without any answer before raising; None: for ever.
    sink
        Where pages go; None: into the folder.
    pdfs
        Made anew when a manifest has changed; None: nobody wants any.
    """

    def __init__(
        self,
        appliance: Appliance,
        directory: Path,
        *,
        follow: bool = False,
        give_up_s: float | None = 30.0,
        sink: Sink | None = None,
        pdfs: Pdfs | None = None,
    ) -> None:
        self._appliance = appliance
        self._directory = directory
        self._follow = follow
        self._give_up_s = give_up_s
        self._sink = sink
        self._pdfs = pdfs
        self._stop = threading.Event()
        self._session: Session | None = None
        self._session_lock = threading.Lock()
        self._pulled = Pulled()
        self._answered_s: float | None = None

    @property
    def silent_s(self) -> float:
        """How long the appliance has not answered; 0 while it is connected."""
        session, answered_s = self._session, self._answered_s
        if answered_s is None or (session is not None and session.answered):
            return 0.0
        return time.monotonic() - answered_s

    @property
    def pulled(self) -> Pulled:
        """The account so far."""
        return self._pulled

    def stop(self) -> None:
        """Ask `run` to end after what it holds is stored; from any other thread."""
        self._stop.set()
        with self._session_lock:
            if self._session is not None:
                self._session.wake()

    def run(self, progress: Callable[[Pulled], None] = _nothing) -> Pulled:
        """Pull until everything is here, or `stop`.

        Raises
        ------
        EpochChanged, ChainBroken, Fenced, BadAcknowledgement, ContractError
            If the contract is broken: nothing more is taken or acknowledged.
        ConfigError
            If the appliance does not know this consumer, or the folder is not ours.
        SpoolFailed
            If the disk or the object store fails.
        """
        store = CourtStore(self._directory, self._appliance.consumer, self._sink)
        try:
            self._keep_trying(store, store.next_instance(), progress)
        finally:
            store.close()
        return self._pulled

    def _keep_trying(
        self, store: CourtStore, instance: int, progress: Callable[[Pulled], None]
    ) -> None:
        tries, self._answered_s = 0, time.monotonic()
        while not self._stop.is_set():
            broken: grpc.RpcError | None = None
            session = Session(self._appliance, store, instance, self._pulled, self._pdfs)
            self._attend(session)
            try:
                if session.run(self._stop, progress, follow=self._follow):
                    return
            except grpc.RpcError as error:
                if status_of(error) not in LINK_BROKEN:
                    raise refusal(error, self._appliance.target) from error
                broken = error
            finally:
                if session.answered:
                    tries, self._answered_s = 0, time.monotonic()
                self._attend(None)
                session.close()
            if self._give_up_s is not None and self.silent_s > self._give_up_s:
                raise unreachable(broken, self._appliance.target) from broken
            self._stop.wait(_wait_s(tries))
            tries += 1

    def _attend(self, session: Session | None) -> None:
        """Say which session `stop` has to wake."""
        with self._session_lock:
            self._session = session
            if session is not None and self._stop.is_set():
                session.wake()


def _wait_s(tries: int) -> float:
    """Return the pause before the next try: doubling, and never the same for two pullers."""
    longest: float = min(_MOST_WAIT_S, _LEAST_WAIT_S * 2 ** min(tries, 10))
    return longest * random.uniform(0.5, 1.0)  # noqa: S311 (not a secret)
