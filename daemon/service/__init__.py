"""The composition root: builds the rooms, starts their threads, watches them, stops them.

Rule 1: one owner per thread. Rule 2: a thread that dies ends the process with a non-zero status;
the spool makes that safe, and systemd restarts it. Rule 3: only here may `Exception` be caught.
"""

import logging
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from prometheus_client import CollectorRegistry, start_http_server

from daemon import __version__
from daemon.config import Config
from daemon.dossier import catalogue, payload
from daemon.errors import ConfigError, NotPossible, SpoolError, SuianError
from daemon.feeder.capture.black_box import ON_DEMAND
from daemon.feeder.scanner import Scanner
from daemon.inbox import Inbox
from daemon.metrics import Metrics, Reading
from daemon.pipeline import face
from daemon.pipeline.flow import Flow
from daemon.pipeline.profile import Profile
from daemon.pipeline.raw_writer import RawWriter
from daemon.pipeline.sheet import SeparatorRules, Workshop
from daemon.pipeline.workers import Workers
from daemon.service.systemd import notify
from daemon.service.thread import Run, Worker
from daemon.spool.chain import Chain
from daemon.spool.damage import Damage
from daemon.spool.journal import Decision, Encoder
from daemon.spool.ledger import Ledger
from daemon.spool.retention import Retention
from daemon.spool.scrub import Scrub
from daemon.stream.appliance import Controls, StatusFacts
from daemon.stream.codec import Origin, encode
from daemon.stream.manifests import Manifests
from daemon.stream.server import StreamServer

log = logging.getLogger(__name__)

SILENT_S: Final = 300.0
"""A thread that has not beaten for this long keeps the watchdog from being fed. One sheet may wait
through several deadlines of 60 s while the scanner says that it is busy."""
SWEEP_S: Final = 60.0
SCRUB_S: Final = 2.0
"""Between two files: 40,000 a day, of 1 MB each half a megabyte a second."""
SCRUB_REST_S: Final = 60.0
MIN_FREE_BYTES: Final = 2 * 2**30
PROFILE: Final = "archival-1"
STOP_S: Final = 30.0
WATCHDOG_S: Final = 5.0


