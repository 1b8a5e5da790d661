"""Who else encodes and turns pages: NVIDIA's encoders on the card, OpenCV and our twins on a core.

Rule 1: a peer that is not here, or fails, is a row that says so; never a failure.
Rule 2: on the card, a page lies there before and its file lies on this side after, for all.
Rule 3: what a file's sampling is, is read from the file: not every peer lets one choose.
"""

import importlib
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

import cv2
import numpy as np

from benchmarks.on_card.budget import Budget, in_turn, median
from benchmarks.on_card.hands import QUALITY, twins
from benchmarks.on_card.nvjpeg import Nvjpeg, NvjpegAbsent
from benchmarks.on_card.pages import Page
from benchmarks.on_card.stages import Bench, benches
from benchmarks.on_card.table import Row, digits, goal, left_out
from kernels.cuda import jpeg
from kernels.gpu import Card
from kernels.jpeg import Subsampling, turbo

CASE: Final = "JPEG, a colour page on the card to bytes here, one thread"
ON_CORE: Final = "one core of the CPU"
LIBRARIES: Final = (
    "cupy-cuda12x",
    "cupy-cuda13x",
    "torch",
    "torchvision",
    "nvidia-nvimgcodec-cu12",
    "nvidia-nvimgcodec-cu13",
)
_GOAL: Final = 2.0
_TURN_MICRODEG: Final = 1_000_000
_FRAME: Final = b"\xff\xc0"

Work = Callable[[int], bytes]
"""Encodes the page of that number."""


def measure(card: Card, pages: Sequence[Page], budget: Budget, *, small: bool) -> Iterator[Row]:
    """Give a row for each encoder on the card, then for each step on one core.

    Parameters
    ----------
    pages
        In colour, of one size.
    """
    laid = benches(card, pages)
    yield from _on_card(_peers(card, laid), len(laid), budget.part(0.6), small=small)
    yield from _on_core(pages, budget, small=small)


def _on_card(
    peers: Sequence[tuple[str, Callable[[], Work]]], pages: int, budget: Budget, *, small: bool
) -> Iterator[Row]:
    rates: dict[str, float] = {}
    for number, (name, prepare) in enumerate(peers):
        part = budget.part(1 / len(peers))
        try:
            work = prepare()
            data = work(0)
            us = _us(work, pages, part, small=small)
        except Exception as error:  # noqa: BLE001 - whatever a peer raises is its own affair
            yield left_out(CASE, name, _in_a_line(error))
            continue
        sampling, ours = sampling_of(data), number < 2
        if ours:
            rates[sampling] = 1e6 / us
        yield _row(name, 1e6 / us, sampling, len(data), None if ours else rates.get(sampling))


def _row(name: str, rate: float, sampling: str, size: int, ours: float | None) -> Row:
    over = "" if ours is None else f", ours makes {ours / rate:.2f} x as many"
    met = "" if ours is None else goal(f"ours >= {_GOAL:.0f} x", met=ours >= _GOAL * rate)
    figures = {"sampling": sampling, "bytes": size}
    beside = f"{1e6 / rate:.0f} us, {sampling}, {size} bytes{over}"
    return Row(CASE, name, digits(rate), "pages/s", beside, met, figures)


def _peers(card: Card, laid: Sequence[Bench]) -> list[tuple[str, Callable[[], Work]]]:
    """Return everybody by name, and what makes them ready; ours first."""
    return [
        ("ours", lambda: _ours(laid, "420")),
        ("ours, full chroma", lambda: _ours(laid, "444")),
        ("nvJPEG", lambda: _nvjpeg(card.cupy, laid, "420")),
        ("nvJPEG, full chroma", lambda: _nvjpeg(card.cupy, laid, "444")),
        ("nvImageCodec", lambda: _nvimgcodec(card.cupy, laid)),
        ("torchvision", lambda: _torchvision(laid)),
    ]


def _ours(laid: Sequence[Bench], sampling: Subsampling) -> Work:
    return lambda k: jpeg.encode(laid[k].turned, QUALITY, sampling, laid[k].slot)


