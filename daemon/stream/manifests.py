"""The manifest of a case, from the accounts of the ledger and the records of its journal.

Rule 1: rows and journal position are of one moment: they are read again when something was written
in between.
Rule 2: what the manifest calls a file is what a puller makes of the same record.
"""

from collections.abc import Sequence
from typing import Final

from daemon.dossier import case_number, manifest
from daemon.dossier.catalogue import RuleSet
from daemon.errors import InputError, RuleError, SpoolError
from daemon.page import Fate, Role
from daemon.rpc import pages_pb2 as pb
from daemon.spool.ledger import Ledger
from daemon.spool.rows import Amended, FaceRow
from daemon.spool.standing import Change
from daemon.stream.codec import ROLE_OF, inline_blobs
from daemon.stream.court.folder import file_name, segment

_TRIES: Final = 100


class Manifests:
    """Writes manifests when they are asked for.

    Parameters
    ----------
    ledger, rules
        The accounts, and the order of a dossier.
    appliance
        Name of the appliance.
    """

    def __init__(self, ledger: Ledger, rules: RuleSet, appliance: str) -> None:
        self._ledger = ledger
        self._rules = rules
        self._appliance = appliance

    def of(self, case: str) -> bytes:
        """Return the manifest of a case, by its key or its number as printed.

        Raises
        ------
        InputError
            If no face stands in such a case.
        SpoolError
            If the journal grows faster than it can be read; ask again.
        """
        key = self._key(case)
        for _ in range(_TRIES):
            sequence, entry_hash = self._ledger.last()
            faces = self._ledger.case_rows(key)
            if not faces:
                raise InputError("there is no such case", case=case)
            batches = self._batches(faces)
            rows = [self._row(face, face.fate) for face in faces if face.fate is not None]
            if self._ledger.last()[0] == sequence:
                break
        else:
            raise SpoolError("the journal grows faster than it can be read; ask again")
        printed = faces[-1].position.case_number
        facts = manifest.CaseFacts(
            appliance=self._appliance,
            epoch=self._ledger.epoch,
            sequence=sequence,
            entry_hash=entry_hash,
            case_number=printed,
            case_key=key,
            case_type=_type_of(printed),
            batches=batches,
            algorithm=self._ledger.chain.algorithm,
        )
        return manifest.build(facts, rows, self._rules)

    def _key(self, case: str) -> str:
        """Take a key as it is, and a number by the key it has."""
        if case in self._ledger.cases():
            return case
        try:
            return case_number.parse(case).key
        except RuleError as error:
            raise InputError(
                "there is no such case, and this is not a case number", case=case
            ) from error

    def _batches(self, faces: Sequence[FaceRow]) -> tuple[manifest.BatchFacts, ...]:
        accounts = [
            self._ledger.batch_account(number)
            for number in sorted({face.page_id.batch for face in faces})
        ]
        return tuple(
            manifest.BatchFacts(
                number=account.number,
                closed=account.closed_at is not None,
                sheets=account.sheets,
                open_faces=account.open_faces,
                counts=account.counts,
            )
            for account in accounts
        )

    def _row(self, face: FaceRow, fate: Fate) -> manifest.Row:
        record = self._record(face)
        recorded = {ROLE_OF[ref.role] for ref in record.blobs}
        files = _files(face, record)
        damaged = {
            str(change.values.get("role"))
            for change in face.changes
            if change.change is Change.QUARANTINE
        }
        return manifest.Row(
            page_id=face.page_id,
            sequence=face.sequence,
            record_hash=face.record_hash,
            fate=fate,
            standing=str(face.standing),
            reason=face.reason,
            position=face.position,
            virtual=face.virtual,
            marked_blank=face.marked_blank,
            undecided=face.undecided,
            separator=face.separator,
            warnings=tuple(record.warnings),
            blobs=tuple(
                manifest.Kept(ref, files.get(ref.role, ""), ref.role.value in damaged)
                for ref in face.blobs
                if ref.role in recorded  # a raster that came behind is not in it, and goes again
            ),
            changes=tuple((change.sequence, change.change.value) for change in face.changes),
        )

    def _record(self, face: FaceRow) -> pb.PageRecord:
        """Read the record of a face: what it was when it was captured."""
        (entry,) = self._ledger.entries_after(face.sequence - 1, 1)
        return pb.JournalEntry.FromString(entry.record).page


def _files(face: FaceRow, record: pb.PageRecord) -> dict[Role, str]:
    """Name the files that a puller keeps of a face, where it stands now, relative to its folder."""
    folder = f"{segment(face.position.case_key)}/{segment(face.position.volume)}"
    alone = all(ref.role != pb.BLOB_ROLE_PAGE for ref in record.blobs)
    return {
        ROLE_OF[ref.role]: "/".join(
            (folder, file_name(face.page_id, ROLE_OF[ref.role], ref.media_type, alone=alone))
        )
        for ref in _sent(face, record)
    }


def _sent(face: FaceRow, record: pb.PageRecord) -> tuple[pb.BlobRef, ...]:
    """Name the blobs that were sent: with the record, or when it became a page after all."""
    sent = inline_blobs(record)
    if record.fate == pb.FATE_PAGE or not any(map(_made_a_page, face.changes)):
        return sent
    return sent + tuple(
        ref for ref in record.blobs if ref.role in (pb.BLOB_ROLE_PAGE, pb.BLOB_ROLE_ORIGINAL)
    )


def _made_a_page(amended: Amended) -> bool:
    resolved = amended.change is Change.RESOLVE and amended.values.get("fate") == Fate.PAGE
    return amended.change is Change.RESTORE or resolved


def _type_of(printed: str) -> str:
    """Return the case type, "" when the number is legacy or of another rule set."""
    try:
        return case_number.parse(printed).type
    except RuleError:
        return ""
