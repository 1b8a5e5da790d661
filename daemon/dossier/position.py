"""The archival order of a case's pages, and their archival page numbers.

Rule 1: the order is the rule set's. Volumes in its order; inside a volume by the order data of the
case type; a material that is not listed there follows in order of formation: stage, then the
capture of its first page. The pages of one material stay together, in order of capture.
Rule 2: numbers start at 1 in each archival volume and have no gap. What is not for the archive and
what has no place yet is kept, stands behind, and is not numbered.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Generic, Protocol, TypeVar

from daemon.dossier.catalogue import OrderKey, RuleSet
from daemon.errors import RuleError
from daemon.page import Position

_LAST: Final = 1_000_000


class Placed(Protocol):
    """What has a place in a dossier and a sequence in the journal."""

    @property
    def position(self) -> Position:
        """Where it stands."""

    @property
    def sequence(self) -> int:
        """When it was captured, among all others."""


_T = TypeVar("_T", bound=Placed)
_Material = tuple[str, str, str, str, int]


@dataclass(frozen=True, slots=True)
class Numbered(Generic[_T]):
    """A page and its archival page number; None: it is not numbered."""

    page: _T
    number: int | None


def archival(pages: Sequence[_T], case_type: str, rules: RuleSet) -> list[Numbered[_T]]:
    """Return the pages of one case in archival order, numbered.

    Parameters
    ----------
    pages
        In any order; kept pages only.
    case_type
        Four digits, as a separator carries them; "" of a legacy number, which has no order data.
    """
    formed: dict[_Material, int] = {}
    for page in pages:
        material = material_of(page.position)
        formed[material] = min(formed.get(material, page.sequence), page.sequence)

    def key(page: _T) -> tuple[int, OrderKey, int, int, int]:
        at = page.position
        return (
            _index(at.volume, tuple(rules.volumes)),
            _rank(at, case_type, rules),
            _index(at.stage, tuple(rules.stages)),
            formed[material_of(at)],
            page.sequence,
        )

    last: dict[str, int] = {}
    numbered: list[Numbered[_T]] = []
    for page in sorted(pages, key=key):
        volume = rules.volumes.get(page.position.volume)
        number = None
        if volume is not None and volume.archival:
            number = last[volume.id] = last.get(volume.id, 0) + 1
        numbered.append(Numbered(page, number))
    return numbered


def material_of(at: Position) -> _Material:
    """Return what makes a position one material: its volume, stage, code, party and instance."""
    return at.volume, at.stage, at.material, at.party, at.instance


def _rank(at: Position, case_type: str, rules: RuleSet) -> OrderKey:
    try:
        return rules.order_key(case_type, at.stage, at.material, at.party, at.instance)
    except RuleError:
        # It has no place yet, or another rule set gave it one. A page never falls out for that.
        return (_LAST, 0, "", at.material, at.party, at.instance)


def _index(name: str, names: tuple[str, ...]) -> int:
    return names.index(name) if name in names else _LAST
