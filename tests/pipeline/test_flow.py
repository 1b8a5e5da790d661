"""Hopper to journal: order, the gate, and every fault by its name."""

import threading

import cv2
import numpy as np
import pytest

from daemon.errors import ConfigError, NotPossible
from daemon.feeder.emulator import Emulator, Fault, FaultKind
from daemon.feeder.hopper import Hopper
from daemon.feeder.loopback import LoopbackBackend
from daemon.page import Fate, Role, Side
from daemon.spool.journal import Decision
from tests.feeder.wire import Bus
from tests.line import FOREIGN_KEYS, WHITE, Paper, both, page, separator, stack


def test_pages_stand_in_the_journal_in_the_order_of_the_paper(lay):
    line = lay(stack(4)).start()
    line.until_closed()
    account = line.ledger.batch_account(1)
    assert line.marks() == [1, 2, 3, 4]
    assert account.counts == {Fate.PAGE: 4, Fate.BLANK: 4, Fate.SEPARATOR: 4}
    assert [f.position.page for f in account.faces if f.fate is Fate.PAGE] == [1, 2, 3, 4]
    assert {f.position.material for f in account.faces if f.fate is Fate.PAGE} == {"111"}
    assert line.count("suian_feeder_sheets_total") == account.sheets == 6


def test_pages_of_an_emulated_scanner_are_virtual(lay):
    line = lay(stack(1)).start()
    line.until_closed()
    assert all(face.virtual for face in line.faces())


def test_pages_before_the_first_case_separator_wait_unassigned(lay):
    line = lay([(page(1), WHITE), *stack(1, first=2)]).start()
    line.until_closed()
    first, second = (f.position for f in line.faces() if f.fate is Fate.PAGE)
    assert (first.case_key, first.material) == ("", "")
    assert second.material == "111"


def test_no_sheet_is_asked_for_before_both_faces_of_the_last_are_durable(lay):
    line = lay(stack(4))
    seen, write = [], line.device.write

    def watch(data):
        if len(data) == 31 and data[0x13] == 0x31 and data[0x14] & 7 == 1:
            faces = line.ledger.batch_account(1).faces
            seen.append((len(faces), [f.fate for f in faces].count(None)))
        write(data)

    line.device.write = watch
    line.start().until_closed()
    # its own two faces are written down and open, all others have a fate
    assert seen == [(2 * n, 2) for n in range(1, 8)]


FAULTS = [
    (FaultKind.JAM, "feed", "paper_jam"),
    (FaultKind.JAM, "read", "paper_jam"),
    (FaultKind.DOUBLE_FEED, "feed", "double_feed"),
    (FaultKind.DOUBLE_FEED, "read", "double_feed"),
]


@pytest.mark.parametrize(("kind", "when", "label"), FAULTS)
def test_a_sheet_that_got_stuck_is_superseded_named_and_fed_again_in_order(lay, kind, when, label):
    line = lay(stack(5), [Fault(4, kind, when)]).start()
    assert line.until_blocked() == label
    assert line.flow.facts.refeed_from_sheet == 5
    line.hopper.refeed()
    line.hopper.press_scan()
    line.until_closed()
    assert line.marks() == [1, 2, 3, 4, 5]
    superseded = [f for f in line.faces() if f.fate is Fate.SUPERSEDED]
    assert [(f.page_id.sheet, f.page_id.side, f.reason) for f in superseded] == [
        (5, Side.FRONT, label),
        (5, Side.BACK, label),
    ]
    assert line.count("suian_feeder_faults_total", reason=label) == 1
    # the sheet that came next stands in its place, and nobody has to say so
    by = [f.changes[0].values["by_page_id"] for f in superseded]
    assert by == [str(f.page_id) for f in line.faces() if f.page_id.sheet == 6]
    assert line.ledger.undecided() == 0


def test_a_sheet_that_is_never_fed_again_waits_for_a_decision(lay):
    line = lay([(page(1), WHITE)], [Fault(0, FaultKind.JAM, "read")]).start()
    line.until_blocked()
    line.hopper.deliver()
    line.flow.close_batch(1, DECIDED)
    assert [f.fate for f in line.ledger.undecided_faces()] == [Fate.SUPERSEDED] * 2


