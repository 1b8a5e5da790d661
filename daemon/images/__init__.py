"""Decode images and PDFs that come from outside, inside a limited child process.

Rule 1: the caller's process opens the file and never looks inside it; the child does, with a
limit on memory, CPU time and wall time. A child that dies is an `InputError`, nothing more.
Rule 2: sizes are read from the header and judged before a single pixel is decoded.
Rule 3: what the child answers is raw samples behind a fixed header, checked again here.
Rule 4: an image that is damaged is refused as a whole; a half-gray page is not evidence.

PDF pages are rendered at 300 dpi; `dpi` of an image is None where the file does not say it, or
says something that no sheet of paper can have.
"""

import contextlib
import json
import os
import select
import stat
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Final

import numpy as np
from numpy.typing import NDArray

from daemon.errors import InputError
from daemon.images.headers import sniff

__all__ = ["LIMITS", "Image", "Limits", "count", "decode", "iterate", "sniff"]

_SLACK_BYTES: Final = 64  # vector kernels may read this far behind a page
RECORD: Final = struct.Struct(">cIIIII")  # kind, width, height, channels, dpi or 0, bytes
COUNT, IMAGE, ERROR, END = b"C", b"I", b"E", b"Z"


@dataclass(frozen=True, slots=True)
class Limits:
    """What a file from outside may cost."""

    file_bytes: int = 256 * 2**20
    pixels: int = 7016 * 9921  # A3 at 600 dpi
    pages: int = 2000
    memory_bytes: int = 1200 * 2**20
    cpu_s: int = 40
    """CPU seconds for one page."""
    wall_s: float = 90.0
    """Wall seconds for one page."""


LIMITS: Final = Limits()


@dataclass(frozen=True, slots=True)
class Image:
    """One decoded page.

    Attributes
    ----------
    pixels
        uint8, C-order, (height, width) gray or (height, width, 3) BGR; 255 is white.
    dpi
        Samples per inch, or None where the file does not say it plausibly.
    """

    pixels: NDArray[np.uint8]
    dpi: int | None


def decode(path: Path, *, first_page_only: bool = False, limits: Limits = LIMITS) -> list[Image]:
    """Decode every page of a file; raises InputError for anything that is not sound."""
    return list(iterate(path, stop=1 if first_page_only else None, limits=limits))


def iterate(
    path: Path, *, start: int = 0, stop: int | None = None, limits: Limits = LIMITS
) -> Iterator[Image]:
    """Decode pages `start` to `stop` one after the other; the child waits while nobody asks.

    Raises
    ------
    InputError
        If the file is not a plain file, not an image or PDF, damaged, encrypted, or beyond
        `limits`.
    """
    with _child(path, limits, start, stop) as answers:
        for kind, image in answers:
            if kind == IMAGE and isinstance(image, Image):
                yield image


def count(path: Path, *, limits: Limits = LIMITS) -> int:
    """Return how many pages a file has without decoding them; raises InputError."""
    with _child(path, limits, 0, 0) as answers:
        for kind, value in answers:
            if kind == COUNT and isinstance(value, int):
                return value
    raise InputError("the decoder did not say how many pages the file has")


# --- the caller's side ---------------------------------------------------------------------------


_Answer = tuple[bytes, Image | int]


@contextlib.contextmanager
def _child(path: Path, limits: Limits, start: int, stop: int | None) -> Iterator[Iterator[_Answer]]:
    """Start the limited child on one file and make sure that it is gone at the end."""
    order = json.dumps({"start": start, "stop": stop, "limits": asdict(limits)})
    descriptor = _open_plain(path, limits)
    try:
        process = subprocess.Popen(
            [sys.executable, "-m", "daemon.images.child", order],
            stdin=descriptor,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=Path(__file__).resolve().parents[2],
            env=os.environ | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
        )
    finally:
        os.close(descriptor)
    with process:
        try:
            yield _answers(process, limits)
        finally:
            process.kill()


def _open_plain(path: Path, limits: Limits) -> int:
    """Open a plain file: no link, no pipe that would block, no device; raises InputError."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise InputError(f"cannot be opened as a plain file: {error.strerror}") from error
    found = os.fstat(descriptor)
    wrong = ""
    if not stat.S_ISREG(found.st_mode):
        wrong = "is not a plain file"
    elif found.st_size == 0:
        wrong = "is empty"
    elif found.st_size > limits.file_bytes:
        wrong = "is too large"
    if wrong:
        os.close(descriptor)
        raise InputError(f"the file {wrong}", size_bytes=found.st_size)
    return descriptor


def _answers(process: "subprocess.Popen[bytes]", limits: Limits) -> Iterator[_Answer]:
    assert process.stdout is not None  # noqa: S101 -- asked for above
    pipe = process.stdout
    while True:
        deadline = time.monotonic() + limits.wall_s
        head = bytearray(RECORD.size)
        _fill(process, pipe, memoryview(head), deadline)
        kind, width, height, channels, dpi, size = RECORD.unpack(head)
        if kind == END:
            return
        if kind == COUNT:
            yield COUNT, int(size)
            continue
        if kind == ERROR:
            text = bytearray(min(size, 1000))
            _fill(process, pipe, memoryview(text), deadline)
            raise InputError(text.decode("utf-8", "replace"))
        shape = (height, width) if channels == 1 else (height, width, channels)
        if (
            channels not in (1, 3)
            or width * height * channels != size
            or not (0 < width * height <= limits.pixels)
        ):
            raise InputError("the decoder gave an answer that makes no sense")
        buffer = np.empty(size + _SLACK_BYTES, np.uint8)[:size]
        _fill(process, pipe, buffer.data, deadline)
        yield IMAGE, Image(buffer.reshape(shape), dpi or None)


def _fill(
    process: "subprocess.Popen[bytes]", pipe: IO[bytes], view: memoryview, deadline: float
) -> None:
    """Fill `view` from the child; raises InputError when the child ends or is too slow."""
    poll = select.poll()
    poll.register(pipe, select.POLLIN | select.POLLHUP)
    while view:
        left_s = deadline - time.monotonic()
        if left_s <= 0 or not poll.poll(left_s * 1000):
            raise InputError("decoding took too long")
        got = os.readv(pipe.fileno(), [view])
        if got == 0:
            raise InputError(
                "decoding ended early: the file needs more memory or time than allowed,"
                " or breaks the decoder",
                status=process.wait(),
            )
        view = view[got:]
