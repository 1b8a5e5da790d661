"""Slow, obvious answers to what crop and quality count; nothing here is shared with them."""

import numpy as np


def bed_ends(gray, level, tolerance, run):
    """Samples before the first of `run` that are not bed, with gaps of two, in every row."""
    out = []
    least, most = (level - tolerance) * 256, (level + tolerance) * 256
    for row in gray.astype(int).tolist():
        held, found, gap, x = level * 256, [], 0, 0
        while x < len(row) and len(found) < run:
            near = [value * 256 - held for value in row[x : x + 32]]
            if not found and len(near) == 32 and max(map(abs, near)) <= tolerance * 256:
                held = min(max(held + sum(near) // 64, least), most)
                x += 32
                continue
            if abs(near[0]) > tolerance * 256:
                found, gap = [*found, x], gap if found else 0
            elif found:
                gap += 1
                found, gap = ([], 0) if gap > 2 else (found, gap)
            else:
                held = min(max(held + near[0] // 32, least), most)
            x += 1
        out.append(found[0] if len(found) == run else len(row))
    return np.array(out)


def line_votes(rows, ends, slopes, width):
    """Votes of the best pair of neighbouring bins of offsets, over all slopes."""
    best = 0
    for slope in slopes:
        bins = np.floor((np.asarray(ends) - slope * np.asarray(rows)) / width).astype(int).tolist()
        best = max(
            best, *(bins.count(b) + bins.count(b + 1) for b in range(min(bins) - 1, max(bins) + 1))
        )
    return best


def levels_behind(gray, rows, ends, line, depths):
    """Levels from where the bed ends on, in the rows whose end lies near a line."""
    counts = np.zeros(256, int)
    for row, end in zip(rows, ends, strict=True):
        if abs(end - line[0] - line[1] * row) <= line[2]:
            for value in gray[row, end + depths[0] : end + depths[1]]:
                counts[value] += 1
    return counts


def levels_before(gray, rows, ends, line, bed, count):
    """Sum and number of samples like the bed, by how far before its end; not the outermost."""
    out = np.zeros((count, 2), int)
    for row, end in zip(rows, ends, strict=True):
        if abs(end - line[0] - line[1] * row) > line[2]:
            continue
        for far, value in enumerate(gray[row, 1:end][::-1].astype(int), start=1):
            if far < count and abs(value - bed[0]) <= bed[1]:
                out[far] += value, 1
    return out


def turned_inside(shape, cos, sin, box):
    """Which half-scale samples lie in a box of the page after its turn, by their middles."""
    height, width = shape
    inside = np.zeros((max(height // 2, 1), max(width // 2, 1)), bool)
    for y in range(inside.shape[0]):
        for x in range(inside.shape[1]):
            dx, dy = 2 * x + 1 - width / 2, 2 * y + 1 - height / 2
            u, v = dx * cos - dy * sin + width / 2, dx * sin + dy * cos + height / 2
            inside[y, x] = box[0] <= u <= box[2] and box[1] <= v <= box[3]
    return inside


def strange_blocks(gray, inside, level, tolerance, side):
    """Samples outside that differ from the bed, counted by square blocks."""
    odd = (np.abs(gray.astype(int) - level) > tolerance) & ~inside
    out = np.zeros((-(-gray.shape[0] // side), -(-gray.shape[1] // side)), int)
    for y, x in np.argwhere(odd):
        out[y // side, x // side] += 1
    return out


def bed_blocks(gray, rows, side, ring):
    """Levels and steps of every 4th sample of blocks beside what is kept, near it or the border."""
    down, across = gray.shape[0] // side, gray.shape[1] // side
    out = np.zeros((2, down, across), int)
    for y in range(down):
        first, last = rows[y * side], rows[(y + 1) * side - 1]
        begins, ends = min(first[0], last[0]), max(first[1], last[1])
        any_kept = first[0] < first[1] or last[0] < last[1]
        for x in range(across):
            span = set(range(x * side, (x + 1) * side))
            on_ring = min(y, x, down - 1 - y, across - 1 - x) < ring
            touches = any_kept and span & set(range(begins, ends))
            if touches or not (on_ring or span <= set(range(first[2], first[3]))):
                out[0, y, x] = -1
            else:
                cell = gray[y * side : (y + 1) * side : 2, x * side : (x + 1) * side].astype(int)
                steps = np.abs(np.diff(cell, axis=1))[:, ::2]
                last_step = np.abs(cell[:, -1] - cell[:, -2]).sum() if side % 2 else 0
                out[:, y, x] = cell[:, ::2].sum(), steps.sum() + last_step
    return out


def tinted_cells(cells, begins, stops, spread):
    """Coloured cells that lie as a whole left or right of what is inside in their rows."""
    count = 0
    for row, column in np.argwhere(cells[..., 1] >= spread):
        inside = np.zeros(16 * cells.shape[1], bool)
        rows = [
            k for k in range(row * 16, row * 16 + 16) if k < len(begins) and begins[k] < stops[k]
        ]
        if rows:
            inside[min(begins[k] for k in rows) : max(stops[k] for k in rows)] = True
        count += not inside[column * 16 : column * 16 + 16].any()
    return count


def capture_counts(bgr, gray_half, inside, paper_from):
    """Every 4th half-scale sample of every 5th row: levels, paper colours, clipped pixels."""
    counts, dark, light, total = np.zeros((4, 256), int), 0, 0, 0
    for y in range(0, gray_half.shape[0], 5):
        for x in range(gray_half.shape[1]):
            start = int(np.argmax(inside[y])) + y % 4
            if not inside[y, x] or x < start or (x - start) % 4:
                continue
            pixel = np.atleast_1d(bgr[2 * y, 2 * x])
            counts[0, gray_half[y, x]] += 1
            total, dark, light = total + 1, dark + (pixel == 0).all(), light + (pixel == 255).all()
            for k, value in enumerate(pixel):
                counts[1 + k, value] += gray_half[y, x] >= paper_from
    return counts, (total, dark, light)


def sharpest_rise(gray, reach, least):
    """Contrast near the steepest step along rows over that step, in 256ths; 0 where flat."""
    steps = np.abs(np.diff(gray.astype(int), axis=1))
    y, x = np.unravel_index(int(steps.argmax()), steps.shape)
    near = gray[y, max(x - reach, 0) : x + reach + 2].astype(int)
    contrast = near.max() - near.min()
    return 256 * contrast // steps[y, x] if steps[y, x] and contrast >= least else 0
