"""A sample of the sweep over every fault at every moment; the whole of it is run by hand."""

import random

import pytest

from daemon.pipeline import face
from tests.feeder import sweep, tiles
from tests.feeder.hall import without_pauses
from tests.feeder.sweep import FULL, SHEETS, Injection, plan, run

COMMANDS, MOVED_BYTES = 530, 1_629_738
"""Of a batch without faults; `test_a_batch_without_faults_has_so_many_commands` keeps them true."""
EACH_KIND = 2


def sample(each_kind, seed):
    by_kind = {}
    for injection in plan(COMMANDS, MOVED_BYTES, offsets=60, seed=seed):
        by_kind.setdefault(injection.kind, []).append(injection)
    chance = random.Random(seed)
    return [one for kind in by_kind.values() for one in chance.sample(kind, each_kind)]


@pytest.fixture(scope="module")
def kernels():
    return face.kernels("cpu")


@pytest.fixture(autouse=True)
def nobody_waits(monkeypatch):
    without_pauses(monkeypatch.setattr)


def test_a_batch_without_faults_has_so_many_commands(kernels, tmp_path):
    clean = run(Injection(), tmp_path, kernels)
    assert clean.problems == []
    assert clean.fates == {"page": 2 * SHEETS}
    assert (clean.commands, clean.moved_bytes) == (COMMANDS, MOVED_BYTES)


@pytest.mark.parametrize("injection", sample(EACH_KIND, seed=129), ids=str)
def test_the_sum_closes_the_order_holds_and_the_cause_is_its_own(kernels, tmp_path, injection):
    outcome = run(injection, tmp_path, kernels)
    assert outcome.problems == []
    assert outcome.fates["page"] == 2 * SHEETS


def test_so_it_does_at_full_size(kernels, tmp_path):
    injection = Injection(link=sweep.LinkFault(sweep.LinkFaultKind.STALL, byte=80_000_000))
    outcome = run(injection, tmp_path, kernels, sheets=3, settings=FULL)
    assert outcome.problems == []
    assert outcome.fates == {"page": 6, "superseded": 2}


def test_every_kind_of_fault_is_in_the_plan_and_has_its_causes():
    kinds = {injection.kind for injection in plan(COMMANDS, MOVED_BYTES, offsets=1, seed=1)}
    assert kinds == set(sweep.CAUSES)
    assert kinds >= set(sweep.FaultKind) | set(sweep.LinkFaultKind)


@pytest.mark.parametrize("side", "FB")
def test_tiles_tell_every_sheet_apart(side):
    import numpy as np

    for number in range(256):
        drawn = np.frombuffer(tiles.draw(number, side, 157, 102), np.uint8).reshape(102, 157)
        assert tiles.read(drawn) == (number, side)
        assert tiles.read(drawn[:60]) != (number, side)
