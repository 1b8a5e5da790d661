"""What the sensors say of wear and of the sheet fed last."""

import pytest

from daemon.feeder import models
from daemon.feeder.fi.status import parse_hardware_status


def sensors(at, value):
    answer = bytearray(12)
    answer[at] = value
    return parse_hardware_status(bytes(answer))


QUIET = parse_hardware_status(bytes(12))


@pytest.mark.parametrize(
    ("bit", "part"), [(0x80, "pick_roller"), (0x40, "pad"), (0x20, "brake"), (0x10, "separator")]
)
def test_every_worn_part_is_told_by_its_name(bit, part):
    assert sensors(5, bit).consumable_alarms == {part}


def test_parts_that_wear_have_the_same_names_in_the_table_of_models():
    assert sensors(5, 0xF0).consumable_alarms == set(models.PARTS)


def test_the_function_dial_is_no_alarm():
    assert sensors(5, 0x0F) == QUIET


@pytest.mark.parametrize(
    ("at", "bit", "fact"),
    [(6, 0x01, "double_feed"), (6, 0x20, "over_skew"), (4, 0x40, "cleaning_due")],
)
def test_a_bit_is_one_fact_and_no_other(at, bit, fact):
    told = sensors(at, bit)
    assert getattr(told, fact)
    others = {"double_feed", "over_skew", "cleaning_due", "sleeping", "button_pressed"} - {fact}
    assert not any(getattr(told, other) for other in others)


@pytest.mark.parametrize("count", [5, 6])
def test_what_a_short_answer_leaves_out_is_not_reported(count):
    told = parse_hardware_status(b"\xff" * count)
    assert not told.double_feed
    assert told.consumable_alarms == (set(models.PARTS) if count > 5 else set())
