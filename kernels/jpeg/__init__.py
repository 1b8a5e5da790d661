"""A raster as baseline JPEG: the same bytes from libjpeg-turbo and from our own integers.

Rule 1: the bytes are defined in plain integers (ITU-T T.81; T.871 for colour and header; the
accurate integer DCT; tables of Annex K), so every encoder and twin can equal them, and does.
Rule 2: what would break that equality is never switched on: optimised tables, progressive scans,
restart markers, a chroma quality of its own. The sampling is always explicit.
Rule 3: the evidence image of a removed face is no page: the library alone writes it, as small as
it can.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal

from kernels.jpeg import integer, turbo
from kernels.jpeg.contract import Encode, Subsampling
from kernels.jpeg.proof import evidence
from kernels.jpeg.selftest import EncodersDiffer, selftest
from kernels.jpeg.turbo import encode

Encoder = Literal["turbo", "numba"]

ENCODERS: Final[Mapping[Encoder, Encode]] = MappingProxyType(
    {"turbo": turbo.encode, "numba": integer.encode}
)

__all__ = [
    "ENCODERS",
    "Encode",
    "Encoder",
    "EncodersDiffer",
    "Subsampling",
    "encode",
    "evidence",
    "selftest",
]
