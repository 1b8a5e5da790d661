"""Software paper goes through the emulated scanner, and comes out as the protocol says."""

import pytest

from daemon.feeder.emulator import Emulator, Window
from daemon.feeder.hopper import Hopper
from tests.feeder.host import (
    CANCEL,
    COLOUR,
    FEED,
    SANE_MODES,
    SANE_PROBE,
    SANE_READS,
    SANE_WINDOWS,
    SEQUENCE,
    SMALL,
    STRAIGHT,
    TEST_UNIT_READY,
    Host,
    Paper,
    awake,
    emulator,
    face,
    inverted,
    windows,
)

# -- order --------------------------------------------------------------------------------------


def test_nothing_is_scanned_before_it_was_fed_nor_read_before_it_was_scanned():
    host, _ = emulator()
    assert host.scan() == 2
    assert host.sense() == SEQUENCE
    assert host.send(FEED) == 0
    assert host.read(0, 100) == (b"", 2)
    assert host.sense() == SEQUENCE
    assert host.refusal(bytes((0xF1, 0x10, 0, 0, 0, 0, 0, 0, 100, 0))) == SEQUENCE
    assert host.scan() == 0
    assert host.send(bytes((0xF1, 0x10, 0x80, 0, 0, 0, 0, 0, 100, 0))) == 0
    assert host.scan() == 2
    assert host.sense() == SEQUENCE


def test_nothing_is_scanned_without_windows_or_with_others_than_were_set():
    host, _ = awake()
    assert host.send(FEED) == 0
    assert host.scan() == 2
    assert host.sense() == SEQUENCE
    assert host.set_window(windows()) == 0
    assert host.scan(b"\x00") == 2
    assert host.sense() == (5, 0x2C, 2)
    assert host.scan() == 0
    assert host.read(0x40, 100) == (b"", 2)
    assert host.sense() == SEQUENCE


def test_nothing_is_scanned_with_a_curve_that_was_never_sent():
    host, _ = awake()
    assert host.set_window(windows(downloaded=True)) == 0
    assert host.send(FEED) == 0
    assert host.scan() == 2
    assert host.sense() == SEQUENCE
    assert host.send_curve(STRAIGHT) == 0
    assert host.scan() == 0


def test_windows_and_curve_do_not_change_while_a_sheet_is_read():
    host, _ = emulator()
    host.send(FEED)
    host.scan()
    assert host.set_window(windows()) == 2
    assert host.sense() == SEQUENCE
    assert host.send_curve(STRAIGHT) == 2
    assert host.sense() == SEQUENCE
    for side in (0x00, 0x80):
        host.read_side(side, 1000)
    assert host.set_window(windows()) == 0


def test_no_sheet_is_fed_while_the_last_one_is_being_read():
    host, hopper = emulator()
    assert host.send(FEED) == 0
    assert host.refusal(FEED) == SEQUENCE
    host.scan()
    host.read_side(0x00, 1000)
    assert host.refusal(FEED) == SEQUENCE
    host.read_side(0x80, 1000)
    assert host.send(FEED) == 0
    assert (hopper.look().in_tray, hopper.look().in_path) == (1, 1)


def test_a_reset_loses_windows_curve_and_modes():
    host, _ = emulator()
    host.scanner.reset()
    assert host.sense() == (6, 0, 0)
    assert host.ask(bytes((0x1A, 0, 0x38, 0, 20, 0)), 20)[0][4:8] == b"\x38\6\0\0"
    assert host.send(FEED) == 0
    assert host.scan() == 2
    assert host.set_window(windows(downloaded=True)) == 0
    assert host.scan() == 2
    assert host.sense() == SEQUENCE


# -- the image ----------------------------------------------------------------------------------


def test_a_duplex_sheet_is_read_side_by_side_and_each_side_ends_with_ili_and_eom():
    host, hopper = emulator()
    host.send(FEED)
    host.scan()
    assert host.pixel_size(0) == (60, 40)
    got = {0x00: b"", 0x80: b""}
    ends = []
    for step in range(4):
        for side in got:
            data, status = host.read(side, 660)
            got[side] += data
            if status:
                ends.append((side, step, host.sense_bytes()[2], len(data)))
    assert ends == [(0x00, 3, 0x60, 420), (0x80, 3, 0x60, 420)]
    assert got[0x00] == inverted(face(0, "F", SMALL))
    assert got[0x80] == inverted(face(0, "B", SMALL))
    assert (hopper.look().in_tray, hopper.look().in_path) == (1, 0)
    assert host.pixel_size(0x80) == (60, 40)


def test_a_read_that_asks_exactly_for_the_rest_is_good_and_the_next_finds_the_end():
    host, _ = emulator()
    host.send(FEED)
    host.scan()
    assert host.read(0, 2400)[1] == 0
    assert host.read(0, 10) == (b"", 2)
    sense = host.sense_bytes()
    assert (sense[0], sense[2], int.from_bytes(sense[3:7])) == (0xF0, 0x60, 10)


