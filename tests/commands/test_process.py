"""`suian process`: every image leaves as a page, and what was done to it is said."""

import json
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
FONT = cv2.FontFace("uni")
W, H = 1240, 1754
KEYS = [
    "file", "angle_deg", "confidence", "skew_corrected", "blank", "evidence", "quality", "crop_px",
    "format", "bytes", "ms", "backend",
]  # fmt: skip


def process(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "daemon", "process", *map(str, arguments)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def paper(seed, strength=0.0, blur=0.0, mirrored=False, angle=0.0):
    """A sheet with some lines of text at 150 dpi."""
    ink = np.zeros((H, W), np.uint8)
    for line in range(16):
        text = "被告应当返还借款本金并按约定支付利息"
        shifted = text[line % 7 :] + text[: line % 7]
        cv2.putText(ink, shifted, (140, 240 + 80 * line), 255, FONT, 36)
    soft = cv2.GaussianBlur(ink, (0, 0), blur) if blur else ink
    page = 238 - strength * (soft[:, ::-1] if mirrored else soft)
    turn = cv2.getRotationMatrix2D(((W - 1) / 2, (H - 1) / 2), angle, 1)
    page = cv2.warpAffine(page.astype(np.float32), turn, (W, H), borderValue=(238,))
    noise = np.random.default_rng(seed).normal(0, 1.5, (H, W, 3))
    return np.clip(page[..., None] + noise, 0, 255).astype(np.uint8)


def bilevel(angle=0.0):
    return np.where(paper(0, 0.8, angle=angle)[..., 0] < 128, 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def hall(tmp_path_factory):
    """A folder of images, and one run of the command over them in this order."""
    folder = tmp_path_factory.mktemp("in")
    images = {
        "tilted.png": paper(1, 0.8, angle=2.5),
        "blank.png": paper(2),
        "fax.png": bilevel(-1.5),
        "fax.tif": bilevel(),
    }
    for name, pixels in images.items():
        assert cv2.imwrite(str(folder / name), pixels)
    (folder / "broken.jpg").write_bytes((folder / "tilted.png").read_bytes()[:5000])
    order = ["tilted.png", "broken.jpg", "blank.png", "fax.png", "absent.jpg", "fax.tif"]
    out = tmp_path_factory.mktemp("out") / "pages"
    done = process(*(folder / name for name in order), "-o", out, "--json")
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return done, out, {line["file"]: line for line in lines}


def test_each_line_has_exactly_the_promised_keys(hall):
    _, _, lines = hall
    for line in lines.values():
        assert list(line) == KEYS
        assert line["backend"] == "cpu"
        assert line["ms"]["total"] == pytest.approx(
            sum(value for name, value in line["ms"].items() if name != "total"), abs=0.01
        )
        for group in ("evidence", "quality"):
            assert isinstance(line[group].pop("reason"), str)
            assert all(type(value) in (int, float) for value in line[group].values())


def test_a_file_that_cannot_be_read_gives_status_7_and_the_others_are_done(hall):
    done, out, lines = hall
    assert done.returncode == 7
    assert list(lines) == ["tilted.png", "blank.png", "fax.png", "fax.tif"]
    assert "broken.jpg" in done.stderr
    assert "absent.jpg" in done.stderr
    assert "Traceback" not in done.stderr
    assert sorted(path.name for path in out.iterdir()) == [
        "blank.jpg", "fax.tif", "fax~2.tif", "tilted.jpg",
    ]  # fmt: skip


def test_a_tilted_page_is_turned_and_its_angle_said(hall):
    _, out, lines = hall
    line = lines["tilted.png"]
    assert line["angle_deg"] == pytest.approx(2.5, abs=0.05)
    assert line["skew_corrected"] is True
    assert line["blank"] is False
    assert 0.5 < line["confidence"] <= 1
    assert line["format"] == "jpeg"
    assert line["bytes"] == (out / "tilted.jpg").stat().st_size


def test_a_blank_is_written_too_and_has_no_angle(hall):
    _, out, lines = hall
    line = lines["blank.png"]
    assert (line["blank"], line["angle_deg"], line["crop_px"]) == (True, None, None)
    assert line["skew_corrected"] is False
    assert cv2.imread(str(out / "blank.jpg")).shape == (H, W, 3)


def test_inputs_of_one_stem_do_not_overwrite_each_other(hall):
    _, out, lines = hall
    assert lines["fax.png"]["format"] == lines["fax.tif"]["format"] == "tiff-g4"
    assert lines["fax.png"]["bytes"] == (out / "fax.tif").stat().st_size
    assert lines["fax.tif"]["bytes"] == (out / "fax~2.tif").stat().st_size
    straight = cv2.imread(str(out / "fax~2.tif"), cv2.IMREAD_GRAYSCALE)
    assert np.array_equal(straight, bilevel())


def test_duplex_lets_a_front_explain_what_shines_through_on_its_back(tmp_path):
    front, back = tmp_path / "front.png", tmp_path / "back.png"
    cv2.imwrite(str(front), paper(1, 0.8))
    cv2.imwrite(str(back), paper(2, 0.15, blur=2.2, mirrored=True))
    blank = {}
    for name, options in (("alone", ()), ("paired", ("--duplex",))):
        done = process(front, back, "-o", tmp_path / name, "--json", *options)
        assert done.returncode == 0, done.stderr
        blank[name] = [json.loads(line)["blank"] for line in done.stdout.splitlines()]
    assert blank == {"alone": [False, False], "paired": [False, True]}


def test_duplex_keeps_its_pairs_when_a_front_cannot_be_read(tmp_path):
    names = ("front", "back", "third", "fourth")
    files = [tmp_path / f"{name}.png" for name in names]
    files[0].write_bytes(b"nothing to see")
    cv2.imwrite(str(files[1]), paper(2))
    cv2.imwrite(str(files[2]), paper(1, 0.8))
    cv2.imwrite(str(files[3]), paper(2, 0.15, blur=2.2, mirrored=True))
    done = process(*files, "-o", tmp_path / "out", "--json", "--duplex")
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 7
    assert [(line["file"], line["blank"]) for line in lines] == [
        ("back.png", True), ("third.png", False), ("fourth.png", True),
    ]  # fmt: skip


def test_the_folder_of_the_images_is_refused_and_nothing_is_changed(tmp_path):
    image = tmp_path / "page.jpg"
    cv2.imwrite(str(image), paper(1, 0.8, angle=2))
    before = image.read_bytes()
    alias = tmp_path / "alias"
    alias.symlink_to(tmp_path)
    for out in (tmp_path, alias):
        done = process(image, "-o", out)
        assert done.returncode == 2
        assert "choose another" in done.stderr
    assert image.read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["alias", "page.jpg"]


def test_an_image_longer_than_a_page_can_be_is_refused_by_name(tmp_path):
    image = tmp_path / "strip.png"
    cv2.imwrite(str(image), np.full((66_000, 40), 240, np.uint8))
    done = process(image, "-o", tmp_path / "out")
    assert done.returncode == 7
    assert "strip.png" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "options", [("--backend", "gpu"), ("--backend", "abacus"), ("--jpeg-quality", "7")]
)
def test_a_wrong_option_is_refused_before_anything_is_written(tmp_path, options):
    image = tmp_path / "page.png"
    cv2.imwrite(str(image), paper(1))
    done = process(image, "-o", tmp_path / "out", *options)
    assert done.returncode == 2
    assert done.stderr
    assert not list((tmp_path / "out").glob("*"))


def test_without_json_one_line_tells_a_person_what_was_done(tmp_path):
    image = tmp_path / "page.png"
    cv2.imwrite(str(image), paper(1, 0.8, angle=-2))
    done = process(image, "-o", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    (line,) = done.stdout.splitlines()
    assert "turned by 2.0" in line
    assert "page.jpg" in line
