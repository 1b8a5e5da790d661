"""What a read separator means: whether it is surely ours, and where the pages behind it go.

    codes of one sheet ─judge─> Content | Accepted | Untrusted
    scope ─follow(separator)─> scope, or a refusal          scope ─place─> position of the next page

Rule 1: a separator that is not surely ours is never followed, and never mistaken for content.
Rule 2: pages are never guessed into a place. Before a case they have none; behind a case without a
material they have the case alone; in quarantine they have none.
Rule 3: a scope lives as long as its batch, so a case in it came from a C of the same batch.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from daemon.dossier.case_number import CaseNumber, from_fields
from daemon.dossier.catalogue import RuleSet
from daemon.dossier.payload import BadPayload, Payload, is_ours, read
from daemon.dossier.scope import Scope
from daemon.errors import RuleError

__all__ = [
    "Accepted",
    "Content",
    "Judgement",
    "Outcome",
    "Scope",
    "Untrusted",
    "follow",
    "judge",
]

SINGLE_CODE: Final = "single_code"


@dataclass(frozen=True, slots=True)
class Content:
    """Not a separator: paper of the case, with or without codes of its own."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """Surely one of our separators. `warnings` are fixed words: `single_code`."""

    payload: Payload
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Untrusted:
    """It bears our prefix and is not surely ours; `reason` is a fixed word.

    One of `BadPayload.reason`, or "mixed" (good and bad codes), or "disagree" (two good ones).
    """

    reason: str


Judgement = Content | Accepted | Untrusted


def judge(texts: Sequence[str], keys: Mapping[str, bytes]) -> Judgement:
    """Say what a sheet is by the codes of both its faces.

    Parameters
    ----------
    texts
        Text of every code, each physical code once.
    keys
        Keys by their id; with none, whatever bears our prefix is untrusted.
    """
    good: list[Payload] = []
    bad: list[str] = []
    for text in filter(is_ours, texts):
        try:
            good.append(read(text, keys))
        except BadPayload as error:
            bad.append(error.reason)
    if bad:
        # A stain makes a code unreadable; it never makes another text of it, for a QR code corrects
        # or refuses what it carries. So a wrong code beside good ones was printed so: two sheets
        # fed as one, a pasted or a copied sheet. That is doubt, and doubt stops the feeder.
        return Untrusted("mixed" if good else bad[0])
    if not good:
        return Content()
    if len(set(good)) > 1:
        return Untrusted("disagree")
    return Accepted(good[0], () if len(good) > 1 else (SINGLE_CODE,))


@dataclass(frozen=True, slots=True)
class Outcome:
    """What follows from a separator.

    Attributes
    ----------
    scope
        Where pages go from here; the one before when refused.
    refused
        Not empty: it is not acceptable here, and this fixed word says why.
    """

    scope: Scope
    ends_batch: bool = False
    refused: str = ""


@dataclass(frozen=True, slots=True)
class _Kind:
    """What a served kind of separator needs; see the table."""

    again: bool = False
    again_in_batch: bool = False
    place: bool = False
    names_case: bool = True
    leaves_quarantine: bool = True


# again: its sheet may be fed again in another batch; again_in_batch: also in the same one.
# place: it names stage, material and party, and needs a case before it.
# leaves_quarantine: after a separator that could not be trusted the case is in doubt, for that one
# may have been a C. A C says it anew and an M confirms it. A G knows no case, and a P continues
# what was in doubt.
_KINDS: Final[Mapping[str, _Kind]] = {
    "C": _Kind(again=True),
    "M": _Kind(place=True),
    "G": _Kind(True, True, place=True, names_case=False, leaves_quarantine=False),
    "P": _Kind(place=True, leaves_quarantine=False),
    "E": _Kind(again=True, names_case=False),
}


def follow(
    scope: Scope,
    payload: Payload,
    last_batch_of_sheet_id: int | None,
    batch: int,
    rules: RuleSet,
) -> Outcome:
    """Return what a trusted separator makes of the scope.

    An M without a C before it in its batch is refused ("no_case"), although it names a case. Two
    sheets that must agree are what keeps a stray M, left over from another case, from filing a
    whole stack there; without a C nothing contradicts it. The clerk lays the C of the case, which
    may be fed again, in front of the rest of the stack and presses Scan: the refusal costs seconds
    while the paper is at hand, and a page in the wrong dossier is found years later.

    Parameters
    ----------
    last_batch_of_sheet_id
        The last batch in which this very sheet was followed; None: never.
    batch
        The batch at hand.

    Returns
    -------
    Outcome
        `refused` is one of kind_not_served, repeated, unknown_case, unknown_material,
        unknown_party, no_case, other_case, other_material, quarantined.
    """
    kind = _KINDS.get(payload.kind)
    if kind is None:
        return Outcome(scope, refused="kind_not_served")
    if _is_repeated(kind, last_batch_of_sheet_id, batch):
        return Outcome(scope, refused="repeated")
    case: CaseNumber | None = None
    if kind.names_case:
        try:
            case = _case_of(payload)
        except RuleError:
            return Outcome(scope, refused="unknown_case")
    if kind.place:
        return _place(scope, payload, kind, case, rules)
    if case is None:  # E: the scope ends with the batch
        return Outcome(Scope(), ends_batch=True)
    return Outcome(scope.in_case(case.text, case.key))


def _is_repeated(kind: _Kind, last_batch: int | None, batch: int) -> bool:
    if last_batch is None or kind.again_in_batch:
        return False
    return last_batch == batch or not kind.again


def _place(
    scope: Scope, payload: Payload, kind: _Kind, case: CaseNumber | None, rules: RuleSet
) -> Outcome:
    """Follow a separator that names a material: M, G or P."""
    refused = (
        _unknown(payload, rules) or _wrong_case(scope, case) or _wrong_here(scope, payload, kind)
    )
    if refused:
        return Outcome(scope, refused=refused)
    return Outcome(
        replace(
            scope,
            stage=payload.stage,
            material=payload.material,
            party=payload.party,
            # A card does not say which of several materials it means: none is guessed.
            instance=int(payload.instance),
            declared_pages=int(payload.argument),
            quarantined=False,
        )
    )


def _unknown(payload: Payload, rules: RuleSet) -> str:
    if payload.stage not in rules.stages or payload.material not in rules.materials:
        return "unknown_material"
    try:
        rules.party(payload.party)
    except RuleError:
        return "unknown_party"
    return ""


def _wrong_case(scope: Scope, case: CaseNumber | None) -> str:
    if not scope.case_key:
        return "no_case"
    if case is not None and case.key != scope.case_key:
        return "other_case"
    return ""


def _wrong_here(scope: Scope, payload: Payload, kind: _Kind) -> str:
    if scope.quarantined and not kind.leaves_quarantine:
        return "quarantined"
    continued = (payload.stage, payload.material)
    if payload.kind == "P" and continued != (scope.stage, scope.material):
        return "other_material"
    return ""


def _case_of(payload: Payload) -> CaseNumber:
    return from_fields(
        payload.court, payload.specialist, payload.year, payload.type, payload.sequence
    )
