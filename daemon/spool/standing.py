"""What a face counts as, and how a later fact changes that: one literal table.

    captured ──fate──> standing ──amendment──> standing ── ...

          ┌────────── restore ───────────┐                    supersede, resolve
        blank                            v        reject      ┌───────────────┐
        not_for_archive <──────────────> page ───────────> rejected ──────> superseded
                                         ^  quarantine        │               ^  ^
                                 resolve │ ┌──────────────────┘      supersede│  │ resolve
                                         │ v                                  │  v
                                       quarantined ────── resolve ──────────> lost

Rule 1: everything that decides what a face counts as lives here; a pair that is not in the table is
refused. The fate of its record never changes: it says what happened to the paper.
Rule 2: a face is *undecided* while a person has to say what it is. None of its bytes may go then.
Rule 3: bytes may be found damaged, and a raster dropped, whatever their face counts as: the picture
shows that of a page only. A refused face alone has none.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from daemon.page import Fate


class Standing(StrEnum):
    """What a face counts as now. Every fate is one; two more come only later."""

    PAGE = "page"
    BLANK = "blank"
    SEPARATOR = "separator"
    SUPERSEDED = "superseded"
    QUARANTINED = "quarantined"
    REFUSED = "refused"
    LOST = "lost"
    REJECTED = "rejected"
    NOT_FOR_ARCHIVE = "not_for_archive"


class Change(StrEnum):
    """A later fact about a page, by its name in the contract."""

    ASSIGN = "assign"
    MOVE = "move"
    REKEY = "rekey"
    LINK = "link"
    NOT_FOR_ARCHIVE = "not_for_archive"
    RESTORE = "restore"
    REJECT = "reject"
    RESOLVE = "resolve"
    SUPERSEDE = "supersede"
    QUARANTINE = "quarantine"
    RAW_DROPPED = "raw_dropped"


_S = Standing
_C = Change
TRANSITIONS: Final[Mapping[tuple[Standing, Change], Standing]] = {
    (_S.PAGE, _C.ASSIGN): _S.PAGE,
    (_S.PAGE, _C.MOVE): _S.PAGE,
    (_S.PAGE, _C.REKEY): _S.PAGE,
    (_S.PAGE, _C.LINK): _S.PAGE,
    (_S.PAGE, _C.NOT_FOR_ARCHIVE): _S.NOT_FOR_ARCHIVE,
    (_S.PAGE, _C.REJECT): _S.REJECTED,
    (_S.PAGE, _C.QUARANTINE): _S.QUARANTINED,
    (_S.PAGE, _C.RAW_DROPPED): _S.PAGE,
    (_S.BLANK, _C.ASSIGN): _S.BLANK,
    (_S.BLANK, _C.MOVE): _S.BLANK,
    (_S.BLANK, _C.REKEY): _S.BLANK,
    (_S.BLANK, _C.RESTORE): _S.PAGE,
    (_S.BLANK, _C.QUARANTINE): _S.QUARANTINED,
    (_S.BLANK, _C.RAW_DROPPED): _S.BLANK,
    (_S.SEPARATOR, _C.REKEY): _S.SEPARATOR,
    (_S.SEPARATOR, _C.QUARANTINE): _S.QUARANTINED,
    (_S.SEPARATOR, _C.RAW_DROPPED): _S.SEPARATOR,
    (_S.QUARANTINED, _C.ASSIGN): _S.QUARANTINED,
    (_S.QUARANTINED, _C.MOVE): _S.QUARANTINED,
    (_S.QUARANTINED, _C.REKEY): _S.QUARANTINED,
    (_S.QUARANTINED, _C.QUARANTINE): _S.QUARANTINED,
    (_S.QUARANTINED, _C.RAW_DROPPED): _S.QUARANTINED,
    (_S.REJECTED, _C.ASSIGN): _S.REJECTED,
    (_S.REJECTED, _C.MOVE): _S.REJECTED,
    (_S.REJECTED, _C.REKEY): _S.REJECTED,
    (_S.REJECTED, _C.REJECT): _S.REJECTED,
    (_S.REJECTED, _C.SUPERSEDE): _S.SUPERSEDED,
    (_S.REJECTED, _C.QUARANTINE): _S.QUARANTINED,
    (_S.REJECTED, _C.RAW_DROPPED): _S.REJECTED,
    (_S.NOT_FOR_ARCHIVE, _C.RESTORE): _S.PAGE,
    (_S.NOT_FOR_ARCHIVE, _C.REKEY): _S.NOT_FOR_ARCHIVE,
    (_S.NOT_FOR_ARCHIVE, _C.QUARANTINE): _S.QUARANTINED,
    (_S.NOT_FOR_ARCHIVE, _C.RAW_DROPPED): _S.NOT_FOR_ARCHIVE,
    (_S.SUPERSEDED, _C.SUPERSEDE): _S.SUPERSEDED,
    (_S.SUPERSEDED, _C.QUARANTINE): _S.QUARANTINED,  # what had come of it is kept as evidence
    (_S.SUPERSEDED, _C.RAW_DROPPED): _S.SUPERSEDED,
    (_S.LOST, _C.SUPERSEDE): _S.SUPERSEDED,
    (_S.LOST, _C.QUARANTINE): _S.QUARANTINED,  # bytes stay behind when a person has said so
    (_S.LOST, _C.RAW_DROPPED): _S.LOST,
}

RESOLUTIONS: Final[Mapping[Standing, frozenset[Standing]]] = {
    _S.QUARANTINED: frozenset({_S.PAGE, _S.BLANK, _S.SEPARATOR, _S.SUPERSEDED, _S.LOST}),
    _S.REJECTED: frozenset({_S.PAGE, _S.SUPERSEDED}),
    _S.SUPERSEDED: frozenset({_S.SUPERSEDED, _S.LOST}),
    _S.LOST: frozenset({_S.SUPERSEDED, _S.LOST}),
}
"""What a person may decide that a face is; `resolve` alone says the new standing itself."""

_UNDECIDED_AT_CAPTURE: Final = frozenset({Fate.QUARANTINED, Fate.SUPERSEDED, Fate.LOST})
_ALWAYS_UNDECIDED: Final = frozenset({_S.QUARANTINED, _S.REJECTED})
_ABOUT_PLACE: Final = frozenset({_C.ASSIGN, _C.MOVE, _C.REKEY, _C.LINK, _C.RAW_DROPPED})


def after(standing: Standing, change: Change, resolution: Fate | None = None) -> Standing | None:
    """Return what a face counts as after a change; None when that cannot happen to it."""
    if change is not Change.RESOLVE:
        return TRANSITIONS.get((standing, change))
    if resolution is None:
        return None
    wanted = Standing(resolution.value)
    return wanted if wanted in RESOLUTIONS.get(standing, ()) else None


def is_undecided_at_capture(fate: Fate) -> bool:
    """Tell whether somebody has to say what became of a face: set apart, or to be fed again."""
    return fate in _UNDECIDED_AT_CAPTURE


def is_undecided(was: bool, standing: Standing, change: Change) -> bool:
    """Tell whether a face with this new standing is undecided after a change."""
    if change in _ABOUT_PLACE:
        return was
    return standing in _ALWAYS_UNDECIDED


def brings_image(standing: Standing, after_change: Standing, change: Change) -> bool:
    """Tell whether a change makes a face a page, so that its image follows the entry."""
    return after_change is Standing.PAGE and (standing is not after_change or change is _C.RESOLVE)
