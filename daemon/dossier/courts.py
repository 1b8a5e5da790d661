"""Courts as case numbers name them (法院代字) and as separators carry them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType
from typing import Annotated, Final

from pydantic import StringConstraints

from daemon.dossier.rule_file import STRICT, Text, packaged, read, unique
from daemon.errors import RuleError

FILE: Final = "courts.toml"


@dataclass(frozen=True, slots=True)
class Prefix:
    """The characters a court begins with, and the letters that stand for them on a separator."""

    __pydantic_config__ = STRICT
    text: Annotated[str, StringConstraints(pattern=r"^[一-鿿]{1,3}$")]
    letters: Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]
    name: Text


@dataclass(frozen=True, slots=True)
class Court:
    """A court known by name: a prefix and two or four digits, since some day."""

    __pydantic_config__ = STRICT
    prefix: str
    digits: Annotated[str, StringConstraints(pattern=r"^([0-9]{2}|[0-9]{4})$")]
    name: Text
    valid_from: date = date.min


@dataclass(frozen=True, slots=True)
class _Tables:
    __pydantic_config__ = STRICT
    prefix: tuple[Prefix, ...]
    court: tuple[Court, ...]


@dataclass(frozen=True, slots=True)
class Courts:
    """The prefixes, by text and by letters, and the courts known by name."""

    prefixes: Mapping[str, Prefix]
    by_letters: Mapping[str, Prefix]
    courts: Mapping[tuple[str, str], Court]

    def prefix_of(self, text: str) -> Prefix | None:
        """Return the longest prefix that `text` begins with."""
        found = [prefix for prefix in self.prefixes.values() if text.startswith(prefix.text)]
        return max(found, key=lambda prefix: len(prefix.text), default=None)

    def known(self, prefix: Prefix, digits: str, year: int) -> bool:
        """Tell whether a court is known by name and already sat in `year`."""
        if not digits:
            return True
        court = self.courts.get((prefix.text, digits))
        return court is not None and court.valid_from <= date(year, 12, 31)

    def decode(self, field: str) -> tuple[Prefix, str]:
        """Return prefix and digits of a separator's court field; raises RuleError."""
        prefix = self.by_letters.get(field[:2])
        if prefix is None:
            raise RuleError(f"{FILE} has no prefix with these letters", letters=field[:2])
        digits = field[2:]
        if digits == "0000":
            return prefix, ""
        return prefix, digits[:2] if digits.endswith("00") else digits


def encode(prefix: Prefix, digits: str) -> str:
    """Return a court as a separator carries it: `NN00` for two digits, `0000` for none.

    Raises
    ------
    RuleError
        There are not two or four digits, or they end in 00, which no court has.
    """
    if len(digits) not in (0, 2, 4) or digits.endswith("00"):
        raise RuleError(
            "a court has no, two or four digits after its character and they never end in 00"
        )
    return prefix.letters + digits.ljust(4, "0")


def load() -> Courts:
    """Return the courts that come with the package; raises RuleError if they are not valid."""
    return assemble(packaged(FILE))


def assemble(text: str) -> Courts:
    """Return the courts of a TOML text.

    Raises
    ------
    RuleError
        It is not valid, two rows collide, or a court has an unknown prefix or reserved digits.
    """
    tables = read(text, FILE, _Tables)
    unique(FILE, "prefix", [prefix.text for prefix in tables.prefix])
    unique(FILE, "letters", [prefix.letters for prefix in tables.prefix])
    unique(FILE, "court", [court.prefix + court.digits for court in tables.court])
    prefixes = {prefix.text: prefix for prefix in tables.prefix}
    for court in tables.court:
        if court.prefix not in prefixes:
            raise RuleError(f"{FILE} has a court with an unknown prefix", prefix=court.prefix)
        encode(prefixes[court.prefix], court.digits)
    return Courts(
        MappingProxyType(prefixes),
        MappingProxyType({prefix.letters: prefix for prefix in tables.prefix}),
        MappingProxyType({(court.prefix, court.digits): court for court in tables.court}),
    )
