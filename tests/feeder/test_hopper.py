"""Where the paper lies, whoever touches it and whenever they are killed."""

import json
import random
import subprocess
import sys
import threading
import time

import pytest

from daemon.errors import ConfigError
from daemon.feeder.hopper import Hopper, Pile

COMMON = """
import sys
from pathlib import Path
from daemon.feeder.hopper import Hopper
hopper = Hopper.existing(Path(sys.argv[1]))
"""
HANDS = COMMON + "for index in range(int(sys.argv[2]), int(sys.argv[3])): hopper.fire(index)"
RESTLESS = (
    COMMON
    + """
print("go", flush=True)
while True:
    hopper.feed(2)
    hopper.refeed()
"""
)


@pytest.fixture(params=["in memory", "in a file"])
def hopper(request, tmp_path):
    return Hopper(5, tmp_path / "hopper.json" if request.param == "in a file" else None)


def process(code, *arguments):
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)], stdout=subprocess.PIPE, text=True
    )


def places(pile):
    return pile.in_tray, pile.in_path, pile.in_hopper


def test_paper_begins_in_the_hopper_and_ends_in_the_tray(hopper):
    assert places(hopper.look()) == (0, 0, 5)
    hopper.feed()
    assert places(hopper.look()) == (0, 1, 4)
    hopper.deliver()
    assert places(hopper.look()) == (1, 0, 4)


def test_a_double_feed_takes_two_but_never_more_than_there_are(hopper):
    hopper.feed(2)
    assert places(hopper.look()) == (0, 2, 3)
    hopper.deliver()
    hopper.feed(4)
    assert places(hopper.look()) == (2, 3, 0)


def test_what_is_refed_is_the_next_to_be_fed(hopper):
    hopper.feed()
    hopper.deliver()
    hopper.feed(2)
    hopper.refeed()
    assert (hopper.look().next_sheet, places(hopper.look())) == (1, (1, 0, 4))
    hopper.refeed()
    assert places(hopper.look()) == (1, 0, 4)


def test_the_last_sheets_of_the_tray_can_be_taken_back(hopper):
    hopper.feed(3)
    hopper.deliver()
    hopper.take_back(2)
    assert (hopper.look().next_sheet, places(hopper.look())) == (1, (1, 0, 4))
    with pytest.raises(ValueError, match="take back 2"):
        hopper.take_back(2)
    hopper.feed()
    with pytest.raises(ValueError, match="take back 1"):
        hopper.take_back()


def test_the_button_stays_pressed_until_it_is_read(hopper):
    assert not hopper.read_button()
    hopper.press_scan()
    assert hopper.look().button
    assert hopper.read_button()
    assert not hopper.read_button()


def test_the_cover_is_open_until_it_is_shut(hopper):
    hopper.open_cover()
    assert hopper.look().cover_open
    hopper.close_cover()
    assert not hopper.look().cover_open


def test_a_fault_that_has_happened_is_remembered_once(hopper):
    for index in (3, 1, 3):
        hopper.fire(index)
    assert hopper.look().fired == (1, 3)


@pytest.mark.parametrize("wrong", [(1, 2, 0), (1, 1, 2), (1, 1, -1), (-1, -1, -1)])
def test_there_is_no_pile_that_paper_cannot_make(wrong):
    with pytest.raises(ValueError, match="no such pile"):
        Pile(*wrong)


def test_a_file_is_continued_where_it_was_left(tmp_path):
    file = tmp_path / "hopper.json"
    before = Hopper(5, file)
    before.feed(2)
    before.open_cover()
    before.press_scan()
    before.fire(7)
    assert Hopper(5, file).look() == before.look() == Pile(5, 2, 2, True, True, (7,))
    assert Hopper.existing(file).look() == before.look()


def test_two_processes_and_two_threads_lose_no_change_of_each_other(tmp_path):
    file = tmp_path / "hopper.json"
    ours = Hopper(1, file)
    others = [process(HANDS, file, 0, 100), process(HANDS, file, 100, 200)]
    threads = [
        threading.Thread(target=lambda start=start: [ours.fire(start + k) for k in range(50)])
        for start in (200, 250)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for other in others:
        other.communicate()
        assert other.returncode == 0
    assert ours.look().fired == tuple(range(300))


def test_hands_that_are_killed_leave_a_whole_file_behind(tmp_path):
    file = tmp_path / "hopper.json"
    ours = Hopper(1000, file)
    moment = random.Random(1)
    for _ in range(12):
        with process(RESTLESS, file) as hands:
            assert hands.stdout.readline() == "go\n"
            time.sleep(moment.uniform(0, 0.01))
            hands.kill()
        pile = ours.look()
        assert places(pile) in {(0, 0, 1000), (0, 2, 998)}
        ours.refeed()
        assert places(ours.look()) == (0, 0, 1000)


GOOD = {
    "format": "suian hopper 1",
    "sheets": 5,
    "next_sheet": 2,
    "in_path": 1,
    "cover_open": False,
    "button": False,
    "fired": [0],
}


def test_the_file_of_the_next_test_would_be_taken_if_it_were_whole(tmp_path):
    file = tmp_path / "hopper.json"
    file.write_text(json.dumps(GOOD))
    assert Hopper(5, file).look() == Pile(5, 2, 1, fired=(0,))


@pytest.mark.parametrize(
    "text",
    [
        b"",
        json.dumps(GOOD).encode()[:-9],
        b"\xff\xfe",
        b"[1]",
        json.dumps(GOOD | {"format": "another"}).encode(),
        json.dumps(GOOD | {"next_sheet": 6}).encode(),
        json.dumps(GOOD | {"next_sheet": 2.0}).encode(),
        json.dumps(GOOD | {"next_sheet": "2"}).encode(),
        json.dumps(GOOD | {"button": 0}).encode(),
        json.dumps(GOOD | {"fired": ["0"]}).encode(),
        json.dumps(GOOD | {"fired": 0}).encode(),
        json.dumps(GOOD | {"colour": 1}).encode(),
        json.dumps({k: v for k, v in GOOD.items() if k != "in_path"}).encode(),
    ],
)
def test_a_damaged_file_is_refused_and_left_alone(tmp_path, text):
    file = tmp_path / "hopper.json"
    file.write_bytes(text)
    with pytest.raises(ConfigError, match=r"delete it .* or name another in feeder\.hopper_file"):
        Hopper(5, file)
    assert file.read_bytes() == text


def test_a_file_that_is_damaged_later_is_refused_by_every_operation(tmp_path):
    file = tmp_path / "hopper.json"
    hopper = Hopper(5, file)
    file.write_text("{")
    for operation in (hopper.look, hopper.feed, hopper.refeed, hopper.read_button):
        with pytest.raises(ConfigError, match="not a whole hopper file"):
            operation()
    file.unlink()
    with pytest.raises(ConfigError, match="cannot be used"):
        hopper.feed()


def test_a_file_of_another_stack_is_refused(tmp_path):
    file = tmp_path / "hopper.json"
    Hopper(5, file)
    with pytest.raises(ConfigError, match="made for another stack") as refused:
        Hopper(6, file)
    assert (refused.value.facts["sheets"], refused.value.facts["expected"]) == (5, 6)


@pytest.mark.parametrize("name", ["missing/hopper.json", "."])
def test_a_place_that_cannot_hold_it_is_refused(tmp_path, name):
    with pytest.raises(ConfigError, match=r"feeder\.hopper_file"):
        Hopper(5, tmp_path / name)
