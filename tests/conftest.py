"""What every test may use, and what is said when a group of tests is left out.

On a developer's machine a group may be left out for want of root, a tool or a GPU, and is named at
the end. In CI (environment variable CI) only the group `gpu` may: anything else fails the run.
"""

import ctypes.util
import importlib.util
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("suian", deadline=None)  # numba compiles inside the first example
settings.load_profile("suian")

SYSTEM_PYTHON = "/usr/bin/python3"
CARRIER = (
    "import ctypes, gi; gi.require_version('UMockdev', '1.0'); from gi.repository import UMockdev; "
    "ctypes.CDLL('libumockdev-preload.so.0')"
)
# What the root group calls, and the package that brings it; libfuse comes with its own tool.
MOUNTED = {
    "fusermount3": "fuse3",
    "mkfs.ext4": "e2fsprogs",
    "mkfs.xfs": "xfsprogs",
    "mkfs.btrfs": "btrfs-progs",
    "strace": "strace",
    "ip": "iproute2",
}

SHARED_DATA = Path(__file__).parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data():
    """The folder of test pages beside the checkout."""
    if not SHARED_DATA.is_dir():
        pytest.skip("the folder of test pages (../shared/data) is absent")
    return SHARED_DATA


def lacks_gpu():
    return "" if ctypes.util.find_library("cuda") else "no NVIDIA driver on this machine"


def lacks_sane():
    if shutil.which("scanimage") is None:
        return "scanimage is absent: install sane-utils"
    if (
        shutil.which(SYSTEM_PYTHON)
        and not subprocess.run(
            [SYSTEM_PYTHON, "-c", CARRIER], capture_output=True, check=False
        ).returncode
    ):
        return ""
    return (
        f"umockdev is absent, or {SYSTEM_PYTHON} cannot import it: "
        "install umockdev gir1.2-umockdev-1.0 python3-gi"
    )


def lacks_root():
    if os.geteuid() != 0:
        return "mounting needs root"
    for device in ("/dev/fuse", "/dev/loop-control"):
        if not Path(device).exists():
            return f"{device} is absent: load its module, or let this container have it"
    if subprocess.run(
        ["unshare", "--mount", "--net", "true"], capture_output=True, check=False
    ).returncode:
        return "this system lets nobody mount: let this container have CAP_SYS_ADMIN"
    if importlib.util.find_spec("mfusepy") is None:
        return "mfusepy is absent: install requirements-dev.lock"
    absent = [package for tool, package in MOUNTED.items() if shutil.which(tool) is None]
    return f"a tool is absent: install {' '.join(absent)}" if absent else ""


def lacks_foreign():
    absent = [tool for tool in ("node", "npm") if shutil.which(tool) is None]
    return f"{' and '.join(absent)} is absent: install nodejs and npm" if absent else ""


def lacks_cxx():
    return "" if shutil.which("g++") else "g++ is absent: install g++"


def pytest_collection_modifyitems(config, items):
    groups = {
        "gpu": lacks_gpu,
        "sane": lacks_sane,
        "root": lacks_root,
        "foreign": lacks_foreign,
        "cxx": lacks_cxx,
    }
    for group, lacks in groups.items():
        members = [item for item in items if item.get_closest_marker(group)]
        reason = lacks() if members else ""
        if reason:
            for item in members:
                item.add_marker(pytest.mark.skip(reason=reason))


def left_out(terminalreporter, *, allowed):
    """Count the skipped tests by reason: those that may be left out in CI, or the others."""
    groups: dict[str, int] = {}
    for report in terminalreporter.stats.get("skipped", []):
        if ("gpu" in getattr(report, "keywords", ())) is allowed:
            long = report.longrepr
            reason = long[2] if isinstance(long, tuple) else str(long)
            groups[reason] = groups.get(reason, 0) + 1
    return groups


def pytest_sessionfinish(session, exitstatus):
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None:
        return  # one of several processes: the one that gathers their reports says it
    in_ci = os.environ.get("CI", "") not in ("", "0", "false")
    if in_ci and exitstatus == pytest.ExitCode.OK and left_out(reporter, allowed=False):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
        reporter.write_line("\nCI leaves nothing out but gpu: this run has failed", red=True)


def pytest_terminal_summary(terminalreporter):
    groups = left_out(terminalreporter, allowed=True) | left_out(terminalreporter, allowed=False)
    for reason, count in groups.items():
        terminalreporter.write_line(f"left out: {count} tests: {reason}")
    if not groups:
        terminalreporter.write_line("left out: nothing")
