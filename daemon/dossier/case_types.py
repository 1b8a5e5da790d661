"""Case types (类型代字) and specialist characters (专门审判代字) by their numbers."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType
from typing import Annotated, Final

from pydantic import StringConstraints

from daemon.dossier.rule_file import STRICT, packaged, read, unique
from daemon.errors import RuleError

FILE: Final = "case_types.toml"
NO_SPECIALIST: Final = "00"

Han = Annotated[str, StringConstraints(pattern=r"^[一-鿿]{1,4}$")]


@dataclass(frozen=True, slots=True)
class CaseType:
    """A type of case: one to four characters and a number."""

    __pydantic_config__ = STRICT
    code: Annotated[str, StringConstraints(pattern=r"^([1-9][0-9]{3}|0[1-9][0-9]{2})$")]
    text: Han


@dataclass(frozen=True, slots=True)
class Specialist:
    """A character between court and type that opens a series of its own, since some day."""

    __pydantic_config__ = STRICT
    code: Annotated[str, StringConstraints(pattern=r"^([1-9][0-9]|0[1-9])$")]
    text: Han
    name: str
    valid_from: date


@dataclass(frozen=True, slots=True)
class _Tables:
    __pydantic_config__ = STRICT
    type: tuple[CaseType, ...]
    specialist: tuple[Specialist, ...]


@dataclass(frozen=True, slots=True)
class CaseTypes:
    """The types and specialists, by number."""

    types: Mapping[str, CaseType]
    specialists: Mapping[str, Specialist]

    def text(self, code: str) -> str:
        """Return the characters of a type; raises RuleError if there is no such number."""
        found = self.types.get(code)
        if found is None:
            raise RuleError(f"{FILE} has no such case type", type=code)
        return found.text

    def specialist(self, code: str) -> Specialist | None:
        """Return a specialist, None for 00; raises RuleError if there is no such number."""
        if code == NO_SPECIALIST:
            return None
        found = self.specialists.get(code)
        if found is None:
            raise RuleError(f"{FILE} has no such specialist character", specialist=code)
        return found

    def split(self, letters: str) -> tuple[Specialist | None, CaseType] | None:
        """Split what stands between court and sequence: the longest type wins; None: no such."""
        for kind in self._endings(letters):
            front = letters[: -len(kind.text)]
            if not front:
                return None, kind
            for specialist in self.specialists.values():
                if specialist.text == front:
                    return specialist, kind
        return None

    def _endings(self, letters: str) -> Iterator[CaseType]:
        found = (kind for kind in self.types.values() if letters.endswith(kind.text))
        yield from sorted(found, key=lambda kind: -len(kind.text))


def load() -> CaseTypes:
    """Return the tables that come with the package; raises RuleError if they are not valid."""
    return assemble(packaged(FILE))


def assemble(text: str) -> CaseTypes:
    """Return the tables of a TOML text; raises RuleError if it is not valid."""
    tables = read(text, FILE, _Tables)
    unique(FILE, "code", [kind.code for kind in tables.type])
    unique(FILE, "text", [kind.text for kind in tables.type])
    unique(FILE, "specialist code", [one.code for one in tables.specialist])
    unique(FILE, "specialist text", [one.text for one in tables.specialist])
    return CaseTypes(
        MappingProxyType({kind.code: kind for kind in tables.type}),
        MappingProxyType({one.code: one for one in tables.specialist}),
    )
