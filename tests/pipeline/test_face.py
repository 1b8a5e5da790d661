"""One sheet's faces through the kernels."""

import io

import cv2
import numpy as np
import pytest
from PIL import Image

from daemon.errors import ConfigError
from daemon.page import PageId, SampleOrder, Scan, Side
from daemon.pipeline import face, steps
from daemon.pipeline.bench import Bench
from daemon.pipeline.pixels import raster_of
from daemon.pipeline.profile import Profile
from kernels import room
from kernels.blank import Level
from kernels.raster import Raster
from kernels.skew import Skew

DPI = 200
W, H = 1300, 1700
FONT = cv2.FontFace("uni")
PAGE = PageId("0123abcd", 1, 1, Side.FRONT)
LINE = "被告应当返还借款本金并按约定支付利息经审理查明事实清楚"


@pytest.fixture(scope="module")
def kernels():
    return face.kernels("cpu")


def _text(angle=0.0, colour=(30, 30, 30)):
    page = np.full((H, W, 3), 238, np.uint8)
    for k in range(18):
        shifted = LINE[k % 9 :] + LINE[: k % 9]
        cv2.putText(page, shifted, (140, 200 + 75 * k), colour, FONT, 36)
    turn = cv2.getRotationMatrix2D(((W - 1) / 2, (H - 1) / 2), angle, 1)
    return cv2.warpAffine(page, turn, (W, H), borderValue=(238,) * 3)


def _noisy(pixels, seed=1):
    noise = np.random.default_rng(seed).normal(0, 1.5, pixels.shape)
    return np.clip(pixels + noise, 0, 255).astype(np.uint8)


def _blank():
    return Raster(_noisy(np.full((H, W, 3), 238, np.uint8)), DPI)


def _one(raster, kernels, profile=None):
    (done,) = face.process(raster, None, kernels, profile or Profile())
    return done


def _names(done):
    return [step.name for step in done.steps]


@pytest.mark.parametrize("order", [o for o in SampleOrder if o is not SampleOrder.BITS])
def test_every_sample_order_becomes_the_same_upright_raster(order):
    bgr = np.random.default_rng(2).integers(0, 256, (131, 77, 3), np.uint8)
    wire = {
        SampleOrder.BGR: bgr,
        SampleOrder.RGB: bgr[..., ::-1],
        SampleOrder.RGB_INVERTED: 255 - bgr[..., ::-1],
        SampleOrder.BGR_INVERTED: 255 - bgr,
        SampleOrder.GRAY: bgr[..., 0],
        SampleOrder.GRAY_INVERTED: 255 - bgr[..., 0],
    }[order]
    scan = Scan(PAGE, np.ascontiguousarray(wire), order, DPI, captured_at=0.0)
    raster = raster_of(scan)
    gray = order in (SampleOrder.GRAY, SampleOrder.GRAY_INVERTED)
    assert np.array_equal(raster.pixels, bgr[..., 0] if gray else bgr)
    assert raster.dpi == DPI
    assert raster.pixels.base.size >= raster.pixels.size + 64


def test_line_art_becomes_gray_with_white_where_a_bit_is_0():
    packed = np.random.default_rng(3).integers(0, 256, (131, 9), np.uint8)
    raster = raster_of(Scan(PAGE, packed, SampleOrder.BITS, DPI, captured_at=0.0))
    expected = [[0 if byte >> (7 - x % 8) & 1 else 255 for x in range(8)] for byte in packed[5]]
    assert raster.pixels.shape == (131, 72)
    assert raster.pixels[5].tolist() == [pixel for byte in expected for pixel in byte]
    assert np.array_equal(np.packbits(raster.pixels == 0, axis=1), packed)
    assert raster.pixels.base.size >= raster.pixels.size + 64


