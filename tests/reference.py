"""Slow, obvious answers to what the kernels compute; nothing here is shared with them."""

import itertools
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


def energies(strips, shears, bands):
    """Squared jumps of the profile of strips sheared against each other, (shear, band)."""
    count, lines = strips.shape
    out = []
    for shear in shears:
        profile = [0] * lines
        for k in range(count):
            offset = (int(shear) * (2 * k - (count - 1)) + 65536) >> 17
            for y in range(lines):
                if 0 <= y + offset < lines:
                    profile[y] += int(strips[k, y + offset])
        jumps = np.diff(profile) ** 2
        edges = [(lines - 1) * band // bands for band in range(bands + 1)]
        out.append([jumps[a:b].sum() for a, b in itertools.pairwise(edges)])
    return np.array(out)


def reduced(pixels, factor):
    """Means of squares; two by two rounds halves up, the others to even, as OpenCV does."""
    height, width = pixels.shape[0] // factor, pixels.shape[1] // factor
    cut = pixels[: height * factor, : width * factor].astype(np.int64)
    sums = cut.reshape(height, factor, width, factor, -1).sum(axis=(1, 3))
    means = (sums + 2) // 4 if factor == 2 else np.rint(sums / factor**2)
    return means.astype(np.int64)


def of_the_page(values):
    height, width = values.shape
    middle = values[height // 10 : height - height // 10, width // 10 : width - width // 10]
    return int(np.sort(middle.ravel())[middle.size * 6 // 10])


def balanced(small):
    paper = [of_the_page(small[::16, ::16, k]) for k in range(small.shape[2])]
    gains = [min(max(paper) * 256 // max(level, 1), 512) for level in paper]
    return np.minimum((small * gains + 128) // 256, 255) if len(gains) == 3 else small


def cell_medians(values, side):
    """The lower median of every other row of each cell."""
    rows, columns = -(-values.shape[0] // side), -(-values.shape[1] // side)
    out = np.zeros((rows, columns), np.int64)
    for y in range(rows):
        for x in range(columns):
            cell = values[y * side : (y + 1) * side : 2, x * side : (x + 1) * side]
            out[y, x] = np.sort(cell.ravel())[(cell.size - 1) // 2]
    return out


def held(levels):
    """Local levels, cleaned by a median over five by five, near the level of the page."""
    clean = levels
    if min(levels.shape) >= 5:
        wide = np.pad(levels, 2, mode="edge")
        clean = np.array(
            [
                [np.median(wide[y : y + 5, x : x + 5]) for x in range(levels.shape[1])]
                for y in range(levels.shape[0])
            ]
        )
    paper = of_the_page(levels)
    return np.clip(clean, max(paper - 40, 0), min(paper + 12, 255)).astype(np.int64)


def between_centres(levels, shape, side):
    """Bilinear interpolation of what holds at the centres of cells, rounded."""
    out = np.zeros(shape, np.int64)
    for y in range(shape[0]):
        for x in range(shape[1]):
            (top, down), (left, right) = (
                max(divmod(y - side // 2, side), (0, 0)),
                max(divmod(x - side // 2, side), (0, 0)),
            )
            lower, further = min(top + 1, len(levels) - 1), min(left + 1, len(levels[0]) - 1)
            above = levels[top, left] * (side - down), levels[top, further] * (side - down)
            below = levels[lower, left] * down, levels[lower, further] * down
            mixed = (above[0] + below[0]) * (side - right) + (above[1] + below[1]) * right
            out[y, x] = (mixed + side * side // 2) // (side * side)
    return out


def noise(deviations, side):
    """Mean absolute small deviation of the calmer quarter of the cells, as a deviation of 256."""
    each = []
    for y in range(0, deviations.shape[0], side):
        for x in range(0, deviations.shape[1], side):
            cell = deviations[y : y + side, x : x + side : 4]
            small = np.abs(cell[np.abs(cell) < 16])
            if small.size:
                each.append(int(small.sum()) * 321 // small.size)
    return max(sorted(each)[len(each) // 4] if each else 0, 192)


def components(ink, excluded, threshold):
    """Pixels of each mark, corners touching, in the order of their first pixels."""
    left = {(int(y), int(x)) for y, x in np.argwhere((ink >= threshold) & (excluded == 0))}
    found = []
    for start in sorted(left):
        if start not in left:
            continue
        left.remove(start)
        mark, edge = [], [start]
        while edge:
            y, x = edge.pop()
            mark.append((y, x))
            near = {(y + dy, x + dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1)} & left
            left -= near
            edge.extend(near)
        found.append(sorted(mark))
    return found


def steepest(ink, excluded, y, x):
    """The steepest step from a pixel to its four neighbours on paper."""
    steps = [0]
    for ny, nx in ((y, x - 1), (y, x + 1), (y - 1, x), (y + 1, x)):
        inside = 0 <= ny < ink.shape[0] and 0 <= nx < ink.shape[1]
        if inside and not excluded[ny, nx]:
            steps.append(abs(int(ink[y, x]) - int(ink[ny, nx])))
    return max(steps)


def brightest(dark, spread, coloured, side):
    rows, columns = dark.shape[0] // side, dark.shape[1] // side
    level = np.where(spread >= coloured, 255, dark)[: rows * side, : columns * side]
    return level.reshape(rows, side, columns, side).max(axis=(1, 3))


def bed_ends(gray, dark, step):
    """Pixels before the first that is light, and so are the two after it, on every step-th row."""
    width = gray.shape[1]
    out = []
    for row in gray[::step]:
        light = [all(row[min(x + k, width - 1)] >= dark for k in range(3)) for x in range(width)]
        out.append(light.index(True) if True in light else width)
    return np.array(out)
