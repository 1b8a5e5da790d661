"""Makes a library for the CPU out of a CUDA C source: the very same text, behind a header.

Built once for each content: the library's name is a hash of everything that went into it.
"""

import hashlib
import os
import re
import subprocess
import tempfile
from pathlib import Path
from typing import Final

HEADERS: Final = Path(__file__).parent
COMPILER: Final = "g++"
FLAGS: Final = (
    "-O2",
    "-gdwarf-4",  # addr2line of binutils 2.40 names the wrong file for version 5
    "-std=c++17",
    "-fPIC",
    "-shared",
    "-fvisibility=hidden",
    # As --fmad=false has it, and as NVRTC takes a char to be, and bytes read as words.
    "-ffp-contract=off",
    "-fsigned-char",
    "-fno-strict-aliasing",
    # A fault leaves the launch by a jump from another stack, which a fortified longjmp refuses.
    "-U_FORTIFY_SOURCE",
    "-Wno-unknown-pragmas",
    "-Werror=uninitialized",
    "-Werror=return-type",
)
# Where a CPU and a card part ways or the card gives up: each check is one instruction, a trap.
TRAPS: Final = (
    "-fsanitize=alignment,bounds,shift-exponent,float-cast-overflow,integer-divide-by-zero",
    "-fsanitize-undefined-trap-on-error",
)
SANITIZED: Final = (
    "-fsanitize=undefined,float-cast-overflow",
    "-fno-sanitize-recover=undefined,float-cast-overflow",
)
KERNEL: Final = re.compile(
    r"__global__\s+(?:void\s+)?"
    r"(?:__launch_bounds__\s*(?P<bounds>\((?:[^()]|\([^()]*\))*\))\s*)?"
    r"(?:void\s+)?(?P<name>\w+)\s*\("
)


class DoesNotCompile(RuntimeError):
    """The compiler refused a kernel source; the text is what it said."""


def build(
    source: Path,
    folder: Path,
    *,
    sanitize: bool = False,
    name: str = "page",
    flags: tuple[str, ...] = (),
) -> Path:
    """Compile a CUDA C source for the CPU into `folder`, unless it is there.

    With `sanitize` the library ends its process at the first undefined behaviour and says which:
    use it in a child process. Further `flags` go to the compiler.
    """
    source = source.resolve()
    text = _run(["-E", "-x", "c++", "-D__CUDA_ARCH__=750", f"-I{source.parent}", str(source)])
    kernels = {found["name"]: found["bounds"] or "(1024)" for found in KERNEL.finditer(text)}
    # In a namespace without a name the source's own inline functions are nobody else's: so their
    # shared variables may all lie in one section.
    whole = "\n".join(
        (
            '#include "cuda_on_cpu.h"',
            "namespace {",
            f'#include "{source}"',
            *(f"CUDA_ON_CPU_KERNEL({kernel}, {bounds});" for kernel, bounds in kernels.items()),
            "}",
        )
    )
    options = [*FLAGS, *(SANITIZED if sanitize else TRAPS), *flags]
    if int(_run(["-dumpversion"]).split(".")[0]) >= 12:
        options.append("-ftrivial-auto-var-init=pattern")  # or a lucky zero hides a forgotten one
    library = folder / f"{name}-{_hash(text, whole, str(options))}.so"
    if not library.exists():
        folder.mkdir(parents=True, exist_ok=True)
        handle, made = tempfile.mkstemp(dir=folder, suffix=".part")
        os.close(handle)
        places = [f"-I{HEADERS}", f"-I{source.parent}"]
        try:
            _run([*options, *places, "-x", "c++", "-", "-o", made], whole)
            Path(made).replace(library)  # several processes may build at once: the last one wins
        finally:
            Path(made).unlink(missing_ok=True)
    return library


def _hash(*texts: str) -> str:
    whole = hashlib.sha256()
    for text in (*texts, *(path.read_text() for path in sorted(HEADERS.glob("*.h")))):
        whole.update(text.encode())
    return whole.hexdigest()[:16]


def _run(options: list[str], text: str = "") -> str:
    done = subprocess.run(
        [COMPILER, *options], input=text, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise DoesNotCompile(done.stderr[:4000])
    return done.stdout
