"""What an angle rests on: agreement of many lines is told from the word of a few."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernels.skew import trust
from tests import reference

ANGLES, SLICES = 41, 64  # slices of the rows, and as many of the columns


def bump(place, height, width=3.0):
    """Energies of something that peaks at an angle."""
    away = (np.arange(ANGLES) - place) / width
    return np.round(height / (1 + away * away)).astype(np.int64)


def page(rng, text_at=None, text=4e8):
    """Noise everywhere; text in every slice but the outermost."""
    energies = rng.integers(1_000_000, 1_200_000, (2, SLICES, ANGLES))
    if text_at is not None:
        for way in range(2):
            for part in range(4, SLICES - 4):
                energies[way, part] += bump(text_at, text * rng.uniform(0.5, 1.5))
    return energies


def support(energies, ends):
    return trust.support(energies.reshape(2 * SLICES, ANGLES), ends)


@pytest.fixture
def rng():
    return np.random.default_rng(3)


def test_lines_that_agree_support_their_angle(rng):
    found = support(page(rng, text_at=23.4), (2, 2))
    assert abs(found.place - 23.4) < 0.2
    assert found.spread < 0.2
    assert found.rest_off < 0.2
    assert found.rest_spread < 0.3
    assert found.ways_off < 0.2
    assert found.lean < 0.7
    assert 0.4 < found.rest_share < 0.95


def test_edges_of_a_sheet_that_lie_otherwise_than_its_text_are_found_out(rng):
    energies = page(rng, text_at=12.0, text=3e6)
    for way, part in ((0, 5), (0, 58), (1, 4), (1, 60)):
        energies[way, part] += bump(27.0, 2e10)
    found = support(energies, (2, 2))
    assert abs(found.place - 27.0) < 0.2
    assert abs(found.rest_off - 15.0) < 1.0


def test_edges_that_leave_shreds_in_the_neighbouring_slices_are_taken_out_whole(rng):
    energies = page(rng, text_at=12.0, text=3e6)
    for part in (20, 44):
        for near, share in ((-1, 0.2), (0, 1.0), (1, 0.2)):
            energies[:, part + near] += bump(27.0, 2e10 * share)
    assert abs(support(energies, (2, 2)).rest_off - 15.0) < 1.0


def test_the_ends_that_a_shear_leaves_half_empty_are_no_evidence(rng):
    energies = page(rng, text_at=12.0)
    energies[:, :3] += bump(30.0, 1e11)
    energies[:, -3:] += bump(30.0, 1e11)
    assert support(energies, (1, 1)).rest_off < 20
    assert abs(support(energies, (3, 3)).rest_off - 18.0) < 0.5


def test_one_band_that_decides_alone_shows_in_the_spread(rng):
    energies = page(rng)
    energies[0, 24:32] += bump(10.0, 3e7)
    energies[0, 40:48] += bump(30.0, 2.8e7)
    assert support(energies, (2, 2)).spread > 5


def test_lines_that_lean_otherwise_than_their_margins_are_found_out(rng):
    energies = page(rng, text_at=20.0)
    energies[1] = page(rng, text_at=25.0)[1]
    assert abs(support(energies, (2, 2)).ways_off - 5.0) < 0.3


def test_a_way_without_a_say_contradicts_nobody(rng):
    energies = page(rng, text_at=20.0)
    energies[1] = page(rng, text_at=30.0, text=1e6)[1]
    assert support(energies, (2, 2)).ways_off == 0


def test_a_flat_top_leans(rng):
    energies = page(rng)
    energies[:, 8:56, 8:29] += 40_000_000
    energies[:, 8:56, 27] += 2_000_000
    assert support(energies, (2, 2)).lean > 1.5


@pytest.mark.parametrize("energy", [0, 1, 10**16])
@pytest.mark.parametrize("ends", [(0, 0), (64, 64), (100, 3)])
def test_energies_that_are_all_alike_leave_nothing_to_rest_on(energy, ends):
    found = support(np.full((2, SLICES, ANGLES), energy, np.int64), ends)
    assert found.rest_share == 0


@given(
    seed=st.integers(0, 10_000),
    ends=st.tuples(st.integers(0, 24), st.integers(0, 24)),
    most=st.sampled_from([100_000, 10**9, 10**15]),
    text=st.booleans(),
)
def test_the_support_equals_the_slow_answer(seed, ends, most, text):
    rng = np.random.default_rng(seed)
    energies = rng.integers(0, most, (2, SLICES, ANGLES))
    if text:
        energies += bump(float(rng.uniform(0, 40)), most)
    found, slow = support(energies, ends), reference.support(energies, ends)
    for name, value in slow.items():
        assert getattr(found, name) == pytest.approx(value, rel=1e-6, abs=1e-6), name


SOUND = {"alone": 2.0, "depth": 0.3, "bands": 6.0, "rest_share": 0.6} | dict.fromkeys(
    trust.BARS, 0.01
)


def test_what_scatters_little_and_stands_out_is_trusted():
    assert trust.confidence(SOUND, 32) > 0.5


@pytest.mark.parametrize("name", trust.BARS)
def test_any_measure_beyond_its_bar_takes_the_trust_away(name):
    assert trust.confidence(SOUND | {name: 0.6}, 32) < 0.5


@pytest.mark.parametrize(("name", "value"), [("alone", 1.3), ("depth", 0.1), ("bands", 2.0)])
def test_a_peak_that_does_not_stand_out_is_not_trusted(name, value):
    assert trust.confidence(SOUND | {name: value}, 32) < 0.5


def test_more_scatter_is_borne_where_a_peak_stands_clear():
    scattered = SOUND | {"spread": 0.08}
    assert trust.confidence(scattered | {"alone": 1.5}, 32) < 0.5
    assert trust.confidence(scattered | {"alone": 3.0}, 32) > 0.5
