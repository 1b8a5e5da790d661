"""Other models made of software: what their inquiry says is what they do."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from daemon.feeder.emulator import FI_7160, FI_9999, Emulator, Profile
from daemon.feeder.hopper import Hopper
from daemon.feeder.loopback import LoopbackBackend
from tests.feeder.host import (
    COLOUR,
    FEED,
    GRAY,
    LINE_ART,
    SMALL,
    STRAIGHT,
    TEST_UNIT_READY,
    Paper,
    awake,
    bits,
    face,
    inverted,
    windows,
)

STANDARD = bytes((0x12, 0, 0, 0, 96, 0))
SECOND = bytes((0x12, 1, 0xF0, 0, 0xCC, 0))


def second(profile):
    host, _ = awake(profile=profile)
    data, status = host.ask(SECOND, 0xCC)
    assert status == 0
    return data


@pytest.mark.parametrize("profile", [FI_7160, FI_9999])
def test_every_model_says_its_name_and_that_it_is_software(profile):
    host, _ = awake(profile=profile)
    data, _ = host.ask(STANDARD, 96)
    assert data[8:36] == b"FUJITSU " + profile.product.encode().ljust(16) + b"VIRT"


def test_the_model_stands_on_the_bus_too():
    profile = replace(FI_9999, product_id=0x9999, vendor="RICOH")
    emulator = Emulator(Paper(1), Hopper(1), profile=profile)
    backend = LoopbackBackend(emulator)
    (device,) = backend.enumerate_devices()
    found = backend.get_device_descriptor(device)
    assert (found.idVendor, found.idProduct) == (0x04C5, 0x9999)
    assert emulator.product_id == 0x9999
    handle = backend.open_device(device)
    told = bytearray(64)
    size = backend.ctrl_transfer(handle, 0x80, 6, 0x0302, 0, told, 100)
    assert told[2:size].decode("utf-16-le") == "fi-9999"
    backend.close_device(handle)


def test_a_short_second_inquiry_has_fields_up_to_its_end_only():
    data = second(FI_9999)
    assert (data[4], len(data)) == (0x5F, 0x63 + 5)
    assert data[0x59] & 1 == 0
    whole = second(FI_7160)
    assert (whole[4] + 5, whole[0x59] & 1) == (len(whole), 1)


def test_the_unknown_model_has_other_abilities_and_says_so():
    data = second(FI_9999)
    assert int.from_bytes(data[0x05:0x07]) == 1200
    assert int.from_bytes(data[0x14:0x18]) == 10368
    assert [data[at] for at in (0x52, 0x53, 0x54)] == [255, 255, 255]
    assert (data[0x57] & 0x0F, data[0x21] & 0x0F, data[0x28] & 0x40) == (0, 8, 0)
    assert data[0x64:0x68] == bytes(4)


def test_the_unknown_model_has_no_curve():
    host, _ = awake(profile=FI_9999)
    assert host.send_curve(STRAIGHT) == 2
    assert host.sense() == (5, 0x20, 0)
    assert host.set_window(windows(downloaded=True)) == 2
    assert int.from_bytes(host.sense_bytes()[16:18]) == 8 + 0x29


@pytest.mark.parametrize("page", [0x32, 0x35, 0x39, 0x3C, 0x3E])
def test_the_unknown_model_lacks_pages(page):
    host, _ = awake(profile=FI_9999)
    assert host.ask(bytes((0x1A, 0, page, 0, 20, 0)), 20) == (b"", 2)
    assert host.sense() == (5, 0x24, 0)
    size = 8 if page == 0x39 else 6
    assert host.mode_select(bytes(4) + bytes((page, size)) + bytes(size)) == 2
    assert int.from_bytes(host.sense_bytes()[16:18]) == 4


@pytest.mark.parametrize("page", sorted(FI_9999.mode_pages))
def test_the_unknown_model_knows_pages_and_the_lamp_does_not_lock_it_up(page):
    host, _ = awake(profile=FI_9999)
    data, status = host.ask(bytes((0x1A, 0, page, 0, 20, 0)), 20)
    assert (data[:6], len(data), status) == (bytes(4) + bytes((page, 6)), 20, 0)
    assert host.mode_select(bytes(4) + bytes((page, 6)) + bytes(6)) == 0


def test_the_unknown_model_scans_both_sides_in_turn_in_every_mode():
    host, _ = awake(3, profile=FI_9999)
    for sheet, mode in enumerate((LINE_ART, GRAY, COLOUR)):
        payload = bytearray(windows(64, 40, mode=mode))
        if mode is COLOUR:
            assert host.set_window(bytes(payload)) == 2  # red first is not offered
            payload[8 + 0x2B] = payload[72 + 0x2B] = 5
        assert host.set_window(bytes(payload)) == 0
        assert host.send(FEED) == 0
        assert host.scan() == 0
        seen = replace(SMALL, width_px=64, channels=3 if mode is COLOUR else 1)
        for number, side in ((0x00, "F"), (0x80, "B")):
            samples = face(sheet, side, seen)
            if mode is COLOUR:
                samples = b"".join(samples[at : at + 3][::-1] for at in range(0, 7680, 3))
            expected = bits(samples) if mode is LINE_ART else inverted(samples)
            assert host.read_side(number, 999) == expected


def test_the_unknown_model_cannot_halt():
    host, _ = awake(profile=FI_9999)
    assert host.refusal(FEED[:1] + b"\4" + FEED[2:]) == (5, 0x24, 0)


def test_a_curve_of_eight_bits_is_taken_as_it_is():
    host, paper = awake(profile=replace(FI_7160, curve_bytes=256))
    paper.face = lambda *_: bytes(range(60)) * 40
    header = bytes.fromhex("0000 10 00 0100 0100 0000")
    assert host.send_curve(STRAIGHT) == 2
    assert host.sense() == (5, 0x26, 0)
    assert host.send_curve(header + bytes(k ^ 1 for k in range(256))) == 0
    assert host.set_window(windows(duplex=False, downloaded=True)) == 0
    assert host.send(FEED) == 0
    assert host.scan(b"\0") == 0
    assert host.read_side(0, 5000) == bytes(255 - (k ^ 1) for k in range(60)) * 40


def test_a_flatbed_is_said_and_cannot_be_chosen():
    profile = replace(FI_7160, has_flatbed=True)
    assert second(profile)[0x20] == 0xD0
    host, _ = awake(profile=profile)
    assert host.send(bytes((0xF1, 0, 0, 0, 0, 0, 0, 0, 0, 0))) == 0
    assert host.refusal(bytes((0xF1, 1, 0, 0, 0, 0, 0, 0, 0, 0))) == (5, 0x24, 0)


def test_standard_resolutions_are_those_between_the_lowest_and_the_highest():
    profile = replace(FI_7160, lowest_dpi=100, highest_dpi=300)
    data = second(profile)
    # bits 0 to 7 are 200 180 160 150 120 100 75 60, and 1200 800 600 480 400 320 300 240 dpi
    assert (data[0x12], data[0x13]) == (0x3F, 0xC0)
    host, _ = awake(profile=profile)
    assert [host.set_window(windows(dpi=dpi)) for dpi in (99, 100, 300, 301)] == [2, 0, 0, 2]


@pytest.mark.parametrize("wrong", [{"curve_bytes": 512}, {"vital_length": 0x5E}])
def test_a_model_that_cannot_be_is_refused(wrong):
    with pytest.raises(ValueError, match=r"no such tone curve|too short"):
        Profile(product="fi-1", mode_pages=frozenset(), **wrong)


def test_it_needs_nothing_but_the_standard_library():
    root = Path(__file__).parents[2]
    # without -S the interpreter would find the packages of its environment
    done = subprocess.run(
        [sys.executable, "-S", "-c", "import daemon.feeder.emulator as e; print(e.Emulator)"],
        env={"PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_a_fresh_scanner_is_the_one_that_was_always_there():
    host, _ = awake()
    assert host.scanner.profile is FI_7160
    assert host.send(TEST_UNIT_READY) == 0
