"""A card is taken where its kernels run, and its failures leave as one error."""

import numpy as np
import pytest

from kernels import gpu
from kernels.gpu import DeviceFailed, DeviceUnavailable
from tests.conftest import lacks_gpu
from tests.emulator import cards

no_driver = pytest.mark.skipif(not lacks_gpu(), reason="this machine has an NVIDIA driver")
ARCHITECTURES = (75, 80, 86, 87, 89, 90, 100, 120)


@pytest.fixture
def binaries(tmp_path):
    for number in ARCHITECTURES:
        (tmp_path / f"page.sm_{number}.cubin").touch()
    (tmp_path / "page.compute_75.ptx").touch()
    return tmp_path


@pytest.mark.parametrize(
    ("capability", "name"),
    [
        ((7, 5), "page.sm_75.cubin"),
        ((8, 0), "page.sm_80.cubin"),
        ((8, 6), "page.sm_86.cubin"),
        ((8, 8), "page.sm_87.cubin"),
        ((8, 9), "page.sm_89.cubin"),
        ((9, 0), "page.sm_90.cubin"),
        ((10, 0), "page.sm_100.cubin"),
        ((10, 3), "page.sm_100.cubin"),
        ((11, 0), "page.compute_75.ptx"),
        ((12, 1), "page.sm_120.cubin"),
        ((13, 0), "page.compute_75.ptx"),
    ],
)
def test_the_binary_of_the_same_generation_is_taken_or_ptx(binaries, capability, name):
    assert gpu.binary_for(capability, binaries).name == name


def test_a_card_that_is_too_old_is_refused(binaries):
    with pytest.raises(DeviceUnavailable, match=r"7\.0 is too old"):
        gpu.binary_for((7, 0), binaries)


def test_kernels_that_were_not_built_are_asked_for(tmp_path):
    with pytest.raises(DeviceUnavailable, match="make cubins"):
        gpu.binary_for((8, 6), tmp_path)


@no_driver
def test_without_a_driver_there_is_no_card():
    with pytest.raises(DeviceUnavailable, match="refused"):
        gpu.first_card()


def test_without_cupy_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "cupy", None)
    with pytest.raises(DeviceUnavailable, match="install cupy-cuda12x"):
        gpu.first_card()


@pytest.mark.cxx
def test_a_card_has_a_name_and_a_capability():
    card = cards.card(capability="89")
    assert card.name
    assert card.capability == (8, 9)


@pytest.mark.cxx
def test_what_goes_up_comes_down_once_it_was_waited_for():
    card = cards.card()
    stream, memory = card.stream(), card.memory(1000)
    up, down = card.pinned(1000), card.pinned(1000)
    up[:] = np.random.default_rng(1).integers(0, 256, 1000, dtype=np.uint8)
    stream.upload(memory, up)
    stream.download(down, memory)
    stream.wait()
    assert np.array_equal(up, down)
    stream.clear(memory, 300)
    stream.download(down, memory)
    stream.wait()
    assert not down[:300].any()
    assert np.array_equal(up[300:], down[300:])


@pytest.mark.cxx
@pytest.mark.parametrize("error", ["launch", "memory", "lost"])
def test_whatever_the_card_refuses_leaves_as_one_error(error):
    for at in range(1, 4):
        emulated = cards.cupy_on_cpu()
        card = cards.card(emulated)
        stream = card.stream()
        emulated.fail(at, error)
        with pytest.raises(DeviceFailed, match=card.name):
            for _ in range(3):
                memory = card.memory(64)
                stream.clear(memory, 64)
                stream.wait()
