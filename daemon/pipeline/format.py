"""The format a page leaves in: one stated rule, recorded with the page.

    captured    and                                        leaves as     reason
    bilevel                                                G4            bilevel
    gray                                                   JPEG gray     gray
    colour      no pixel has any chroma                    JPEG gray     no_chroma
    colour      the profile asks for bilevel clean text,   G4            clean_text
                and it is nothing else
    colour      the profile names a chroma sampling        as it says    profile
    colour      strong colour as large as seals are        JPEG 4:4:4    seal
    colour      any other                                  JPEG 4:2:0    colour

The first row that matches counts.
Rule 1: the original look is kept. What has a chroma component stays in colour, what has tones of
gray stays in gray.
Rule 2: only a capture in colour proves that a page has no colour, so a gray one is no clean text.
"""

import io
from dataclasses import dataclass
from typing import Final, Literal

import img2pdf
import numpy as np
from numpy.typing import NDArray

from daemon.pipeline.profile import Profile
from kernels.jpeg import Subsampling

JPEG: Final = "image/jpeg"
TIFF: Final = "image/tiff"
PDF: Final = "application/pdf"

Captured = Literal["bilevel", "gray", "colour"]

SEAL_MM2: Final = (12.0, 1500.0)
"""Strong colour below is a pen's or a speck, above a photograph's: neither has edges to keep."""
_STRONG_CELL: Final = 90
_INK_SHARE: Final = 0.3
"""Of a cell that a seal touches, about this much is its ink."""
_CELL_PX: Final = 32


@dataclass(frozen=True, slots=True)
class Seen:
    """What of a page decides its format.

    Attributes
    ----------
    captured
        What its samples are; a gray raster of black and white only is "bilevel".
    has_chroma
        Whether the samples of any pixel differ.
    strong_mm2
        Area of strong colour, see `strong_colour_mm2`.
    is_clean_text
        See `kernels.clean_text`; False where it was not asked.
    """

    captured: Captured
    has_chroma: bool
    strong_mm2: float
    is_clean_text: bool = False


@dataclass(frozen=True, slots=True)
class PageFormat:
    """How a page leaves, and the word that says why.

    Attributes
    ----------
    kind
        "g4" for a TIFF of black and white, else "jpeg".
    sampling
        Of a JPEG: "gray", "420" or "444". "bilevel" for G4.
    reason
        A word of the table above.
    """

    kind: Literal["g4", "jpeg"]
    sampling: Literal["bilevel", "gray", "420", "444"]
    reason: Literal["bilevel", "clean_text", "gray", "no_chroma", "profile", "seal", "colour"]

    @property
    def subsampling(self) -> Subsampling:
        """For the encoder, to which it means nothing in gray."""
        return "444" if self.sampling == "444" else "420"


def choose(seen: Seen, profile: Profile) -> PageFormat:
    """Return the first row of the table that matches."""
    if seen.captured == "bilevel":
        return PageFormat("g4", "bilevel", "bilevel")
    if seen.captured == "gray":
        return PageFormat("jpeg", "gray", "gray")
    if not seen.has_chroma:
        return PageFormat("jpeg", "gray", "no_chroma")
    if profile.clean_text == "bilevel" and seen.is_clean_text:
        return PageFormat("g4", "bilevel", "clean_text")
    return _in_colour(seen, profile)


def _in_colour(seen: Seen, profile: Profile) -> PageFormat:
    if profile.chroma != "auto":
        return PageFormat("jpeg", profile.chroma, "profile")
    if SEAL_MM2[0] <= seen.strong_mm2 <= SEAL_MM2[1]:
        return PageFormat("jpeg", "444", "seal")
    return PageFormat("jpeg", "420", "colour")


def strong_colour_mm2(spreads: NDArray[np.uint8], dpi: int) -> float:
    """Return about how much of a page is strong colour, from the widest spread of each cell."""
    cells = int(np.count_nonzero(spreads >= _STRONG_CELL))
    return cells * (_CELL_PX * 25.4 / dpi) ** 2 * _INK_SHARE


def wrap_pdf(data: bytes, media_type: str, dpi: int) -> bytes:
    """Return a PDF of one page around an encoded page; its samples are not touched.

    Parameters
    ----------
    data, media_type
        A JPEG or a G4 TIFF.
    dpi
        Of the page: its size in the PDF is exactly its pixels over this.

    Notes
    -----
    The same page gives the same bytes: no dates, no random names.
    """
    if media_type not in (JPEG, TIFF):
        raise ValueError(f"no page is {media_type}")
    out = io.BytesIO()
    img2pdf.convert(
        data,
        outputstream=out,
        layout_fun=img2pdf.get_fixed_dpi_layout_fun((dpi, dpi)),
        nodate=True,
        engine=img2pdf.Engine.internal,
    )
    return out.getvalue()
