"""Which kernels work the next face, when a card fails."""

import dataclasses

import pytest

from daemon.pipeline.bench import Bench
from daemon.pipeline.profile import Profile
from daemon.pipeline.standby import Standby
from kernels.gpu import DeviceFailed

LOST = DeviceFailed("the card: lost")


@pytest.fixture
def on_card(kernels):
    """Kernels that call themselves the card's, with the CPU's behind them."""
    return dataclasses.replace(kernels, name="gpu", spare=kernels)


def test_one_failure_costs_one_face(on_card):
    standby = Standby(on_card)
    standby.failed(LOST)
    assert standby.backend is on_card


def test_three_failures_in_a_row_retire_the_card(on_card, kernels, caplog):
    standby = Standby(on_card)
    for _ in range(3):
        standby.failed(LOST)
    assert standby.backend is kernels
    assert "in a row" in caplog.text
    standby.worked(on_card)  # a face that was under way
    assert standby.backend is kernels


def test_failures_between_good_faces_are_no_row(on_card):
    standby = Standby(on_card)
    for _ in range(5):
        standby.failed(LOST)
        standby.failed(LOST)
        standby.worked(on_card)
    assert standby.backend is on_card


def test_without_a_spare_the_error_is_the_callers(kernels):
    bench = Bench(kernels, Profile())

    def work():
        raise LOST

    with pytest.raises(DeviceFailed):
        bench.surely(work, again=work)


def test_the_work_is_done_again_on_the_spare_and_says_so(on_card, kernels):
    bench = Bench(on_card, Profile())
    bench.take_kernels()
    asked = []

    def work():
        asked.append(bench.backend.name)
        if bench.backend is on_card:
            raise LOST
        return 7

    assert bench.surely(work, again=work) == 7
    assert asked == ["gpu", "cpu"]
    assert bench.redone
    bench.take_kernels()
    assert bench.backend is on_card
    assert not bench.redone
