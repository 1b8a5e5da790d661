"""The segments before the scan: JFIF, quantisers, frame, codes, scan (T.81, Annex B; T.871)."""

import struct
from functools import lru_cache
from typing import Final

from kernels.jpeg.planes import Layout
from kernels.jpeg.tables import (
    AC_CHROMA,
    AC_LUMA,
    CHROMA,
    DC_CHROMA,
    DC_LUMA,
    LUMA,
    ZIGZAG,
    quantiser,
)

SOI: Final = b"\xff\xd8"
EOI: Final = b"\xff\xd9"
_APP0, _DQT, _SOF0, _DHT, _SOS = 0xE0, 0xDB, 0xC0, 0xC4, 0xDA
_JFIF_1_01: Final = b"JFIF\x00\x01\x01"
_DOTS_PER_INCH: Final = 1
_AC_CLASS: Final = 0x10


@lru_cache(maxsize=64)  # pages of a batch are alike
def header(layout: Layout, quality: int, dpi: int) -> bytes:
    """Return all of the file that comes before the entropy-coded bytes."""
    parts = [
        SOI,
        _segment(_APP0, _JFIF_1_01 + struct.pack(">BHHBB", _DOTS_PER_INCH, dpi, dpi, 0, 0)),
    ]
    tables = (0, 1) if layout.is_colour else (0,)
    for table in tables:
        values = quantiser((LUMA, CHROMA)[table], quality)
        parts.append(_segment(_DQT, bytes([table, *(int(values[k]) for k in ZIGZAG)])))
    parts.append(_segment(_SOF0, _frame(layout)))
    for table in tables:
        dc, ac = ((DC_LUMA, AC_LUMA), (DC_CHROMA, AC_CHROMA))[table]
        parts.append(_segment(_DHT, bytes([table]) + b"".join(dc)))
        parts.append(_segment(_DHT, bytes([_AC_CLASS | table]) + b"".join(ac)))
    parts.append(_segment(_SOS, _scan(layout)))
    return b"".join(parts)


def _segment(marker: int, body: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


def _components(layout: Layout) -> range:
    return range(3 if layout.is_colour else 1)


def _frame(layout: Layout) -> bytes:
    """Return the frame: 8 bits a sample, the size, and how each component is sampled."""
    body = struct.pack(">BHHB", 8, layout.height_px, layout.width_px, len(_components(layout)))
    for k in _components(layout):
        sampling = layout.side << 4 | layout.side if k == 0 else 0x11
        body += bytes([k + 1, sampling, min(k, 1)])
    return body


def _scan(layout: Layout) -> bytes:
    """Return the scan's own header: all coefficients of all components at once."""
    which = b"".join(bytes([k + 1, min(k, 1) * 0x11]) for k in _components(layout))
    return bytes([len(_components(layout))]) + which + bytes([0, 63, 0])
