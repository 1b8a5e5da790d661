"""The manifest of a case: every face that stands in it, in archival order, chained.

One JSON object: UTF-8, keys sorted, no spaces, no floats, nothing behind its last brace. That form
is called canonical, and the file is canonical as a whole:

    {"end": .., "format": "suian.manifest/1", "head": {..}, "others": [..], "pages": [..]}

    head    whose case, by which rules, at which position of the journal, and all counts
    pages   what counts as a page now: by volume, inside it by archival order, each with its number
    others  every other face of the case, in order of capture: removed blanks, separators, what was
            superseded, quarantined, rejected, refused or lost. They reconcile the counts
    end     the last row hash, in hexadecimal; it stands for the whole manifest

    row hash = SHA-256(previous row hash || SHA-256(canonical JSON of the row without its row_hash))

over `pages` and then `others`; the previous of the first is SHA-256(canonical JSON of `head`).

Rule 1: the same position of the journal gives the same bytes: nothing here asks a clock, and what
comes behind a record and goes again, as raw rasters do, is not named.
Rule 2: every byte is covered, by the chain or by the form. Its proof is the journal it names.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final

from daemon.dossier.catalogue import RuleSet
from daemon.dossier.position import Numbered, archival, material_of
from daemon.page import BlobRef, Fate, PageId, Position

FORMAT: Final = "suian.manifest/1"


@dataclass(frozen=True, slots=True)
class Kept:
    """Bytes that the record of a face names.

    Attributes
    ----------
    file
        Where they lie in a pulled folder, relative to it; "" when they are not sent by themselves.
    damaged
        True when the appliance found that it no longer has them as they were.
    """

    ref: BlobRef
    file: str
    damaged: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """One face as the ledger and its record know it.

    Attributes
    ----------
    fate, standing
        What became of it at capture, and what it counts as after its amendments.
    position
        Where it stands now.
    undecided
        True while a person has to decide about it.
    separator
        The printed sheet id, when the face is one of a separator.
    changes
        Its amendments: sequence in the journal, and what kind.
    """

    page_id: PageId
    sequence: int
    record_hash: bytes
    fate: Fate
    standing: str
    reason: str
    position: Position
    virtual: bool
    marked_blank: bool = False
    undecided: bool = False
    separator: str = ""
    warnings: tuple[str, ...] = ()
    blobs: tuple[Kept, ...] = ()
    changes: tuple[tuple[int, str], ...] = ()

    @property
    def is_page(self) -> bool:
        """Counts as a page of the dossier."""
        return self.standing == Fate.PAGE


@dataclass(frozen=True, slots=True)
class BatchFacts:
    """The account of a batch that brought faces into the case; also of its faces elsewhere."""

    number: int
    closed: bool
    sheets: int
    open_faces: int
    counts: Mapping[Fate, int]


@dataclass(frozen=True, slots=True)
class CaseFacts:
    """What a manifest says beside its rows.

    Attributes
    ----------
    epoch, algorithm, sequence, entry_hash
        The journal, the hash of its chain, and its newest entry when the rows were read.
    case_type
        Four digits; "" of a legacy number.
    """

    appliance: str
    epoch: str
    sequence: int
    entry_hash: bytes
    case_number: str
    case_key: str
    case_type: str
    batches: tuple[BatchFacts, ...] = ()
    algorithm: str = "sha256"


def build(facts: CaseFacts, rows: Sequence[Row], rules: RuleSet) -> bytes:
    """Return the manifest of one case.

    Parameters
    ----------
    rows
        Every face that stands in the case, in any order.
    """
    pages = archival([row for row in rows if row.is_page], facts.case_type, rules)
    others = sorted((row for row in rows if not row.is_page), key=lambda r: r.sequence)
    head = _head(facts, rows, pages, rules)
    link = hashlib.sha256(canonical(head)).digest()
    trees: list[dict[str, Any]] = []
    for tree in [*(_page(one) for one in pages), *(_row(row) for row in others)]:
        link = hashlib.sha256(link + hashlib.sha256(canonical(tree)).digest()).digest()
        trees.append({**tree, "row_hash": link.hex()})
    return canonical(
        {
            "format": FORMAT,
            "head": head,
            "pages": trees[: len(pages)],
            "others": trees[len(pages) :],
            "end": link.hex(),
        }
    )


def canonical(tree: Any) -> bytes:
    """Return the one form in which JSON is hashed and written here."""
    text = json.dumps(
        tree, ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":")
    )
    return text.encode("utf-8")


def _head(
    facts: CaseFacts, rows: Sequence[Row], pages: Sequence[Numbered[Row]], rules: RuleSet
) -> dict[str, Any]:
    materials = list(_materials(rows))
    return {
        "appliance": facts.appliance,
        "epoch": facts.epoch,
        "journal": {
            "algorithm": facts.algorithm,
            "sequence": facts.sequence,
            "entry_hash": facts.entry_hash.hex(),
        },
        "case_number": facts.case_number,
        "case_key": facts.case_key,
        "rule_set": rules.id,
        "virtual": any(row.virtual for row in rows),
        "faces": len(rows),
        "counts": _counts({fate: sum(row.fate is fate for row in rows) for fate in Fate}),
        "volumes": _volumes(pages),
        "materials": materials,
        "count_attested": bool(materials) and all(one["count_attested"] for one in materials),
        "batches": [
            {
                "batch": batch.number,
                "closed": batch.closed,
                "sheets": batch.sheets,
                "faces": sum(batch.counts.values()) + batch.open_faces,
                "faces_in_case": sum(row.page_id.batch == batch.number for row in rows),
                "open_faces": batch.open_faces,
                "counts": _counts(batch.counts),
            }
            for batch in facts.batches
        ],
    }


def _counts(counts: Mapping[Fate, int]) -> dict[str, int]:
    """Name every fate, also the ones that nobody had."""
    return {fate.value: counts.get(fate, 0) for fate in Fate}


def _volumes(pages: Sequence[Numbered[Row]]) -> list[dict[str, Any]]:
    """Count pages by volume, in order; `last_number` is null where nothing is numbered."""
    found = []
    for volume, group in groupby(pages, key=lambda one: one.page.position.volume):
        members = list(group)
        found.append({"volume": volume, "pages": len(members), "last_number": members[-1].number})
    return found


def _materials(rows: Iterable[Row]) -> Iterable[dict[str, Any]]:
    """Hold what was declared against what was captured, material by material.

    A material is declared by the sheets that began it. It is attested when every one of them
    announced a number; then the sum must be what was captured.
    """
    with_material = [row for row in rows if row.position.material]
    with_material.sort(key=lambda row: (material_of(row.position), row.sequence))
    for _, group in groupby(with_material, key=lambda row: material_of(row.position)):
        members = list(group)
        at = members[0].position
        pages = sum(row.is_page for row in members)
        # Of a material whose separator stands elsewhere (moved, electronic) its pages speak.
        sheets = {row.separator or "": row.position.declared_pages for row in members}
        began = {sheet: declared for sheet, declared in sheets.items() if sheet} or sheets
        attested = all(began.values())
        declared = sum(began.values())
        yield {
            "volume": at.volume,
            "stage": at.stage,
            "material": at.material,
            "party": at.party,
            "instance": at.instance,
            "pages": pages,
            "declared_pages": declared,
            "count_attested": attested,
            "differs": attested and declared != pages,
        }


def _page(one: Numbered[Row]) -> dict[str, Any]:
    return {**_row(one.page), "number": one.number}


def _row(row: Row) -> dict[str, Any]:
    at = row.position
    return {
        "page_id": str(row.page_id),
        "sequence": row.sequence,
        "record_hash": row.record_hash.hex(),
        "fate": row.fate.value,
        "standing": row.standing,
        "reason": row.reason,
        "volume": at.volume,
        "stage": at.stage,
        "material": at.material,
        "party": at.party,
        "instance": at.instance,
        "page": at.page,
        "insert_after": at.insert_after,
        "virtual": row.virtual,
        "marked_blank": row.marked_blank,
        "undecided": row.undecided,
        "separator": row.separator,
        "warnings": list(row.warnings),
        "blobs": [
            {
                "role": kept.ref.role.value,
                "sha256": kept.ref.sha256.hex(),
                "size_bytes": kept.ref.size_bytes,
                "media_type": kept.ref.media_type,
                "file": kept.file,
                "damaged": kept.damaged,
            }
            for kept in row.blobs
        ],
        "changes": [{"sequence": sequence, "change": change} for sequence, change in row.changes],
    }
