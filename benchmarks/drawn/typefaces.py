"""The typefaces a drawn page is set in: OpenCV's own, its pen-plotter ones, and a few of Debian's.

Debian's are used where they are installed, and named in the results: with others a seed draws other
pages.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import ImageFont

from daemon.demo.draw import advance_em

Ink = int | tuple[int, int, int]
_BUILT_IN: Final = ("uni", "sans", "serif", "italic")
_PLOTTED: Final = {
    "hershey simplex": cv2.FONT_HERSHEY_SIMPLEX,
    "hershey complex": cv2.FONT_HERSHEY_COMPLEX,
    "hershey triplex": cv2.FONT_HERSHEY_TRIPLEX,
}
_INSTALLED: Final = {
    "song": Path("/usr/share/fonts/truetype/arphic/uming.ttc"),
    "kai": Path("/usr/share/fonts/truetype/arphic/ukai.ttc"),
    "hei": Path("/usr/share/fonts/truetype/wqy/wqy-zenhei.ttc"),
}
_PLOTTED_EM_PX: Final = 30.0
_EM_PER_SIZE: Final = 1.06


@dataclass(frozen=True, slots=True)
class Typeface:
    """A way to write.

    Attributes
    ----------
    has_han
        Whether it has Chinese characters.
    write
        Writes a text on a canvas: (canvas, text, left end of the base line in pixels, em in pixels,
        ink).
    width_em
        How wide a text comes out.
    """

    name: str
    has_han: bool
    write: Callable[[NDArray[np.uint8], str, tuple[int, int], float, Ink], None]
    width_em: Callable[[str], float] = advance_em


def typefaces(*, installed: bool = True) -> tuple[Typeface, ...]:
    """Return what there is to set pages in; `installed` also Debian's."""
    found = [_built_in(name, weight) for name in _BUILT_IN for weight in (300, 400, 650)]
    found += [_plotted(name, font) for name, font in _PLOTTED.items()]
    if installed:
        found += [_true_type(name, path) for name, path in _INSTALLED.items() if path.is_file()]
    return tuple(found)


def _built_in(name: str, weight: int) -> Typeface:
    font = cv2.FontFace(name)

    def write(
        canvas: NDArray[np.uint8], text: str, at: tuple[int, int], em_px: float, ink: Ink
    ) -> None:
        cv2.putText(canvas, text, at, ink, font, max(4, round(em_px / _EM_PER_SIZE)), weight)

    return Typeface(f"{name} {weight}", True, write)


def _plotted(name: str, font: int) -> Typeface:
    def write(
        canvas: NDArray[np.uint8], text: str, at: tuple[int, int], em_px: float, ink: Ink
    ) -> None:
        thick = max(1, round(em_px / 16))
        cv2.putText(canvas, text, at, font, em_px / _PLOTTED_EM_PX, ink, thick, cv2.LINE_AA)

    def width_em(text: str) -> float:
        return cv2.getTextSize(text, font, 1.0, 1)[0][0] / _PLOTTED_EM_PX

    return Typeface(name, False, write, width_em)


def _true_type(name: str, path: Path) -> Typeface:
    sizes: dict[int, ImageFont.FreeTypeFont] = {}

    def write(
        canvas: NDArray[np.uint8], text: str, at: tuple[int, int], em_px: float, ink: Ink
    ) -> None:
        size = max(4, round(em_px))
        font = sizes.setdefault(size, ImageFont.truetype(path, size))
        image, offset = font.getmask2(text, mode="L", anchor="ls")
        if 0 in image.size:
            return
        mask = np.array(image, np.uint8).reshape(image.size[::-1])
        _blend(canvas, mask, (at[0] + int(offset[0]), at[1] + int(offset[1])), ink)

    return Typeface(name, True, write)


def _blend(
    canvas: NDArray[np.uint8], mask: NDArray[np.uint8], at: tuple[int, int], ink: Ink
) -> None:
    """Lay ink over the canvas where the mask is; what reaches beyond it is cut off."""
    left, top = max(0, at[0]), max(0, at[1])
    mask = mask[top - at[1] :, left - at[0] :]
    under = canvas[top : top + mask.shape[0], left : left + mask.shape[1]]
    if under.size == 0:
        return
    share = mask[: under.shape[0], : under.shape[1]].astype(np.int32)
    if canvas.ndim == 3:
        share = share[..., None]
    under[:] = (under * (255 - share) + np.asarray(ink, np.int32) * share + 127) // 255
