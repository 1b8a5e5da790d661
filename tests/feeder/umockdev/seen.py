"""What a scan of our driver shows, to be compared with the noise that was fed."""

import numpy as np

from daemon.page import SampleOrder, Scan
from tests.feeder import noise

_MODES = {
    SampleOrder.BITS: "lineart",
    SampleOrder.GRAY_INVERTED: "gray",
    SampleOrder.RGB_INVERTED: "colour",
    SampleOrder.BGR_INVERTED: "colour",
}


def mode(scan: Scan) -> str:
    """Return what its pixels are, as `noise.expected` calls it."""
    return _MODES[scan.order]


def size_px(scan: Scan) -> tuple[int, int]:
    """Return width and height."""
    height_px, width = scan.samples.shape[:2]
    return (width * 8 if scan.order is SampleOrder.BITS else width, height_px)


def digest(scan: Scan) -> str:
    """Return the hash of the samples as the paper has them, RGB; bits stay bits."""
    samples = scan.samples if scan.order is SampleOrder.BITS else 255 - scan.samples
    if scan.order is SampleOrder.BGR_INVERTED:
        samples = samples[:, :, ::-1]
    return noise.digest(np.ascontiguousarray(samples).tobytes())


def sheet_of(scans: tuple[Scan, ...], sheets: int) -> int | None:
    """Return which sheet of the pile this is with all its faces; None for what was never fed."""
    found = [digest(scan) for scan in scans]
    for sheet in range(sheets):
        fed = [
            noise.expected(sheet, str(scan.page_id.side), size_px(scan), scan.dpi, mode(scan))
            for scan in scans
        ]
        if fed == found:
            return sheet
    return None
