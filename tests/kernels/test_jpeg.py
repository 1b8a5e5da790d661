"""JPEG: explicit sampling, our dpi, deterministic bytes."""

import io

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
