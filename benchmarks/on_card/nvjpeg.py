"""NVIDIA's own JPEG encoder as a peer, by its C interface: a library, if there is one.

It comes with CUDA's toolkit, or inside of torchvision.
"""

import ctypes
import ctypes.util
import importlib.util
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from kernels.jpeg import Subsampling

_NAMES: Final = ("libnvjpeg.so.13", "libnvjpeg.so.12", "libnvjpeg.so")
_INSIDE: Final = (
    ("torchvision.libs", "libnvjpeg*.so*"),
    ("nvidia/nvjpeg/lib", "libnvjpeg.so*"),
    ("nvidia/cu13/lib", "libnvjpeg.so*"),
)
_CHANNELS: Final = 4
_BGR_INTERLEAVED: Final = 6
_SAMPLINGS: Final[dict[Subsampling, int]] = {"444": 0, "420": 2}


class NvjpegAbsent(Exception):
    """There is no such library here, or it does not answer."""


class _Image(ctypes.Structure):
    """As `nvjpegImage_t`: a plane and its pitch for each channel, interleaved all in the first."""

    _fields_ = (
        ("channel", ctypes.c_void_p * _CHANNELS),
        ("pitch", ctypes.c_size_t * _CHANNELS),
    )


class Nvjpeg:
    """An encoder.

    Parameters
    ----------
    quality, sampling
        Of its files.
    stream
        The CUDA stream that it works in, as a number.

    Raises
    ------
    NvjpegAbsent
        If the library is not here, or refuses.
    """

    def __init__(self, quality: int, sampling: Subsampling, stream: int) -> None:
        self._library = _library()
        self._stream = ctypes.c_void_p(stream)
        self._handle, self._state, self._wish = (ctypes.c_void_p() for _ in range(3))
        call, given = self._call, self._stream
        call("nvjpegCreateSimple", ctypes.byref(self._handle))
        call("nvjpegEncoderStateCreate", self._handle, ctypes.byref(self._state), given)
        call("nvjpegEncoderParamsCreate", self._handle, ctypes.byref(self._wish), given)
        call("nvjpegEncoderParamsSetQuality", self._wish, ctypes.c_int(quality), given)
        call(
            "nvjpegEncoderParamsSetSamplingFactors",
            self._wish,
            ctypes.c_int(_SAMPLINGS[sampling]),
            given,
        )

    def encode(self, address: int, width_px: int, height_px: int, pitch: int) -> bytes:
        """Return the file of a page in BGR on the card.

        Raises
        ------
        NvjpegAbsent
            If the library refuses.
        """
        image = _Image()
        image.channel[0], image.pitch[0] = address, pitch
        self._call(
            "nvjpegEncodeImage",
            self._handle,
            self._state,
            self._wish,
            ctypes.byref(image),
            ctypes.c_int(_BGR_INTERLEAVED),
            ctypes.c_int(width_px),
            ctypes.c_int(height_px),
            self._stream,
        )
        size = ctypes.c_size_t()
        self._retrieve(None, size)
        data = ctypes.create_string_buffer(size.value)
        self._retrieve(data, size)
        return data.raw[: size.value]

    def _retrieve(self, data: Any, size: ctypes.c_size_t) -> None:
        self._call(
            "nvjpegEncodeRetrieveBitstream",
            self._handle,
            self._state,
            data,
            ctypes.byref(size),
            self._stream,
        )

    def _call(self, name: str, *arguments: Any) -> None:
        status = getattr(self._library, name)(*arguments)
        if status:
            raise NvjpegAbsent(f"{name} answers {status}")


def _library() -> ctypes.CDLL:
    for name in _places():
        try:
            return ctypes.CDLL(name)
        except OSError:
            continue
    raise NvjpegAbsent("no library libnvjpeg")


def _places() -> Iterator[str]:
    found = ctypes.util.find_library("nvjpeg")
    if found:
        yield found
    yield from _NAMES
    for package in ("torchvision", "numpy"):
        spec = importlib.util.find_spec(package)
        if spec is None or spec.origin is None:
            continue
        beside = Path(spec.origin).parents[1]
        for folder, pattern in _INSIDE:
            yield from (str(path) for path in sorted((beside / folder).glob(pattern)))