class Service:
    """One daemon: everything between the hopper and the port.

    Parameters
    ----------
    config
        Validated.
    scanner
        The scanner to feed from; see `source.scanner_of`.
    registry
        Where metrics are registered; a fresh one by default.

    Raises
    ------
    SuianError
        If a room cannot be built: the message says what to do.
    """

    def __init__(
        self, config: Config, scanner: Scanner, registry: CollectorRegistry | None = None
    ) -> None:
        self._config = config
        self._scanner = scanner
        self._ended = threading.Event()
        self._workers: list[Worker] = []
        self._closers: list[Callable[[], object]] = []
        self.metrics = Metrics(registry or CollectorRegistry())
        self._rules = catalogue.load()
        keys = separator_keys(config)
        self._backend = face.kernels(config.imaging.backend, config.imaging.encoder)
        log.info("imaging on the %s. %s", self._backend.name, self._backend.remark)
        on_cpu = self._backend.spare or self._backend
        if on_cpu.jpeg.name != config.imaging.encoder:
            log.warning("imaging.encoder differs from the library here: the library writes JPEG")
        self.metrics.build.info({"version": __version__, "backend": self._backend.name})
        self.ledger = Ledger(
            config.spool.dir,
            self._encoder(),
            allow_unsafe_disk=config.spool.allow_unsafe_disk,
            chain=Chain(config.spool.chain),
            on_failure=lambda _: self._ended.set(),
        )
        self.retention = Retention(self.ledger, config.spool.hold_hours * 3600)
        self._scrub = Scrub(self.ledger, Damage(self.ledger), self.metrics.scrubbed)
        self.raw = RawWriter(self.ledger, self.metrics, config.spool.raw)
        imaging = config.imaging
        profile = Profile(imaging.blank, imaging.jpeg_quality, imaging.clean_text)
        workers = Workers(self._backend, profile)
        self._closers.append(workers.close)
        workshop = Workshop(
            workers,
            SeparatorRules(
                self._rules,
                keys,
                self.ledger.seen_separator,
                config.dossier.unknown_separator,
            ),
            self.metrics,
        )
        self.flow = Flow(
            scanner, self.ledger, workshop, self.raw, self.metrics, min_free_bytes=MIN_FREE_BYTES
        )
        self.inbox = (
            Inbox(
                config.inbox.dir,
                self.ledger,
                self._rules,
                self.metrics,
                min_free_bytes=MIN_FREE_BYTES,
            )
            if config.inbox.dir
            else None
        )
        self.port = 0
        """Port of the stream, once started."""

    def start(self) -> None:
        """Open the spool and the ports, start every thread.

        Raises
        ------
        SuianError
            If the spool cannot be opened or a port is taken; what was started is stopped.
        """
        try:
            self._start()
        except BaseException:
            self.stop()
            raise

    def _start(self) -> None:
        self.ledger.start()
        self._closers.append(self.ledger.close)
        server = StreamServer(self._config, self.ledger, self._controls())
        self._certificate_expiries = server.certificate_expiries
        self._closers.append(server.stop)
        self.port = server.port
        self._serve_metrics()
        self._work("raw", self.raw.run)
        self._work("feeder", self.flow.run)
        self._work("retention", self._sweep)
        self._work("scrub", self._read_again)
        if self.inbox:
            self._work("inbox", self.inbox.run)
        server.start()
        log.info("suian %s, imaging on %s", __version__, self._backend.name)

    @property
    def ended(self) -> bool:
        """True once it was told to stop or a part of it has failed."""
        return self._ended.is_set()

    def stop(self) -> None:
        """Finish the sheet in the path, end every thread, close the ports and the spool."""
        self._ended.set()
        self.flow.stop()
        if self.inbox:
            self.inbox.stop()
        for worker in reversed(self._workers):
            if worker.name == "raw":
                self.raw.stop()  # it was started first: nothing more is offered
            if not worker.join(STOP_S):
                log.error("thread %s did not end in time", worker.name)
        while self._closers:
            self._closers.pop()()

    def run(self) -> None:
        """Start, tell systemd, and serve until a signal or the end of a thread.

        Raises
        ------
        SuianError
            What a thread died of, or what kept the service from starting.
        """
        signalled = threading.Event()

        def stop(_number: int, _frame: object) -> None:
            signalled.set()
            self._ended.set()

        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, stop)
        signal.signal(signal.SIGUSR1, lambda *_: self._scanner.capture.keep(ON_DEMAND))
        self.start()
        notify("READY=1")
        try:
            while not self._ended.wait(WATCHDOG_S):
                if self._alive():
                    notify("WATCHDOG=1")
            notify("STOPPING=1")
        finally:
            self.stop()
        if not signalled.is_set():
            self.raise_what_failed()

    def raise_what_failed(self) -> None:
        """Raise the error a thread died of, as one of ours."""
        for worker in self._workers:
            if isinstance(worker.error, SuianError):
                raise worker.error
            if worker.error is not None:
                raise SuianError(f"thread {worker.name} failed: {worker.error!r}") from worker.error
        raise SpoolError("the ledger failed; see the log above, then restart")

    # -- parts --------------------------------------------------------------------------------

    def _encoder(self) -> Encoder:
        origin = Origin(
            appliance=self._config.appliance.name,
            station=self._config.appliance.station,
            department=self._config.appliance.department,
            rule_set=self._rules.id,
            profile=PROFILE,
        )
        return lambda entry: encode(entry, origin)

    def _controls(self) -> Controls:
        return Controls(
            status=self._status,
            pause=self.flow.pause,
            resume=self.flow.resume,
            manifest=Manifests(self.ledger, self._rules, self._config.appliance.name).of,
            count=lambda label: self.metrics.refusals.labels(label).inc(),
            close_batch=self._close_batch,
        )

    def _close_batch(self, number: int, decision: Decision) -> int:
        """Close a batch by decision, in the thread that owns it; raises as `Flow.close_batch`."""
        if self.inbox and self.ledger.batch_account(number).electronic:
            raise NotPossible(
                "the inbox is at work on this batch and finishes it by itself, after a restart at"
                " the latest",
                batch=number,
            )
        return self.flow.close_batch(number, decision)

    def _status(self) -> StatusFacts:
        facts = self.flow.facts
        return StatusFacts(
            state=facts.state,
            cause=facts.cause,
            batch=facts.batch,
            refeed_from_sheet=facts.refeed_from_sheet,
            spool_free_bytes=self.ledger.free_bytes(),
            backend=self._backend.name,
            scanner=facts.scanner,
            paused=facts.paused,
        )

    def _serve_metrics(self) -> None:
        host, _, port = self._config.metrics.listen.rpartition(":")
        self.metrics.watch(self._readings)
        try:
            server, thread = start_http_server(int(port), host, self.metrics.registry)
        except OSError as error:
            raise ConfigError(
                f"the metrics listener cannot open: {error.strerror}",
                listen=self._config.metrics.listen,
            ) from error
        self.metrics_port = server.server_port
        self._closers += [thread.join, server.server_close, server.shutdown]

    def _readings(self) -> Iterator[Reading]:
        last = self.ledger.last()[0]
        yield Reading("suian_spool_last_sequence", "Newest journal entry.", last)
        yield Reading("suian_spool_free_bytes", "Free on the spool.", self.ledger.free_bytes())
        yield Reading(
            "suian_spool_open_batches", "Batches not closed.", len(self.ledger.open_batches())
        )
        yield Reading(
            "suian_spool_undecided_faces",
            "Faces about which a person has to decide.",
            self.ledger.undecided(),
        )
        for consumer in self.ledger.consumers():
            yield Reading(
                "suian_stream_acknowledged_sequence",
                "Last acknowledged entry.",
                consumer.acknowledged,
                {"consumer": consumer.name},
            )
        for certificate, expiry_s in self._certificate_expiries().items():
            yield Reading(
                "suian_certificate_expiry_timestamp_seconds",
                "When a certificate of the stream expires; of a bundle the earliest.",
                expiry_s,
                {"certificate": certificate},
            )
        now_s = time.monotonic()
        for worker in self._workers:
            yield Reading(
                "suian_thread_beat_timestamp_seconds",
                "Last sign of life.",
                time.time() - (now_s - worker.last_beat_s),
                {"thread": worker.name},
            )

    def _work(self, name: str, run: Run) -> None:
        worker = Worker(name, run, self._ended)
        self._workers.append(worker)
        worker.start()

    def _alive(self) -> bool:
        now_s = time.monotonic()
        return all(now_s - worker.last_beat_s < SILENT_S for worker in self._workers)

    def _sweep(self, beat: Callable[[], None]) -> None:
        while True:
            beat()
            self.retention.sweep(time.time())
            if not self.ledger.room(MIN_FREE_BYTES):
                self.retention.relieve(MIN_FREE_BYTES)
            if self._ended.wait(SWEEP_S):
                return

    def _read_again(self, beat: Callable[[], None]) -> None:
        """Read a page file every few seconds; after the last one rest, and begin anew."""
        while True:
            beat()
            pause_s = SCRUB_S if self._scrub.turn() else SCRUB_REST_S
            if self._ended.wait(pause_s):
                return


def separator_keys(config: Config) -> Mapping[str, bytes]:
    """Read the key file of the separators; none configured: an empty mapping.

    Raises
    ------
    ConfigError
        If the file cannot be read or is not a key file.
    """
    path = config.dossier.key_file
    if path is None:
        return {}
    try:
        return payload.keys_from(path.read_bytes())
    except OSError as error:
        raise ConfigError(f"cannot read the key file: {error.strerror}", file=path) from error
