"""The numba encoder: its bytes are the library's for every page, its stages are the standard's."""

import io
import itertools

import cv2
import img2pdf
import numpy as np
import pypdfium2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from kernels import jpeg
from kernels.buffers import Buffers
from kernels.jpeg import entropy, integer, planes, tables, transform, turbo
from kernels.raster import Raster, RasterError
from tests import reference

MODES = ("gray", "420", "444")
BUFFERS = Buffers()


def drawn(kind, size, seed):
    """Noise; black and white noise; paper with dots; slopes that wrap; one tone."""
    rng = np.random.default_rng(seed)
    noise = rng.integers(0, 256, size, np.uint8)
    y, x = np.indices(size[:2])
    slope = (x * int(rng.integers(0, 30)) + y * int(rng.integers(0, 30))) % 256
    return {
        "noise": noise,
        "extremes": np.where(noise < 128, 0, 255),
        "dots": np.where(noise < 5, noise, 238),
        "slopes": slope.reshape(*size[:2], *(1,) * (len(size) - 2)) * np.ones(size),
        "tone": np.full(size, noise.flat[0]),
    }[kind].astype(np.uint8)


def equal(pixels, quality, mode, dpi=300):
    raster = Raster(np.ascontiguousarray(pixels), dpi)
    subsampling = "444" if mode == "444" else "420"
    return integer.encode(raster, quality, subsampling, BUFFERS) == turbo.encode(
        raster, quality, subsampling
    )


@settings(max_examples=400)
@given(
    st.integers(1, 70),
    st.integers(1, 70),
    st.sampled_from(MODES),
    st.integers(1, 100),
    st.sampled_from(["noise", "extremes", "dots", "slopes", "tone"]),
    st.integers(0, 2**31),
)
def test_any_page_has_the_bytes_of_the_library(height, width, mode, quality, kind, seed):
    size = (height, width) if mode == "gray" else (height, width, 3)
    assert equal(drawn(kind, size, seed), quality, mode, 50 + seed % 1151)


@pytest.mark.parametrize("mode", MODES)
def test_every_quality_has_the_bytes_of_the_library(mode):
    size = (29, 43) if mode == "gray" else (29, 43, 3)
    pixels = drawn("noise", size, 3)
    assert [quality for quality in range(1, 101) if not equal(pixels, quality, mode)] == []


@pytest.mark.parametrize("mode", MODES)
def test_every_height_and_width_around_an_mcu_has_the_bytes_of_the_library(mode):
    pixels = drawn("noise", (34, 34, 3), 4)
    pixels = pixels[..., 0] if mode == "gray" else pixels
    sizes = itertools.product((1, 2, 7, 8, 9, 15, 16, 17, 18, 24, 26, 31, 32, 33), repeat=2)
    assert [size for size in sizes if not equal(pixels[: size[0], : size[1]], 85, mode)] == []


def test_test_pages_have_the_bytes_of_the_library(shared_data):
    names = ["pages/065_last_seal.jpg", "pages/066_photo.jpg", "scans/leptonica__tickets.tif",
             "scans/CnOCR__shupai.png"]  # fmt: skip
    for k, name in enumerate(names):
        page = cv2.imread(str(shared_data / name))
        cut = page[: 1201 + k, : 901 + k]
        assert equal(cut, 85, "420"), name
        assert equal(cut, 92, "444"), name
        assert equal(cv2.cvtColor(cut, cv2.COLOR_BGR2GRAY), 75, "gray"), name


def test_a_view_without_slack_and_buffers_used_before_change_nothing():
    buffers = Buffers()
    large = Raster(drawn("noise", (90, 101, 3), 1), 300)
    tight = Raster(np.frombuffer(drawn("dots", (33, 35, 3), 2).tobytes(), np.uint8)
                   .reshape(33, 35, 3), 300)  # fmt: skip
    for raster in (large, tight, large):
        assert integer.encode(raster, 90, "420", buffers) == integer.encode(raster, 90, "420")
        assert integer.encode(raster, 90, "420", buffers) == turbo.encode(raster, 90, "420")


@pytest.mark.parametrize("mode", MODES)
def test_other_decoders_see_the_page(mode):
    size = (75, 93) if mode == "gray" else (75, 93, 3)
    page = cv2.GaussianBlur(drawn("extremes", size, 5), (0, 0), 4)
    data = integer.encode(Raster(page, 300), 95, "444" if mode == "444" else "420")
    with Image.open(io.BytesIO(data)) as image:
        assert image.info["dpi"] == (300, 300)
        seen = np.array(image)
    wanted = page if mode == "gray" else page[..., ::-1]
    assert seen.shape == wanted.shape
    assert np.abs(seen.astype(int) - wanted).mean() < 2
    pdf = pypdfium2.PdfDocument(img2pdf.convert(data, nodate=True))
    (picture,) = pdf[0].get_objects()
    extracted = picture.get_bitmap().to_numpy()
    shown = extracted.reshape(seen.shape[:2] if mode == "gray" else seen.shape)
    assert np.array_equal(shown if mode == "gray" else shown[..., ::-1], seen)
    pdf.close()