def test_a_line_art_page_leaves_the_kernels_as_g4(kernels):
    black = _text(0.0)
    black = black if black.ndim == 2 else black[..., 0]
    packed = np.packbits(black[:, : black.shape[1] // 8 * 8] < 128, axis=1)
    scan = Scan(PAGE, packed, SampleOrder.BITS, DPI, captured_at=0.0)
    done = _one(raster_of(scan), kernels)
    assert done.media_type == "image/tiff"


def test_the_samples_of_the_scan_are_not_touched():
    samples = np.full((70, 20), 3, np.uint8)
    raster_of(Scan(PAGE, samples, SampleOrder.GRAY_INVERTED, DPI, captured_at=0.0))
    assert (samples == 3).all()


@pytest.mark.parametrize("angle", [2.3, -3.1])
def test_a_tilted_page_is_turned_upright_and_every_step_recorded(kernels, angle):
    done = _one(Raster(_noisy(_text(angle)), DPI), kernels)
    assert done.angle_deg == pytest.approx(angle, abs=0.05)
    assert done.skew_corrected
    assert not done.removed
    assert not done.marked
    assert _names(done) == ["first_pass", "blank", "skew", "rotate", "stand", "quality", "encode"]
    rotate = done.steps[3]
    assert rotate.backend == "cpu"
    assert rotate.values["angle_microdeg"] == pytest.approx(-angle * 1e6, abs=50_000)
    assert _one(done.pixels, kernels).angle_deg == pytest.approx(0, abs=0.05)


def test_a_page_that_lies_straight_is_left_alone(kernels):
    raster = Raster(_noisy(_text(0.0)), DPI)
    done = _one(raster, kernels)
    assert abs(done.angle_deg) < 0.05
    assert not done.skew_corrected
    assert np.array_equal(done.pixels.pixels, raster.pixels)


def test_a_skew_that_is_not_trusted_is_not_corrected(kernels):
    pixels = np.full((H, W, 3), 238, np.uint8)
    cv2.ellipse(pixels, (500, 800), (90, 60), 20, 0, 300, (120, 40, 40), 3)
    done = _one(Raster(_noisy(pixels), DPI), kernels)
    assert done.blank.level is Level.NO
    assert not done.skew_corrected
    assert "skew_not_trusted" in done.warnings


def test_a_blank_is_removed_with_evidence_and_is_never_turned(kernels):
    done = _one(_blank(), kernels)
    assert done.removed
    assert not done.marked
    assert done.angle_deg is None
    assert not done.skew_corrected
    assert done.crop_px is None
    assert "skew" not in _names(done)
    assert len(done.evidence) <= 20_000
    with Image.open(io.BytesIO(done.evidence)) as image:
        assert image.mode == "L"
        assert min(image.info["dpi"]) >= 100
    assert done.data.startswith(b"\xff\xd8")  # the full image is there all the same


@pytest.mark.parametrize(("policy", "marked"), [("mark", True), ("keep", False)])
def test_the_profile_says_whether_a_blank_is_marked_or_kept(kernels, policy, marked):
    done = _one(_blank(), kernels, Profile(blank=policy))
    assert (done.removed, done.marked, done.evidence) == (False, marked, None)
    assert not done.skew_corrected


@pytest.mark.parametrize(
    ("height", "is_turned"), [(32_660, True), (32_740, False), (33_000, False)]
)
def test_a_page_that_would_be_too_long_with_the_room_for_its_turn_is_not_turned(
    kernels, height, is_turned
):
    bench = Bench(kernels, Profile())
    bench.begin(Raster(np.full((height, 600), 240, np.uint8), DPI))
    turn = steps.turn(bench, Skew(9_000_000, 1.0, True, {}, ()))
    assert turn == (-9_000_000 if is_turned else 0)
    assert ("too_large_to_turn" in bench.warnings) == (not is_turned)
    if is_turned:
        assert bench.backend.rotate(room.around(bench.raster, turn), turn, 255, None, None)


def test_a_likely_blank_is_marked_and_neither_turned_nor_cropped(kernels):
    rng = np.random.default_rng(4)
    noisy = np.clip(rng.normal(236, 14, (H, W)), 0, 255)
    pixels = np.repeat(cv2.blur(noisy, (1, 3))[..., None], 3, axis=2).astype(np.uint8)
    turned = cv2.getRotationMatrix2D((W / 2, H / 2), 2.0, 1)
    done = _one(Raster(cv2.warpAffine(pixels, turned, (W, H), borderValue=(30,) * 3), DPI), kernels)
    assert done.blank.level is Level.LIKELY
    assert done.marked
    assert not done.removed
    assert not done.skew_corrected
    assert done.crop_px is None


def test_the_other_side_explains_what_shows_through(kernels):
    front = Raster(_noisy(_text()), DPI)
    ghost = cv2.GaussianBlur(_text()[:, ::-1], (0, 0), 2.2).astype(np.float32)
    back = Raster(_noisy(238 - (238 - ghost) * 0.15, seed=2), DPI)
    alone = _one(back, kernels)
    first, second = face.process(front, back, kernels, Profile())
    assert not alone.removed
    assert not first.removed
    assert second.removed
    assert second.blank.reason == "show_through"


def test_the_bed_is_cropped_away_after_the_turn(kernels):
    page = np.full((H, W, 3), 30, np.uint8)
    page[150:1550, 100:1230] = _text()[150:1550, 100:1230]
    turn = cv2.getRotationMatrix2D(((W - 1) / 2, (H - 1) / 2), 1.5, 1)
    raster = Raster(_noisy(cv2.warpAffine(page, turn, (W, H), borderValue=(30,) * 3)), DPI)
    done = _one(raster, kernels)
    assert done.skew_corrected
    margin = 2 * DPI / 25.4
    assert done.crop_px == pytest.approx(
        (100 - margin, 150 - margin, 1230 + margin, 1550 + margin), abs=6
    )
    left, top, right, bottom = done.crop_px
    assert done.pixels.pixels.shape == (bottom - top, right - left, 3)


def test_a_bilevel_page_leaves_as_group_four_also_when_turned(kernels):
    gray = cv2.cvtColor(_text(1.4), cv2.COLOR_BGR2GRAY)
    pixels = np.where(gray < 128, 0, 255).astype(np.uint8)
    done = _one(Raster(pixels, DPI), kernels)
    assert done.skew_corrected
    assert done.media_type == "image/tiff"
    with Image.open(io.BytesIO(done.data)) as image:
        back = np.where(np.array(image), 255, 0)
        assert image.info["dpi"] == (DPI, DPI)
    assert np.array_equal(back, done.pixels.pixels)


def test_gray_stays_gray_colour_stays_colour_and_colour_without_chroma_is_gray(kernels):
    colour = _noisy(_text())
    gray = cv2.cvtColor(colour, cv2.COLOR_BGR2GRAY)
    grays = Raster(np.repeat(gray[..., None], 3, axis=2), DPI)
    modes = []
    for raster in (Raster(colour, DPI), Raster(gray, DPI), grays):
        with Image.open(io.BytesIO(_one(raster, kernels).data)) as image:
            modes.append(image.mode)
    assert modes == ["RGB", "L", "L"]


def test_a_seal_keeps_its_full_chroma(kernels):
    sealed = _text()
    cv2.circle(sealed, (900, 1400), 160, (60, 50, 210), 8)
    samplings = [
        _one(Raster(_noisy(page), DPI), kernels).steps[-1].values["subsampling"]
        for page in (sealed, _text())
    ]
    assert samplings == ["444", "420"]


def test_the_time_of_each_step_is_said(kernels):
    done = _one(Raster(_noisy(_text(2.0)), DPI), kernels)
    steps = {"first_pass", "blank", "skew", "rotate", "crop", "stand", "quality", "encode"}
    assert set(done.ms) == steps | {"total"}
    assert done.ms["total"] == pytest.approx(sum(done.ms[name] for name in steps), abs=0.01)


def test_the_half_scale_luma_is_kept_for_the_separators(kernels):
    assert _one(Raster(_noisy(_text(2.0)), DPI), kernels).half.shape == (H // 2, W // 2)


def test_kernels_that_cannot_run_here_are_a_configuration_error():
    with pytest.raises(ConfigError):
        face.kernels("gpu")
