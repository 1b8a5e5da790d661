"""A batch, and who the scanner is: the driver over real pyusb and the emulated scanner."""

import time

import pytest

from daemon.errors import ConfigError, LinkLost
from daemon.feeder.emulator import Emulator
from daemon.feeder.hopper import Hopper
from daemon.feeder.loopback import LoopbackBackend
from daemon.feeder.scanner import Scanner
from daemon.feeder.settings import Mode
from daemon.feeder.transport import State
from daemon.page import DeviceIdentity, SampleOrder, Side
from tests.feeder.bench import is_free, sheet_id
from tests.feeder.wire import Bus, Noise, Refusing, sense

FEED = bytes.fromhex("31 01 00 00 00 00 00 00 00 00")
MODE_SENSE, SET_WINDOW, CANCEL = 0x1A, 0x24, b"\xf1\x04"

# -- a batch ---------------------------------------------------------------------------------


def test_a_colour_batch_at_300_dpi_arrives_byte_for_byte(bench):
    b = bench(2, dpi=300, mode=Mode.COLOUR)
    before = time.time()
    b.start()
    for index in range(2):
        assert b.scanner.feed()
        front, back = b.scanner.read_sheet(sheet_id(index + 1))
        assert (front.samples == b.paper.wire(index, "F", front)).all()
        assert (back.samples == b.paper.wire(index, "B", back)).all()
        for scan, side in ((front, Side.FRONT), (back, Side.BACK)):
            assert scan.samples.shape == (3508, 2480, 3)
            assert scan.order is SampleOrder.RGB_INVERTED
            assert scan.page_id == sheet_id(index + 1).face(side)
            assert scan.virtual
            assert not scan.incomplete
            assert scan.dpi == 300
            assert before <= scan.captured_at <= time.time()
    assert not b.scanner.feed()
    b.scanner.finish()
    assert b.hopper.look().in_tray == 2


def test_a_gray_batch_arrives_byte_for_byte(bench):
    b = bench(3)
    b.start()
    assert b.rest() == [0, 1, 2]
    b.scanner.finish()


def test_a_gray_face_is_gray_and_inverted(bench):
    b = bench(1)
    b.start().feed()
    front, _ = b.scanner.read_sheet(sheet_id(1))
    assert front.samples.shape == (2338, 1653)
    assert front.order is SampleOrder.GRAY_INVERTED


def test_a_scanner_that_pads_short_reads_gives_the_same_samples(bench):
    b = bench(1)
    b.emulator = Emulator(b.paper, b.hopper, pads=True)
    b.start()
    assert b.rest() == [0]


def test_each_sheet_is_asked_for_once(bench):
    b = bench(3)
    b.start()
    b.rest()
    assert b.commands(0x31) == [FEED] * 4


def test_the_states_of_a_batch_follow_the_paper(bench):
    b = bench(1)
    seen = [b.scanner.state]
    b.scanner.poll()
    seen.append(b.scanner.state)
    b.scanner.arm()
    seen.append(b.scanner.state)
    b.scanner.feed()
    seen.append(b.scanner.state)
    b.scanner.read_sheet(sheet_id(1))
    seen.append(b.scanner.state)
    b.scanner.feed()
    seen.append(b.scanner.state)
    b.scanner.finish()
    seen.append(b.scanner.state)
    b.scanner.close()
    seen.append(b.scanner.state)
    assert seen == [
        State.ABSENT,
        State.IDLE,
        State.ARMED,
        State.FEEDING,
        State.ARMED,
        State.ARMED,
        State.IDLE,
        State.ABSENT,
    ]


