"""What one face shows, measured and named mark by mark: the evidence that `blank` weighs."""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from kernels.blank import bed, dust, explain, marks
from kernels.blank.explain import Kind, Named
from kernels.blank.ink import InkMap
from kernels.blank.marks import Marks
from kernels.raster import Raster

_TONE_BELOW: Final = 25
_STRONG_COLOUR: Final = 60


@dataclass(frozen=True, slots=True)
class Evidence:
    """The marks of a face and what they are taken for.

    Attributes
    ----------
    page
        The map they were found on.
    mask
        uint8 (h, w): non-zero where the image is not paper to be judged, dust not included.
    found, named
        The marks and their names.
    """

    page: InkMap
    mask: NDArray[np.uint8]
    found: Marks
    named: Named

    def boxes(self, *kinds: Kind) -> NDArray[np.int32]:
        """Return left, top, width, height of the marks of these kinds, (n, 4)."""
        return self.found.box[self.named.rows(*kinds)]

    def sharp(self, sharpness: float) -> bool:
        """Whether there is a clear mark with edges as sharp as that: no paper softened it."""
        rows = self.named.rows(Kind.MARK)
        clear = self.found.peak[rows] >= explain.CLEAR_CONTRAST
        return bool(np.any(clear & (self.named.sharpness[rows] >= sharpness)))


def gather(page: InkMap, raster: Raster, mask: NDArray[np.uint8]) -> Evidence:
    """Return what lies on a page outside of `mask`; costs about 1 ms for a nearly empty A4 face.

    `raster` is the page as captured: `page` is its map, or what is left of that.
    """
    covered = mask.copy()
    specks = dust.take_out(page, raster, covered)
    found = marks.marks(page, covered)
    return Evidence(page, mask, found, explain.name(page, found, specks))


def values_of(seen: Evidence, out: bed.Excluded) -> dict[str, float]:
    """Return every number measured, for the record."""
    page, named = seen.page, seen.named
    values: dict[str, float] = {
        "paper": page.paper,
        "noise": round(page.noise / 256, 2),
        "threshold": page.threshold,
        "bed_fraction": round(out.bed_fraction, 4),
        "edges": out.edges,
        "streaks": len(out.streaks_px),
        "tone_fraction": round(_tone(page, out.mask), 4),
        "crowd": named.crowd,
        "count_dust": named.dust,
        "count_dust_on_ink": named.dust_on_ink,
        **_weigh(seen, (Kind.MARK, Kind.UNSURE), "mark"),
        **_weigh(seen, (Kind.SOFT,), "soft"),
        "colour_mm2": round(_colour_mm2(page), 1),
    }
    return values | {f"count_{kind.name.lower()}": int(named.rows(kind).size) for kind in Kind}


def _weigh(seen: Evidence, kinds: tuple[Kind, ...], word: str) -> dict[str, float]:
    rows = seen.named.rows(*kinds)
    return {
        f"{word}_largest_mm": round(float(seen.named.extent_mm[rows].max(initial=0)), 2),
        f"{word}_strongest": int(seen.found.peak[rows].max(initial=0)),
        f"{word}_sharpest": round(float(seen.named.sharpness[rows].max(initial=0)), 2),
        f"{word}_colour": int(seen.found.colour[rows].max(initial=0)),
    }


def _tone(page: InkMap, mask: NDArray[np.uint8]) -> float:
    """Return the share of cells that are darker than the paper and are not bed."""
    dark = page.levels.astype(np.int32) < page.paper - _TONE_BELOW
    if not dark.any():
        return 0.0
    rows, columns = page.levels.shape
    shown = cv2.resize(mask, (columns, rows), interpolation=cv2.INTER_AREA) < 64
    return float(np.count_nonzero(dark & shown)) / max(int(np.count_nonzero(shown)), 1)


def _colour_mm2(page: InkMap) -> float:
    strong = np.count_nonzero(page.spread > min(page.paper_spread + _STRONG_COLOUR, 255))
    return float(strong) * page.mm(1) ** 2
