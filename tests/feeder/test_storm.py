"""A short storm over each carrier; a thousand blows are dealt by hand."""

import pytest

from daemon.pipeline import face
from tests.feeder import storm


def test_in_process_a_storm_costs_no_sheet(monkeypatch):
    storm.hurry(monkeypatch.setattr)
    came = storm.in_process(7, kernels=face.kernels("cpu"))
    assert came["problems"] == []
    assert came["fates"]["page"] == 2 * storm.SHEETS
    assert sum(came["blows"].values()) > 5


@pytest.mark.sane
def test_over_libusb_a_storm_costs_no_sheet():
    came = storm.over_libusb(7)
    assert came["problems"] == []
    assert came["fates"]["page"] == 2 * storm.SHEETS
    assert sum(came["blows"].values()) > 3
