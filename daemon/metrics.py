"""Every metric's name, unit and help, in one place, and the object through which rooms count.

Rule 1: base units; `_total` for counters. Rule 2: every label value exists from the start, so the
first fault is an increase. Rule 3: no page, case or file name is ever a label.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Info,
    disable_created_metrics,
)
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from daemon import errors
from daemon.page import Fate

# A `_created` twin of every series doubles the scrape; a restart is seen by the counter itself.
disable_created_metrics()  # type: ignore[no-untyped-call]


def _labels(base: type[errors.SuianError]) -> Iterator[str]:
    for kind in base.__subclasses__():
        yield kind.label
        yield from _labels(kind)


FAULTS: Final = tuple(
    sorted({*_labels(errors.OperatorError), *_labels(errors.DeviceError), "interrupted"})
)
REFUSALS: Final = tuple(sorted({errors.SuianError.label, "refused", *_labels(errors.SuianError)}))
GATE_WAITS: Final = ("disk", "paused")
RECOVERY_STEPS: Final = ("drain", "clear_halt", "test_unit_ready", "reset", "enumerate")
INBOX_OUTCOMES: Final = ("taken", "rejected")
RAW_OUTCOMES: Final = ("kept", "skipped")
SCRUB_OUTCOMES: Final = ("whole", "damaged")
STEPS: Final = (
    "first_pass",
    "blank",
    "skew",
    "rotate",
    "crop",
    "stand",
    "quality",
    "encode",
    "evidence",
)
# Measured on two cores: a step takes 2 to 80 ms, a sheet 0.2 to 1.5 s.
_STEP_BUCKETS: Final = (0.002, 0.005, 0.01, 0.02, 0.04, 0.08, 0.16, 0.5, 2.0)
_SHEET_BUCKETS: Final = (0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 20.0)


class Metrics:
    """All counters, gauges and histograms of one daemon.

    Parameters
    ----------
    registry
        Where they are registered; a fresh one in tests.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self.registry = registry
        r = registry
        self.build = Info("suian_build", "Version and imaging backend.", registry=r)
        self.sheets_fed = Counter(
            "suian_feeder_sheets_total", "Sheets that entered the paper path.", registry=r
        )
        self.faces = Counter(
            "suian_faces_total", "Faces that were given a fate.", ["fate"], registry=r
        )
        self.faults = Counter(
            "suian_feeder_faults_total", "Faults of the feeder by cause.", ["reason"], registry=r
        )
        self.recovery_steps = Counter(
            "suian_feeder_recovery_steps_total",
            "Steps taken to get a scanner back that failed.",
            ["step"],
            registry=r,
        )
        self.feeder_state = Gauge(
            "suian_feeder_state", "1 for the state the paper path is in.", ["state"], registry=r
        )
        self.batches = Counter("suian_batches_total", "Batches closed.", ["kind"], registry=r)
        self.gate_waits = Counter(
            "suian_feeder_gate_waits_total", "Times feeding had to wait.", ["reason"], registry=r
        )
        self.step_seconds = Histogram(
            "suian_imaging_step_seconds",
            "Seconds a kernel step took for one face.",
            ["step"],
            buckets=_STEP_BUCKETS,
            registry=r,
        )
        self.redone_faces = Counter(
            "suian_imaging_redone_faces_total",
            "Faces worked again on the CPU because the GPU failed at them.",
            registry=r,
        )
        self.on_gpu = Gauge(
            "suian_imaging_on_gpu", "1 while a GPU works the faces, else 0.", registry=r
        )
        self.glass_streaks = Gauge(
            "suian_glass_streaks",
            "Streaks of dirt on the glass of each side, as the last faces show them.",
            ["side"],
            registry=r,
        )
        self.durable_seconds = Histogram(
            "suian_sheet_durable_seconds",
            "Seconds from the last line of a sheet to both faces durable.",
            buckets=_SHEET_BUCKETS,
            registry=r,
        )
        self.inbox_files = Counter(
            "suian_inbox_files_total", "Electronic files by outcome.", ["outcome"], registry=r
        )
        self.inbox_waiting = Gauge(
            "suian_inbox_waiting_files",
            "Files in the inbox that are not claimed: no sidecar, or still changing.",
            registry=r,
        )
        self.raw_faces = Counter(
            "suian_raw_faces_total", "Captured rasters by outcome.", ["outcome"], registry=r
        )
        self.scrubbed_files = Counter(
            "suian_spool_scrubbed_files_total",
            "Page files read again from the disk, by what was found.",
            ["outcome"],
            registry=r,
        )
        self.scrubbed_bytes = Counter(
            "suian_spool_scrubbed_bytes_total", "Bytes of page files read again.", registry=r
        )
        self.refusals = Counter(
            "suian_stream_refusals_total", "Calls refused, by cause.", ["reason"], registry=r
        )
        for fate in Fate:
            self.faces.labels(fate.value)
        for counter, values in (
            (self.faults, FAULTS),
            (self.refusals, REFUSALS),
            (self.gate_waits, GATE_WAITS),
            (self.recovery_steps, RECOVERY_STEPS),
            (self.inbox_files, INBOX_OUTCOMES),
            (self.raw_faces, RAW_OUTCOMES),
            (self.scrubbed_files, SCRUB_OUTCOMES),
            (self.batches, ("paper", "electronic")),
        ):
            for value in values:
                counter.labels(value)
        for step in STEPS:
            self.step_seconds.labels(step)
        for side in ("front", "back"):
            self.glass_streaks.labels(side)

    def show_state(self, states: Iterable[str], current: str) -> None:
        """Set the gauge of `current` to 1 and those of all other states to 0."""
        for state in states:
            self.feeder_state.labels(state).set(1 if state == current else 0)

    def scrubbed(self, size_bytes: int, whole: bool) -> None:
        """Count a page file that was read again."""
        self.scrubbed_files.labels("whole" if whole else "damaged").inc()
        self.scrubbed_bytes.inc(size_bytes)

    def watch(self, read: Callable[[], Iterable["Reading"]]) -> None:
        """Ask `read` for values at every scrape; for facts that live in the ledger."""
        self.registry.register(_OnScrape(read))


@dataclass(frozen=True, slots=True)
class Reading:
    """One gauge value read at scrape time, in the unit of its name."""

    name: str
    text: str
    value: float
    labels: Mapping[str, str] = field(default_factory=dict)


class _OnScrape(Collector):
    def __init__(self, read: Callable[[], Iterable[Reading]]) -> None:
        self._read = read

    def collect(self) -> Iterable[Metric]:
        families: dict[str, GaugeMetricFamily] = {}
        for reading in self._read():
            family = families.setdefault(
                reading.name,
                GaugeMetricFamily(reading.name, reading.text, labels=list(reading.labels)),
            )
            family.add_metric(list(reading.labels.values()), reading.value)
        return families.values()
