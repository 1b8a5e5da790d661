"""What may be done to a face: the image profile of a site."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Profile:
    """What may be done to a face.

    Attributes
    ----------
    blank
        "remove" a face that is surely blank and mark a likely one; "mark" both; or "keep" all.
    jpeg_quality
        As libjpeg counts.
    clean_text
        "keep" the original look of a page of clean black text, or make it "bilevel".
    chroma
        Sampling of pages in colour; "auto" keeps all of it where there is a seal.
    container
        The page as an "image" file, or as a "pdf" of one page.
    """

    blank: Literal["remove", "mark", "keep"] = "remove"
    jpeg_quality: int = 85
    clean_text: Literal["keep", "bilevel"] = "keep"
    chroma: Literal["auto", "420", "444"] = "auto"
    container: Literal["image", "pdf"] = "image"