DECIDED = Decision("court/clerk", "the clerk has taken the stack away", "r-1")


def test_a_blocked_batch_is_closed_by_decision_and_the_path_still_waits_for_hands(lay):
    line = lay(stack(3), [Fault(3, FaultKind.JAM, "feed")]).start()
    line.until_blocked()
    sequence = line.flow.close_batch(1, DECIDED)
    assert line.ledger.last()[0] == sequence
    account = line.ledger.batch_account(1)
    assert account.closed_at is not None
    assert line.until_blocked() == "paper_jam"
    assert line.flow.close_batch(1, DECIDED) == sequence
    line.hopper.refeed()
    line.hopper.press_scan()
    line.until_closed(batches=2)
    assert line.ledger.undecided() == 2  # nobody may guess that batch 2 holds that sheet


def test_a_batch_whose_scanner_is_gone_is_closed_and_its_open_sheet_lost_by_name(lay):
    line = lay(stack(3), [Fault(3, FaultKind.UNPLUG, "read")]).start()
    line.until(lambda: line.count("suian_feeder_faults_total", reason="link_lost"), "unplug")
    line.until(lambda: line.flow.facts.state == "absent", "the scanner is missed")
    line.flow.close_batch(1, DECIDED)
    account = line.ledger.batch_account(1)
    assert account.counts[Fate.LOST] == 2
    assert account.faces[-1].reason == "given_up: the clerk has taken the stack away"


def test_a_batch_that_is_fed_is_not_closed_under_the_feeder(lay):
    line = lay(stack(6))
    asked = []

    def ask():
        with pytest.raises(NotPossible, match="pause it first"):
            line.flow.close_batch(1, DECIDED)
        asked.append(True)

    line.start()
    line.until(lambda: line.ledger.batch_numbers(1) == [1], "the batch opens")
    threading.Thread(target=ask).start()
    line.until_closed()
    line.until(lambda: asked, "the answer")
    assert line.marks() == [1, 2, 3, 4, 5, 6]


def test_scan_alone_does_not_clear_a_jam_while_paper_lies_in_the_path(lay):
    line = lay(stack(2), [Fault(2, FaultKind.JAM, "feed")]).start()
    line.until_blocked()
    line.hopper.press_scan()
    line.until(lambda: not line.hopper.look().button, "the button is read")
    assert line.until_blocked() == "paper_jam"
    line.hopper.refeed()
    line.hopper.press_scan()
    line.until_closed()
    assert line.marks() == [1, 2]


def test_a_press_of_scan_from_before_the_fault_clears_nothing(lay):
    line = lay(stack(3), [Fault(3, FaultKind.STOP_BUTTON, "feed")])
    line.flow.pause()
    line.start()
    line.until(lambda: line.flow.facts.scanner, "poll")
    write = line.device.write

    def press_while_feeding(data):
        if data[:1] == b"C" and data[0x13] == 0x31:
            line.hopper.press_scan()
        write(data)

    line.device.write = press_while_feeding
    line.flow.resume()
    assert line.until_blocked() == "stopped_by_operator"
    line.until(lambda: not line.hopper.look().button, "the button is read")
    assert line.until_blocked() == "stopped_by_operator"
    line.device.write = write
    line.hopper.press_scan()
    line.until_closed()
    assert line.marks() == [1, 2, 3]


@pytest.mark.parametrize(
    ("kind", "label"),
    [(FaultKind.COVER_OPEN, "cover_open"), (FaultKind.STOP_BUTTON, "stopped_by_operator")],
)
def test_what_stops_before_paper_moves_costs_no_sheet(lay, kind, label):
    line = lay(stack(3), [Fault(3, kind, "feed")]).start()
    assert line.until_blocked() == label
    assert line.flow.facts.refeed_from_sheet == 0
    line.hopper.close_cover()
    line.hopper.press_scan()
    line.until_closed()
    assert line.marks() == [1, 2, 3]
    assert set(line.ledger.batch_account(1).counts) == {Fate.PAGE, Fate.BLANK, Fate.SEPARATOR}


