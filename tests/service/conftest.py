"""An appliance for a test, killed behind it."""

import pytest

from tests import line
from tests.service.hall import Appliance, write_paper


@pytest.fixture
def appliance(tmp_path):
    made = []

    def make(sheets):
        write_paper(tmp_path / "paper", sheets)
        (tmp_path / "separator.key").write_bytes(line.KEY_FILE)
        made.append(Appliance(tmp_path, len(sheets)))
        return made[-1]

    yield make
    for one in made:
        if one.lives:
            one.kill()
