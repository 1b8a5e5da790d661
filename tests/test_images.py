"""What comes from outside is decoded whole or refused with a reason, and never hurts the caller."""

import os
import struct
import zlib
from dataclasses import replace
from pathlib import Path

import cv2
import img2pdf
import numpy as np
import pikepdf
import pytest
from numpy.typing import NDArray

from daemon import images
from daemon.errors import InputError

WIDTH_PX, HEIGHT_PX = 640, 905


@pytest.fixture(scope="module")
def picture() -> NDArray[np.uint8]:
    noise = np.random.default_rng(5).integers(0, 255, (HEIGHT_PX, WIDTH_PX, 3), np.uint8)
    return cv2.GaussianBlur(noise, (0, 0), 4)


def _encoded(pixels: NDArray[np.uint8], suffix: str) -> bytes:
    good, data = cv2.imencode(suffix, pixels)
    assert good
    return bytes(data.tobytes())


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def _png(width: int, height: int, *chunks: bytes) -> bytes:
    head = _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    rows = _chunk(b"IDAT", zlib.compress(b"\0" * ((width + 1) * min(height, 2000))))
    return b"\x89PNG\r\n\x1a\n" + head + b"".join(chunks) + rows + _chunk(b"IEND", b"")


def _refusal(path: Path, limits: images.Limits = images.LIMITS) -> str:
    with pytest.raises(InputError) as caught:
        images.decode(path, limits=limits)
    return str(caught.value)


@pytest.mark.parametrize("suffix", [".png", ".tif", ".bmp"])
def test_lossless_formats_come_back_bit_for_bit(
    tmp_path: Path, picture: NDArray[np.uint8], suffix: str
) -> None:
    path = tmp_path / f"page{suffix}"
    path.write_bytes(_encoded(picture, suffix))
    (image,) = images.decode(path)
    assert np.array_equal(image.pixels, picture)
    assert image.pixels.flags.c_contiguous


@pytest.mark.parametrize("suffix", [".jpg", ".webp"])
def test_lossy_formats_come_back_close_and_gray_stays_gray(
    tmp_path: Path, picture: NDArray[np.uint8], suffix: str
) -> None:
    path = tmp_path / "page"
    path.write_bytes(_encoded(picture, suffix))
    (image,) = images.decode(path)
    assert cv2.absdiff(image.pixels, picture).mean() < 3
    gray = tmp_path / "gray.jpg"
    gray.write_bytes(_encoded(picture[..., 0].copy(), ".jpg"))
    assert images.decode(gray)[0].pixels.shape == (HEIGHT_PX, WIDTH_PX)