def test_a_sheet_is_in_the_tray_when_the_host_has_its_last_byte_and_not_before():
    host, hopper = emulator()
    host.send(FEED)
    host.scan()
    host.read_side(0x00, 5000)
    host.scanner.write(host.block(bytes.fromhex("28 00 00 00 00 80 00 09 60 00")))
    assert len(host.scanner.read(2399)) == 2399
    assert hopper.look().in_path == 1
    assert len(host.scanner.read(2399)) == 1
    assert (hopper.look().in_tray, hopper.look().in_path) == (1, 0)
    assert host.status() == 0


def test_data_that_the_host_never_took_delivers_nothing():
    host, hopper = emulator()
    host.send(FEED)
    host.scan()
    host.read_side(0x00, 5000)
    host.scanner.write(host.block(bytes.fromhex("28 00 00 00 00 80 00 09 60 00")))
    host.scanner.reset()
    assert host.sense() == (6, 0, 0)
    assert (hopper.look().in_tray, hopper.look().in_path) == (0, 1)


def test_a_face_is_looked_at_when_it_is_first_read_and_only_once():
    paper = Paper(2)
    host = Host(Emulator(paper, Hopper(2)))
    host.start(windows())
    host.send(FEED)
    host.scan()
    host.pixel_size(0)
    assert paper.looked == []
    host.read(0x00, 100)
    assert paper.looked == [(0, "F")]
    host.read_side(0x80, 100)
    host.read_side(0x00, 100)
    assert paper.looked == [(0, "F"), (0, "B")]


def test_paper_of_another_size_than_the_window_is_a_programming_error():
    host, paper = awake()
    paper.face = lambda *_: bytes(2399)
    host.set_window(windows())
    host.send(FEED)
    host.scan()
    with pytest.raises(ValueError, match="2399 samples"):
        host.read(0x00, 100)


def test_paper_and_hopper_must_agree():
    with pytest.raises(ValueError, match="3 sheets of paper, 2 in the hopper"):
        Emulator(Paper(3), Hopper(2))


@pytest.mark.parametrize(
    ("channels", "reverse", "order", "pixel"),
    [
        (1, 0x00, 0, [254]),
        (1, 0x80, 0, [1]),
        (3, 0x00, 0, [254, 253, 252]),
        (3, 0x80, 0, [1, 2, 3]),
        (3, 0x00, 5, [252, 253, 254]),
        (3, 0x80, 5, [3, 2, 1]),
    ],
)
def test_samples_are_inverted_unless_reversed_and_in_the_order_asked_for(
    channels, reverse, order, pixel
):
    host, paper = awake()
    paper.face = lambda *_: bytes(range(1, channels + 1)) * 2400
    payload = bytearray(windows(duplex=False, mode=COLOUR) if channels == 3 else windows(duplex=0))
    payload[8 + 0x1D] = reverse
    payload[8 + 0x2B] = order
    assert host.set_window(bytes(payload)) == 0
    host.send(FEED)
    host.scan(b"\0")
    assert host.read_side(0, 999) == bytes(pixel) * 2400


