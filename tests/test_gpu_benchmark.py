"""The card's benchmark: what it compares with, what it carries, what it says, and that it runs."""

import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from benchmarks import gpu, record
from benchmarks.on_card import budget, emulated, equality, expected, nvjpeg, pages, peers, table
from benchmarks.on_card.hands import twins
from benchmarks.on_card.in_flight import in_flight
from kernels.cuda import chain, jpeg
from kernels.cuda.slot import Slot
from kernels.cuda.turns import Turns
from kernels.gpu import Card, DeviceFailed, DeviceUnavailable
from kernels.raster import Box

ROOT = Path(__file__).parents[1]
KERNEL = re.compile(r"__launch_bounds__\([^)]*\)\s*(\w+)\(")


def no_card():
    raise DeviceUnavailable("nobody built one in")


@pytest.fixture
def without_card(monkeypatch):
    monkeypatch.setattr(gpu, "first_card", no_card)


def with_a_broken_crop(*_):
    right = twins()
    return replace(right, crop=lambda raster, box: right.crop(raster, Box(0, 0, 1, 1)))


def small_pages():
    return pages.drawn(2, (240, 170))


def test_nothing_but_numpy_numba_opencv_and_the_kernels_is_imported():
    program = """
import sys
allowed = {"numpy", "numba", "llvmlite", "cv2", "kernels", "benchmarks", *sys.stdlib_module_names}
class Others:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] not in allowed:
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Others())
from benchmarks import gpu
sys.exit(gpu.main(["--small"]))
"""
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "CuPy is not installed" in done.stderr
    assert [json.loads(one)["skipped"] for one in done.stdout.splitlines()] == [
        "CuPy is not installed: install cupy-cuda12x, or cupy-cuda13x for a driver of CUDA 13",
        "no emulator: it stands in tests/, beside benchmarks/",
    ]


def test_the_versions_are_told_where_suian_is_not_installed(monkeypatch):
    def version(name):
        raise record.importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(record.importlib.metadata, "version", version)
    assert record.versions()["suian"] == "not installed"


def test_the_committed_texts_are_those_of_the_twins():
    known, hands = expected.read(), twins()
    for page in (*pages.odd(1), *small_pages()):
        assert known[page.name] == expected.facts(page, hands), (
            "make them again: python -m benchmarks.gpu --make-expected"
        )
    assert expected.FILE.stat().st_size < 60_000


def test_there_are_texts_of_every_page_of_the_test_data(shared_data):
    names = {path.name for path in pages.files([shared_data / "pages", shared_data / "scans"])}
    assert names <= set(expected.read())


def test_texts_are_read_as_they_were_written(tmp_path):
    made = {"b": {"levels": "1 2", "jpeg": "00ff"}, "页": {"levels": "3 4"}}
    expected.write(tmp_path / "texts.json", made)
    assert expected.read(tmp_path / "texts.json") == made
    assert expected.read(tmp_path / "absent.json") == {}


def test_shape_and_type_count_as_much_as_bytes():
    array = np.zeros((2, 3), np.uint16)
    others = array.reshape(3, 2), array.astype(np.uint8), array + np.uint16(1)
    assert len({expected.digest(one) for one in (array, *others)}) == 4


def test_a_kernel_that_differs_is_named():
    page = small_pages()[0]
    right = equality.compare(page, twins(), expected.read(), equality.Twins())
    wrong = equality.compare(page, with_a_broken_crop(), expected.read(), equality.Twins())
    assert (right.differs, right.with_twins) == ((), False)
    assert wrong.differs == ("crop",)


def test_a_page_that_another_library_decoded_is_compared_with_the_twins_of_here():
    page = small_pages()[0]
    known = {page.name: {**expected.read()[page.name], expected.PIXELS: "others", "crop": "old"}}
    done = equality.compare(page, twins(), known, equality.Twins())
    assert (done.differs, done.with_twins) == ((), True)


def folder_of(folder, sizes):
    folder.mkdir()
    for name, size in sizes.items():
        (folder / name).write_bytes(bytes(size))
    return pages.files([folder])


