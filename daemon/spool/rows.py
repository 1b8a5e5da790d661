"""What the ledger answers with: batches, faces, consumers, as plain values."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from daemon.page import BlobRef, Fate, PageId, Position, Role, SheetId
from daemon.spool.standing import Change, Standing

_ROLE_ORDER: Final = {role: place for place, role in enumerate(Role)}


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
class Amended:
    """An amendment of a page, as readers here need it."""

    sequence: int
    change: Change
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
    standing
        What it counts as now, after its amendments; None while open.
    position
        Where it stands now, after its amendments.
    undecided
        True while a person has to decide about it.
    record_hash, entry_hash
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
    standing: Standing | None
    undecided: bool
    virtual: bool
    record_hash: bytes
    entry_hash: bytes
    position: Position
    blobs: tuple[BlobRef, ...]
    changes: tuple[Amended, ...]


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


@dataclass(frozen=True, slots=True)
class Breach:
    """A law that the ledger breaks, and where; `name` is a page id or empty."""

    law: str
    batch: int | None
    name: str


def ref_of(found: Any) -> BlobRef:
    """Turn (role, media type, hash, size) into a reference."""
    role, media_type, sha256, size_bytes = found
    return BlobRef(Role(role), media_type, sha256, size_bytes)


def ordered(refs: Iterable[BlobRef]) -> tuple[BlobRef, ...]:
    """Sort by role, as a record lists them."""
    return tuple(sorted(refs, key=lambda ref: _ROLE_ORDER[ref.role]))