def _nvjpeg(cupy: Any, laid: Sequence[Bench], sampling: Subsampling) -> Work:
    if not hasattr(cupy, "ndarray"):
        raise NvjpegAbsent("this is no real card")
    stream = cupy.cuda.Stream(non_blocking=True)
    encoder = Nvjpeg(QUALITY, sampling, stream.ptr)

    def work(k: int) -> bytes:
        placed = laid[k].slot.lay(laid[k].turned)
        address, size = placed.memory.address, (placed.width_px, placed.height_px)
        data = encoder.encode(address, *size, placed.pitch)
        stream.synchronize()  # and holds the stream as long as the encoder
        return data

    return work


def _nvimgcodec(cupy: Any, laid: Sequence[Bench]) -> Work:
    codec = importlib.import_module("nvidia.nvimgcodec")
    images = []
    for bench in laid:
        pixels = cupy.empty(bench.turned.pixels.shape, np.uint8)
        pixels.set(np.ascontiguousarray(bench.turned.pixels[..., ::-1]))
        images.append(codec.as_image(pixels))
    encoder, wish = codec.Encoder(), {"chroma_subsampling": codec.ChromaSubsampling.CSS_420}
    try:
        params = codec.EncodeParams(quality=QUALITY, **wish)
    except TypeError:  # newer ones tell kinds of quality apart
        params = codec.EncodeParams(
            quality_type=codec.QualityType.QUALITY, quality_value=QUALITY, **wish
        )
    return lambda k: bytes(encoder.encode(images[k], "jpeg", params=params))


def _torchvision(laid: Sequence[Bench]) -> Work:
    torch, io = importlib.import_module("torch"), importlib.import_module("torchvision.io")
    tensors = [
        torch.from_numpy(np.ascontiguousarray(bench.turned.pixels[..., ::-1].transpose(2, 0, 1)))
        .cuda()
        .contiguous()
        for bench in laid
    ]
    return lambda k: bytes(io.encode_jpeg(tensors[k], quality=QUALITY).cpu().numpy().data)


def sampling_of(data: bytes) -> str:
    """Return the sampling of a JPEG file as its frame tells it."""
    at = data.find(_FRAME)
    if at < 0:
        return "not told"
    if data[at + 9] == 1:
        return "gray"
    luma = data[at + 11]
    return {0x11: "444", 0x21: "422", 0x22: "420"}.get(luma, f"{luma:#x}")


def _on_core(pages: Sequence[Page], budget: Budget, *, small: bool) -> Iterator[Row]:
    cv2.setNumThreads(1)
    ours, rasters = twins(), [page.raster for page in pages]
    firsts = ours.first_pass(rasters[0])
    works: dict[str, Callable[[int], object]] = {
        "numba: first pass": lambda k: ours.first_pass(rasters[k]),
        "numba: skew": lambda _: ours.skew(firsts, rasters[0].dpi),
        "numba: ink map": lambda k: ours.ink_map(rasters[k]),
        "numba: rotate": lambda k: ours.rotate(rasters[k], _TURN_MICRODEG),
        "numba: JPEG": lambda k: ours.jpeg(rasters[k], "420"),
        "libjpeg-turbo: JPEG": lambda k: turbo.encode(rasters[k], QUALITY, "420"),
        "OpenCV: warpAffine": lambda k: _warped(rasters[k].pixels),
        "OpenCV: luma and half": lambda k: _halved(rasters[k].pixels),
    }
    for name, work in works.items():
        us = _us(work, 1 if name == "numba: skew" else len(rasters), budget.part(0.05), small=small)
        yield Row(ON_CORE, name, digits(us), "us")


def _warped(pixels: Any) -> Any:
    height, width = pixels.shape[:2]
    angle_deg = _TURN_MICRODEG / 1e6
    matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), angle_deg, 1.0)
    return cv2.warpAffine(pixels, matrix, (width, height), borderValue=(255, 255, 255))


def _halved(pixels: Any) -> Any:
    gray = cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY)
    return cv2.resize(gray, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)


def _us(work: Callable[[int], object], pages: int, budget: Budget, *, small: bool) -> float:
    """Return the median microseconds by the clock, after every page was done once."""
    for k in range(1 if small else pages):
        work(k)
    spent = []
    for k in in_turn(budget, pages, least=1):
        began = time.perf_counter()
        work(k)
        spent.append((time.perf_counter() - began) * 1e6)
    return median(spent)


def _in_a_line(error: Exception) -> str:
    told = " ".join(str(error).split()) or "no reason given"
    return f"{type(error).__name__}: {told}"[:120]