def test_a_sheet_in_an_unplugged_scanner_is_named_once_the_sensors_see_it_again(lay):
    line = lay(stack(3), [Fault(3, FaultKind.UNPLUG, "read")]).start()
    line.until(lambda: line.count("suian_feeder_faults_total", reason="link_lost"), "unplug")
    assert [f.fate for f in line.faces()][-2:] == [None, None]
    line.usb.plug()
    assert line.until_blocked() == "link_lost"
    assert line.flow.facts.refeed_from_sheet == 4
    line.hopper.refeed()
    line.hopper.press_scan()
    line.until_closed()
    assert line.marks() == [1, 2, 3]
    named = [f for f in line.faces() if f.reason == "link_lost"]
    assert [(f.page_id.sheet, f.fate) for f in named] == [(4, Fate.SUPERSEDED)] * 2
    assert line.count("suian_feeder_faults_total", reason="link_lost") == 1
    assert line.count("suian_feeder_recovery_steps_total", step="enumerate") >= 1


def test_a_sheet_that_may_have_gone_anywhere_is_lost_by_name(lay):
    line = lay(stack(3), [Fault(3, FaultKind.UNPLUG, "feed")]).start()
    line.until(lambda: line.count("suian_feeder_faults_total", reason="link_lost"), "unplug")
    line.hopper.refeed()  # somebody has taken it out before the cable is plugged in again
    line.usb.plug()
    assert line.until_blocked() == "link_lost"
    line.hopper.press_scan()
    line.until_closed()
    assert line.marks() == [1, 2, 3]
    named = [f for f in line.faces() if f.reason == "link_lost"]
    assert [(f.page_id.sheet, f.fate) for f in named] == [(4, Fate.LOST)] * 2


def test_a_scanner_that_fails_before_paper_moves_heals_without_hands(lay):
    line = lay(stack(3), [Fault(3, FaultKind.OPTICAL, "feed")]).start()
    line.until_closed()
    assert line.marks() == [1, 2, 3]
    assert set(line.ledger.batch_account(1).counts) == {Fate.PAGE, Fate.BLANK, Fate.SEPARATOR}
    assert line.count("suian_feeder_faults_total", reason="hardware") == 1


def test_what_had_come_of_a_sheet_is_kept_as_its_evidence(lay):
    line = lay(stack(3), [Fault(3, FaultKind.JAM, "read")]).start()
    line.until_blocked()
    front = next(f for f in line.faces() if f.fate is Fate.SUPERSEDED)
    (blob,) = front.blobs
    assert blob.role is Role.EVIDENCE
    data = line.ledger.read_blob(front.page_id, Role.EVIDENCE, 0, blob.size_bytes)
    seen = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE)
    assert 100 < seen.shape[0] < 1169  # some lines at 100 dpi, and not the whole sheet
    assert seen.min() < 100
    assert seen.max() > 200


def two_on_the_bus(line):
    other = Emulator(Paper([]), Hopper(0), serial=222)
    return Bus(line.usb, LoopbackBackend(other))


def test_a_second_scanner_plugged_in_beside_it_stops_feeding_and_nothing_else(lay):
    line = lay(stack(3), [Fault(3, FaultKind.UNPLUG, "feed")])
    alone, line.scanner._backend = line.scanner._backend, lambda: backend[0]
    backend = [line.usb]
    line.start()
    line.until(lambda: line.count("suian_feeder_faults_total", reason="link_lost"), "unplug")
    backend[0] = two_on_the_bus(line)
    line.usb.plug()
    line.until(lambda: line.count("suian_feeder_recovery_steps_total", step="enumerate") > 2, "try")
    assert line.error is None
    backend[0] = alone()
    assert line.until_blocked() == "link_lost"
    line.hopper.refeed()
    line.hopper.press_scan()
    line.until_closed()
    assert line.marks() == [1, 2, 3]


