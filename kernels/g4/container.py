"""A T.6 code as a file: single-page TIFF 6.0."""

import struct


def tiff(code: bytes, width_px: int, height_px: int, dpi: int) -> bytes:
    """Return a little-endian single-strip TIFF 6.0 file around a T.6 code; 1 is black."""
    header = 8
    resolution = header + len(code) + (len(code) & 1)
    directory = resolution + 8
    short, long, rational = 3, 4, 5
    entries = (
        (256, long, width_px),
        (257, long, height_px),
        (258, short, 1),  # one bit a sample
        (259, short, 4),  # T.6
        (262, short, 0),  # white is zero
        (266, short, 1),  # most significant bit first
        (273, long, header),
        (277, short, 1),
        (278, long, height_px),
        (279, long, len(code)),
        (282, rational, resolution),
        (283, rational, resolution),
        (296, short, 2),  # inch
    )
    ifd = struct.pack("<H", len(entries)) + b"".join(
        struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in entries
    )
    return b"".join(
        (
            struct.pack("<2sHI", b"II", 42, directory),
            code,
            b"\0" * (len(code) & 1),
            struct.pack("<II", dpi, 1),
            ifd,
            struct.pack("<I", 0),
        )
    )
