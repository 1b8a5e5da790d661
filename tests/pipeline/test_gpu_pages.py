"""Whole pages through the pipeline on a card are the CPU's: on the emulated one, and on a real."""

import dataclasses

import cv2
import numpy as np
import pytest

from daemon.pipeline import face
from daemon.pipeline.profile import Profile
from kernels import choice, gpu
from kernels.cuda import backend as on_card
from kernels.raster import Raster
from tests.emulator import cards

OTHERS = {"063_form.jpg": (Profile(blank="keep", clean_text="bilevel"),)}
NAMES = ("pages/063_form.jpg", "pages/131_b_bleed.jpg", "scans/leptonica__feyn.tif")


def raster(path):
    pixels = cv2.imread(str(path), cv2.IMREAD_ANYCOLOR)
    return Raster(np.ascontiguousarray(pixels), 300)


def told(done):
    kept = {"pixels", "steps", "ms", "half"}
    return {
        field.name: getattr(done, field.name)
        for field in dataclasses.fields(done)
        if field.name not in kept
    }


def compare(backend, on_cpu, paths):
    for path in paths:
        page = raster(path)
        for profile in (Profile(), *OTHERS.get(path.name, ())):
            (ours,) = face.process(page, None, backend, profile)
            (theirs,) = face.process(page, None, on_cpu, profile)
            assert told(ours) == told(theirs), path.name
            assert {step.backend for step in ours.steps} == {"gpu"}


@pytest.mark.cxx
@pytest.mark.parametrize("name", NAMES)
def test_a_whole_page_on_the_emulated_card_is_the_cpus(kernels, shared_data, name):
    compare(on_card.backend(cards.card(), kernels), kernels, [shared_data / name])


@pytest.mark.gpu
def test_every_page_on_a_real_card_is_the_cpus(kernels, shared_data):
    backend = choice.choose("gpu")
    assert gpu.first_card().name in backend.remark
    paths = sorted([*shared_data.glob("pages/*.jpg"), *shared_data.glob("scans/*.*g")])
    assert len(paths) >= 40
    compare(backend, kernels, paths)
