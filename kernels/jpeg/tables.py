"""The tables of ITU-T T.81, Annex K, and what quality makes of them."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

BLOCK: Final = 8

ZIGZAG: Final = tuple(
    sorted(
        range(BLOCK * BLOCK),
        # Along each diagonal, up on the even ones and down on the odd ones.
        key=lambda k: (
            k // BLOCK + k % BLOCK,
            k // BLOCK if (k // BLOCK + k % BLOCK) % 2 else k % BLOCK,
        ),
    )
)
"""Row by row place of the k-th coefficient of a block in the order of the file (figure A.6)."""

# Tables K.1 and K.2, row by row.
LUMA: Final = (
    16, 11, 10, 16, 24, 40, 51, 61,
    12, 12, 14, 19, 26, 58, 60, 55,
    14, 13, 16, 24, 40, 57, 69, 56,
    14, 17, 22, 29, 51, 87, 80, 62,
    18, 22, 37, 56, 68, 109, 103, 77,
    24, 35, 55, 64, 81, 104, 113, 92,
    49, 64, 78, 87, 103, 121, 120, 101,
    72, 92, 95, 98, 112, 100, 103, 99,
)  # fmt: skip
CHROMA: Final = (
    17, 18, 24, 47, 99, 99, 99, 99,
    18, 21, 26, 66, 99, 99, 99, 99,
    24, 26, 56, 99, 99, 99, 99, 99,
    47, 66, 99, 99, 99, 99, 99, 99,
    99, 99, 99, 99, 99, 99, 99, 99,
    99, 99, 99, 99, 99, 99, 99, 99,
    99, 99, 99, 99, 99, 99, 99, 99,
    99, 99, 99, 99, 99, 99, 99, 99,
)  # fmt: skip

# Tables K.3 to K.6: how many codes there are of 1, 2 ... 16 bits, then the symbols in their order.
# A symbol of AC is the run of zeros before a value (high half) and the bits of the value (low).
DC_LUMA: Final = (bytes.fromhex("00010501010101010100000000000000"), bytes(range(12)))
DC_CHROMA: Final = (bytes.fromhex("00030101010101010101010000000000"), bytes(range(12)))
AC_LUMA: Final = (
    bytes.fromhex("0002010303020403050504040000017d"),
    bytes.fromhex(
        "0102030004110512213141061351610722711432"
        "8191a1082342b1c11552d1f02433627282090a16"
        "1718191a25262728292a3435363738393a434445"
        "464748494a535455565758595a63646566676869"
        "6a737475767778797a838485868788898a929394"
        "95969798999aa2a3a4a5a6a7a8a9aab2b3b4b5b6"
        "b7b8b9bac2c3c4c5c6c7c8c9cad2d3d4d5d6d7d8"
        "d9dae1e2e3e4e5e6e7e8e9eaf1f2f3f4f5f6f7f8"
        "f9fa"
    ),
)
AC_CHROMA: Final = (
    bytes.fromhex("00020102040403040705040400010277"),
    bytes.fromhex(
        "0001020311040521310612415107617113223281"
        "08144291a1b1c109233352f0156272d10a162434"
        "e125f11718191a262728292a35363738393a4344"
        "45464748494a535455565758595a636465666768"
        "696a737475767778797a82838485868788898a92"
        "939495969798999aa2a3a4a5a6a7a8a9aab2b3b4"
        "b5b6b7b8b9bac2c3c4c5c6c7c8c9cad2d3d4d5d6"
        "d7d8d9dae2e3e4e5e6e7e8e9eaf2f3f4f5f6f7f8"
        "f9fa"
    ),
)


def quantiser(base: tuple[int, ...], quality: int) -> NDArray[np.int64]:
    """Return the divisors of a block, row by row: 1 to 255, as libjpeg makes them of a quality."""
    percent = 5000 // quality if quality < 50 else 200 - 2 * quality
    scaled = (np.array(base, np.int64) * percent + 50) // 100
    return np.clip(scaled, np.int64(1), np.int64(255))


def _codes(table: tuple[bytes, bytes]) -> NDArray[np.int64]:
    """Return for each symbol its code, above the number of the code's bits (T.81, C.2)."""
    counts, symbols = table
    out = np.zeros(256, np.int64)
    code = k = 0
    for length, count in enumerate(counts, start=1):
        for symbol in symbols[k : k + count]:
            out[symbol] = code << 8 | length
            code += 1
        k += count
        code <<= 1
    return out


CODES: Final = np.stack([_codes(table) for table in (DC_LUMA, AC_LUMA, DC_CHROMA, AC_CHROMA)])
"""int64 (4, 256): rows DC and AC of luma, DC and AC of chroma; code << 8 | bits of the code."""
CODES.setflags(write=False)
