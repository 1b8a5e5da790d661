"""kill -9 at any moment: the court holds every fed face once, in order, or the journal names it."""

import random
import signal
import sqlite3
import threading
import time
from contextlib import closing

import cv2

from daemon.demo import mark
from daemon.dossier import verifier
from daemon.page import Fate
from daemon.stream.dial import Appliance as Target
from daemon.stream.puller import Puller
from tests import line

KILLS = 20
SHEETS = 24


def hands(appliance):
    """Lay what was not read back on top of the hopper; returns how many sheets."""
    out = appliance.hopper.look().next_sheet - appliance.sheets_read()
    assert out >= 0, "a sheet that is still in the hopper was read"
    appliance.hopper.refeed()
    appliance.hopper.take_back(appliance.hopper.look().next_sheet - appliance.sheets_read())
    return out


def pressing(appliance, condition):
    """Press Scan while looking: a press from before the restart clears nothing."""
    appliance.hopper.press_scan()
    return condition()


def for_a_while(seconds):
    """Return a condition that holds after so many seconds."""
    end = time.monotonic() + seconds
    return lambda: time.monotonic() > end


def marks_at_the_court(folder):
    """Return the marks of all pages, in the order of the journal."""
    with closing(sqlite3.connect(folder / ".suian.db")) as court:
        paths = court.execute(
            "SELECT f.path FROM entry e JOIN file f ON f.page_id = e.page_id"
            " WHERE e.kind = 'page' AND f.role = 'page' ORDER BY e.sequence"
        ).fetchall()
    found = []
    for (path,) in paths:
        read = mark.read(cv2.imread(str(folder / path), cv2.IMREAD_GRAYSCALE), 200)
        found.append(read and read.number)
    return found


def test_killed_twenty_times_the_court_holds_every_page_once_and_in_order(appliance, tmp_path):
    choice = random.Random(129)
    hall = appliance(line.stack(SHEETS))
    court = tmp_path / "court"
    puller = Puller(Target(hall.target, "court"), court, follow=True, give_up_s=None)
    pulling = threading.Thread(target=puller.run)
    pulling.start()
    laid_back = 0
    try:
        for turn in range(KILLS):
            before = hall.hopper.look().next_sheet
            hall.start()
            if turn % 2:  # also while it starts
                moment = for_a_while(choice.uniform(0.5, 5.0))
            else:
                moved = lambda b=before: hall.hopper.look().next_sheet > b or hall.at_rest()  # noqa: E731
                hall.wait(lambda until=moved: pressing(hall, until), "paper moves")
                moment = for_a_while(choice.uniform(0.0, 1.0))
            hall.wait(lambda until=moment: pressing(hall, until), "a while")
            assert hall.end(signal.SIGKILL)[0] == -signal.SIGKILL
            laid_back += hands(hall)
        hall.start()
        hall.wait(lambda: pressing(hall, hall.at_rest), "the hopper is empty")
        puller.stop()
        pulling.join()
        Puller(Target(hall.target, "court"), court).run()
    finally:
        puller.stop()
        pulling.join()
    assert hall.end(signal.SIGTERM)[0] == 0

    assert marks_at_the_court(court) == list(range(1, SHEETS + 1))
    assert verifier.verify(court).problems == ()
    faces = hall.faces()
    assert all(face.fate is not None for face in faces)
    # seen in the path after the restart, or nowhere
    unread = [face for face in faces if face.fate in (Fate.SUPERSEDED, Fate.LOST)]
    assert {face.reason for face in unread} <= {"interrupted"}
    assert len(faces) - len(unread) == 2 * hall.sheets
    # every sheet that left the hopper and was not read had its own row, which named it
    assert len(unread) >= 2 * laid_back > 0
