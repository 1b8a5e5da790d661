"""Many appliances, pulled at once: one puller each, and nobody waits for anybody.

    appliance -> puller in a thread of its own -> its folder, or its prefix of the bucket

Rule 1: an appliance that is at rest costs two sleeping threads, its open files and its heartbeats.
Rule 2: without `follow` at most 32 are pulled at a time; with it all of them, since each stream
stays open. What works the disk is shared: eight threads sync and upload for all.
Rule 3: an error of one appliance ends its pull alone. One that does not answer is tried for ever
with `follow`, and given up after 30 s without.
"""

import resource
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from daemon.errors import ConfigError, SuianError
from daemon.stream.court.bucket import BucketSink
from daemon.stream.court.dial import Appliance
from daemon.stream.court.object_store import ObjectStore
from daemon.stream.court.pdf import Pdfs
from daemon.stream.court.pulled import Pulled
from daemon.stream.court.puller import Puller
from daemon.stream.court.sink import FolderSink, Sink

AT_ONCE: Final = 32
WORKERS: Final = 8
_FILES_EACH: Final = 8  # lock, database with its log and index, socket, a part at a time
_FILES_BESIDE: Final = 128
_GIVE_UP_S: Final = 30.0


@dataclass(frozen=True, slots=True)
class Assignment:
    """One appliance and where its pages go.

    Attributes
    ----------
    name
        How it is called in what is reported.
    directory
        Of its database, and of its pages without a bucket.
    bucket
        Of its pages; None: the folder.
    pdf
        Of its PDFs; None: none are made.
    """

    name: str
    appliance: Appliance
    directory: Path
    bucket: ObjectStore | None = None
    pdf: Path | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a pull ended.

    Attributes
    ----------
    error
        None when it ended in peace.
    silent
        The appliance had not answered for a while when the pull was stopped.
    """

    name: str
    pulled: Pulled
    error: SuianError | None
    silent: bool


class Fleet:
    """Pulls several appliances at once.

    Parameters
    ----------
    assignments
        Each with a folder of its own.
    follow
        Go on until `stop`; otherwise end when everything of all is here.
    failed
        Told of one that has failed, in its thread, while the others go on.

    Raises
    ------
    ConfigError
        If PDFs would lie among pages, or this process may not open so many files.
    """

    def __init__(
        self,
        assignments: Sequence[Assignment],
        *,
        follow: bool,
        failed: Callable[[str, SuianError], None],
    ) -> None:
        self._failed = failed
        self._at_once = len(assignments) if follow else min(AT_ONCE, len(assignments))
        _allow_files(self._at_once)
        self._workers = ThreadPoolExecutor(WORKERS, "fleet-sync")
        self._stopped = threading.Event()
        give_up_s = None if follow else _GIVE_UP_S
        self._pullers = [
            (
                one.name,
                Puller(
                    one.appliance,
                    one.directory,
                    follow=follow,
                    give_up_s=give_up_s,
                    sink=_sink(one, self._workers),
                    pdfs=None if one.pdf is None else Pdfs(one.pdf, one.directory),
                ),
            )
            for one in assignments
        ]

    def stop(self) -> None:
        """End every pull after what it holds is stored; from any thread or a signal handler."""
        self._stopped.set()

    def so_far(self) -> tuple[int, int, int]:
        """Return entries, files and bytes of all pulls so far."""
        accounts = [puller.pulled for _, puller in self._pullers]
        return (
            sum(one.entries for one in accounts),
            sum(one.files for one in accounts),
            sum(one.size_bytes for one in accounts),
        )

    def silent(self) -> list[str]:
        """Name the appliances that have not answered for a while and are tried again."""
        return [name for name, puller in self._pullers if puller.silent_s > _GIVE_UP_S]

    def run(self, tick: Callable[[], None], every_s: float = 0.5) -> list[Outcome]:
        """Pull until everything of all is here, or `stop`; returns how each ended, in their order.

        Parameters
        ----------
        tick
            Called from time to time in the calling thread.

        Raises
        ------
        Exception
            What no pull ends with on purpose; the others are stopped first.
        """
        with self._workers, ThreadPoolExecutor(self._at_once, "pull") as pulls:
            runs = [pulls.submit(self._run_one, name, puller) for name, puller in self._pullers]
            try:
                self._attend(runs, tick, every_s)
            finally:
                for _, puller in self._pullers:
                    puller.stop()
            return [run.result() for run in runs]

    def _attend(
        self, runs: Sequence[Future[Outcome]], tick: Callable[[], None], every_s: float
    ) -> None:
        """Wait until all have ended, one has failed by no error of ours, or `stop`."""
        left = set(runs)
        while left and not self._stopped.is_set():
            done, left = wait(left, every_s, FIRST_COMPLETED)
            if any(run.exception() is not None for run in done):
                return
            tick()

    def _run_one(self, name: str, puller: Puller) -> Outcome:
        try:
            if not self._stopped.is_set():
                puller.run()
        except SuianError as error:
            self._failed(name, error)
            return Outcome(name, puller.pulled, error, silent=False)
        return Outcome(name, puller.pulled, None, silent=puller.silent_s > _GIVE_UP_S)


def _sink(assignment: Assignment, workers: Executor) -> Sink:
    if assignment.bucket is None:
        return FolderSink(assignment.directory, workers)
    return BucketSink(assignment.bucket, workers)


def _allow_files(pulls: int) -> None:
    """Raise the soft limit of open files; raises ConfigError when the hard one is too low."""
    wanted = pulls * _FILES_EACH + _FILES_BESIDE
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < wanted:
        raise ConfigError(
            "this process may not open enough files for so many appliances: raise its limit"
            " (ulimit -n, LimitNOFILE) or split the list",
            limit=hard,
            wanted=wanted,
        )
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
