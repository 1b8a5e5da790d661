"""Who holds a device, and whether it may sleep: over made-up trees, and over the real /proc."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from daemon.feeder.usb_host import Place, UsbHost
from tests.feeder.usb_tree import PLACE, Tree


@pytest.fixture
def tree(tmp_path):
    return Tree(tmp_path)


def test_the_process_that_has_opened_the_device_is_named(tree):
    tree.process(77, "other", "/dev/null", "/dev/bus/usb/001/003")
    tree.process(1234, "scanimage", "/dev/null", tree.node)
    assert tree.holder() == "the scanner is held by PID 1234 (scanimage): end it"


def test_several_processes_are_all_named(tree):
    tree.process(1234, "scanimage", tree.node)
    tree.process(99, "simple-scan", tree.node)
    assert "PID 1234 (scanimage), PID 99 (simple-scan)" in tree.holder()


def test_a_process_that_cannot_be_seen_is_not_guessed_but_can_be_found(tree):
    tree.put("proc/1/comm", "systemd")  # its fd cannot be listed
    assert "another user" in tree.holder()
    assert f"`sudo fuser -v {tree.node}`" in tree.holder()


def test_a_driver_of_the_kernel_that_holds_the_interface_is_named(tree):
    tree.link("sys/bus/usb/devices/1-2.3/1-2.3:1.0/driver", "../../../bus/usb/drivers/usblp")
    assert "driver usblp holds the scanner" in tree.holder()
    assert "rmmod usblp" in tree.holder()


def test_a_driver_of_another_interface_holds_nothing(tree):
    tree.link("sys/bus/usb/devices/1-2.3/1-2.3:1.1/driver", "../../../bus/usb/drivers/usb-storage")
    assert "usb-storage" not in tree.holder()


def test_an_interface_claimed_by_a_program_has_no_driver_of_the_kernel(tree):
    tree.link("sys/bus/usb/devices/1-2.3/1-2.3:1.0/driver", "../../../bus/usb/drivers/usbfs")
    tree.process(1234, "scanimage", tree.node)
    assert "PID 1234" in tree.holder()


def test_of_a_device_on_no_bus_of_this_computer_nothing_is_claimed(tree):
    tree.process(1234, "scanimage", tree.node)
    for place in (Place(0x04C5, 1, 3), Place(0x1234, 1, 2), Place(0x04C5, 2, 2)):
        assert "another program holds the scanner" in tree.host.holder(place, 0)


def test_a_computer_without_these_trees_is_not_asked_further(tmp_path):
    host = UsbHost(tmp_path / "absent")
    assert "another program" in host.holder(PLACE, 0)
    assert not host.may_sleep(PLACE)


# -- the real /proc --------------------------------------------------------------------------


@pytest.fixture
def real(tree):
    """The tree, but with the processes of this computer."""
    for folder in sorted((tree.root / "proc").rglob("*"), reverse=True):
        folder.rmdir() if folder.is_dir() else folder.unlink()
    (tree.root / "proc").rmdir()
    (tree.root / "proc").symlink_to("/proc")
    return tree


def test_a_real_process_that_has_the_file_open_is_named(real):
    with real.node.open("rb") as node:
        waits = [sys.executable, "-c", "import sys; print(flush=True); sys.stdin.read()"]
        child = subprocess.Popen(
            waits, stdin=subprocess.PIPE, stdout=subprocess.PIPE, pass_fds=[node.fileno()]
        )
        with child:
            child.stdout.readline()
            name = Path(f"/proc/{child.pid}/comm").read_text().strip()
            assert f"held by PID {child.pid} ({name}):" in real.holder()
            child.stdin.close()


def test_the_opening_that_was_refused_is_no_holder_a_second_one_in_this_program_is(real):
    with real.node.open("rb"):
        assert f"PID {os.getpid()} " not in real.holder()
        with real.node.open("rb"):
            assert f"PID {os.getpid()} " in real.holder()


# -- autosuspend -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("files", "may_sleep"),
    [
        ({"control": "auto", "autosuspend_delay_ms": "2000"}, True),
        ({"control": "auto", "autosuspend_delay_ms": "0"}, True),
        ({"control": "auto"}, True),
        ({"control": "auto", "autosuspend_delay_ms": "-1000"}, False),
        ({"control": "on", "autosuspend_delay_ms": "2000"}, False),
        ({}, False),
    ],
)
def test_a_device_may_sleep_where_the_kernel_says_auto_and_a_delay(tree, files, may_sleep):
    tree.power(**files)
    assert tree.host.may_sleep(PLACE) is may_sleep


def test_the_sleep_of_a_neighbour_is_not_its_own(tree):
    tree.power(control="auto", autosuspend_delay_ms="2000")
    assert not tree.host.may_sleep(Place(0x04C5, 1, 9))
