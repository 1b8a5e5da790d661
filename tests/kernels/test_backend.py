"""The backend: chosen once, frozen, warm before the first sheet."""

import dataclasses

import numpy as np
import pytest

from kernels import choice, jpeg
from kernels.backend import BackendUnavailable
from kernels.choice import choose
from kernels.cuda import backend as on_card
from kernels.cuda import rotate
from kernels.cuda.proof import TwinsDiffer, prove
from kernels.gpu import DeviceUnavailable
from kernels.raster import Raster, RasterError
from tests.emulator import cards


@pytest.fixture
def no_card(monkeypatch):
    def absent():
        raise DeviceUnavailable("this machine has no NVIDIA card")

    monkeypatch.setattr(choice, "first_card", absent)


@pytest.fixture
def card(monkeypatch):
    monkeypatch.setattr(choice, "first_card", cards.card)


def test_without_a_card_auto_takes_the_cpu_and_says_why(no_card):
    chosen = choose("auto")
    assert chosen.name == "cpu"
    assert "no NVIDIA card" in chosen.remark
    assert dataclasses.replace(chosen, remark="") == choose("cpu")


def test_a_gpu_that_is_not_there_is_refused_by_name(no_card):
    with pytest.raises(BackendUnavailable, match=r'"gpu".*no NVIDIA card.*use "auto" or "cpu"'):
        choose("gpu")


@pytest.mark.cxx
def test_with_a_card_auto_takes_it_once_it_is_proven(card):
    chosen = choose("auto")
    assert (chosen.name, chosen.jpeg.name) == ("gpu", "cuda")
    assert chosen.spare == choose("cpu")
    assert choose("gpu").name == "gpu"
    assert choose("cpu").name == "cpu"


@pytest.mark.cxx
def test_a_card_that_gives_another_byte_is_not_taken(card, monkeypatch):
    right = rotate.rotate

    def wrong(*args):
        turned = right(*args)
        pixels = turned.pixels.copy()
        pixels[-1, -1] ^= 1
        return Raster(pixels, turned.dpi)

    monkeypatch.setattr(rotate, "rotate", wrong)
    chosen = choose("auto")
    assert chosen.name == "cpu"
    assert "rotate differs" in chosen.remark
    with pytest.raises(BackendUnavailable, match="rotate differs"):
        choose("gpu")


@pytest.mark.cxx
@pytest.mark.parametrize("kernel", ["first_pass", "skew", "jpeg", "g4"])
def test_whichever_kernel_differs_is_named(kernel):
    on_cpu = choose("cpu")
    found = on_card.backend(cards.card(), on_cpu)
    changed = {
        "first_pass": lambda: {
            "first_pass": lambda *args: dataclasses.replace(found.first_pass(*args), threshold=1)
        },
        "skew": lambda: {
            "skew": lambda *args: dataclasses.replace(found.skew(*args), angle_microdeg=1)
        },
        "jpeg": lambda: {
            "jpeg": dataclasses.replace(
                found.jpeg, encode=lambda *args: found.jpeg.encode(*args)[:-1] + b"\0"
            )
        },
        "g4": lambda: {"g4": dataclasses.replace(found.g4, file=lambda *_: b"")},
    }[kernel]()
    with pytest.raises(TwinsDiffer, match=kernel.replace("_", " ")):
        prove(dataclasses.replace(found, **changed), on_cpu, choice.tiny_pages())


@pytest.mark.cxx
def test_a_card_works_in_a_slot_and_nowhere_else(card):
    chosen = choose("gpu")
    with pytest.raises(RasterError, match=r"Backend\.buffers"):
        chosen.jpeg.encode(Raster(np.zeros((9, 9), np.uint8), 300), 85)


def test_a_backend_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        choose("cpu").name = "other"


def test_warming_runs_every_kernel():
    chosen = choose("cpu")
    called = set()

    def watched(name, kernel):
        def call(*args):
            called.add(name)
            return kernel(*args)

        return call

    def watch(group, prefix):
        changed = {
            field.name: watched(f"{prefix}{field.name}", getattr(group, field.name))
            for field in dataclasses.fields(group)
            if callable(getattr(group, field.name))
        }
        return dataclasses.replace(group, **changed)

    groups = {
        name: watch(getattr(chosen, name), f"{name}.") for name in ("crop", "blank", "jpeg", "g4")
    }
    choice.warm(dataclasses.replace(watch(chosen, ""), **groups))
    assert called >= {
        "first_pass", "skew", "rotate", "crop.locate", "crop.apply", "quality", "blank.measure",
        "blank.decide", "jpeg.encode", "jpeg.evidence", "g4.is_bilevel", "g4.bilevel", "g4.file",
    }  # fmt: skip


def test_a_group_four_file_says_what_it_is():
    page = Raster(np.full((5, 9), 255, np.uint8), 300)
    assert choose("cpu").g4.file(page).startswith(b"II*\0")


def test_an_encoder_that_differs_here_is_not_taken(monkeypatch):
    assert choose("cpu", "numba").jpeg.name == "numba"

    def wrong(raster, quality, subsampling="420", buffers=None):
        return jpeg.ENCODERS["turbo"](raster, quality, subsampling, buffers)[:-1] + b"\0"

    monkeypatch.setattr(jpeg, "ENCODERS", {**jpeg.ENCODERS, "numba": wrong})
    chosen = choose("cpu", "numba")
    assert chosen.jpeg.name == "turbo"
    assert chosen.jpeg.encode is jpeg.ENCODERS["turbo"]
