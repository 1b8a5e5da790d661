"""Slow, obvious answers to what the kernels compute; nothing here is shared with them."""

import itertools
import math
from fractions import Fraction

import numpy as np
from numba import njit


def luma(bgr):
    b, g, r = (bgr[..., k].astype(np.int64) for k in range(3))
    return ((19595 * r + 38470 * g + 7471 * b + 32768) // 65536).astype(np.uint8)


def half(gray):
    height, width = gray.shape
    if min(height, width) < 2:
        return gray[: max(height - 1, 1) : 2, : max(width - 1, 1) : 2]
    even = gray[: height // 2 * 2, : width // 2 * 2].astype(np.int64)
    return (even.reshape(height // 2, 2, width // 2, 2).sum(axis=(1, 3)) + 2) // 4


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


def sampled(gray):
    """Levels of every 8th sample of every 8th row."""
    y, x = (min(2, side - 1) for side in gray.shape)
    return np.bincount(gray[y::8, x::8].ravel(), minlength=256)


def otsu(counts):
    """The first level whose split has the largest variance between both sides."""
    best, threshold = -1, 128
    counts = [int(count) for count in counts]
    for level in range(255):
        below, above = sum(counts[: level + 1]), sum(counts[level + 1 :])
        if below == 0 or above == 0:
            continue
        weighted = sum(k * count for k, count in enumerate(counts[: level + 1]))
        mean_below = Fraction(weighted, below)
        mean_above = Fraction(sum(k * count for k, count in enumerate(counts)) - weighted, above)
        between = below * above * (mean_below - mean_above) ** 2
        if between > best:
            best, threshold = between, level
    return threshold


def paper(counts, threshold):
    """The median of what is lighter than the threshold; of an even number the lower."""
    lighter = np.repeat(np.arange(threshold + 1, 256), counts[threshold + 1 :])
    return int(lighter[(len(lighter) - 1) // 2]) if len(lighter) else 255


def rotated(pixels, angle_microdeg, fill):
    """The written definition, pixel by pixel, with the mathematics library's sine and cosine."""
    height, width = pixels.shape[:2]
    a = -math.radians(angle_microdeg / 1e6)
    c, s = round(math.cos(a) * 65536), round(math.sin(a) * 65536)
    ox = (width - 1) * 32768 - ((c * (width - 1) + s * (height - 1)) >> 1)
    oy = (height - 1) * 32768 - ((-s * (width - 1) + c * (height - 1)) >> 1)
    out = np.full(pixels.shape, fill, np.uint8)
    channels = 1 if pixels.ndim == 2 else 3
    shape = (height, width, channels)
    _turned_by_definition(pixels.reshape(shape), out.reshape(shape), c, s, ox, oy)
    return out


@njit
def _turned_by_definition(pixels, out, c, s, ox, oy):
    height, width, channels = pixels.shape
    for y in range(height):
        for x in range(width):
            sx, sy = ox + c * x + s * y, oy - s * x + c * y
            x0, y0 = sx >> 16, sy >> 16
            if not (0 <= x0 <= width - 2 and 0 <= y0 <= height - 2):
                continue
            fx, fy = (sx >> 8) & 255, sy & 65535
            for k in range(channels):
                p00, p01 = np.int64(pixels[y0, x0, k]), np.int64(pixels[y0, x0 + 1, k])
                p10, p11 = np.int64(pixels[y0 + 1, x0, k]), np.int64(pixels[y0 + 1, x0 + 1, k])
                a, b = (p00 << 8) + (p01 - p00) * fx, (p10 << 8) + (p11 - p10) * fx
                out[y, x, k] = ((a * (65535 - fy) >> 16) + (b * fy >> 16) + 129) >> 8


def turned_exactly(pixels, angle_microdeg):
    """Bilinear in float64, of a gray page; nan where the source is outside."""
    height, width = pixels.shape
    a = -math.radians(angle_microdeg / 1e6)
    y, x = np.mgrid[:height, :width] - np.array([(height - 1) / 2, (width - 1) / 2])[:, None, None]
    sx = math.cos(a) * x + math.sin(a) * y + (width - 1) / 2
    sy = -math.sin(a) * x + math.cos(a) * y + (height - 1) / 2
    inside = (sx >= 0) & (sx < width - 1) & (sy >= 0) & (sy < height - 1)
    x0, y0 = np.where(inside, sx, 0).astype(int), np.where(inside, sy, 0).astype(int)
    fx, fy, p = sx - x0, sy - y0, pixels.astype(float)
    upper = p[y0, x0] * (1 - fx) + p[y0, x0 + 1] * fx
    lower = p[y0 + 1, x0] * (1 - fx) + p[y0 + 1, x0 + 1] * fx
    return np.where(inside, upper * (1 - fy) + lower * fy, np.nan)


def energies(strips, shears, bands):
    """Squared jumps of the profile of strips sheared against each other, (band, shear)."""
    count, lines = strips.shape
    between_zeros = np.pad(strips.astype(np.int64), ((0, 0), (lines, lines)))
    out = []
    for shear in shears:
        profile = np.zeros(lines, np.int64)
        for k in range(count):
            offset = (int(shear) * (2 * k - (count - 1)) + 65536) >> 17
            start = lines + min(max(offset, -lines), lines)
            profile += between_zeros[k, start : start + lines]
        jumps = np.diff(profile) ** 2
        edges = [(lines - 1) * band // bands for band in range(bands + 1)]
        out.append([jumps[a:b].sum() for a, b in itertools.pairwise(edges)])
    return np.array(out).T


def without_streaks(columns, least, width):
    """Strips with thin columns of ink from top to bottom taken away, and where these were."""
    clean, inked = columns.astype(np.int64), (columns >= least).sum(axis=0)
    found = [
        x
        for x in range(width, columns.shape[1] - width)
        if 2 * inked[x] > len(columns)
        and 3 * inked[x - width] < inked[x]
        and 3 * inked[x + width] < inked[x]
    ]
    for x in found:
        mean = (clean[:, x - width] + clean[:, x + width]) // 2
        clean[:, x - 3 : x + 4] = np.minimum(clean[:, x - 3 : x + 4], mean[:, None])
    return clean, [x for x in found if x - 1 not in found]


def skew(rows, columns, strip):
    """Degrees clockwise, how much the peak stands alone, depth and bands; of clean strips."""

    def roots(pool, degrees):
        shears = np.round(np.tan(np.radians(degrees)) * strip / pool * 65536)
        out = []
        for strips, sign in ((rows, 1), (columns, -1)):
            lines = strips.shape[1] // pool
            small = strips[:, : lines * pool].reshape(len(strips), lines, pool).sum(axis=2) // pool
            out.append(energies(small, sign * shears, 8))
        return np.sqrt(np.concatenate(out))

    coarse = np.arange(-40, 41) * 0.25
    above = roots(4 if strip == 32 else 2, coarse)
    above -= np.median(above, axis=1, keepdims=True)
    score = above.sum(axis=0)
    peak = int(score.argmax())
    fine = coarse[peak] + np.arange(-20, 21) * 0.02
    curve = roots(1, fine).sum(axis=0)
    top = int(np.convolve(curve, np.ones(5), "valid").argmax()) + 2
    near = np.arange(max(0, top - 5), min(40, top + 5) + 1)
    a, b, _ = np.polyfit(near - top, (curve[near] - curve.min()) / np.ptp(curve), 2)
    part = np.maximum(above[:, peak], 0)
    return (
        coarse[peak] + 0.02 * (top - 20 + (np.clip(-b / (2 * a), -5, 5) if a < 0 else 0)),
        score[peak] / max(score[k] for k in range(81) if abs(k - peak) > 3),
        np.ptp(curve) / curve.max(),
        part.sum() ** 2 / (part**2).sum(),
    )


def reduced(pixels, factor):
    """Means of squares; halves are rounded up."""
    height, width = pixels.shape[0] // factor, pixels.shape[1] // factor
    cut = pixels[: height * factor, : width * factor].astype(np.int64)
    sums = cut.reshape(height, factor, width, factor, -1).sum(axis=(1, 3))
    return (sums + factor**2 // 2) // factor**2


def of_the_page(values):
    height, width = values.shape
    middle = values[height // 10 : height - height // 10, width // 10 : width - width // 10]
    return int(np.sort(middle.ravel())[middle.size * 6 // 10])


def balanced(small):
    paper = [of_the_page(small[::16, ::16, k]) for k in range(small.shape[2])]
    most = max(*paper, 1)
    gains = [min(most * 256 // max(level, 1), 512) for level in paper]
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


def hidden_cells(hidden, side):
    """Which cells have a hidden pixel."""
    rows, columns = (-(-length // side) for length in hidden.shape)
    return np.array(
        [
            [hidden[y * side :, x * side :][:side, :side].any() for x in range(columns)]
            for y in range(rows)
        ]
    )


def nearest_known(levels, unknown):
    """Unknown levels become the upper median of the known ones in the least square around."""
    out = levels.copy()
    for y, x in np.argwhere(unknown):
        for reach in range(1, max(levels.shape)):
            around = np.s_[max(y - reach, 0) : y + reach + 1, max(x - reach, 0) : x + reach + 1]
            near = np.sort(levels[around][~unknown[around]])
            if near.size:
                out[y, x] = near[near.size // 2]
                break
    return out


def held(levels, paper=None):
    """Local levels, cleaned by a median over five by five, near the level of the page."""
    clean, paper = levels, of_the_page(levels) if paper is None else paper
    if min(levels.shape) >= 5:
        inner = np.pad(np.ones(np.array(levels.shape) - 4, bool), 2)
        wide = np.pad(np.where(~inner & (levels > paper + 12), paper, levels), 2, mode="reflect")
        clean = np.array(
            [
                [np.median(wide[y : y + 5, x : x + 5]) for x in range(levels.shape[1])]
                for y in range(levels.shape[0])
            ]
        )
    return np.clip(clean, max(paper - 40, 0), min(paper + 12, 255)).astype(np.int64)


def between_centres(levels, shape, side):
    """Interpolation of what holds at the centres of cells: down in eighths, then across."""
    out = np.zeros(shape, np.int64)
    for y in range(shape[0]):
        for x in range(shape[1]):
            (top, down), (left, right) = (
                max(divmod(y - side // 2, side), (0, 0)),
                max(divmod(x - side // 2, side), (0, 0)),
            )
            lower, further = min(top + 1, len(levels) - 1), min(left + 1, len(levels[0]) - 1)
            one, other = (
                ((levels[top, k] * (side - down) + levels[lower, k] * down) * 8 + side // 2) // side
                for k in (left, further)
            )
            out[y, x] = ((one * (side - right) + other * right) + side * 4) // (side * 8)
    return out


def noise(deviations, side):
    """Mean absolute small deviation of the calmer quarter of the squares, as a deviation of 256.

    Squares lie between the centres of cells, side by side.
    """
    each = []
    for y in range(0, deviations.shape[0], side):
        for x in range(side // 2, deviations.shape[1] - side + 1, side):
            cell = deviations[y : y + side, x : x + side]
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


def square(ink, excluded, y, x):
    """The ink of a pixel and its eight neighbours on paper."""
    place = np.s_[max(y - 1, 0) : y + 2, max(x - 1, 0) : x + 2]
    return int(ink[place][excluded[place] == 0].astype(int).sum())


def thickness(xs, ys, weights):
    """Standard deviation of weighted points across their longer direction."""
    spread = (
        np.cov(np.array([xs, ys]), aweights=weights, ddof=0) if len(xs) > 1 else np.zeros((2, 2))
    )
    return math.sqrt(max(np.linalg.eigvalsh(spread)[0], 0.0))


def brightest(dark, spread, coloured, side):
    level = np.where(spread >= coloured, 255, dark)
    rows, columns = -(-dark.shape[0] // side), -(-dark.shape[1] // side)
    out = np.zeros((rows, columns), np.int64)
    for y in range(rows):
        for x in range(columns):
            out[y, x] = level[y * side : (y + 1) * side, x * side : (x + 1) * side].max()
    return out


def jpeg_planes(bgr, side):
    """Luma, Cb and Cr as `side` says, filled up to whole MCUs; pixel by pixel."""
    b, g, r = (bgr[..., k].astype(np.int64) for k in range(3))
    cb = (-11059 * r - 21709 * g + 32768 * b + (128 << 16) + 32767) >> 16
    cr = (32768 * r - 27439 * g - 5329 * b + (128 << 16) + 32767) >> 16
    height, width = bgr.shape[:2]
    down, across = (-(-length // (8 * side)) * 8 for length in (height, width))
    planes = [np.pad(luma(bgr), ((0, down * side - height), (0, across * side - width)), "edge")]
    for chroma in (cb, cr):
        wide = np.pad(chroma, ((0, height % side), (0, across * side - width)), "edge")
        rows = len(wide) // side
        small = np.zeros((rows, across), np.int64)
        for y in range(rows):
            for x in range(across):
                square = wide[y * side : (y + 1) * side, x * side : (x + 1) * side]
                small[y, x] = square.sum() if side == 1 else (square.sum() + 1 + x % 2) // 4
        planes.append(np.pad(small, ((0, down - rows), (0, 0)), "edge"))
    return planes


def dct(block):
    """The orthonormal cosine transform of 8 x 8 samples, as T.81 A.3.3 writes it."""
    k, x = np.arange(8)[:, None], np.arange(8)[None, :]
    basis = np.cos((2 * x + 1) * k * np.pi / 16) / 2
    basis[0] /= math.sqrt(2)
    return basis @ (block.astype(float) - 128) @ basis.T


def vertex(curve):
    top = 2 + int(np.argmax([curve[i - 2 : i + 3].sum() for i in range(2, len(curve) - 2)]))
    near = np.arange(max(0, top - 5), min(len(curve) - 1, top + 5) + 1)
    a, b, _ = np.polyfit(near - top, curve[near], 2)
    return top + (float(np.clip(-b / (2 * a), -5, 5)) if a < 0 else 0.0)


def jackknife(roots):
    place = vertex(roots.sum(axis=0))
    off = [vertex(np.delete(roots, band, 0).sum(axis=0)) - place for band in range(len(roots))]
    return place, math.sqrt(sum(one * one for one in off) * (len(off) - 1) / len(off))


def support(slices, ends):
    """What `trust` says of energies (rows or columns, slice, angle)."""

    def roots(energies):
        bands = energies.reshape(-1, 8, energies.shape[-1])
        return np.array([[math.sqrt(sum(part)) for part in band.T.tolist()] for band in bands])

    place, spread = jackknife(roots(slices))
    rest, count = slices.copy(), slices.shape[1]
    at = min(max(round(place), 0), slices.shape[2] - 1)
    for way, end in enumerate(ends):
        for part in range(count):
            if part < end or part >= count - end:
                rest[way, part] = 0
        for first in range(0, count, 8):
            strongest = first + int(np.argmax(rest[way, first : first + 8, at]))
            rest[way, max(first, strongest - 1) : min(first + 8, strongest + 2)] = 0
    rest_place, rest_spread = jackknife(roots(rest))
    whole, left = roots(slices).sum(axis=0), roots(rest).sum(axis=0)
    ways = [roots(way).sum(axis=0) for way in slices]
    silent = min(np.ptp(way) for way in ways) < 0.1 * np.ptp(whole)
    return {
        "place": place,
        "depth": np.ptp(whole) / max(whole.max(), 1e-9),
        "spread": spread,
        "rest_off": abs(rest_place - place),
        "rest_spread": rest_spread,
        "rest_share": np.ptp(left) / max(np.ptp(whole), 1e-9),
        "ways_off": 0.0 if silent else abs(vertex(ways[0]) - vertex(ways[1])),
        "lean": abs(place - 2 - int(np.argmax(np.convolve(whole, np.ones(5), "valid")))),
    }


def softened(plane, taps):
    """Weights in 256ths down, then across, rounded each time; a frame as wide as they stays 0."""
    reach = len(taps) - 1
    weights = [*taps[:0:-1], *taps]
    out = plane.astype(np.int64)
    for axis in (0, 1):
        moved = [w * np.roll(out, k - reach, axis) for k, w in enumerate(weights)]
        whole = (sum(moved) + 128) // 256
        out = np.zeros_like(whole)
        out[reach:-reach] = whole[reach:-reach]
    return out


def agreement(near, valid, far):
    """Correlation of two planes where they are valid, and the slope of one over the other."""
    one, other = near[valid].astype(float), far[valid].astype(float)
    if one.size == 0 or one.std() == 0 or other.std() == 0:
        return 0.0, 0.0
    shared = ((one - one.mean()) * (other - other.mean())).mean()
    return shared / one.std() / other.std(), shared / other.var()
