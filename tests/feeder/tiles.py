"""Small paper that says which sheet and side it is, in black tiles that survive any encoder.

Standard library only, but for reading it back: it is also the paper in a process without the rest.
"""

WIDTH_MM, LENGTH_MM = 20, 13
PAPER_UNITS = (WIDTH_MM * 12_000 // 254, LENGTH_MM * 12_000 // 254)
_COLUMNS, _ROWS, _BITS = 6, 3, 9
_MARGIN_SHARE = 0.12
_GAP_PX = 2
_PAPER, _INK = b"\xfa", b"\x14"


def _tiles(sheet_index, side):
    """Return 18 tiles, True for black: the number, lowest bit first, and its complement."""
    value = sheet_index << 1 | (side == "B")
    bits = [bool(value >> k & 1) for k in range(_BITS)]
    return bits + [not bit for bit in bits]


def _field(width_px, height_px):
    """Return left, top, and width and height of a tile."""
    left, top = int(width_px * _MARGIN_SHARE), int(height_px * _MARGIN_SHARE)
    return left, top, (width_px - 2 * left) // _COLUMNS, (height_px - 2 * top) // _ROWS


def draw(sheet_index, side, width_px, height_px):
    """Return gray samples, row by row."""
    left, top, tile_px, row_px = _field(width_px, height_px)
    bare = _PAPER * width_px
    tiles, rows = _tiles(sheet_index, side), [bare] * top
    for row in range(_ROWS):
        line = _PAPER * left
        for black in tiles[row * _COLUMNS : (row + 1) * _COLUMNS]:
            line += (_INK if black else _PAPER) * (tile_px - _GAP_PX) + _PAPER * _GAP_PX
        rows += [line.ljust(width_px, _PAPER)] * (row_px - _GAP_PX) + [bare] * _GAP_PX
    rows += [bare] * (height_px - len(rows))
    return b"".join(rows)


def read(pixels):
    """Return (sheet index, side) of a decoded gray page, or None when it is no whole page of ours.

    `pixels` is an array, (height, width).
    """
    left, top, tile_px, row_px = _field(pixels.shape[1], pixels.shape[0])
    seen = []
    for tile in range(_ROWS * _COLUMNS):
        y = top + tile // _COLUMNS * row_px
        x = left + tile % _COLUMNS * tile_px
        inside = pixels[y + row_px // 4 : y + row_px // 2, x + tile_px // 4 : x + tile_px // 2]
        seen.append(bool(inside.mean() < 128))
    if any(bit == check for bit, check in zip(seen[:_BITS], seen[_BITS:], strict=True)):
        return None
    value = sum(bit << k for k, bit in enumerate(seen[:_BITS]))
    return value >> 1, "FB"[value & 1]


class Paper:
    """A stack of such sheets; `sheets` may be at most 256."""

    def __init__(self, sheets):
        self._sheets = sheets

    def __len__(self):
        return self._sheets

    def length_units(self, _sheet_index):
        return PAPER_UNITS[1]

    def face(self, sheet_index, side, window):
        gray = draw(sheet_index, side, window.width_px, window.height_px)
        spread = bytearray(len(gray) * window.channels)
        for channel in range(window.channels):
            spread[channel :: window.channels] = gray
        return bytes(spread)
