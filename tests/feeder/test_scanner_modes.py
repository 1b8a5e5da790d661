"""What a scanner can be asked to scan: the driver over real pyusb and the emulated scanner."""

from dataclasses import replace

import numpy as np
import pytest

from daemon.errors import ConfigError
from daemon.feeder.emulator import FI_7160, FI_9999, Emulator
from daemon.feeder.fi import WindowId
from daemon.feeder.hopper import Hopper
from daemon.feeder.scanner import Scanner
from daemon.feeder.settings import Mode, Settings
from daemon.page import SampleOrder, Side
from tests.feeder import noise
from tests.feeder.bench import sheet_id
from tests.feeder.wire import Recording

DPI = 100
SIMPLEX = {"duplex": False}
SET_WINDOW, READ = 0x24, 0x28


class Pile(noise.NoisePaper):
    """Sheets of these lengths in 1/1200 inch."""

    def __init__(self, lengths):
        super().__init__(len(lengths))
        self._lengths = lengths

    def length_units(self, sheet_index):
        return self._lengths[sheet_index]


@pytest.fixture
def scanned():
    """Scan a pile; give all scans, and `scanned.sent` the commands."""
    scanners = []

    def run(*, profile=FI_7160, lengths=(14032,), **settings):
        paper = Pile(lengths)
        emulator = Emulator(paper, Hopper(len(lengths)), profile=profile)
        run.sent = []
        asked = Settings(**({"dpi": DPI, "mode": Mode.GRAY} | settings))
        scanner = Scanner(lambda: Recording(emulator, run.sent), settings=asked)
        scanners.append(scanner)
        scanner.poll()
        scanner.arm()
        came = []
        while scanner.feed():
            came.append(scanner.read_sheet(sheet_id(len(came) + 1)))
        scanner.finish()
        return came

    yield run
    for scanner in scanners:
        scanner.close()


def seen(scan, index=0, *, channels=1, width_px=None):
    """Return the positive samples that the paper shows of a scan."""
    height = scan.samples.shape[0]
    width = width_px or scan.samples.shape[1]
    return noise.samples(index, scan.page_id.side, (width, height), scan.dpi, channels)


def inverted(scan):
    return (255 - scan.samples).tobytes()


def test_in_simplex_the_front_alone_is_scanned_sheet_by_sheet(scanned):
    came = scanned(lengths=(14032,) * 3, **SIMPLEX)
    assert [[scan.page_id.side for scan in scans] for scans in came] == [[Side.FRONT]] * 3
    for index, (front,) in enumerate(came):
        assert inverted(front) == seen(front, index)
    assert {cdb[5] for cdb in scanned.sent if cdb[0] == READ} == {WindowId.FRONT}


def test_line_art_of_both_sides_arrives_bit_for_bit(scanned):
    ((front, back),) = scanned(mode=Mode.LINE_ART)
    assert front.samples.shape == (1169, 103)  # 826 pixels, in whole bytes
    for scan in (front, back):
        assert scan.order is SampleOrder.BITS
        assert scan.samples.tobytes() == noise.line_art(seen(scan, width_px=824))


LENGTHS = (14032, 7016, 16800, 3000)


@pytest.mark.parametrize("settings", [{}, SIMPLEX, {"mode": Mode.LINE_ART}, {"mode": Mode.COLOUR}])
def test_mixed_paper_is_as_long_as_each_sheet(scanned, settings):
    came = scanned(lengths=LENGTHS, any_length=True, paper_units=(9921, 16819), **settings)
    for length, scans in zip(LENGTHS, came, strict=True):
        for scan in scans:
            assert scan.samples.shape[0] == length * DPI // 1200
            assert not scan.incomplete


def test_paper_of_unknown_length_is_scanned_to_the_end_of_the_window_where_its_end_is_unknown(
    scanned, caplog
):
    came = scanned(profile=FI_9999, lengths=LENGTHS[:2], any_length=True, paper_units=(9921, 16819))
    assert {scan.samples.shape[0] for scans in came for scan in scans} == {1401}
    assert "fi-9999 cannot find where a sheet ends" in caplog.text


def test_overscan_sees_as_far_beyond_the_paper_as_the_scanner_says(scanned):
    ((front, _),) = scanned(overscan=True)
    along = 2 * 118 * 2  # both edges, of 600 to an inch
    across = 2 * 223  # as much as fits into its width of 5184
    assert front.samples.shape == ((14032 + along) * DPI // 1200, (9921 + across) * DPI // 1200)
    pages = [cdb.split(b"|")[1][4:] for cdb in scanned.sent if cdb[0] == 0x15]
    assert [page[5] for page in pages if page[0] == 0x3C] == [0xC0]


def test_the_order_of_the_colours_is_found_and_named(scanned):
    ((front, back),) = scanned(mode=Mode.COLOUR, profile=FI_9999)
    assert [cdb[0] for cdb in scanned.sent].count(SET_WINDOW) == 2
    for scan in (front, back):
        assert scan.order is SampleOrder.BGR_INVERTED
        positive = np.frombuffer(seen(scan, channels=3), np.uint8).reshape(scan.samples.shape)
        assert (255 - scan.samples == positive[..., ::-1]).all()


ONE_SIDED = replace(FI_7160, product="fi-7140", has_duplex=False)


def test_a_scanner_of_one_side_is_refused_only_where_both_are_asked_for(scanned):
    assert len(scanned(profile=ONE_SIDED, **SIMPLEX)) == 1
    with pytest.raises(ConfigError, match="both sides at once"):
        scanned(profile=ONE_SIDED)


@pytest.mark.parametrize("settings", [SIMPLEX, {}, {"mode": Mode.LINE_ART}, {"mode": Mode.COLOUR}])
def test_a_scanner_that_gives_all_of_the_front_first_is_read_though_nobody_knew(scanned, settings):
    came = scanned(profile=FI_9999, lengths=(14032,) * 2, **settings)
    assert [len({scan.samples.tobytes() for scan in scans}) for scans in came] == [
        len(came[0]),
        len(came[0]),
    ]
    assert not any(scan.incomplete for scans in came for scan in scans)