def test_two_scanners_from_the_first_are_a_reason_not_to_start(lay):
    line = lay(stack(1))
    both_of_them = two_on_the_bus(line)
    line.scanner._backend = lambda: both_of_them
    with pytest.raises(ConfigError, match=r"several scanners.*716000001.*222"):
        line.flow.run(lambda: None)


def vanish_at_cancel(line, sheets):
    """Unplug the scanner when it is told to cancel behind so many sheets; returns what happened."""
    write, vanished = line.device.write, []

    def watch(data):
        cancels = len(data) == 31 and data[0x13] == 0xF1 and data[0x14] == 4
        if cancels and not vanished and line.hopper.look().next_sheet == sheets:
            vanished.append(True)
            line.device.unplug()
        write(data)

    line.device.write = watch
    return vanished


def test_a_scanner_that_vanishes_behind_the_last_sheet_costs_nothing(lay):
    line = lay(stack(2))
    vanished = vanish_at_cancel(line, sheets=4)
    line.start()
    line.until(lambda: vanished, "the batch ends")
    line.usb.plug()
    line.until_closed()
    assert line.marks() == [1, 2]
    assert set(line.ledger.batch_account(1).counts) == {Fate.PAGE, Fate.BLANK, Fate.SEPARATOR}


def test_a_scanner_that_vanishes_behind_an_untrusted_separator_still_waits_for_hands(lay):
    foreign = both(separator("M", "x", keys=FOREIGN_KEYS, stage="LA", material="121"))
    line = lay([*stack(1), foreign, (page(2), WHITE)])
    vanished = vanish_at_cancel(line, sheets=4)
    line.start()
    line.until(lambda: vanished, "the feeder stops")
    line.usb.plug()
    line.until(lambda: line.scanner.state == "idle", "recovery")
    assert line.until_blocked() == "unknown_separator"
    assert line.hopper.look().next_sheet == 4
    line.hopper.press_scan()
    line.until_closed()
    assert line.marks() == [1, 2]


def test_nothing_is_fed_while_paused_or_without_room(lay):
    line = lay(stack(1))
    line.flow.pause()
    line.start()
    line.until(lambda: line.flow.facts.paused and line.flow.facts.scanner, "poll")
    assert line.hopper.look().next_sheet == 0
    line.flow.resume()
    line.until_closed()
    full = lay(stack(1), min_free_bytes=2**60).start()
    full.until(lambda: full.flow.facts.scanner, "poll")
    assert full.ledger.batch_numbers(5) == [1]


def test_a_separator_that_cannot_be_trusted_stops_the_feeder(lay):
    foreign = both(separator("M", "x", keys=FOREIGN_KEYS, stage="LA", material="121"))
    sheets = [*stack(1), foreign, (page(2), WHITE)]
    line = lay(sheets).start()
    assert line.until_blocked() == "unknown_separator"
    assert line.hopper.look().next_sheet == 4
    assert [f.fate for f in line.faces()][-2:] == [Fate.QUARANTINED] * 2
    line.hopper.press_scan()
    line.until_closed()
    assert line.marks() == [1, 2]


def test_or_by_site_option_the_pages_behind_it_go_into_quarantine(lay):
    foreign = both(separator("M", "x", keys=FOREIGN_KEYS, stage="LA", material="121"))
    sheets = [*stack(1), foreign, (page(2), WHITE), *stack(1, first=3)]
    line = lay(sheets, unknown="quarantine").start()
    line.until_closed()
    assert line.marks() == [1, 3]
    assert line.marks(Fate.QUARANTINED)[2:] == [2]
    assert len(line.ledger.undecided_faces()) == 3


def test_an_end_separator_closes_the_batch_and_its_scope(lay):
    sheets = [*stack(1), both(separator("E", "e", case="")), (page(2), WHITE)]
    line = lay(sheets).start()
    line.until_closed(2)
    assert line.marks(batch=1) == [1]
    assert line.marks(batch=2) == [2]
    assert [f.position.case_key for f in line.faces(2)] == ["", ""]


