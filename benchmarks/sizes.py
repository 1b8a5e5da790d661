"""Bytes a page: for each kind of page and format, and beside other encoders at equal quality.

    python -m benchmarks.sizes > benchmarks/results/sizes.jsonl

Lines `bytes:` give medians over the pages of a kind, A4 at 300 dpi: what it would take in every
format, whichever the rule chooses. `colour_psnr_db` is over strongly coloured pixels alone.
Lines `equal quality:` search, on the middle of one page of each kind, the setting at which a peer
has the same PSNR as our JPEG of quality 85. It lies between two settings, whose bytes and SSIM are
interpolated; `ratio` is ours over the peer's: below 1 ours is smaller. OpenCV's own JPEG is ours by
definition, and has no such line. A peer that is not installed is a line, no failure.
Lines `as it comes:` give what an encoder makes of the same piece with no setting at all.
"""

import importlib.metadata
import io
import math
import statistics
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.accuracy import bare, scanned
from benchmarks.peers import pillow
from benchmarks.peers.peer import NotInstalledError, imported
from benchmarks.record import line
from benchmarks.sheets import DPI, PAGES
from daemon.demo.stack import Stack
from daemon.images import decode
from daemon.page import Side
from daemon.pipeline.format import wrap_pdf
from kernels import g4, jpeg
from kernels.raster import Raster

Pixels = NDArray[np.uint8]

QUALITY: Final = 85
_DRAWN_OF_A_KIND: Final = 2
_STRONG_SPREAD: Final = 60
_MIDDLE_PX: Final = (1240, 1240)

# Kind, its pages in ../shared/data/pages, and its sheets in the demo's drawn stack.
KINDS: Final = (
    ("print", ("061_dense", "060_text", "062_vertical", "069_recycled"), ("claim", "vertical")),
    ("form", ("063_form", "064_table_only", "070_cover", "071_slip"), ("address_form", "slips")),
    ("seal", ("065_last_seal", "124_seal_only"), ("claim_last", "statement")),
    ("photo", ("066_photo", "067_idcard"), ("photos", "id_card")),
    ("handwriting", ("068_hand", "125_pencil", "126_sign_only"), ("handwritten",)),
    ("nearly blank", ("127_page_no", "128_blank_below", "129_thumb"), ()),
    ("blank", ("130_b_clean", "131_b_bleed", "132_b_holes", "136_b_dust"), ()),
)


@dataclass(frozen=True, slots=True)
class Point:
    """A file: its setting, bytes and likeness to the page."""

    setting: int
    bytes: int
    psnr_db: float
    ssim: float


@dataclass(frozen=True, slots=True)
class Peer:
    """Another encoder: what it needs, its settings from worst to best, and its call.

    `needs` is a module and its distribution; OpenCV is always there.
    """

    name: str
    needs: tuple[str, str] | None
    settings: tuple[int, ...]
    encode: Callable[[Any, Pixels, int], bytes]

    def find(self) -> Any:
        """Return the module; raises NotInstalledError."""
        return None if self.needs is None else imported(*self.needs)

    def version(self) -> dict[str, str]:
        """Return the version of what it needs, by name."""
        return {self.needs[1]: importlib.metadata.version(self.needs[1])} if self.needs else {}


def _pillow(**options: Any) -> Callable[[Any, Pixels, int], bytes]:
    def encode(image: Any, bgr: Pixels, setting: int) -> bytes:
        return _saved(image, bgr, "JPEG", quality=setting, **options)

    return encode


def _jpeg2000(image: Any, bgr: Pixels, setting: int) -> bytes:
    wanted_db = [setting / 10]
    return _saved(
        image, bgr, "JPEG2000", quality_mode="dB", quality_layers=wanted_db, irreversible=True
    )


