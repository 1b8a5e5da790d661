"""Slow, obvious answers to what the kernels compute; nothing here is shared with them."""

import math

import numpy as np


def luma(bgr):
    b, g, r = (bgr[..., k].astype(np.int64) for k in range(3))
    return ((19595 * r + 38470 * g + 7471 * b + 32768) // 65536).astype(np.uint8)


def half(gray):
    height, width = gray.shape
    out = np.zeros((max(1, height // 2), max(1, width // 2)), np.uint8)
    for y in range(out.shape[0]):
        for x in range(out.shape[1]):
            if min(height, width) < 2:
                out[y, x] = gray[2 * y, 2 * x]
            else:
                out[y, x] = (int(gray[2 * y : 2 * y + 2, 2 * x : 2 * x + 2].sum()) + 2) // 4
    return out


def ink(gray, threshold, clamp):
    return np.minimum(np.maximum(threshold - gray.astype(np.int64), 0), clamp)


def row_strips(gray, threshold, clamp, strip):
    inked = ink(gray, threshold, clamp)
    return np.array(
        [inked[:, k * strip : (k + 1) * strip].sum(axis=1) for k in range(gray.shape[1] // strip)]
    ).reshape(gray.shape[1] // strip, gray.shape[0])


def cells(gray, spread, threshold, clamp):
    inked = ink(gray, threshold, clamp)
    down, across = -(-gray.shape[0] // 32), -(-gray.shape[1] // 32)
    out = np.zeros((down, across, 2), np.uint8)
    for y in range(down):
        for x in range(across):
            place = np.s_[y * 32 : y * 32 + 32, x * 32 : x * 32 + 32]
            out[y, x] = inked[place].max(), spread[place].max()
    return out


def otsu(counts):
    best, threshold = -1.0, 128
    total = counts.sum()
    for level in range(255):
        below, above = counts[: level + 1], counts[level + 1 :]
        if below.sum() == 0 or above.sum() == 0:
            continue
        mean_below = (below * np.arange(level + 1)).sum() / below.sum()
        mean_above = (above * np.arange(level + 1, 256)).sum() / above.sum()
        between = below.sum() / total * (above.sum() / total) * (mean_below - mean_above) ** 2
        if between > best + 1e-9:
            best, threshold = between, level
    return threshold


def rotated(pixels, angle_microdeg, fill):
    """The written definition, pixel by pixel, with the mathematics library's sine and cosine."""
    gray = pixels.reshape(*pixels.shape[:2], -1).astype(int)
    height, width, channels = gray.shape
    a = -math.radians(angle_microdeg / 1e6)
    c, s = round(math.cos(a) * 65536), round(math.sin(a) * 65536)
    ox = (width - 1) * 32768 - ((c * (width - 1) + s * (height - 1)) >> 1)
    oy = (height - 1) * 32768 - ((-s * (width - 1) + c * (height - 1)) >> 1)
    out = np.full(gray.shape, fill, np.uint8)
    for y in range(height):
        for x in range(width):
            sx, sy = ox + c * x + s * y, oy - s * x + c * y
            x0, y0 = sx >> 16, sy >> 16
            if not (0 <= x0 <= width - 2 and 0 <= y0 <= height - 2):
                continue
            fx, fy = (sx >> 8) & 255, sy & 65535
            for k in range(channels):
                upper = (gray[y0, x0, k] << 8) + (gray[y0, x0 + 1, k] - gray[y0, x0, k]) * fx
                lower = (gray[y0 + 1, x0, k] << 8) + (
                    gray[y0 + 1, x0 + 1, k] - gray[y0 + 1, x0, k]
                ) * fx
                out[y, x, k] = ((upper * (65535 - fy) >> 16) + (lower * fy >> 16) + 129) >> 8
    return out.reshape(pixels.shape)