@pytest.mark.parametrize("quality", [0, 101, -5])
def test_a_quality_out_of_range_is_refused(quality):
    with pytest.raises(RasterError):
        integer.encode(Raster(np.zeros((8, 8), np.uint8), 300), quality)


@pytest.mark.parametrize("encode", jpeg.ENCODERS.values(), ids=jpeg.ENCODERS)
def test_the_longest_page_is_the_same_for_both(encode):
    assert encode(Raster(np.zeros((1, 65_500), np.uint8), 300), 50)
    with pytest.raises(RasterError, match="65500"):
        encode(Raster(np.zeros((1, 65_501), np.uint8), 300), 50)


@given(st.integers(1, 40), st.integers(1, 70), st.sampled_from([1, 2]), st.integers(0, 2**31))
def test_planes_are_those_of_the_written_definition(height, width, side, seed):
    raster = Raster(drawn("noise", (height, width, 3), seed), 300)
    layout = planes.Layout.of(raster, "420" if side == 2 else "444")
    samples = planes.planes(raster, layout, BUFFERS)
    for k, wanted in enumerate(reference.jpeg_planes(raster.pixels, side)):
        start, stride = layout.starts[k], layout.strides_px[min(k, 1)]
        # Rows of dummy blocks are never read.
        rows = min(len(wanted), layout.luma_blocks[0] * 8) if k == 0 else len(wanted)
        got = samples[start : start + rows * stride].reshape(rows, stride)
        assert np.array_equal(got, wanted[:rows])


def test_coefficients_are_those_of_the_cosine_transform_and_masks_name_them():
    pixels = drawn("noise", (24, 32), 6)
    raster = Raster(pixels, 300)
    layout = planes.Layout.of(raster, "444")
    values, masks = transform.coefficients(
        planes.planes(raster, layout, BUFFERS), layout, 100, BUFFERS
    )
    for n, (y, x) in enumerate(itertools.product(range(0, 24, 8), range(0, 32, 8))):
        exact = reference.dct(pixels[y : y + 8, x : x + 8]).reshape(-1)[list(tables.ZIGZAG)]
        got = values[n * 64 : n * 64 + 64]
        assert np.abs(got - exact).max() < 0.6
        assert [int(masks[n]) >> k & 1 for k in range(64)] == (got != 0).tolist()


def test_quantising_by_products_is_division_for_every_divisor_and_coefficient():
    n = np.arange(1 << 15, dtype=np.uint64)
    for quality in range(1, 101):
        divisors = transform.divisors(quality).astype(np.uint64)
        for table in divisors:
            for half, multiplier, shift in {tuple(map(int, column)) for column in table.T}:
                quotient = ((n * np.uint64(multiplier)) >> np.uint64(16)) * np.uint64(shift)
                assert np.array_equal(quotient >> np.uint64(16), n // np.uint64(2 * half))


def test_the_scan_is_stuffed_and_padded_with_ones():
    data = integer.encode(Raster(drawn("noise", (64, 64), 8), 300), 100)
    scan = data[data.index(b"\xff\xda") + 10 : -2]
    after = {scan[k + 1] for k in range(len(scan) - 1) if scan[k] == 255}
    assert after == {0}
    tone = integer.encode(Raster(np.full((8, 8), 128, np.uint8), 300), 50)
    # DC of no difference is 00, the end of the block 1010; two ones fill the byte.
    assert tone[-3] == 0b00101011


def test_runs_of_zeros_longer_than_15_take_their_own_code():
    block = np.zeros(64, np.int16)
    block[40] = 3
    differences, starts = np.zeros(1, np.int16), np.zeros(2, np.int64)
    mask = np.array([1 << 40], np.int64)
    entropy._sizes(block, mask, differences, (1, 1), tables.CODES, starts)
    # 39 zeros: two codes of 11 bits for 16 each, then run 7 with 2 bits (12 + 2), DC 2, EOB 4.
    assert starts[0] == 2 + 2 * 11 + 12 + 2 + 4


def test_encoders_are_compared_at_start_and_a_wrong_one_is_found():
    jpeg.selftest(jpeg.ENCODERS.values())

    def without_the_last_pixel_row(raster, quality, subsampling="420", buffers=None):
        pixels = raster.pixels[: max(1, raster.height_px - 1)]
        data = bytearray(turbo.encode(Raster(pixels, raster.dpi), quality, subsampling))
        at = data.index(b"\xff\xc0") + 5
        data[at : at + 2] = raster.height_px.to_bytes(2, "big")
        return bytes(data)

    with pytest.raises(jpeg.EncodersDiffer, match="use the library"):
        jpeg.selftest([turbo.encode, without_the_last_pixel_row])
