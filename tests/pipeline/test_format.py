"""The format a page leaves in, and the PDF around it."""

import itertools
import re

import cv2
import numpy as np
import pypdfium2
import pytest

from daemon.pipeline.format import (
    PageFormat,
    Seen,
    choose,
    strong_colour_mm2,
    wrap_pdf,
)
from daemon.pipeline.profile import Profile
from kernels import g4, jpeg
from kernels.raster import Raster

SEAL = Seen("colour", has_chroma=True, strong_mm2=444.0)
PRINT = Seen("colour", has_chroma=True, strong_mm2=0.0)
CLEAN = Seen("colour", has_chroma=True, strong_mm2=0.0, is_clean_text=True)


@pytest.mark.parametrize(
    ("seen", "wish", "kind", "sampling", "reason"),
    [
        (Seen("bilevel", False, 0.0), Profile(), "g4", "bilevel", "bilevel"),
        (Seen("gray", False, 0.0), Profile(), "jpeg", "gray", "gray"),
        (Seen("colour", False, 0.0), Profile(), "jpeg", "gray", "no_chroma"),
        (PRINT, Profile(), "jpeg", "420", "colour"),
        (SEAL, Profile(), "jpeg", "444", "seal"),
        (Seen("colour", True, 11.9), Profile(), "jpeg", "420", "colour"),
        (Seen("colour", True, 12.0), Profile(), "jpeg", "444", "seal"),
        (Seen("colour", True, 1500.0), Profile(), "jpeg", "444", "seal"),
        (Seen("colour", True, 1500.1), Profile(), "jpeg", "420", "colour"),
        (SEAL, Profile(chroma="420"), "jpeg", "420", "profile"),
        (PRINT, Profile(chroma="444"), "jpeg", "444", "profile"),
        (CLEAN, Profile(), "jpeg", "420", "colour"),
        (CLEAN, Profile(clean_text="bilevel"), "g4", "bilevel", "clean_text"),
        (PRINT, Profile(clean_text="bilevel"), "jpeg", "420", "colour"),
    ],
)
def test_the_first_row_that_matches_counts(seen, wish, kind, sampling, reason):
    assert choose(seen, wish) == PageFormat(kind, sampling, reason)


def every_case():
    for captured, chroma, strong, clean in itertools.product(
        ("bilevel", "gray", "colour"), (False, True), (0.0, 100.0, 1e4), (False, True)
    ):
        for text, sampling in itertools.product(("keep", "bilevel"), ("auto", "420", "444")):
            yield Seen(captured, chroma, strong, clean), Profile(clean_text=text, chroma=sampling)


def test_what_was_captured_in_colour_or_gray_is_never_made_bilevel_unasked():
    for seen, wish in every_case():
        made = choose(seen, wish)
        if seen.captured != "bilevel" and not (
            wish.clean_text == "bilevel" and seen.captured == "colour" and seen.is_clean_text
        ):
            assert made.kind == "jpeg"


def test_what_has_chroma_and_is_no_clean_text_stays_in_colour():
    for seen, wish in every_case():
        if seen.captured == "colour" and seen.has_chroma and not seen.is_clean_text:
            assert choose(seen, wish).sampling in ("420", "444")


def test_the_encoder_is_told_the_sampling_that_is_recorded():
    for seen, wish in every_case():
        made = choose(seen, wish)
        if made.sampling in ("420", "444"):
            assert made.subsampling == made.sampling


def test_strong_colour_is_counted_in_cells():
    spreads = np.zeros((10, 12), np.uint8)
    spreads[2:5, 3:7] = 90
    spreads[8, 8] = 89
    assert strong_colour_mm2(spreads, 300) == pytest.approx(12 * 2.709**2 * 0.3, rel=1e-3)


def a_page(shape=(217, 301, 3)):
    pixels = np.full(shape, 255, np.uint8)
    pixels[20:90, 33:180] = 0
    pixels[100:140, 40:44] = 0
    return pixels


def a_file(name):
    """The file of a page, its media type and the samples a decoder sees."""
    gray = Raster(a_page((217, 301)), 300)
    if name == "g4":
        code = g4.encode(g4.pack(gray), gray.width_px)
        return g4.tiff(code, gray.width_px, gray.height_px, 300), "image/tiff", gray.pixels
    raster = gray if name == "gray" else Raster(a_page(), 300)
    data = jpeg.encode(raster, 85, "444" if name == "444" else "420")
    seen = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    return data, "image/jpeg", seen


@pytest.mark.parametrize("name", ["g4", "gray", "420", "444"])
def test_a_pdf_holds_the_very_samples_at_the_exact_size(name):
    data, media_type, wanted = a_file(name)
    wrapped = wrap_pdf(data, media_type, 300)
    pdf = pypdfium2.PdfDocument(wrapped)
    assert len(pdf) == 1
    assert pdf[0].get_size() == pytest.approx((301 * 72 / 300, 217 * 72 / 300), abs=1e-3)
    (picture,) = pdf[0].get_objects()
    seen = picture.get_bitmap().to_numpy()
    assert np.array_equal(seen.reshape(wanted.shape), wanted)
    pdf.close()
    if media_type == "image/jpeg":
        assert data in wrapped


def test_the_pdf_of_a_page_is_the_same_at_any_time():
    data, media_type, _ = a_file("g4")
    wrapped = wrap_pdf(data, media_type, 300)
    assert wrapped == wrap_pdf(data, media_type, 300)
    assert not re.search(rb"Date|/ID", wrapped)


@pytest.mark.parametrize("dpi", [200, 300, 600])
def test_an_a4_page_is_a4_in_the_pdf(dpi):
    width, height = round(210 / 25.4 * dpi), round(297 / 25.4 * dpi)
    data = jpeg.encode(Raster(np.full((height, width), 255, np.uint8), dpi), 85)
    pdf = pypdfium2.PdfDocument(wrap_pdf(data, "image/jpeg", dpi))
    size_mm = [side / 72 * 25.4 for side in pdf[0].get_size()]
    assert size_mm == pytest.approx([210, 297], abs=25.4 / dpi)
    pdf.close()


def test_nothing_but_a_page_is_wrapped():
    with pytest.raises(ValueError, match="image/png"):
        wrap_pdf(b"", "image/png", 300)