def _saved(image: Any, bgr: Pixels, kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.fromarray(np.ascontiguousarray(bgr[..., ::-1])).save(file, kind, **options)
    return file.getvalue()


def _webp(_: Any, bgr: Pixels, setting: int) -> bytes:
    return cv2.imencode(".webp", bgr, [cv2.IMWRITE_WEBP_QUALITY, setting])[1].tobytes()


def _jpegli(module: Any, bgr: Pixels, setting: int) -> bytes:
    rgb = np.ascontiguousarray(bgr[..., ::-1])
    data: bytes = module.encode(rgb.tobytes(), bgr.shape[1], bgr.shape[0], setting)
    return data


def _mozjpeg(module: Any, bgr: Pixels, setting: int) -> bytes:
    module.version.set("mozjpeg403")
    picture = module.from_spatial(np.ascontiguousarray(bgr[..., ::-1]))
    picture.samp_factor = ((2, 2), (1, 1), (1, 1))
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "page.jpg"
        picture.write_spatial(str(file), qt=setting)
        return file.read_bytes()


_PILLOW: Final = ("PIL.Image", "pillow")
_QUALITIES: Final = tuple(range(70, 100))
PEERS: Final = (
    Peer("pillow optimized", _PILLOW, _QUALITIES, _pillow(optimize=True)),
    Peer("pillow progressive", _PILLOW, _QUALITIES, _pillow(optimize=True, progressive=True)),
    Peer("jpegli", ("pyjpegli", "pyjpegli"), _QUALITIES, _jpegli),
    Peer("mozjpeg", ("jpeglib", "jpeglib"), _QUALITIES, _mozjpeg),
    Peer("webp", None, tuple(range(50, 100)), _webp),
    Peer("jpeg2000", _PILLOW, tuple(range(300, 500, 4)), _jpeg2000),
)


def likeness(page: Pixels, file: bytes) -> tuple[float, float]:
    """Return PSNR over all samples in dB, and SSIM of luma."""
    seen = cv2.imdecode(np.frombuffer(file, np.uint8), cv2.IMREAD_COLOR)
    return float(cv2.PSNR(page, seen)), ssim(page, seen)


def ssim(one: Pixels, other: Pixels) -> float:
    """Return the mean structural similarity of luma: windows of 11 px, deviation 1.5."""
    a, b = (cv2.cvtColor(p, cv2.COLOR_BGR2GRAY).astype(np.float32) for p in (one, other))

    def mean(x: NDArray[np.float32]) -> Any:
        return cv2.GaussianBlur(x, (11, 11), 1.5)

    ma, mb = mean(a), mean(b)
    va, vb, both = mean(a * a) - ma * ma, mean(b * b) - mb * mb, mean(a * b) - ma * mb
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    top = (2 * ma * mb + c1) * (2 * both + c2)
    return float((top / ((ma * ma + mb * mb + c1) * (va + vb + c2))).mean())


def colour_psnr_db(page: Pixels, file: bytes) -> float | None:
    """Return PSNR over strongly coloured pixels; None where there are none."""
    strong = page.max(axis=-1) - page.min(axis=-1) >= _STRONG_SPREAD
    if not strong.any():
        return None
    seen = cv2.imdecode(np.frombuffer(file, np.uint8), cv2.IMREAD_COLOR)
    error = (page[strong].astype(np.float64) - seen[strong]) ** 2
    return 10 * math.log10(255**2 / max(float(error.mean()), 1e-9))


def pages_of(shared: tuple[str, ...], kinds: tuple[str, ...], stack: Stack) -> Iterator[Pixels]:
    """Give the pages of a kind."""
    for name in shared if PAGES.is_dir() else ():
        (image,) = decode(PAGES / f"{name}.jpg")
        yield image.pixels
    for kind in kinds:
        sheets = [i for i in range(len(stack)) if stack.truth(i).kind == kind]
        for index in sheets[:_DRAWN_OF_A_KIND]:
            yield scanned(stack, index, Side.FRONT).pixels


def ours(page: Pixels) -> Iterator[tuple[str, bytes]]:
    """Give the page in every format of ours, and in the one that libtiff makes."""
    colour = Raster(np.ascontiguousarray(page), DPI)
    gray = Raster(np.asarray(cv2.cvtColor(page, cv2.COLOR_BGR2GRAY), np.uint8), DPI)
    packed = g4.pack(gray)
    tiff = g4.tiff(g4.encode(packed, gray.width_px), gray.width_px, gray.height_px, DPI)
    half = jpeg.encode(colour, QUALITY, "420")
    yield "jpeg gray", jpeg.encode(gray, QUALITY)
    yield "jpeg 4:2:0", half
    yield "jpeg 4:4:4", jpeg.encode(colour, QUALITY, "444")
    yield "pdf of jpeg 4:2:0", wrap_pdf(half, "image/jpeg", DPI)
    yield "g4", tiff
    yield "g4 of libtiff in pillow", pillow.find().g4(packed, gray.width_px)
    yield "pdf of g4", wrap_pdf(tiff, "image/tiff", DPI)
    yield "evidence", jpeg.evidence(colour, 20_000)


def bytes_lines(kind: str, pages: list[Pixels]) -> Iterator[str]:
    """Give a line for each format: medians over the pages of a kind."""
    found: dict[str, list[tuple[int, float | None]]] = {}
    for page in pages:
        for name, file in ours(page):
            coloured = colour_psnr_db(page, file) if name in ("jpeg 4:2:0", "jpeg 4:4:4") else None
            found.setdefault(name, []).append((len(file), coloured))
    for name, files in found.items():
        figures: dict[str, Any] = {
            "pages": len(files),
            "median_bytes": round(statistics.median(size for size, _ in files)),
            "largest_bytes": max(size for size, _ in files),
        }
        coloured_db = [db for _, db in files if db is not None]
        if coloured_db:
            figures["colour_psnr_db"] = round(statistics.median(coloured_db), 2)
        yield line(f"bytes: {kind}, {name}", **figures)


def around(peer: Peer, module: Any, page: Pixels, psnr_db: float) -> tuple[Point, Point]:
    """Return the files of two neighbouring settings with this PSNR between them, by halving."""

    def point(k: int) -> Point:
        file = peer.encode(module, page, peer.settings[k])
        return Point(peer.settings[k], len(file), *likeness(page, file))

    low, high = 0, len(peer.settings) - 1
    points: dict[int, Point] = {}
    while high - low > 1:
        middle = (low + high) // 2
        points[middle] = point(middle)
        if points[middle].psnr_db < psnr_db:
            low = middle
        else:
            high = middle
    return points.get(low) or point(low), points.get(high) or point(high)


def equal_line(kind: str, page: Pixels, mine: Point, peer: Peer) -> str:
    """Return the line of a peer at our PSNR."""
    case = f"equal quality: {kind}, {peer.name}"
    try:
        module = peer.find()
    except NotInstalledError as error:
        return line(case, skipped=str(error))
    below, above = around(peer, module, page, mine.psnr_db)
    step = above.psnr_db - below.psnr_db
    part = min(max((mine.psnr_db - below.psnr_db) / step, 0.0), 1.0) if step else 0.0
    size = round(below.bytes + part * (above.bytes - below.bytes))
    return line(
        case,
        also=peer.version(),
        settings=[below.setting, above.setting],
        psnr_db=round(below.psnr_db + part * step, 2),
        our_psnr_db=round(mine.psnr_db, 2),
        ssim=round(below.ssim + part * (above.ssim - below.ssim), 4),
        our_ssim=round(mine.ssim, 4),
        bytes=size,
        our_bytes=mine.bytes,
        ratio=round(mine.bytes / size, 3),
    )


def as_it_comes(kind: str, page: Pixels) -> Iterator[str]:
    """Give a line for what two encoders do unasked: OpenCV takes quality 95, Pillow 75."""
    files = {
        "opencv": cv2.imencode(".jpg", page)[1].tobytes(),
        "pillow": _saved(imported(*_PILLOW), page, "JPEG"),
    }
    for name, file in files.items():
        psnr_db, alike = likeness(page, file)
        figures = {"bytes": len(file), "psnr_db": round(psnr_db, 2), "ssim": round(alike, 4)}
        yield line(f"as it comes: {kind}, {name}", **figures)


def middle(page: Pixels) -> Pixels:
    """Return the piece of a page on which encoders are compared."""
    top, left = (max((page.shape[k] - _MIDDLE_PX[k]) // 2, 0) for k in (0, 1))
    return np.ascontiguousarray(page[top : top + _MIDDLE_PX[0], left : left + _MIDDLE_PX[1]])


def main() -> None:
    cv2.setNumThreads(1)
    stack = Stack(bare)
    for kind, shared, drawn in KINDS:
        pages = list(pages_of(shared, drawn, stack))
        if not pages:
            print(line(f"bytes: {kind}", skipped="no page: ../shared/data/pages is absent"))
            continue
        for told in bytes_lines(kind, pages):
            print(told, flush=True)
        piece = middle(pages[0])
        file = jpeg.encode(Raster(piece, DPI), QUALITY, "420")
        mine = Point(QUALITY, len(file), *likeness(piece, file))
        for told in as_it_comes(kind, piece):
            print(told, flush=True)
        for peer in PEERS:
            print(equal_line(kind, piece, mine, peer), flush=True)


if __name__ == "__main__":
    main()
