"""Later facts about pages, and bytes that are let go: what is written after a face has its fate.

Rule 1: nothing is edited: a correction is an entry of its own, and `standing.py` says whether it
can happen to that face.
Rule 2: a face becomes a page again only while its image is here; the entry names it.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import astuple, replace
from typing import Final

import apsw

from daemon.errors import ContractError, InputError, NotPossible
from daemon.page import BlobRef, Fate, PageId, Position, Role
from daemon.spool import standing
from daemon.spool.entries import Entries
from daemon.spool.journal import APPLIANCE, SECONDARY_VOLUME, Amendment, EntryKind
from daemon.spool.query import row, rows
from daemon.spool.rows import Doomed, ref_of
from daemon.spool.standing import Change, Standing

_FACE: Final = "SELECT standing, undecided, volume, case_number FROM face WHERE page_id = ?"
_IMAGES: Final = (
    "SELECT role, media_type, sha256, size_bytes FROM blob WHERE page_id = ?"
    " AND role IN ('page', 'original') AND deleted_at IS NULL ORDER BY role DESC"
)


class Corrections:
    """Writes corrections; runs in the committing thread, in its transaction.

    Parameters
    ----------
    connection
        The writing connection.
    entries
        The journal.
    clock
        Seconds since the Unix epoch.
    """

    def __init__(
        self, connection: apsw.Connection, entries: Entries, clock: Callable[[], float]
    ) -> None:
        self._connection = connection
        self._entries = entries
        self._clock = clock

    def amend(self, amendment: Amendment, position: Position | None = None) -> int:
        """Record a later fact; a request id that was seen before is that same amendment."""
        page_id = str(amendment.page_id)
        said = json.dumps(dict(amendment.values), ensure_ascii=False, default=str, sort_keys=True)
        if (earlier := self._earlier(amendment, said)) is not None:
            return earlier
        found = row(self._connection, _FACE, page_id)
        if found is None or found[0] == "open":
            raise InputError("there is no such page", page=page_id)
        was, undecided, volume, _ = found
        now = _standing(amendment, Standing(was))
        _check_rekey(amendment, found[3])
        self._check_in_its_place(amendment)
        if standing.brings_image(Standing(was), now, amendment.change):
            amendment = replace(amendment, blobs=self._images(page_id))
        # Also a page that leaves the secondary volume: the entry tells that it was there.
        secondary = SECONDARY_VOLUME in (volume, position.volume if position else "")
        sequence = self._entries.write(
            EntryKind.AMENDMENT, amendment.page_id, amendment, secondary=secondary
        )
        self._connection.execute(
            "INSERT INTO amendment VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                sequence,
                page_id,
                amendment.change.value,
                said,
                amendment.actor,
                amendment.request_id,
                amendment.reason,
                amendment.recorded_at,
            ),
        )
        self._connection.execute(
            "UPDATE face SET standing = ?, undecided = ?,"
            " sent_behind = CASE WHEN ? THEN ? ELSE sent_behind END WHERE page_id = ?",
            (
                now.value,
                standing.is_undecided(bool(undecided), now, amendment.change),
                bool(amendment.blobs),
                sequence,
                page_id,
            ),
        )
        if position is not None:
            place(self._connection, amendment.page_id, position)
        return sequence

    def supersede(self, old: PageId, new: PageId) -> None:
        """Note that a face which was not captured was fed again, unless it is decided already."""
        found = row(self._connection, _FACE, str(old))
        if found is None or not found[1] or found[0] not in (Standing.SUPERSEDED, Standing.LOST):
            return
        self._note(old, Change.SUPERSEDE, {"by_page_id": str(new)}, "fed_again")

    def strike(
        self,
        choose: Callable[[apsw.Connection], list[Doomed]],
        raw_dropped: str,
    ) -> list[Doomed]:
        """Mark blobs as deleted, before their files are unlinked; returns which.

        `raw_dropped` says why rasters go that nobody has acknowledged; "" otherwise.
        """
        chosen = choose(self._connection)
        self._connection.executemany(
            "UPDATE blob SET deleted_at = ? WHERE page_id = ? AND role = ?",
            [(self._clock(), str(one.page_id), one.role.value) for one in chosen],
        )
        sent = [str(one.page_id) for one in chosen if one.role in (Role.PAGE, Role.ORIGINAL)]
        self._connection.executemany(
            "UPDATE meta SET released_sequence = max(released_sequence, (SELECT sent_behind"
            " FROM face WHERE page_id = ? AND standing = 'page'))"
            " WHERE EXISTS (SELECT 1 FROM face WHERE page_id = ? AND standing = 'page')",
            [(page_id, page_id) for page_id in sent],
        )
        if raw_dropped:
            for one in chosen:
                self._note(one.page_id, Change.RAW_DROPPED, {}, raw_dropped)
        return chosen

    def _note(
        self, page_id: PageId, change: Change, values: Mapping[str, object], reason: str
    ) -> None:
        """Record what no person has said; it happens to a face once."""
        self.amend(
            Amendment(
                page_id=page_id,
                change=change,
                values=values,
                actor=APPLIANCE,
                request_id=f"{change}-{page_id}",
                reason=reason,
                recorded_at=self._clock(),
            )
        )

    def _earlier(self, amendment: Amendment, said: str) -> int | None:
        if not amendment.request_id:
            return None
        earlier = row(
            self._connection,
            "SELECT sequence, page_id, change, said FROM amendment WHERE request_id = ?",
            amendment.request_id,
        )
        if earlier is None:
            return None
        if earlier[1:] != (str(amendment.page_id), amendment.change.value, said):
            raise ContractError(
                "this request id was used for something else: choose another",
                request_id=amendment.request_id,
                sequence=earlier[0],
            )
        return int(earlier[0])

    def _check_in_its_place(self, amendment: Amendment) -> None:
        """Refuse a page in place of a face that this journal should have and has not.

        Another appliance may have scanned the sheet again: its pages are of another epoch.
        """
        by = amendment.values.get("by_page_id")
        if by is None or PageId.parse(str(by)).epoch != amendment.page_id.epoch:
            return
        found = row(self._connection, _FACE, str(by))
        if found is None or found[0] == "open" or by == str(amendment.page_id):
            raise NotPossible(
                "what is to stand in its place is no other face of this journal: look up the page"
                " id of the sheet that was fed again",
                page=amendment.page_id,
                by=by,
            )

    def _images(self, page_id: str) -> tuple[BlobRef, ...]:
        found = tuple(ref_of(ref) for ref in rows(self._connection, _IMAGES, page_id))
        if not found:
            raise NotPossible(
                "its image is no longer here, so it cannot become a page again: feed the sheet"
                " again and name the new page in its place",
                page=page_id,
            )
        return found


def _standing(amendment: Amendment, was: Standing) -> Standing:
    """Return what the face counts as afterwards; raises NotPossible."""
    fate = amendment.values.get("fate")
    resolution = None if fate is None else Fate(str(fate))
    now = standing.after(was, amendment.change, resolution)
    if now is None:
        allowed = ", ".join(sorted(standing.RESOLUTIONS.get(was, ())))
        raise NotPossible(
            f"a face that counts as {was} cannot be changed by {amendment.change}"
            + (f" to {resolution}" if resolution else ""),
            page=amendment.page_id,
            **({"may_be_resolved_to": allowed} if allowed else {}),
        )
    return now


def _check_rekey(amendment: Amendment, case_number: str) -> None:
    stated = amendment.values.get("from_case_number")
    if amendment.change is Change.REKEY and stated != case_number:
        raise NotPossible(
            "the page does not stand in the case it is to leave: it was changed meanwhile",
            page=amendment.page_id,
        )


def place(connection: apsw.Connection, page_id: PageId, position: Position) -> None:
    """Put a face where it stands now."""
    # The columns stand in the order of Position's fields.
    connection.execute(
        "UPDATE face SET (case_number, case_key, stage, volume, material, party, instance,"
        " page, insert_after, declared_pages) = (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
        " WHERE page_id = ?",
        (*astuple(position), str(page_id)),
    )
