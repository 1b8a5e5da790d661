"""The journal's entries. What makes them one account is their chain: `chain.py`.

Rule 1: an entry is serialized once, at commit; those bytes are kept, chained and sent.
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from daemon.page import Blob, BlobRef, Fate, Page, PageId
from daemon.spool.standing import Change

SECONDARY_VOLUME: Final = "secondary"
APPLIANCE: Final = "appliance"
"""Who says what no person has said."""


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
        Which of the contract's changes.
    values
        What the change says, by the contract's field names.
    request_id
        Chosen by the caller; the same id twice is one amendment. Empty: never the same.
    recorded_at
        Seconds since the Unix epoch.
    blobs
        The image that follows it, when it makes the face a page; named by the ledger.
    """

    page_id: PageId
    change: Change
    values: Mapping[str, object]
    actor: str
    request_id: str
    reason: str
    recorded_at: float
    blobs: tuple[BlobRef, ...] = ()


@dataclass(frozen=True, slots=True)
class Decision:
    """Who decided something, and why; `request_id` makes it one decision however often it comes."""

    actor: str
    reason: str
    request_id: str = ""


@dataclass(frozen=True, slots=True)
class BatchClosed:
    """The account of a batch whose last face has a fate.

    Attributes
    ----------
    decision
        Who closed it, when it did not close by itself.
    """

    batch: int
    virtual: bool
    electronic: bool
    opened_at: float
    closed_at: float
    sheets: int
    faces: int
    counts: Mapping[Fate, int]
    decision: Decision | None = None

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
    """

    sequence: int
    kind: EntryKind
    page_id: PageId | None
    record: bytes
    record_hash: bytes
    entry_hash: bytes
    prev_entry_hash: bytes
    secondary: bool


def reference(blob: Blob) -> BlobRef:
    """Name the bytes of a blob."""
    digest = hashlib.sha256(blob.data).digest()
    return BlobRef(blob.role, blob.media_type, digest, len(blob.data))