def test_pages_of_a_tiff_may_differ_and_are_read_one_by_one(
    tmp_path: Path, picture: NDArray[np.uint8]
) -> None:
    gray = picture[:300, :500, 0].copy()
    good, data = cv2.imencodemulti(".tif", [picture, gray, picture[::2].copy()])
    assert good
    path = tmp_path / "three.tif"
    path.write_bytes(data.tobytes())
    assert images.count(path) == 3
    assert [i.pixels.shape for i in images.decode(path)] == [
        (HEIGHT_PX, WIDTH_PX, 3),
        (300, 500),
        ((HEIGHT_PX + 1) // 2, WIDTH_PX, 3),
    ]
    (second,) = images.iterate(path, start=1, stop=2)
    assert np.array_equal(second.pixels, gray)
    assert len(images.decode(path, first_page_only=True)) == 1


def test_transparent_ink_is_laid_on_white_paper(tmp_path: Path) -> None:
    pixels = np.zeros((200, 200, 4), np.uint8)
    pixels[:, 100:, 3] = 255
    path = tmp_path / "stamp.png"
    path.write_bytes(_encoded(pixels, ".png"))
    (image,) = images.decode(path)
    assert image.pixels[:, :100].min() == 255
    assert image.pixels[:, 100:].max() == 0


def test_pdf_pages_are_rendered_at_300_dpi_in_bgr(tmp_path: Path) -> None:
    blue = np.full((1753, 1240, 3), (250, 40, 30), np.uint8)
    sheet = img2pdf.get_layout_fun((img2pdf.mm_to_pt(210), img2pdf.mm_to_pt(297)))
    path = tmp_path / "two.pdf"
    encoded = _encoded(blue, ".png")
    path.write_bytes(img2pdf.convert([encoded, encoded], layout_fun=sheet))
    assert images.count(path) == 2
    (image,) = images.decode(path, first_page_only=True)
    assert image.dpi == 300
    assert abs(image.pixels.shape[0] - 3508) <= 1
    assert abs(image.pixels.shape[1] - 2480) <= 1
    assert np.abs(image.pixels[1700, 1200].astype(int) - (250, 40, 30)).max() <= 2


def _with_jfif_dpi(data: bytes, dpi: int) -> bytes:
    return data[:13] + struct.pack(">BHH", 1, dpi, dpi) + data[18:]


def _with_exif_dpi(data: bytes, dpi: int) -> bytes:
    tags = b"".join(
        struct.pack("<HHII", tag, kind, 1, value)
        for tag, kind, value in ((282, 5, 50), (283, 5, 50), (296, 3, 2))
    )
    tiff = b"II*\0" + struct.pack("<IH", 8, 3) + tags + bytes(4) + struct.pack("<II", dpi, 1)
    exif = b"Exif\0\0" + tiff
    return data[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + data[20:]


@pytest.mark.parametrize(("said", "taken"), [(200, 200), (300, 300), (72, None), (2400, None)])
def test_resolution_is_read_where_plausible(
    tmp_path: Path, picture: NDArray[np.uint8], said: int, taken: int | None
) -> None:
    jpeg = _encoded(picture, ".jpg")
    files = {
        "jfif.jpg": _with_jfif_dpi(jpeg, said),
        "exif.jpg": _with_exif_dpi(jpeg, said),
        "phys.png": _png(
            640, 905, _chunk(b"pHYs", struct.pack(">IIB", *[round(said / 0.0254)] * 2, 1))
        ),
    }
    for name, data in files.items():
        path = tmp_path / name
        path.write_bytes(data)
        assert images.decode(path)[0].dpi == taken, name


def test_resolution_that_makes_no_sheet_is_not_believed(tmp_path: Path) -> None:
    tiny = np.full((100, 100), 255, np.uint8)
    path = tmp_path / "icon.jpg"
    path.write_bytes(_with_jfif_dpi(_encoded(tiny, ".jpg"), 300))  # 8 mm
    assert images.decode(path)[0].dpi is None
    path.write_bytes(_encoded(tiny, ".jpg"))
    assert images.decode(path)[0].dpi is None


def test_bomb_is_refused_by_its_header(tmp_path: Path) -> None:
    path = tmp_path / "bomb.png"
    path.write_bytes(_png(60_000, 60_000))
    assert "too large" in _refusal(path)
    assert path.stat().st_size < 200_000


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif", ".bmp", ".webp"])
@pytest.mark.parametrize("share", [0.5, 0.98])
def test_cut_off_file_is_refused(
    tmp_path: Path, picture: NDArray[np.uint8], suffix: str, share: float
) -> None:
    whole = _encoded(picture, suffix)
    path = tmp_path / f"cut{suffix}"
    path.write_bytes(whole[: int(len(whole) * share)])
    assert "cut off" in _refusal(path)


def test_jpeg_with_a_hole_before_its_end_marker_is_refused(
    tmp_path: Path, picture: NDArray[np.uint8]
) -> None:
    whole = _encoded(picture, ".jpg")
    path = tmp_path / "hole.jpg"
    path.write_bytes(whole[: len(whole) // 2] + b"\xff\xd9")
    assert "cut off" in _refusal(path)


def test_png_with_one_flipped_bit_is_refused(tmp_path: Path, picture: NDArray[np.uint8]) -> None:
    data = bytearray(_encoded(picture, ".png"))
    data[len(data) // 2] ^= 4
    path = tmp_path / "flipped.png"
    path.write_bytes(data)
    assert "checksum" in _refusal(path)


def test_text_named_jpg_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "note.jpg"
    path.write_text("原告称……", encoding="utf-8")
    assert "not an image or a PDF" in _refusal(path)


def test_encrypted_pdf_is_refused_with_its_reason(tmp_path: Path) -> None:
    path = tmp_path / "locked.pdf"
    with pikepdf.new() as pdf:
        pdf.add_blank_page()
        pdf.save(path, encryption=pikepdf.Encryption(owner="o", user="u"))
    assert "encrypted" in _refusal(path)


def test_damaged_pdf_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "damaged.pdf"
    path.write_bytes(b"%PDF-1.7\nnothing follows\n%%EOF")
    assert "PDF is damaged" in _refusal(path)


def test_pipe_link_folder_and_empty_file_are_refused_without_waiting(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.jpg"
    os.mkfifo(pipe)
    assert "not a plain file" in _refusal(pipe)
    (tmp_path / "real.png").write_bytes(_png(20, 20))
    link = tmp_path / "link.png"
    link.symlink_to(tmp_path / "real.png")
    assert "plain file" in _refusal(link)
    assert "not a plain file" in _refusal(tmp_path)
    empty = tmp_path / "empty.jpg"
    empty.touch()
    assert "empty" in _refusal(empty)
    assert "plain file" in _refusal(tmp_path / "absent.jpg")


def test_too_many_pages_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "many.pdf"
    with pikepdf.new() as pdf:
        for _ in range(4):
            pdf.add_blank_page()
        pdf.save(path)
    assert "too many" in _refusal(path, replace(images.LIMITS, pages=3))
    assert images.count(path) == 4


def test_huge_pdf_page_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "poster.pdf"
    with pikepdf.new() as pdf:
        pdf.add_blank_page(page_size=(14_000, 14_000))
        pdf.save(path)
    assert "too large" in _refusal(path)


def test_child_without_memory_is_an_input_error(tmp_path: Path) -> None:
    path = tmp_path / "large.png"
    path.write_bytes(_png(5000, 2000))
    assert len(images.decode(path)) == 1
    assert "memory" in _refusal(path, replace(images.LIMITS, memory_bytes=4 * 2**20))


def test_child_without_time_is_an_input_error(tmp_path: Path) -> None:
    path = tmp_path / "page.png"
    path.write_bytes(_png(20, 20))
    assert "too long" in _refusal(path, replace(images.LIMITS, wall_s=0.01))


def test_reading_may_stop_halfway(tmp_path: Path, picture: NDArray[np.uint8]) -> None:
    good, data = cv2.imencodemulti(".tif", [picture] * 6)
    assert good
    path = tmp_path / "six.tif"
    path.write_bytes(data.tobytes())
    pages = images.iterate(path)
    assert next(pages).pixels.shape == picture.shape
    pages.close()  # type: ignore[attr-defined]
    with pytest.raises(StopIteration):
        next(pages)
