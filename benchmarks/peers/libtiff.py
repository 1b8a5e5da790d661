"""libtiff through ctypes: a Group 4 file written into memory, without any layer between."""

import ctypes
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.peers.peer import PeerFailedError, library

# Tags and values of TIFF 6.0.
_WIDTH, _LENGTH, _BITS, _COMPRESSION, _PHOTOMETRIC = 256, 257, 258, 259, 262
_FILL_ORDER, _SAMPLES, _ROWS_PER_STRIP = 266, 277, 278
_GROUP_4, _MIN_IS_WHITE, _MOST_SIGNIFICANT_FIRST = 4, 0, 1
_SEEK_END: Final = 2

_Transfer = ctypes.CFUNCTYPE(ctypes.c_ssize_t, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_ssize_t)
_Seek = ctypes.CFUNCTYPE(ctypes.c_uint64, ctypes.c_void_p, ctypes.c_uint64, ctypes.c_int)
_Close = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p)
_Size = ctypes.CFUNCTYPE(ctypes.c_uint64, ctypes.c_void_p)
_Map = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p)
_Unmap = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_uint64)


class Memory:
    """A file in memory, as libtiff's client calls want it."""

    def __init__(self, size_bytes: int) -> None:
        self._held = np.zeros(size_bytes, np.uint8)
        self._at = self._end = 0
        self.calls = (
            _Transfer(self._read),
            _Transfer(self._write),
            _Seek(self._seek),
            _Close(lambda _: 0),
            _Size(lambda _: self._end),
            _Map(lambda *_: 0),
            _Unmap(lambda *_: None),
        )

    def bytes(self) -> bytes:
        """Return what was written, and be empty again."""
        written = self._held[: self._end].tobytes()
        self._at = self._end = 0
        return written

    def _read(self, _: int, to: int, size: int) -> int:
        size = max(0, min(size, self._end - self._at))
        ctypes.memmove(to, self._held.ctypes.data + self._at, size)
        self._at += size
        return size

    def _write(self, _: int, source: int, size: int) -> int:
        if self._at + size > self._held.size:
            return -1
        ctypes.memmove(self._held.ctypes.data + self._at, source, size)
        self._at += size
        self._end = max(self._end, self._at)
        return size

    def _seek(self, _: int, offset: int, whence: int) -> int:
        start = (0, self._at, self._end)[whence]
        self._at = start + (ctypes.c_int64(offset).value if whence else offset)
        return self._at


class Libtiff:
    """The library's calls that the cases need."""

    def __init__(self, tiff: ctypes.CDLL) -> None:
        self._tiff = tiff
        tiff.TIFFGetVersion.restype = ctypes.c_char_p
        tiff.TIFFClientOpen.restype = ctypes.c_void_p
        tiff.TIFFWriteEncodedStrip.restype = ctypes.c_ssize_t
        tiff.TIFFSetErrorHandler(None)

    @property
    def version(self) -> str:
        """As the library tells it."""
        first = self._tiff.TIFFGetVersion().decode("ascii").splitlines()[0]
        return str(first.rpartition(" ")[2])

    def g4(self, packed: NDArray[np.uint8], width_px: int, file: Memory) -> bytes:
        """Return packed rows, 1 is black, as a Group 4 file of one strip."""
        height = packed.shape[0]
        handle = self._tiff.TIFFClientOpen(b"page", b"w", None, *file.calls)
        if not handle:
            raise PeerFailedError("libtiff did not open")
        opened = ctypes.c_void_p(handle)
        for tag, value in (
            (_WIDTH, width_px),
            (_LENGTH, height),
            (_BITS, 1),
            (_SAMPLES, 1),
            (_COMPRESSION, _GROUP_4),
            (_PHOTOMETRIC, _MIN_IS_WHITE),
            (_FILL_ORDER, _MOST_SIGNIFICANT_FIRST),
            (_ROWS_PER_STRIP, height),
        ):
            self._tiff.TIFFSetField(opened, ctypes.c_uint32(tag), ctypes.c_uint32(value))
        size = ctypes.c_ssize_t(packed.nbytes)
        rows = ctypes.c_void_p(packed.ctypes.data)
        written = self._tiff.TIFFWriteEncodedStrip(opened, ctypes.c_uint32(0), rows, size)
        self._tiff.TIFFClose(opened)
        if written != packed.nbytes:
            raise PeerFailedError("libtiff did not take the rows")
        return file.bytes()


def find() -> Libtiff:
    """Return the library; raises NotInstalledError."""
    return Libtiff(library("tiff"))


def versions(found: Any) -> Mapping[str, str]:
    """Return the library's version."""
    return {"libtiff": found.version}
