"""What the headers of image files say: media type, size, resolution; no pixel is decoded.

Pure functions over bytes. A header that ends too early raises struct.error or IndexError, which
`read` translates.
"""

import struct
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from daemon.errors import InputError

PDF: Final = "application/pdf"
_DPI_RANGE: Final = (100, 1200)
_SIDE_RANGE_MM: Final = (20, 900)


@dataclass(frozen=True, slots=True)
class Header:
    """What a header says about one page. `index` is its place in a multi-page file."""

    width_px: int
    height_px: int
    dpi: int | None
    alpha: bool = False
    index: int = 0


def _plausible(x_dpi: float, y_dpi: float, width_px: int, height_px: int) -> int | None:
    """Return the resolution if a sheet of paper can have it, else None."""
    dpi = round(x_dpi)
    if not _DPI_RANGE[0] <= dpi <= _DPI_RANGE[1] or abs(x_dpi - y_dpi) > 0.02 * x_dpi:
        return None
    sides_mm = sorted((width_px * 25.4 / dpi, height_px * 25.4 / dpi))
    good = _SIDE_RANGE_MM[0] <= sides_mm[0] and sides_mm[1] <= _SIDE_RANGE_MM[1]
    return dpi if good else None


def _png(data: bytes) -> list[Header]:
    width, height, _depth, colour = struct.unpack_from(">IIBB", data, 16)
    x_dpi = y_dpi = 0.0
    alpha = colour in (4, 6)
    at, kind = 8, b""
    while kind != b"IEND":
        (size,) = struct.unpack_from(">I", data, at)
        kind = data[at + 4 : at + 8]
        (crc,) = struct.unpack_from(">I", data, at + 8 + size)
        if zlib.crc32(memoryview(data)[at + 4 : at + 8 + size]) != crc:
            raise InputError("the PNG is damaged: a checksum is wrong")
        if kind == b"acTL":
            raise InputError("an animated PNG is not a page")
        alpha = alpha or kind == b"tRNS"
        if kind == b"pHYs" and data[at + 16] == 1:
            x_dpi, y_dpi = (v * 0.0254 for v in struct.unpack_from(">II", data, at + 8))
        at += 12 + size
    return [Header(width, height, _plausible(x_dpi, y_dpi, width, height), alpha)]


def _jpeg(data: bytes) -> list[Header]:
    x_dpi = y_dpi = 0.0
    at = 2
    while True:
        if data[at] != 0xFF:
            raise InputError("the JPEG is damaged: a marker is missing")
        while data[at] == 0xFF:
            at += 1
        marker = data[at]
        (size,) = struct.unpack_from(">H", data, at + 1)
        body = at + 3
        if marker == 0xE0 and data[body : body + 5] == b"JFIF\0" and data[body + 7] in (1, 2):
            per_inch = 1.0 if data[body + 7] == 1 else 2.54
            x_dpi, y_dpi = (v * per_inch for v in struct.unpack_from(">HH", data, body + 8))
        elif marker == 0xE1 and data[body : body + 6] == b"Exif\0\0" and not x_dpi:
            x_dpi, y_dpi = _exif_resolution(data[body + 6 : body + size - 2])
        elif 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack_from(">HH", data, body + 1)
            break
        elif marker in (0xD9, 0xDA):
            raise InputError("the JPEG has no size before its data")
        at += 1 + size
    return [Header(width, height, _plausible(x_dpi, y_dpi, width, height))]


def _exif_resolution(tiff: bytes) -> tuple[float, float]:
    try:
        tags, _ = _tiff_directory(tiff, *_tiff_start(tiff))
    except (struct.error, KeyError, InputError):
        return 0.0, 0.0  # a broken remark about a picture does not break the picture
    return _tiff_resolution(tags)


_TIFF_TYPES: Final = {1: "B", 3: "H", 4: "I", 5: "Q"}
_ARRAY_MOST: Final = 200_000


def _tiff_start(data: bytes) -> tuple[str, int]:
    order = {b"II": "<", b"MM": ">"}.get(data[:2], "")
    if not order or struct.unpack_from(order + "H", data, 2)[0] != 42:
        raise InputError("not a TIFF this program reads (BigTIFF is not taken)")
    return order, struct.unpack_from(order + "I", data, 4)[0]