def test_a_downloaded_curve_is_applied_only_where_the_window_asks_for_it():
    curve = STRAIGHT[:10] + bytes(min(255, k // 4 + 100) for k in range(1024))
    for downloaded, white in ((False, 255 - 100), (True, 255 - 200)):
        host, paper = awake()
        paper.face = lambda *_: b"\x64" * 2400
        assert host.send_curve(curve) == 0
        assert host.set_window(windows(duplex=False, downloaded=downloaded)) == 0
        host.send(FEED)
        host.scan(b"\0")
        assert host.read_side(0, 5000) == bytes((white,)) * 2400


def test_only_image_and_pixel_size_can_be_read():
    host, _ = emulator()
    host.send(FEED)
    host.scan()
    assert host.ask(bytes.fromhex("28 00 81 00 00 00 00 00 08 00"), 8) == (b"", 2)
    assert host.sense() == (5, 0x24, 0)


# -- paper --------------------------------------------------------------------------------------


def test_an_empty_hopper_is_a_fact_of_its_own():
    host, hopper = emulator(1)
    assert host.hardware_status()[3] & 0x80 == 0
    host.send(FEED)
    host.scan()
    for side in (0x00, 0x80):
        host.read_side(side, 1000)
    assert host.hardware_status()[3] & 0x80
    assert host.refusal(FEED) == (3, 0x80, 3)
    hopper.take_back()
    assert host.send(FEED) == 0


def test_the_sensors_say_what_hands_have_done():
    host, hopper = emulator()
    assert host.hardware_status() == bytes(12)
    host.send(FEED)
    assert host.hardware_status()[2] == 0x80
    hopper.open_cover()
    assert host.hardware_status()[3] == 0x20
    hopper.press_scan()
    assert host.ask(bytes((0xC2, 0, 0, 0, 0, 0, 0, 0, 4, 0)), 4)[0] == b"\0\0\x80\x20"
    assert host.hardware_status()[4] == 0x01  # a read that stops short of it leaves it pressed
    assert host.hardware_status()[4] == 0


def test_an_open_cover_blocks_until_it_is_shut():
    host, hopper = emulator()
    hopper.open_cover()
    assert host.refusal(FEED) == (3, 0x80, 2)
    assert host.refusal(TEST_UNIT_READY) == (3, 0x80, 2)
    hopper.close_cover()
    assert host.send(FEED) == 0
    assert hopper.look().in_path == 1


def test_a_cancelled_sheet_stays_in_the_path_until_it_is_discharged():
    host, hopper = emulator()
    host.send(FEED)
    host.scan()
    host.read(0, 100)
    assert host.send(CANCEL) == 0
    assert host.read(0, 100) == (b"", 2)
    assert host.sense() == SEQUENCE
    assert host.refusal(FEED) == (3, 0x80, 1)
    assert hopper.look().in_path == 1
    assert host.send(FEED[:1] + b"\0" + FEED[2:]) == 0
    assert (hopper.look().in_tray, hopper.look().in_path) == (1, 0)
    assert host.send(FEED) == 0


def test_a_halted_scan_says_that_it_was_halted():
    host, _ = emulator()
    host.send(FEED)
    host.scan()
    assert host.send(FEED[:1] + b"\4" + FEED[2:]) == 0
    assert host.read(0, 100) == (b"", 2)
    assert host.sense() == (3, 0x80, 0x22)


def test_paper_that_an_earlier_host_left_in_the_path_is_a_jam(tmp_path):
    first, _ = emulator(hopper=Hopper(3, tmp_path / "hopper"))
    first.send(FEED)
    host, hopper = emulator(hopper=Hopper(3, tmp_path / "hopper"))
    assert host.hardware_status()[2] == 0x80
    assert host.refusal(FEED) == (3, 0x80, 1)
    hopper.refeed()
    assert host.send(FEED) == 0


def test_paper_that_hands_take_out_while_it_is_read_is_a_jam():
    host, hopper = emulator()
    host.send(FEED)
    host.scan()
    host.read(0, 100)
    hopper.refeed()
    assert host.read(0, 100) == (b"", 2)
    assert host.sense() == (3, 0x80, 1)
    assert host.send(FEED) == 0


# -- what SANE does -----------------------------------------------------------------------------


def test_a_session_of_sane_gets_both_sides_of_its_sheet():
    host, paper = awake(1)
    for page in (0x33, 0x34, 0x35, 0x37, 0x38, 0x39, 0x3A, 0x3C):
        assert host.ask(bytes((0x1A, 0, page, 0, 0x14, 0)), 0x14)[1] == 0
    assert host.set_window(SANE_PROBE) == 0
    assert [host.mode_select(bytes.fromhex(mode)) for mode in SANE_MODES] == [0] * len(SANE_MODES)
    assert host.set_window(SANE_WINDOWS) == 0
    assert host.send_curve(STRAIGHT) == 0
    assert host.send(bytes.fromhex("f1 05 00 00 00 00 00 00 00 00")) == 0
    assert host.send(FEED) == 0
    assert host.send(TEST_UNIT_READY) == 0
    assert host.scan() == 0
    window = Window(*host.pixel_size(0), 200, 1)
    assert host.send(bytes.fromhex("f1 10 00 00 00 00 03 fc 36 00")) == 0
    left = dict.fromkeys("FB", window.width_px * window.height_px)
    got = dict.fromkeys("FB", b"")
    refusals = 0
    for read, side in enumerate(SANE_READS):
        # SANE asks for 158 lines a time, and at the end of the back for exactly the rest
        size = min(0x3FC36, left[side]) if side == "B" else 0x3FC36
        data, status = host.read(0x80 if side == "B" else 0x00, size)
        got[side] += data
        left[side] -= len(data)
        if status:
            refusals += 1
            assert (read, host.sense_bytes()[2]) == (len(SANE_READS) - 1, 0x60)
    assert refusals == 1
    assert left == {"F": 0, "B": 0}
    assert got["F"] == face(0, "F", window).translate(bytes(range(255, -1, -1)))
    assert got["B"] == face(0, "B", window).translate(bytes(range(255, -1, -1)))
    assert host.pixel_size(0x80) == (1653, 2338)
    assert host.refusal(FEED) == (3, 0x80, 3)
    assert host.send(CANCEL) == 0
    assert host.mode_select(bytes.fromhex(SANE_MODES[5])) == 0
    assert paper.looked == [(0, "F"), (0, "B")]
