"""The kernels, and paper laid into a line."""

import pytest

from daemon.pipeline import face
from tests import line as a_line


@pytest.fixture(scope="session")
def kernels():
    return face.kernels("cpu")


@pytest.fixture
def lay(tmp_path, kernels):
    """Lay paper into a line; a second call is a restart on the same spool and hopper."""
    lines = []

    def make(sheets, faults=(), **options):
        while lines:
            lines.pop().stop()
        lines.append(a_line.build(tmp_path, kernels, sheets, faults, options=options))
        return lines[-1]

    yield make
    while lines:
        lines.pop().stop()