def test_a_batch_is_these_commands_in_this_order(bench):
    b = bench(1)
    b.start()
    b.rest()
    b.scanner.finish()
    order = [cdb[:1].hex() for cdb in b.sent if cdb[0] not in {0x00, 0x03}]
    images = [i for i, cdb in enumerate(b.sent) if cdb[0] == 0x28 and cdb[2] == 0x00]
    assert order[:5] == ["12", "12", "1d", "1c", "c2"]
    assert order[5:25] == ["1a"] * 7 + ["15"] * 7 + ["24", "2a", "f1", "31", "1b", "28"]
    assert order[-3:] == ["31", "f1", "15"]
    readiness = [i for i, cdb in enumerate(b.sent) if cdb[:2] == b"\xf1\x10"]
    assert [b.sent[i + 1][5] for i in readiness] == [0x00, 0x80]
    assert [i + 1 for i in readiness] == images[:2]
    sides = [b.sent[i][5] for i in images]
    assert sides == [0x00, 0x80] * (len(sides) // 2)
    lengths = {int.from_bytes(b.sent[i][6:9], "big") for i in images[:-2]}
    assert lengths == {0x3FC36}


def test_what_is_set_up_is_what_evidence_needs(bench):
    b = bench(1)
    b.start()
    sent = {
        cdb.split(b"|", 1)[1][4]: cdb.split(b"|", 1)[1][4:].hex(" ") for cdb in b.commands(0x15)
    }
    assert sent == {
        0x34: "34 06 0f 00 00 00 00 00",
        0x3C: "3c 06 00 00 00 80 00 00",
        0x38: "38 06 b8 c0 00 00 00 00",
        0x37: "37 06 b0 00 00 00 00 00",
        0x39: "39 08 00 00 00 00 00 00 00 00",
        0x3A: "3a 06 80 c0 00 00 00 00",
        0x33: "33 06 80 00 00 00 00 00",
    }


def test_a_page_that_the_scanner_does_not_know_is_not_sent(bench, caplog):
    b = bench(1)
    unknown = sense(5, 0x24, 0, offending=2)
    b.backend = lambda: Refusing(
        b.emulator, bytes([MODE_SENSE, 0, 0x38]), unknown, b.sent, data_in=True
    )
    b.start()
    sent = {cdb.split(b"|")[1][4] for cdb in b.commands(0x15)}
    assert sent == {0x33, 0x34, 0x37, 0x39, 0x3A, 0x3C}
    assert "fi-7160 cannot find double feeds" in caplog.text


def test_page_3d_is_never_asked_for(bench):
    b = bench(1)
    b.start()
    b.rest()
    b.scanner.finish()
    pages = {cdb[2] for cdb in b.commands(MODE_SENSE)}
    assert pages == {0x33, 0x34, 0x37, 0x38, 0x39, 0x3A, 0x3C}


def test_finish_cancels_and_clears_and_is_harmless_when_nothing_is_armed(bench):
    b = bench(1)
    b.scanner.finish()
    b.start()
    b.scanner.finish()
    assert [b.sent[-2][:2], b.sent[-1].split(b"|")[1].hex(" ")] == [
        CANCEL,
        "00 00 00 00 3a 06 80 c0 00 00 00 00",
    ]
    sent = len(b.sent)
    b.scanner.finish()
    assert len(b.sent) == sent
    assert b.scanner.state is State.IDLE


def test_a_second_batch_is_set_up_anew(bench):
    b = bench(1)
    b.start()
    assert b.rest() == [0]
    b.scanner.finish()
    b.hopper.take_back()
    b.scanner.arm()
    assert b.rest() == [0]
    assert len(b.commands(SET_WINDOW)) == 2


# -- who it is -------------------------------------------------------------------------------


def test_an_emulated_scanner_is_virtual_whatever_carries_it(bench):
    b = bench()
    assert b.scanner.known_identity is None
    with pytest.raises(LinkLost):
        _ = b.scanner.identity
    b.scanner.poll()
    assert b.scanner.identity == DeviceIdentity(
        vendor="FUJITSU", model="fi-7160", serial="716000001", firmware="VIRT", virtual=True
    )
    b.scanner.close()
    assert b.scanner.known_identity.model == "fi-7160"


def test_the_sensors_are_polled(bench):
    b = bench(1)
    status = b.scanner.poll()
    assert (status.hopper_loaded, status.cover_open, status.paper_in_path) == (True, False, False)
    b.hopper.open_cover()
    b.hopper.press_scan()
    status = b.scanner.poll()
    assert (status.cover_open, status.button_pressed) == (True, True)
    assert not b.scanner.poll().button_pressed
    b.hopper.close_cover()
    b.scanner.arm()
    assert b.scanner.feed()
    assert b.scanner.poll().paper_in_path
    b.scanner.read_sheet(sheet_id(1))
    assert not b.scanner.poll().paper_in_path
    assert not b.scanner.poll().hopper_loaded


def two(*serials):
    emulators = [Emulator(Noise(0), Hopper(0), serial=serial) for serial in serials]
    return emulators, lambda: Bus(*(LoopbackBackend(each) for each in emulators))


def test_two_scanners_and_no_serial_is_a_config_error_that_lists_them():
    _, backend = two(111, 222)
    scanner = Scanner(backend)
    with pytest.raises(ConfigError, match=r"feeder\.device.*fi-7160 111; fi-7160 222"):
        scanner.poll()
    assert scanner.state is State.ABSENT
    scanner.close()


@pytest.mark.parametrize("serial", ["111", "222"])
def test_a_scanner_is_found_by_its_serial_number(serial):
    emulators, backend = two(111, 222)
    scanner = Scanner(backend, serial=serial)
    scanner.poll()
    assert scanner.identity.serial == serial
    scanner.close()
    assert all(is_free(emulator) for emulator in emulators)


def test_a_serial_number_that_is_not_there_names_those_that_are():
    emulators, backend = two(111, 222)
    scanner = Scanner(backend, serial="333")
    with pytest.raises(LinkLost, match="serial=333, attached=fi-7160 111; fi-7160 222"):
        scanner.poll()
    assert scanner.state is State.ABSENT
    assert all(is_free(emulator) for emulator in emulators)


def test_a_neighbour_that_another_program_holds_does_not_matter():
    emulators, backend = two(111, 222)
    holder = Scanner(lambda: LoopbackBackend(emulators[0]))
    holder.poll()
    scanner = Scanner(backend, serial="222")
    scanner.poll()
    assert scanner.identity.serial == "222"
    other = Scanner(backend, serial="111")
    with pytest.raises(LinkLost, match="another program"):
        other.poll()
    for each in (holder, scanner, other):
        each.close()


def test_no_scanner_is_absent_and_says_to_check_the_cable(bench):
    b = bench()
    b.emulator.unplug()
    for act in (b.scanner.poll, b.scanner.recover):
        with pytest.raises(LinkLost, match="no scanner is attached"):
            act()
        assert b.scanner.state is State.ABSENT
    b.emulator.plug()
    b.scanner.recover()
    assert b.scanner.state is State.IDLE


def test_a_resolution_beyond_the_scanner_is_a_config_error(bench):
    b = bench(dpi=900)
    with pytest.raises(ConfigError, match=r"feeder\.dpi"):
        b.scanner.poll()
    assert is_free(b.emulator)


# -- sleep -----------------------------------------------------------------------------------


def test_a_scanner_falls_asleep_between_batches_and_wakes_for_the_next(bench):
    b = bench(2)
    now_s = [0.0]
    b.emulator = Emulator(b.paper, b.hopper, clock=lambda: now_s[0])
    b.start()
    b.scanner.finish()
    assert b.scanner.poll().sleeping is False
    assert b.scanner.state is State.IDLE
    now_s[0] += 16 * 60
    assert b.scanner.poll().sleeping
    assert b.scanner.state is State.ASLEEP
    b.scanner.cleared()
    assert b.scanner.state is State.ASLEEP
    b.scanner.arm()
    assert b.scanner.state is State.ARMED
    assert b.rest() == [0, 1]
    b.scanner.finish()
    assert b.scanner.state is State.IDLE


def test_a_scanner_that_somebody_wakes_is_idle_again(bench):
    b = bench(1)
    now_s = [0.0]
    b.emulator = Emulator(b.paper, b.hopper, clock=lambda: now_s[0])
    b.start()
    b.scanner.finish()
    now_s[0] += 16 * 60
    b.scanner.poll()
    b.emulator.reset()
    b.scanner.poll()
    assert b.scanner.state is State.IDLE
