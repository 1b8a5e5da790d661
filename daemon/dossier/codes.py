"""QR codes on one face: their texts and how they stand, each physical code once.

Rule 1: a content page costs one pass of the first reader. The second one, thirty times slower, is
asked only on a face that looks like a stained separator: fewer than two codes are ours, and one is
or something else was found that is a code and cannot be read.
Rule 2: a code that both readers see counts once: two agreeing codes must be two codes on paper.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
import zxingcpp
from numpy.typing import NDArray

from daemon.dossier.payload import is_ours

_ENOUGH: Final = 2
_QR: Final = zxingcpp.BarcodeFormats([zxingcpp.BarcodeFormat.QRCode])


@dataclass(frozen=True, slots=True, eq=False)
class Code:
    """A code on the face.

    Attributes
    ----------
    text
        What it says; None when it was found but cannot be read.
    corners_px
        float32 (4, 2): its own top left, top right, bottom right and bottom left.
    """

    text: str | None
    corners_px: NDArray[np.float32]

    @property
    def ours(self) -> bool:
        """Whether it bears our prefix."""
        return self.text is not None and is_ours(self.text)

    @property
    def upside_down(self) -> bool:
        """Whether its top edge runs from right to left."""
        along_x, along_y = self.corners_px[1] - self.corners_px[0]
        return bool(-along_x > abs(along_y))

    @property
    def upright(self) -> bool:
        """Whether its top edge runs from left to right; it may also lie on its side."""
        along_x, along_y = self.corners_px[1] - self.corners_px[0]
        return bool(along_x > abs(along_y))


def find(gray: NDArray[np.uint8]) -> tuple[Code, ...]:
    """Return the QR codes on one face that can be read, in no particular order.

    Parameters
    ----------
    gray
        uint8, C-order, (height, width); half-scale luma at 150 dpi is enough for a separator.
    """
    found = list(_first_reader(gray))
    ours = sum(code.ours for code in found)
    unreadable = any(code.text is None for code in found)
    if ours < _ENOUGH and (ours or unreadable):
        found += [code for code in _second_reader(gray) if not _is_among(code, found)]
    return tuple(code for code in found if code.text is not None)


def _first_reader(gray: NDArray[np.uint8]) -> Iterator[Code]:
    for barcode in zxingcpp.read_barcodes(gray, formats=_QR, return_errors=True):
        at = barcode.position
        corners = [at.top_left, at.top_right, at.bottom_right, at.bottom_left]
        yield Code(
            # An invalid code carries the text of its bad bytes, which nobody must see.
            barcode.text if barcode.valid else None,
            np.array([(corner.x, corner.y) for corner in corners], np.float32),
        )


def _second_reader(gray: NDArray[np.uint8]) -> Iterator[Code]:
    try:
        _, texts, corners, _ = cv2.QRCodeDetectorAruco().detectAndDecodeMulti(gray)
    except cv2.error:
        # Some patterns trip its assertions. What the first reader has is what there is: one code
        # of ours is then accepted with a warning, none is content.
        return
    for text, four in zip(texts, corners if corners is not None else (), strict=True):
        if text:
            yield Code(text, np.asarray(four, np.float32))


def _is_among(code: Code, known: Iterable[Code]) -> bool:
    """Tell whether a code that was read lies where one of `known` was read before."""
    centre = code.corners_px.mean(axis=0)
    return any(
        cv2.pointPolygonTest(other.corners_px, (float(centre[0]), float(centre[1])), False) >= 0
        for other in known
        if other.text is not None
    )
