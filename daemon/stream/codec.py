"""Journal entries -> the bytes that are committed, chained and sent: protobuf, written once.

Rule 1: an entry is encoded at commit and never again; the ledger keeps and the stream sends those
bytes. So nothing here needs to be canonical, only complete.
Rule 2: a value the contract has no place for is a programming error (ValueError), never dropped.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from google.protobuf.timestamp_pb2 import Timestamp

from daemon.page import BlobRef, Fate, Position, Role, Side, Step
from daemon.rpc import pages_pb2 as pb
from daemon.spool.journal import Amendment, BatchClosed, Decision, JournalEntry, PageRecord
from daemon.spool.standing import Change

CONTRACT_VERSION: Final = 1

SIDES: Final[Mapping[Side, pb.Side.ValueType]] = {
    Side.FRONT: pb.SIDE_FRONT,
    Side.BACK: pb.SIDE_BACK,
    Side.ELECTRONIC: pb.SIDE_ELECTRONIC,
}
FATES: Final[Mapping[Fate, pb.Fate.ValueType]] = {
    Fate.PAGE: pb.FATE_PAGE,
    Fate.BLANK: pb.FATE_BLANK,
    Fate.SEPARATOR: pb.FATE_SEPARATOR,
    Fate.SUPERSEDED: pb.FATE_SUPERSEDED,
    Fate.QUARANTINED: pb.FATE_QUARANTINED,
    Fate.REFUSED: pb.FATE_REFUSED,
    Fate.LOST: pb.FATE_LOST,
}
ROLES: Final[Mapping[Role, pb.BlobRole.ValueType]] = {
    Role.PAGE: pb.BLOB_ROLE_PAGE,
    Role.RAW: pb.BLOB_ROLE_RAW,
    Role.ORIGINAL: pb.BLOB_ROLE_ORIGINAL,
    Role.EVIDENCE: pb.BLOB_ROLE_EVIDENCE,
    Role.TEXT: pb.BLOB_ROLE_TEXT,
}
ROLE_OF: Final = {number: role for role, number in ROLES.items()}


@dataclass(frozen=True, slots=True)
class Origin:
    """Who captured a page and under which rules; written on every record."""

    appliance: str
    station: str = ""
    department: str = ""
    rule_set: str = ""
    profile: str = ""


def encode(entry: JournalEntry, origin: Origin) -> bytes:
    """Serialize one journal entry as `JournalEntry` of the wire contract.

    Raises
    ------
    ValueError
        If the contract has no place for a value of an amendment.
    """
    match entry:
        case PageRecord():
            message = pb.JournalEntry(page=_page(entry, origin))
        case Amendment():
            message = pb.JournalEntry(amendment=_amendment(entry))
        case BatchClosed():
            message = pb.JournalEntry(batch_closed=_batch_closed(entry))
    return message.SerializeToString(deterministic=True)


def inline_blobs(record: pb.PageRecord) -> tuple[pb.BlobRef, ...]:
    """Name the blobs whose bytes follow a record in the stream, in the order of its list.

    The image of a page and a file as it was received; the small image that shows why a face was
    removed. Everything else is asked for with ReadBlob.
    """
    wanted = {pb.BLOB_ROLE_EVIDENCE}
    if record.fate == pb.FATE_PAGE:
        wanted |= {pb.BLOB_ROLE_PAGE, pb.BLOB_ROLE_ORIGINAL}
    return tuple(blob for blob in record.blobs if blob.role in wanted)


def blobs_behind(entry: pb.JournalEntry) -> tuple[pb.BlobRef, ...]:
    """Name the blobs whose bytes follow an entry in the stream, in their order.

    Those of a page, or the image of a face that an amendment makes a page.
    """
    match entry.WhichOneof("entry"):
        case "page":
            return inline_blobs(entry.page)
        case "amendment":
            return (*entry.amendment.restore.blobs, *entry.amendment.resolve.blobs)
        case _:
            return ()


def timestamp(seconds: float) -> Timestamp:
    """Turn seconds since the Unix epoch into the wire's form, to the microsecond."""
    whole, micros = divmod(round(seconds * 1_000_000), 1_000_000)
    return Timestamp(seconds=whole, nanos=micros * 1000)


def fate_counts(counts: Mapping[Fate, int]) -> list[pb.FateCount]:
    """List faces by fate, in the order of the law of conservation; fates with none are left out."""
    return [
        pb.FateCount(fate=FATES[fate], faces=counts[fate]) for fate in Fate if counts.get(fate, 0)
    ]


