"""OpenCV as a peer: single functions, and the plain scripts that courts' integrators write."""

import re
from collections.abc import Mapping
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
WHITE: Final = (255, 255, 255)
JPEG_420: Final = (
    cv2.IMWRITE_JPEG_QUALITY,
    85,
    cv2.IMWRITE_JPEG_SAMPLING_FACTOR,
    cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420,
)
_STRAIGHT_WITHIN_DEG: Final = 15.0


def find() -> Any:
    """Return OpenCV: a dependency of ours, so always there."""
    return cv2


def versions(_: Any) -> Mapping[str, str]:
    """Return the versions of OpenCV and of the libjpeg-turbo inside it."""
    turbo = re.search(r"libjpeg-turbo \(ver ([\w.-]+)\)", cv2.getBuildInformation())
    return {"opencv": cv2.__version__, "libjpeg-turbo": turbo[1] if turbo else "not told"}


def gray_and_half(pixels: Pixels) -> tuple[Pixels, Pixels]:
    """Return luma and half-scale luma."""
    gray = pixels if pixels.ndim == 2 else cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY)
    half = cv2.resize(gray, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    return np.asarray(gray, np.uint8), np.asarray(half, np.uint8)


def turned(pixels: Pixels, angle_deg: float, out: Pixels | None = None) -> Pixels:
    """Turn the content counter-clockwise about the centre, bilinear, white outside."""
    height, width = pixels.shape[:2]
    matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), angle_deg, 1.0)
    done = cv2.warpAffine(
        pixels, matrix, (width, height), dst=out, flags=cv2.INTER_LINEAR, borderValue=WHITE
    )
    return np.asarray(done, np.uint8)


def encoded(pixels: Pixels) -> bytes:
    """Return a JPEG of quality 85, 4:2:0, from libjpeg-turbo."""
    _, data = cv2.imencode(".jpg", pixels, JPEG_420)
    return bytes(data.tobytes())


def floor(pixels: Pixels, target: Pixels) -> bytes:
    """Encode and copy the page once: what nobody who keeps JPEG can go below."""
    np.copyto(target, pixels)
    return encoded(pixels)


def from_wire(samples: Pixels, out: Pixels) -> Pixels:
    """Return inverted RGB as BGR, by two calls over the whole page."""
    cv2.cvtColor(samples, cv2.COLOR_RGB2BGR, dst=out)
    return np.asarray(cv2.bitwise_not(out, dst=out), np.uint8)


def _finished(pixels: Pixels, angle_deg: float) -> tuple[float, bytes]:
    straight = turned(pixels, -angle_deg)
    return angle_deg, encoded(straight)


def script_of_the_box(pixels: Pixels) -> tuple[float, bytes]:
    """Straighten a page as the best known script does; return how it was turned, and its JPEG.

    Luma, half scale (most scripts: full), Otsu's threshold, the smallest turned rectangle around
    all ink, warpAffine, JPEG.
    """
    _, half = gray_and_half(pixels)
    _, ink = cv2.threshold(half, 0, 255, cv2.THRESH_BINARY_INV | cv2.THRESH_OTSU)
    where = cv2.findNonZero(ink)
    clockwise_deg = 0.0 if where is None else cv2.minAreaRect(where)[2]
    # A rectangle stands at any multiple of 90 degrees as well; a page is nearly upright.
    return _finished(pixels, -((clockwise_deg + 45.0) % 90.0 - 45.0))


def script_of_lines(pixels: Pixels) -> tuple[float, bytes]:
    """Straighten a page by its lines; return how it was turned, and its JPEG.

    Luma, quarter scale, Otsu's threshold, edges, the median of HoughLinesP's segments within 15
    degrees of level, warpAffine, JPEG.
    """
    gray = cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY)
    small = cv2.resize(gray, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)
    _, ink = cv2.threshold(small, 0, 255, cv2.THRESH_BINARY_INV | cv2.THRESH_OTSU)
    edges = cv2.Canny(ink, 50, 150)
    found = cv2.HoughLinesP(edges, 1, np.pi / 360, 100, minLineLength=100, maxLineGap=20)
    segments = np.zeros((0, 4)) if found is None else found.reshape(-1, 4)
    left, top, right, bottom = segments.astype(np.float64).T
    angles = np.degrees(np.arctan2(top - bottom, right - left))
    level = angles[np.abs(angles) < _STRAIGHT_WITHIN_DEG]
    return _finished(pixels, float(np.median(level)) if level.size else 0.0)
