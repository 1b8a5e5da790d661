"""Compiles `page.cu` for every card we know: `python -m kernels.cubins [FOLDER]`, or `make cubins`.

A tool of the build, not of the daemon: a machine with a card needs the files only, no compiler.
NVRTC compiles without a driver; CuPy's own way to it (`RawModule.compile`) would ask for one.
"""

import ctypes
import importlib.util
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from kernels.gpu import BINARIES

SOURCE: Final = Path(__file__).with_name("page.cu")

# Turing, A100, RTX 30, Orin, RTX 40, H100, B200, RTX 50: a cubin runs on later minor versions too.
ARCHITECTURES: Final = ("75", "80", "86", "87", "89", "90", "100", "120")
# Of the oldest, for cards that are not born yet: the driver compiles it, which takes a second.
PTX: Final = "75"

OPTIONS: Final = (
    "-std=c++17",
    "--fmad=false",  # or the last bits of a double are not those of the CPU
    "--extra-device-vectorization",
    f"--include-path={SOURCE.parent}",
)
WANTED: Final = "NVRTC is absent: install nvidia-cuda-nvrtc-cu12, or nvidia-cuda-nvrtc for CUDA 13"


class CompilerError(RuntimeError):
    """NVRTC is absent, or refused the source."""


@dataclass(frozen=True, slots=True)
class Compiled:
    """A cubin or PTX, and what the compiler said about it."""

    image: bytes
    log: str


def compiled(target: str, source: Path = SOURCE) -> Compiled:
    """Compile a source for one target: `sm_XX` gives a cubin, `compute_XX` gives PTX.

    The log of a cubin has each kernel's registers, stack, spills and shared memory.

    Raises
    ------
    CompilerError
        NVRTC is absent or does not take the source; the text is its log.
    """
    nvrtc = _nvrtc()
    options = [*OPTIONS, f"-arch={target}"]
    is_ptx = target.startswith("compute_")
    if not is_ptx:
        options.append("--ptxas-options=-v")
    program = ctypes.c_void_p()
    _check(
        nvrtc,
        nvrtc.nvrtcCreateProgram(
            ctypes.byref(program), source.read_bytes(), source.name.encode(), 0, None, None
        ),
    )
    try:
        texts = (ctypes.c_char_p * len(options))(*(option.encode() for option in options))
        status = nvrtc.nvrtcCompileProgram(program, len(options), texts)
        log = _bytes(nvrtc, "ProgramLog", program).rstrip(b"\0").decode(errors="replace")
        if status:
            raise CompilerError(f"{source.name} for {target}: {log or _meaning(nvrtc, status)}")
        return Compiled(_bytes(nvrtc, "PTX" if is_ptx else "CUBIN", program), log)
    finally:
        nvrtc.nvrtcDestroyProgram(ctypes.byref(program))


def version() -> tuple[int, int]:
    """Return the version of NVRTC, as (major, minor)."""
    nvrtc = _nvrtc()
    major, minor = ctypes.c_int(), ctypes.c_int()
    _check(nvrtc, nvrtc.nvrtcVersion(ctypes.byref(major), ctypes.byref(minor)))
    return major.value, minor.value


def build(folder: Path = BINARIES) -> list[Path]:
    """Compile `page.cu` for all architectures into a folder: `page.sm_XX.cubin`, and one PTX.

    Raises
    ------
    CompilerError
        As `compiled`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    made = []
    targets = {f"sm_{number}": "cubin" for number in ARCHITECTURES} | {f"compute_{PTX}": "ptx"}
    for target, kind in targets.items():
        path = folder / f"{SOURCE.stem}.{target}.{kind}"
        part = path.with_suffix(f".{kind}.part")
        part.write_bytes(compiled(target).image)
        part.replace(path)
        made.append(path)
    return made


def _nvrtc() -> ctypes.CDLL:
    """Load the library out of NVIDIA's wheel for CUDA 12 or 13, the newer if there are both."""
    package = importlib.util.find_spec("nvidia")
    places = package.submodule_search_locations if package else None
    found = {
        int(path.suffix[1:]): path
        for place in places or ()
        for path in Path(place).glob("*/lib/libnvrtc.so.*")
        if path.suffix[1:].isdigit()
    }
    if not found:
        raise CompilerError(WANTED)
    return ctypes.CDLL(str(found[max(found)]))


def _bytes(nvrtc: ctypes.CDLL, what: str, program: ctypes.c_void_p) -> bytes:
    size = ctypes.c_size_t()
    _check(nvrtc, getattr(nvrtc, f"nvrtcGet{what}Size")(program, ctypes.byref(size)))
    image = ctypes.create_string_buffer(size.value)
    _check(nvrtc, getattr(nvrtc, f"nvrtcGet{what}")(program, image))
    return image.raw


def _meaning(nvrtc: ctypes.CDLL, status: int) -> str:
    nvrtc.nvrtcGetErrorString.restype = ctypes.c_char_p
    text: bytes = nvrtc.nvrtcGetErrorString(status)
    return text.decode()


def _check(nvrtc: ctypes.CDLL, status: int) -> None:
    if status:
        raise CompilerError(_meaning(nvrtc, status))


def main() -> int:
    """Build into the folder of the command line and say what was made."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else BINARIES
    start = time.perf_counter()
    try:
        made = build(folder)
    except CompilerError as refused:
        sys.stderr.write(f"{refused}\n")
        return 1
    for path in made:
        sys.stdout.write(f"{path.stat().st_size:8d} bytes {path}\n")
    took_s = time.perf_counter() - start
    sys.stdout.write(f"NVRTC {'.'.join(map(str, version()))}, {took_s:.1f} s\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
