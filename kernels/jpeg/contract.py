"""What every encoder takes and refuses: the contract of `encode`."""

from typing import Final, Literal, Protocol

from kernels.buffers import Buffers
from kernels.raster import Raster, RasterError

Subsampling = Literal["420", "444"]

LONGEST_SIDE_PX: Final = 65_500
"""As libjpeg has it; the format itself would take 35 more."""


class Encode(Protocol):
    """An encoder: a raster, a quality from 1 to 100 and a sampling to the bytes of a file."""

    def __call__(
        self,
        raster: Raster,
        quality: int,
        subsampling: Subsampling = "420",
        buffers: Buffers | None = None,
    ) -> bytes:
        """Return the file."""
        ...


def check(raster: Raster, quality: int) -> None:
    """Raise RasterError on a quality that is not 1 to 100, or a page too long for libjpeg."""
    if max(raster.height_px, raster.width_px) > LONGEST_SIDE_PX:
        raise RasterError(
            f"a JPEG has {LONGEST_SIDE_PX} px at most, got {raster.width_px} x {raster.height_px}"
        )
    if not 1 <= quality <= 100:
        raise RasterError(f"JPEG quality must be 1 to 100, got {quality}")
