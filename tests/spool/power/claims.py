"""What a workload says about its spool while it works, and what that amounts to at a cut.

Rule 1: a promise is said after the call that makes it has returned.
Rule 2: a call that takes something back (a sheet, a hold, bytes) is announced before it is made:
from then on, until it is promised, either is right.
"""

import json
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from daemon.page import BlobRef, Fate, PageId, Role, SheetId, Side


class Marker:
    """Says claims: each is one line in the recorder's log when `say` returns. From any thread.

    Parameters
    ----------
    path
        The recorder's file of marks.
    """

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)

    def say(self, what: str, **facts: object) -> None:
        """Say one claim."""
        # At offset 0, whoever spoke before: a line must not be split at a page of the kernel's.
        os.pwrite(self._descriptor, json.dumps({"what": what} | facts).encode(), 0)

    def close(self) -> None:
        """Say no more."""
        os.close(self._descriptor)


def blob_fact(ref: BlobRef) -> tuple[str, str, int]:
    """Return what a claim says of a blob."""
    return ref.role.value, ref.sha256.hex(), ref.size_bytes


@dataclass(frozen=True, slots=True)
class PromisedBlob:
    """Bytes that were kept."""

    role: Role
    sha256: str
    size_bytes: int


@dataclass(slots=True)
class PromisedFace:
    """A face that was committed.

    Attributes
    ----------
    sent_behind
        Its bytes may go when this sequence was acknowledged: its own, or that of the amendment
        that made it a page again.
    held
        None of its bytes may go, acknowledged or not.
    raw_may_be_gone
        Its raw raster was dropped for want of room, or may have been.
    """

    fate: str
    sequence: int
    blobs: list[PromisedBlob]
    sent_behind: int
    held: bool
    raw_may_be_gone: bool


@dataclass(slots=True)
class Promised:
    """Everything that holds at a cut.

    Attributes
    ----------
    entries
        Entry hash by sequence.
    batches, closed
        Numbers of the batches that were opened; by number, the sequence of a closed one's account.
    sheets
        Those asked for that nobody has begun to take back.
    withdrawn
        Those taken back whose number nobody has asked for again.
    acknowledged, acknowledging
        By consumer, the cursor that was kept, and the furthest that was asked for.
    required
        The consumers without whom nothing goes.
    amendments
        By sequence, the page and the change.
    relieving
        True while raw rasters may be dropped before they were acknowledged.
    """

    epoch: str = ""
    entries: dict[int, str] = field(default_factory=dict)
    batches: set[int] = field(default_factory=set)
    closed: dict[int, int] = field(default_factory=dict)
    sheets: set[SheetId] = field(default_factory=set)
    withdrawn: set[SheetId] = field(default_factory=set)
    faces: dict[PageId, PromisedFace] = field(default_factory=dict)
    acknowledged: dict[str, int] = field(default_factory=dict)
    acknowledging: dict[str, int] = field(default_factory=dict)
    required: set[str] = field(default_factory=set)
    amendments: dict[int, tuple[PageId, str]] = field(default_factory=dict)
    relieving: bool = False

    def released(self) -> int:
        """Return the furthest sequence whose bytes may have been allowed to go."""
        return min((self.acknowledging.get(name, 0) for name in self.required), default=0)


def promised(marks: Iterable[bytes]) -> Promised:
    """Add up the claims said before a cut; raises KeyError for one that nobody knows."""
    so_far = Promised()
    for mark in marks:
        facts = json.loads(mark)
        _ADD[facts.pop("what")](so_far, **facts)
        if "entry_hash" in facts:
            so_far.entries[facts["sequence"]] = facts["entry_hash"]
    return so_far


def _sheet_id(text: str) -> SheetId:
    return PageId.parse(f"{text}-{Side.FRONT}").sheet_id


def _kept(fact: list[str | int]) -> PromisedBlob:
    role, sha256, size_bytes = fact
    return PromisedBlob(Role(str(role)), str(sha256), int(size_bytes))


def _epoch(so_far: Promised, epoch: str) -> None:
    so_far.epoch = epoch


def _consumer(so_far: Promised, name: str, required: bool) -> None:
    so_far.acknowledged.setdefault(name, 0)
    if required:
        so_far.required.add(name)


def _batch(so_far: Promised, number: int) -> None:
    so_far.batches.add(number)


def _feeding(so_far: Promised, batch: int) -> None:
    so_far.withdrawn = {sheet for sheet in so_far.withdrawn if sheet.batch != batch}


def _sheet(so_far: Promised, sheet: str) -> None:
    so_far.sheets.add(_sheet_id(sheet))


def _withdrawing(so_far: Promised, sheet: str) -> None:
    so_far.sheets.remove(_sheet_id(sheet))


def _withdrawn(so_far: Promised, sheet: str) -> None:
    so_far.withdrawn.add(_sheet_id(sheet))


def _face(
    so_far: Promised,
    page: str,
    fate: str,
    sequence: int,
    entry_hash: str,
    blobs: list[list[str | int]],
) -> None:
    so_far.faces[PageId.parse(page)] = PromisedFace(
        fate,
        sequence,
        [_kept(fact) for fact in blobs],
        sent_behind=sequence,
        held=fate == Fate.QUARANTINED,
        raw_may_be_gone=so_far.relieving,
    )


def _blob(so_far: Promised, page: str, blob: list[str | int]) -> None:
    so_far.faces[PageId.parse(page)].blobs.append(_kept(blob))


def _settling(so_far: Promised, page: str) -> None:
    face = so_far.faces[PageId.parse(page)]
    face.held = False
    face.raw_may_be_gone = face.raw_may_be_gone or so_far.relieving


def _amended(so_far: Promised, page: str, change: str, sequence: int, entry_hash: str) -> None:
    page_id = PageId.parse(page)
    so_far.amendments[sequence] = (page_id, change)
    face = so_far.faces[page_id]
    if change == "resolve":
        face.sent_behind = sequence
    elif face.sent_behind > so_far.released():  # else it may have gone before the hold came
        face.held = True


def _acknowledging(so_far: Promised, name: str, sequence: int) -> None:
    so_far.acknowledging[name] = max(sequence, so_far.acknowledging.get(name, 0))


def _acknowledged(so_far: Promised, name: str, sequence: int) -> None:
    so_far.acknowledged[name] = max(sequence, so_far.acknowledged[name])


def _relieving(so_far: Promised) -> None:
    so_far.relieving = True
    for face in so_far.faces.values():
        face.raw_may_be_gone = face.raw_may_be_gone or not face.held


def _relieved(so_far: Promised) -> None:
    so_far.relieving = False


def _closed(so_far: Promised, number: int, sequence: int, entry_hash: str) -> None:
    so_far.closed[number] = sequence


_ADD = {
    "epoch": _epoch,
    "consumer": _consumer,
    "batch": _batch,
    "feeding": _feeding,
    "sheet": _sheet,
    "withdrawing": _withdrawing,
    "withdrawn": _withdrawn,
    "face": _face,
    "blob": _blob,
    "settling": _settling,
    "amended": _amended,
    "acknowledging": _acknowledging,
    "acknowledged": _acknowledged,
    "relieving": _relieving,
    "relieved": _relieved,
    "closed": _closed,
}
