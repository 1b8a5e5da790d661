"""The CUDA source compiles for every card we name, without a card, and stays within its means.

Spilled registers and a local stack are memory traffic that no test of results would notice; and
with fewer than two blocks on a multiprocessor nothing runs while one waits. (Of more than 512
threads a block is alone: most cards have room for 1,024 or 1,536.)
"""

import functools
import re
from pathlib import Path

import pytest

from kernels import cubins

REGISTERS = 65536  # of a multiprocessor, since Kepler
GIVEN_IN = 8  # a thread's registers are rounded up to so many
SHARED_BYTES = 24 << 10

# What may be more, and why: kernel -> (bytes of stack, bytes of shared memory, reason).
EXCEPTIONS: dict[str, tuple[int, int, str]] = {}


compiled = functools.cache(cubins.compiled)


def most_registers(threads):
    blocks = 2 if threads <= 512 else 1
    return REGISTERS // blocks // threads


def number(pattern, text):
    return sum(map(int, re.findall(pattern, text)))


def kernels_of(log):
    """What the assembler says about each kernel, by its name."""
    parts = re.split(r"Compiling entry function '(\w+)'", log)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


@functools.cache
def launch_bounds():
    """Threads of a block at most, by kernel, as the oldest architecture's PTX has them."""
    ptx = compiled(f"compute_{cubins.PTX}").image.decode()
    parts = re.split(r"\.entry (\w+)\(", ptx)
    found = {}
    for name, part in zip(parts[1::2], parts[2::2], strict=True):
        bounds = re.search(r"\.maxntid (\d+)", part[: part.index("{")])
        found[name] = int(bounds[1]) if bounds else 0
    return found


def test_every_kernel_has_launch_bounds_and_a_name_that_can_be_asked_for():
    bounds = launch_bounds()
    assert bounds
    assert [name for name, threads in bounds.items() if not 0 < threads <= 1024] == []
    assert [name for name in bounds if name.startswith("_Z")] == []


@pytest.mark.parametrize("number_of_card", cubins.ARCHITECTURES)
def test_kernels_stay_within_their_means(number_of_card):
    result = compiled(f"sm_{number_of_card}")
    kernels = kernels_of(result.log)
    assert set(kernels) == set(launch_bounds())
    over = []
    for name, told in kernels.items():
        stack, shared, _ = EXCEPTIONS.get(name, (0, SHARED_BYTES, ""))
        registers = -(-number(r"Used (\d+) registers", told) // GIVEN_IN) * GIVEN_IN
        means = {
            "spilled bytes": (number(r"(\d+) bytes spill", told), 0),
            "bytes of stack": (number(r"(\d+) bytes stack frame", told), stack),
            "registers": (registers, most_registers(launch_bounds()[name])),
            "bytes of shared memory": (number(r"(\d+) bytes smem", told), shared),
        }
        over += [f"{name}: {has} {what}" for what, (has, may) in means.items() if has > may]
    assert over == []
    assert "warning" not in result.log


def test_cubins_and_ptx_land_in_the_folder(tmp_path, monkeypatch):
    monkeypatch.setattr(cubins, "compiled", compiled)
    folder = tmp_path / "made" / "binaries"
    made = cubins.build(folder)
    assert made == cubins.build(folder)
    assert sorted(folder.iterdir()) == sorted(made)
    *cards, ptx = made
    assert [path.name for path in cards] == [f"page.sm_{n}.cubin" for n in cubins.ARCHITECTURES]
    assert all(path.read_bytes().startswith(b"\x7fELF") for path in cards)
    assert ptx.name == "page.compute_75.ptx"
    assert re.search(r"^\.target sm_75$", ptx.read_text(), re.MULTILINE)


@pytest.mark.parametrize(
    ("body", "what"),
    [
        ("int many[99]; many[to[1]] = to[2]; *to = many[*to];", "stack"),
        ("__shared__ int many[7000]; many[threadIdx.x] = *to; *to = many[*to];", "smem"),
    ],
)
def test_what_is_over_its_means_is_seen(tmp_path, body, what):
    source = tmp_path / "planted.cu"
    source.write_text(
        f'extern "C" __global__ void __launch_bounds__(256) big(int* to) {{ {body} }}'
    )
    (told,) = kernels_of(cubins.compiled("sm_75", source).log).values()
    assert number(rf"(\d+) bytes {what}", told) >= 99 * 4


def test_source_that_does_not_compile_says_why(tmp_path):
    source = tmp_path / "planted.cu"
    source.write_text("__global__ void wrong() { absent(); }")
    with pytest.raises(cubins.CompilerError, match=r'planted.cu.*"absent" is undefined'):
        cubins.compiled("sm_75", source)


def test_absent_compiler_says_what_to_install(monkeypatch, capsys):
    monkeypatch.setattr(cubins.importlib.util, "find_spec", lambda _: None)
    monkeypatch.setattr(cubins.sys, "argv", ["cubins"])
    assert cubins.main() == 1
    assert "install nvidia-cuda-nvrtc-cu12" in capsys.readouterr().err


def test_source_names_no_machine():
    """A path of this machine in a binary would be a path of nowhere on the card's."""
    image = compiled(f"compute_{cubins.PTX}").image
    assert str(Path(cubins.__file__).parent).encode() not in image
