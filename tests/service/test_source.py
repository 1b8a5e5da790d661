"""What a configuration wants of the scanner."""

import pytest

from daemon.config import Feeder
from daemon.feeder.fi.window import A4_UNITS
from daemon.feeder.settings import Mode, Settings
from daemon.service.source import settings_of


def test_what_nobody_configured_is_a4_in_colour_on_both_sides():
    assert settings_of(Feeder()) == Settings()
    assert settings_of(Feeder()).paper_units == A4_UNITS


@pytest.mark.parametrize(("mm", "units"), [(298, 14079), (356, 16819), (420, 19843), (863, 40772)])
def test_paper_longer_than_a4_is_mixed_paper_and_no_line_of_it_is_cut(mm, units):
    settings = settings_of(Feeder(longest_mm=mm))
    assert settings.any_length
    assert settings.paper_units == (A4_UNITS[0], units)
    assert units >= mm * 1200 / 25.4 > units - 1


def test_mode_and_resolution_are_the_configured_ones():
    settings = settings_of(Feeder(dpi=200, mode="gray"))
    assert settings == Settings(200, Mode.GRAY)
