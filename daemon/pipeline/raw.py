"""RAW: a captured raster as lossless bytes, so that a rejected page needs no second scan.

Each sample is replaced by its difference to the pixel on the left (modulo 256), which makes paper
into runs of small numbers, and the result goes through zstd level 1. The header is one JSON line.
"""

import json
from typing import Final

import numpy as np
import zstandard
from numpy.typing import NDArray

from daemon.errors import SpoolCorrupt
from daemon.page import SampleOrder, Scan
from kernels import wire
from kernels.buffers import Buffers

MEDIA_TYPE: Final = "application/vnd.suian.raw+zstd"
_LEVEL: Final = 1


def pack(scan: Scan, buffers: Buffers | None = None) -> bytes:
    """Compress a scan; `unpack` gives the same samples back."""
    samples = scan.samples
    header = {"shape": samples.shape, "order": scan.order.value, "dpi": scan.dpi}
    delta = (buffers or Buffers()).take("raw.delta", samples.shape)
    wire.left_differences(samples, delta)
    head = json.dumps(header, separators=(",", ":")).encode("ascii") + b"\n"
    return head + zstandard.ZstdCompressor(level=_LEVEL).compress(delta.data)


def unpack(data: bytes) -> tuple[NDArray[np.uint8], SampleOrder, int]:
    """Return samples, their order and the dpi; raises SpoolCorrupt when the bytes are not ours."""
    head, _, body = data.partition(b"\n")
    try:
        header = json.loads(head)
        shape = tuple(int(n) for n in header["shape"])
        size = int(np.prod(shape))
        flat = zstandard.ZstdDecompressor().decompress(body, max_output_size=size)
        samples = np.frombuffer(bytearray(flat), np.uint8).reshape(shape)
        order, dpi = SampleOrder(header["order"]), int(header["dpi"])
    except (ValueError, KeyError, TypeError, zstandard.ZstdError) as error:
        raise SpoolCorrupt(f"not a RAW raster: {error}", size_bytes=len(data)) from error
    wire.undo_left_differences(samples)
    return samples, order, dpi
