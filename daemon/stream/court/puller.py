"""The reference court client: pulls the journal of one appliance into a folder, exactly once.

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

from daemon.stream.court_store import CourtStore
from daemon.stream.dial import LINK_BROKEN, Appliance, refusal, status_of, unreachable
from daemon.stream.pull_session import Pulled, Session

_LEAST_WAIT_S: Final = 0.1
_MOST_WAIT_S: Final = 10.0


def _nothing(_: Pulled) -> None:
    """Tell nobody."""


class Puller:
    """Pulls one appliance into one folder.

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
    """

    def __init__(
        self,
        appliance: Appliance,
        directory: Path,
        *,
        follow: bool = False,
        give_up_s: float | None = 30.0,
    ) -> None:
        self._appliance = appliance
        self._directory = directory
        self._follow = follow
        self._give_up_s = give_up_s
        self._stop = threading.Event()
        self._pulled = Pulled()

    def stop(self) -> None:
        """Ask `run` to end after what it holds is stored; from any thread or a signal handler."""
        self._stop.set()

    def run(self, progress: Callable[[Pulled], None] = _nothing) -> Pulled:
        """Pull until everything is here, or `stop`.

        Raises
        ------
        EpochChanged, ChainBroken, Fenced, BadAcknowledgement, ContractError
            If the contract is broken: nothing more is taken or acknowledged.
        ConfigError
            If the appliance does not know this consumer, or the folder is not ours.
        SpoolFailed
            If the disk fails.
        """
        store = CourtStore(self._directory, self._appliance.consumer)
        try:
            self._keep_trying(store, store.next_instance(), progress)
        finally:
            store.close()
        return self._pulled

    def _keep_trying(
        self, store: CourtStore, instance: int, progress: Callable[[Pulled], None]
    ) -> None:
        tries, last_answer_s = 0, time.monotonic()
        while not self._stop.is_set():
            broken: grpc.RpcError | None = None
            session = Session(self._appliance, store, instance, self._pulled)
            try:
                if session.run(self._stop, progress, follow=self._follow):
                    return
            except grpc.RpcError as error:
                if status_of(error) not in LINK_BROKEN:
                    raise refusal(error, self._appliance.target) from error
                broken = error
            finally:
                session.close()
            if session.answered:
                tries, last_answer_s = 0, time.monotonic()
            silent_s = time.monotonic() - last_answer_s
            if self._give_up_s is not None and silent_s > self._give_up_s:
                raise unreachable(broken, self._appliance.target) from broken
            self._stop.wait(_wait_s(tries))
            tries += 1


def _wait_s(tries: int) -> float:
    """Return the pause before the next try: doubling, and never the same for two pullers."""
    longest: float = min(_MOST_WAIT_S, _LEAST_WAIT_S * 2 ** min(tries, 10))
    return longest * random.uniform(0.5, 1.0)  # noqa: S311 (not a secret)
