"""Metrics: named as Prometheus wants them, complete from the start, and without case data."""

import importlib
import pkgutil
import shutil
import subprocess

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

import daemon
from daemon import errors, metrics
from daemon.metrics import Metrics, Reading
from daemon.page import Fate

LABELS = {"fate", "reason", "state", "kind", "step", "outcome", "side", "version", "backend", "le"}
BASE_UNITS = ("_seconds", "_bytes", "_total", "_info")


@pytest.fixture
def counted():
    return Metrics(CollectorRegistry())


def families(counted):
    text = generate_latest(counted.registry).decode()
    return {family.name: family for family in text_string_to_metric_families(text)}


def values_of(family, label):
    return {s.labels[label] for s in family.samples if label in s.labels}


def lint(text):
    if shutil.which("promtool") is None:
        pytest.skip("promtool is absent (Debian: prometheus)")
    return subprocess.run(
        ["promtool", "check", "metrics"], input=text, capture_output=True, check=False
    )


def test_promtool_finds_nothing_wrong_with_a_scrape(counted):
    counted.build.info({"version": "1", "backend": "cpu"})
    counted.show_state(["IDLE", "FEEDING"], "IDLE")
    counted.watch(lambda: [Reading("suian_spool_free_bytes", "Free on the spool.", 5.0)])
    done = lint(generate_latest(counted.registry))
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_promtool_would_find_a_badly_named_one(counted):
    metrics.Gauge("suian_sheet_durable_milliseconds", "", registry=counted.registry)
    assert lint(generate_latest(counted.registry)).returncode != 0


def test_every_metric_is_ours_explained_and_in_base_units(counted):
    for name, family in families(counted).items():
        assert name.startswith("suian_"), name
        assert family.documentation.endswith("."), name
        words = set(name.split("_"))
        assert not words & {"ms", "milliseconds", "minutes", "hours", "kb", "mb", "percent"}, name
        if family.type == "counter":
            assert {s.name for s in family.samples} == {f"{name}_total"}
        if family.type == "histogram":
            assert name.endswith(BASE_UNITS)


def test_no_label_can_carry_a_case_a_page_or_a_file(counted):
    found = {label for f in families(counted).values() for s in f.samples for label in s.labels}
    assert found <= LABELS


def test_every_labelled_series_is_there_before_anything_happened(counted):
    found = families(counted)
    assert values_of(found["suian_faces"], "fate") == {fate.value for fate in Fate}
    assert values_of(found["suian_batches"], "kind") == {"paper", "electronic"}
    assert values_of(found["suian_inbox_files"], "outcome") == {"taken", "rejected"}
    assert values_of(found["suian_raw_faces"], "outcome") == {"kept", "skipped"}
    assert values_of(found["suian_feeder_gate_waits"], "reason") == {"disk", "paused"}
    assert values_of(found["suian_imaging_step_seconds"], "step") == set(metrics.STEPS)
    labelled = [name for name, f in found.items() if f.type == "counter" and not f.samples]
    assert labelled == []
    counts = [f for f in found.values() if f.name != "suian_build_info"]
    assert all(s.value == 0 for f in counts for s in f.samples)


def every_kind(base):
    for kind in base.__subclasses__():
        yield kind
        yield from every_kind(kind)


def test_every_error_of_any_room_is_counted_under_a_label_that_is_there(counted):
    for module in pkgutil.walk_packages(daemon.__path__, "daemon."):
        if not module.name.endswith(("__main__", ".verifier")):
            importlib.import_module(module.name)
    found = families(counted)
    refusals = values_of(found["suian_stream_refusals"], "reason")
    assert {kind.label for kind in every_kind(errors.SuianError)} <= refusals
    faults = values_of(found["suian_feeder_faults"], "reason")
    for base in (errors.OperatorError, errors.DeviceError):
        assert {kind.label for kind in every_kind(base)} <= faults
    assert "interrupted" in faults


def test_the_feeder_is_in_one_state(counted):
    states = ["ABSENT", "IDLE", "FEEDING"]
    for current in ("IDLE", "FEEDING"):
        counted.show_state(states, current)
        samples = families(counted)["suian_feeder_state"].samples
        assert {s.labels["state"]: s.value for s in samples} == {
            state: float(state == current) for state in states
        }


def test_facts_of_the_ledger_are_asked_for_at_every_scrape(counted):
    answers = iter([1.0, 2.0])

    def read():
        for consumer in ("court", "mirror"):
            yield Reading("suian_x_sequence", "Last.", 7.0, {"consumer": consumer})
        yield Reading("suian_y_bytes", "Free.", next(answers))

    counted.watch(read)
    for expected in (1.0, 2.0):
        found = families(counted)
        assert values_of(found["suian_x_sequence"], "consumer") == {"court", "mirror"}
        assert found["suian_y_bytes"].samples[0].value == expected
