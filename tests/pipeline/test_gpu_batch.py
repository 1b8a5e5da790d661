"""A card that fails in the middle of a batch costs no page, and no page is another one for it."""

import dataclasses

import cv2
import numpy as np
import pytest

from daemon.pipeline import face
from daemon.pipeline.bench import Bench
from daemon.pipeline.profile import Profile
from daemon.pipeline.standby import Standby
from daemon.pipeline.workers import Workers
from kernels.cuda import backend as on_card
from kernels.gpu import DeviceFailed
from kernels.raster import Raster
from tests.emulator import cards

pytestmark = pytest.mark.cxx

PAGES = 100
SHAPE = (420, 300)


def kind(number):
    """Return 0 for a blank page, 1 for one in gray, 2 in colour, 3 in black and white."""
    if number % 20 == 0:
        return 0
    return {1: 1, 3: 3}.get(number % 4, 2)


def drawn(number):
    """Draw a small page of its kind: lines that are askew, a few with strong colour."""
    rng = np.random.default_rng(number)
    page = np.full((*SHAPE, 3), 245, np.uint8)
    if kind(number):
        for y in range(40, 380, 18):
            for x in range(30, 260, 9):
                if rng.random() < 0.8:
                    ink = (30, 30, 200) if number % 5 == 2 and y > 300 else (25, 25, 25)
                    cv2.rectangle(page, (x, y), (x + 5, y + 8), ink, -1)
        turn = cv2.getRotationMatrix2D((150, 210), float(rng.uniform(-6, 6)), 1)
        page = cv2.warpAffine(page, turn, SHAPE[::-1], borderValue=(245, 245, 245))
    if kind(number) in (1, 3):
        page = cv2.cvtColor(page, cv2.COLOR_BGR2GRAY)
    if kind(number) == 3:
        page = np.where(page < 128, np.uint8(0), np.uint8(255))
    return Raster(np.ascontiguousarray(page), 75)


@pytest.fixture(scope="module")
def pages():
    return [drawn(number) for number in range(PAGES)]


@pytest.fixture(scope="module")
def wanted(kernels, pages):
    """What the CPU makes of each page."""
    bench = Bench(kernels, Profile())
    return [told(*face.process_on([bench], [page])) for page in pages]


def told(done):
    """All of a face but who worked it and how long it took."""
    steps = [
        (step.name, {name: value for name, value in step.values.items() if name != "encoder"})
        for step in done.steps
    ]
    kept = {"pixels", "steps", "ms", "redone", "half"}
    facts = {
        field.name: getattr(done, field.name)
        for field in dataclasses.fields(done)
        if field.name not in kept
    }
    return facts | {"steps": steps, "half": done.half.tobytes()}


def gpu(kernels, emulated):
    return on_card.backend(cards.card(emulated), kernels)


def test_the_card_gives_the_cpus_faces(kernels, pages, wanted):
    bench = Bench(gpu(kernels, cards.cupy_on_cpu("shuffled")), Profile())
    for page, want in zip(pages[:16], wanted, strict=False):
        (done,) = face.process_on([bench], [page])
        assert told(done) == want
        assert {step.backend for step in done.steps} == {"gpu"}
        assert not done.redone


def test_a_failure_at_every_stage_of_a_batch_loses_no_page(kernels, pages, wanted):
    emulated = cards.cupy_on_cpu()
    backend = gpu(kernels, emulated)
    standby = Standby(backend)
    bench = Bench(standby, Profile())
    spent = [_calls(emulated, bench, page) for page in pages[:4] * 2][4:]  # of each kind
    stages = set(range(1, max(spent) + 1))
    assert len(stages) > 40
    for number, (page, want) in enumerate(zip(pages, wanted, strict=True)):
        standby.worked(backend)  # by another bench: or the card would be let alone after three
        stage = max((one for one in stages if one <= spent[kind(number)]), default=0)
        if stage:
            emulated.fail(stage, ("launch", "memory", "pool")[number % 3])
        (done,) = face.process_on([bench], [page])
        assert told(done) == want, number
        assert {step.backend for step in done.steps} == {"cpu" if done.redone else "gpu"}
        if done.redone:
            stages.remove(stage)
        emulated.fail(10**9)  # this page may have had less to do than others of its kind
    assert not stages  # every call that a page makes, once its memory is there, has failed once


def _calls(emulated, bench, page):
    before = emulated.calls
    face.process_on([bench], [page])
    return emulated.calls - before


@pytest.mark.parametrize("threads", [1, 4])
def test_a_card_that_vanishes_in_the_middle_of_a_batch_loses_no_page(
    kernels, pages, wanted, threads
):
    emulated = cards.cupy_on_cpu()
    with Workers(gpu(kernels, emulated), Profile(), threads) as workers:
        done = []
        for number, (made,) in enumerate(workers.in_order([page] for page in pages[:40])):
            if number == 10:
                emulated.fail(17, "lost")
            done.append((told(made), made.redone, made.steps[0].backend))
        assert not workers.on_gpu
    assert [facts for facts, _, _ in done] == wanted[:40]
    assert [backend for _, _, backend in done[:9]] == ["gpu"] * 9
    assert [backend for _, _, backend in done[-9:]] == ["cpu"] * 9
    redone = sum(redone for _, redone, _ in done)
    assert 1 <= redone <= 3 + 2 * threads


def test_a_card_that_fails_at_every_end_is_let_alone_though_it_begins_well(kernels, pages, wanted):
    backend = gpu(kernels, cards.cupy_on_cpu())

    def fails(*_args):
        raise DeviceFailed("no file of this card was ever whole")

    broken = dataclasses.replace(backend, jpeg=dataclasses.replace(backend.jpeg, encode=fails))
    bench = Bench(broken, Profile())
    redone = []
    for number in (1, 2, 4, 5, 6):  # none in black and white: those leave as G4
        (done,) = face.process_on([bench], [pages[number]])
        assert told(done) == wanted[number]
        redone.append(done.redone)
    assert redone == [True, True, True, False, False]