def test_a_subset_leaves_out_the_largest_but_no_kind(tmp_path):
    sizes = {"01_a_x.jpg": 50, "02_a_y.jpg": 40, "03_b.png": 90, "c__1.tif": 10, "c__2.tif": 9}
    paths = folder_of(tmp_path / "all", {**sizes, "notes.csv": 5})
    kept = [path.name for path in pages.subset(paths, 150)]
    assert kept == ["02_a_y.jpg", "03_b.png", "c__1.tif", "c__2.tif"]
    assert pages.subset(paths, 1000) == paths
    with pytest.raises(ValueError, match="one page of each kind"):
        pages.subset(paths, 100)


def test_a_subset_of_the_test_data_can_be_carried(shared_data, tmp_path, capsys):
    assert gpu.main(["--subset", str(tmp_path / "carried")]) == 0
    there = pages.files([tmp_path / "carried"])
    assert len(there) >= 40
    assert sum(path.stat().st_size for path in there) <= 30_000_000
    every = pages.files([shared_data / "pages", shared_data / "scans"])
    assert {pages.kind(path.name) for path in there} == {pages.kind(path.name) for path in every}
    assert f"{len(there)} pages" in capsys.readouterr().out


def test_a_file_becomes_the_pixels_that_the_product_takes(tmp_path):
    clear = np.zeros((20, 10, 4), np.uint8)
    clear[:10] = 255
    for name, pixels in (("clear", clear), ("gray", clear[..., 0]), ("colour", clear[..., :3])):
        cv2.imwrite(str(tmp_path / f"{name}.png"), pixels)
    clear, colour, gray = pages.load(pages.files([tmp_path]))
    assert (clear.raster.pixels == 255).all()
    assert colour.raster.is_colour
    assert not gray.raster.is_colour


@pytest.mark.parametrize(("long_side", "dpi"), [(3508, 300), (1754, 150), (900, 75), (7016, 600)])
def test_a_page_is_taken_for_a4(long_side, dpi):
    assert pages.dpi_of(long_side) == dpi


def test_the_pages_of_a_scanner_are_those_in_colour_of_the_commonest_size():
    tall, gray, wide = (np.zeros(s, np.uint8) for s in ((9, 5, 3), (9, 5), (5, 9, 3)))
    several = [pages.page(str(k), one, 75) for k, one in enumerate((wide, tall, gray, gray, tall))]
    assert [one.name for one in pages.whole(several)] == ["1", "4"]
    assert pages.whole(several[2:4]) == []


def test_a_part_of_a_budget_never_takes_more_than_is_left():
    whole = budget.Budget(100.0)
    assert 9 < whole.part(0.1).left_s <= 10
    assert budget.Budget(0.0).part(0.5).is_spent
    assert list(budget.in_turn(budget.Budget(0.0), 2, least=2)) == [0, 1, 0, 1]


def test_the_table_has_a_block_for_each_case():
    met = table.goal("<= 60 us", met=True)
    rows = [table.Row("a", "skew", 12345.6, "us", "2 x", met), table.left_out("b", "it", "no time")]
    assert table.table(rows).splitlines() == [
        "a:",
        "what     figure  beside  goal",
        "----  ---------  ------  -------------",
        "skew  12,346 us  2 x     <= 60 us: met",
        "",
        "b:",
        "what    figure  beside   goal",
        "----  --------  -------  ----",
        "it    left out  no time",
    ]
    assert rows[1].line == {"what": "it", "skipped": "no time"}


@pytest.mark.parametrize(
    ("sampling", "flag"),
    [("420", cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420), ("444", cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444)],
)
def test_the_sampling_is_read_from_the_file(sampling, flag):
    pixels = np.random.default_rng(1).integers(0, 256, (40, 40, 3), np.uint8)
    data = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, flag])[1].tobytes()
    assert peers.sampling_of(data) == sampling
    assert peers.sampling_of(cv2.imencode(".jpg", pixels[..., 0])[1].tobytes()) == "gray"
    assert peers.sampling_of(b"") == "not told"


def test_an_absent_nvjpeg_is_told(monkeypatch):
    monkeypatch.setattr(nvjpeg, "_places", lambda: iter(["libnvjpeg-of-nobody.so"]))
    with pytest.raises(nvjpeg.NvjpegAbsent, match="no library"):
        nvjpeg.Nvjpeg(85, "420", 0)


def lines_of(text):
    return [json.loads(one) for one in text.splitlines()]