def _page(entry: PageRecord, origin: Origin) -> pb.PageRecord:
    page = entry.page
    at = page.position
    return pb.PageRecord(
        contract_version=CONTRACT_VERSION,
        page_id=str(page.page_id),
        batch=page.page_id.batch,
        sheet=page.page_id.sheet,
        side=SIDES[page.page_id.side],
        virtual=page.virtual,
        appliance=origin.appliance,
        station=origin.station,
        department=origin.department,
        rule_set=origin.rule_set,
        profile=origin.profile,
        case_number=at.case_number,
        case_key=at.case_key,
        stage=at.stage,
        volume=at.volume,
        position=_position(at),
        declared_pages=at.declared_pages,
        fate=FATES[page.fate],
        reason=page.reason,
        marked_blank=page.marked_blank,
        blobs=[_blob(blob) for blob in entry.blobs],
        width_px=page.width_px,
        height_px=page.height_px,
        dpi=page.dpi,
        steps=[_step(step) for step in page.steps],
        captured_at=timestamp(page.captured_at),
        warnings=page.warnings,
        separator_id=page.separator,
        file_name=page.file_name,
    )


def _position(at: Position) -> pb.Position:
    return pb.Position(
        material=at.material,
        party=at.party,
        instance=at.instance,
        page=at.page,
        insert_after=at.insert_after,
    )


def _blob(blob: BlobRef) -> pb.BlobRef:
    return pb.BlobRef(
        role=ROLES[blob.role],
        sha256=blob.sha256,
        size_bytes=blob.size_bytes,
        media_type=blob.media_type,
    )


def _step(step: Step) -> pb.Step:
    return pb.Step(
        name=step.name,
        version=step.version,
        backend=step.backend,
        values=[_value(name, value) for name, value in step.values.items()],
    )


def _value(name: str, value: float | int | str | bool) -> pb.StepValue:
    match value:
        case bool():  # before int: True is one of those too
            return pb.StepValue(name=name, flag=value)
        case int():
            return pb.StepValue(name=name, integer=value)
        case str():
            return pb.StepValue(name=name, text=value)
        case _:
            return pb.StepValue(name=name, number=float(value))


Values = Mapping[str, object]
_PLACE: Final = frozenset({"material", "party", "instance", "page", "insert_after"})


def _place(values: Values) -> pb.Position:
    return pb.Position(**{k: v for k, v in values.items() if k in _PLACE})  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class _Change:
    """How one kind of amendment is written: its message, its own values, a place, an image."""

    message: Callable[..., object]
    values: frozenset[str] = frozenset()
    place: bool = False
    image: bool = False


_CHANGES: Final[Mapping[Change, _Change]] = {
    Change.ASSIGN: _Change(pb.Assign, frozenset({"case_number", "stage"}), place=True),
    Change.MOVE: _Change(pb.Move, place=True),
    Change.NOT_FOR_ARCHIVE: _Change(pb.NotForArchive),
    Change.RESTORE: _Change(pb.Restore, image=True),
    Change.REJECT: _Change(pb.Reject, frozenset({"defect"})),
    Change.REKEY: _Change(pb.Rekey, frozenset({"from_case_number", "to_case_number"})),
    Change.LINK: _Change(pb.Link, frozenset({"stage"}), place=True),
    Change.RESOLVE: _Change(pb.Resolve, frozenset({"fate", "by_page_id"}), image=True),
    Change.SUPERSEDE: _Change(pb.Supersede, frozenset({"by_page_id"})),
    Change.RAW_DROPPED: _Change(pb.RawDropped),
    Change.QUARANTINE: _Change(pb.Quarantine, frozenset({"role"})),
}


def _amendment(entry: Amendment) -> pb.Amendment:
    change = _CHANGES[entry.change]
    unknown = set(entry.values) - change.values - (_PLACE if change.place else frozenset())
    if unknown:
        raise ValueError(f"{entry.change} has no values {sorted(unknown)}")
    if entry.blobs and not change.image:
        raise ValueError(f"{entry.change} brings no image")
    own = {k: _word(k, v) for k, v in entry.values.items() if k in change.values}
    if change.place:
        own["position"] = _place(entry.values)
    if change.image:
        own["blobs"] = [_blob(ref) for ref in entry.blobs]
    message = pb.Amendment(
        contract_version=CONTRACT_VERSION,
        page_id=str(entry.page_id),
        recorded_at=timestamp(entry.recorded_at),
        actor=entry.actor,
        request_id=entry.request_id,
        reason=entry.reason,
    )
    target = getattr(message, entry.change.value)
    target.SetInParent()  # an empty change is a change too
    target.MergeFrom(change.message(**own))
    return message


def _word(name: str, value: object) -> object:
    if name == "fate":
        return FATES[Fate(str(value))]
    if name == "role":
        return ROLES[Role(str(value))]
    return value


def _batch_closed(entry: BatchClosed) -> pb.BatchClosed:
    decision = entry.decision or Decision("", "")
    return pb.BatchClosed(
        contract_version=CONTRACT_VERSION,
        batch=entry.batch,
        virtual=entry.virtual,
        electronic=entry.electronic,
        opened_at=timestamp(entry.opened_at),
        closed_at=timestamp(entry.closed_at),
        sheets=entry.sheets,
        faces=entry.faces,
        counts=fate_counts(entry.counts),
        actor=decision.actor,
        reason=decision.reason,
        request_id=decision.request_id,
    )
