"""The noise that is fed: the same in every process, another on every face."""

import numpy as np

from daemon.feeder.emulator import Window
from tests.feeder import noise

SIZE = (160, 24)


def test_it_is_the_same_everywhere_and_for_ever():
    assert noise.samples(2, "B", SIZE, 200, 1)[:8].hex() == "a2a1f6b81c02e0c0"
    assert len(noise.samples(2, "B", SIZE, 200, 3)) == 160 * 24 * 3


def test_no_two_faces_are_alike_in_any_way_of_seeing_them():
    hashes = {
        noise.expected(sheet, side, size, dpi, mode)
        for sheet in range(3)
        for side in "FB"
        for size in (SIZE, (24, 160))
        for dpi in (200, 300)
        for mode in ("lineart", "gray", "colour")
    }
    assert len(hashes) == 3 * 2 * 2 * 2 * 3


def test_every_sensible_threshold_gives_the_same_line_art():
    gray = noise.samples(0, "F", SIZE, 200, 1)
    bits = noise.line_art(gray)
    for threshold in (96, 128, 160):
        black = np.frombuffer(gray, np.uint8) < threshold
        assert np.packbits(black).tobytes() == bits
    assert 0.4 < np.unpackbits(np.frombuffer(bits, np.uint8)).mean() < 0.6


def test_the_paper_shows_what_is_expected():
    paper = noise.NoisePaper(3)
    seen = paper.face(1, "B", Window(*SIZE, 200, 3))
    assert noise.digest(seen) == noise.expected(1, "B", SIZE, 200, "colour")
    assert (len(paper), paper.length_units(1)) == (3, 14032)
