"""What driver tests may use."""

import pytest

from tests.feeder.bench import Bench


@pytest.fixture
def bench():
    benches = []

    def make(*args, **kwargs):
        benches.append(Bench(*args, **kwargs))
        return benches[-1]

    yield make
    for each in benches:
        each.scanner.close()
