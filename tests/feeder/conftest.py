"""What driver tests may use."""

import pytest

from tests.feeder.bench import Bench
from tests.feeder.recorded import Recorded


@pytest.fixture
def bench():
    benches = []

    def make(*args, **kwargs):
        benches.append(Bench(*args, **kwargs))
        return benches[-1]

    yield make
    for each in benches:
        each.scanner.close()


@pytest.fixture
def recorded():
    """Give a maker of benches whose driver is recorded."""
    made = []

    def make(*args, **kwargs):
        made.append(Recorded(*args, **kwargs))
        return made[-1]

    yield make
    for each in made:
        each.scanner.close()
