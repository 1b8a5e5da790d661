"""What every test may use, and what is said when a group of tests is left out."""

import ctypes.util
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("suian", deadline=None)  # numba compiles inside the first example
settings.load_profile("suian")

SHARED_DATA = Path(__file__).parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data():
    """The folder of test pages beside the checkout."""
    if not SHARED_DATA.is_dir():
        pytest.skip("the folder of test pages (../shared/data) is absent")
    return SHARED_DATA


def pytest_collection_modifyitems(config, items):
    if ctypes.util.find_library("cuda") is None:
        mark = pytest.mark.skip(reason="no NVIDIA driver on this machine")
        for item in items:
            if "gpu" in item.keywords:
                item.add_marker(mark)


def pytest_terminal_summary(terminalreporter):
    groups: dict[str, int] = {}
    for report in terminalreporter.stats.get("skipped", []):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        groups[reason] = groups.get(reason, 0) + 1
    for reason, count in groups.items():
        terminalreporter.write_line(f"left out: {count} tests: {reason}")
    if not groups:
        terminalreporter.write_line("left out: nothing")
