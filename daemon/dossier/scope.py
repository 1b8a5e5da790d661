"""Where pages go from here: what the separators of a batch have said so far, and page counters.

Rule 1: a scope is text between two sheets: the ledger keeps it with the batch, and the one who
continues a batch after a power cut continues its scope.
Rule 2: pages are numbered by case, stage, material, party and instance, from 1 and without a gap,
for the whole batch: a material that is taken up again is continued.
Rule 3: how a stack stands is told by its separators, and only while all of them agree.
"""

import json
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Final

from daemon.dossier.catalogue import RuleSet
from daemon.errors import SpoolCorrupt
from daemon.page import Position


@dataclass(frozen=True, slots=True)
class Scope:
    """The state of a batch between two sheets; empty before its first separator.

    Attributes
    ----------
    declared_pages
        What the separator of the material announced; 0 when it did not.
    pages
        How many pages each material has so far: (case, stage, material, party, instance), number.
    quarantined
        True behind a separator that could not be trusted: where pages go is in doubt.
    stands
        How the separators of this batch were fed: "upright", "upside_down", "sideways", or "mixed";
        "" before the first.
    """

    case_number: str = ""
    case_key: str = ""
    stage: str = ""
    material: str = ""
    party: str = ""
    instance: int = 0
    declared_pages: int = 0
    quarantined: bool = False
    stands: str = ""
    pages: tuple[tuple[str, int], ...] = ()

    def __post_init__(self) -> None:
        if bool(self.case_key) != bool(self.case_number):
            raise ValueError("a case has a number and a key")
        place = (self.stage, self.material, self.party)
        if any(place) and not (all(place) and self.case_key):
            raise ValueError("a place is a stage, a material and a party of a case")
        names = [name for name, _ in self.pages]
        if len(set(names)) != len(names) or any(number < 1 for _, number in self.pages):
            raise ValueError("a counter stands twice, or below 1")

    @classmethod
    def parse(cls, text: str) -> "Scope":
        """Read what `text` wrote; "" is the empty scope. Raises SpoolCorrupt for anything else."""
        if not text:
            return cls()
        try:
            return cls(**_values(json.loads(text)))
        except (ValueError, TypeError) as error:
            raise SpoolCorrupt(
                "the scope kept with an open batch cannot be read; it was written by another"
                " version or is damaged. Finish the batch with the version that began it"
            ) from error

    def text(self) -> str:
        """Return the scope as text; "" when it is empty."""
        if self == Scope():
            return ""
        return json.dumps(asdict(self), ensure_ascii=False, separators=(",", ":"))

    def in_case(self, case_number: str, case_key: str) -> "Scope":
        """Return the scope behind a C: this case, and nothing else of what was said before."""
        return Scope(
            case_number=case_number, case_key=case_key, stands=self.stands, pages=self.pages
        )

    def fed(self, stands: str) -> "Scope":
        """Return the scope behind a separator that was fed in one of the ways of `stands`."""
        return replace(self, stands=stands if self.stands in ("", stands) else "mixed")

    def quarantine(self) -> "Scope":
        """Return the scope behind a separator that could not be trusted."""
        return replace(self, quarantined=True)

    def here(self, rules: RuleSet) -> Position:
        """Return the position without a page number: of a separator, or of a removed blank.

        Raises
        ------
        RuleError
            If the rule set no longer has the material.
        """
        if self.quarantined:
            return Position()
        return Position(
            case_number=self.case_number,
            case_key=self.case_key,
            stage=self.stage,
            volume=rules.material(self.material).volume if self.material else "",
            material=self.material,
            party=self.party,
            instance=self.instance,
            declared_pages=self.declared_pages,
        )

    def place(self, rules: RuleSet) -> tuple[Position, "Scope"]:
        """Return the position of the next page, and the scope behind it; raises as `here`."""
        position = self.here(rules)
        if not position.material:
            return position, self
        name = "/".join((self.case_key, self.stage, self.material, self.party, str(self.instance)))
        counts = dict(self.pages)
        counts[name] = counts.get(name, 0) + 1
        return replace(position, page=counts[name]), replace(self, pages=tuple(counts.items()))


_DEFAULTS: Final = {field.name: field.default for field in fields(Scope)}


def _values(tree: Any) -> dict[str, Any]:
    """Check the JSON of a scope against the fields; raises TypeError."""
    if type(tree) is not dict or tree.keys() != _DEFAULTS.keys():
        raise TypeError("not the fields of a scope")
    return {name: _typed(value, _DEFAULTS[name]) for name, value in tree.items()}


def _typed(value: Any, like: Any) -> Any:
    if type(value) is not (list if isinstance(like, tuple) else type(like)):
        raise TypeError(type(value))
    if isinstance(value, list):
        return tuple((_typed(name, ""), _typed(number, 0)) for name, number in value)
    return value
