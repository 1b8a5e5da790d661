"""The nouns of the way of a sheet: frozen values and their invariants."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

EPOCH_DIGITS: Final = 8
_PAGE_ID: Final = re.compile(r"([0-9a-f]{8})-(\d{6})-(\d{4})-([FBE])")


class Side(StrEnum):
    """One face of a sheet. An electronic file has a single face `E`."""

    FRONT = "F"
    BACK = "B"
    ELECTRONIC = "E"


PAPER_SIDES: Final = (Side.FRONT, Side.BACK)


class Fate(StrEnum):
    """What became of a face. A face without one is open, and its batch cannot close."""

    PAGE = "page"
    BLANK = "blank"
    SEPARATOR = "separator"
    SUPERSEDED = "superseded"
    QUARANTINED = "quarantined"
    REFUSED = "refused"
    LOST = "lost"


class Role(StrEnum):
    """What the bytes of a blob are."""

    PAGE = "page"
    RAW = "raw"
    ORIGINAL = "original"
    EVIDENCE = "evidence"
    TEXT = "text"


class SampleOrder(StrEnum):
    """How samples lie on the wire. Inverted: 0 is paper white (fi-series, uncompressed)."""

    GRAY = "gray"
    BGR = "bgr"
    RGB = "rgb"
    GRAY_INVERTED = "gray_inverted"
    RGB_INVERTED = "rgb_inverted"
    BGR_INVERTED = "bgr_inverted"
    BITS = "bits"
    """Line-art: 8 pixels a byte, the most significant bit first, 1 is black."""

    @property
    def colour(self) -> bool:
        """Three samples a pixel."""
        return self in _COLOUR


_COLOUR: Final = frozenset(
    {SampleOrder.BGR, SampleOrder.RGB, SampleOrder.RGB_INVERTED, SampleOrder.BGR_INVERTED}
)


@dataclass(frozen=True, slots=True, order=True)
class SheetId:
    """A sheet's identity: set by the feeder, never renumbered."""

    epoch: str
    batch: int
    sheet: int

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[0-9a-f]{8}", self.epoch):
            raise ValueError(f"epoch must be 8 hexadecimal digits, got {self.epoch!r}")
        if not (1 <= self.batch <= 999_999 and 1 <= self.sheet <= 9_999):
            raise ValueError(f"batch or sheet out of range: {self.batch}, {self.sheet}")

    def face(self, side: Side) -> "PageId":
        """Name one face of this sheet."""
        return PageId(self.epoch, self.batch, self.sheet, side)

    def __str__(self) -> str:
        return f"{self.epoch}-{self.batch:06d}-{self.sheet:04d}"


@dataclass(frozen=True, slots=True, order=True)
class PageId:
    """A face's identity; as text `<epoch, first 8>-<batch:6>-<sheet:4>-<F|B|E>`."""

    epoch: str
    batch: int
    sheet: int
    side: Side

    def __post_init__(self) -> None:
        _ = self.sheet_id  # the sheet's invariants are ours

    @property
    def sheet_id(self) -> SheetId:
        """The sheet this face belongs to."""
        return SheetId(self.epoch, self.batch, self.sheet)

    @classmethod
    def parse(cls, text: str) -> "PageId":
        """Read the text form; raises ValueError on anything else."""
        found = _PAGE_ID.fullmatch(text)
        if found is None:
            raise ValueError(f"not a page id: {text!r}")
        return cls(found[1], int(found[2]), int(found[3]), Side(found[4]))

    def __str__(self) -> str:
        return f"{self.epoch}-{self.batch:06d}-{self.sheet:04d}-{self.side}"


@dataclass(frozen=True, slots=True)
class Scan:
    """One captured face as the feeder delivers it: samples untouched, still in wire order.

    Attributes
    ----------
    samples
        uint8, C-order, (height_px, width_px) gray, (height_px, width_px, 3) colour or
        (height_px, width_px / 8) bits; read-only.
    order
        How the samples are to be read.
    dpi
        Samples per inch, equal in both directions.
    virtual
        True when the scanner is made of software; it stays true all the way to the manifest.
    incomplete
        True when the device ended the page before the announced length.
    captured_at
        Seconds since the Unix epoch, when the last line arrived.
    """

    page_id: PageId
    samples: NDArray[np.uint8]
    order: SampleOrder
    dpi: int
    captured_at: float
    virtual: bool = False
    incomplete: bool = False

    def __post_init__(self) -> None:
        colour = self.order.colour
        good = self.samples.ndim == (3 if colour else 2) and self.samples.dtype == np.uint8
        if not good or (colour and self.samples.shape[2] != 3):
            raise ValueError(
                f"samples {self.samples.dtype}{self.samples.shape} are not {self.order}"
            )
        self.samples.setflags(write=False)


@dataclass(frozen=True, slots=True)
class Step:
    """One kernel step as it is recorded with a page, so that the page can be derived again."""

    name: str
    version: str
    backend: str
    values: Mapping[str, float | int | str | bool]


@dataclass(frozen=True, slots=True)
class Blob:
    """Bytes that belong to a page, before they are written."""

    role: Role
    media_type: str
    data: bytes


@dataclass(frozen=True, slots=True)
class BlobRef:
    """Bytes that belong to a page, as the journal names them."""

    role: Role
    media_type: str
    sha256: bytes
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Position:
    """Where a page stands in the dossier, as its separators said. Empty text means unassigned."""

    case_number: str = ""
    case_key: str = ""
    stage: str = ""
    volume: str = ""
    material: str = ""
    party: str = ""
    instance: int = 0
    page: int = 0
    insert_after: int | None = None
    declared_pages: int = 0


@dataclass(frozen=True, slots=True)
class Page:
    """One face on its way into the spool: fate, place, bytes and how they came to be."""

    page_id: PageId
    fate: Fate
    virtual: bool
    captured_at: float
    position: Position = field(default_factory=Position)
    width_px: int = 0
    height_px: int = 0
    dpi: int = 0
    blobs: tuple[Blob, ...] = ()
    steps: tuple[Step, ...] = ()
    warnings: tuple[str, ...] = ()
    marked_blank: bool = False
    """A page that is probably blank but not surely: kept, and said so."""
    reason: str = ""
    """Why the fate is what it is, when it is not `page`."""
    separator: str = ""
    """The printed sheet id, when the fate is `separator`."""
    file_name: str = ""
    """The given name of an electronic file; data, never a path."""

    def __post_init__(self) -> None:
        roles = [blob.role for blob in self.blobs]
        if len(set(roles)) != len(roles):
            raise ValueError(f"two blobs of one role on {self.page_id}")
        if self.fate is Fate.PAGE and not ({Role.PAGE, Role.ORIGINAL} & set(roles)):
            raise ValueError(f"{self.page_id} is a page without bytes")
        if self.fate is Fate.REFUSED and self.blobs:
            raise ValueError(f"{self.page_id} was refused and must leave no image")


@dataclass(frozen=True, slots=True)
class DeviceIdentity:
    """Which scanner this is. Found by vendor, product and serial, never by bus address."""

    vendor: str
    model: str
    serial: str
    firmware: str
    virtual: bool = False


@dataclass(frozen=True, slots=True)
class Batch:
    """One emptying of the hopper, or one electronic file."""

    number: int
    electronic: bool = False
    virtual: bool = False
