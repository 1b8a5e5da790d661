"""What a face counts as: every pair of the table is answered, every standing reached and left."""

import itertools

import pytest

from daemon.page import Fate
from daemon.spool.standing import (
    RESOLUTIONS,
    TRANSITIONS,
    Change,
    Standing,
    after,
    brings_image,
    is_undecided,
)

ENDS = {Standing.REFUSED}  # a refused face has left nothing that could change
PAIRS = list(itertools.product(Standing, Change))


@pytest.mark.parametrize(("standing", "change"), PAIRS)
def test_every_pair_is_in_the_table_or_refused(standing, change):
    resolved = {after(standing, Change.RESOLVE, fate) for fate in Fate} - {None}
    if change is Change.RESOLVE:
        assert after(standing, change) is None
        assert resolved == set(RESOLUTIONS.get(standing, ()))
    else:
        assert after(standing, change) is TRANSITIONS.get((standing, change))
        assert after(standing, change, Fate.LOST) is after(standing, change)


def test_every_fate_is_a_standing():
    assert {fate.value for fate in Fate} < {standing.value for standing in Standing}


def edges():
    for (was, _), now in TRANSITIONS.items():
        yield was, now
    for was, possible in RESOLUTIONS.items():
        yield from ((was, now) for now in possible)


def test_every_standing_is_reached_and_all_but_the_end_are_left():
    at_capture = {Standing(fate.value) for fate in Fate}
    assert {now for was, now in edges() if was is not now} | at_capture == set(Standing)
    assert {was for was, now in edges() if was is not now} == set(Standing) - ENDS


def test_from_every_undecided_face_a_person_finds_a_way_out():
    """No standing needs a database editor."""
    for was in (Standing.QUARANTINED, Standing.REJECTED, Standing.SUPERSEDED, Standing.LOST):
        for now in RESOLUTIONS[was]:
            assert not is_undecided(True, now, Change.RESOLVE)


@pytest.mark.parametrize("standing", sorted(set(Standing) - ENDS))
def test_whatever_a_face_counts_as_its_bytes_may_be_damaged_and_its_raster_go(standing):
    """Bytes stay behind when a person has decided: also behind a face that counts as lost."""
    assert after(standing, Change.QUARANTINE) is Standing.QUARANTINED
    assert after(standing, Change.RAW_DROPPED) is standing


def test_a_new_place_decides_nothing():
    for change in (Change.ASSIGN, Change.MOVE, Change.REKEY, Change.LINK, Change.RAW_DROPPED):
        assert is_undecided(True, Standing.QUARANTINED, change)
        assert not is_undecided(False, Standing.PAGE, change)


@pytest.mark.parametrize(
    ("was", "change", "brings"),
    [
        (Standing.BLANK, Change.RESTORE, True),
        (Standing.QUARANTINED, Change.RESOLVE, True),
        (Standing.REJECTED, Change.RESOLVE, True),
        (Standing.PAGE, Change.REKEY, False),
        (Standing.PAGE, Change.RAW_DROPPED, False),
    ],
)
def test_an_image_follows_what_makes_a_page(was, change, brings):
    assert brings_image(was, Standing.PAGE, change) is brings
    assert not brings_image(was, Standing.BLANK, change)
