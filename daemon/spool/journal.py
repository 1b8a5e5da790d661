"""The journal's entries and the hash chain that makes them one account.

Rule 1: an entry is serialized once, at commit; those bytes are kept, chained and sent.
Rule 2: `entry_hash = SHA-256(prev_entry_hash || SHA-256(record))`; the first prev is SHA-256 of the
epoch's text. So a reader who may not see a record can check the chain with its hash alone.
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from daemon.page import Blob, BlobRef, Fate, Page, PageId

SECONDARY_VOLUME: Final = "secondary"


class EntryKind(StrEnum):
    """What an entry is about."""

    PAGE = "page"
    AMENDMENT = "amendment"
    BATCH_CLOSED = "batch_closed"


@dataclass(frozen=True, slots=True)
class PageRecord:
    """A face and its fate. The page's blobs are empty here; `blobs` says what their bytes are."""

    page: Page
    blobs: tuple[BlobRef, ...]

    @classmethod
    def of(cls, page: Page) -> "PageRecord":
        """Record a page: hash its bytes and let go of them."""
        refs = tuple(reference(blob) for blob in page.blobs)
        hollow = tuple(replace(blob, data=b"") for blob in page.blobs)
        return cls(replace(page, blobs=hollow), refs)


@dataclass(frozen=True, slots=True)
class Amendment:
    """A later fact about a page.

    Attributes
    ----------
    change
        Which of the contract's changes, by the name it has there (`assign`, `quarantine` ...).
    values
        What the change says, by the contract's field names.
    request_id
        Chosen by the caller; the same id twice is one amendment. Empty: never the same.
    recorded_at
        Seconds since the Unix epoch.
    """

    page_id: PageId
    change: str
    values: Mapping[str, object]
    actor: str
    request_id: str
    reason: str
    recorded_at: float


@dataclass(frozen=True, slots=True)
class BatchClosed:
    """The account of a batch whose last face has a fate."""

    batch: int
    virtual: bool
    electronic: bool
    opened_at: float
    closed_at: float
    sheets: int
    faces: int
    counts: Mapping[Fate, int]

    def __post_init__(self) -> None:
        if sum(self.counts.values()) != self.faces:
            raise ValueError(f"batch {self.batch}: {self.faces} faces, fates {self.counts}")


JournalEntry = PageRecord | Amendment | BatchClosed
Encoder = Callable[[JournalEntry], bytes]


@dataclass(frozen=True, slots=True)
class StoredEntry:
    """An entry as the ledger keeps it.

    Attributes
    ----------
    page_id
        The face it speaks of; None for a closed batch.
    record
        The committed bytes.
    secondary
        True when it concerns the secondary volume: some consumers get its hash only.
    blobs
        For a page: what lies on the disk for it now. Raw rasters may be here that its record
        does not name; what its record names may be gone.
    """

    sequence: int
    kind: EntryKind
    page_id: PageId | None
    record: bytes
    record_sha256: bytes
    entry_hash: bytes
    prev_entry_hash: bytes
    secondary: bool
    blobs: tuple[BlobRef, ...]


def reference(blob: Blob) -> BlobRef:
    """Name the bytes of a blob."""
    digest = hashlib.sha256(blob.data).digest()
    return BlobRef(blob.role, blob.media_type, digest, len(blob.data))


def first_hash(epoch: str) -> bytes:
    """Return what the first entry of an epoch is chained to."""
    return hashlib.sha256(epoch.encode()).digest()


def next_hash(prev: bytes, record_sha256: bytes) -> bytes:
    """Return the hash of the entry that follows `prev`."""
    return hashlib.sha256(prev + record_sha256).digest()
