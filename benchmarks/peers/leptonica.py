"""Leptonica through ctypes: its skew of a page."""

import ctypes
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.peers.peer import PeerFailedError, library

THRESHOLD: Final = 130
"""What its own pixDeskew makes bits with."""
_SILENT: Final = 6
_WHOLE_PAGE_PX: Final = 4000
_SCORE: Final = 0.1


class Pix:
    """One image of the library's, destroyed with this object."""

    def __init__(self, lept: ctypes.CDLL, handle: int | None) -> None:
        if not handle:
            raise PeerFailedError("leptonica gave no image")
        self._lept = lept
        self.handle = ctypes.c_void_p(handle)

    def __del__(self) -> None:
        self._lept.pixDestroy(ctypes.byref(self.handle))


class Leptonica:
    """The library's calls that the cases need."""

    def __init__(self, lept: ctypes.CDLL) -> None:
        self._lept = lept
        for name in ("getLeptonicaVersion", "pixCreate", "pixGetData", "pixThresholdToBinary"):
            getattr(lept, name).restype = ctypes.c_void_p
        lept.setMsgSeverity(_SILENT)

    @property
    def version(self) -> str:
        """As the library tells it."""
        told = ctypes.string_at(self._lept.getLeptonicaVersion()).decode("ascii")
        return told.removeprefix("leptonica-")

    def pix(self, rows: NDArray[np.uint8], width_px: int, depth: int) -> Pix:
        """Return an image of 1 or 8 bits a pixel from rows of bytes.

        Its words are 32 bits with the first pixel in the highest ones.
        """
        height, pitch = rows.shape
        made = Pix(self._lept, self._lept.pixCreate(width_px, height, depth))
        words = self._lept.pixGetWpl(made.handle)
        memory = (ctypes.c_uint32 * (words * height)).from_address(
            self._lept.pixGetData(made.handle)
        )
        target = np.ctypeslib.as_array(memory).reshape(height, words)
        if pitch < words * 4:
            rows = np.pad(rows, ((0, 0), (0, words * 4 - pitch)))
        np.copyto(target, np.ascontiguousarray(rows).view(">u4"))
        return made

    def bits(self, gray: Pix) -> Pix:
        """Return the image in black and white by a fixed threshold."""
        return Pix(self._lept, self._lept.pixThresholdToBinary(gray.handle, THRESHOLD))

    def bits_by_otsu(self, gray: Pix) -> Pix:
        """Return the image in black and white by Otsu's threshold of the whole page."""
        out = ctypes.c_void_p()
        self._lept.pixOtsuAdaptiveThreshold(
            gray.handle,
            *(_WHOLE_PAGE_PX, _WHOLE_PAGE_PX, 0, 0),
            ctypes.c_float(_SCORE),
            None,
            ctypes.byref(out),
        )
        return Pix(self._lept, out.value)

    def skew_deg(self, bits: Pix) -> float:
        """Return how the content is turned, counter-clockwise positive; 0 where none is found."""
        return self.skew_and_confidence(bits)[0]

    def skew_and_confidence(self, bits: Pix) -> tuple[float, float]:
        """Return the angle as above and how sure the library is of it; it asks for 3."""
        angle, confidence = ctypes.c_float(), ctypes.c_float()
        self._lept.pixFindSkew(bits.handle, ctypes.byref(angle), ctypes.byref(confidence))
        return angle.value, confidence.value


def find() -> Leptonica:
    """Return the library; raises NotInstalledError."""
    return Leptonica(library("lept", "leptonica"))


def versions(found: Any) -> Mapping[str, str]:
    """Return the library's version."""
    return {"leptonica": found.version}
