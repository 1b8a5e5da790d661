"""The number on a drawn sheet is read whatever the kernels did to the face, or not at all."""

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from daemon.demo import mark
from daemon.demo.draw import Box, Canvas
from daemon.demo.mark import Mark
from daemon.page import Side

AT_MM = (89.0, 284.0)


def _page(drawn: Mark | None) -> NDArray[np.uint8]:
    canvas = Canvas()
    text = "原告与被告签订买卖合同，约定由原告供应水泥。" * 30
    canvas.paragraph(text, Box(28, 40, 156, 200), 5.2, 9.4)
    canvas.rule((28, 270), (60, 270), 1.0, (0, 0, 0))  # as long and as thick as a rail
    if drawn:
        mark.draw(canvas, drawn, AT_MM)
    return canvas.ink


def _turned(page: NDArray[np.uint8], angle_deg: float, bed: int) -> NDArray[np.uint8]:
    height, width = page.shape[:2]
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), angle_deg, 1)
    return np.asarray(cv2.warpAffine(page, turn, (width, height), borderValue=(bed,) * 3), np.uint8)


def _jpeg(page: NDArray[np.uint8], quality: int) -> NDArray[np.uint8]:
    good, data = cv2.imencode(".jpg", page, [cv2.IMWRITE_JPEG_QUALITY, quality])
    assert good
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)


@pytest.mark.parametrize("angle_deg", [-6.0, -2.5, -0.3, 0.0, 1.0, 4.0, 6.0])
def test_mark_survives_skew_correction_crop_and_jpeg(angle_deg: float) -> None:
    drawn = Mark(1234, Side.BACK)
    skewed = _turned(_page(drawn), angle_deg, bed=40)
    assert mark.read(_jpeg(skewed, 85), 300) == drawn
    straight = _turned(skewed, -angle_deg, bed=255)[60:, 50:-50]
    assert mark.read(_jpeg(straight, 85), 300) == drawn


def test_every_number_and_side_reads_as_itself() -> None:
    for number in (0, 1, 2, 5, 170, 999, 9999, 0x5555, mark.MAX_NUMBER):
        for side in (Side.FRONT, Side.BACK):
            strip = Canvas((60, 20))
            mark.draw(strip, Mark(number, side), (14, 6))
            assert mark.read(strip.ink, 300) == Mark(number, side)


def test_upside_down_gray_and_small_pages_read_as_well() -> None:
    drawn = Mark(77, Side.FRONT)
    gray = cv2.cvtColor(_page(drawn), cv2.COLOR_BGR2GRAY).astype(np.uint8)
    assert mark.read(gray, 300) == drawn
    assert mark.read(np.ascontiguousarray(gray[::-1, ::-1]), 300) == drawn
    half = cv2.resize(gray, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    assert mark.read(half.astype(np.uint8), 150) == drawn


def test_brown_paper_does_not_hide_a_mark() -> None:
    drawn = Mark(31, Side.BACK)
    brown = cv2.multiply(
        _page(drawn), np.full((3508, 2480, 3), (140, 172, 190), np.uint8), scale=1 / 255
    )
    assert mark.read(_jpeg(np.asarray(brown, np.uint8), 75), 300) == drawn


def test_page_without_mark_and_mirrored_mark_read_as_nothing() -> None:
    assert mark.read(_page(None), 300) is None
    mirrored = np.ascontiguousarray(_page(Mark(77, Side.FRONT))[:, ::-1])
    assert mark.read(mirrored, 300) is None


def test_damaged_teeth_read_as_nothing_rather_than_as_another_number() -> None:
    page = _page(Mark(600, Side.FRONT))
    rows, left = slice(3372, 3412), round(89 * 300 / 25.4)
    for tooth in range(mark.MODULES):
        scratched = page.copy()
        columns = slice(left + round(tooth * 11.811), left + round((tooth + 1) * 11.811))
        scratched[rows, columns] = 255 - scratched[rows, columns]
        assert mark.read(scratched[3250:], 300) is None, tooth


def test_two_marks_that_contradict_each_other_read_as_nothing() -> None:
    canvas = Canvas((60, 40))
    mark.draw(canvas, Mark(1, Side.FRONT), (14, 6))
    mark.draw(canvas, Mark(2, Side.FRONT), (14, 24))
    assert mark.read(canvas.ink, 300) is None


def test_number_beyond_its_bits_is_refused() -> None:
    with pytest.raises(ValueError, match="no mark"):
        Mark(mark.MAX_NUMBER + 1, Side.FRONT)
