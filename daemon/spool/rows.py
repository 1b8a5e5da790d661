"""What the ledger answers with: batches, faces, consumers, as plain values."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from daemon.page import BlobRef, Fate, PageId, Position, Role, SheetId


@dataclass(frozen=True, slots=True)
class OpenBatch:
    """A batch that is not closed, as a process finds it after a restart.

    Attributes
    ----------
    scope
        The text given with the last commit of its pages.
    last_sheet
        Number of the last sheet asked for, 0 when there is none.
    open_sheets
        Sheets with a face that has no fate.
    """

    number: int
    virtual: bool
    electronic: bool
    scope: str
    last_sheet: int
    open_sheets: tuple[SheetId, ...]


@dataclass(frozen=True, slots=True)
class Change:
    """An amendment of a page, as readers here need it."""

    sequence: int
    change: str
    values: Mapping[str, Any]
    actor: str
    reason: str
    recorded_at: float


@dataclass(frozen=True, slots=True)
class FaceRow:
    """The account of one face.

    Attributes
    ----------
    fate, sequence
        None and 0 while the face is open; later facts do not change them.
    position
        Where it stands now, after its amendments.
    held
        True while a person has to decide about it.
    record_sha256, entry_hash
        Of its entry; empty while open.
    blobs
        What was kept for it, also what is gone from the disk meanwhile.
    changes
        Its amendments, in order.
    """

    page_id: PageId
    fate: Fate | None
    sequence: int
    reason: str
    captured_at: float
    marked_blank: bool
    separator: str
    held: bool
    virtual: bool
    record_sha256: bytes
    entry_hash: bytes
    position: Position
    blobs: tuple[BlobRef, ...]
    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class BatchAccount:
    """The account of a batch: `sum(counts) + open_faces == len(faces)`.

    Attributes
    ----------
    closed_at
        None while open.
    """

    number: int
    virtual: bool
    electronic: bool
    opened_at: float
    closed_at: float | None
    scope: str
    sheets: int
    open_faces: int
    counts: Mapping[Fate, int]
    faces: tuple[FaceRow, ...]


@dataclass(frozen=True, slots=True)
class ConsumerRow:
    """A consumer and its cursor. `instance` is 0 and `last_seen_at` 0.0 before its first call."""

    name: str
    required: bool
    acknowledged: int
    instance: int
    last_seen_at: float


@dataclass(frozen=True, slots=True)
class Doomed:
    """A blob that may go."""

    page_id: PageId
    role: Role
    size_bytes: int