def _tiff_directory(data: bytes, order: str, at: int) -> tuple[dict[int, tuple[int, ...]], int]:
    """Read one directory: its numeric tags and where the next one lies."""
    (entries,) = struct.unpack_from(order + "H", data, at)
    tags: dict[int, tuple[int, ...]] = {}
    for k in range(entries):
        entry = at + 2 + 12 * k
        tag, kind, number = struct.unpack_from(order + "HHI", data, entry)
        code = _TIFF_TYPES.get(kind)
        if code is None or not 0 < number <= _ARRAY_MOST:
            continue
        layout = f"{order}{number}{code}" if kind != 5 else f"{order}{2 * number}I"
        where = entry + 8
        if struct.calcsize(layout) > 4:
            (where,) = struct.unpack_from(order + "I", data, where)
        tags[tag] = struct.unpack_from(layout, data, where)
    (following,) = struct.unpack_from(order + "I", data, at + 2 + 12 * entries)
    return tags, following


def _tiff_resolution(tags: Mapping[int, tuple[int, ...]]) -> tuple[float, float]:
    per_inch = {2: 1.0, 3: 2.54}.get(tags.get(296, (2,))[0], 0.0)
    x, y = tags.get(282, (0, 1)), tags.get(283, tags.get(282, (0, 1)))
    return per_inch * x[0] / max(x[1], 1), per_inch * y[0] / max(y[1], 1)


def _tiff(data: bytes) -> list[Header]:
    order, at = _tiff_start(data)
    headers: list[Header] = []
    seen: set[int] = set()
    while at:
        if at in seen or len(seen) > 10_000:
            raise InputError("the TIFF is damaged: its pages run in a circle")
        seen.add(at)
        tags, at = _tiff_directory(data, order, at)
        offsets, sizes = tags.get(273) or tags.get(324, ()), tags.get(279) or tags.get(325, ())
        if any(o + s > len(data) for o, s in zip(offsets, sizes, strict=False)):
            raise InputError("the TIFF is cut off")
        if not tags.get(254, (0,))[0] & 1:  # not a thumbnail of another page
            (width,), (height,) = tags[256], tags[257]
            dpi = _plausible(*_tiff_resolution(tags), width, height)
            alpha = 338 in tags and tags.get(277, (1,))[0] in (2, 4)
            headers.append(Header(width, height, dpi, alpha, len(seen) - 1))
    return headers


def _bmp(data: bytes) -> list[Header]:
    if struct.unpack_from("<I", data, 14)[0] < 40:
        raise InputError("this kind of BMP is too old")
    width, height = struct.unpack_from("<ii", data, 18)
    x_dpi, y_dpi = (v * 0.0254 for v in struct.unpack_from("<ii", data, 38))
    height = abs(height)
    return [Header(width, height, _plausible(x_dpi, y_dpi, width, height))]


def _webp(data: bytes) -> list[Header]:
    kind = data[12:16]
    alpha = False
    if kind == b"VP8X":
        if data[20] & 2:
            raise InputError("an animated WebP is not a page")
        alpha = bool(data[20] & 16)
        width = 1 + int.from_bytes(data[24:27], "little")
        height = 1 + int.from_bytes(data[27:30], "little")
    elif kind == b"VP8L":
        (bits,) = struct.unpack_from("<I", data, 21)
        width, height, alpha = 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF), bool(bits >> 28 & 1)
    else:
        width, height = (v & 0x3FFF for v in struct.unpack_from("<HH", data, 26))
    return [Header(width, height, None, alpha)]


_MAGIC: Final = (
    ("image/jpeg", b"\xff\xd8\xff"),
    ("image/png", b"\x89PNG\r\n\x1a\n"),
    ("image/tiff", b"II*\0"),
    ("image/tiff", b"MM\0*"),
    ("image/bmp", b"BM"),
)
_READERS: Final[Mapping[str, Callable[[bytes], list[Header]]]] = {
    "image/jpeg": _jpeg,
    "image/png": _png,
    "image/tiff": _tiff,
    "image/bmp": _bmp,
    "image/webp": _webp,
}


def sniff(data: bytes) -> str | None:
    """Return the media type that the first bytes of a file show, or None."""
    for media_type, magic in _MAGIC:
        if data.startswith(magic):
            return media_type
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    return PDF if b"%PDF-" in data[:1024] else None


def read(data: bytes, media_type: str) -> list[Header]:
    """Return a header for every page of an image file; raises InputError where it is damaged."""
    try:
        return _READERS[media_type](data)
    except (struct.error, IndexError, KeyError, ValueError) as error:
        raise InputError(f"the file is cut off or damaged ({media_type})") from error
