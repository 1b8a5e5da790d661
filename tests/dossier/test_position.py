"""Archival order and archival page numbers."""

import random
from dataclasses import dataclass

import pytest

from daemon.dossier import catalogue
from daemon.dossier.position import archival
from daemon.page import Position

RULES = catalogue.load()


@dataclass(frozen=True)
class Face:
    sequence: int
    position: Position


def face(sequence, material="", party="Y01", *, stage="LA", instance=1, page=1, volume=None):
    if volume is None:
        volume = RULES.material(material).volume if material else ""
    place = (stage, volume, material, party, instance, page) if material else ("", "", "", "", 0, 0)
    return Face(sequence, Position("(2018)吉01民初129号", "key", *place))


def order(faces, case_type="0301"):
    return [(one.page.sequence, one.number) for one in archival(faces, case_type, RULES)]


def test_materials_stand_in_the_order_of_the_rule_not_of_the_paper():
    faces = [face(1, "131"), face(2, "121"), face(3, "111"), face(4, "141"), face(5, "125")]
    assert order(faces) == [(3, 1), (5, 2), (2, 3), (1, 4), (4, 5)]


def test_an_appeal_has_another_order():
    faces = [face(1, "125"), face(2, "113"), face(3, "121")]
    assert [s for s, _ in order(faces, "0301")][:2] == [1, 3]
    assert [s for s, _ in order(faces, "0302")] == [2, 3, 1]


def test_each_volume_is_numbered_from_1_and_the_main_one_comes_first():
    faces = [face(1, "172", stage="JA"), face(2, "171", stage="JA"), face(3, "111")]
    assert order(faces) == [(3, 1), (2, 1), (1, 2)]


def test_what_is_not_for_the_archive_and_what_has_no_place_stand_last_without_a_number():
    faces = [face(1), face(2, "990"), face(3, "111"), face(4), face(5, "171", stage="JA")]
    assert order(faces) == [(3, 1), (5, 1), (2, None), (1, None), (4, None)]


def test_what_the_order_does_not_list_follows_by_stage_and_then_by_capture():
    faces = [
        face(1, "900", stage="TQ"),
        face(2, "116", stage="LA"),
        face(3, "900", stage="LA"),
        face(4, "141"),
    ]
    assert order(faces) == [(4, 1), (2, 2), (3, 3), (1, 4)]


def test_a_case_type_without_an_order_has_the_order_of_formation_alone():
    faces = [face(1, "141", stage="TQ"), face(2, "131"), face(3, "111")]
    assert [s for s, _ in order(faces, "1002")] == [2, 3, 1]
    assert [s for s, _ in order(faces, "")] == [2, 3, 1]


def test_papers_about_a_person_stay_together_by_party():
    faces = [
        face(1, "121", "Y01"),
        face(2, "121", "B01"),
        face(3, "122", "Y01"),
        face(4, "122", "B01"),
    ]
    assert [s for s, _ in order(faces)] == [2, 4, 1, 3]


def test_pages_of_one_material_stay_together_in_order_of_capture():
    faces = [
        face(1, "141", "B01", stage="LA"),
        face(2, "141", "B01", stage="TQ"),
        face(3, "141", "B01", stage="LA", page=2),
        face(4, "900", stage="LA"),
        face(5, "900", "B01", stage="LA"),
        face(6, "900", stage="LA", page=2),
    ]
    assert [s for s, _ in order(faces)] == [1, 3, 2, 4, 6, 5]


def test_instances_and_a_second_batch_follow_each_other():
    """A second batch numbers its pages from 1 again: capture decides, not the number."""
    faces = [
        face(1, "131", page=1),
        face(2, "131", page=2),
        face(3, "131", instance=2),
        face(9, "131", page=1),
    ]
    assert [s for s, _ in order(faces)] == [1, 2, 9, 3]


def test_a_code_that_left_the_catalogue_loses_no_page():
    gone = face(1, "777", volume="main")
    assert order([gone, face(2, "111")]) == [(2, 1), (1, 2)]


@pytest.mark.parametrize("seed", range(5))
def test_the_order_does_not_depend_on_how_the_pages_come(seed):
    codes = ["", "111", "121", "122", "131", "171", "900", "990"]
    choice = random.Random(seed)
    faces = [
        face(n, choice.choice(codes), choice.choice(["Y01", "B01"]), instance=choice.choice([1, 2]))
        for n in range(1, 60)
    ]
    shuffled = choice.sample(faces, len(faces))
    assert order(shuffled) == order(faces)
    for volume in ("main", "secondary"):
        numbers = [
            one.number
            for one in archival(faces, "0301", RULES)
            if one.page.position.volume == volume
        ]
        assert numbers == list(range(1, len(numbers) + 1))
