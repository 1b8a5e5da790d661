"""A folder of files becomes sheets of paper: paired, laid at their size, never cropped."""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pikepdf
import pytest
from numpy.typing import NDArray

from daemon.demo.folder import FolderPaper, PageOf, Sheet, laid, paired
from daemon.errors import InputError
from daemon.images import Image


@dataclass(frozen=True)
class Window:
    width_px: int = 620
    height_px: int = 877
    dpi: int = 75
    channels: int = 3


def _write(path: Path, gray: int, size: tuple[int, int] = (60, 40)) -> None:
    good, data = cv2.imencode(path.suffix, np.full(size, gray, np.uint8))
    assert good
    path.write_bytes(data.tobytes())


def _seen(paper: FolderPaper, index: int, side: str, window: Window) -> NDArray[np.uint8]:
    data = paper.face(index, side, window)
    assert len(data) == window.width_px * window.height_px * window.channels
    return np.frombuffer(data, np.uint8).reshape(window.height_px, window.width_px, -1)


def test_files_pair_up_by_their_names_and_long_files_by_their_pages() -> None:
    a, b_back, b_front = Path("a.jpg"), Path("b_B.png"), Path("b_F.png")
    long, odd = Path("c.pdf"), Path("d_F.pdf")
    sheets = paired([(odd, 3), (b_front, 1), (long, 2), (b_back, 1), (a, 1)])
    assert sheets == (
        Sheet(PageOf(a, 0), None),
        Sheet(PageOf(b_front, 0), PageOf(b_back, 0)),
        Sheet(PageOf(long, 0), PageOf(long, 1)),
        Sheet(PageOf(odd, 0), PageOf(odd, 1)),
        Sheet(PageOf(odd, 2), None),
    )


def test_back_alone_is_a_sheet_with_a_white_front() -> None:
    assert paired([(Path("x_B.png"), 1)]) == (Sheet(None, PageOf(Path("x_B.png"), 0)),)


def test_two_files_for_one_face_are_refused() -> None:
    with pytest.raises(InputError, match="two files"):
        paired([(Path("x_F.png"), 1), (Path("x_F.jpg"), 1)])


def test_sheets_come_in_order_behind_their_separators(tmp_path: Path) -> None:
    _write(tmp_path / "2_F.png", 80)
    _write(tmp_path / "2_B.png", 120)
    _write(tmp_path / "1.png", 40)
    (tmp_path / "notes.txt").write_text("not paper")
    (tmp_path / ".hidden.png").write_text("not paper")
    red = np.full((877, 620, 3), (0, 0, 255), np.uint8)
    paper = FolderPaper(tmp_path, [(red, 255 - red)])
    assert len(paper) == 3
    window = Window()
    assert _seen(paper, 0, "F", window)[5, 300].tolist() == [255, 0, 0]  # RGB on the wire
    assert _seen(paper, 0, "B", window)[5, 300].tolist() == [0, 255, 255]
    middle = [_seen(paper, i, s, window)[400, 310, 1] for i in (1, 2) for s in "FB"]
    assert middle == [40, 255, 80, 120]


def test_pages_of_a_pdf_alternate_and_a_missing_last_back_is_white(tmp_path: Path) -> None:
    with pikepdf.new() as pdf:
        for shade in (0.2, 0.5, 0.8):
            page = pdf.add_blank_page(page_size=(595, 842))
            page.contents_add(f"{shade} g 0 0 595 842 re f".encode())
        pdf.save(tmp_path / "case.pdf")
    paper = FolderPaper(tmp_path)
    window = Window(channels=1)
    shades = [int(_seen(paper, i, s, window)[400, 310, 0]) for i in (0, 1) for s in "FB"]
    assert np.allclose(shades, [51, 128, 204, 255], atol=2)


def test_page_without_resolution_is_fitted_to_a4() -> None:
    page = Image(np.zeros((1000, 500), np.uint8), None)
    field = laid(page, Window())
    assert field.shape == (877, 620)
    assert (field == 0).any(axis=1).sum() == 877  # as high as A4
    columns = (field == 0).any(axis=0)
    assert abs(columns.sum() - 438) <= 1
    assert columns[310]


def test_page_is_laid_at_its_own_resolution() -> None:
    page = Image(np.zeros((600, 300), np.uint8), 150)
    black = laid(page, Window()) == 0
    assert (black.any(axis=1).sum(), black.any(axis=0).sum()) == (300, 150)


def test_page_of_the_size_of_the_window_is_not_resampled() -> None:
    noise = np.random.default_rng(3).integers(0, 256, (877, 620, 3), np.uint8)
    assert np.array_equal(laid(Image(noise, 75), Window()), noise)


def test_page_larger_than_the_window_is_reduced_not_cropped() -> None:
    pixels = np.full((2000, 1500), 255, np.uint8)
    pixels[:40] = pixels[-40:] = 0
    pixels[:, :40] = pixels[:, -40:] = 0
    field = laid(Image(pixels, 100), Window())
    ink = field < 128
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    assert ink[rows[-1], 310]
    assert ink[400, columns[0]]
    assert ink[400, columns[-1]]
    assert abs((columns[-1] - columns[0]) / (rows[-1] - rows[0]) - 0.75) < 0.01


def test_file_that_cannot_be_taken_is_named(tmp_path: Path) -> None:
    _write(tmp_path / "1.png", 9)
    (tmp_path / "2.jpg").write_text("no picture")
    with pytest.raises(InputError) as caught:
        FolderPaper(tmp_path)
    assert caught.value.facts["file"] == "2.jpg"


def test_folder_without_paper_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no image"):
        FolderPaper(tmp_path)
    with pytest.raises(InputError, match="cannot be read"):
        FolderPaper(tmp_path / "absent")


def test_a_sheet_is_as_long_as_its_longer_page_and_a4_where_that_is_not_known(
    tmp_path: Path,
) -> None:
    with pikepdf.new() as pdf:
        for points in (842, 1440):  # the back is of 20 inches
            pdf.add_blank_page(page_size=(595, points))
        pdf.save(tmp_path / "a.pdf")
    _write(tmp_path / "b.bmp", 80)
    white = np.full((877, 620, 3), 255, np.uint8)
    paper = FolderPaper(tmp_path, [(white, white)])
    lengths = [paper.length_units(index) for index in range(3)]
    assert lengths[0] == lengths[2] == 14032
    assert abs(lengths[1] - 20 * 1200) <= 8