def test_raw_is_kept_behind_the_page(lay):
    line = lay(stack(1), keep_raw="all").start()
    line.until_closed()
    line.until(lambda: line.count("suian_raw_faces_total", outcome="kept") == 2, "raw")
    kept = [f for f in line.faces() if any(b.role == "raw" for b in f.blobs)]
    assert [f.fate for f in kept] == [Fate.PAGE, Fate.BLANK]


def test_a_restart_between_sheets_goes_on_in_the_same_batch_and_scope(lay):
    sheets = stack(6)
    line = lay(sheets).start()
    line.until(lambda: line.hopper.look().next_sheet >= 4, "four sheets")
    line = lay(sheets).start()  # the sheet in the path was finished first
    line.until_closed()
    assert line.marks() == [1, 2, 3, 4, 5, 6]
    pages = [f.position.page for f in line.faces() if f.fate is Fate.PAGE]
    assert pages == [1, 2, 3, 4, 5, 6]
    assert set(line.ledger.batch_account(1).counts) == {Fate.PAGE, Fate.BLANK, Fate.SEPARATOR}


def test_a_request_left_open_by_a_crash_is_lost_by_name_and_waits_for_hands(lay):
    sheets = stack(2)
    line = lay(sheets)
    batch = line.ledger.open_batch(virtual=True)
    line.ledger.request_feed(batch.number)
    line.start()
    assert line.until_blocked() == "interrupted"
    assert line.flow.facts.refeed_from_sheet == 1
    line.hopper.press_scan()
    line.until_closed()
    assert line.marks() == [1, 2]
    named = [(f.fate, f.reason) for f in line.faces()[:2]]
    assert named == [(Fate.LOST, "interrupted")] * 2


def test_a_sheet_found_in_the_path_after_a_crash_is_superseded_and_must_be_laid_back(lay):
    sheets = stack(2)
    line = lay(sheets)
    batch = line.ledger.open_batch(virtual=True)
    line.ledger.request_feed(batch.number)
    line.hopper.feed()
    line.start()
    assert line.until_blocked() == "interrupted"
    line.hopper.refeed()
    line.hopper.press_scan()
    line.until_closed()
    assert line.marks() == [1, 2]
    named = [(f.fate, f.reason) for f in line.faces()[:2]]
    assert named == [(Fate.SUPERSEDED, "interrupted")] * 2


def test_after_a_crash_nothing_is_decided_before_the_sensors_answer(lay):
    line = lay(stack(2))
    batch = line.ledger.open_batch(virtual=True)
    line.ledger.request_feed(batch.number)
    line.device.unplug()
    line.start()
    line.until(lambda: line.count("suian_feeder_faults_total", reason="link_lost"), "a poll")
    assert [f.fate for f in line.faces()] == [None, None]
    line.usb.plug()
    assert line.until_blocked() == "interrupted"


def test_with_an_empty_hopper_a_press_does_not_end_the_batch_without_the_jammed_sheet(lay):
    line = lay(stack(2), [Fault(3, FaultKind.JAM, "read")]).start()
    line.until_blocked()
    line.hopper.deliver()  # the last sheet is in the clerk's hands
    line.hopper.press_scan()
    line.until(lambda: not line.hopper.look().button, "the button is read")
    assert line.until_blocked() == "paper_jam"
    line.hopper.take_back()
    line.hopper.press_scan()
    line.until_closed()
    assert line.marks() == [1, 2]


def test_a_jam_that_was_not_cleared_still_blocks_after_a_restart(lay):
    sheets = stack(2)
    faults = [Fault(2, FaultKind.JAM, "feed")]
    line = lay(sheets, faults).start()
    line.until_blocked()
    line = lay(sheets, faults).start()
    assert line.until_blocked() == "paper_jam"
    assert line.flow.facts.refeed_from_sheet == 3
    assert line.hopper.look().next_sheet == 3
    line.hopper.refeed()
    line.hopper.press_scan()
    line.until_closed()
    assert line.marks() == [1, 2]
