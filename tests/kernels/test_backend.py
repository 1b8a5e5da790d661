"""The backend: chosen once, frozen, warm before the first sheet."""

import dataclasses

import numpy as np
import pytest

from kernels import backend, jpeg
from kernels.raster import Raster


def test_auto_and_cpu_are_the_same_kernels():
    assert backend.choose("auto") == backend.choose("cpu") == backend.choose()
    assert backend.choose().name == "cpu"


def test_a_gpu_that_is_not_there_is_refused_by_name():
    with pytest.raises(backend.BackendUnavailable, match="gpu"):
        backend.choose("gpu")


def test_a_backend_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        backend.choose().name = "other"


def test_warming_runs_every_kernel():
    chosen = backend.choose()
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
    backend.warm(dataclasses.replace(watch(chosen, ""), **groups))
    assert called >= {
        "first_pass", "skew", "rotate", "crop.locate", "crop.apply", "quality", "blank.measure",
        "blank.decide", "jpeg.encode", "jpeg.evidence", "g4.is_bilevel", "g4.file",
    }  # fmt: skip


def test_a_group_four_file_says_what_it_is():
    page = Raster(np.full((5, 9), 255, np.uint8), 300)
    assert backend.choose().g4.file(page).startswith(b"II*\0")


def test_an_encoder_that_differs_here_is_not_taken(monkeypatch):
    assert backend.choose("cpu", "numba").jpeg.name == "numba"

    def wrong(raster, quality, subsampling="420", buffers=None):
        return jpeg.ENCODERS["turbo"](raster, quality, subsampling, buffers)[:-1] + b"\0"

    monkeypatch.setattr(jpeg, "ENCODERS", {**jpeg.ENCODERS, "numba": wrong})
    chosen = backend.choose("cpu", "numba")
    assert chosen.jpeg.name == "turbo"
    assert chosen.jpeg.encode is jpeg.ENCODERS["turbo"]
