"""A folder of images and PDFs as the paper of the emulated scanner.

Files are taken in the order of their names. A file is one sheet and its page is the front; two
files `NAME_F` and `NAME_B` are the two faces of one sheet; the pages of a file that has more than
one are laid front, back, front, back. A face that nobody gave is white. In front of all lie the
separators, so that the pages have a case and a material.

A page is laid at its own resolution, in the middle of the window; one without a plausible
resolution is fitted to A4. What would not fit is reduced, never cropped.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from daemon import images
from daemon.demo.draw import A4_MM, DPI
from daemon.demo.look import Window, samples
from daemon.errors import InputError

SUFFIXES: Final = (".jpg", ".jpeg", ".png", ".tif", ".tiff", ".bmp", ".webp", ".pdf")
_FACES: Final = ("F", "B")
_READERS: Final = 4
_UNITS_PER_INCH: Final = 1200
_A4_UNITS: Final = 14032


@dataclass(frozen=True, slots=True)
class PageOf:
    """A page in a file; `name` is what a person may read."""

    path: Path
    number: int

    @property
    def name(self) -> str:
        """The file's name and the page in it, from 1."""
        return f"{self.path.name} #{self.number + 1}"


@dataclass(frozen=True, slots=True)
class Sheet:
    """Where the two faces of a sheet come from; None is white paper."""

    front: PageOf | None
    back: PageOf | None


def paired(pages: Sequence[tuple[Path, int]]) -> tuple[Sheet, ...]:
    """Lay files with their numbers of pages as sheets, in the order of their names."""
    sheets: list[Sheet] = []
    half: dict[str, int] = {}  # NAME of NAME_F and NAME_B -> its sheet
    for path, number in sorted(pages, key=lambda page: page[0].name):
        name, _, face = path.stem.rpartition("_")
        if number == 1 and name and face in _FACES:
            sheet = Sheet(None, None)
            if name in half:
                sheet = sheets[half[name]]
            else:
                half[name] = len(sheets)
                sheets.append(sheet)
            sheets[half[name]] = _filled(sheet, PageOf(path, 0), face)
        elif number == 1:
            sheets.append(Sheet(PageOf(path, 0), None))
        else:
            sheets.extend(_duplex(path, number))
    return tuple(sheets)


def _filled(sheet: Sheet, page: PageOf, face: str) -> Sheet:
    taken = sheet.front if face == "F" else sheet.back
    if taken is not None:
        raise InputError("two files for one face", first=taken.path.name, second=page.path.name)
    return Sheet(page, sheet.back) if face == "F" else Sheet(sheet.front, page)


def _duplex(path: Path, pages: int) -> Iterator[Sheet]:
    for number in range(0, pages, 2):
        back = PageOf(path, number + 1) if number + 1 < pages else None
        yield Sheet(PageOf(path, number), back)


class FolderPaper:
    """The sheets of a folder; the emulator's paper.

    Every file is opened once at the start, to count its pages; a page is decoded when it is fed.

    Parameters
    ----------
    folder
        Where the files lie. Other files and hidden ones are passed over.
    separators
        What lies in front: pairs of front and back, BGR at 300 dpi.

    Raises
    ------
    InputError
        If the folder has no page, or a file in it cannot be taken; `file` names it.
    """

    def __init__(
        self,
        folder: Path,
        separators: Sequence[tuple[NDArray[np.uint8], NDArray[np.uint8]]] = (),
    ) -> None:
        self._separators = tuple(separators)
        files = _files(folder)
        with ThreadPoolExecutor(_READERS) as pool:  # each reader is a process of its own
            counts = list(pool.map(_count, files))
        self.sheets: Final = paired(list(zip(files, counts, strict=True)))
        if not self.sheets:
            raise InputError("the folder has no image and no PDF", folder=folder)

    def __len__(self) -> int:
        """Return how many sheets there are, separators with them."""
        return len(self._separators) + len(self.sheets)

    def face(self, sheet_index: int, side: str, window: Window) -> bytes:
        """Return what a scanner sees of one face: positive gray or RGB samples.

        Raises InputError if the file has changed and cannot be decoded any more.
        """
        back = side == "B"
        if sheet_index < len(self._separators):
            picture = self._separators[sheet_index][back]
            return samples(laid(images.Image(picture, DPI), window), window)
        sheet = self.sheets[sheet_index - len(self._separators)]
        page = sheet.back if back else sheet.front
        if page is None:
            return b"\xff" * (window.width_px * window.height_px * window.channels)
        return samples(laid(_decoded(page), window), window)

    def length_units(self, sheet_index: int) -> int:
        """Return how long a sheet is, in 1/1200 inch: the longer of its pages, A4 where unknown.

        Raises InputError if the file has changed and cannot be decoded any more.
        """
        if sheet_index < len(self._separators):
            return _A4_UNITS
        sheet = self.sheets[sheet_index - len(self._separators)]
        pages = [_decoded(page) for page in (sheet.front, sheet.back) if page is not None]
        return max(_length_units(page) for page in pages)


def _length_units(image: images.Image) -> int:
    if image.dpi is None:
        return _A4_UNITS
    return max(1, round(int(image.pixels.shape[0]) * _UNITS_PER_INCH / image.dpi))


def laid(image: images.Image, window: Window) -> NDArray[np.uint8]:
    """Lay a page on a white field of the window's size, reduced if it would not fit."""
    height, width = image.pixels.shape[:2]
    if image.dpi is None:
        scale = min(A4_MM[0] / width, A4_MM[1] / height) * window.dpi / 25.4
    else:
        scale = window.dpi / image.dpi
    # one sample more or less is rounding, not a page that is too large
    scale = min(scale, (window.width_px + 1) / width, (window.height_px + 1) / height)
    size = (
        max(1, min(window.width_px, round(width * scale))),
        max(1, min(window.height_px, round(height * scale))),
    )
    picture = image.pixels
    if size != (width, height):
        how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
        picture = np.asarray(cv2.resize(picture, size, interpolation=how), np.uint8)
    field = np.full((window.height_px, window.width_px, *picture.shape[2:]), 255, np.uint8)
    left = (window.width_px - size[0]) // 2
    field[: size[1], left : left + size[0]] = picture
    return field


def _files(folder: Path) -> list[Path]:
    try:
        return sorted(
            path
            for path in folder.iterdir()
            if path.suffix.lower() in SUFFIXES and not path.name.startswith(".")
        )
    except OSError as error:
        raise InputError(f"the folder cannot be read: {error.strerror}", folder=folder) from error


def _count(path: Path) -> int:
    try:
        return images.count(path)
    except InputError as error:
        raise InputError(error.message, **(error.facts | {"file": path.name})) from error


def _decoded(page: PageOf) -> images.Image:
    try:
        for image in images.iterate(page.path, start=page.number, stop=page.number + 1):
            return image
    except InputError as error:
        raise InputError(error.message, **(error.facts | {"file": page.name})) from error
    raise InputError("the page is gone", file=page.name)
