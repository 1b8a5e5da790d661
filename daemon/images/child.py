"""The child process that decodes one file from standard input under limits.

It answers on standard output with records: how many pages there are, then each page's samples.
"""

import contextlib
import json
import os
import resource
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any, Final

import cv2
import numpy as np
import pypdfium2
from numpy.typing import NDArray

from daemon.errors import InputError
from daemon.images import COUNT, END, ERROR, IMAGE, RECORD, Image, Limits, headers

PDF_DPI: Final = 300
_PDF_ERR_PASSWORD: Final = 4


def _restrict(limits: Limits) -> None:
    """Limit this process from here on: what the imports took is not counted."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (2**20, 2**20))  # the decoders' own messages
    if sys.platform == "linux":
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
        most = pages * resource.getpagesize() + limits.memory_bytes
        resource.setrlimit(resource.RLIMIT_AS, (most, most))


def _allow_cpu(seconds: int) -> None:
    """Start the CPU clock of the next page."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    soft = int(used.ru_utime + used.ru_stime) + 1 + seconds
    resource.setrlimit(resource.RLIMIT_CPU, (soft, resource.getrlimit(resource.RLIMIT_CPU)[1]))


class _Remarks:
    """What the C libraries print: libjpeg tells of a damaged page nowhere else."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 -- lives as long as the child
        os.dup2(self._file.fileno(), 2)

    def __contains__(self, words: bytes) -> bool:
        return words in os.pread(self._file.fileno(), 2**20, 0)


def _check(pages: Sequence[tuple[float, float]], limits: Limits) -> None:
    if not 0 < len(pages) <= limits.pages:
        raise InputError("the file has no pages or too many", pages=len(pages), most=limits.pages)
    for width_px, height_px in pages:
        if min(width_px, height_px) < 1 or width_px * height_px > limits.pixels:
            raise InputError(
                "a page is empty or too large; at most A3 at 600 dpi is taken",
                width_px=round(width_px),
                height_px=round(height_px),
            )


def _pictures(data: bytes, media_type: str, limits: Limits) -> tuple[int, Callable[[int], Image]]:
    """Return how many pages an image file has and how to decode one of them."""
    found = headers.read(data, media_type)
    _check([(h.width_px, h.height_px) for h in found], limits)
    remarks = _Remarks()
    encoded = np.frombuffer(data, np.uint8)

    def picture(number: int) -> Image:
        header = found[number]
        flag = cv2.IMREAD_UNCHANGED if header.alpha else cv2.IMREAD_ANYCOLOR
        pixels: Any = None
        if media_type == "image/tiff":
            good, pages = cv2.imdecodemulti(encoded, flag, range=(header.index, header.index + 1))
            pixels = pages[0] if good else None
        else:
            pixels = cv2.imdecode(encoded, flag)
        if pixels is None or b"premature end" in remarks or b"bad Huffman" in remarks:
            raise InputError(f"the file is cut off or damaged ({media_type})")
        if sorted(pixels.shape[:2]) != sorted((header.height_px, header.width_px)):
            raise InputError("the picture is not of the size its header says")
        return Image(_on_white(pixels), header.dpi)

    return len(found), picture


def _on_white(pixels: NDArray[Any]) -> NDArray[np.uint8]:
    """Lay a picture on white paper: 8 bits, no transparency."""
    if pixels.dtype == np.uint16:
        pixels = (pixels >> 8).astype(np.uint8)
    if pixels.dtype != np.uint8:
        raise InputError("the picture is neither of 8 nor of 16 bits")
    if pixels.ndim == 2 or pixels.shape[2] == 3:
        return pixels
    out = np.empty((*pixels.shape[:2], 3), np.uint8)
    for row in range(0, len(pixels), 256):  # in bands: the widened copies stay small
        band = pixels[row : row + 256].astype(np.uint16)
        alpha = band[..., 3:]
        out[row : row + 256] = (band[..., :3] * alpha + 255 * (255 - alpha) + 127) // 255
    return out


def _document(data: bytes, limits: Limits) -> tuple[int, Callable[[int], Image]]:
    """Return how many pages a PDF has and how to render one of them."""
    try:
        document = pypdfium2.PdfDocument(data)
        document.init_forms()
        number_of_pages = len(document)
    except pypdfium2.PdfiumError as error:
        if getattr(error, "err_code", None) == _PDF_ERR_PASSWORD:
            raise InputError("the PDF is encrypted; remove its password") from error
        raise InputError(f"the PDF is damaged: {error}") from error
    if not 0 < number_of_pages <= limits.pages:
        raise InputError(
            "the file has no pages or too many", pages=number_of_pages, most=limits.pages
        )

    def render(number: int) -> Image:
        try:
            page = document[number]
            width_pt, height_pt = page.get_size()
            _check([(width_pt * PDF_DPI / 72, height_pt * PDF_DPI / 72)], limits)
            bitmap = page.render(scale=PDF_DPI / 72)
            pixels = np.ascontiguousarray(bitmap.to_numpy()[..., :3])
            bitmap.close()
            page.close()
        except pypdfium2.PdfiumError as error:
            raise InputError(f"page {number + 1} of the PDF is damaged: {error}") from error
        return Image(pixels, PDF_DPI)

    return number_of_pages, render


def _tell(out: IO[bytes], kind: bytes, data: bytes = b"", size: int = 0) -> None:
    out.write(RECORD.pack(kind, 0, 0, 0, 0, size or len(data)) + data)
    out.flush()


def _tell_image(out: IO[bytes], image: Image) -> None:
    height, width = image.pixels.shape[:2]
    channels = image.pixels.size // (height * width)
    head = (width, height, channels, image.dpi or 0, image.pixels.size)
    out.write(RECORD.pack(IMAGE, *head))
    out.write(np.ascontiguousarray(image.pixels).data.cast("B"))
    out.flush()


def _work(order: Mapping[str, Any], out: IO[bytes]) -> None:
    """Decode standard input as ordered; raises InputError."""
    limits = Limits(**order["limits"])
    cv2.setNumThreads(1)
    _restrict(limits)
    _allow_cpu(limits.cpu_s)
    with os.fdopen(0, "rb") as file:
        data = file.read(limits.file_bytes)
    media_type = headers.sniff(data)
    if media_type is None:
        raise InputError("not an image or a PDF: only JPEG, PNG, TIFF, BMP, WebP and PDF are taken")
    if media_type == headers.PDF:
        pages, page = _document(data, limits)
    else:
        pages, page = _pictures(data, media_type, limits)
    _tell(out, COUNT, size=pages)
    stop = pages if order["stop"] is None else min(order["stop"], pages)
    for number in range(order["start"], stop):
        _allow_cpu(limits.cpu_s)
        _tell_image(out, page(number))


def _main(order: str) -> None:
    with os.fdopen(1, "wb", closefd=False) as out:
        try:
            _work(json.loads(order), out)
        except InputError as error:
            _tell(out, ERROR, str(error).encode("utf-8")[:1000])
        except (MemoryError, cv2.error):
            _tell(out, ERROR, b"the file needs more memory than allowed, or breaks the decoder")
        else:
            _tell(out, END)


if __name__ == "__main__":
    with contextlib.suppress(BrokenPipeError):  # the caller has seen enough
        _main(sys.argv[1])
