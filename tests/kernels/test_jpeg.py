"""JPEG: explicit sampling, our dpi, deterministic bytes."""

import io

import cv2
import numpy as np
import pytest
from PIL import Image, JpegImagePlugin

from kernels import jpeg
from kernels.raster import Raster, RasterError


@pytest.fixture
def page():
    rng = np.random.default_rng(5)
    pixels = np.full((163, 211, 3), 240, np.uint8)
    pixels[40:60, 30:150] = (30, 30, 200)
    pixels += rng.integers(0, 9, pixels.shape, np.uint8)
    return Raster(pixels, 300)


@pytest.mark.parametrize(("subsampling", "number"), [("420", 2), ("444", 0)])
def test_the_sampling_is_the_one_asked_for(page, subsampling, number):
    with Image.open(io.BytesIO(jpeg.encode(page, 85, subsampling))) as image:
        assert image.size == (211, 163)
        assert JpegImagePlugin.get_sampling(image) == number


@pytest.mark.parametrize("dpi", [50, 200, 300, 600, 1200])
def test_the_header_carries_the_resolution(page, dpi):
    data = jpeg.encode(Raster(page.pixels, dpi), 85)
    assert data[13] == 1
    with Image.open(io.BytesIO(data)) as image:
        assert image.info["dpi"] == (dpi, dpi)


def test_gray_has_one_component(page):
    data = jpeg.encode(Raster(np.ascontiguousarray(page.pixels[..., 0]), 300), 85)
    with Image.open(io.BytesIO(data)) as image:
        assert image.mode == "L"


def test_the_page_comes_back_nearly_the_same(page):
    with Image.open(io.BytesIO(jpeg.encode(page, 95, "444"))) as image:
        back = np.array(image)[..., ::-1].astype(int)
    assert abs(back - page.pixels).max() < 40
    assert abs(back - page.pixels).mean() < 2


def test_the_same_page_gives_the_same_bytes_and_quality_matters(page):
    assert jpeg.encode(page, 85) == jpeg.encode(page, 85)
    assert len(jpeg.encode(page, 95)) > len(jpeg.encode(page, 50))


def test_no_restart_no_progressive_no_optimised_tables(page):
    data = jpeg.encode(page, 85)
    assert b"\xff\xdd" not in data[:700]
    assert b"\xff\xc2" not in data[:700]
    assert data.count(b"\xff\xc4") == 4
    # The AC table of luma as Annex K gives it starts with these counts.
    assert (
        bytes.fromhex("ffc400b510" + "00020103030204030505040400 00017d".replace(" ", "")) in data
    )


@pytest.mark.parametrize("quality", [0, 101, -5])
def test_a_quality_out_of_range_is_refused(page, quality):
    with pytest.raises(RasterError):
        jpeg.encode(page, quality)


def test_evidence_is_gray_of_100_dpi_and_fits():
    rng = np.random.default_rng(1)
    pixels = rng.normal(238, 3, (3508, 2480, 3)).clip(0, 255).astype(np.uint8)
    data = jpeg.evidence(Raster(pixels, 300), 20_000)
    assert len(data) <= 20_000
    with Image.open(io.BytesIO(data)) as image:
        assert image.mode == "L"
        assert image.info["dpi"] == (100, 100)
        assert image.size == (826, 1169)


@pytest.mark.parametrize("page", ["061_dense", "064_table_only", "066_photo", "130_b_clean"])
def test_evidence_of_a_full_page_holds_its_limit(shared_data, page):
    pixels = cv2.imread(str(shared_data / "pages" / f"{page}.jpg"))
    data = jpeg.evidence(Raster(pixels, 300), 20_000)
    assert len(data) <= 20_000
    with Image.open(io.BytesIO(data)) as image:
        assert (image.mode, image.size, image.info["dpi"]) == ("L", (826, 1169), (100, 100))
        seen = np.array(image, np.float64)
    gray = cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY)
    wanted = cv2.resize(gray, seen.shape[::-1], interpolation=cv2.INTER_AREA)
    assert np.corrcoef(seen.ravel(), wanted.ravel())[0, 1] > 0.6


@pytest.mark.parametrize(
    ("size", "dpi", "written"),
    [
        ((4961, 3508), 300, 100),
        ((3398, 1169), 100, 100),
        ((2338, 1654), 199, 199),
        ((3, 2), 600, 100),
    ],
)
def test_evidence_of_noise_holds_its_limit_too(size, dpi, written):
    noise = np.random.default_rng(2).integers(0, 256, size, np.uint8)
    data = jpeg.evidence(Raster(noise, dpi), 20_000)
    assert len(data) <= 20_000
    with Image.open(io.BytesIO(data)) as image:
        assert image.info["dpi"] == (written, written)


def test_evidence_that_fits_at_once_is_not_made_worse(page):
    generous, exact = jpeg.evidence(page, 10**6), len(jpeg.evidence(page, 10**6))
    assert jpeg.evidence(page, exact) == generous
    assert len(jpeg.evidence(page, exact - 1)) < exact


def test_evidence_that_cannot_fit_is_the_smallest(page):
    data = jpeg.evidence(page, 1)
    with Image.open(io.BytesIO(data)) as image:
        assert len(np.unique(np.array(image))) == 1