def test_without_a_compiler_it_says_so_and_ends_well(without_card, monkeypatch, capsys):
    monkeypatch.setattr(emulated, "COMPILER", "a-compiler-of-nobody")
    assert gpu.main([]) == 0
    told = capsys.readouterr()
    skipped = [one["skipped"] for one in lines_of(told.out)]
    assert skipped == [
        "nobody built one in",
        "no a-compiler-of-nobody to build the emulator with",
    ]
    assert "no card: nobody built one in" in told.err


@pytest.mark.cxx
def test_without_a_card_the_kernels_are_compared_on_the_emulator(without_card, capsys):
    assert gpu.main([]) == 0
    last = lines_of(capsys.readouterr().out)[-1]
    assert (last["value"], last["unit"]) == (8, "of 8 pages equal")
    assert last["against_twins_here"] == []


@pytest.mark.cxx
def test_what_differs_ends_with_1_and_names_page_and_kernel(without_card, monkeypatch, capsys):
    monkeypatch.setattr(equality, "on_card", with_a_broken_crop)
    assert gpu.main([]) == 1
    text = next(one for one in lines_of(capsys.readouterr().out) if one.get("differs"))
    assert text["what"] == "text, seed 1"
    assert text["differs"] == ["crop"]


@pytest.mark.cxx
def test_one_small_page_runs_every_kernel(monkeypatch, capsys):
    launched, known = set(), Card.kernel
    monkeypatch.setattr(Card, "kernel", lambda card, name: launched.add(name) or known(card, name))
    assert gpu.main(["--emulated", "--one-small-page"]) == 0
    assert lines_of(capsys.readouterr().out)[0]["beside"] == ""
    sources = sorted((ROOT / "kernels" / "cuda").glob("*.cuh"))
    assert launched == {name for path in sources for name in KERNEL.findall(path.read_text())}


@pytest.mark.cxx
def test_all_that_is_measured_on_a_card_runs(tmp_path, capsys):
    out = tmp_path / "lines.jsonl"
    assert gpu.main(["--emulated", "--seconds", "3", "--out", str(out)]) == 0
    lines = lines_of(out.read_text())
    cases = dict.fromkeys(one["case"] for one in lines)
    assert list(cases) == [
        "ceilings",
        "equality",
        "stages, on the card alone",
        "kernels",
        "whole colour pages, the card alone",
        "G4, black and white pages up, coded, down: in flight, or several in a launch",
        "whole colour pages, as the product works them",
        "JPEG, a colour page on the card to bytes here, one thread",
        "one core of the CPU",
    ]
    assert {one["versions"]["card"] for one in lines} == {"CPU that plays a card"}
    assert {one["what"] for one in lines if "skipped" in one} >= {"nvJPEG", "nvImageCodec"}
    printed = capsys.readouterr().out
    assert all(f"{case}:\n" in printed for case in cases)


@pytest.mark.cxx
def test_pages_in_flight_come_in_order_and_give_their_turns_back():
    card = emulated.card()
    turns = Turns(card, 2)
    slots = [Slot(card, turns) for _ in range(2)]
    rasters = [page.raster for page in (*small_pages(), *small_pages(), small_pages()[1])]
    under_way = []

    def ask(raster, slot):
        if raster is None:
            raise DeviceFailed("the card fell off")
        under_way.append(raster)
        coded = chain.ask(raster, slot)
        return lambda: under_way.remove(raster) or jpeg.collect(coded, slot)

    files, seen = [], []
    for file in in_flight(rasters, slots, ask):
        seen.append(len(under_way))
        files.append(file)
    assert seen == [1, 1, 1, 1, 0]
    alone = Slot(card, Turns(card))
    assert files == [chain.straight_jpeg(raster, alone) for raster in rasters]
    with pytest.raises(DeviceFailed, match="fell off"):
        list(in_flight([rasters[0], None], slots, ask))
    with slots[0].turn(), slots[1].turn():  # both were given back
        pass


@pytest.mark.cxx
def test_a_card_that_fails_ends_with_1(monkeypatch, capsys):
    def fails(*_args, **_options):
        raise DeviceFailed("the card fell off")

    monkeypatch.setattr(gpu.stage_times, "measure", fails)
    assert gpu.main(["--emulated", "--seconds", "1"]) == 1
    assert "FAILED: the card fell off" in capsys.readouterr().err
