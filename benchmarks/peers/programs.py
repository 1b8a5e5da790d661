"""Whole programs as peers: a file in, a file out, in a folder of their own, on one thread.

The page is handed over as an uncompressed file, written before the clock starts.
"""

import os
import shutil
import subprocess
import tempfile
import weakref
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.peers.peer import PeerFailedError, command

_LONGEST_S: Final = 180
_MEMORY_DISK: Final = Path("/dev/shm")  # noqa: S108  # a disk in memory, where there is one
_ONE_THREAD: Final = {"OMP_NUM_THREADS": "1", "OMP_THREAD_LIMIT": "1", "MAGICK_THREAD_LIMIT": "1"}
_OURS_ALONE: Final = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")


@dataclass(frozen=True, slots=True)
class Program:
    """Commands by their names, and their versions."""

    paths: Mapping[str, str]
    versions: Mapping[str, str]


class Desk:
    """A folder with a page in it, removed with this object."""

    def __init__(self, pixels: NDArray[np.uint8]) -> None:
        self.path = Path(tempfile.mkdtemp(dir=_MEMORY_DISK if _MEMORY_DISK.is_dir() else None))
        weakref.finalize(self, shutil.rmtree, self.path)
        cv2.imwrite(str(self.path / "page.ppm"), pixels)
        kept = {name: text for name, text in os.environ.items() if name not in _OURS_ALONE}
        self._environment = kept | _ONE_THREAD

    def run(self, *words: str) -> None:
        """Run a command in the folder; raises PeerFailedError."""
        try:
            done = subprocess.run(
                words,
                cwd=self.path,
                env=self._environment,
                capture_output=True,
                text=True,
                check=False,
                timeout=_LONGEST_S,
            )
        except subprocess.TimeoutExpired as error:
            raise PeerFailedError(f"{Path(words[0]).name} took over {_LONGEST_S} s") from error
        if done.returncode != 0:
            raise PeerFailedError(f"{Path(words[0]).name}: {done.stderr.strip()[-200:]}")

    def take(self, name: str) -> bytes:
        """Return a file that a command made."""
        return (self.path / name).read_bytes()


def find_imagemagick() -> Program:
    """Return ImageMagick; raises NotInstalledError."""
    path, version = command(("magick", "convert"), r"Version: ImageMagick (\S+)")
    return Program({"convert": path}, {"imagemagick": version})


def find_unpaper() -> Program:
    """Return unpaper with img2pdf; raises NotInstalledError."""
    unpaper, version = command(("unpaper",), r"^(\d\S*)")
    img2pdf, pdf_version = command(("img2pdf",), r"img2pdf (\S+)")
    return Program(
        {"unpaper": unpaper, "img2pdf": img2pdf}, {"unpaper": version, "img2pdf": pdf_version}
    )


def find_ocrmypdf() -> Program:
    """Return OCRmyPDF; raises NotInstalledError."""
    path, version = command(("ocrmypdf",), r"^(\d\S*)")
    _, tesseract = command(("tesseract",), r"tesseract (\S+)")
    return Program({"ocrmypdf": path}, {"ocrmypdf": version, "tesseract": tesseract})


def versions(found: Any) -> Mapping[str, str]:
    """Return what the commands told of themselves."""
    told: Mapping[str, str] = found.versions
    return told


def imagemagick(found: Program, desk: Desk) -> bytes:
    """Straighten, JPEG."""
    desk.run(
        *(found.paths["convert"], "page.ppm", "-deskew", "40%"),
        *("-quality", "85", "-sampling-factor", "2x2", "out.jpg"),
    )
    return desk.take("out.jpg")


def unpaper(found: Program, desk: Desk, *switched_off: str) -> bytes:
    """Straighten and clean, then wrap as a PDF."""
    desk.run(found.paths["unpaper"], "--overwrite", *switched_off, "page.ppm", "out.ppm")
    desk.run(found.paths["img2pdf"], "out.ppm", "-o", "out.pdf")
    return desk.take("out.pdf")


def ocrmypdf(found: Program, desk: Desk) -> bytes:
    """Straighten and wrap as a PDF, without reading any text."""
    desk.run(
        *(found.paths["ocrmypdf"], "--deskew", "--tesseract-timeout", "0", "--optimize", "0"),
        *("--output-type", "pdf", "--image-dpi", "300", "--jobs", "1", "--quiet"),
        *("page.ppm", "out.pdf"),
    )
    return desk.take("out.pdf")
