"""What a turn would push over the border of a page is kept."""

import cv2
import numpy as np
import pytest

from kernels import room
from kernels.first_pass import first_pass
from kernels.raster import Raster
from kernels.rotate import rotate

DPI = 200
H, W = 1200, 900


def paper():
    return np.full((H, W), 238, np.uint8)


def needed(pixels, angle):
    return room.is_needed(first_pass(Raster(pixels, DPI)), round(angle * 1e6))


@pytest.mark.parametrize("angle", [3.0, -3.0])
@pytest.mark.parametrize("corner", [(12, 12), (12, W - 30), (H - 30, 12), (H - 30, W - 30)])
def test_ink_in_a_corner_needs_room_for_the_turn_that_takes_it_away(corner, angle):
    pixels = paper()
    pixels[400:420, 200:700] = 30
    assert not needed(pixels, angle)
    y, x = corner
    pixels[y : y + 18, x : x + 18] = 30
    turned = rotate(Raster(pixels, DPI), round(-angle * 1e6)).pixels
    lost = max(np.count_nonzero(pixels < 60) - np.count_nonzero(turned < 130) - 20, 0)
    assert needed(pixels, angle) == (lost > 0), lost


def test_a_corner_of_dark_bed_needs_none():
    sheet = paper()
    turn = cv2.getRotationMatrix2D((W / 2, H / 2), 3, 0.97)
    bed = cv2.warpAffine(sheet, turn, (W, H), borderValue=30)
    assert not needed(bed, 3.0)


@pytest.mark.parametrize("colour", [False, True])
@pytest.mark.parametrize("angle", [0.3, -4.0, 9.0])
def test_with_room_nothing_leaves(angle, colour):
    pixels = paper()
    for y, x in ((0, 0), (0, W - 12), (H - 12, 0), (H - 12, W - 12)):
        pixels[y : y + 12, x : x + 12] = 0
    page = np.repeat(pixels[..., None], 3, axis=2) if colour else pixels
    roomy = room.around(Raster(page, DPI), round(angle * 1e6))
    turned = rotate(roomy, round(-angle * 1e6)).pixels
    seen = turned[..., 1] if colour else turned
    assert 255 - seen[seen < 200].astype(int).mean() > 200
    dark = (255 - seen.astype(int)).sum() - (255 - 238) * H * W
    assert dark == pytest.approx(4 * 144 * 238, rel=0.06)
