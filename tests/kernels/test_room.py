"""What a turn would push over the border of a page is kept."""

import cv2
import numpy as np
import pytest

from kernels import crop, room
from kernels.first_pass import first_pass
from kernels.raster import Raster
from kernels.rotate import rotate

DPI = 200
H, W = 1200, 900


def paper():
    return np.full((H, W), 238, np.uint8)


def needed(pixels, angle):
    return room.is_needed(first_pass(Raster(pixels, DPI)), round(angle * 1e6), DPI)


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


def on_a_bed(angle, add=lambda canvas: None):
    """A sheet that ends at the left and runs over the image's other borders, turned."""
    canvas = np.full((H + 200, W + 200), 238, np.uint8)
    canvas[:, :180] = 30
    add(canvas)
    turn = cv2.getRotationMatrix2D(((W + 199) / 2, (H + 199) / 2), angle, 1)
    turned = cv2.warpAffine(canvas, turn, canvas.shape[::-1], borderMode=cv2.BORDER_REPLICATE)
    return np.ascontiguousarray(turned[100:-100, 100:-100])


@pytest.mark.parametrize("angle", [0.3, -0.3])
def test_where_the_sheet_is_known_its_ink_alone_counts(angle):
    def print_at_the_right(canvas):
        canvas[:: H // 6, W + 60 : W + 101] = 40

    for pixels, wanted in ((on_a_bed(angle), False), (on_a_bed(angle, print_at_the_right), True)):
        first = first_pass(Raster(pixels, DPI))
        sheet = crop.locate(first, round(angle * 1e6), DPI)
        assert sheet is not None
        assert sheet.outline.seen == (True, False, False, False)
        assert room.is_needed(first, round(angle * 1e6), DPI, sheet) == wanted
        assert room.is_needed(first, round(angle * 1e6), DPI)  # the bed may be ink
