"""Streaks at one place on face after face are dirt on the glass."""

import pytest

from daemon.page import Side
from daemon.pipeline.glass import Glass

FRONT, BACK = Side.FRONT, Side.BACK


def test_the_third_face_with_a_streak_at_one_place_tells_of_the_glass():
    glass = Glass()
    assert glass.face(FRONT, (71.3,)) == ()
    assert glass.face(FRONT, (71.1, 20.0)) == ()
    assert glass.face(FRONT, (71.5,)) == (71.5,)
    assert glass.dirty(FRONT) == (71.3,)


def test_lines_at_other_places_are_on_the_pages():
    glass = Glass()
    for place in (70.0, 70.6, 71.2, 71.8, 72.4):
        assert glass.face(FRONT, (place,)) == ()
    assert glass.dirty(FRONT) == ()


def test_half_a_millimetre_is_one_place():
    glass = Glass()
    glass.face(FRONT, (70.0,))
    glass.face(FRONT, (71.0,))
    assert glass.face(FRONT, (70.5,)) == (70.5,)


def test_each_side_has_its_own_glass():
    glass = Glass()
    for _ in range(2):
        assert glass.face(FRONT, (71.3,)) == ()
        assert glass.face(BACK, (71.3,)) == ()
    assert glass.face(BACK, ()) == ()
    assert glass.dirty(BACK) == ()
    assert glass.face(FRONT, (71.3,)) == (71.3,)


def test_faces_with_ink_over_the_streak_do_not_wipe_the_glass():
    glass = Glass()
    for streaks in ((71.3,), (), (71.3,), (), ()):
        glass.face(FRONT, streaks)
    assert glass.face(FRONT, (71.3,)) == (71.3,)


def test_a_wiped_glass_is_forgotten():
    glass = Glass()
    for _ in range(5):
        glass.face(FRONT, (71.3,))
    for _ in range(8):
        assert glass.face(FRONT, ()) == ()
    assert glass.dirty(FRONT) == ()
    assert glass.face(FRONT, (71.3,)) == ()


def test_two_lines_of_one_face_are_not_two_faces():
    glass = Glass()
    glass.face(FRONT, (71.2, 71.4))
    assert glass.face(FRONT, (71.3,)) == ()


def test_two_streaks_are_told_apart_in_order():
    glass = Glass()
    for _ in range(3):
        glass.face(FRONT, (150.0, 71.3))
    assert glass.dirty(FRONT) == (71.3, 150.0)


@pytest.mark.parametrize(("faces", "least"), [(2, 3), (4, 0)])
def test_a_rule_that_can_never_hold_is_refused(faces, least):
    with pytest.raises(ValueError, match="never"):
        Glass(faces, least)
