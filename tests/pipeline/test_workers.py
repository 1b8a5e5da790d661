"""Faces on all cores: in order, each as if it were alone, in memory that is used again."""

import dataclasses
import threading
import tracemalloc

import cv2
import numpy as np
import pytest

from daemon.errors import InputError
from daemon.pipeline import face, workers
from daemon.pipeline.profile import Profile
from daemon.pipeline.workers import Workers
from kernels.raster import Raster

DPI = 200
W, H = 900, 1200
FONT = cv2.FontFace("uni")


def page(number, side=0):
    pixels = np.full((H, W, 3), 236, np.uint8)
    for k in range(12):
        cv2.putText(
            pixels, f"第{number}页审理查明事实清楚", (120, 140 + 80 * k), (40, 30, 30), FONT, 34
        )
    turn = cv2.getRotationMatrix2D((W / 2, H / 2), (1 - 2 * side) * (number % 5 - 2) / 2, 1)
    noise = np.random.default_rng((number, side)).integers(0, 4, pixels.shape, np.uint8)
    return Raster(cv2.warpAffine(pixels, turn, (W, H), borderValue=(236,) * 3) + noise, DPI)


def given(raster):
    return lambda _buffers: raster


@pytest.fixture(scope="module")
def kernels():
    return face.kernels("cpu")


@pytest.fixture
def crew(kernels):
    with Workers(kernels, Profile(), threads=2) as crew:
        yield crew


def test_a_sheet_comes_out_as_if_its_sides_were_worked_one_by_one(kernels, crew):
    for number in range(4):
        front, back = page(number), page(number, side=1)
        alone = face.process(front, back, kernels, Profile())
        together = crew.sheet([given(front), given(back)])
        assert [one.data for one in together] == [one.data for one in alone]
        assert [one.steps for one in together] == [one.steps for one in alone]
        assert [one.warnings for one in together] == [one.warnings for one in alone]


def test_a_sheet_may_have_one_side(kernels, crew):
    (alone,) = face.process(page(3), None, kernels, Profile())
    (done,) = crew.sheet([given(page(3))])
    assert done.data == alone.data


def test_both_sides_are_worked_at_the_same_time(crew):
    both = threading.Barrier(2, timeout=20)

    def source(_buffers):
        both.wait()  # neither side is laid on its bench before the other is, too
        return page(1)

    assert len(crew.sheet([source, source])) == 2


def test_a_pile_comes_out_in_its_order(kernels, crew):
    pile = [page(number) for number in range(7)]
    expected = [face.process(raster, None, kernels, Profile())[0].data for raster in pile]
    assert [done.data for (done,) in crew.in_order([raster] for raster in pile)] == expected


def test_sheets_of_a_pile_may_have_two_sides(kernels, crew):
    pile = [(page(number), page(number, side=1)) for number in range(4)]
    expected = [[one.data for one in face.process(*sheet, kernels, Profile())] for sheet in pile]
    assert [[one.data for one in faces] for faces in crew.in_order(pile)] == expected


def test_a_result_stays_as_it_is_until_the_next_one_is_asked_for(crew):
    for (done,) in crew.in_order([page(number)] for number in range(6)):
        before = done.pixels.pixels.copy()
        threading.Event().wait(0.1)  # the other threads go on
        assert np.array_equal(done.pixels.pixels, before)


@pytest.mark.parametrize("bound", [1, page(0).pixels.nbytes * 2])
def test_no_more_is_taken_in_than_the_bound(crew, monkeypatch, bound):
    monkeypatch.setattr(workers, "MAX_BYTES", bound)
    taken, given_back, most = 0, 0, 0

    def pile():
        nonlocal taken, most
        for number in range(6):
            taken += 1
            most = max(most, taken - given_back)
            yield [page(number)]

    for _ in crew.in_order(pile()):
        given_back += 1
    assert given_back == 6
    assert most <= 2 + (bound > 1)  # one more has been read, and waits


def test_an_error_of_a_face_reaches_the_one_who_asked(crew):
    def source(_buffers):
        raise InputError("no such page")

    with pytest.raises(InputError, match="no such page"):
        crew.sheet([source, given(page(1))])
    assert len(crew.sheet([given(page(1))])) == 1  # and the next sheet is worked


def test_the_second_page_of_a_size_allocates_no_page(crew):
    sheets = [(given(page(number)), given(page(number, side=1))) for number in (1, 2)]
    crew.sheet(sheets[0])
    tracemalloc.start()
    try:
        crew.sheet(sheets[1])
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < page(0).pixels.nbytes / 2, peak


@pytest.mark.parametrize(("cores", "beside_a_card"), [(16, 4), (2, 2)])
def test_beside_a_card_few_threads_work_faces(kernels, monkeypatch, cores, beside_a_card):
    monkeypatch.setattr(workers, "usable_cores", lambda: cores)
    on_card = dataclasses.replace(kernels, name="gpu", spare=kernels)
    assert workers.usual_threads(kernels) == cores
    assert workers.usual_threads(on_card) == beside_a_card
